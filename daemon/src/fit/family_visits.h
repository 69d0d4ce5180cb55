/* family_visits.h - states that animals were in, as the filter with a rule follows them: some
 * trials of each, evenly spread.
 *
 * Of each such trial what a step of a rule starts from is kept, and how far two rules differ there
 * in what they predict of each stimulus. Threads: one owner, which lends its pool. Memory: the
 * heap; family_visits_close(), also of a zeroed one.
 */
#pragma once

#include "thread_pool.h"
#include "training_set.h"

/* Signed contrasts at which the two rules are asked; states in all, or one an animal. */
enum { FAMILY_VISITS_STIMULI = 11, FAMILY_VISITS_MAX = 512 };

struct family_visit {
    double w[MODEL_WEIGHTS_MAX];
    double g[MODEL_WEIGHTS_MAX];         /* of the trial */
    model_rule_state state;              /* before it */
    model_rule_trial trial;              /* as it was */
    double apart[FAMILY_VISITS_STIMULI]; /* |difference of p(right)| */
};

struct family_visits {
    size_t n;
    struct family_visit *visit; /* (n), by animal and trial */
};

/* Signed contrast i < FAMILY_VISITS_STIMULI, rising from -1 to 1. */
double family_visits_stimulus(size_t i);

/* Follows every animal by *first, and beside it by *second, both of one policy. team NULL: on this
 * thread. FAULT_NONE, or FAULT_WORK with *v zeroed. */
int family_visits_open(struct family_visits *v, const struct training_set *training,
                       const model_params *first, const model_params *second,
                       struct thread_pool *team, struct fault *fault);

void family_visits_close(struct family_visits *v);
