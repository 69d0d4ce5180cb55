#include "fit_filter.h"

#include <math.h>
#include <string.h>

#include "checks.h"
#include "filter.h"
#include "fit_step.h"
#include "vectors.h"

static const double RATE_UNIT = 0.015625;

/* Decoded variances stay within what a model file may hold, and above rounding. */
static const double LOG_VAR_LEAST = -27.6; /* 1e-12 */
static const double LOG_VAR_MOST = 9.2;    /* just below MODEL_VAR_MAX */
static const double LOGIT_MOST = 30.0;

/* ---- parameters ---- */

static double *values_of(model_params *params, fit_filter_kind kind)
{
#define CASE(NAME, member)                                                                         \
    case FIT_FILTER_##NAME:                                                                        \
        return params->member;
    switch (kind) {
        FIT_FILTER_LIST(CASE)
    case FIT_FILTER_KINDS:
        break;
    }
#undef CASE
    return NULL;
}

static double encode(fit_filter_kind kind, double value)
{
    switch (kind) {
    case FIT_FILTER_PRIOR_VAR:
    case FIT_FILTER_DRIFT_VAR:
    case FIT_FILTER_SESSION_VAR:
        return clamp(log(value), LOG_VAR_LEAST, LOG_VAR_MOST);
    case FIT_FILTER_RATE:
        return value / RATE_UNIT;
    case FIT_FILTER_DECAY:
        return clamp(log(value / (1.0 - value)), -LOGIT_MOST, LOGIT_MOST);
    case FIT_FILTER_PRIOR_MEAN:
    case FIT_FILTER_BASELINE:
    case FIT_FILTER_KINDS:
        break;
    }
    return value;
}

static double decode(fit_filter_kind kind, double value)
{
    switch (kind) {
    case FIT_FILTER_PRIOR_VAR:
    case FIT_FILTER_DRIFT_VAR:
    case FIT_FILTER_SESSION_VAR:
        return exp(clamp(value, LOG_VAR_LEAST, LOG_VAR_MOST));
    case FIT_FILTER_RATE:
        return clamp(value * RATE_UNIT, -MODEL_RATE_MAX, MODEL_RATE_MAX);
    case FIT_FILTER_DECAY:
        return sigmoid_exact(clamp(value, -LOGIT_MOST, LOGIT_MOST));
    case FIT_FILTER_PRIOR_MEAN:
        return clamp(value, -MODEL_MEAN_MAX, MODEL_MEAN_MAX);
    case FIT_FILTER_BASELINE:
        return clamp(value, -MODEL_RATE_MAX, MODEL_RATE_MAX);
    case FIT_FILTER_KINDS:
        break;
    }
    return value;
}

void fit_filter_encode(const model_params *params, float values[])
{
    model_params copy = *params;
    const size_t n = params->policy.n;
    for (int kind = 0; kind < FIT_FILTER_KINDS; kind++) {
        const double *from = values_of(&copy, (fit_filter_kind)kind);
        for (size_t i = 0; i < n; i++) {
            values[(size_t)kind * n + i] = (float)encode((fit_filter_kind)kind, from[i]);
        }
    }
}

void fit_filter_decode(const float values[], model_params *params)
{
    const size_t n = params->policy.n;
    for (int kind = 0; kind < FIT_FILTER_KINDS; kind++) {
        double *to = values_of(params, (fit_filter_kind)kind);
        for (size_t i = 0; i < n; i++) {
            to[i] = decode((fit_filter_kind)kind, (double)values[(size_t)kind * n + i]);
        }
    }
}

static void add_variance_gradient(const model_params *params, fit_filter_kind kind,
                                  const double var[], const double factor, const double by_P[],
                                  double gradient[])
{
    const size_t n = params->policy.n;
    for (size_t i = 0; i < n; i++) {
        gradient[(size_t)kind * n + i] += by_P[i * n + i] * factor * var[i];
    }
}

/* ---- small matrices ---- */

/* D += (a b' + b a') / 2 */
static void add_symmetric(size_t n, const double a[], const double b[], double D[])
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            D[i * n + j] += 0.5 * (a[i] * b[j] + b[i] * a[j]);
        }
    }
}

static void features(const fit_filter_trial *t, size_t number, size_t n, double g[])
{
    for (size_t i = 0; i < n; i++) {
        g[i] = (double)t->animal->g[number * n + i];
    }
}

/* ---- the step of the trial before ---- */

model_rule_trial fit_filter_last_trial(const fit_filter_trial *t, size_t n, double g[])
{
    const float *x = t->animal->x + t->number * t->n_inputs;
    features(t, t->number - 1, n, g);
    return (model_rule_trial){.stimulus = (double)x[0],
                              .reward = (double)x[4],
                              .is_session_start = x[2] > 0.5F,
                              .chose_right = t->animal->chose_right[t->number - 1] != 0,
                              .side = t->animal->side != NULL ? t->animal->side[t->number - 1]
                                                              : (int8_t)-1};
}

