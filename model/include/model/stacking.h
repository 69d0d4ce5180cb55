/* model/stacking.h - adapts a bank's prediction to one animal: a filter over the logits of the
 * bank's rules learns how far this animal follows each of them, and how its choices change while it
 * is disengaged.
 *
 * Maths, parameters and figures: docs/model.md, section stacking. The bank itself is not changed:
 * stacking can be turned off at any time, and a weight says whether it predicts better than the
 * bank alone. Parameters are const and shared; model_stacking is plain memory without pointers or
 * padding. Threads: one owner per animal. Memory: the caller's; nothing allocates. RT-safe: all of
 * it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "model/bank.h"
#include "model/error.h"

enum {
    MODEL_STACKING_OWN = 2,   /* features beside one a rule */
    MODEL_STACKING_RULES = 9, /* of a bank that have one, the first of MODEL_RULE_LIST: a stack is
                                 checkpointed, and keeps its size */
    MODEL_STACKING_MAX = MODEL_STACKING_RULES + MODEL_STACKING_OWN
};

typedef struct {
    double rule_var;       /* prior variance of a rule's coefficient, > 0 */
    double disengaged_var; /* of the two of disengagement, > 0 */
    double drift_var;      /* added to each with each choice, >= 0 */
    double trust;          /* prior probability that the stack predicts better, 0..1 */
    double share;          /* of it that each choice returns to the prior, 0..1 */
} model_stacking_params;

typedef struct {
    double b[MODEL_STACKING_MAX];                      /* coefficients: mean (n) */
    double P[MODEL_STACKING_MAX * MODEL_STACKING_MAX]; /* covariance, row-major (n, n) */
    double trust; /* probability that the stack predicts better than the bank alone */
} model_stacking;

/* The values that docs/model.md explains. */
void model_stacking_default(model_stacking_params *params);

/* A new animal. */
void model_stacking_init(model_stacking *stack, const model_stacking_params *params,
                         const model_bank_params *bank);

/* p(right) for n stimuli whose mixtures the bank gives, 1..MODEL_BANK_STIMULI, and the ends of the
 * 90% credible intervals; lo and hi may be NULL. p_disengaged: probability that the animal is
 * disengaged, 0..1. A bank of one is not changed. The result for one does not depend on the others.
 * Reads only. O(n (members + k^2)), k coefficients. */
void model_stacking_predict(const model_stacking *stack, const model_bank_params *bank, size_t n,
                            const model_bank_mixture mixtures[], double p_disengaged,
                            double p_right[], double lo[], double hi[]);

/* Learns from the choice that the mixture was of. A result that is not finite leaves it unchanged.
 * O(members + n^2). */
void model_stacking_observe(model_stacking *stack, const model_stacking_params *params,
                            const model_bank_params *bank, const model_bank_mixture *mixture,
                            double p_disengaged, bool chose_right);
