#include "filter_kernel.h"
#include "fit_kernel.h"
#include "herd_kernel.h"
#include "kernel.h"

/* By level, the one for all processors first; a processor that runs a level runs those below. */
#if defined(MODEL_KERNEL_X86) && MODEL_KERNEL_X86
extern const model_kernel model_kernel_avx2;
extern const model_kernel model_kernel_avx512;
extern const fit_kernel fit_kernel_avx2;
extern const fit_kernel fit_kernel_avx512;
extern const herd_kernel herd_kernel_avx2;
extern const herd_kernel herd_kernel_avx512;
extern const filter_kernel filter_kernel_avx2;
extern const filter_kernel filter_kernel_avx512;
static const model_kernel *const NET[] = {&model_kernel_base, &model_kernel_avx2,
                                          &model_kernel_avx512};
static const fit_kernel *const FIT[] = {&fit_kernel_base, &fit_kernel_avx2, &fit_kernel_avx512};
static const herd_kernel *const HERD[] = {&herd_kernel_base, &herd_kernel_avx2,
                                          &herd_kernel_avx512};
static const filter_kernel *const FILTER[] = {&filter_kernel_base, &filter_kernel_avx2,
                                              &filter_kernel_avx512};

static size_t levels(void)
{
    const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool has_avx512 =
        has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
    return has_avx512 ? 3 : has_avx2 ? 2 : 1;
}
#else
static const model_kernel *const NET[] = {&model_kernel_base};
static const fit_kernel *const FIT[] = {&fit_kernel_base};
static const herd_kernel *const HERD[] = {&herd_kernel_base};
static const filter_kernel *const FILTER[] = {&filter_kernel_base};

static size_t levels(void)
{
    return 1;
}
#endif

const model_kernel *model_kernel_at(size_t i)
{
    const size_t n = levels();
    return i < n ? NET[n - 1 - i] : NULL;
}

const fit_kernel *fit_kernel_at(size_t i)
{
    const size_t n = levels();
    return i < n ? FIT[n - 1 - i] : NULL;
}

const herd_kernel *herd_kernel_at(size_t i)
{
    const size_t n = levels();
    return i < n ? HERD[n - 1 - i] : NULL;
}

const filter_kernel *filter_kernel_at(size_t i)
{
    const size_t n = levels();
    return i < n ? FILTER[n - 1 - i] : NULL;
}
