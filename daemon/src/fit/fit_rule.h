/* fit_rule.h - a rule without a net, fitted in the filter: its rates, the noise and the prior that
 * the animals' choices are most likely under.
 *
 * Maths: docs/model.md, section scoring. Threads: the caller's pool. Memory: the heap, temporarily.
 */
#pragma once

#include "fit_scoring.h"

struct fit_rule_result {
    double log_likelihood; /* nats, all trials of the view */
    double shared;         /* fit_scoring_shared() */
    bool is_stopped;       /* told to: params are as they were */
};

/* Fits *params, whose policy and rule are set and whose other values are where the search starts.
 * The prior is held where is_prior_stated. FAULT_NONE, or FAULT_WORK with *params as they were. */
int fit_rule_fit(model_params *params, const struct training_set_view *view, bool is_prior_stated,
                 struct thread_pool *team, bool (*tell)(void *context, double done), void *context,
                 struct fit_rule_result *result, struct fault *fault);
