/* model/fit.h. Losses and gradients come from ../shared/vectors/learning_rules (double precision,
 * PyTorch's autograd). */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "skips.h"

#include "check.h"
#include "learning_vectors.h"
#include "model/fit.h"
#include "seeded.h"

enum { ANIMALS_MAX = 32 };

/* Animals with made-up trials, or those of a case. */
struct cohort {
    size_t n;
    model_fit_animal animal[ANIMALS_MAX];
};

static float *floats(size_t n)
{
    float *block = calloc(n > 0 ? n : 1, sizeof *block);
    assert_non_null(block);
    return block;
}

static void herd_free(struct cohort *cohort)
{
    for (size_t i = 0; i < cohort->n; i++) {
        free((void *)cohort->animal[i].x);
        free((void *)cohort->animal[i].g);
        free((void *)cohort->animal[i].chose_right);
    }
    cohort->n = 0;
}

static void herd_add(struct cohort *cohort, test_random *r, size_t n_trials, size_t n_weights)
{
    float *x = floats(n_trials * MODEL_RULE_INPUTS);
    float *g = floats(n_trials * n_weights);
    uint8_t *y = calloc(n_trials + 1, 1);
    assert_non_null(y);
    for (size_t i = 0; i < n_trials * n_weights; i++) {
        g[i] = (float)(2.0 * test_random_uniform(r) - 1.0);
    }
    for (size_t t = 0; t < n_trials; t++) {
        y[t] = test_random_uniform(r) < 0.6 ? 1 : 0;
        for (size_t k = 0; k < MODEL_RULE_INPUTS; k++) {
            x[t * MODEL_RULE_INPUTS + k] = (float)test_random_uniform(r);
        }
        x[t * MODEL_RULE_INPUTS + 1] = 1.0F;
    }
    cohort->animal[cohort->n++] =
        (model_fit_animal){.n_trials = n_trials, .x = x, .g = g, .chose_right = y};
}

static struct cohort herd_of_case(const struct learning_case *c)
{
    struct cohort cohort = {.n = c->n_sequences};
    const model_policy *policy = &c->model.bank.member[0].policy;
    for (size_t s = 0; s < cohort.n; s++) {
        float *x = floats(c->n_trials * MODEL_RULE_INPUTS);
        float *g = floats(c->n_trials * policy->n);
        uint8_t *y = calloc(c->n_trials, 1);
        assert_non_null(y);
        for (size_t t = 0; t < c->n_trials; t++) {
            const double *row = c->x.v + (s * c->n_trials + t) * COVARIATES;
            const model_history history = {.stimulus = row[1]};
            double features[MODEL_WEIGHTS_MAX];
            model_policy_fill(policy, &history, row[0], features);
            for (size_t k = 0; k < policy->n; k++) {
                g[t * policy->n + k] = (float)features[k];
            }
            for (size_t k = 0; k < MODEL_RULE_INPUTS; k++) {
                x[t * MODEL_RULE_INPUTS + k] = (float)row[1 + k];
            }
            y[t] = c->y.v[s * c->n_trials + t] > 0.5 ? 1 : 0;
        }
        cohort.animal[s] =
            (model_fit_animal){.n_trials = c->n_trials, .x = x, .g = g, .chose_right = y};
    }
    return cohort;
}

/* Open loop, for a net of that shape. */
static void config_of(model_fit_config *config, const model_net_shape *shape)
{
    static const char *const POLICY[] = {"bias", "stimulus,bias",
                                         "stimulus_right,stimulus_left,bias",
                                         "stimulus_right,stimulus_left,bias,prev_choice"};
    model_params params;
    assert_int_equal(model_params_built_in(&params, POLICY[shape->n_outputs - 1]), MODEL_OK);
    params.rule.kind = shape->is_recurrent ? MODEL_RULE_RNN : MODEL_RULE_DNN;
    model_fit_config_init(config, &params, shape);
}

static model_fit *fit_make(const model_fit_config *config, const struct cohort *cohort,
                           const float parameters[])
{
    const size_t size = model_fit_size(config, cohort->n, cohort->animal);
    assert_true(size > 0);
    void *mem = aligned_alloc(MODEL_NET_ALIGN, size);
    model_fit *fit = NULL;
    assert_non_null(mem);
    memset(mem, 0x7f, size); /* whatever is read before it is written shows */
    assert_int_equal(model_fit_init(mem, size, config, cohort->n, cohort->animal, parameters, &fit),
                     MODEL_OK);
    assert_ptr_equal(fit, mem);
    return fit;
}

