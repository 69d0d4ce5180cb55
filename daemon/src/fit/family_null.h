/* family_null.h - what animals that learn nothing would show: virtual mice with the animals'
 * trials, prior and noise, and no rule, to which the same families are fitted.
 *
 * The filter is an approximation: where weights vary much between trials or sessions, a rule makes
 * up for some of its error, and gains on none although nothing was learned. This is measured here,
 * so that no more is said of the animals than they show beyond it. Threads: one owner, which lends
 * its pool. Memory: the heap, temporarily.
 */
#pragma once

#include "family_comparison.h"

/* What the most probable family gains on none in log likelihood, nats over all trials. */
struct family_null {
    double gain;    /* of the animals; 0 where none is the most probable */
    double without; /* of the mice that learn nothing */
    bool is_stopped;
};

/* Whether the animals' gain is clearly above that of the mice: one and a half of it, and 3
 * nats. */
bool family_null_is_beaten(const struct family_null *n);

/* options: those of the comparison, whose families have none. They are drawn by the seed.
 * FAULT_NONE, also when told to stop, or FAULT_WORK. The same bits on any number of threads. */
int family_null_find(struct family_null *n, const struct family_comparison *c,
                     const struct fit_scoring_options *options, struct fault *fault);
