/* fit_rule.h - a rule without a net, fitted in the filter: what of its parameters, the noise and
 * the prior the animals' choices are most likely under, and for basis what they leave unknown.
 *
 * Maths: docs/model.md, sections scoring and posterior. Threads: the caller's pool. Memory: the
 * heap, temporarily; the draws of basis are the caller's.
 */
#pragma once

#include "fit_basis.h"

struct fit_rule_result {
    bool is_stopped; /* told to: params are as they were */
    struct fit_basis_result
        basis; /* of rule basis; its draws are to be freed, also after a fault */
};

/* Fits *params, whose policy and rule are set and whose other values are where the search starts.
 * FAULT_NONE, or FAULT_WORK with *params as they were. */
int fit_rule_fit(model_params *params, const struct fit_scoring_options *options,
                 struct fit_rule_result *result, struct fault *fault);
