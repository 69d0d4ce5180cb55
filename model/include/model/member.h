/* model/member.h - a member of a bank: a policy whose weights are tracked by a filter and moved by
 * a learning rule.
 *
 * Maths and symbols: docs/model.md. Parameters (policy, rule, noise, nets) are const and shared by
 * any number of animals; the state of one animal is model_member, plain memory without pointers:
 * copy it to snapshot it, write it out to checkpoint it.
 *
 * Threads: one owner per member; parameters may be read by all. Memory: the caller's; nothing
 * allocates. RT-safe: all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/error.h"
#include "model/filter_kind.h"
#include "model/guard.h"
#include "model/policy.h"
#include "model/rule.h"
#include "model/trial.h"

/* Bounds of parameters. */
#define MODEL_MEAN_MAX 100.0 /* |prior mean| */
#define MODEL_VAR_MAX  1e4   /* a variance */
#define MODEL_RATE_MAX 1e3   /* |rate|, |baseline| and |coefficient| of a rule */

/* Noise of the filter, one value per weight (variances, not standard deviations). */
typedef struct {
    double prior_mean[MODEL_WEIGHTS_MAX];
    double prior_var[MODEL_WEIGHTS_MAX];   /* > 0 */
    double drift_var[MODEL_WEIGHTS_MAX];   /* added after each trial, >= 0 */
    double session_var[MODEL_WEIGHTS_MAX]; /* added when a session starts, >= 0 */
} model_noise;

/* All parameters of a member. The rule's nets stay owned by whoever loaded them. */
typedef struct {
    model_policy policy;
    model_filter filter;
    model_noise noise;
    model_rule rule;
    model_range range; /* the range that the rule was fitted on */
} model_params;

/* State of one animal. No pointers, no padding that matters: memset 0 before init. */
typedef struct {
    double w[MODEL_WEIGHTS_MAX];                     /* posterior mean, (n_weights) */
    double P[MODEL_WEIGHTS_MAX * MODEL_WEIGHTS_MAX]; /* posterior covariance, row-major (n, n) */
    model_history history;                           /* what history features need */
    model_rule_state rule;                           /* hidden state of a recurrent rule */
    int64_t n_trials;                                /* observed so far */
    int64_t n_session;                               /* the same of this session */
    bool at_session_start;                           /* no choice yet in this session */
    uint8_t outside;                                 /* MODEL_GUARD_ flags of the last trial */
    uint8_t input;       /* MODEL_GUARD_INPUT: 1 + number of the first that was; 0: none */
    uint8_t reserved[5]; /* 0 */
} model_member;

/* The built-in random walk: no rule, noise set once for all animals (docs/model.md section 4).
 * features: comma-separated names, NULL for the default "stimulus,bias,prev_choice".
 * Returns MODEL_OK or MODEL_ERR_ARG (unknown feature, too many). */
int model_params_built_in(model_params *out, const char *features);

/* Checks that every value is in its range and that the rule fits the policy. Returns MODEL_OK or
 * MODEL_ERR_ARG. */
int model_params_check(const model_params *params);

/* The same of an animal rather than of what is believed of one: its initial weights may be stated,
 * with variances of 0. */
int model_params_check_animal(const model_params *params);

/* The state of a new animal. */
void model_member_init(model_member *twin, const model_params *params);

/* A session starts: session noise is added, session history is forgotten. */
void model_member_start_session(model_member *twin, const model_params *params);

/* p(right) for each of n stimuli (signed contrasts), and the ends of its 90% credible interval. lo
 * and hi may be NULL. Reads only. O(n k^2). */
void model_member_predict(const model_member *twin, const model_params *params, size_t n,
                          const double contrasts[], double p_right[], double lo[], double hi[]);

/* Updates with one trial: measurement update with the choice, then the rule's step, bounded by
 * model/guard.h, and the drift, so that the member is ready for the next trial. A no-go moves no
 * weight by measurement or rule. A rule whose output is not finite makes no step. MODEL_ERR_ARG (a
 * value of the trial is outside its range) or MODEL_ERR_NUMERIC (a weight would leave +-1e6, or P
 * its like) leave the member unchanged. */
int model_member_observe(model_member *twin, const model_params *params, const model_trial *trial);

/* The same, and widens *range by the step that the rule made. */
int model_member_measure(model_member *twin, const model_params *params, const model_trial *trial,
                         model_range *range);
/* The same for an animal that learns pace times as fast: the rule's step is multiplied by it, 0 and
 * above. */
int model_member_observe_at(model_member *twin, const model_params *params,
                            const model_trial *trial, double pace);

/* Skips a valid trial that could not be absorbed: it enters the history and the counts, and drift
 * is added, but nothing is learned from it. */
void model_member_skip(model_member *twin, const model_params *params, const model_trial *trial);
