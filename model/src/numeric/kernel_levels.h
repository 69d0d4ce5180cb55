/* kernel_levels.h - inner loops are compiled once for each level of processor; which of them runs
 * here.
 *
 * Threads: any. Memory: none. RT-safe: yes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#if defined(MODEL_KERNEL_X86) && MODEL_KERNEL_X86
static inline size_t kernel_levels(void)
{
    const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool has_avx512 =
        has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
    return has_avx512 ? 3 : has_avx2 ? 2 : 1;
}

/* Defines kernel##_at(i), the i-th best that this processor runs, from the best; NULL after the
 * last. A processor that runs a level runs those below. */
#define KERNEL_LEVELS(kernel)                                                                      \
    extern const kernel kernel##_avx2;                                                             \
    extern const kernel kernel##_avx512;                                                           \
    const kernel *kernel##_at(size_t i)                                                            \
    {                                                                                              \
        static const kernel *const LEVELS[] = {&kernel##_base, &kernel##_avx2, &kernel##_avx512};  \
        const size_t n = kernel_levels();                                                          \
        return i < n ? LEVELS[n - 1 - i] : NULL;                                                   \
    }
#else
#define KERNEL_LEVELS(kernel)                                                                      \
    const kernel *kernel##_at(size_t i)                                                            \
    {                                                                                              \
        return i < 1 ? &kernel##_base : NULL;                                                      \
    }
#endif

/* Defines the kernel of the level that a file is compiled for: its name, then its functions. */
#define KERNEL_LEVEL(kernel, ...)        KERNEL_NAMED(kernel, MODEL_KERNEL, __VA_ARGS__)
#define KERNEL_NAMED(kernel, level, ...) KERNEL_TABLE(kernel, level, __VA_ARGS__)
#define KERNEL_TABLE(kernel, level, ...)                                                           \
    extern const kernel kernel##_##level;                                                          \
    const kernel kernel##_##level = {#level, __VA_ARGS__};
