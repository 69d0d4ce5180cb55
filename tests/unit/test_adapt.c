/* model/adapt.h: an animal's own parameters, from the belief at the window's start. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "model/adapt.h"
#include "model/score.h"
#include "some_net.h"

enum { N = 3, TRIALS = 1200, KNOWN = 70, SEEN = 220 };

static model_params params_of(model_rule_kind kind)
{
    model_params p;
    assert_int_equal(model_params_built_in(&p, "stimulus,bias,prev_choice"), MODEL_OK);
    p.rule.kind = kind;
    for (int i = 0; i < N; i++) {
        p.noise.prior_var[i] = 0.5 + 0.2 * i;
        p.noise.drift_var[i] = 0.003 + 0.001 * i;
        p.noise.session_var[i] = 0.1 + 0.05 * i;
        p.rule.rate[i] = 0.05 + 0.01 * i;
        p.rule.baseline[i] = 0.2 - 0.1 * i;
        p.rule.decay[i] = 0.6 + 0.1 * i;
    }
    return p;
}

static some_net *net_of(model_rule_kind kind)
{
    test_random r = test_random_seeded(5);
    if (!model_rule_of(kind)->has_net) {
        return NULL;
    }
    return some_net_make(&r,
                         (model_net_shape){.is_recurrent = model_rule_of(kind)->is_recurrent,
                                           .n_inputs = N + (uint32_t)model_rule_of(kind)->n_inputs,
                                           .n_hidden = 9,
                                           .n_layers = 1,
                                           .n_outputs = N});
}

/* An animal whose bias wanders with this standard deviation a trial; no-gos and unknown values
 * among its trials. */
static void draw_animal(uint64_t seed, double bias_sd, size_t n, model_adapt_trial out[])
{
    test_random r = test_random_seeded(seed);
    double bias = 0.0;
    for (size_t t = 0; t < n; t++) {
        const double c = 0.25 * ((int)(9.0 * test_random_uniform(&r)) - 4);
        const double p = 1.0 / (1.0 + exp(-(3.0 * c + bias)));
        const bool right = test_random_uniform(&r) < p;
        const bool is_no_go = test_random_uniform(&r) < 0.05;
        const bool is_correct = right == (c > 0.0);
        bias = 0.98 * bias + bias_sd * test_random_normal(&r);
        out[t] = (model_adapt_trial){.contrast = c,
                                     .reward = test_random_uniform(&r) < 0.05 ? (double)NAN
                                               : is_correct                   ? 1.0
                                                                              : 0.0,
                                     .rt_s = test_random_uniform(&r) < 0.1 ? (double)NAN : 0.4,
                                     .choice = (int8_t)(is_no_go ? -1
                                                        : right  ? 1
                                                                 : 0),
                                     .side = (int8_t)(c > 0.0),
                                     .starts_session = t % 130 == 0 || t == KNOWN + 1};
    }
}

static model_trial trial_of(const model_adapt_trial *t)
{
    return (model_trial){.contrast = t->contrast,
                         .reward = t->reward,
                         .rt_s = t->rt_s,
                         .choice = t->choice,
                         .side = t->side};
}

/* ---- a fit that goes on from a twin ---- */

struct going_on {
    model_params params;
    some_net *net;
    model_adapt_trial trial[SEEN];
    model_member start;
    float x[SEEN * MODEL_RULE_INPUTS_MAX];
    float g[SEEN * N];
    uint8_t y[SEEN];
    int8_t side[SEEN];
    uint8_t starts[SEEN];
    uint16_t n_steps[SEEN];
    model_fit_animal animal;
    model_fit_config config;
    float *values;
    model_fit *fit;
    double twin_loss;
};

static void follow(struct going_on *w)
{
    model_member twin;
    double nats = 0.0;
    size_t n = 0;
    model_member_init(&twin, &w->params);
    for (size_t k = 0; k < SEEN; k++) {
        const model_trial trial = trial_of(&w->trial[k]);
        double p;
        if (w->trial[k].starts_session == 1) {
            model_member_start_session(&twin, &w->params);
        }
        if (k == KNOWN) {
            w->start = twin;
        }
        model_member_predict(&twin, &w->params, 1, &trial.contrast, &p, NULL, NULL);
        assert_int_equal(model_member_observe(&twin, &w->params, &trial), MODEL_OK);
        if (k >= KNOWN && trial.choice >= 0) {
            nats += model_score_nats(p, trial.choice == 1);
            n++;
        }
    }
    w->twin_loss = nats / (double)n;
}

