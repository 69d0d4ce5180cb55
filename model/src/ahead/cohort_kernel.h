/* cohort_kernel.h - the inner loops of a cohort: COHORT_LANES animals side by side, one a lane, in
 * single precision.
 *
 * cohort_kernel.c is compiled once a processor level, with relaxed floating point. Arrays are
 * (what, COHORT_LANES). No number of a lane depends on another lane. A mask is ~0 for an animal
 * that has a trial, 0 for one that has none. Threads: any. Memory: the caller's. RT-safe: all of
 * it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "model/policy.h"
#include "model/rule.h"
#include "model/trial.h"

enum { COHORT_LANES = 64 };

typedef float cohort_row[COHORT_LANES];

/* A generator a lane: xoshiro128++ (Blackman & Vigna 2021). */
typedef struct {
    uint32_t s[4][COHORT_LANES];
} cohort_random;

/* The animals. Rows beyond the policy's weights are not used. */
typedef struct {
    double w[MODEL_WEIGHTS_MAX][COHORT_LANES];
    cohort_row offset[MODEL_WEIGHTS_MAX];
    cohort_row trace[MODEL_WEIGHTS_MAX];
    cohort_row anchor[MODEL_WEIGHTS_MAX];
    cohort_row memory; /* m of rule basis */
    cohort_row pace;
    cohort_row last_stimulus; /* history, as model_history has it */
    cohort_row last_choice;
    cohort_row last_reward;
    cohort_row choice_trace;
    cohort_row is_start; /* 1: no choice yet in this session, else 0 */
    cohort_row n_session;
    cohort_row n_training;
    cohort_random choices;
    cohort_random noise;
} cohort_block;

/* Their trial. */
typedef struct {
    uint32_t mask[COHORT_LANES];
    cohort_row stimulus; /* x of the policy */
    cohort_row choice;   /* 1 right, 0 left */
    cohort_row reward;   /* 0.5 where unknown */
    cohort_row side;     /* as model_trial_side() has it */
    cohort_row rt;       /* as model_rule_fill_inputs() scales it */
} cohort_trial;

/* What moves weights beside the rule, one value a weight. */
typedef struct {
    float scale[MODEL_WEIGHTS_MAX]; /* of the rule's step */
    float drift_sd[MODEL_WEIGHTS_MAX];
    float rate[MODEL_WEIGHTS_MAX]; /* of the way to the anchor */
} cohort_motion;

typedef struct {
    const char *name;

    /* Takes up to COHORT_LANES trials of those from number `from` on, the others have mask 0. */
    void (*load)(model_transform transform, const model_cohort_trials *trials, size_t from,
                 size_t lanes, cohort_trial *trial);

    /* p(right) for a contrast. */
    void (*predict)(const model_policy *policy, const cohort_block *block,
                    const cohort_row contrast, cohort_row p_right);

    /* Draws a choice with p(right), 1 or 0. */
    void (*choose)(cohort_random *r, const uint32_t mask[], const cohort_row p_right,
                   uint8_t chose_right[]);

    /* Two standard normal numbers a lane. */
    void (*normal)(cohort_random *r, const uint32_t mask[], cohort_row a, cohort_row b);

    /* A net's inputs: k weights, then the n_inputs that model_rule_fill_inputs() says. */
    void (*fill)(size_t n_inputs, size_t k, const cohort_block *block, const cohort_trial *trial,
                 cohort_row in[]);

    /* GRU gates of n numbers, n a multiple of COHORT_LANES: sums[4 n] = n of the inputs, r, z, n of
     * h; h <- (1 - z) n + z h where mask[i % COHORT_LANES]. */
    void (*gates)(size_t n, const float sums[], const uint32_t mask[], float h[]);

    /* dw of a rule with terms or none, k weights; its trace and memory move. dw holds what a net
     * says as gains, before it is scaled. */
    void (*step)(const model_rule *rule, const model_policy *policy, cohort_block *block,
                 const cohort_trial *trial, cohort_row dw[]);

    /* w += pace dw + rate (anchor - w) + sd N(0, 1), dw times its scale; or the offset becomes that
     * dw. Then history and counts. Returns how many animals did not move. */
    size_t (*finish)(const model_policy *policy, bool is_offset, const cohort_motion *motion,
                     cohort_row dw[], cohort_block *block, const cohort_trial *trial);
} cohort_kernel;

/* Runs on every processor of the architecture; kernel_levels.h knows the others. */
extern const cohort_kernel cohort_kernel_base;

/* The kernels that this processor runs, best first; NULL past the last. */
const cohort_kernel *cohort_kernel_at(size_t i);
