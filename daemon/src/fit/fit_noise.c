#include "fit_noise.h"

#include <math.h>

#include "fit_rule.h"
#include "model_file.h"

int fit_noise_find(const model_params *params, const struct fit_scoring_options *options,
                   model_noise *noise, struct fault *fault)
{
    model_params classic = *params;
    struct fit_rule_result result;
    classic.rule = (model_rule){.kind = MODEL_RULE_REINFORCE};
    for (uint32_t i = 0; i < classic.policy.n; i++) {
        classic.rule.rate[i] = MODEL_FILE_RATE;
    }
    const int rc = fit_rule_fit(&classic, options, &result, fault);
    if (rc == FAULT_NONE && !result.is_stopped) {
        fit_noise_leave_room(classic.policy.n, &classic.noise);
        *noise = classic.noise;
    }
    return rc;
}

void fit_noise_leave_room(uint32_t n, model_noise *noise)
{
    static const double PRIOR_SD = 0.1;
    static const double DRIFT_SD = 1e-3; /* as the built-in random walk has at the least */
    for (uint32_t i = 0; i < n; i++) {
        noise->prior_var[i] = fmax(noise->prior_var[i], PRIOR_SD * PRIOR_SD);
        noise->drift_var[i] = fmax(noise->drift_var[i], DRIFT_SD * DRIFT_SD);
    }
}