static bool steps_by_rates(const model_rule *rule, const fit_filter_trial *t)
{
    const model_rule_traits *traits = model_rule_of(rule->kind);
    return t->number > 0 && (traits->has_rates || traits->is_gain);
}

rule_rates fit_filter_rates(const model_rule *rule, const double said[])
{
    const rule_ops *ops = rule_ops_of(rule->kind);
    return (rule_rates){ops, ops->traits.is_gain ? said : rule->rate, rule->baseline, rule->decay};
}

static void step_rates(const rule_rates *rule, size_t n, const fit_filter_trial *t, fit_belief *b)
{
    double g[MODEL_WEIGHTS_MAX];
    double dw[MODEL_WEIGHTS_MAX];
    double u[MODEL_WEIGHTS_MAX];
    const model_rule_trial trial = fit_filter_last_trial(t, n, g);
    rule_ops_step(rule, n, b->w, g, &trial, b->trace, dw, u);
    filter_move(n, b->w, b->P, dw, u, NULL, g);
}

/* by_rate[n]: derivatives by the rates; those by the rule's other parameters go to gradient. */
static void back_rates(const rule_rates *rule, size_t n, const fit_filter_trial *t,
                       const fit_belief *before, fit_belief *d, double by_rate[], double gradient[])
{
    double g[MODEL_WEIGHTS_MAX];
    double dw[MODEL_WEIGHTS_MAX];
    double u[MODEL_WEIGHTS_MAX];
    double trace[MODEL_WEIGHTS_MAX];
    double Pg[MODEL_WEIGHTS_MAX];
    double Du[MODEL_WEIGHTS_MAX];
    double DPg[MODEL_WEIGHTS_MAX];
    double by_Pg[MODEL_WEIGHTS_MAX];
    fit_step_derivatives by;
    const model_rule_trial trial = fit_filter_last_trial(t, n, g);
    memcpy(trace, before->trace, sizeof trace);
    rule_ops_step(rule, n, before->w, g, &trial, trace, dw, u);
    multiply(n, before->P, g, Pg);
    multiply(n, d->P, u, Du);
    multiply(n, d->P, Pg, DPg);
    const double v = dot(n, g, Pg);
    const double by_v = dot(n, u, Du);
    for (size_t i = 0; i < n; i++) {
        by.u[i] = 2.0 * (DPg[i] + v * Du[i]);
        by_Pg[i] = 2.0 * Du[i] + by_v * g[i];
    }
    add_symmetric(n, by_Pg, g, d->P);
    memcpy(by.dw, d->w, n * sizeof by.dw[0]);
    const fit_step step = {*rule, n, before->w, before->trace, g, &trial};
    fit_step_backward(&step, &by, d->w, d->trace);
    for (size_t i = 0; i < n; i++) {
        const double l = rule->decay[i];
        by_rate[i] = by.rate[i];
        gradient[FIT_FILTER_DECAY * n + i] += by.decay[i] * l * (1.0 - l);
        gradient[FIT_FILTER_BASELINE * n + i] += by.baseline[i];
    }
}

/* ---- one trial ---- */

void fit_filter_start(const model_params *params, fit_belief *belief)
{
    memset(belief, 0, sizeof *belief);
    filter_init(params->policy.n, belief->w, belief->P, params->noise.prior_mean,
                params->noise.prior_var);
}

void fit_filter_go_on(size_t n, const model_member *start, fit_belief *belief)
{
    memset(belief, 0, sizeof *belief);
    memcpy(belief->w, start->w, n * sizeof belief->w[0]);
    memcpy(belief->P, start->P, n * n * sizeof belief->P[0]);
    memcpy(belief->trace, start->rule.trace, n * sizeof belief->trace[0]);
}

/* Up to the forecast: the rule's step, by what the net said, and drift. Returns the shift that the
 * GRU policy's offset gives the logit. */
static double come_to_trial(const model_params *params, const fit_filter_trial *t,
                            const double said[], const double g[], fit_belief *b)
{
    const size_t n = params->policy.n;
    const double n_steps = (double)t->animal->n_steps[t->number];
    const bool starts = t->number > 0 && t->animal->starts_session[t->number] != 0;
    const model_rule_traits *traits = model_rule_of(params->rule.kind);
    const bool is_step = !traits->sets_offset && !traits->is_gain;
    if (steps_by_rates(&params->rule, t)) {
        const rule_rates rates = fit_filter_rates(&params->rule, said);
        step_rates(&rates, n, t, b);
    }
    for (size_t i = 0; i < n; i++) {
        b->w[i] += is_step ? said[i] : 0.0;
        b->P[i * n + i] +=
            n_steps * params->noise.drift_var[i] + (starts ? params->noise.session_var[i] : 0.0);
    }
    return traits->sets_offset ? dot(n, said, g) : 0.0;
}

