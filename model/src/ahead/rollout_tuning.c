#include "model/rollout_tuning.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "model/rule.h"

void model_rollout_tuning_init(model_rollout_tuning *tuning)
{
    *tuning = (model_rollout_tuning){.trust = 0.3,
                                     .drift = {0.3, 1.0},
                                     .session = {0.3, 1.0},
                                     .reversion = {0.0, 0.002},
                                     .pace_sd = 0.0};
    for (int kind = 0; kind < MODEL_RULES; kind++) {
        tuning->prior[kind] = model_rule_of((model_rule_kind)kind)->prior;
    }
}

static bool is_size(double value)
{
    return value >= 0.0 && isfinite(value);
}

int model_rollout_tuning_check(const model_rollout_tuning *tuning)
{
    double sum = 0.0;
    bool ok = is_size(tuning->trust) && is_size(tuning->pace_sd) && tuning->trust <= 1.0;
    for (size_t i = 0; i < 2; i++) {
        ok = ok && is_size(tuning->drift[i]) && is_size(tuning->session[i]) &&
             is_size(tuning->reversion[i]) && tuning->reversion[i] <= 1.0;
    }
    for (size_t i = 0; i < MODEL_RULES; i++) {
        ok = ok && is_size(tuning->prior[i]);
        sum += tuning->prior[i];
    }
    return ok && sum > 0.0 ? MODEL_OK : MODEL_ERR_ARG;
}