static double pass(model_fit *fit, const model_fit_config *config)
{
    for (size_t s = config->n_shards; s-- > 0;) {
        model_fit_run(fit, s);
    }
    return model_fit_sum(fit);
}

static model_net_shape shape_of(bool is_recurrent, uint32_t n_weights, uint32_t n_hidden,
                                uint32_t n_layers)
{
    return (model_net_shape){.is_recurrent = is_recurrent,
                             .n_inputs = n_weights + MODEL_RULE_INPUTS,
                             .n_hidden = n_hidden,
                             .n_layers = n_layers,
                             .n_outputs = n_weights};
}

/* ||a - b|| / ||b|| of the tensor that begins at *at in both; *at moves behind it. */
static double tensor_error(const float a[], const double b[], size_t n, size_t *at)
{
    double difference = 0.0;
    double size = 0.0;
    for (size_t i = *at; i < *at + n; i++) {
        difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        size += b[i] * b[i];
    }
    *at += n;
    return sqrt(difference / size);
}

static double worst_tensor_error(const model_net_shape *s, const float a[], const double b[])
{
    size_t at = 0;
    double worst = tensor_error(a, b, s->n_outputs, &at);
    if (s->is_recurrent) {
        const size_t gates = 3 * (size_t)s->n_hidden;
        worst = fmax(worst, tensor_error(a, b, gates * s->n_inputs, &at));
        worst = fmax(worst, tensor_error(a, b, gates * s->n_hidden, &at));
        worst = fmax(worst, tensor_error(a, b, gates, &at));
        worst = fmax(worst, tensor_error(a, b, gates, &at));
    }
    for (uint32_t i = 0; i <= s->n_layers; i++) {
        const size_t n_out = model_net_layer_outputs(s, i);
        worst = fmax(worst, tensor_error(a, b, n_out * model_net_layer_inputs(s, i), &at));
        worst = fmax(worst, tensor_error(a, b, n_out, &at));
    }
    assert_int_equal(at, model_net_tensors_count(s));
    return worst;
}

static void check_case(const char *name, const struct learning_case *c)
{
    model_fit_config config;
    struct cohort cohort = herd_of_case(c);
    config_of(&config, model_net_shape_of(c->model.bank.member[0].rule.net));
    config.truncation = c->truncation;
    assert_int_equal(model_net_tensors_count(&config.shape), c->grad.n);
    model_fit *fit = fit_make(&config, &cohort, c->model.members[0].weights);
    const double loss = pass(fit, &config);
    const double worst = worst_tensor_error(&config.shape, model_fit_gradient(fit), c->grad.v);
    printf("%-44s loss off by %.2g, worst tensor's gradient by %.2g\n", name, loss - c->loss,
           worst);
    CHECK_NEAR(loss, c->loss, 1e-6);
    assert_true(worst <= 1e-4);
    free(fit);
    herd_free(&cohort);
}

static void loss_and_gradients_of_every_case_agree_with_autograd(void **state)
{
    (void)state;
    const int n = each_learning_case(check_case);
    assert_int_equal(n, VECTORS_CASES);
}

/* Central differences of a loss in single precision, along the gradient: |d| L'(0) = |d|^2. Nets
 * that say the step, then those that say a gain. */
