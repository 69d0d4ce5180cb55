#include "model/adapt.h"

#include <math.h>
#include <string.h>

#include "arena.h"
#include "checks.h"
#include "fit_filter.h"
#include "model/score.h"

_Static_assert(sizeof(model_adapt_trial) == 32, "no padding");

enum { TRIALS_A_LOOK = 256, JUDGED_TRIALS_MIN = 64 };

void model_adapt_config_init(model_adapt_config *config)
{
    *config = (model_adapt_config){.judged = 0.1,
                                   .n_steps = 8,
                                   .rate = 1e-3,
                                   .filter_rate = 30.0,
                                   .sd_noise = 0.5,
                                   .sd_rule = 0.5};
}

/* ---- members; one that model/fit.h does not train stays the population's ---- */

static const model_net_shape *shape_of(const model_params *member)
{
    return model_rule_of(member->rule.kind)->has_net ? model_net_shape_of(member->rule.net) : NULL;
}

static void configure(const model_params *member, model_fit_config *config)
{
    model_fit_config_init(config, member, shape_of(member));
    config->in_filter = true;
    config->n_shards = 1;
}

static size_t count(const model_params *member)
{
    model_fit_config config;
    configure(member, &config);
    return model_fit_parameters(&config);
}

size_t model_adapt_count(const model_bank_params *bank)
{
    size_t n = 0;
    for (uint32_t i = 0; i < bank->n; i++) {
        n += count(&bank->member[i]);
    }
    return n;
}

static bool config_is_valid(const model_adapt_config *c)
{
    return c->judged >= 0.0 && c->judged <= 0.5 && c->rate > 0.0 && c->filter_rate > 0.0 &&
           isfinite(c->rate) && isfinite(c->filter_rate) && c->sd_net >= 0.0 &&
           c->sd_noise >= 0.0 && c->sd_rule >= 0.0;
}

int model_adapt_init(model_adapt *out, const model_adapt_config *config,
                     const model_bank_params *bank, const model_net_tensors *const tensors[],
                     float population[])
{
    if (!config_is_valid(config) || model_bank_check(bank) != MODEL_OK) {
        return MODEL_ERR_ARG;
    }
    memset(out, 0, sizeof *out);
    out->config = *config;
    out->bank = bank;
    out->population = population;
    for (uint32_t i = 0; i < bank->n; i++) {
        model_fit_config member;
        const model_net_shape *shape = shape_of(&bank->member[i]);
        configure(&bank->member[i], &member);
        out->at[i + 1] = out->at[i] + model_fit_parameters(&member);
        if (out->at[i + 1] > out->at[i]) {
            model_fit_encode(&member, tensors[i], population + out->at[i]);
        }
        out->net[i + 1] =
            out->net[i] + (shape != NULL && config->sd_net > 0.0 ? model_net_size(shape) : 0);
    }
    return MODEL_OK;
}

size_t model_adapt_values(const model_adapt *adapt)
{
    return adapt->at[adapt->bank->n];
}

size_t model_adapt_nets_size(const model_adapt *adapt)
{
    return adapt->net[adapt->bank->n];
}

static int build_member(const model_adapt *adapt, uint32_t i, const float values[], void *nets,
                        model_params *out)
{
    const model_params *population = &adapt->bank->member[i];
    const model_net_shape *shape = shape_of(population);
    model_fit_config config;
    if (adapt->at[i + 1] == adapt->at[i]) {
        return MODEL_OK;
    }
    configure(population, &config);
    if (!all_finite(adapt->at[i + 1] - adapt->at[i], values + adapt->at[i])) {
        return MODEL_ERR_ARG;
    }
    model_fit_decode(&config, values + adapt->at[i], out);
    if (adapt->net[i + 1] > adapt->net[i]) {
        model_net_tensors tensors;
        model_net *net = NULL;
        model_net_tensors_place(shape, values + adapt->at[i], &tensors);
        const int status = model_net_init((unsigned char *)nets + adapt->net[i],
                                          adapt->net[i + 1] - adapt->net[i], shape, &tensors, &net);
        if (status != MODEL_OK) {
            return status;
        }
        out->rule.net = net;
    }
    return model_params_check(out);
}

int model_adapt_build(const model_adapt *adapt, const float values[], void *nets,
                      model_bank_params *out)
{
    *out = *adapt->bank;
    int status = MODEL_OK;
    for (uint32_t i = 0; status == MODEL_OK && i < adapt->bank->n; i++) {
        status = build_member(adapt, i, values, nets, &out->member[i]);
    }
    return status;
}

/* ---- scratch ---- */

struct scratch {
    model_bank_params before;
    model_bank_params after;
    model_bank bank;
    model_fit_rows rows;
    float *pull; /* (parameters of the largest member) */
    void *nets_before;
    void *nets_after;
    void *fit;
    size_t fit_size;
};

static size_t fit_bytes(const model_adapt *adapt, uint32_t member, size_t n_trials)
{
    model_fit_config config;
    configure(&adapt->bank->member[member], &config);
    config.truncation = MODEL_ADAPT_WINDOW_MAX;
    const model_fit_animal animal = {.n_trials = n_trials};
    return model_fit_size(&config, 1, &animal);
}

