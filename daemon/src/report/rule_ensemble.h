/* rule_ensemble.h - what is known of a learning rule: models of one rule and one policy, or the
 * draws from the posterior of one, each probed (model/rule_probe.h) at the same weights.
 *
 * Draws of a posterior and models fitted to bootstrapped animals have percentiles, which say what
 * the animals leave unknown. Models from several seeds have Student's t of their mean, which shows
 * the variation between seeds alone. Maths: docs/model.md, section rule_probe. Threads: one owner.
 * Memory: owned.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "fault.h"
#include "model/rule_probe.h"
#include "model_file.h"

enum {
    RULE_ENSEMBLE_MODELS_MAX = 64,
    RULE_ENSEMBLE_MEMBERS_MAX = MODEL_FILE_DRAWS,
    RULE_ENSEMBLE_STATES_MAX = MODEL_FILE_VISITED,
    RULE_ENSEMBLE_NAME_BYTES = 256,
    RULE_ENSEMBLE_MISSING_MAX = 8
};

#define RULE_ENSEMBLE_CHANCE 0.90
#define RULE_ENSEMBLE_WIDTH_MAX                                                                    \
    1.0 /* of an index's interval; a wider one says that it is unknown */

/* What the intervals are of. */
enum rule_ensemble_interval {
    RULE_ENSEMBLE_NONE,
    RULE_ENSEMBLE_SEEDS,
    RULE_ENSEMBLE_BOOTSTRAP,
    RULE_ENSEMBLE_POSTERIOR
};

struct rule_ensemble_model {
    const model_params *params;
    const struct model_file_fit *fit;
    char path[RULE_ENSEMBLE_NAME_BYTES]; /* of a bank's member also its number there, from 0 */
    const char *hash;                    /* of its file */
};

/* States that are shown as one. */
struct rule_ensemble_place {
    const char *name;
    uint32_t first;
    uint32_t n;
};

/* lo and hi: NaN without an interval. */
struct rule_ensemble_value {
    double mean;
    double lo;
    double hi;
};

struct rule_ensemble {
    struct model_file *files;
    uint32_t n_files;
    struct rule_ensemble_model models[RULE_ENSEMBLE_MODELS_MAX];
    uint32_t n_models;
    enum rule_ensemble_interval interval;
    model_params *draws; /* (n_members) of a posterior, or NULL: the members are the models */
    uint32_t n_members;
    double
        states[RULE_ENSEMBLE_STATES_MAX * MODEL_WEIGHTS_MAX]; /* w: (n_states, n of the policy) */
    uint32_t n_states;
    struct rule_ensemble_place places[RULE_ENSEMBLE_STATES_MAX];
    uint32_t n_places;
    uint32_t history;
    model_rule_probe *probes; /* (n_members, n_places), then the model whose draws they are */
};

/* Loads n (1..RULE_ENSEMBLE_MODELS_MAX) files; *e zeroed before. rule: members of a bank that
 * count; NULL: those of the only rule that there is. On failure close it too. FAULT_NONE,
 * FAULT_INPUT (a file is wrong, of another rule or policy, or there twice) or FAULT_WORK. */
int rule_ensemble_open(struct rule_ensemble *e, uint32_t n, const char *const paths[],
                       const char *rule, struct fault *fault);

/* Where to ask: n numbers, so many for each state; n 0: the weights that the animals of the fits
 * had; where a model does not tell them, those of a naive, a half-trained and a trained animal,
 * whose weights of stimuli are 0, 1 and 2 and whose others are 0. FAULT_NONE or FAULT_INPUT. */
int rule_ensemble_state(struct rule_ensemble *e, size_t n, const double w[], struct fault *fault);

/* Asks all members in all states. FAULT_NONE or FAULT_WORK. */
int rule_ensemble_probe(struct rule_ensemble *e, uint32_t history, struct fault *fault);

void rule_ensemble_close(struct rule_ensemble *e);

/* Policy and rule's kind are the same in all. */
const model_policy *rule_ensemble_policy(const struct rule_ensemble *e);
model_rule_kind rule_ensemble_kind(const struct rule_ensemble *e);

/* Of member < n_members. */
const model_params *rule_ensemble_member(const struct rule_ensemble *e, uint32_t member);

/* Whether it is asked at the weights that animals had. */
bool rule_ensemble_is_visited(const struct rule_ensemble *e);

/* What the intervals are of, in words; NULL: there are none. */
const char *rule_ensemble_interval_words(const struct rule_ensemble *e);

/* What the tables of the fits lacked, without which an index says nothing: texts, how many. 0 where
 * nothing is known of them. */
uint32_t rule_ensemble_missing(const struct rule_ensemble *e,
                               const char *out[RULE_ENSEMBLE_MISSING_MAX]);

/* dw of one member, and over the members; place n_places: the mean of all places. */
double rule_ensemble_dw(const struct rule_ensemble *e, uint32_t member, uint32_t place,
                        model_rule_probe_past past, model_rule_probe_outcome outcome,
                        size_t stimulus, uint32_t weight);
struct rule_ensemble_value rule_ensemble_mean_dw(const struct rule_ensemble *e, uint32_t place,
                                                 model_rule_probe_past past,
                                                 model_rule_probe_outcome outcome, size_t stimulus,
                                                 uint32_t weight);

/* A quantity between -1 and 1 over the members. values: (n_members), then, of a posterior, that of
 * the model itself, which is the mean; NaN counts as both -1 and 1. */
struct rule_ensemble_value rule_ensemble_value_of(const struct rule_ensemble *e,
                                                  const double values[]);

/* The index of a weight, of all for weight = policy's n. The interval of draws and of bootstrapped
 * models is by model/fieller.h, and reaches the mean: where one part may be 0 it reaches 1, or -1.
 */
struct rule_ensemble_value rule_ensemble_mean_index(const struct rule_ensemble *e,
                                                    model_rule_probe_index index, uint32_t weight);

/* False if an interval is so wide that the index is not known. */
bool rule_ensemble_is_known(const struct rule_ensemble_value *index);

/* A probed one as an SVG (rule_plot.c): dw against the stimulus, and the indices, for a slide. */
void rule_plot(FILE *to, const struct rule_ensemble *e);
