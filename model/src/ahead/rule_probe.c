#include "model/rule_probe.h"

#include <math.h>
#include <string.h>

#include "exp_exact.h"
#include "model/random.h"

enum { SEED = 1 };

/* The trial before, as history features see it: the same always, since a rule's memory is asked for
 * and not the policy's; and none of them is 0. */
static const model_history BEFORE = {.stimulus = 0.5, .choice = 1.0, .reward = 0.5};

struct probing {
    const model_params *params;
    const double *w;
    uint32_t history;
    uint32_t n_runs;
    uint32_t n_settle;
    uint32_t first_order; /* of the sides of the trials before */
    uint32_t n_orders;
    double share; /* of a run in the mean */
    model_rule_probe *out;
};

double model_rule_probe_stimulus(size_t i)
{
    const int side = MODEL_RULE_PROBE_STIMULI / 2;
    const int at = (int)i - side;
    return (double)(at < 0 ? at : at + 1) / side;
}

static int step(const struct probing *p, model_rule_state *state, double x, bool chose_right,
                int64_t number, double dw[])
{
    const model_params *params = p->params;
    const bool is_rewarded = chose_right == (x > 0.0);
    const model_rule_trial trial = {.stimulus = x,
                                    .reward = is_rewarded ? 1.0 : 0.0,
                                    .rt_s = (double)NAN,
                                    .n_session = number,
                                    .n_training = number,
                                    .is_session_start = number == 0,
                                    .chose_right = chose_right,
                                    .side = x > 0.0};
    double g[MODEL_WEIGHTS_MAX];
    double u[MODEL_WEIGHTS_MAX];
    model_policy_fill(&params->policy, &BEFORE, x, g);
    const int status =
        model_rule_step(&params->rule, state, params->policy.n, p->w, g, &trial, dw, u);
    if (model_rule_of(params->rule.kind)->sets_offset) {
        memcpy(dw, state->offset, params->policy.n * sizeof dw[0]);
    }
    return status;
}

/* An animal of these weights plays: stimuli at random, choices drawn. */
static int settle(const struct probing *p, uint32_t run, model_rule_state *state)
{
    const model_policy *policy = &p->params->policy;
    model_random random;
    int status = MODEL_OK;
    model_random_seed(&random, SEED, run);
    model_rule_reset(state);
    for (uint32_t t = 0; t < p->n_settle && status == MODEL_OK; t++) {
        const double x =
            model_rule_probe_stimulus(model_random_below(&random, MODEL_RULE_PROBE_STIMULI));
        double g[MODEL_WEIGHTS_MAX];
        double dw[MODEL_WEIGHTS_MAX];
        double a = 0.0;
        model_policy_fill(policy, &BEFORE, x, g);
        for (uint32_t i = 0; i < policy->n; i++) {
            a += (p->w[i] + state->offset[i]) * g[i];
        }
        const bool chose_right = model_random_uniform(&random) < sigmoid_exact(a);
        status = step(p, state, x, chose_right, t, dw);
    }
    return status;
}

/* Trials at full contrast, all rewarded or none; bit i of order: the side of trial i. */
static int live_through(const struct probing *p, model_rule_probe_past past, uint32_t order,
                        model_rule_state *state)
{
    int status = MODEL_OK;
    for (uint32_t i = 0; i < p->history && status == MODEL_OK; i++) {
        const bool is_right = (order >> i & 1U) == 1U;
        double dw[MODEL_WEIGHTS_MAX];
        status =
            step(p, state, is_right ? 1.0 : -1.0, is_right == (past == MODEL_RULE_PROBE_REWARDED),
                 MODEL_RULE_PROBE_SETTLE + (int64_t)i, dw);
    }
    return status;
}

/* Every stimulus and outcome from one state; each counts `share` in the mean. */
static int ask(const struct probing *p, model_rule_probe_past past, const model_rule_state *from,
               double share)
{
    const size_t n = p->params->policy.n;
    const int64_t number =
        MODEL_RULE_PROBE_SETTLE + (past == MODEL_RULE_PROBE_SETTLED ? 0 : (int64_t)p->history);
    for (int outcome = 0; outcome < MODEL_RULE_PROBE_OUTCOMES; outcome++) {
        for (size_t k = 0; k < MODEL_RULE_PROBE_STIMULI; k++) {
            const double x = model_rule_probe_stimulus(k);
            model_rule_state state = *from;
            const bool is_right = (x > 0.0) == (outcome == MODEL_RULE_PROBE_CORRECT);
            double dw[MODEL_WEIGHTS_MAX];
            double g[MODEL_WEIGHTS_MAX];
            const int status = step(p, &state, x, is_right, number, dw);
            if (status != MODEL_OK) {
                return status;
            }
            model_policy_fill(&p->params->policy, &BEFORE, x, g);
            for (size_t i = 0; i < n; i++) {
                p->out->dw[past][outcome][k][i] += share * dw[i];
                p->out->along[past][outcome][k][i] +=
                    share * model_rule_towards(&p->params->rule, i, p->w[i], g[i], dw[i], is_right);
            }
        }
    }
    return MODEL_OK;
}

