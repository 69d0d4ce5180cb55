#include "kernel.h"

/* Best first. */
#if defined(MODEL_KERNEL_X86) && MODEL_KERNEL_X86
extern const model_kernel model_kernel_avx2;
extern const model_kernel model_kernel_avx512;

static size_t list(const model_kernel *kernels[])
{
    size_t n = 0;
    const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")) {
        kernels[n++] = &model_kernel_avx512;
    }
    if (has_avx2) {
        kernels[n++] = &model_kernel_avx2;
    }
    kernels[n++] = &model_kernel_base;
    return n;
}
#else
static size_t list(const model_kernel *kernels[])
{
    kernels[0] = &model_kernel_base;
    return 1;
}
#endif

const model_kernel *model_kernel_at(size_t i)
{
    const model_kernel *kernels[MODEL_KERNELS_MAX];
    return i < list(kernels) ? kernels[i] : NULL;
}
