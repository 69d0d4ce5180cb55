/* histogram.h - a distribution of durations in fixed memory: quantiles to within 4%.
 *
 * Threads: one owner. Memory: the struct; zeroed is empty. RT-safe: all of it.
 */
#pragma once

#include <stdint.h>

enum { HISTOGRAM_BINS = 640 };

struct histogram {
    int64_t n;
    int64_t bins[HISTOGRAM_BINS]; /* 16 to an octave, from 1 ns */
};

void histogram_push(struct histogram *h, int64_t ns);

/* The duration in ns that a share q (0..1) lies below; NaN when empty. */
double histogram_quantile(const struct histogram *h, double q);