static void fill_animal(struct going_on *w)
{
    const model_fit_rows rows = {w->x, w->g, w->y, w->side, w->starts, w->n_steps};
    model_fit_cursor cursor;
    size_t n = 0;
    model_fit_cursor_init(&cursor, &w->params.policy, w->params.rule.kind, &w->start);
    for (size_t k = KNOWN; k < SEEN; k++) {
        const model_trial trial = trial_of(&w->trial[k]);
        n += model_fit_cursor_push(&cursor, &trial, k > KNOWN && w->trial[k].starts_session == 1,
                                   &rows, n)
                 ? 1
                 : 0;
    }
    w->animal = (model_fit_animal){.n_trials = n,
                                   .x = w->x,
                                   .g = w->g,
                                   .chose_right = w->y,
                                   .side = w->side,
                                   .starts_session = w->starts,
                                   .n_steps = w->n_steps,
                                   .start = &w->start};
}

static model_fit *fit_of(const struct going_on *w)
{
    const model_fit_animal animal = w->animal;
    const size_t size = model_fit_size(&w->config, 1, &animal);
    void *mem = aligned_alloc(MODEL_NET_ALIGN, size);
    model_fit *fit = NULL;
    assert_int_equal(model_fit_init(mem, size, &w->config, 1, &animal, w->values, &fit), MODEL_OK);
    return fit; /* it starts where its memory does */
}

static struct going_on *go_on(model_rule_kind kind)
{
    struct going_on *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->params = params_of(kind);
    w->net = net_of(kind);
    w->params.rule.net = w->net != NULL ? w->net->net : NULL;
    draw_animal(3, 0.05, SEEN, w->trial);
    follow(w);
    fill_animal(w);
    model_fit_config_init(&w->config, &w->params, w->net != NULL ? &w->net->shape : NULL);
    w->config.in_filter = true;
    w->config.n_shards = 1;
    w->values = calloc(model_fit_parameters(&w->config), sizeof *w->values);
    model_fit_encode(&w->config, w->net != NULL ? &w->net->tensors : NULL, w->values);
    w->fit = fit_of(w);
    return w;
}

static void going_on_free(struct going_on *w)
{
    if (w->net != NULL) {
        some_net_free(w->net);
    }
    free(w->fit);
    free(w->values);
    free(w);
}

static void a_fit_that_goes_on_from_a_twin_scores_as_the_twin_does_for_every_rule(void **state)
{
    (void)state;
    for (int kind = 0; kind < MODEL_RULES; kind++) {
        if (!model_fit_trains((model_rule_kind)kind)) {
            continue;
        }
        struct going_on *w = go_on((model_rule_kind)kind);
        model_fit_run(w->fit, 0);
        const double loss = model_fit_sum(w->fit);
        if (fabs(loss - w->twin_loss) > 2e-6) {
            fail_msg("rule %s: %.9f, the twin has %.9f", model_rule_name((model_rule_kind)kind),
                     loss, w->twin_loss);
        }
        going_on_free(w);
    }
}

static double loss_at(struct going_on *w, size_t i, float value)
{
    const float held = w->values[i];
    w->values[i] = value;
    assert_int_equal(model_fit_load(w->fit, w->values), MODEL_OK);
    w->values[i] = held;
    return model_fit_evaluate(w->fit);
}

