#include "fit_rule.h"

#include <stdlib.h>

enum { PASSES_EXPECTED = 15 };

static int fit_rates(model_params *params, const struct fit_scoring_options *options,
                     struct fit_rule_result *result, struct fault *fault)
{
    struct fit_scoring f = {0};
    model_params found = *params;
    model_scoring_config config;
    model_scoring *scoring = calloc(2, sizeof *scoring);
    int rc = scoring != NULL ? fit_scoring_open(&f, options, PASSES_EXPECTED, fault)
                             : fault_set(fault, FAULT_WORK, "no memory for the fit");
    if (rc == FAULT_NONE) {
        fit_scoring_configure(options, params, 1.0, &config);
        rc = fit_scoring_climb_twice(&f, &found, &config, &scoring[0], &scoring[1], fault);
        result->is_stopped = f.is_stopped;
    }
    if (rc == FAULT_NONE && !f.is_stopped) {
        *params = found;
    }
    fit_scoring_close(&f);
    free(scoring);
    return rc;
}

int fit_rule_fit(model_params *params, const struct fit_scoring_options *options,
                 struct fit_rule_result *result, struct fault *fault)
{
    *result = (struct fit_rule_result){0};
    if (!model_rule_of(params->rule.kind)->has_terms) {
        return fit_rates(params, options, result, fault);
    }
    const int rc = fit_basis_fit(params, options, &result->basis, fault);
    result->is_stopped = result->basis.is_stopped;
    return rc;
}
