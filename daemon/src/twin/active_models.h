/* active_models.h - the models in force: the twin's, from a file or built in, the random walk as
 * its baseline, the parameters of engagement and of stacking, and the protocol that rigs are
 * declared to follow.
 *
 * Threads: one owner while loading; afterwards read by all. Memory: owned; active_models_free().
 */
#pragma once

#include "adaptation.h"
#include "config.h"
#include "model_file.h"
#include "twin.h"

struct active_models {
    struct model_file twin;
    model_params baseline;
    model_engagement_params engagement;
    struct audit_protocols *protocols; /* that are declared; NULL: none */
    model_stacking_params stack;
    bool with_stack;
    model_bank_params ahead;
    bool with_ahead;
    bool is_adapted;
    struct adaptation_plan plan; /* if is_adapted */
};

/* Most that an animal's own parameters may take: with its state, an animal stays below 2 MiB. */
enum { ACTIVE_MODELS_ADAPTATION_BYTES_MAX = 3 * 512 * 1024 };

/* Loads what the configuration names, the protocol included. FAULT_NONE, FAULT_INPUT or FAULT_WORK.
 */
int active_models_load(struct active_models *models, const struct config *config,
                       struct fault *fault);

/* The same with the bytes of a model file, as kept in a journal; NULL: the built-in. Declares no
 * protocol. */
int active_models_load_bytes(struct active_models *models, const struct config *config,
                             const char *name, const uint8_t *bytes, size_t size,
                             struct fault *fault);

/* Declares protocol number i of the configuration, by the bytes of its file, as kept in a journal;
 * in their order. FAULT_NONE, FAULT_INPUT or FAULT_WORK, and *models as it was. */
int active_models_declare(struct active_models *models, const struct config *config, size_t i,
                          const char *name, const uint8_t *bytes, size_t size, struct fault *fault);

/* Notes in the configuration which files they were read from. */
void active_models_note(const struct active_models *models, struct config_protocol *config);

void active_models_free(struct active_models *models);

/* As a subjects takes them. The plan is NULL if nothing is adapted: because the configuration says
 * so, or since the model is too large. */
struct twin_models active_models_view(const struct active_models *models);
const struct adaptation_plan *active_models_plan(const struct active_models *models);
