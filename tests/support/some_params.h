/* some_params.h - parameters that tell each weight, and each vector, apart. */
#pragma once

#include "model/member.h"
#include "some_terms.h"

enum { SOME_WEIGHTS = 3 };

/* Of the policy stimulus_right,stimulus_left,bias. A rule without terms ignores them. */
static inline model_params some_params(model_rule_kind kind, model_filter filter)
{
    model_params p;
    (void)model_params_built_in(&p, "stimulus_right,stimulus_left,bias");
    p.rule.kind = kind;
    p.filter = filter;
    for (int i = 0; i < SOME_WEIGHTS; i++) {
        p.noise.prior_mean[i] = 0.1 * i;
        p.noise.prior_var[i] = 0.5 + 0.2 * i;
        p.noise.drift_var[i] = 0.01 + 0.005 * i;
        p.noise.session_var[i] = 0.2 + 0.1 * i;
        p.rule.rate[i] = 0.1 + 0.05 * i;
        p.rule.baseline[i] = 0.2 - 0.1 * i;
        p.rule.decay[i] = 0.6 + 0.1 * i;
    }
    if (model_rule_of(kind)->has_terms) {
        some_terms_fill(&p.rule); /* with one decay */
    }
    return p;
}

/* For loops over all of them: rule and filter number k of SOME_PAIRS. */
enum { SOME_PAIRS = (int)MODEL_RULES * (int)MODEL_FILTERS };
static inline model_rule_kind some_rule(int k)
{
    return (model_rule_kind)(k % (int)MODEL_RULES);
}
static inline model_filter some_filter(int k)
{
    return (model_filter)(k / (int)MODEL_RULES);
}
