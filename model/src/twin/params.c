#include <float.h>

#include "checks.h"
#include "model/member.h"

/* Variances of the built-in random walk, set once for all animals: docs/model.md, section filter,
 * says how they were found. */
#define NOISE_LIST(X)                                                                              \
    /*  feature         prior  drift   session */                                                  \
    X(STIMULUS, 4.0, 9e-5, 0.04)                                                                   \
    X(STIMULUS_RIGHT, 4.0, 4e-4, 0.1)                                                              \
    X(STIMULUS_LEFT, 4.0, 4e-4, 0.1)                                                               \
    X(BIAS, 4.0, 8.5e-3, 1.1)                                                                      \
    X(PREV_CHOICE, 0.0625, 1e-6, 1e-3)                                                             \
    X(PREV_STIMULUS, 0.0625, 2e-6, 2.5e-3)                                                         \
    X(WIN_STAY, 0.0625, 1e-6, 3.5e-3)                                                              \
    X(LOSE_SWITCH, 0.0625, 8e-6, 3e-4)                                                             \
    X(CHOICE_TRACE, 0.25, 2e-5, 0.05)

static const struct {
    double prior_var;
    double drift_var;
    double session_var;
} NOISE[MODEL_FEATURES] = {
#define NOISE_ROW(NAME, prior, drift, session) [MODEL_FEATURE_##NAME] = {prior, drift, session},
    NOISE_LIST(NOISE_ROW)
#undef NOISE_ROW
};

#define NOISE_ONE(NAME, prior, drift, session) +1
_Static_assert(0 NOISE_LIST(NOISE_ONE) == MODEL_FEATURES, "variances for each");
#undef NOISE_ONE

int model_params_built_in(model_params *out, const char *features)
{
    model_params params = {.rule = {.kind = MODEL_RULE_NONE}};
    const int status =
        model_policy_parse(&params.policy, features != NULL ? features : MODEL_POLICY_USUAL);
    if (status != MODEL_OK) {
        return status;
    }
    for (uint32_t i = 0; i < params.policy.n; i++) {
        const model_feature feature = params.policy.feature[i];
        params.noise.prior_var[i] = NOISE[feature].prior_var;
        params.noise.drift_var[i] = NOISE[feature].drift_var;
        params.noise.session_var[i] = NOISE[feature].session_var;
    }
    *out = params;
    return MODEL_OK;
}

static bool rule_is_valid(const model_rule *rule, uint32_t n)
{
    bool ok = is_within(rule->memory, 0.0, 1.0);
    for (uint32_t i = 0; i < n; i++) {
        ok = ok && is_within(rule->rate[i], -MODEL_RATE_MAX, MODEL_RATE_MAX) &&
             is_within(rule->baseline[i], -MODEL_RATE_MAX, MODEL_RATE_MAX) &&
             is_within(rule->decay[i], 0.0, 1.0) &&
             is_within(rule->coefficient[MODEL_BASIS_FORGETTING][i], -1.0, 1.0);
        for (size_t k = 0; k < MODEL_BASIS_FORGETTING; k++) {
            ok = ok && is_within(rule->coefficient[k][i], -MODEL_RATE_MAX, MODEL_RATE_MAX);
        }
    }
    return ok;
}

static int check(const model_params *params, double prior_least)
{
    if (model_filter_name(params->filter) == NULL || !model_policy_is_valid(&params->policy) ||
        !model_rule_fits(&params->rule, params->policy.n) ||
        !rule_is_valid(&params->rule, params->policy.n)) {
        return MODEL_ERR_ARG;
    }
    if (params->range.is_known &&
        !model_range_is_valid(&params->range, &params->rule, params->policy.n)) {
        return MODEL_ERR_ARG;
    }
    const model_noise *noise = &params->noise;
    for (uint32_t i = 0; i < params->policy.n; i++) {
        if (!is_within(noise->prior_mean[i], -MODEL_MEAN_MAX, MODEL_MEAN_MAX) ||
            !is_within(noise->prior_var[i], prior_least, MODEL_VAR_MAX) ||
            !is_within(noise->drift_var[i], 0.0, MODEL_VAR_MAX) ||
            !is_within(noise->session_var[i], 0.0, MODEL_VAR_MAX)) {
            return MODEL_ERR_ARG;
        }
    }
    return MODEL_OK;
}

int model_params_check(const model_params *params)
{
    return check(params, DBL_MIN);
}

int model_params_check_animal(const model_params *params)
{
    return check(params, 0.0);
}
