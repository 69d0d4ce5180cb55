/* model/policy.h - the animal's choice policy: a Bernoulli GLM over named features.
 *
 * p(choice = right) = sigmoid(w . g), one weight per feature. Maths and symbols: docs/model.md,
 * section policy. Threads: any, on different objects. Memory: the caller's; nothing allocates.
 * RT-safe: all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/error.h"

enum {
    MODEL_WEIGHTS_MAX = 8,
    MODEL_POLICY_TEXT_MAX = 160 /* every list of MODEL_WEIGHTS_MAX features fits, bytes with NUL */
};

/* X(NAME, name, formula). x is the transformed contrast of the next trial, x1 that of the last
 * trial of this session that ended in a choice, c1 its choice as -1 or +1, r1 its reward (0.5 where
 * unknown), C a running mean of its session's choices. x1, c1, both products and C are 0 until the
 * session has had a choice; a no-go changes nothing, as if it had been taken out of the table. */
#define MODEL_FEATURE_LIST(X)                                                                      \
    X(STIMULUS, stimulus, "x")                                                                     \
    X(STIMULUS_RIGHT, stimulus_right, "max(x, 0)")                                                 \
    X(STIMULUS_LEFT, stimulus_left, "min(x, 0)")                                                   \
    X(BIAS, bias, "1")                                                                             \
    X(PREV_CHOICE, prev_choice, "c1")                                                              \
    X(PREV_STIMULUS, prev_stimulus, "x1")                                                          \
    X(WIN_STAY, win_stay, "c1 r1")                                                                 \
    X(LOSE_SWITCH, lose_switch, "-c1 (1 - r1)")                                                    \
    X(CHOICE_TRACE, choice_trace, "C = 0.9 C + 0.1 c1")

#define MODEL_FEATURE_ENUM(NAME, name, formula) MODEL_FEATURE_##NAME,
typedef enum { MODEL_FEATURE_LIST(MODEL_FEATURE_ENUM) MODEL_FEATURES } model_feature;
#undef MODEL_FEATURE_ENUM

/* Half-width of the central 90% of a normal distribution, in standard deviations. */
#define MODEL_Z90 1.6448536269514722

/* How a signed contrast c becomes x. */
#define MODEL_TRANSFORM_LIST(X)                                                                    \
    X(NONE, none, "x = c")                                                                         \
    X(TANH5, tanh5, "x = tanh(5 c) / tanh(5)")

#define MODEL_TRANSFORM_ENUM(NAME, name, formula) MODEL_TRANSFORM_##NAME,
typedef enum { MODEL_TRANSFORM_LIST(MODEL_TRANSFORM_ENUM) MODEL_TRANSFORMS } model_transform;
#undef MODEL_TRANSFORM_ENUM

/* Of the built-in random walk. */
#define MODEL_POLICY_USUAL "stimulus,bias,prev_choice"

typedef struct {
    uint32_t n; /* weights, 1..MODEL_WEIGHTS_MAX */
    model_feature feature[MODEL_WEIGHTS_MAX];
    model_transform transform;
} model_policy;

/* The last choice of the session, as the history features see it; all 0 when there was none. */
typedef struct {
    double stimulus; /* x1 */
    double choice;   /* c1 */
    double reward;   /* r1 */
    double trace;    /* C */
} model_history;

/* Name of a feature or a transform; NULL outside the list. Valid forever. */
const char *model_feature_name(model_feature feature);
const char *model_transform_name(model_transform transform);

/* True if it is of the current stimulus. */
bool model_feature_is_stimulus(model_feature feature);

/* MODEL_OK and *out, or MODEL_ERR_ARG for an unknown name. */
int model_transform_parse(model_transform *out, const char *name);

/* Names of usual lists of features, from 0; NULL after the last. Valid forever. */
const char *model_policy_alias(size_t i);

/* Reads "stimulus,bias,prev_choice", or one of the names stim_bias, right_left_bias and
 * stim_prevstim_bias. The transform becomes tanh5. Returns MODEL_OK, or MODEL_ERR_ARG with *out
 * as it was: an unknown, empty or repeated name, more than MODEL_WEIGHTS_MAX of them. */
int model_policy_parse(model_policy *out, const char *features);

/* Writes the names, comma-separated, and a NUL. Returns the length or MODEL_ERR_SPACE. */
int model_policy_print(const model_policy *policy, char *out, size_t cap);

/* True if n, features and transform are in range. */
bool model_policy_is_valid(const model_policy *policy);

/* True if both give the same g for every trial. */
bool model_policy_equals(const model_policy *a, const model_policy *b);

/* x of a contrast. */
double model_policy_stimulus(const model_policy *policy, double contrast);

/* Fills g[policy->n] for stimulus x, a value of model_policy_stimulus(). */
void model_policy_fill(const model_policy *policy, const model_history *history, double x,
                       double g[]);

/* p(choice), held off 0 by 1e-12. */
double model_policy_p_choice(double p_right, bool chose_right);

/* A trial with stimulus x ended in a choice. reward: NaN unknown. */
void model_history_push(model_history *history, double x, bool chose_right, double reward);