static void the_loss_falls_along_the_gradient_as_fast_as_it_says(void **state)
{
    (void)state;
    test_random r = test_random_seeded(11);
    for (int k = 0; k < 8; k++) {
        const model_net_shape shape =
            shape_of(k % 2 == 0, 2 + (uint32_t)k % 3, 20, 1 + (uint32_t)k / 2 % 2);
        const size_t n = model_net_tensors_count(&shape);
        model_fit_config config;
        struct cohort cohort = {0};
        float *parameters = floats(3 * n);
        config_of(&config, &shape);
        if (k >= 4) {
            config.params.rule.kind = k % 2 == 0 ? MODEL_RULE_RNN_GAIN : MODEL_RULE_DNN_GAIN;
        }
        model_fit_draw(&config, (uint64_t)k, parameters);
        for (size_t i = 0; i < shape.n_outputs; i++) {
            parameters[i] = k < 4 ? 0.05F : 0.5F;
        }
        for (size_t i = 0; i < 5; i++) {
            herd_add(&cohort, &r, 40 + 30 * i, shape.n_outputs);
        }
        model_fit *fit = fit_make(&config, &cohort, parameters);
        (void)pass(fit, &config);
        double squared = 0.0;
        float *gradient = floats(n);
        memcpy(gradient, model_fit_gradient(fit), n * sizeof(float));
        for (size_t i = 0; i < n; i++) {
            squared += (double)gradient[i] * (double)gradient[i];
        }
        const double step = 2e-3 / sqrt(squared);
        double loss[2];
        for (int side = 0; side < 2; side++) {
            float *moved = floats(3 * n);
            for (size_t i = 0; i < n; i++) {
                moved[i] = parameters[i] + (float)((side == 0 ? -step : step)) * gradient[i];
            }
            assert_int_equal(model_fit_resume(fit, moved, 0), MODEL_OK);
            loss[side] = pass(fit, &config);
            free(moved);
        }
        const double slope = (loss[1] - loss[0]) / (2.0 * step);
        printf("slope %.6g, by the gradient %.6g\n", slope, squared);
        CHECK_NEAR(slope / squared, 1.0, 2e-3);
        free(gradient);
        free(parameters);
        free(fit);
        herd_free(&cohort);
    }
}

static void animals_of_unequal_length_add_up_to_single_runs(void **state)
{
    (void)state;
    test_random r = test_random_seeded(12);
    const size_t lengths[] = {70, 3, 0, 65, 64, 1, 130, 66, 2, 70, 31, 32, 33, 128, 5};
    for (int k = 0; k < 2; k++) {
        const model_net_shape shape = shape_of(k == 0, 3, 32, 2);
        const size_t n = model_net_tensors_count(&shape);
        model_fit_config config;
        struct cohort cohort = {0};
        float *parameters = floats(n);
        double *gradient = calloc(n, sizeof *gradient);
        config_of(&config, &shape);
        config.truncation = 32;
        config.n_shards = 3;
        model_fit_draw(&config, 5, parameters);
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            herd_add(&cohort, &r, lengths[i], 3);
        }
        double loss = 0.0;
        size_t trials = 0;
        for (size_t i = 0; i < cohort.n; i++) {
            const struct cohort one = {1, {cohort.animal[i]}};
            if (one.animal[0].n_trials == 0) {
                continue;
            }
            model_fit *fit = fit_make(&config, &one, parameters);
            const double weight = (double)one.animal[0].n_trials;
            loss += weight * pass(fit, &config);
            for (size_t j = 0; j < n; j++) {
                gradient[j] += weight * (double)model_fit_gradient(fit)[j];
            }
            trials += one.animal[0].n_trials;
            free(fit);
        }
        for (size_t j = 0; j < n; j++) {
            gradient[j] /= (double)trials;
        }
        model_fit *fit = fit_make(&config, &cohort, parameters);
        CHECK_NEAR(pass(fit, &config), loss / (double)trials, 1e-9);
        assert_true(worst_tensor_error(&shape, model_fit_gradient(fit), gradient) < 1e-5);
        free(fit);
        free(gradient);
        free(parameters);
        herd_free(&cohort);
    }
}

static void the_order_in_which_shards_run_does_not_matter(void **state)
{
    (void)state;
    test_random r = test_random_seeded(13);
    const model_net_shape shape = shape_of(true, 2, 32, 2);
    const size_t n = model_net_tensors_count(&shape);
    model_fit_config config;
    struct cohort cohort = {0};
    float *parameters = floats(n);
    config_of(&config, &shape);
    model_fit_draw(&config, 6, parameters);
    for (size_t i = 0; i < 9; i++) {
        herd_add(&cohort, &r, 100 + 13 * i, 2);
    }
    model_fit *a = fit_make(&config, &cohort, parameters);
    model_fit *b = fit_make(&config, &cohort, parameters);
    for (int step = 0; step < 5; step++) {
        const double loss = pass(a, &config);
        for (size_t s = 0; s < config.n_shards; s++) {
            model_fit_run(b, s);
        }
        CHECK_NEAR(model_fit_sum(b), loss, 0.0);
        assert_int_equal(model_fit_step(a), MODEL_OK);
        assert_int_equal(model_fit_step(b), MODEL_OK);
    }
    assert_memory_equal(model_fit_state(a), model_fit_state(b), 3 * n * sizeof(float));
    free(a);
    free(b);
    free(parameters);
    herd_free(&cohort);
}

