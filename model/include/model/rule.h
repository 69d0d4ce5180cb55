/* model/rule.h - how a finished trial moves the policy's weights: dw = rule(w, trial, h); and the
 * GRU policy, which moves none but adds an offset to them for the next trial.
 *
 * Formulas and symbols: docs/model.md, section rule. Parameters are const and shared; the state of
 * one animal is model_rule_state, plain memory. Threads: one owner a state; parameters may be read
 * by all. Memory: the caller's; nothing allocates. RT-safe: all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "model/basis.h"
#include "model/error.h"
#include "model/net.h"
#include "model/policy.h"
#include "model/rule_kind.h"
#include "model/trial.h"

typedef struct {
    model_rule_kind kind;
    double rate[MODEL_WEIGHTS_MAX]; /* used as the kind's traits say */
    double baseline[MODEL_WEIGHTS_MAX];
    double decay[MODEL_WEIGHTS_MAX];                          /* of the trace, 0..1 */
    double coefficient[MODEL_BASIS_TERMS][MODEL_WEIGHTS_MAX]; /* forgetting: -1..1 */
    double memory;        /* decay of the memory of rewards, 0..1 */
    const model_net *net; /* n_inputs = weights + those of the kind */
} model_rule;

typedef struct {
    float h[MODEL_STATE_MAX];         /* recurrent nets; h[0] of basis: m; 0 where unused */
    double trace[MODEL_WEIGHTS_MAX];  /* e; 0 where unused */
    double offset[MODEL_WEIGHTS_MAX]; /* o; 0 where unused */
} model_rule_state;

const char *model_rule_name(model_rule_kind kind); /* NULL outside the list. */

/* MODEL_OK and *out, or MODEL_ERR_ARG for an unknown name. */
int model_rule_parse(model_rule_kind *out, const char *name);

/* What is particular to a kind; outside the list: to none. */
const model_rule_traits *model_rule_of(model_rule_kind kind);

/* True if the net fits a policy of n weights. */
bool model_rule_fits(const model_rule *rule, size_t n);

/* Name of its input i < MODEL_RULE_INPUTS_MAX beside the weights. */
const char *model_rule_input_name(size_t i);

/* No trial yet. */
void model_rule_reset(model_rule_state *state);

/* One step. w: without the offset; g[n]: features of the current trial. Writes dw[n], and u[n] with
 * the Jacobian A = I + d dw/dw = I - diag f + u g', f of model_rule_forgetting(); u is 0 for nets
 * that say a step, and leaves out how gains depend on w (docs/model.md says why). A rule that sets
 * an offset has dw 0, and the offset is for the next trial. MODEL_OK, or MODEL_ERR_NUMERIC with the
 * state as it was. */
int model_rule_step(const model_rule *rule, model_rule_state *state, size_t n, const double w[],
                    const double g[], const model_rule_trial *trial, double dw[], double u[]);

/* The part of each weight that a step forgets, which is in its dw: (n), the rule's; NULL: none. */
const double *model_rule_forgetting(const model_rule *rule);

/* How far the step dw of weight i from w goes towards the choice of its trial, whose feature was g:
 * above 0, the same choice becomes more likely. Without what the step forgot. */
double model_rule_towards(const model_rule *rule, size_t i, double w, double g, double dw,
                          bool chose_right);

/* The net's part of the input for a trial: x[n_inputs]. */
void model_rule_fill_inputs(model_rule_kind kind, const model_rule_trial *trial, float x[]);

/* Lowers the trial's counts to those whose inputs are at most x[n_inputs]. */
void model_rule_hold_counts(model_rule_kind kind, const double x[], model_rule_trial *trial);

/* The rule basis that steps as a classic rule does, for n weights; *out may be *rule. The memory's
 * decay is 0.8. A rule without rates: one that does not move. */
void model_rule_as_basis(const model_rule *rule, size_t n, model_rule *out);
