/* model/bank.h - several filters in parallel, each with its own noise, rule and nets, mixed by
 * Bayesian fixed-share weights: the model of one animal.
 *
 * Maths and symbols: docs/model.md, section bank. A single model is a bank of one. All members
 * share one policy, so that features and weights mean the same for all. Parameters are const and
 * shared by any number of animals; model_bank is plain memory without pointers or padding, and what
 * n members use of it is its first model_bank_used(n) bytes: copy, compare and write only these.
 *
 * Threads: one owner per bank; parameters may be read by all. Memory: the caller's; nothing
 * allocates. RT-safe: all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/member.h"

enum {
    MODEL_BANK_MAX = 24,    /* members */
    MODEL_BANK_STIMULI = 8, /* that model_bank_mix() takes at once */
};

#define MODEL_BANK_SHARE_MAX  0.5
#define MODEL_BANK_PRIOR_MIN  1e-6
#define MODEL_BANK_TEMPER_MIN 0.01
#define MODEL_BANK_TEMPER_MAX 4.0

typedef struct {
    uint32_t n;    /* members, 1..MODEL_BANK_MAX */
    double share;  /* of the weights that each choice returns to the prior */
    double temper; /* power of the likelihoods; 1: Bayes */
    model_params member[MODEL_BANK_MAX];
    double prior[MODEL_BANK_MAX]; /* MODEL_BANK_PRIOR_MIN..1; their sum is 1 */
} model_bank_params;

typedef struct {
    uint64_t n;                    /* members */
    double weight[MODEL_BANK_MAX]; /* probability of each member, before the next trial */
    model_member member[MODEL_BANK_MAX];
} model_bank;

/* The bank's prediction for one stimulus. Each member's logit is N(logit, logit_var), the mixture's
 * is taken as N(mean, var). */
typedef struct {
    double p_right;
    double mean;
    double var;
    double each[MODEL_BANK_MAX]; /* p(right) of each member */
    double logit[MODEL_BANK_MAX];
    double logit_var[MODEL_BANK_MAX];
    bool is_outside[MODEL_BANK_MAX]; /* outside the range of its fit: model_member.outside */
} model_bank_mixture;

/* A bank of one. */
void model_bank_single(model_bank_params *out, const model_params *params);

/* Checks every member, that all share one policy, and the ranges above. MODEL_OK or MODEL_ERR_ARG.
 */
int model_bank_check(const model_bank_params *params);

/* Bytes of a model_bank that n members use. */
size_t model_bank_used(size_t n);

/* Copies what is used. O(members). */
void model_bank_copy(model_bank *to, const model_bank *from);

/* The bank of a new animal; writes no more than is used. */
void model_bank_init(model_bank *bank, const model_bank_params *params);

/* Another model for a known animal. Where the policies agree every member starts from the mixture's
 * mean and covariance, otherwise from its prior; history is kept, the weights are the new prior's.
 * */
void model_bank_change(model_bank *bank, const model_bank_params *before,
                       const model_bank_params *after);

/* A session starts, for every member. */
void model_bank_start_session(model_bank *bank, const model_bank_params *params);

/* The prediction for n stimuli (signed contrasts), 1..MODEL_BANK_STIMULI: out[n]. The result for
 * one does not depend on the others; a bank of one equals its member, to the bit. Reads only. O(n
 * members k^2). */
void model_bank_mix(const model_bank *bank, const model_bank_params *params, size_t n,
                    const double contrasts[], model_bank_mixture out[]);

/* The ends of the 90% credible interval of n mixtures, 1..MODEL_BANK_STIMULI; lo and hi may be
 * NULL. */
void model_bank_interval(size_t n, const model_bank_mixture mixtures[], double lo[], double hi[]);

/* Mean and standard deviation of the policy's weights for the next trial over the mixture: w[k],
 * w_sd[k]. */
void model_bank_weights(const model_bank *bank, const model_bank_params *params, double w[],
                        double w_sd[]);

/* Mean and covariance of the k weights of the policy for the next trial over the mixture: w[k], P[k
 * * k]. O(members k^2). */
void model_bank_moments(const model_bank *bank, size_t k, double w[], double P[]);

/* Probability of member i < bank->n. */
double model_bank_weight(const model_bank *bank, size_t i);

/* Probability of the members that were outside the range of their fit at the last trial. */
double model_bank_outside(const model_bank *bank);

/* Updates every member with one trial, and weights them by the choice; a no-go changes no weight.
 * *said (may be NULL) is the result of model_bank_mix() for its stimulus. A member that cannot
 * absorb the trial has weight 0 for it and skips it, see model_member_skip(). MODEL_ERR_ARG (a
 * value of the trial is outside its range) or MODEL_ERR_NUMERIC (no member could absorb it) leave
 * all unchanged. A member outside the range of its fit passes half of its weight to those without a
 * rule. */
int model_bank_observe(model_bank *bank, const model_bank_params *params, const model_trial *trial,
                       model_bank_mixture *said);

/* Only the step of the weights: w[n] after a choice that the members gave p_right[n]; NaN: weight 0
 * for this choice. Members whose prior is 0 stay at 0. At least one weight must be above 0 where
 * p_right is not NaN. */
void model_bank_weigh(size_t n, double share, double temper, const double prior[],
                      const double p_right[], bool chose_right, double w[]);
