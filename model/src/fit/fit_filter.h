/* fit_filter.h - the filter of one animal forward and back through one trial, for training.
 *
 * The forward pass is the twin's: the rule's step for the trial before, drift, forecast,
 * measurement update (docs/model.md, section fit in the filter). Its parameters are trained as
 * numbers without bounds: logarithms of variances, rates in units of 2^-6, the logit of a decay.
 * Threads: any, on different objects. Memory: the caller's; nothing allocates.
 */
#pragma once

#include "model/fit_rows.h"
#include "model/member.h"
#include "rule_ops.h"

/* X(NAME, member): kinds of parameters, one value a weight each. */
#define FIT_FILTER_LIST(X)                                                                         \
    X(PRIOR_MEAN, noise.prior_mean)                                                                \
    X(PRIOR_VAR, noise.prior_var)                                                                  \
    X(DRIFT_VAR, noise.drift_var)                                                                  \
    X(SESSION_VAR, noise.session_var)                                                              \
    X(RATE, rule.rate)                                                                             \
    X(BASELINE, rule.baseline)                                                                     \
    X(DECAY, rule.decay)

#define FIT_FILTER_ENUM(NAME, member) FIT_FILTER_##NAME,
typedef enum { FIT_FILTER_LIST(FIT_FILTER_ENUM) FIT_FILTER_KINDS } fit_filter_kind;
#undef FIT_FILTER_ENUM

enum { FIT_FILTER_P_MAX = MODEL_WEIGHTS_MAX * MODEL_WEIGHTS_MAX };

/* Where an animal is believed to be, or the derivatives of the loss by that. */
typedef struct {
    double w[MODEL_WEIGHTS_MAX];
    double P[FIT_FILTER_P_MAX]; /* (n, n), symmetric */
    double trace[MODEL_WEIGHTS_MAX];
} fit_belief;

/* What a trial leaves behind: the belief before it, and the step, offset or gains that the net
 * said.
 */
typedef struct {
    fit_belief before;
    double said[MODEL_WEIGHTS_MAX];
} fit_filter_record;

typedef struct {
    const model_fit_animal *animal;
    size_t number;   /* of the trial */
    size_t n_inputs; /* columns of animal->x */
} fit_filter_trial;

/* The trial before, of trial number 1 or later, as the rule sees it; g[n]: its features. */
model_rule_trial fit_filter_last_trial(const fit_filter_trial *t, size_t n, double g[]);

/* What a rule with a term steps with: its own rates, or what its net said as gains; said and rule
 * must outlive it. */
rule_rates fit_filter_rates(const model_rule *rule, const double said[]);

/* Values of a model's parameters, (FIT_FILTER_KINDS, n), as trained; and back. */
void fit_filter_encode(const model_params *params, float values[]);
void fit_filter_decode(const float values[], model_params *params);

/* The belief before an animal's first trial. */
void fit_filter_start(const model_params *params, fit_belief *belief);

/* The belief before the first trial of an animal that is known already. */
void fit_filter_go_on(size_t n, const model_member *start, fit_belief *belief);

/* One trial: belief becomes that after its choice. said[n]: the net's step, offset or gains; 0
 * without a net and at the first trial. Returns -log p(choice). */
double fit_filter_forward(const model_params *params, const fit_filter_trial *trial,
                          const double said[], fit_belief *belief, fit_filter_record *record);

/* The same trial back: d holds derivatives by the belief after it, then by that before it (and
 * before the rule's step); by_said[n] those by said; values' derivatives are added to gradient
 * (FIT_FILTER_KINDS, n). */
void fit_filter_backward(const model_params *params, const fit_filter_trial *trial,
                         const fit_filter_record *record, fit_belief *d, double by_said[],
                         double gradient[]);

/* d holds derivatives by the belief before the first trial. */
void fit_filter_finish(const model_params *params, const fit_belief *d, double gradient[]);