/* By hand: the first step of Adam is rate g / (|g| + 1e-8), since both corrections undo their
 * decay; the second with gradients g1 and g2 moves by rate2 m / (sqrt(v) + 1e-8) with
 * m = (0.09 g1 + 0.1 g2) / 0.19 and v = (0.000999 g1^2 + 0.001 g2^2) / 0.001999. */
static void adam_takes_the_steps_that_a_hand_computes(void **state)
{
    (void)state;
    test_random r = test_random_seeded(14);
    const model_net_shape shape = shape_of(false, 2, 4, 1);
    const size_t n = model_net_tensors_count(&shape);
    model_fit_config config;
    struct cohort cohort = {0};
    float *at = floats(n);
    double *before = calloc(n, sizeof *before);
    config_of(&config, &shape);
    config.rate = 0.01;
    config.rate_every = 1;
    config.rate_factor = 0.5;
    model_fit_draw(&config, 7, at);
    herd_add(&cohort, &r, 60, 2);
    model_fit *fit = fit_make(&config, &cohort, at);
    (void)pass(fit, &config);
    for (size_t i = 0; i < n; i++) {
        before[i] = (double)model_fit_gradient(fit)[i];
    }
    assert_int_equal(model_fit_step(fit), MODEL_OK);
    assert_int_equal(model_fit_steps(fit), 1);
    for (size_t i = 0; i < n; i++) {
        const double g = before[i];
        CHECK_NEAR(model_fit_state(fit)[i], (double)at[i] - 0.01 * g / (fabs(g) + 1e-8), 1e-7);
    }
    memcpy(at, model_fit_state(fit), n * sizeof(float));
    (void)pass(fit, &config);
    assert_int_equal(model_fit_step(fit), MODEL_OK);
    for (size_t i = 0; i < n; i++) {
        const double g = (double)model_fit_gradient(fit)[i];
        const double m = (0.09 * before[i] + 0.1 * g) / 0.19;
        const double v = (0.000999 * before[i] * before[i] + 0.001 * g * g) / 0.001999;
        CHECK_NEAR(model_fit_state(fit)[i], (double)at[i] - 0.005 * m / (sqrt(v) + 1e-8), 1e-7);
    }
    free(fit);
    free(before);
    free(at);
    herd_free(&cohort);
}

static void goes_on_from_a_saved_state_to_the_same_bits(void **state)
{
    (void)state;
    test_random r = test_random_seeded(15);
    const model_net_shape shape = shape_of(true, 2, 16, 1);
    const size_t n = model_net_tensors_count(&shape);
    model_fit_config config;
    struct cohort cohort = {0};
    float *parameters = floats(n);
    float *saved = floats(3 * n);
    config_of(&config, &shape);
    model_fit_draw(&config, 8, parameters);
    for (size_t i = 0; i < 5; i++) {
        herd_add(&cohort, &r, 50 + i, 2);
    }
    model_fit *whole = fit_make(&config, &cohort, parameters);
    model_fit *resumed = fit_make(&config, &cohort, parameters);
    for (int step = 0; step < 12; step++) {
        if (step == 7) {
            memcpy(saved, model_fit_state(whole), 3 * n * sizeof(float));
        }
        (void)pass(whole, &config);
        assert_int_equal(model_fit_step(whole), MODEL_OK);
    }
    assert_int_equal(model_fit_resume(resumed, saved, 7), MODEL_OK);
    while (model_fit_steps(resumed) < 12) {
        (void)pass(resumed, &config);
        assert_int_equal(model_fit_step(resumed), MODEL_OK);
    }
    assert_memory_equal(model_fit_state(whole), model_fit_state(resumed), 3 * n * sizeof(float));
    saved[2 * n] = -1.0F;
    assert_int_equal(model_fit_resume(resumed, saved, 7), MODEL_ERR_ARG);
    saved[2 * n] = NAN;
    assert_int_equal(model_fit_resume(resumed, saved, 7), MODEL_ERR_ARG);
    assert_memory_equal(model_fit_state(whole), model_fit_state(resumed), 3 * n * sizeof(float));
    free(whole);
    free(resumed);
    free(saved);
    free(parameters);
    herd_free(&cohort);
}

