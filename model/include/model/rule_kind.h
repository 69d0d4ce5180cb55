/* model/rule_kind.h - which learning rules there are, and what tells them apart.
 *
 * A rule is a row of MODEL_RULE_LIST and a file of its own, src/twin/rule_NAME.h (CONTRIBUTING.md).
 * Threads: any; all of it is const. Memory: static.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* X(NAME, name) */
#define MODEL_RULE_LIST(X)                                                                         \
    X(NONE, none)                                                                                  \
    X(REINFORCE, reinforce)                                                                        \
    X(REINFORCE_BASE, reinforce_base)                                                              \
    X(REWARD_MAX, reward_max)                                                                      \
    X(PREDICT_MAX, predict_max)                                                                    \
    X(ELIGIBILITY, eligibility)                                                                    \
    X(DNN, dnn)                                                                                    \
    X(RNN, rnn)                                                                                    \
    X(GRU_POLICY, gru_policy)                                                                      \
    X(BASIS, basis)                                                                                \
    X(DNN_GAIN, dnn_gain)                                                                          \
    X(RNN_GAIN, rnn_gain)

#define MODEL_RULE_ENUM(NAME, name) MODEL_RULE_##NAME,
typedef enum { MODEL_RULE_LIST(MODEL_RULE_ENUM) MODEL_RULES } model_rule_kind;
#undef MODEL_RULE_ENUM

/* Inputs of a net beside w. All: stimulus, 1, session start, choice, reward, side. With context
 * also: log reaction time, trial in session, trial of training, all about 0 to 1. */
enum { MODEL_RULE_INPUTS = 6, MODEL_RULE_CONTEXT_INPUTS = 9, MODEL_RULE_INPUTS_MAX = 9 };

/* In formulas: a rate, b baseline and l decay, one per weight; p = sigmoid(w . g); y choice; r
 * reward; s correct side as 0 or 1; all of the trial just finished. */
typedef struct {
    const char *formula;
    bool has_rates;     /* a rate per weight; the step and its Jacobian are in closed form */
    bool has_baseline;  /* beside the rates */
    bool has_trace;     /* of earlier trials, with a decay a weight */
    bool has_terms;     /* a coefficient per weight for each of model/basis.h; in closed form too */
    bool has_net;       /* with n_inputs beside the weights */
    bool is_recurrent;  /* its net has a GRU */
    bool is_gain;       /* its net says a rate per weight, and the step is in closed form */
    bool has_memory;    /* a step depends on trials before the current one */
    bool moves_weights; /* a step can be other than 0 */
    bool sets_offset;   /* for the next trial, in the place of a step */
    bool is_in_bank;    /* of the standard bank that a fit makes */
    size_t n_inputs;
    double prior; /* weight of its members among roll-outs, before anything was seen */
} model_rule_traits;
