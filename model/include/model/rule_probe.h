/* model/rule_probe.h - characterises a learning rule: how far one trial moves each weight, by
 * stimulus and outcome, and whether the previous trials matter.
 *
 * Procedure and formulas: docs/model.md, section rule_probe. The rule is evaluated, not run: w is
 * held fixed through all trials. Threads: any, on different objects. Memory: the caller's; nothing
 * allocates. RT-safe: all but what says no.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "model/member.h"

enum {
    MODEL_RULE_PROBE_STIMULI = 20,    /* of the probing trial: -1, -0.9, ... -0.1, 0.1, ... 1 */
    MODEL_RULE_PROBE_HISTORY_MAX = 8, /* trials rewarded, or not, before it */
    MODEL_RULE_PROBE_SETTLE = 64, /* trials that a rule with memory has behind it before those */
    MODEL_RULE_PROBE_RUNS = 16    /* draws of them, over all weights asked at */
};

/* Of the probing trial: the choice was to the side of the stimulus, and rewarded; or neither. */
typedef enum {
    MODEL_RULE_PROBE_CORRECT,
    MODEL_RULE_PROBE_ERROR,
    MODEL_RULE_PROBE_OUTCOMES
} model_rule_probe_outcome;

/* The trials just before it. */
typedef enum {
    MODEL_RULE_PROBE_SETTLED, /* the settling run alone */
    MODEL_RULE_PROBE_REWARDED,
    MODEL_RULE_PROBE_UNREWARDED,
    MODEL_RULE_PROBE_PASTS
} model_rule_probe_past;

/* One rule, the mean over the weights it was asked at and the previous trials: dw, and how far
 * what it learned, without what it forgot, makes the choice more likely, (2y - 1) sign(g) d. For
 * the GRU policy, which moves no weight, its offset o replaces dw. */
typedef struct {
    double dw[MODEL_RULE_PROBE_PASTS][MODEL_RULE_PROBE_OUTCOMES][MODEL_RULE_PROBE_STIMULI]
             [MODEL_WEIGHTS_MAX];
    double along[MODEL_RULE_PROBE_PASTS][MODEL_RULE_PROBE_OUTCOMES][MODEL_RULE_PROBE_STIMULI]
                [MODEL_WEIGHTS_MAX];
} model_rule_probe;

/* Transformed stimulus i of the probing trial, 0..MODEL_RULE_PROBE_STIMULI - 1, rising. */
double model_rule_probe_stimulus(size_t i);

/* Evaluates the rule at n >= 1 weights w (n, policy.n), after `history`
 * (1..MODEL_RULE_PROBE_HISTORY_MAX) rewarded and unrewarded trials. The runs are dealt to the
 * weights, one to each at least; MODEL_RULE_PROBE_RUNS weights or more see one order of sides each,
 * in turn. MODEL_OK, MODEL_ERR_ARG (history, or a w that is not finite) or
 * MODEL_ERR_NUMERIC (the rule's output is not finite) with *out undefined. RT-safe: no, some 1e5
 * steps of the rule. */
int model_rule_probe_run(model_rule_probe *out, const model_params *params, size_t n,
                         const double w[], uint32_t history);

/* What an index compares: the trials of its first part and of its second. */
typedef enum {
    MODEL_RULE_PROBE_ASYMMETRY, /* correct and error, settled */
    MODEL_RULE_PROBE_MEMORY,    /* rewarded and unrewarded before it */
    MODEL_RULE_PROBE_INDICES
} model_rule_probe_index;

/* The mean of `along` over all stimuli and the n probes. */
double model_rule_probe_along(size_t n, const model_rule_probe probes[], model_rule_probe_past past,
                              model_rule_probe_outcome outcome, size_t weight);

/* What an index sums the sizes of: that, of n_weights weights from `first` on, and of memory of
 * both outcomes, in its first part, a, and in its second, b. Both have room for
 * MODEL_RULE_PROBE_PARTS_MAX; returns how many of each. */
enum { MODEL_RULE_PROBE_PARTS_MAX = MODEL_WEIGHTS_MAX * MODEL_RULE_PROBE_OUTCOMES };

size_t model_rule_probe_parts(model_rule_probe_index index, size_t n,
                              const model_rule_probe probes[], size_t first, size_t n_weights,
                              double a[], double b[]);

/* (A - B) / (A + B), A and B the sums of these sizes: of asymmetry 1 learns from correct trials
 * alone, -1 from errors alone; of memory 0 has none. NaN if nothing moves. */
double model_rule_probe_contrast(model_rule_probe_index index, size_t n,
                                 const model_rule_probe probes[], size_t first, size_t n_weights);
