#include "kernel.h"

#if MODEL_KERNEL_X86
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
}

bool model_kernel_runs(const model_kernel *kernel)
{
    return kernel == &model_kernel_base || (kernel == &model_kernel_avx2 && has_avx2()) ||
           (kernel == &model_kernel_avx512 && has_avx512());
}

const model_kernel *model_kernel_pick(void)
{
    return has_avx512() ? &model_kernel_avx512
                        : (has_avx2() ? &model_kernel_avx2 : &model_kernel_base);
}
#else
bool model_kernel_runs(const model_kernel *kernel)
{
    return kernel == &model_kernel_base;
}

const model_kernel *model_kernel_pick(void)
{
    return &model_kernel_base;
}
#endif