static void its_derivatives_agree_with_differences_and_the_prior_has_none(void **state)
{
    (void)state;
    for (int kind = 0; kind < MODEL_RULES; kind++) {
        if (!model_fit_trains((model_rule_kind)kind)) {
            continue;
        }
        struct going_on *w = go_on((model_rule_kind)kind);
        const size_t n = model_fit_parameters(&w->config);
        const size_t first = w->net != NULL ? model_net_tensors_count(&w->net->shape) : 0;
        const float step = w->net != NULL ? 0.05F : 0.01F;
        double size = 0.0;
        float *gradient = calloc(n, sizeof *gradient);
        model_fit_run(w->fit, 0);
        (void)model_fit_sum(w->fit);
        memcpy(gradient, model_fit_gradient(w->fit), n * sizeof *gradient);
        for (size_t i = first; i < n; i++) {
            size = fmax(size, fabs((double)gradient[i]));
        }
        assert_true(size > 1e-6);
        for (size_t i = first; i < n; i++) {
            const double up = loss_at(w, i, w->values[i] + step);
            const double slope = (up - loss_at(w, i, w->values[i] - step)) / (2.0 * (double)step);
            if (fabs(slope - (double)gradient[i]) / size > (w->net != NULL ? 3e-2 : 2e-3)) {
                fail_msg("rule %s, parameter %zu: %.6g by differences, %.6g given",
                         model_rule_name((model_rule_kind)kind), i - first, slope,
                         (double)gradient[i]);
            }
        }
        for (size_t i = first; i < first + 2 * N; i++) { /* prior means and variances */
            CHECK_NEAR((double)gradient[i], 0.0, 0.0);
        }
        free(gradient);
        going_on_free(w);
    }
}

static void an_anchor_pulls_and_an_infinite_pull_holds(void **state)
{
    (void)state;
    struct going_on *w = go_on(MODEL_RULE_REINFORCE);
    const size_t n = model_fit_parameters(&w->config);
    float *plain = calloc(n, sizeof *plain);
    float *anchor = calloc(n, sizeof *anchor);
    float *pull = calloc(n, sizeof *pull);
    model_fit_run(w->fit, 0);
    const double loss = model_fit_sum(w->fit);
    memcpy(plain, model_fit_gradient(w->fit), n * sizeof *plain);
    for (size_t i = 0; i < n; i++) {
        anchor[i] = w->values[i] - 2.0F;
        pull[i] = i % 2 == 0 ? 0.25F : (float)INFINITY;
    }
    w->config.anchor = anchor;
    w->config.pull = pull;
    model_fit *fit = fit_of(w);
    model_fit_run(fit, 0);
    CHECK_NEAR(model_fit_sum(fit), loss + 0.5 * 0.25 * 4.0 * (double)((n + 1) / 2), 1e-5);
    for (size_t i = 0; i < n; i++) {
        CHECK_NEAR((double)model_fit_gradient(fit)[i], i % 2 == 0 ? (double)plain[i] + 0.5 : 0.0,
                   1e-6);
    }
    assert_int_equal(model_fit_step(fit), MODEL_OK);
    for (size_t i = 0; i < n; i++) {
        assert_true((model_fit_state(fit)[i] == w->values[i]) == (i % 2 == 1));
    }
    pull[0] = -1.0F;
    const model_fit_animal animal = w->animal;
    const size_t size = model_fit_size(&w->config, 1, &animal);
    assert_int_equal(model_fit_init(fit, size, &w->config, 1, &animal, w->values, &fit),
                     MODEL_ERR_ARG);
    free(fit);
    free(plain);
    free(anchor);
    free(pull);
    going_on_free(w);
}

/* ---- a bank ---- */

static const model_rule_kind KINDS[] = {MODEL_RULE_NONE, MODEL_RULE_REINFORCE, MODEL_RULE_RNN,
                                        MODEL_RULE_GRU_POLICY};

enum { MEMBERS = sizeof KINDS / sizeof KINDS[0] };

struct world {
    model_bank_params params;
    some_net *net[MEMBERS];
    model_adapt_config config;
    model_adapt adapt;
    float *population;
    float *values;
    void *nets;
    model_bank_params own;
    void *scratch;
    model_adapt_trial trial[TRIALS];
    model_bank start;
    model_adapt_window window;
    model_adapt_result result;
};

