/* family_separation.h - what would tell the two most probable families of a comparison apart: how
 * many more trials, and which stimuli.
 *
 * What a family gains on another in log likelihood grows in proportion to the trials; its rate is
 * that of these animals, less what the larger family gains by having more to fit (half a nat a
 * parameter), and its interval resamples animals. Where one family contains the other and nothing
 * shows that it adds to it, evidence for the smaller one grows as half the logarithm of the trials
 * for each parameter more. docs/fit.md, section "Which rule". Threads: any. Memory: the heap,
 * temporarily.
 */
#pragma once

#include "family_comparison.h"

enum { FAMILY_SEPARATION_RESAMPLES = 10000 };

/* A posterior from which on a family counts as told apart from the others. */
#define FAMILY_SEPARATION_TOLD 0.9

enum family_separation_way {
    FAMILY_SEPARATION_NONE,       /* the first is told apart, or there is no other */
    FAMILY_SEPARATION_UNKNOWN,    /* over animals the sign of the gain is not known */
    FAMILY_SEPARATION_GAIN,       /* the first gains on the second */
    FAMILY_SEPARATION_TURN,       /* the second gains on the first, and would overtake it */
    FAMILY_SEPARATION_SIMPLICITY, /* one contains the other, and adds nothing that is seen */
};

struct family_separation {
    enum family_separation_way way;
    uint32_t first, second; /* numbers of families */
    double nats;            /* nats/trial that the first gains on the second */
    double lo, hi;          /* 95%; NaN with fewer than two animals */
    double trials;          /* that would be needed beside these; NaN: not known */
    double contrast;        /* at which they differ most ... */
    double apart;           /* ... by so much of p(right) on average ... */
    double apart_mean;      /* ... and over all the contrasts */
};

/* FAULT_NONE, or FAULT_WORK: no memory. The same seed gives the same interval. */
int family_separation_find(struct family_separation *s, const struct family_comparison *c,
                           uint64_t seed, struct fault *fault);
