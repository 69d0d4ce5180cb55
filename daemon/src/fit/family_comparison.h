/* family_comparison.h - which families of rules the animals of a table follow: all of them
 * together, and each alone.
 *
 * fit_basis.h fits the families to all animals and weighs them. Each animal is then judged by these
 * fits: its posterior is proportional to a family's prior times the likelihood of this animal's
 * choices. It shows how far animals are alike; it is no fit of one animal, and the fits have seen
 * the animal. Beside it: how long the steps of the rules that were drawn are after an error and
 * after a correct trial, in states that the animals were in (family_visits.h). docs/fit.md, section
 * "Which rule". Threads: one owner, which lends its pool. Memory: the heap;
 * family_comparison_close(), also of a zeroed one.
 */
#pragma once

#include "family_visits.h"
#include "fit_basis.h"

struct family_animal {
    size_t n;                                      /* choices */
    double log_likelihood[FIT_BASIS_FAMILIES_MAX]; /* nats */
    double posterior[FIT_BASIS_FAMILIES_MAX];
};

/* By the draws: of their mean steps, and the 90% interval (model/fieller.h). */
struct family_interval {
    double lo, value, hi;
};

struct family_comparison {
    const struct training_set *training; /* the caller's */
    struct fit_basis_result fit;
    uint32_t n_weights;                     /* of the policy */
    struct family_animal *animal;           /* by number */
    uint32_t order[FIT_BASIS_FAMILIES_MAX]; /* families, the most probable first */
    /* (size of the mean step after a correct trial - after an error) / their sum: 1 where only
     * correct trials teach, -1 where only errors do. NaN where nothing moves. */
    struct family_interval asymmetry;
    /* Of the first two of order: mean |difference of p(right)| by stimulus; 0 with one family. */
    double apart[FAMILY_VISITS_STIMULI];
    bool is_stopped; /* told to; nothing else is filled in */
};

/* options->view: of all animals, without mirrors, by the policy of *params. FAULT_NONE, also when
 * told to stop, or FAULT_WORK with *c zeroed. The same bits on any number of threads. */
int family_comparison_open(struct family_comparison *c, const struct training_set *training,
                           const model_params *params, const struct fit_scoring_options *options,
                           struct fault *fault);

void family_comparison_close(struct family_comparison *c);
