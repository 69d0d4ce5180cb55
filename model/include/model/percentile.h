/* model/percentile.h - percentiles of values: where the sorted values stand, linear in between.
 *
 * Threads: any. Memory: the caller's. RT-safe: no, sorting is O(n log n).
 */
#pragma once

#include <stddef.h>

/* Sorts values[n], rising; none is NaN. */
void model_percentile_sort(size_t n, double values[]);

/* The value that a share (0..1) of n >= 1 sorted values lies below: at place share (n - 1) from 0,
 * linear between two. INFINITY between a number and INFINITY. */
double model_percentile(size_t n, const double sorted[], double share);