double fit_filter_forward(const model_params *params, const fit_filter_trial *trial,
                          const double said[], fit_belief *belief, fit_filter_record *record)
{
    const size_t n = params->policy.n;
    double g[MODEL_WEIGHTS_MAX] = {0.0};
    const bool chose_right = trial->animal->chose_right[trial->number] != 0;
    record->before = *belief;
    memcpy(record->said, said, n * sizeof said[0]);
    features(trial, trial->number, n, g);
    const double shift = come_to_trial(params, trial, said, g, belief);
    double Pg[MODEL_WEIGHTS_MAX];
    multiply(n, belief->P, g, Pg);
    const double v = dot(n, g, Pg);
    const double logit = (dot(n, belief->w, g) + shift) / sqrt(1.0 + FILTER_PI_OVER_8 * v);
    const double margin = chose_right ? logit : -logit;
    (void)filter_update(params->filter, n, belief->w, belief->P, g, shift, chose_right);
    return log1p(exp(-fabs(margin))) + (margin < 0.0 ? -margin : 0.0);
}

/* d by the belief after the measurement, then by that before it; returns the derivative by the
 * logit's mean w . g + shift. */
static double back_measurement(model_filter filter, size_t n, const fit_belief *b, const double g[],
                               double shift, bool chose_right, fit_belief *d)
{
    double Pg[MODEL_WEIGHTS_MAX];
    double DPg[MODEL_WEIGHTS_MAX];
    double by_Pg[MODEL_WEIGHTS_MAX];
    multiply(n, b->P, g, Pg);
    multiply(n, d->P, Pg, DPg);
    const double v = dot(n, g, Pg);
    const double mean = dot(n, b->w, g) + shift;
    const filter_slopes s = filter_slopes_of(filter, mean, v, chose_right);
    const double by_residual = dot(n, d->w, Pg);
    const double by_gain = -dot(n, Pg, DPg);
    double by_mean = by_residual * s.by_mean.residual + by_gain * s.by_mean.gain;
    double by_v = by_residual * s.by_var.residual + by_gain * s.by_var.gain;
    const double scale = 1.0 / sqrt(1.0 + FILTER_PI_OVER_8 * v);
    const double error = sigmoid_exact(mean * scale) - (chose_right ? 1.0 : 0.0);
    by_mean += error * scale;
    by_v -= 0.5 * FILTER_PI_OVER_8 * error * mean * scale * scale * scale;
    for (size_t i = 0; i < n; i++) {
        by_Pg[i] = s.pull.residual * d->w[i] - 2.0 * s.pull.gain * DPg[i] + by_v * g[i];
        d->w[i] += by_mean * g[i];
    }
    add_symmetric(n, by_Pg, g, d->P);
    return by_mean;
}

void fit_filter_backward(const model_params *params, const fit_filter_trial *trial,
                         const fit_filter_record *record, fit_belief *d, double by_said[],
                         double gradient[])
{
    const size_t n = params->policy.n;
    double g[MODEL_WEIGHTS_MAX] = {0.0};
    fit_belief b = record->before;
    features(trial, trial->number, n, g);
    const double shift = come_to_trial(params, trial, record->said, g, &b);
    const double by_mean = back_measurement(params->filter, n, &b, g, shift,
                                            trial->animal->chose_right[trial->number] != 0, d);
    for (size_t i = 0; i < n; i++) {
        by_said[i] = model_rule_of(params->rule.kind)->sets_offset ? by_mean * g[i] : d->w[i];
    }
    add_variance_gradient(params, FIT_FILTER_DRIFT_VAR, params->noise.drift_var,
                          (double)trial->animal->n_steps[trial->number], d->P, gradient);
    if (trial->number > 0 && trial->animal->starts_session[trial->number] != 0) {
        add_variance_gradient(params, FIT_FILTER_SESSION_VAR, params->noise.session_var, 1.0, d->P,
                              gradient);
    }
    double by_rate[MODEL_WEIGHTS_MAX] = {0.0};
    if (steps_by_rates(&params->rule, trial)) {
        const rule_rates rates = fit_filter_rates(&params->rule, record->said);
        back_rates(&rates, n, trial, &record->before, d, by_rate, gradient);
    }
    for (size_t i = 0; i < n; i++) {
        if (model_rule_of(params->rule.kind)->is_gain) {
            by_said[i] = by_rate[i];
        } else {
            gradient[FIT_FILTER_RATE * n + i] += by_rate[i] * RATE_UNIT;
        }
    }
}

void fit_filter_finish(const model_params *params, const fit_belief *d, double gradient[])
{
    const size_t n = params->policy.n;
    for (size_t i = 0; i < n; i++) {
        gradient[FIT_FILTER_PRIOR_MEAN * n + i] += d->w[i];
    }
    add_variance_gradient(params, FIT_FILTER_PRIOR_VAR, params->noise.prior_var, 1.0, d->P,
                          gradient);
}
