#include "active_models.h"

#include <stdlib.h>
#include <string.h>

#include "checksum.h"
#include "lookahead.h"
#include "model/protocol_change.h"
#include "protocol_file.h"
#include "yaml_reader.h"

/* A model that is too large for a version of each animal's own is run as it is. */
static int plan(struct active_models *models, const struct config *config, struct fault *fault)
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
    models->is_adapted = adaptation_size(&models->plan) <= ACTIVE_MODELS_ADAPTATION_BYTES_MAX;
    if (!models->is_adapted) {
        adaptation_plan_close(&models->plan);
    }
    return FAULT_NONE;
}

static int check_advice(const struct config *config, struct fault *fault)
{
    for (size_t i = 0; i < config->advice.allowed.n; i++) {
        model_protocol_change_kind kind;
        if (model_protocol_change_parse(&kind, config->advice.allowed.v[i]) != MODEL_OK) {
            return fault_set(fault, FAULT_INPUT,
                             "advice.allowed: \"%.32s\": a change of docs/advice.md expected",
                             config->advice.allowed.v[i]);
        }
    }
    return FAULT_NONE;
}

static int finish(struct active_models *models, const struct config *config, int rc,
                  struct fault *fault)
{
    model_engagement_default(&models->engagement);
    models->engagement.false_alarms = 1.0 / (double)config->engagement.trials_per_false_alarm;
    model_stacking_default(&models->stack);
    models->with_stack = config->adaptation.stack;
    models->with_ahead = config->forecast.enabled;
    rc = rc ? rc : check_advice(config, fault);
    for (uint32_t i = 0; i < models->twin.bank.n; i++) {
        models->twin.bank.member[i].range.frees_counts = !config->model.hold_counts;
    }
    if (rc == FAULT_NONE) {
        lookahead_bank(&models->ahead, &models->twin.bank);
    }
    if (rc == FAULT_NONE && model_params_built_in(&models->baseline, NULL) != MODEL_OK) {
        rc = fault_set(fault, FAULT_WORK, "the built-in random walk could not be made");
    }
    rc = rc ? rc : plan(models, config, fault);
    if (rc != FAULT_NONE) {
        active_models_free(models);
    }
    return rc;
}

static int build(struct active_models *models, const struct config *config, struct fault *fault)
{
    struct model_spec spec;
    model_spec_init(&spec);
    spec.features = config->model.policy;
    return model_file_build(&spec, &models->twin, fault);
}

int active_models_declare(struct active_models *models, const struct config *config, size_t i,
                          const char *name, const uint8_t *bytes, size_t size, struct fault *fault)
{
    char hash[CHECKSUM_NAME];
    struct protocol_entry entry;
    int rc = protocol_list_at(&config->protocol, i, &entry, fault);
    checksum_name(hash, bytes, size);
    if (rc == FAULT_NONE && entry.hash[0] != '\0' && strcmp(entry.hash, hash) != 0) {
        rc = fault_set(fault, FAULT_INPUT, "%s: its hash is %s, protocol.%s expects %s", name, hash,
                       entry.task[0] != '\0' ? "hashes" : "hash", entry.hash);
    }
    if (rc == FAULT_NONE && models->protocols == NULL) {
        models->protocols = calloc(1, sizeof *models->protocols);
        rc = models->protocols != NULL ? FAULT_NONE
                                       : fault_set(fault, FAULT_WORK, "%s: no memory", name);
    }
    if (rc == FAULT_NONE && models->protocols->n == PROTOCOL_LIST_MAX) {
        rc = fault_set(fault, FAULT_INPUT, "%s: too many protocols", name);
    }
    return rc ? rc
              : audit_protocols_add(models->protocols, entry.task, name, bytes, size,
                                    (double)config->protocol.sessions_per_alarm, fault);
}

void active_models_note(const struct active_models *models, struct config_protocol *config)
{
    for (uint32_t i = 0; models->protocols != NULL && i < models->protocols->n; i++) {
        protocol_list_note(config, i, models->protocols->v[i].hash);
    }
}

static int load_protocol(struct active_models *models, const struct config *config, size_t i,
                         struct fault *fault)
{
    uint8_t *text = NULL;
    size_t size = 0;
    struct protocol_entry entry;
    int rc = protocol_list_at(&config->protocol, i, &entry, fault);
    rc = rc ? rc
            : yaml_reader_load(entry.file, PROTOCOL_FILE_BYTES_MAX, FILE_KIND_PROTOCOL, &text,
                               &size, fault);
    rc = rc ? rc : active_models_declare(models, config, i, entry.file, text, size, fault);
    free(text);
    return rc;
}

int active_models_load(struct active_models *models, const struct config *config,
                       struct fault *fault)
{
    memset(models, 0, sizeof *models);
    int rc = config->model.file[0] != '\0'
                 ? model_file_load(config->model.file, &models->twin, fault)
                 : build(models, config, fault);
    for (size_t i = 0; rc == FAULT_NONE && i < protocol_list_n(&config->protocol); i++) {
        rc = load_protocol(models, config, i, fault);
    }
    return finish(models, config, rc, fault);
}

int active_models_load_bytes(struct active_models *models, const struct config *config,
                             const char *name, const uint8_t *bytes, size_t size,
                             struct fault *fault)
{
    memset(models, 0, sizeof *models);
    const int rc = bytes != NULL ? model_file_parse(name, bytes, size, &models->twin, fault)
                                 : build(models, config, fault);
    return finish(models, config, rc, fault);
}

void active_models_free(struct active_models *models)
{
    adaptation_plan_close(&models->plan);
    model_file_free(&models->twin);
    free(models->protocols);
    memset(models, 0, sizeof *models);
}

struct twin_models active_models_view(const struct active_models *models)
{
    return (struct twin_models){.bank = &models->twin.bank,
                                .baseline = &models->baseline,
                                .engagement = &models->engagement,
                                .protocols = models->protocols,
                                .stack = models->with_stack ? &models->stack : NULL,
                                .ahead = models->with_ahead ? &models->ahead : NULL};
}

const struct adaptation_plan *active_models_plan(const struct active_models *models)
{
    return models->is_adapted ? &models->plan : NULL;
}
