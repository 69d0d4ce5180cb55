/* sample.h - what n values have in common, n at least 1.
 *
 * Threads: any. Memory: in place, where qsort() may allocate. RT-safe: all of it.
 */
#pragma once

#include <stddef.h>

/* Ascending; none is NaN. */
void sample_sort(size_t n, double v[]);

double sample_mean(size_t n, const double value[]);

/* Standard error of their mean; infinite for one value. */
double sample_error(size_t n, const double value[], double mean);

/* The ends of what holds 90% of them; they are sorted. */
void sample_span(size_t n, double value[], double *lo, double *hi);

/* p of 0..1, between neighbours in proportion. */
double sample_quantile(size_t n, const double sorted[], double p);
