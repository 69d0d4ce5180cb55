/* Training inside the filter: the loss is the twin's own score, the gradient its derivative. */
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
#include "model/fit.h"
#include "model/score.h"
#include "seeded.h"
#include "some_params.h"

enum { ANIMALS = 3, TRIALS_MAX = 90, N = SOME_WEIGHTS, INPUTS_MAX = MODEL_RULE_INPUTS_MAX };

/* A few animals as the twin meets them, and as a fit takes them. */
struct cohort {
    size_t n_trials[ANIMALS];
    model_trial trial[ANIMALS][TRIALS_MAX]; /* no-gos among them */
    bool starts[ANIMALS][TRIALS_MAX];
    float x[ANIMALS][TRIALS_MAX * INPUTS_MAX];
    float g[ANIMALS][TRIALS_MAX * N];
    uint8_t y[ANIMALS][TRIALS_MAX];
    int8_t side[ANIMALS][TRIALS_MAX];
    uint8_t starts_session[ANIMALS][TRIALS_MAX];
    uint16_t n_steps[ANIMALS][TRIALS_MAX];
    model_fit_animal animal[ANIMALS];
};

static void draw_trials(struct cohort *h, test_random *r)
{
    for (size_t a = 0; a < ANIMALS; a++) {
        h->n_trials[a] = TRIALS_MAX - 25 * a;
        for (size_t t = 0; t < h->n_trials[a]; t++) {
            const double u = test_random_uniform(r);
            h->starts[a][t] = t == 0 || t == 11 || t == 12 || t == 40;
            h->trial[a][t] = (model_trial){
                .contrast = 0.25 * ((int)(5.0 * test_random_uniform(r)) - 2),
                .reward = test_random_uniform(r) < 0.1 ? (double)NAN
                                                       : (double)(test_random_uniform(r) < 0.6),
                .rt_s = test_random_uniform(r) < 0.1 ? (double)NAN : 3.0 * test_random_uniform(r),
                .choice = (int8_t)(u < 0.1   ? -1
                                   : u < 0.6 ? 1
                                             : 0),
                .side = (int8_t)((int)(3.0 * test_random_uniform(r)) - 1)};
        }
    }
}

/* What training.c makes of a table, said once more in the plainest way. */
static void fill_views(struct cohort *h, const model_params *p)
{
    const model_rule_kind kind = p->rule.kind;
    const size_t n_inputs = model_fit_inputs(kind);
    for (size_t a = 0; a < ANIMALS; a++) {
        model_history history;
        model_rule_trial last = {0};
        bool at_start = true;
        int64_t n_session = 0;
        size_t n = 0;
        uint16_t n_steps = 0;
        history = (model_history){0};
        for (size_t t = 0; t < h->n_trials[a]; t++) {
            const model_trial *trial = &h->trial[a][t];
            if (h->starts[a][t]) {
                history = (model_history){0};
                at_start = true;
                n_session = 0;
            }
            if (trial->choice >= 0) {
                const model_rule_trial seen = {
                    .stimulus = model_policy_stimulus(&p->policy, trial->contrast),
                    .reward = trial->reward,
                    .rt_s = trial->rt_s,
                    .n_session = n_session,
                    .n_training = (int64_t)t,
                    .is_session_start = at_start,
                    .chose_right = trial->choice == 1,
                    .side = trial->side};
                double g[N];
                model_policy_fill(&p->policy, &history, seen.stimulus, g);
                for (size_t i = 0; i < N; i++) {
                    h->g[a][n * N + i] = (float)g[i];
                }
                memset(&h->x[a][n * n_inputs], 0, n_inputs * sizeof(float));
                if (n > 0) {
                    model_rule_fill_inputs(model_rule_of(kind)->has_net ? kind : MODEL_RULE_RNN,
                                           &last, &h->x[a][n * n_inputs]);
                }
                h->y[a][n] = seen.chose_right;
                h->side[a][n] = seen.side;
                h->starts_session[a][n] = at_start;
                h->n_steps[a][n++] = n_steps;
                model_history_push(&history, seen.stimulus, seen.chose_right, seen.reward);
                last = seen;
                at_start = false;
                n_steps = 0;
            }
            n_session++;
            n_steps++;
        }
        h->animal[a] = (model_fit_animal){.n_trials = n,
                                          .x = h->x[a],
                                          .g = h->g[a],
                                          .chose_right = h->y[a],
                                          .side = h->side[a],
                                          .starts_session = h->starts_session[a],
                                          .n_steps = h->n_steps[a]};
    }
}

static struct cohort *herd_of(const model_params *p)
{
    test_random r = test_random_seeded(21);
    struct cohort *h = calloc(1, sizeof *h);
    assert_non_null(h);
    draw_trials(h, &r);
    fill_views(h, p);
    return h;
}

