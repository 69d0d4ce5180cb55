/* fit_kernel.h - what training does to each number between the products, in single precision.
 *
 * fit_kernel.c is compiled once a processor level, with relaxed floating point. Threads: any.
 * Memory: the caller's.
 */
#pragma once

#include <stddef.h>

typedef struct {
    const char *name;

    /* GRU gates of one animal. gates[4 ld] = the sums n_in, r, z, n_h before; n, r, z, n_h after.
     * h[ld] = (1 - z) n + z h_before. */
    void (*gates)(size_t ld, float gates[], const float h_before[], float h[]);

    /* gates[4 ld] as gates() left them; dh[ld] the derivative by h. After: derivatives by the four
     * sums, and dh what reaches h_before past the gates. */
    void (*gates_back)(size_t ld, float gates[], const float h_before[], float dh[]);

    /* d[n] = 0 where a[n], rectified, is 0. */
    void (*rectify_back)(size_t n, const float a[], float d[]);
} fit_kernel;

/* Runs on every processor of the architecture; kernel_levels.h knows the others. */
extern const fit_kernel fit_kernel_base;

/* The kernels that this processor runs, best first; NULL past the last. */
const fit_kernel *fit_kernel_at(size_t i);
