#include "fit_rule.h"

#include <stdlib.h>
#include <string.h>

enum { PASSES_EXPECTED = 15 };

static void hold(model_scoring_config *config, const model_params *params,
                 model_parameter_kind kind)
{
    model_parameter list[MODEL_LIKELIHOOD_MAX];
    const size_t m = model_likelihood_list(params, list);
    for (size_t i = 0; i < m; i++) {
        config->is_held[i] = config->is_held[i] || list[i].kind == kind;
    }
}

static bool has_noise(const model_params *params)
{
    bool has = false;
    for (uint32_t i = 0; i < params->policy.n; i++) {
        has = has || params->noise.drift_var[i] > 0.0 || params->noise.session_var[i] > 0.0;
    }
    return has;
}

/* The likelihood can have a second summit where noise is 0: what is found is held against it. */
static int hold_against_no_noise(struct fit_scoring *f, model_params *params,
                                 const model_scoring_config *config, model_scoring *best,
                                 model_scoring *other, struct fault *fault)
{
    model_params still = *params;
    memset(still.noise.drift_var, 0, sizeof still.noise.drift_var);
    memset(still.noise.session_var, 0, sizeof still.noise.session_var);
    if (!has_noise(params)) {
        return FAULT_NONE;
    }
    const int rc = fit_scoring_climb(f, &still, config, other, fault);
    if (rc == FAULT_NONE && !f->is_stopped && other->objective > best->objective) {
        *params = still;
        *best = *other;
    }
    return rc;
}

int fit_rule_fit(model_params *params, const struct training_set_view *view, bool is_prior_stated,
                 struct thread_pool *team, bool (*tell)(void *context, double done), void *context,
                 struct fit_rule_result *result, struct fault *fault)
{
    struct fit_scoring f;
    model_params found = *params;
    model_scoring_config config;
    model_scoring *scoring = calloc(2, sizeof *scoring);
    model_scoring_config_init(&config, params);
    if (is_prior_stated) {
        hold(&config, params, MODEL_PARAMETER_PRIOR_MEAN);
        hold(&config, params, MODEL_PARAMETER_PRIOR_VAR);
    }
    int rc = scoring != NULL ? fit_scoring_open(&f, view, team, tell, context, fault)
                             : fault_set(fault, FAULT_WORK, "no memory for the fit");
    if (rc == FAULT_NONE) {
        f.n_expected = PASSES_EXPECTED;
        rc = fit_scoring_climb(&f, &found, &config, &scoring[0], fault);
        if (rc == FAULT_NONE && !f.is_stopped) {
            rc = hold_against_no_noise(&f, &found, &config, &scoring[0], &scoring[1], fault);
        }
        *result = (struct fit_rule_result){.log_likelihood = scoring[0].log_likelihood,
                                           .is_stopped = f.is_stopped};
        if (rc == FAULT_NONE && !f.is_stopped) {
            *params = found;
            result->shared = fit_scoring_shared(&f, params);
        }
        if (getenv("PASSES"))
            fprintf(stderr, "passes %u ll %f shared %f\n", f.n_passes, scoring[0].log_likelihood,
                    result->shared);
        fit_scoring_close(&f);
    }
    free(scoring);
    return rc;
}