static struct world *open_world(double bias_sd)
{
    struct world *w = calloc(1, sizeof *w);
    const model_net_tensors *tensors[MEMBERS] = {NULL};
    assert_non_null(w);
    w->params.n = MEMBERS;
    w->params.share = 0.001;
    w->params.temper = 1.0;
    for (size_t i = 0; i < MEMBERS; i++) {
        w->params.member[i] = params_of(KINDS[i]);
        w->params.prior[i] = 1.0 / MEMBERS;
        w->net[i] = net_of(KINDS[i]);
        if (w->net[i] != NULL) {
            w->params.member[i].rule.net = w->net[i]->net;
            tensors[i] = &w->net[i]->tensors;
        }
    }
    model_adapt_config_init(&w->config);
    w->config.judged = 0.25;
    w->config.filter_rate = 10.0;
    w->config.sd_net = 0.02;
    w->config.sd_rule = 0.5;
    w->population = calloc(model_adapt_count(&w->params), sizeof *w->population);
    w->values = calloc(model_adapt_count(&w->params), sizeof *w->values);
    assert_int_equal(model_adapt_init(&w->adapt, &w->config, &w->params, tensors, w->population),
                     MODEL_OK);
    w->nets = aligned_alloc(MODEL_NET_ALIGN, model_adapt_nets_size(&w->adapt));
    w->scratch = aligned_alloc(MODEL_NET_ALIGN, model_adapt_scratch(&w->adapt, TRIALS));
    draw_animal(8, bias_sd, TRIALS, w->trial);
    model_bank_init(&w->start, &w->params);
    w->window = (model_adapt_window){
        .start = &w->start, .n_trials = TRIALS, .trials = w->trial, .present = w->population};
    return w;
}

static void close_world(struct world *w)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        if (w->net[i] != NULL) {
            some_net_free(w->net[i]);
        }
    }
    free(w->population);
    free(w->values);
    free(w->nets);
    free(w->scratch);
    free(w);
}

static int run(struct world *w)
{
    return model_adapt_run(&w->adapt, &w->window, w->scratch, NULL, NULL, w->values, &w->result);
}

static bool values_are(const struct world *w, const float other[])
{
    return memcmp(w->values, other, model_adapt_values(&w->adapt) * sizeof *other) == 0;
}

static void the_population_s_values_make_the_population_s_bank(void **state)
{
    (void)state;
    struct world *w = open_world(0.05);
    model_bank bank;
    model_bank same;
    assert_int_equal(model_adapt_build(&w->adapt, w->population, w->nets, &w->own), MODEL_OK);
    model_bank_init(&bank, &w->params);
    model_bank_init(&same, &w->own);
    for (size_t k = 0; k < 300; k++) {
        const model_trial trial = trial_of(&w->trial[k]);
        model_bank_mixture said[2];
        assert_int_equal(model_bank_observe(&bank, &w->params, &trial, &said[0]), MODEL_OK);
        assert_int_equal(model_bank_observe(&same, &w->own, &trial, &said[1]), MODEL_OK);
        CHECK_NEAR(said[0].p_right, said[1].p_right, 1e-5);
    }
    close_world(w);
}

static void learn_fast(struct world *w)
{
    w->adapt.config.n_steps = 40;
    w->adapt.config.filter_rate = 60.0;
    w->adapt.config.sd_noise = 1.0;
}

/* The population's bias drifts by a variance of 0.004 a trial; this one's by 0.0625. */
static void an_animal_that_wanders_more_gets_more_drift_and_is_predicted_better(void **state)
{
    (void)state;
    struct world *w = open_world(0.25);
    learn_fast(w);
    assert_int_equal(run(w), MODEL_OK);
    printf("before %.4f, after %.4f of %u choices\n", w->result.before, w->result.after,
           w->result.n_judged);
    assert_true(w->result.is_taken);
    assert_true(w->result.after < w->result.before - 0.002);
    assert_in_range(w->result.n_judged, 260, 300);
    assert_int_equal(model_adapt_build(&w->adapt, w->values, w->nets, &w->own), MODEL_OK);
    assert_true(w->own.member[0].noise.drift_var[1] > 1.5 * w->params.member[0].noise.drift_var[1]);
    CHECK_NEAR(w->own.member[0].noise.prior_var[1], w->params.member[0].noise.prior_var[1], 1e-6);
    close_world(w);
}

static void what_would_have_predicted_worse_is_not_taken_up(void **state)
{
    (void)state;
    struct world *w = open_world(0.25);
    draw_animal(9, 0.0, TRIALS / 4, w->trial + 3 * TRIALS / 4); /* it wanders no more */
    learn_fast(w);
    assert_int_equal(run(w), MODEL_OK);
    printf("before %.4f, after %.4f\n", w->result.before, w->result.after);
    assert_false(w->result.is_taken);
    assert_true(w->result.after > w->result.before);
    assert_true(values_are(w, w->population));
    close_world(w);
}

