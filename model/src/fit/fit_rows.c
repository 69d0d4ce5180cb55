#include "model/fit_rows.h"

#include <string.h>

#include "rule_ops.h"

size_t model_fit_inputs(model_rule_kind rule)
{
    return model_rule_of(rule)->has_net ? model_rule_of(rule)->n_inputs : MODEL_RULE_INPUTS;
}

void model_fit_cursor_init(model_fit_cursor *cursor, const model_policy *policy,
                           model_rule_kind rule, const model_member *start)
{
    *cursor = (model_fit_cursor){.policy = policy, .rule = rule, .is_at_start = true};
    if (start != NULL) {
        cursor->history = start->history;
        cursor->n_session = start->n_session;
        cursor->n_training = start->n_trials;
        cursor->is_at_start = start->at_session_start;
    }
}

static void fill_row(const model_fit_cursor *c, const model_rule_trial *seen,
                     const model_fit_rows *rows, size_t row)
{
    const size_t n_inputs = model_fit_inputs(c->rule);
    float *x = rows->x + row * n_inputs;
    double g[MODEL_WEIGHTS_MAX];
    if (c->has_last) {
        model_rule_fill_inputs(c->rule, &c->last, x);
    } else {
        memset(x, 0, n_inputs * sizeof x[0]);
        x[1] = 1.0F;
    }
    model_policy_fill(c->policy, &c->history, seen->stimulus, g);
    for (uint32_t i = 0; i < c->policy->n; i++) {
        rows->g[row * c->policy->n + i] = (float)g[i];
    }
    rows->side[row] = seen->side;
    rows->chose_right[row] = seen->chose_right ? 1 : 0;
    rows->starts_session[row] = c->is_at_start ? 1 : 0;
    rows->n_steps[row] = c->n_steps;
}

bool model_fit_cursor_push(model_fit_cursor *c, const model_trial *trial, bool starts_session,
                           const model_fit_rows *rows, size_t row)
{
    if (starts_session) {
        c->history = (model_history){0};
        c->is_at_start = true;
        c->n_session = 0;
    }
    const bool is_choice = trial->choice >= 0;
    if (is_choice) {
        const model_rule_trial seen =
            rule_ops_trial(c->policy, trial, c->n_session, c->n_training, c->is_at_start);
        fill_row(c, &seen, rows, row);
        model_history_push(&c->history, seen.stimulus, seen.chose_right, seen.reward);
        c->last = seen;
        c->has_last = true;
        c->is_at_start = false;
        c->n_steps = 0;
    }
    c->n_session++;
    c->n_training++;
    c->n_steps = c->n_steps < UINT16_MAX ? (uint16_t)(c->n_steps + 1) : c->n_steps;
    return is_choice;
}
