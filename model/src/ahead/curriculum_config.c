#include <math.h>

#include "alignmax.h"
#include "checks.h"
#include "model/curriculum.h"

#define CURRICULUM_NAME(NAME, name, help) #name,
#define CURRICULUM_HELP(NAME, name, help) help,
static const char *const NAMES[] = {MODEL_CURRICULUM_WHY_LIST(CURRICULUM_NAME)};
static const char *const HELPS[] = {MODEL_CURRICULUM_WHY_LIST(CURRICULUM_HELP)};

const char *model_curriculum_why_name(model_curriculum_why why)
{
    return (unsigned)why < MODEL_CURRICULUM_WHYS ? NAMES[why] : NULL;
}

const char *model_curriculum_why_text(model_curriculum_why why)
{
    return (unsigned)why < MODEL_CURRICULUM_WHYS ? HELPS[why] : NULL;
}

void model_curriculum_default(model_curriculum_config *config)
{
    *config = (model_curriculum_config){.largest_change = 0.5,
                                        .reward_floor = 0.6,
                                        .reward_price = 0.08,
                                        .least_gain = 0.001,
                                        .noise = 2.0,
                                        .least_learning = 0.75,
                                        .p_learning = 0.75,
                                        .goal = MODEL_ALIGNMAX_GOAL,
                                        .horizon = 200,
                                        .first = 64,
                                        .rollouts = 192};
    for (int i = 0; i < MODEL_PROTOCOL_CHANGES; i++) {
        config->allowed[i] = true;
    }
    model_rollout_tuning_init(&config->tuning);
    config->tuning.reversion[0] = config->tuning.reversion[1] = 0.0; /* a bias is to be trained */
}

int model_curriculum_check(const model_curriculum_config *config)
{
    const bool ok =
        is_within(config->largest_change, 0.0, 1.0) && is_within(config->reward_floor, 0.0, 1.0) &&
        is_within(config->least_gain, 0.0, 1.0) && is_within(config->reward_price, 0.0, 1.0) &&
        is_within(config->least_learning, 0.0, 1.0) && config->p_learning > 0.0 &&
        config->p_learning < 1.0 && config->noise >= 0.0 && isfinite(config->noise) &&
        config->goal > 0.0 && config->goal <= MODEL_MEAN_MAX && config->horizon >= 1 &&
        config->horizon <= MODEL_CURRICULUM_HORIZON_MAX && config->first >= 2 &&
        config->first <= config->rollouts && config->rollouts <= MODEL_CURRICULUM_ROLLOUTS_MAX;
    return ok ? model_rollout_tuning_check(&config->tuning) : MODEL_ERR_ARG;
}