static size_t lay_out(const model_adapt *adapt, size_t n, unsigned char *base, struct scratch *s)
{
    arena a = {.base = base};
    size_t most = 0;
    s->fit_size = 0;
    for (uint32_t i = 0; i < adapt->bank->n; i++) {
        const size_t bytes = fit_bytes(adapt, i, n);
        s->fit_size = bytes > s->fit_size ? bytes : s->fit_size;
        most = adapt->at[i + 1] - adapt->at[i] > most ? adapt->at[i + 1] - adapt->at[i] : most;
    }
    (void)arena_take(&a, sizeof *s);
    s->rows.x = arena_floats(&a, n * MODEL_RULE_INPUTS_MAX);
    s->rows.g = arena_floats(&a, n * MODEL_WEIGHTS_MAX);
    s->rows.chose_right = arena_take(&a, n);
    s->rows.side = arena_take(&a, n);
    s->rows.starts_session = arena_take(&a, n);
    s->rows.n_steps = arena_take(&a, n * sizeof(uint16_t));
    s->pull = arena_floats(&a, most);
    s->nets_before = arena_take(&a, model_adapt_nets_size(adapt));
    s->nets_after = arena_take(&a, model_adapt_nets_size(adapt));
    s->fit = arena_take(&a, s->fit_size);
    return a.used;
}

size_t model_adapt_scratch(const model_adapt *adapt, size_t n_trials)
{
    struct scratch s;
    return lay_out(adapt, n_trials > 0 ? n_trials : 1, NULL, &s);
}

/* ---- one run ---- */

struct run {
    const model_adapt *adapt;
    const model_adapt_window *window;
    struct scratch *s;
    bool (*is_stopped)(void *context);
    void *context;
    size_t n_learned; /* trials of the window that are learned from */
};

static bool is_stopped(const struct run *r)
{
    return r->is_stopped != NULL && r->is_stopped(r->context);
}

static model_trial trial_of(const model_adapt_trial *t)
{
    return (model_trial){.contrast = t->contrast,
                         .reward = t->reward,
                         .rt_s = t->rt_s,
                         .choice = t->choice,
                         .side = t->side};
}

static size_t fill_rows(const struct run *r, const model_params *params, const model_member *start)
{
    model_fit_cursor cursor;
    size_t n = 0;
    model_fit_cursor_init(&cursor, &params->policy, params->rule.kind, start);
    for (size_t k = 0; k < r->n_learned; k++) {
        const model_adapt_trial *t = &r->window->trials[k];
        const model_trial trial = trial_of(t);
        const bool starts = k > 0 && t->starts_session == 1;
        n += model_fit_cursor_push(&cursor, &trial, starts, &r->s->rows, n) ? 1 : 0;
    }
    return n;
}

/* The penalty as the loss of one trial has it: a normal prior with these deviations. */
static double pull_of(double sd, double n_trials)
{
    return sd > 0.0 ? 1.0 / (sd * sd * n_trials) : (double)INFINITY;
}

static double filter_sd(const model_adapt_config *c, fit_filter_kind kind, double anchor)
{
    switch (kind) {
    case FIT_FILTER_DRIFT_VAR:
    case FIT_FILTER_SESSION_VAR:
        return c->sd_noise;
    case FIT_FILTER_RATE:
        return c->sd_rule * fabs(anchor);
    case FIT_FILTER_BASELINE:
    case FIT_FILTER_DECAY:
        return c->sd_rule;
    case FIT_FILTER_PRIOR_MEAN: /* the animal is known: it no longer matters */
    case FIT_FILTER_PRIOR_VAR:
    case FIT_FILTER_KINDS:
        break;
    }
    return 0.0;
}

static void set_pulls(const struct run *r, uint32_t member, double n_trials, float pull[])
{
    const model_adapt *adapt = r->adapt;
    const model_adapt_config *c = &adapt->config;
    const size_t n = adapt->bank->member[member].policy.n;
    const size_t n_all = adapt->at[member + 1] - adapt->at[member];
    const size_t n_tensors = n_all - FIT_FILTER_KINDS * n;
    const float *anchor = adapt->population + adapt->at[member];
    for (size_t i = 0; i < n_tensors; i++) {
        pull[i] = (float)pull_of(c->sd_net, n_trials);
    }
    for (size_t i = n_tensors; i < n_all; i++) {
        const fit_filter_kind kind = (fit_filter_kind)((i - n_tensors) / n);
        pull[i] = (float)pull_of(filter_sd(c, kind, (double)anchor[i]), n_trials);
    }
}

