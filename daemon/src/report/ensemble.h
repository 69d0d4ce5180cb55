/* ensemble.h - models of one rule and one policy, as fitted from several seeds, and what they say:
 * each is probed (model/rule_probe.h) at the same weights.
 *
 * Intervals are Student's t over the members, so they tell what another seed would change, not
 * what another animal would. Threads: one owner. Memory: owned.
 */
#ifndef MURID_ENSEMBLE_H
#define MURID_ENSEMBLE_H

#include <stdint.h>

#include "fault.h"
#include "model/interval.h"
#include "model/rule_probe.h"
#include "model_file.h"

enum { ENSEMBLE_MEMBERS_MAX = 64, ENSEMBLE_STATES_MAX = 32, ENSEMBLE_NAME_BYTES = 256 };

#define ENSEMBLE_CHANCE 0.90

struct ensemble_member {
    const model_params *params;
    char path[ENSEMBLE_NAME_BYTES]; /* of a bank's member also its number there, from 0 */
    const char *hash;               /* of its file */
};

/* Weights that the rule is asked at. */
struct ensemble_state {
    const char *name;
    double w[MODEL_WEIGHTS_MAX];
};

struct ensemble {
    struct model_file *files;
    uint32_t n_files;
    struct ensemble_member members[ENSEMBLE_MEMBERS_MAX];
    uint32_t n_members;
    struct ensemble_state states[ENSEMBLE_STATES_MAX];
    uint32_t n_states;
    uint32_t history;
    model_rule_probe *probes; /* (n_members, n_states) */
};

enum ensemble_index { ENSEMBLE_ASYMMETRY, ENSEMBLE_MEMORY, ENSEMBLE_INDICES };

/* Loads n (1..ENSEMBLE_MEMBERS_MAX) files; *e zeroed before. rule: members of a bank that count;
 * NULL: those of the only rule that there is. On failure close it too. FAULT_NONE, FAULT_INPUT (a
 * file is wrong, of another rule or policy, or there twice) or FAULT_WORK. */
int ensemble_open(struct ensemble *e, uint32_t n, const char *const paths[], const char *rule,
                  struct fault *fault);

/* Where to ask: n numbers, so many for each state; n 0: a naive, a half-trained and a trained
 * animal, whose weights of stimuli are 0, 1 and 2 and whose others are 0. FAULT_NONE or
 * FAULT_INPUT. */
int ensemble_state(struct ensemble *e, size_t n, const double w[], struct fault *fault);

/* Asks all members in all states. FAULT_NONE or FAULT_WORK. */
int ensemble_probe(struct ensemble *e, uint32_t history, struct fault *fault);

void ensemble_close(struct ensemble *e);

/* Policy and rule's kind are the same in all. */
const model_policy *ensemble_policy(const struct ensemble *e);
model_rule_kind ensemble_kind(const struct ensemble *e);

/* dw of one member; and over the members. */
double ensemble_dw(const struct ensemble *e, uint32_t member, uint32_t state,
                   model_rule_probe_past past, model_rule_probe_outcome outcome, size_t stimulus,
                   uint32_t weight);
model_interval ensemble_mean_dw(const struct ensemble *e, uint32_t state,
                                model_rule_probe_past past, model_rule_probe_outcome outcome,
                                size_t stimulus, uint32_t weight);

/* The index of a weight, of all for weight = policy's n: of one member, and over the members. */
double ensemble_index(const struct ensemble *e, uint32_t member, enum ensemble_index index,
                      uint32_t weight);
model_interval ensemble_mean_index(const struct ensemble *e, enum ensemble_index index,
                                   uint32_t weight);

#endif
