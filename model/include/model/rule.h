/* model/rule.h - how a finished trial moves the policy's weights: dw = rule(w, trial, h); and the
 * GRU policy, which moves none but adds an offset to them for the next trial.
 *
 * Formulas and symbols: docs/model.md, section rule. Parameters are const and shared; the state of
 * one animal is model_rule_state, plain memory. Threads: one owner a state; parameters may be read
 * by all. Memory: the caller's; nothing allocates.
 */
#ifndef MODEL_RULE_H
#define MODEL_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/error.h"
#include "model/net.h"
#include "model/policy.h"

/* X(NAME, name, formula). a rate, b baseline and l decay, one a weight; p = sigmoid(w . g); y
 * choice; r reward; s correct side as 0 or 1; all of the trial just finished. */
#define MODEL_RULE_LIST(X)                                                                         \
    X(NONE, none, "dw = 0")                                                                        \
    X(REINFORCE, reinforce, "dw = a r (y - p) g")                                                  \
    X(REINFORCE_BASE, reinforce_base, "dw = a (r - b) (y - p) g")                                  \
    X(REWARD_MAX, reward_max, "dw = 2 a (2 s - 1) p (1 - p) g")                                    \
    X(PREDICT_MAX, predict_max, "dw = a (s - p) g")                                                \
    X(ELIGIBILITY, eligibility, "e = l e + (1 - l) (y - p) g, dw = a r e")                         \
    X(DNN, dnn, "dw = scale MLP([w, x])")                                                          \
    X(RNN, rnn, "h = GRU([w, x], h), dw = scale MLP(h)")                                           \
    X(GRU_POLICY, gru_policy, "h = GRU([w, x], h), o = scale MLP(h), next p = sigmoid((w + o) . g)")

#define MODEL_RULE_ENUM(NAME, name, formula) MODEL_RULE_##NAME,
typedef enum { MODEL_RULE_LIST(MODEL_RULE_ENUM) MODEL_RULES } model_rule_kind;
#undef MODEL_RULE_ENUM

/* Inputs of a net beside w. All: stimulus, 1, session start, choice, reward, side. The GRU policy
 * also: log reaction time, trial in session, trial of training, all about 0 to 1. */
enum { MODEL_RULE_INPUTS = 6, MODEL_RULE_POLICY_INPUTS = 9, MODEL_RULE_INPUTS_MAX = 9 };

typedef struct {
    model_rule_kind kind;
    double rate[MODEL_WEIGHTS_MAX];     /* classic rules */
    double baseline[MODEL_WEIGHTS_MAX]; /* reinforce_base */
    double decay[MODEL_WEIGHTS_MAX];    /* eligibility: of the trace, 0..1 */
    const model_net *net;               /* n_inputs = weights + model_rule_inputs() */
} model_rule;

typedef struct {
    float h[MODEL_STATE_MAX];         /* recurrent nets; 0 where unused */
    double trace[MODEL_WEIGHTS_MAX];  /* e of eligibility; 0 where unused */
    double offset[MODEL_WEIGHTS_MAX]; /* o of the GRU policy; 0 where unused */
} model_rule_state;

/* The trial just finished, as a rule sees it. It ended in a choice. */
typedef struct {
    double stimulus;       /* x, a value of model_policy_stimulus() */
    double reward;         /* 0..1; NaN unknown: enters as 0.5 */
    double rt_s;           /* reaction time; NaN or below 0: unknown */
    int64_t n_session;     /* trials before it in the session */
    int64_t n_training;    /* trials before it in all */
    bool is_session_start; /* it was the first of its session */
    bool chose_right;
    int8_t side; /* correct side: 1 right, 0 left, -1 not stated */
} model_rule_trial;

const char *model_rule_name(model_rule_kind kind);    /* NULL outside the list. RT-safe: yes. */
const char *model_rule_formula(model_rule_kind kind); /* NULL outside the list. RT-safe: yes. */

/* MODEL_OK and *out, or MODEL_ERR_ARG for an unknown name. */
int model_rule_parse(model_rule_kind *out, const char *name);

/* True for the kinds that need a net. RT-safe: yes. */
bool model_rule_has_net(model_rule_kind kind);

/* True for the kinds whose net has a GRU. RT-safe: yes. */
bool model_rule_is_recurrent(model_rule_kind kind);

/* True for the kinds with a rate a weight: the classic ones and eligibility. RT-safe: yes. */
bool model_rule_has_rates(model_rule_kind kind);

/* True for the kinds whose step depends on trials before the one at hand. RT-safe: yes. */
bool model_rule_has_memory(model_rule_kind kind);

/* Inputs of its net beside the weights; 0 without a net. RT-safe: yes. */
size_t model_rule_inputs(model_rule_kind kind);

/* True if the net fits a policy of n weights. */
bool model_rule_fits(const model_rule *rule, size_t n);

/* Name of its input i < MODEL_RULE_INPUTS_MAX beside the weights. RT-safe: yes. */
const char *model_rule_input_name(size_t i);

/* No trial yet. RT-safe: yes. */
void model_rule_reset(model_rule_state *state);

/* One step. w: without the offset; g[n]: features of the trial at hand. Writes dw[n], and u[n] with
 * the Jacobian A = I + d dw/dw = I + u g'; u is 0 for the nets (docs/model.md says why). The GRU
 * policy's dw is 0, and the offset that it sets is for the trial to come. MODEL_OK, or
 * MODEL_ERR_NUMERIC with the state as it was. RT-safe: yes. */
int model_rule_step(const model_rule *rule, model_rule_state *state, size_t n, const double w[],
                    const double g[], const model_rule_trial *trial, double dw[], double u[]);

/* The net's part of the input for a trial: x[model_rule_inputs(kind)]. RT-safe: yes. */
void model_rule_fill_inputs(model_rule_kind kind, const model_rule_trial *trial, float x[]);

#endif