static void a_step_that_would_not_be_finite_is_not_taken(void **state)
{
    (void)state;
    test_random r = test_random_seeded(16);
    const model_net_shape shape = shape_of(true, 2, 16, 1);
    const size_t n = model_net_tensors_count(&shape);
    model_fit_config config;
    struct cohort cohort = {0};
    float *parameters = floats(n);
    config_of(&config, &shape);
    model_fit_draw(&config, 8, parameters);
    for (size_t i = 0; i < n; i++) {
        parameters[i] *= 1e30F; /* sums overflow */
    }
    herd_add(&cohort, &r, 50, 2);
    model_fit *fit = fit_make(&config, &cohort, parameters);
    (void)pass(fit, &config);
    assert_int_equal(model_fit_step(fit), MODEL_ERR_NUMERIC);
    assert_int_equal(model_fit_steps(fit), 0);
    assert_memory_equal(model_fit_state(fit), parameters, n * sizeof(float));
    free(fit);
    free(parameters);
    herd_free(&cohort);
}

static void wrong_arguments_are_refused_and_leave_out_alone(void **state)
{
    (void)state;
    test_random r = test_random_seeded(17);
    const model_net_shape shape = shape_of(true, 2, 16, 1);
    model_fit_config good;
    struct cohort cohort = {0};
    float *parameters = floats(model_net_tensors_count(&shape));
    config_of(&good, &shape);
    model_fit_draw(&good, 8, parameters);
    herd_add(&cohort, &r, 50, 2);
    model_fit_config bad[8];
    for (size_t i = 0; i < 8; i++) {
        bad[i] = good;
    }
    bad[0].truncation = 0;
    bad[1].n_shards = 0;
    bad[2].n_shards = MODEL_FIT_SHARDS_MAX + 1;
    bad[3].rate = -1.0;
    bad[4].rate_every = 0;
    bad[5].shape.n_inputs = 7;
    bad[6].shape.n_hidden = MODEL_STATE_MAX + 1;
    bad[7].rate_factor = (double)NAN;
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(model_fit_size(&bad[i], cohort.n, cohort.animal), 0);
    }
    const size_t size = model_fit_size(&good, cohort.n, cohort.animal);
    void *mem = aligned_alloc(MODEL_NET_ALIGN, size);
    model_fit *out = NULL;
    assert_int_equal(
        model_fit_init(mem, size - 1, &good, cohort.n, cohort.animal, parameters, &out),
        MODEL_ERR_SPACE);
    assert_int_equal(model_fit_size(&good, 0, NULL), 0);
    parameters[3] = INFINITY;
    assert_int_equal(model_fit_init(mem, size, &good, cohort.n, cohort.animal, parameters, &out),
                     MODEL_ERR_ARG);
    parameters[3] = 0.0F;
    ((float *)cohort.animal[0].g)[7] = NAN;
    assert_int_equal(model_fit_init(mem, size, &good, cohort.n, cohort.animal, parameters, &out),
                     MODEL_ERR_ARG);
    assert_null(out);
    free(mem);
    free(parameters);
    herd_free(&cohort);
}

/* PyTorch's default: uniform within 1 / sqrt(fan in), so of variance 1 / (3 fan in). */
static void initial_parameters_have_the_distribution_of_pytorch(void **state)
{
    (void)state;
    const model_net_shape shape = shape_of(true, 2, 128, 2);
    const size_t n = model_net_tensors_count(&shape);
    model_fit_config config;
    config_of(&config, &shape);
    float *values = floats(n);
    float *again = floats(n);
    model_fit_draw(&config, 99, values);
    model_fit_draw(&config, 99, again);
    assert_memory_equal(values, again, n * sizeof(float));
    model_fit_draw(&config, 100, again);
    CHECK_NEAR(values[0], 1e-3, 1e-9);
    double sum = 0.0;
    double squares = 0.0;
    double most = 0.0;
    for (size_t i = 2; i < n; i++) {
        const double v = (double)values[i] * sqrt(128.0); /* every fan in here is 128 */
        sum += v;
        squares += v * v;
        most = fmax(most, fabs(v));
        assert_true(values[i] != again[i] || i < 2);
    }
    const double count = (double)(n - 2);
    assert_true(most <= 1.0 && most > 0.999);
    CHECK_NEAR(sum / count, 0.0, 5.0 / sqrt(3.0 * count));
    CHECK_NEAR(squares / count, 1.0 / 3.0, 5.0 * 0.2981 / sqrt(count)); /* sd of u^2: sqrt(4/45) */
    free(values);
    free(again);
}

