/* model/bootstrap.h - the uncertainty of a mean over groups: the percentile bootstrap (Efron 1979)
 * of a ratio of sums, resampling whole groups.
 *
 * Groups (animals, sessions) are drawn with replacement as often as there are groups, and the ratio
 * sum of sums / sum of counts is computed for each draw. With few groups the interval is too
 * narrow: docs/model.md, section bootstrap, gives the size.
 * Threads: any, on different objects. Memory: the caller's.
 */
#pragma once

#include <stddef.h>

#include "model/random.h"

/* The ends of the interval that holds 95% of n ratios of resampled groups; n >= 40, ratios[n] is
 * room. counts > 0. NaN with fewer than two groups. RT-safe: no, O(n k). */
void model_bootstrap_ratio(size_t k, const double sums[], const double counts[],
                           model_random *random, size_t n, double ratios[], double *lo, double *hi);