static void a_deviation_of_0_holds_its_parameters(void **state)
{
    (void)state;
    struct world *w = open_world(0.25);
    w->adapt.config.sd_net = 0.0;
    w->adapt.config.sd_rule = 0.0;
    w->adapt.config.sd_noise = 1.0;
    assert_int_equal(run(w), MODEL_OK);
    assert_true(w->result.is_taken);
    for (size_t i = 0; i < model_adapt_values(&w->adapt); i++) {
        size_t member = 0;
        while (i >= w->adapt.at[member + 1]) {
            member++;
        }
        const size_t from_end = w->adapt.at[member + 1] - 1 - i;
        const bool is_noise = from_end >= 3 * N && from_end < 5 * N; /* drift and session */
        assert_true(is_noise || w->values[i] == w->population[i]);
    }
    close_world(w);
}

static void nets_that_are_held_stay_the_population_s_and_take_no_memory(void **state)
{
    (void)state;
    struct world *w = open_world(0.25);
    const model_net_tensors *tensors[MEMBERS] = {NULL};
    for (size_t i = 0; i < MEMBERS; i++) {
        tensors[i] = w->net[i] != NULL ? &w->net[i]->tensors : NULL;
    }
    w->config.sd_net = 0.0;
    assert_int_equal(model_adapt_init(&w->adapt, &w->config, &w->params, tensors, w->population),
                     MODEL_OK);
    learn_fast(w);
    assert_int_equal(model_adapt_nets_size(&w->adapt), 0);
    assert_int_equal(run(w), MODEL_OK);
    assert_true(w->result.is_taken);
    assert_int_equal(model_adapt_build(&w->adapt, w->values, NULL, &w->own), MODEL_OK);
    for (size_t i = 0; i < MEMBERS; i++) {
        assert_ptr_equal(w->own.member[i].rule.net, w->params.member[i].rule.net);
    }
    close_world(w);
}

static void the_same_window_gives_the_same_bytes(void **state)
{
    (void)state;
    struct world *w = open_world(0.2);
    struct world *v = open_world(0.2);
    memset(v->scratch, 0x5a, model_adapt_scratch(&v->adapt, TRIALS));
    assert_int_equal(run(w), MODEL_OK);
    assert_int_equal(run(v), MODEL_OK);
    assert_false(values_are(w, w->population));
    assert_true(values_are(w, v->values));
    assert_memory_equal(&w->result.after, &v->result.after, sizeof(double));
    close_world(w);
    close_world(v);
}

static bool at_once(void *context)
{
    (*(int *)context)++;
    return *(int *)context >= 5;
}

static void a_stop_ends_it_with_the_present_parameters(void **state)
{
    (void)state;
    struct world *w = open_world(0.2);
    int asked = 0;
    assert_int_equal(
        model_adapt_run(&w->adapt, &w->window, w->scratch, at_once, &asked, w->values, &w->result),
        MODEL_ERR_NUMERIC);
    assert_int_equal(asked, 5);
    assert_false(w->result.is_taken);
    assert_true(values_are(w, w->population));
    close_world(w);
}

static void windows_without_enough_choices_are_refused(void **state)
{
    (void)state;
    struct world *w = open_world(0.2);
    w->window.n_trials = 0;
    assert_int_equal(run(w), MODEL_ERR_ARG);
    w->window.n_trials = 2 * (MODEL_ADAPT_JUDGED_MIN - 1);
    assert_int_equal(run(w), MODEL_ERR_ARG);
    w->window.n_trials = MODEL_ADAPT_WINDOW_MAX + 1;
    assert_int_equal(run(w), MODEL_ERR_ARG);
    w->window.n_trials = TRIALS;
    for (size_t k = 0; k < TRIALS; k++) {
        w->trial[k].choice = -1;
    }
    assert_int_equal(run(w), MODEL_ERR_ARG);
    close_world(w);
}