static int ask_after(const struct probing *p, model_rule_probe_past past,
                     const model_rule_state *from)
{
    const double share = p->share / p->n_orders;
    int status = MODEL_OK;
    for (uint32_t i = 0; i < p->n_orders && status == MODEL_OK; i++) {
        model_rule_state state = *from;
        status = live_through(p, past, p->first_order + i, &state);
        if (status == MODEL_OK) {
            status = ask(p, past, &state, share);
        }
    }
    return status;
}

/* At one w; runs and their streams from `first` on. */
static int ask_at(const struct probing *p, uint32_t first)
{
    int status = MODEL_OK;
    for (uint32_t run = first; run < first + p->n_runs && status == MODEL_OK; run++) {
        model_rule_state state;
        status = settle(p, run, &state);
        if (status == MODEL_OK) {
            status = ask(p, MODEL_RULE_PROBE_SETTLED, &state, p->share);
        }
        for (int past = MODEL_RULE_PROBE_REWARDED;
             past < MODEL_RULE_PROBE_PASTS && status == MODEL_OK; past++) {
            status = ask_after(p, (model_rule_probe_past)past, &state);
        }
    }
    return status;
}

static bool is_askable(const model_params *params, size_t n, const double w[], uint32_t history)
{
    bool is_valid = n >= 1 && history >= 1 && history <= MODEL_RULE_PROBE_HISTORY_MAX;
    for (size_t i = 0; i < n * params->policy.n; i++) {
        is_valid = is_valid && isfinite(w[i]);
    }
    return is_valid;
}

int model_rule_probe_run(model_rule_probe *out, const model_params *params, size_t n,
                         const double w[], uint32_t history)
{
    if (!is_askable(params, n, w, history)) {
        return MODEL_ERR_ARG;
    }
    const bool has_memory = model_rule_of(params->rule.kind)->has_memory;
    const bool has_all = n < MODEL_RULE_PROBE_RUNS; /* orders, at each of so few weights */
    const uint32_t n_orders = has_memory ? 1U << history : 1;
    const uint32_t n_runs = has_memory && has_all ? MODEL_RULE_PROBE_RUNS / (uint32_t)n : 1;
    int status = MODEL_OK;
    memset(out, 0, sizeof *out);
    for (size_t k = 0; k < n && status == MODEL_OK; k++) {
        const struct probing p = {.params = params,
                                  .w = w + k * params->policy.n,
                                  .history = history,
                                  .n_runs = n_runs,
                                  .n_settle = has_memory ? MODEL_RULE_PROBE_SETTLE : 0,
                                  .first_order = has_all ? 0 : (uint32_t)k % n_orders,
                                  .n_orders = has_all ? n_orders : 1,
                                  .share = 1.0 / ((double)n * n_runs),
                                  .out = out};
        status = ask_at(&p, (uint32_t)k * n_runs);
    }
    return status;
}

double model_rule_probe_along(size_t n, const model_rule_probe probes[], model_rule_probe_past past,
                              model_rule_probe_outcome outcome, size_t weight)
{
    double sum = 0.0;
    for (size_t k = 0; k < n; k++) {
        for (size_t x = 0; x < MODEL_RULE_PROBE_STIMULI; x++) {
            sum += probes[k].along[past][outcome][x][weight];
        }
    }
    return sum / (double)(n * MODEL_RULE_PROBE_STIMULI);
}

size_t model_rule_probe_parts(model_rule_probe_index index, size_t n,
                              const model_rule_probe probes[], size_t first, size_t n_weights,
                              double a[], double b[])
{
    size_t k = 0;
    for (size_t i = first; i < first + n_weights; i++) {
        if (index == MODEL_RULE_PROBE_ASYMMETRY) {
            a[k] = model_rule_probe_along(n, probes, MODEL_RULE_PROBE_SETTLED,
                                          MODEL_RULE_PROBE_CORRECT, i);
            b[k++] = model_rule_probe_along(n, probes, MODEL_RULE_PROBE_SETTLED,
                                            MODEL_RULE_PROBE_ERROR, i);
            continue;
        }
        for (int o = 0; o < MODEL_RULE_PROBE_OUTCOMES; o++) {
            const model_rule_probe_outcome outcome = (model_rule_probe_outcome)o;
            a[k] = model_rule_probe_along(n, probes, MODEL_RULE_PROBE_REWARDED, outcome, i);
            b[k++] = model_rule_probe_along(n, probes, MODEL_RULE_PROBE_UNREWARDED, outcome, i);
        }
    }
    return k;
}

double model_rule_probe_contrast(model_rule_probe_index index, size_t n,
                                 const model_rule_probe probes[], size_t first, size_t n_weights)
{
    double a[MODEL_RULE_PROBE_PARTS_MAX];
    double b[MODEL_RULE_PROBE_PARTS_MAX];
    const size_t m = model_rule_probe_parts(index, n, probes, first, n_weights, a, b);
    double sum_a = 0.0;
    double sum_b = 0.0;
    for (size_t k = 0; k < m; k++) {
        sum_a += fabs(a[k]);
        sum_b += fabs(b[k]);
    }
    return sum_a + sum_b > 0.0 ? (sum_a - sum_b) / (sum_a + sum_b) : (double)NAN;
}