/* Goes down the gradient; values: the member's, present ones, then new ones. */
static int descend(const struct run *r, uint32_t member, float values[])
{
    const model_adapt_config *c = &r->adapt->config;
    const model_params *params = &r->s->before.member[member];
    const model_member *start = &r->window->start->member[member];
    const size_t n = fill_rows(r, params, start);
    const model_fit_rows *rows = &r->s->rows;
    const model_fit_animal animal = {.n_trials = n,
                                     .x = rows->x,
                                     .g = rows->g,
                                     .chose_right = rows->chose_right,
                                     .side = rows->side,
                                     .starts_session = rows->starts_session,
                                     .n_steps = rows->n_steps,
                                     .start = start};
    model_fit_config config;
    configure(&r->adapt->bank->member[member], &config);
    config.truncation = MODEL_ADAPT_WINDOW_MAX;
    config.rate = c->rate;
    config.rate_factor = 1.0;
    config.filter_rate = c->filter_rate;
    config.anchor = r->adapt->population + r->adapt->at[member];
    config.pull = r->s->pull;
    set_pulls(r, member, (double)n, r->s->pull);
    model_fit *fit = NULL;
    int status = model_fit_init(r->s->fit, r->s->fit_size, &config, 1, &animal, values, &fit);
    for (uint32_t i = 0; status == MODEL_OK && i < c->n_steps; i++) {
        if (is_stopped(r)) {
            return MODEL_ERR_NUMERIC;
        }
        model_fit_run(fit, 0);
        (void)model_fit_sum(fit);
        status = model_fit_step(fit);
    }
    if (status == MODEL_OK) {
        const size_t n_all = r->adapt->at[member + 1] - r->adapt->at[member];
        memcpy(values, model_fit_state(fit), n_all * sizeof values[0]);
    }
    return status;
}

/* Nats a choice of the judged trials, by the bank as it would have followed the window. */
static int judge(const struct run *r, const model_bank_params *params, double *nats, uint32_t *n)
{
    model_bank *bank = &r->s->bank;
    double sum = 0.0;
    *n = 0;
    model_bank_copy(bank, r->window->start);
    for (size_t k = 0; k < r->window->n_trials; k++) {
        const model_adapt_trial *t = &r->window->trials[k];
        const model_trial trial = trial_of(t);
        model_bank_mixture said;
        if (k % TRIALS_A_LOOK == 0 && is_stopped(r)) {
            return MODEL_ERR_NUMERIC;
        }
        if (k > 0 && t->starts_session == 1) {
            model_bank_start_session(bank, params);
        }
        const int status = model_bank_observe(bank, params, &trial, &said);
        if (status == MODEL_OK && trial.choice >= 0 && k >= r->n_learned) {
            sum += model_score_nats(said.p_right, trial.choice == 1);
            (*n)++;
        }
    }
    *nats = *n > 0 ? sum / *n : (double)NAN;
    return MODEL_OK;
}

/* Choices among the trials from..to-1. */
static size_t choices(const model_adapt_window *w, size_t from, size_t to)
{
    size_t n = 0;
    for (size_t k = from; k < to; k++) {
        n += w->trials[k].choice >= 0 ? 1 : 0;
    }
    return n;
}

static bool window_is_valid(const struct run *r)
{
    const model_adapt_window *w = r->window;
    return w->n_trials <= MODEL_ADAPT_WINDOW_MAX && w->start->n == r->adapt->bank->n &&
           choices(w, 0, r->n_learned) > 0 &&
           choices(w, r->n_learned, w->n_trials) >= MODEL_ADAPT_JUDGED_MIN;
}

/* A share of the window, but not too few and not more than half. */
static size_t judged_trials(const model_adapt *adapt, const model_adapt_window *window)
{
    const size_t share = (size_t)(adapt->config.judged * (double)window->n_trials);
    const size_t most = window->n_trials / 2;
    const size_t wanted = share > JUDGED_TRIALS_MIN ? share : JUDGED_TRIALS_MIN;
    return wanted < most ? wanted : most;
}

int model_adapt_run(const model_adapt *adapt, const model_adapt_window *window, void *scratch,
                    bool (*stopped)(void *context), void *context, float values[],
                    model_adapt_result *result)
{
    const size_t n_values = model_adapt_values(adapt);
    struct run r = {.adapt = adapt,
                    .window = window,
                    .s = scratch,
                    .is_stopped = stopped,
                    .context = context,
                    .n_learned = window->n_trials - judged_trials(adapt, window)};
    *result = (model_adapt_result){.before = (double)NAN, .after = (double)NAN};
    if (!window_is_valid(&r)) {
        return MODEL_ERR_ARG;
    }
    (void)lay_out(adapt, window->n_trials, scratch, r.s);
    memcpy(values, window->present, n_values * sizeof values[0]);
    int status = model_adapt_build(adapt, values, r.s->nets_before, &r.s->before);
    for (uint32_t i = 0; status == MODEL_OK && i < adapt->bank->n; i++) {
        if (adapt->at[i + 1] > adapt->at[i]) {
            status = descend(&r, i, values + adapt->at[i]);
        }
    }
    if (status == MODEL_OK) {
        status = judge(&r, &r.s->before, &result->before, &result->n_judged);
    }
    if (status == MODEL_OK &&
        model_adapt_build(adapt, values, r.s->nets_after, &r.s->after) == MODEL_OK) {
        status = judge(&r, &r.s->after, &result->after, &result->n_judged);
    }
    result->is_taken = status == MODEL_OK && result->after <= result->before;
    if (!result->is_taken) {
        memcpy(values, window->present, n_values * sizeof values[0]);
    }
    return status;
}