/* Otherwise their signs would be drawn, and half of the weights would begin by unlearning. */
static void initial_gains_are_about_the_rates_of_the_classic_rules(void **state)
{
    (void)state;
    const model_net_shape shape = shape_of(false, 4, 16, 1);
    const size_t n = model_net_tensors_count(&shape);
    model_fit_config config;
    config_of(&config, &shape);
    float *free_net = floats(n);
    float *gains = floats(n);
    model_fit_draw(&config, 99, free_net);
    config.params.rule.kind = MODEL_RULE_DNN_GAIN;
    model_fit_draw(&config, 99, gains);
    for (size_t i = 0; i < n; i++) {
        const bool is_output_bias = i + shape.n_outputs >= n;
        CHECK_NEAR(gains[i],
                   i < shape.n_outputs ? 0.015625 : (double)free_net[i] + (is_output_bias ? 1 : 0),
                   1e-7);
    }
    free(free_net);
    free(gains);
}

/* model_fit_loss() takes the steps of model_rule_step(), which is tested by itself. */
static void open_loop_gains_score_as_their_steps_do(void **state)
{
    (void)state;
    enum { TRIALS = 200, N = 3 };
    static const model_rule_kind KINDS[] = {MODEL_RULE_DNN_GAIN, MODEL_RULE_RNN_GAIN};
    for (size_t k = 0; k < 2; k++) {
        test_random r = test_random_seeded(15);
        const model_net_shape shape = shape_of(k == 1, N, 12, 2);
        model_fit_config config;
        struct cohort cohort = {0};
        float *parameters = floats(model_net_tensors_count(&shape));
        config_of(&config, &shape);
        config.params.rule.kind = KINDS[k];
        model_fit_draw(&config, 3, parameters);
        for (size_t i = 0; i < N; i++) {
            parameters[i] = 0.3F;
        }
        herd_add(&cohort, &r, TRIALS, N);
        float *x = (float *)cohort.animal[0].x;
        for (size_t t = 1; t < TRIALS; t++) {
            const model_rule_trial last = {.stimulus = 0.25 * (double)(t % 9) - 1.0,
                                           .reward = t % 3 == 0 ? 1.0 : 0.0,
                                           .rt_s = (double)NAN,
                                           .is_session_start = t % 50 == 1,
                                           .chose_right = cohort.animal[0].chose_right[t - 1] != 0,
                                           .side = -1};
            model_rule_fill_inputs(KINDS[k], &last, x + t * MODEL_RULE_INPUTS);
        }
        model_fit *fit = fit_make(&config, &cohort, parameters);
        model_net_tensors tensors;
        model_net *net = NULL;
        const size_t size = model_net_size(&shape);
        void *memory = aligned_alloc(MODEL_NET_ALIGN, size);
        model_net_tensors_place(&shape, parameters, &tensors);
        assert_int_equal(model_net_init(memory, size, &shape, &tensors, &net), MODEL_OK);
        const model_rule rule = {.kind = KINDS[k], .net = net};
        const double loss = pass(fit, &config);
        assert_true(fabs(loss - log(2.0)) > 1e-3); /* the steps do something */
        CHECK_NEAR(loss, model_fit_loss(&rule, N, &cohort.animal[0]) / TRIALS, 1e-6);
        free(memory);
        free(fit);
        free(parameters);
        herd_free(&cohort);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_and_gradients_of_every_case_agree_with_autograd),
        cmocka_unit_test(the_loss_falls_along_the_gradient_as_fast_as_it_says),
        cmocka_unit_test(animals_of_unequal_length_add_up_to_single_runs),
        cmocka_unit_test(the_order_in_which_shards_run_does_not_matter),
        cmocka_unit_test(adam_takes_the_steps_that_a_hand_computes),
        cmocka_unit_test(goes_on_from_a_saved_state_to_the_same_bits),
        cmocka_unit_test(a_step_that_would_not_be_finite_is_not_taken),
        cmocka_unit_test(wrong_arguments_are_refused_and_leave_out_alone),
        cmocka_unit_test(initial_parameters_have_the_distribution_of_pytorch),
        cmocka_unit_test(initial_gains_are_about_the_rates_of_the_classic_rules),
        cmocka_unit_test(open_loop_gains_score_as_their_steps_do),
    };
    return skips_end(cmocka_run_group_tests(tests, NULL, NULL), sizeof tests / sizeof tests[0]);
}
