/* model/rollout.h - many virtual twins of one animal: they continue from a bank's posterior, trial
 * by trial, each with its own weights, learning rule and pace.
 *
 * What is drawn, and the tuning: docs/model.md, section rollout. Roll-out i depends only on the
 * seed, i, the bank, the tuning and its stimuli; the same calls give the same bits on the same
 * machine. Parameters are const and must outlive the roll-outs.
 * Threads: one owner. Memory: the caller supplies it once; no function here allocates.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "model/bank.h"
#include "model/error.h"
#include "model/rate_grid.h"
#include "model/trial.h"

enum { MODEL_ROLLOUT_MAX = 1 << 16 }; /* roll-outs */

/* How a bank that predicts the next trial is tuned to look further: fitted on animals with a known
 * future. [0]: weights of the current stimulus (stimulus, stimulus_right, stimulus_left), [1]: all
 * others. */
typedef struct {
    double prior[MODEL_RULES]; /* of each kind of rule; within a kind members are alike */
    double trust;    /* power of the strands' likelihoods (of a bank alone: of its weights): 0 prior
                        alone, 1 Bayes */
    double drift[2]; /* multiples of the variances of drift and session noise */
    double session[2];
    double reversion[2]; /* part of the way to the anchor, a trial */
    double pace_sd;      /* of the logarithm of the rule's pace over roll-outs */
} model_rollout_tuning;

typedef struct model_rollout model_rollout;

/* The tuning of docs/model.md. */
void model_rollout_tuning_init(model_rollout_tuning *tuning);

/* MODEL_OK or MODEL_ERR_ARG: a value below 0, not finite, or a part above 1. */
int model_rollout_tuning_check(const model_rollout_tuning *tuning);

/* Bytes model_rollout_init() needs for up to n roll-outs of banks with these parameters; 0 if one
 * of them is invalid. */
size_t model_rollout_size(const model_bank_params *params, size_t n);

/* Builds them inside mem (aligned to MODEL_NET_ALIGN). MODEL_OK, MODEL_ERR_ARG or MODEL_ERR_SPACE;
 * *out is set only on OK. */
int model_rollout_init(void *mem, size_t mem_size, const model_bank_params *params, size_t n,
                       model_rollout **out);

/* Begins n of them, 1 up to as many as there is room for, from the rate grid: roll-outs are
 * assigned to strands by their weights, and policy weights drawn from each one's posterior.
 * MODEL_OK or MODEL_ERR_ARG. RT-safe: no, O(n). */
int model_rollout_start(model_rollout *r, const model_rate_grid *pace,
                        const model_rollout_tuning *tuning, size_t n, uint64_t seed);

/* The same from a bank that was not followed at several paces: every rule at pace 1. */
int model_rollout_start_bank(model_rollout *r, const model_bank *bank,
                             const model_rollout_tuning *tuning, size_t n, uint64_t seed);

/* The fraction of the roll-outs with member m. */
double model_rollout_share(const model_rollout *r, size_t m);

/* Mean pace of the roll-outs whose rule learns; 1 if none does. */
double model_rollout_pace(const model_rollout *r);

/* A session of roll-out i starts. */
void model_rollout_start_session(model_rollout *r, size_t i);

/* Draws the choices of those active (NULL: all) for their contrasts; p_right may be NULL. */
void model_rollout_choose(model_rollout *r, const float contrast[], const uint8_t active[],
                          uint8_t chose_right[], float p_right[]);

/* The trial of those active is over. Returns how many did not move, see model_cohort_learn(). */
size_t model_rollout_learn(model_rollout *r, const model_cohort_trials *trials);

/* p(right) of roll-out i's policy without history for a contrast, the next trial. */
double model_rollout_predict(const model_rollout *r, size_t i, double contrast);

/* The strands' weights for looking ahead: weight[pace->n], their sum 1. */
void model_rollout_weigh(const model_bank_params *params, const model_rate_grid *pace,
                         const model_rollout_tuning *tuning, double weight[]);
