/* rollout.h - many virtual twins of one animal: they continue from a bank's posterior, trial
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

#include "model/rate_grid.h"
#include "model/rollout_tuning.h"

enum { ROLLOUT_MAX = 1 << 16 }; /* roll-outs */

typedef struct rollout rollout;

/* Bytes rollout_init() needs for up to n roll-outs of banks with these parameters; 0 if one
 * of them is invalid. */
size_t rollout_size(const model_bank_params *params, size_t n);

/* Builds them inside mem (aligned to MODEL_NET_ALIGN). MODEL_OK, MODEL_ERR_ARG or MODEL_ERR_SPACE;
 * *out is set only on OK. */
int rollout_init(void *mem, size_t mem_size, const model_bank_params *params, size_t n,
                 rollout **out);

/* Begins n of them, 1 up to as many as there is room for, from the rate grid: roll-outs are
 * assigned to strands by their weights, and policy weights drawn from each one's posterior.
 * MODEL_OK or MODEL_ERR_ARG. RT-safe: no, O(n). */
int rollout_start(rollout *r, const model_rate_grid *pace, const model_rollout_tuning *tuning,
                  size_t n, uint64_t seed);

/* The same from a bank that was not followed at several paces: every rule at pace 1. */
int rollout_start_bank(rollout *r, const model_bank *bank, const model_rollout_tuning *tuning,
                       size_t n, uint64_t seed);

/* The fraction of the roll-outs with member m. */
double rollout_share(const rollout *r, size_t m);

/* Mean pace of the roll-outs whose rule learns; 1 if none does. */
double rollout_pace(const rollout *r);

/* A session of roll-out i starts. */
void rollout_start_session(rollout *r, size_t i);

/* Draws the choices of those active (NULL: all) for their contrasts; p_right may be NULL. */
void rollout_choose(rollout *r, const float contrast[], const uint8_t active[],
                    uint8_t chose_right[], float p_right[]);

/* The trial of those active is over. Returns how many did not move, see model_cohort_learn(). */
size_t rollout_learn(rollout *r, const model_cohort_trials *trials);

/* p(right) of roll-out i's policy without history for a contrast, the next trial. */
double rollout_predict(const rollout *r, size_t i, double contrast);

/* The strands' weights for looking ahead: weight[pace->n], their sum 1. */
void rollout_weigh(const model_bank_params *params, const model_rate_grid *pace,
                   const model_rollout_tuning *tuning, double weight[]);
