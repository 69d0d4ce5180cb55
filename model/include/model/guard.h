/* model/guard.h - the range that a learning rule was fitted on, and how the rule is limited outside
 * it.
 *
 * A range holds the extremes of the weights, the net's inputs and the rule's steps over the animals
 * of the fit, with a margin. Outside it a rule is unreliable: its step is bounded, and a bank
 * shifts towards the members without a rule. Maths: docs/model.md, section guard.
 * Threads: any, on different objects. Memory: the caller's; nothing allocates. RT-safe: all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/rule.h"

/* Bounds of a model whose range is not known: log odds. */
#define MODEL_GUARD_WEIGHT_MAX 100.0
#define MODEL_GUARD_STEP_MAX   10.0

/* What was outside on a trial. */
enum {
    MODEL_GUARD_WEIGHT = 1, /* a weight was */
    MODEL_GUARD_INPUT = 2,  /* an input of the net was */
    MODEL_GUARD_STEP = 4,   /* the rule's step or offset was larger */
    MODEL_GUARD_FAILED = 8  /* its output was not finite: it made no step */
};

/* Zeroed: not known. */
typedef struct {
    bool is_known;
    bool frees_counts; /* counts of trials may leave it, as in journals of earlier versions */
    double w_lo[MODEL_WEIGHTS_MAX];
    double w_hi[MODEL_WEIGHTS_MAX];
    double step_max[MODEL_WEIGHTS_MAX]; /* |dw|; of the GRU policy |o| */
    double x_lo[MODEL_RULE_INPUTS_MAX]; /* of model_rule_fill_inputs(); nets only */
    double x_hi[MODEL_RULE_INPUTS_MAX];
} model_range;

/* Empty: model_range_take() widens it. */
void model_range_open(model_range *range);

/* One step of the rule: from w[n] by moved[n], dw or the offset. */
void model_range_take(model_range *range, const model_rule *rule, size_t n, const double w[],
                      const model_rule_trial *trial, const double moved[]);

/* Adds the margin; from here it is known. Without a step taken it stays unknown. */
void model_range_close(model_range *range, const model_rule *rule, size_t n);

/* True if all n weights' numbers are finite, and no lower end is above its upper end. */
bool model_range_is_valid(const model_range *range, const model_rule *rule, size_t n);

/* True if weight i is inside; of a range that is not known: within MODEL_GUARD_WEIGHT_MAX. */
bool model_range_holds(const model_range *range, size_t i, double w);

/* The trial with its counts, of trials in the session and of training, no higher than the range
 * has them: inputs that only count leave every range sooner or later. */
model_rule_trial model_range_hold_counts(const model_range *range, const model_rule *rule,
                                         const model_rule_trial *trial);

/* Number of the first input of the rule's net that is outside; MODEL_RULE_INPUTS_MAX: none is. */
size_t model_range_input(const model_range *range, const model_rule *rule,
                         const model_rule_trial *trial);

/* Bounds a rule's step, dw[n] or state->offset: no larger than it ever was, and never outwards from
 * a weight that is outside already. Returns the MODEL_GUARD_ flags of the trial; with FAILED
 * nothing moves and the state is reset. */
uint8_t model_guard_bound(const model_range *range, const model_rule *rule, model_rule_state *state,
                          size_t n, const double w[], const model_rule_trial *trial, double dw[]);
