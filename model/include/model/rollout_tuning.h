/* model/rollout_tuning.h - how a bank that predicts the next trial is tuned to look further ahead.
 *
 * The values, and how they were found: docs/model.md, section rollout. Threads: any. Memory: plain.
 */
#pragma once

#include "model/error.h"
#include "model/rule_kind.h"

/* Fitted on animals with a known future. [0]: weights of the current stimulus (stimulus,
 * stimulus_right, stimulus_left), [1]: all others. */
typedef struct {
    double prior[MODEL_RULES]; /* of each kind of rule; within a kind members are alike */
    double trust;    /* power of the strands' likelihoods (of a bank alone: of its weights): 0 prior
                        alone, 1 Bayes */
    double drift[2]; /* multiples of the variances of drift and session noise */
    double session[2];
    double reversion[2]; /* part of the way to the anchor, a trial */
    double pace_sd;      /* of the logarithm of the rule's pace over roll-outs */
} model_rollout_tuning;

/* The tuning of docs/model.md. */
void model_rollout_tuning_init(model_rollout_tuning *tuning);

/* MODEL_OK or MODEL_ERR_ARG: a value below 0, not finite, or a part above 1. */
int model_rollout_tuning_check(const model_rollout_tuning *tuning);
