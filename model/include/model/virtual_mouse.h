/* model/virtual_mouse.h - a virtual animal: the policy and the learning rule of a twin run forward,
 * with known true weights and drawn choices.
 *
 * Maths: docs/model.md, sections policy and rule. model_params mean the same as for a twin: weights
 * start at N(prior_mean, prior_var), gain N(0, session_var) when a session starts and N(0,
 * drift_var) after each trial, besides the rule's step. Parameters are const and shared; the animal
 * is plain memory. Threads: one owner per mouse. Memory: the caller's; nothing allocates. RT-safe:
 * all of it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/member.h"
#include "model/random.h"

typedef struct {
    double w[MODEL_WEIGHTS_MAX]; /* true weights before the next trial */
    model_history history;
    model_rule_state rule;
    model_random choices; /* two streams, so that the noise does not depend on what was chosen */
    model_random noise;
    int64_t n_trials; /* so far */
    int64_t n_session;
    bool at_session_start; /* no choice yet in this session */
} model_virtual_mouse;

/* Animal number `number` of a seed: independent of other animals. */
void model_virtual_mouse_init(model_virtual_mouse *mouse, const model_params *params, uint64_t seed,
                              uint64_t number);

/* A session starts: session noise, no history. */
void model_virtual_mouse_start_session(model_virtual_mouse *mouse, const model_params *params);

/* p(right) of the true policy for a signed contrast. Reads only. */
double model_virtual_mouse_predict(const model_virtual_mouse *mouse, const model_params *params,
                                   double contrast);

/* Draws a choice for that contrast; nothing is learned yet. */
bool model_virtual_mouse_choose(model_virtual_mouse *mouse, const model_params *params,
                                double contrast);

/* A reaction time in seconds for the next trial, shorter for more certain choices: 0.2 s and a
 * log-normal part. For display only: nothing depends on it. */
double model_virtual_mouse_draw_rt_s(model_virtual_mouse *mouse, const model_params *params,
                                     double contrast);

/* The trial is over: history, the rule's step, drift. trial->choice is 0 or 1. MODEL_OK, or
 * MODEL_ERR_ARG or MODEL_ERR_NUMERIC with the weights as they were. */
int model_virtual_mouse_learn(model_virtual_mouse *mouse, const model_params *params,
                              const model_trial *trial);

/* The same for a trial without a choice: it counts, and there is drift, but nothing is learned or
 * remembered. */
void model_virtual_mouse_pass(model_virtual_mouse *mouse, const model_params *params);
