#include "model/guard.h"

#include <math.h>
#include <string.h>

/* Margins: animals differ more than those of one fit do. */
static const double WEIGHT_MARGIN = 0.25; /* of the span, at either end */
static const double INPUT_MARGIN = 0.1;
static const double STEP_MARGIN = 2.0; /* times the largest */
static const double SPAN_MIN = 1e-3;   /* of a weight or input that never moved */

void model_range_open(model_range *range)
{
    memset(range, 0, sizeof *range);
    for (size_t i = 0; i < MODEL_WEIGHTS_MAX; i++) {
        range->w_lo[i] = (double)INFINITY;
        range->w_hi[i] = -(double)INFINITY;
    }
    for (size_t i = 0; i < MODEL_RULE_INPUTS_MAX; i++) {
        range->x_lo[i] = (double)INFINITY;
        range->x_hi[i] = -(double)INFINITY;
    }
}

void model_range_take(model_range *range, const model_rule *rule, size_t n, const double w[],
                      const model_rule_trial *trial, const double moved[])
{
    for (size_t i = 0; i < n; i++) {
        range->w_lo[i] = fmin(range->w_lo[i], w[i]);
        range->w_hi[i] = fmax(range->w_hi[i], w[i]);
        range->step_max[i] = fmax(range->step_max[i], fabs(moved[i]));
    }
    const size_t n_inputs = model_rule_of(rule->kind)->n_inputs;
    float x[MODEL_RULE_INPUTS_MAX];
    if (n_inputs > 0) {
        model_rule_fill_inputs(rule->kind, trial, x);
    }
    for (size_t i = 0; i < n_inputs; i++) {
        range->x_lo[i] = fmin(range->x_lo[i], (double)x[i]);
        range->x_hi[i] = fmax(range->x_hi[i], (double)x[i]);
    }
}

static void widen(double *lo, double *hi, double margin)
{
    const double more = margin * fmax(*hi - *lo, SPAN_MIN);
    *lo -= more;
    *hi += more;
}

void model_range_close(model_range *range, const model_rule *rule, size_t n)
{
    if (n == 0 || range->w_lo[0] > range->w_hi[0]) {
        memset(range, 0, sizeof *range);
        return;
    }
    range->is_known = true;
    for (size_t i = 0; i < MODEL_WEIGHTS_MAX; i++) {
        if (i < n) {
            widen(&range->w_lo[i], &range->w_hi[i], WEIGHT_MARGIN);
            range->step_max[i] *= STEP_MARGIN;
        } else {
            range->w_lo[i] = range->w_hi[i] = 0.0;
        }
    }
    for (size_t i = 0; i < MODEL_RULE_INPUTS_MAX; i++) {
        if (i < model_rule_of(rule->kind)->n_inputs) {
            widen(&range->x_lo[i], &range->x_hi[i], INPUT_MARGIN);
        } else {
            range->x_lo[i] = range->x_hi[i] = 0.0;
        }
    }
}

static bool is_span(double lo, double hi)
{
    return isfinite(lo) && isfinite(hi) && lo <= hi;
}

bool model_range_is_valid(const model_range *range, const model_rule *rule, size_t n)
{
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        ok = ok && is_span(range->w_lo[i], range->w_hi[i]) && is_span(0.0, range->step_max[i]);
    }
    for (size_t i = 0; i < model_rule_of(rule->kind)->n_inputs; i++) {
        ok = ok && is_span(range->x_lo[i], range->x_hi[i]);
    }
    return ok;
}

bool model_range_holds(const model_range *range, size_t i, double w)
{
    return range->is_known ? w >= range->w_lo[i] && w <= range->w_hi[i]
                           : fabs(w) <= MODEL_GUARD_WEIGHT_MAX;
}

size_t model_range_input(const model_range *range, const model_rule *rule,
                         const model_rule_trial *trial)
{
    const size_t n = range->is_known ? model_rule_of(rule->kind)->n_inputs : 0;
    float x[MODEL_RULE_INPUTS_MAX];
    if (n > 0) {
        model_rule_fill_inputs(rule->kind, trial, x);
    }
    for (size_t i = 0; i < n; i++) {
        if (!((double)x[i] >= range->x_lo[i] && (double)x[i] <= range->x_hi[i])) {
            return i;
        }
    }
    return MODEL_RULE_INPUTS_MAX;
}

model_rule_trial model_range_hold_counts(const model_range *range, const model_rule *rule,
                                         const model_rule_trial *trial)
{
    model_rule_trial held = *trial;
    if (range->is_known && !range->frees_counts) {
        model_rule_hold_counts(rule->kind, range->x_hi, &held);
    }
    return held;
}

/* A sum is finite only if all of its terms are. */
static bool all_finite(size_t n, const double moved[], const double trace[])
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += fabs(moved[i]) + fabs(trace[i]);
    }
    return isfinite(sum);
}

uint8_t model_guard_bound(const model_range *range, const model_rule *rule, model_rule_state *state,
                          size_t n, const double w[], const model_rule_trial *trial, double dw[])
{
    double *moved = model_rule_of(rule->kind)->sets_offset ? state->offset : dw;
    if (!all_finite(n, moved, state->trace)) {
        memset(dw, 0, n * sizeof dw[0]);
        model_rule_reset(state);
        return MODEL_GUARD_FAILED;
    }
    uint8_t flags =
        model_range_input(range, rule, trial) < MODEL_RULE_INPUTS_MAX ? MODEL_GUARD_INPUT : 0;
    for (size_t i = 0; i < n; i++) {
        const double most = range->is_known ? range->step_max[i] : MODEL_GUARD_STEP_MAX;
        if (fabs(moved[i]) > most) {
            moved[i] = copysign(most, moved[i]);
            flags |= MODEL_GUARD_STEP;
        }
        if (!model_range_holds(range, i, w[i])) {
            flags |= MODEL_GUARD_WEIGHT;
            const double middle = range->is_known ? (range->w_lo[i] + range->w_hi[i]) / 2.0 : 0.0;
            dw[i] = (w[i] > middle) == (dw[i] > 0.0) ? 0.0 : dw[i];
        }
    }
    return flags;
}
