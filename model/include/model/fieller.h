/* model/fieller.h - which of two things is larger in size, when draws are all that is known of
 * them: the index (A - B) / (A + B), -1 to 1, with an interval.
 *
 * A ratio of what may be 0 is not known, however alike the ratios of the draws are: they are then
 * those of the prior. So a value of the index is left out only if the difference that is 0 at it,
 * A (1 - index) - B (1 + index), is not 0 in the draws (Fieller 1954, J. R. Stat. Soc. B 16, for
 * normal variables). Where A may be 0 the interval reaches -1, and where B may be, 1. A and B are
 * sums of sizes of parts. A part counts with the sign of its mean; if that sign is not known, its
 * size may be less by twice the mean, since sizes of what is about 0 add up to more than 0.
 * Threads: any. Memory: the caller's; nothing allocates. RT-safe: no, some 1e5 steps.
 */
#pragma once

#include <stddef.h>

enum { MODEL_FIELLER_DRAWS_MAX = 256 };

typedef struct {
    double index; /* of the means; NaN where all are 0 */
    double lo, hi;
} model_fieller;

/* a, b (n, m): joint draws of the m parts of A and of B; n is 1 to MODEL_FIELLER_DRAWS_MAX. chance:
 * of the interval, two-sided. lo <= index <= hi; all NaN if the index is. */
model_fieller model_fieller_index(size_t n, size_t m, const double a[], const double b[],
                                  double chance);
