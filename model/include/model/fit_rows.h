/* model/fit_rows.h - the choices of one animal as fits read them, and trials turned into them.
 *
 * Threads: one owner. Memory: the caller's; nothing allocates. RT-safe: all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/member.h"
#include "model/policy.h"
#include "model/rule.h"

/* The choices of one animal in order, trials without one left out. Trial t is predicted from
 * features g after a step of the net with x: the trial before, 0 but x[1] = 1 when t = 0. The
 * arrays are the caller's and must outlive the fit. */
typedef struct {
    size_t n_trials;            /* may be 0 */
    const float *x;             /* (n_trials, model_fit_inputs()), as model_rule_fill_inputs() */
    const float *g;             /* (n_trials, n_outputs) */
    const uint8_t *chose_right; /* (n_trials), 0 or 1 */
    const int8_t *side; /* (n_trials): as model_rule_trial; for model_fit_loss() alone, may be NULL:
                         * not stated */
    const uint8_t *starts_session; /* (n_trials), 1: the first choice of a session; filter alone */
    const uint16_t *n_steps;       /* (n_trials): of drift since the choice before; filter alone */
    const model_member *start; /* filter alone: as it stood before the first trial, given; NULL: the
                                prior, which is trained */
} model_fit_animal;

/* Columns of model_fit_animal.x for a rule: its net's inputs, or MODEL_RULE_INPUTS without one. */
size_t model_fit_inputs(model_rule_kind rule);

/* Trials of one animal turned into rows of a model_fit_animal, one after the other. */
typedef struct {
    const model_policy *policy;
    model_rule_kind rule;
    model_history history;
    model_rule_trial last;
    int64_t n_session;
    int64_t n_training;
    bool is_at_start;
    bool has_last;
    uint16_t n_steps;
} model_fit_cursor;

typedef struct {
    float *x;
    float *g;
    uint8_t *chose_right;
    int8_t *side;
    uint8_t *starts_session;
    uint16_t *n_steps;
} model_fit_rows;

/* start: as in model_fit_animal; NULL: a new animal. policy must outlive it. */
void model_fit_cursor_init(model_fit_cursor *cursor, const model_policy *policy,
                           model_rule_kind rule, const model_member *start);

/* Writes row number `row` and returns true if the trial ended in a choice. */
bool model_fit_cursor_push(model_fit_cursor *cursor, const model_trial *trial, bool starts_session,
                           const model_fit_rows *rows, size_t row);