static void strange_animals_leave_everything_finite(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        struct world *w = open_world(0.1);
        for (size_t k = 0; k < TRIALS; k++) {
            model_adapt_trial *t = &w->trial[k];
            const bool is_changed = kind == 0 || k >= TRIALS / 2;
            t->choice = kind == 2 && k % 12 != 0 ? -1
                        : is_changed             ? (int8_t)0 /* always left */
                                                 : t->choice;
            t->rt_s = k % 2 == 0 ? 0.0 : (double)NAN;
            t->reward = (double)NAN;
        }
        assert_int_equal(run(w), kind == 2 ? MODEL_ERR_ARG : MODEL_OK);
        if (kind < 2) {
            assert_true(isfinite(w->result.before) && isfinite(w->result.after));
            assert_int_equal(model_adapt_build(&w->adapt, w->values, w->nets, &w->own), MODEL_OK);
            assert_int_equal(model_bank_check(&w->own), MODEL_OK);
        }
        close_world(w);
    }
}

/* A bank whose second member is of rule basis: the others' values stand side by side. */
static void a_member_that_is_not_trained_stays_as_it_is(void **state)
{
    (void)state;
    struct world *w = open_world(0.1);
    model_params *basis = &w->params.member[1];
    const model_net_tensors *tensors[MEMBERS] = {NULL};
    basis->rule = (model_rule){.kind = MODEL_RULE_BASIS, .memory = 0.7};
    basis->rule.coefficient[MODEL_BASIS_REWARDED][0] = 0.05;
    basis->rule.coefficient[MODEL_BASIS_FORGETTING][1] = 0.01;
    for (size_t i = 0; i < MEMBERS; i++) {
        tensors[i] = w->net[i] != NULL ? &w->net[i]->tensors : NULL;
    }
    assert_int_equal(model_adapt_init(&w->adapt, &w->config, &w->params, tensors, w->population),
                     MODEL_OK);
    assert_int_equal(model_adapt_values(&w->adapt), model_adapt_count(&w->params));
    assert_int_equal(w->adapt.at[2], w->adapt.at[1]);
    assert_true(w->adapt.at[1] > 0 && w->adapt.at[3] > w->adapt.at[2]);
    free(w->scratch);
    w->scratch = aligned_alloc(MODEL_NET_ALIGN, model_adapt_scratch(&w->adapt, TRIALS));
    model_bank_init(&w->start, &w->params);
    assert_int_equal(run(w), MODEL_OK);
    assert_true(isfinite(w->result.before) && isfinite(w->result.after));
    assert_int_equal(model_adapt_build(&w->adapt, w->values, w->nets, &w->own), MODEL_OK);
    assert_memory_equal(&w->own.member[1], basis, sizeof *basis);
    close_world(w);
}

static void values_out_of_range_build_nothing(void **state)
{
    (void)state;
    struct world *w = open_world(0.1);
    memcpy(w->values, w->population, model_adapt_values(&w->adapt) * sizeof *w->values);
    w->values[w->adapt.at[2] + 3] = (float)NAN;
    assert_int_equal(model_adapt_build(&w->adapt, w->values, w->nets, &w->own), MODEL_ERR_ARG);
    memcpy(w->values, w->population, model_adapt_values(&w->adapt) * sizeof *w->values);
    w->values[w->adapt.at[1] - 1] = (float)INFINITY;
    assert_int_equal(model_adapt_build(&w->adapt, w->values, w->nets, &w->own), MODEL_ERR_ARG);
    close_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fit_that_goes_on_from_a_twin_scores_as_the_twin_does_for_every_rule),
        cmocka_unit_test(its_derivatives_agree_with_differences_and_the_prior_has_none),
        cmocka_unit_test(an_anchor_pulls_and_an_infinite_pull_holds),
        cmocka_unit_test(the_population_s_values_make_the_population_s_bank),
        cmocka_unit_test(an_animal_that_wanders_more_gets_more_drift_and_is_predicted_better),
        cmocka_unit_test(what_would_have_predicted_worse_is_not_taken_up),
        cmocka_unit_test(a_deviation_of_0_holds_its_parameters),
        cmocka_unit_test(nets_that_are_held_stay_the_population_s_and_take_no_memory),
        cmocka_unit_test(the_same_window_gives_the_same_bytes),
        cmocka_unit_test(a_stop_ends_it_with_the_present_parameters),
        cmocka_unit_test(windows_without_enough_choices_are_refused),
        cmocka_unit_test(strange_animals_leave_everything_finite),
        cmocka_unit_test(a_member_that_is_not_trained_stays_as_it_is),
        cmocka_unit_test(values_out_of_range_build_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