static void config_of(model_fit_config *c, const model_params *p)
{
    const model_net_shape shape = {.is_recurrent = model_rule_of(p->rule.kind)->is_recurrent,
                                   .n_inputs = N + (uint32_t)model_fit_inputs(p->rule.kind),
                                   .n_hidden = 17,
                                   .n_layers = 2,
                                   .n_outputs = N};
    model_fit_config_init(c, p, model_rule_of(p->rule.kind)->has_net ? &shape : NULL);
    c->in_filter = true;
    c->n_shards = 2;
}

/* Parameters with a net that does something. */
static float *draw_parameters(const model_fit_config *c)
{
    float *values = calloc(3 * model_fit_parameters(c), sizeof *values);
    assert_non_null(values);
    model_fit_draw(c, 4, values);
    for (size_t i = 0; i < N && model_rule_of(c->params.rule.kind)->has_net; i++) {
        values[i] = c->params.rule.kind == MODEL_RULE_GRU_POLICY ? 3.0F : 0.3F;
    }
    return values;
}

static model_fit *fit_make(const model_fit_config *c, const struct cohort *h, const float values[])
{
    const size_t size = model_fit_size(c, ANIMALS, h->animal);
    model_fit *fit = NULL;
    void *mem = aligned_alloc(MODEL_NET_ALIGN, size);
    assert_true(size > 0);
    assert_non_null(mem);
    assert_int_equal(model_fit_init(mem, size, c, ANIMALS, h->animal, values, &fit), MODEL_OK);
    return fit; /* it starts where its memory does */
}

static double pass(model_fit *fit, const model_fit_config *c)
{
    for (size_t s = 0; s < c->n_shards; s++) {
        model_fit_run(fit, s);
    }
    return model_fit_sum(fit);
}

/* Nats a trial of twins that follow the same animals. */
static double twins_loss(const struct cohort *h, const model_params *p)
{
    double nats = 0.0;
    size_t n = 0;
    for (size_t a = 0; a < ANIMALS; a++) {
        model_member twin;
        model_member_init(&twin, p);
        for (size_t t = 0; t < h->n_trials[a]; t++) {
            const model_trial *trial = &h->trial[a][t];
            double p_right;
            if (h->starts[a][t]) {
                model_member_start_session(&twin, p);
            }
            model_member_predict(&twin, p, 1, &trial->contrast, &p_right, NULL, NULL);
            if (trial->choice >= 0) {
                nats += model_score_nats(p_right, trial->choice == 1);
                n++;
            }
            assert_int_equal(model_member_observe(&twin, p, trial), MODEL_OK);
        }
    }
    return nats / (double)n;
}

static void the_loss_is_the_score_of_the_twin_for_every_rule(void **state)
{
    (void)state;
    for (int k = 0; k < SOME_PAIRS; k++) {
        const model_rule_kind kind = some_rule(k);
        if (!model_fit_trains(kind)) {
            continue;
        }
        model_params p = some_params(kind, some_filter(k));
        struct cohort *h = herd_of(&p);
        model_fit_config c;
        config_of(&c, &p);
        float *values = draw_parameters(&c);
        model_fit *fit = fit_make(&c, h, values);
        const double loss = pass(fit, &c);
        void *net_memory = NULL;
        if (model_rule_of(p.rule.kind)->has_net) {
            model_net_tensors tensors;
            model_net *net = NULL;
            const size_t size = model_net_size(&c.shape);
            model_net_tensors_place(&c.shape, values, &tensors);
            net_memory = aligned_alloc(MODEL_NET_ALIGN, size);
            assert_int_equal(model_net_init(net_memory, size, &c.shape, &tensors, &net), MODEL_OK);
            p.rule.net = net;
        }
        CHECK_NEAR(model_fit_evaluate(fit), loss, 0.0);
        CHECK_NEAR(loss, twins_loss(h, &p), 2e-6);
        free(net_memory);
        free(fit);
        free(values);
        free(h);
    }
}

static double loss_at(model_fit *fit, float values[], size_t i, float value)
{
    const float held = values[i];
    values[i] = value;
    assert_int_equal(model_fit_load(fit, values), MODEL_OK);
    values[i] = held;
    return model_fit_evaluate(fit);
}

/* Central differences of each of the filter's parameters; the filter is in double precision, so
 * they are told well also where a net in single precision stands beside it. */
