/* rule_ensemble.h - models of one rule and one policy, fitted from several seeds, each probed
 * (model/rule_probe.h) at the same weights.
 *
 * Intervals are Student's t over the members, so they show the variation between seeds, not between
 * animals. Threads: one owner. Memory: owned.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "fault.h"
#include "model/rule_probe.h"
#include "model/student_t.h"
#include "model_file.h"

enum {
    RULE_ENSEMBLE_MEMBERS_MAX = 64,
    RULE_ENSEMBLE_STATES_MAX = 32,
    RULE_ENSEMBLE_NAME_BYTES = 256
};

#define RULE_ENSEMBLE_CHANCE 0.90

struct rule_ensemble_member {
    const model_params *params;
    char path[RULE_ENSEMBLE_NAME_BYTES]; /* of a bank's member also its number there, from 0 */
    const char *hash;                    /* of its file */
};

/* Weights that the rule is asked at. */
struct rule_ensemble_state {
    const char *name;
    double w[MODEL_WEIGHTS_MAX];
};

struct rule_ensemble {
    struct model_file *files;
    uint32_t n_files;
    struct rule_ensemble_member members[RULE_ENSEMBLE_MEMBERS_MAX];
    uint32_t n_members;
    struct rule_ensemble_state states[RULE_ENSEMBLE_STATES_MAX];
    uint32_t n_states;
    uint32_t history;
    model_rule_probe *probes; /* (n_members, n_states) */
};

enum rule_ensemble_index { RULE_ENSEMBLE_ASYMMETRY, RULE_ENSEMBLE_MEMORY, RULE_ENSEMBLE_INDICES };

/* Loads n (1..RULE_ENSEMBLE_MEMBERS_MAX) files; *e zeroed before. rule: members of a bank that
 * count; NULL: those of the only rule that there is. On failure close it too. FAULT_NONE,
 * FAULT_INPUT (a file is wrong, of another rule or policy, or there twice) or FAULT_WORK. */
int rule_ensemble_open(struct rule_ensemble *e, uint32_t n, const char *const paths[],
                       const char *rule, struct fault *fault);

/* Where to ask: n numbers, so many for each state; n 0: a naive, a half-trained and a trained
 * animal, whose weights of stimuli are 0, 1 and 2 and whose others are 0. FAULT_NONE or
 * FAULT_INPUT. */
int rule_ensemble_state(struct rule_ensemble *e, size_t n, const double w[], struct fault *fault);

/* Asks all members in all states. FAULT_NONE or FAULT_WORK. */
int rule_ensemble_probe(struct rule_ensemble *e, uint32_t history, struct fault *fault);

void rule_ensemble_close(struct rule_ensemble *e);

/* Policy and rule's kind are the same in all. */
const model_policy *rule_ensemble_policy(const struct rule_ensemble *e);
model_rule_kind rule_ensemble_kind(const struct rule_ensemble *e);

/* dw of one member; and over the members. */
double rule_ensemble_dw(const struct rule_ensemble *e, uint32_t member, uint32_t state,
                        model_rule_probe_past past, model_rule_probe_outcome outcome,
                        size_t stimulus, uint32_t weight);
model_student_t_interval rule_ensemble_mean_dw(const struct rule_ensemble *e, uint32_t state,
                                               model_rule_probe_past past,
                                               model_rule_probe_outcome outcome, size_t stimulus,
                                               uint32_t weight);

/* The index of a weight, of all for weight = policy's n: of one member, and over the members. */
double rule_ensemble_index(const struct rule_ensemble *e, uint32_t member,
                           enum rule_ensemble_index index, uint32_t weight);
model_student_t_interval rule_ensemble_mean_index(const struct rule_ensemble *e,
                                                  enum rule_ensemble_index index, uint32_t weight);

/* A probed one as an SVG (rule_plot.c): small panels of dw against the stimulus, and the indices.
 */
void rule_plot(FILE *to, const struct rule_ensemble *e);
