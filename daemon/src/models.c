#include "models.h"

#include <string.h>

#include "prospect.h"

/* A model that is too large for a version of each animal's own is run as it is. */
static int plan(struct models *models, const struct config *config, struct fault *fault)
{
    model_adapt_config adapt;
    if (!config->adaptation.rules) {
        return FAULT_NONE;
    }
    model_adapt_config_init(&adapt);
    adapt.sd_net = config->adaptation.nets ? MODEL_ADAPT_SD_NET : 0.0;
    const int rc = adaptation_plan_open(&models->plan, &adapt, &models->twin.bank, &models->twin,
                                        (size_t)config->adaptation.window_trials, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    models->is_adapted = adaptation_size(&models->plan) <= MODELS_ADAPTATION_BYTES_MAX;
    if (!models->is_adapted) {
        adaptation_plan_close(&models->plan);
    }
    return FAULT_NONE;
}

static int finish(struct models *models, const struct config *config, int rc, struct fault *fault)
{
    model_engagement_default(&models->engagement);
    models->engagement.false_alarms = 1.0 / (double)config->engagement.trials_per_false_alarm;
    model_stack_default(&models->stack);
    models->with_stack = config->adaptation.stack;
    models->with_ahead = config->forecast.enabled;
    if (rc == FAULT_NONE) {
        prospect_bank(&models->ahead, &models->twin.bank);
    }
    if (rc == FAULT_NONE && model_params_built_in(&models->baseline, NULL) != MODEL_OK) {
        rc = fault_set(fault, FAULT_WORK, "the built-in random walk could not be made");
    }
    rc = rc == FAULT_NONE ? plan(models, config, fault) : rc;
    if (rc != FAULT_NONE) {
        models_free(models);
    }
    return rc;
}

static int build(struct models *models, const struct config *config, struct fault *fault)
{
    struct model_spec spec;
    model_spec_init(&spec);
    spec.features = config->model.policy;
    return model_file_build(&spec, &models->twin, fault);
}

int models_load(struct models *models, const struct config *config, struct fault *fault)
{
    memset(models, 0, sizeof *models);
    const int rc = config->model.file[0] != '\0'
                       ? model_file_load(config->model.file, &models->twin, fault)
                       : build(models, config, fault);
    return finish(models, config, rc, fault);
}

int models_load_bytes(struct models *models, const struct config *config, const char *name,
                      const uint8_t *bytes, size_t size, struct fault *fault)
{
    memset(models, 0, sizeof *models);
    const int rc = bytes != NULL ? model_file_parse(name, bytes, size, &models->twin, fault)
                                 : build(models, config, fault);
    return finish(models, config, rc, fault);
}

void models_free(struct models *models)
{
    adaptation_plan_close(&models->plan);
    model_file_free(&models->twin);
    memset(models, 0, sizeof *models);
}

struct learner_models models_view(const struct models *models)
{
    return (struct learner_models){.bank = &models->twin.bank,
                                   .baseline = &models->baseline,
                                   .engagement = &models->engagement,
                                   .stack = models->with_stack ? &models->stack : NULL,
                                   .ahead = models->with_ahead ? &models->ahead : NULL};
}

const struct adaptation_plan *models_plan(const struct models *models)
{
    return models->is_adapted ? &models->plan : NULL;
}