static void every_derivative_by_a_parameter_of_the_filter_agrees_with_differences(void **state)
{
    (void)state;
    double worst = 0.0;
    for (int k = 0; k < SOME_PAIRS; k++) {
        const model_rule_kind kind = some_rule(k);
        if (!model_fit_trains(kind)) {
            continue;
        }
        const model_params p = some_params(kind, some_filter(k));
        const bool has_net = model_rule_of(p.rule.kind)->has_net;
        struct cohort *h = herd_of(&p);
        model_fit_config c;
        config_of(&c, &p);
        float *values = draw_parameters(&c);
        model_fit *fit = fit_make(&c, h, values);
        const size_t n = model_fit_parameters(&c);
        const size_t first = has_net ? model_net_tensors_count(&c.shape) : 0;
        (void)pass(fit, &c);
        float *gradient = calloc(n, sizeof *gradient);
        memcpy(gradient, model_fit_gradient(fit), n * sizeof *gradient);
        double size = 0.0;
        for (size_t i = first; i < n; i++) {
            size = fmax(size, fabs((double)gradient[i]));
        }
        for (size_t i = first; i < n; i++) {
            const float step = has_net ? 0.05F : 0.01F;
            const float up = values[i] + step;
            const float down = values[i] - step;
            const double slope =
                (loss_at(fit, values, i, up) - loss_at(fit, values, i, down)) / (double)(up - down);
            const double error = fabs(slope - (double)gradient[i]) / size;
            worst = fmax(worst, error);
            if (error > (has_net ? 2e-2 : 1e-3)) {
                fail_msg("rule %s, parameter %zu: %.6g by differences, %.6g given",
                         model_rule_name(p.rule.kind), i - first, slope, (double)gradient[i]);
            }
        }
        free(gradient);
        free(fit);
        free(values);
        free(h);
    }
    printf("largest difference, of the largest derivative: %.2g\n", worst);
}

static void the_loss_falls_along_the_gradient_of_nets_in_the_filter(void **state)
{
    (void)state;
    static const model_rule_kind KINDS[] = {MODEL_RULE_DNN, MODEL_RULE_RNN, MODEL_RULE_GRU_POLICY,
                                            MODEL_RULE_DNN_GAIN, MODEL_RULE_RNN_GAIN};
    for (size_t k = 0; k < sizeof KINDS / sizeof KINDS[0]; k++) {
        const model_params p = some_params(KINDS[k], MODEL_FILTER_MOMENTS);
        struct cohort *h = herd_of(&p);
        model_fit_config c;
        config_of(&c, &p);
        float *values = draw_parameters(&c);
        model_fit *fit = fit_make(&c, h, values);
        const size_t n = model_net_tensors_count(&c.shape);
        (void)pass(fit, &c);
        double squared = 0.0;
        float *moved = calloc(model_fit_parameters(&c), sizeof *moved);
        float *gradient = calloc(n, sizeof *gradient);
        memcpy(gradient, model_fit_gradient(fit), n * sizeof *gradient);
        for (size_t i = 0; i < n; i++) {
            squared += (double)gradient[i] * (double)gradient[i];
        }
        double loss[2];
        const double step = 3e-4 / sqrt(squared); /* short: ReLU has kinks */
        for (int side = 0; side < 2; side++) {
            memcpy(moved, values, model_fit_parameters(&c) * sizeof *moved);
            for (size_t i = 0; i < n; i++) {
                moved[i] += (float)(side == 0 ? -step : step) * gradient[i];
            }
            assert_int_equal(model_fit_load(fit, moved), MODEL_OK);
            loss[side] = model_fit_evaluate(fit);
        }
        const double slope = (loss[1] - loss[0]) / (2.0 * step);
        printf("%s: slope %.6g, by the gradient %.6g\n", model_rule_name(KINDS[k]), slope, squared);
        CHECK_NEAR(slope / squared, 1.0, 1e-2);
        free(gradient);
        free(moved);
        free(fit);
        free(values);
        free(h);
    }
}

static void a_rule_that_it_does_not_train_is_refused(void **state)
{
    (void)state;
    model_params p = some_params(MODEL_RULE_BASIS, MODEL_FILTER_EKF);
    struct cohort *h = herd_of(&p);
    static unsigned char mem[1024];
    static const float values[1024];
    model_fit_config c;
    model_fit *fit = NULL;
    config_of(&c, &p);
    assert_false(model_fit_trains(MODEL_RULE_BASIS));
    assert_int_equal(model_fit_parameters(&c), 0);
    assert_int_equal(model_fit_size(&c, ANIMALS, h->animal), 0);
    assert_int_equal(model_fit_init(mem, sizeof mem, &c, ANIMALS, h->animal, values, &fit),
                     MODEL_ERR_ARG);
    assert_null(fit);
    free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_loss_is_the_score_of_the_twin_for_every_rule),
        cmocka_unit_test(every_derivative_by_a_parameter_of_the_filter_agrees_with_differences),
        cmocka_unit_test(a_rule_that_it_does_not_train_is_refused),
        cmocka_unit_test(the_loss_falls_along_the_gradient_of_nets_in_the_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
