/* filter_kernel.h - what filter.h says of FILTER_LANES logits side by side, one a lane: those
 * of different stimuli under the same weights.
 *
 * filter_kernel.c is compiled once a processor level, each time with strict floating point: a lane
 * says the same bits as the function of filter.h for it alone, on every processor.
 * Threads: any. Memory: the caller's. RT-safe: all of it.
 */
#pragma once

#include <stddef.h>

enum { FILTER_LANES = 8 };

typedef struct {
    double at[FILTER_LANES];
} filter_row;

typedef struct {
    const char *name;

    /* out = w[n] . g */
    void (*dot)(size_t n, const double w[], const filter_row g[], filter_row *out);

    /* filter_logit(), w[n] and P[n * n]: mean holds the shift and becomes the mean. */
    void (*logit)(size_t n, const double w[], const double P[], const filter_row g[],
                  filter_row *mean, filter_row *var);

    /* filter_forecast() */
    void (*forecast)(const filter_row *mean, const filter_row *var, filter_row *p);

    /* filter_interval() of the first n lanes: lo[n], hi[n]; either may be NULL. */
    void (*interval)(size_t n, const filter_row *mean, const filter_row *var, double lo[],
                     double hi[]);
} filter_kernel;

/* Runs on every processor of the architecture; kernel_levels.h knows the others. */
extern const filter_kernel filter_kernel_base;

/* The kernels that this processor runs, best first; NULL past the last. */
const filter_kernel *filter_kernel_at(size_t i);
