/* fit_basis.h - the rule basis, fitted in the filter: which families of rules explain the animals,
 * and what the animals leave unknown of the rule.
 *
 * A family is a set of terms of model/basis.h that may be other than 0: no rule, each classic rule,
 * the best of them with one thing added, all terms. Each is fitted, and its evidence weighs it: the
 * rule that is found is an average over all of them. Its intervals are of other, wider families: an
 * average would be sure of the simplest that the animals do not rule out. Maths: docs/model.md,
 * section posterior. Threads: the caller's pool. Memory: the heap; the result is the caller's.
 */
#pragma once

#include "fit_scoring.h"

enum { FIT_BASIS_DRAWS = 1000, FIT_BASIS_FAMILIES_MAX = 16, FIT_BASIS_NAME_BYTES = 48 };

struct fit_basis_family {
    char name[FIT_BASIS_NAME_BYTES];
    uint32_t terms;        /* bit k: term k may be other than 0 */
    double prior;          /* chance before the animals, up to a factor */
    uint32_t n_own;        /* parameters of the rule that the animals tell of */
    double log_likelihood; /* nats, all trials */
    double log_evidence;   /* tempered by what animals share, less doubt */
    double doubt;          /* nats by which its draws explain the animals less than they should */
    double posterior;      /* chance after them */
    model_params params;
};

struct fit_basis_result {
    double shared; /* fit_scoring_shared() of the best rule of one rate */
    bool is_stopped;
    uint32_t n_families;
    struct fit_basis_family family[FIT_BASIS_FAMILIES_MAX];
    uint32_t best; /* the family with the most evidence */
    size_t n_rule; /* parameters of the rule, before those of noise and prior */
    /* What intervals are of: (FIT_BASIS_DRAWS, n_rule), values as model/likelihood.h has them, from
     * the wider families; from all, by their chances, where basis was not asked for. */
    double *draws;
};

/* *params: policy set, noise and prior where the search starts; becomes rule basis, its
 * coefficients the average over families, its noise and prior the best family's. The result is to
 * be freed, also after a fault. FAULT_NONE, or FAULT_WORK with *params as they were. */
int fit_basis_fit(model_params *params, const struct fit_scoring_options *options,
                  struct fit_basis_result *result, struct fault *fault);

/* A zeroed one is fine. */
void fit_basis_free(struct fit_basis_result *result);
