/* model/rule.h */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "filter.h"
#include "model/rule.h"
#include "seeded.h"
#include "some_net.h"
#include "some_terms.h"

enum { N = 3 };

static const double RATE[N] = {0.3, 0.1, 0.05};
static const double BASELINE[N] = {0.4, -0.2, 0.9};
static const double W[N] = {0.8, -0.3, 0.25};
static const double G[N] = {0.6, 1.0, -1.0};

static model_rule rule_of(model_rule_kind kind)
{
    model_rule rule = {.kind = kind};
    some_terms_fill(&rule);
    memcpy(rule.rate, RATE, sizeof RATE);
    memcpy(rule.baseline, BASELINE, sizeof BASELINE);
    return rule;
}

static model_rule_trial trial_of(double stimulus, double reward, bool is_session_start,
                                 bool chose_right, int8_t side)
{
    return (model_rule_trial){.stimulus = stimulus,
                              .reward = reward,
                              .rt_s = (double)NAN,
                              .is_session_start = is_session_start,
                              .chose_right = chose_right,
                              .side = side};
}

static void step(model_rule_kind kind, const double w[], const model_rule_trial *trial, double dw[],
                 double u[])
{
    const model_rule rule = rule_of(kind);
    model_rule_state state = {.h = {0.4F}, .trace = {0.2, -0.1, 0.3}};
    assert_int_equal(model_rule_step(&rule, &state, N, w, G, trial, dw, u), MODEL_OK);
}

static bool is_in_closed_form(model_rule_kind kind)
{
    return model_rule_of(kind)->has_rates || model_rule_of(kind)->has_terms;
}

/* Written out by hand from the formulas of Ashwood et al. 2020, with f = +1 right, -1 left, and
 * p_choice and p_correct instead of p and y. */
static void classic_rules_follow_their_published_form(void **state)
{
    (void)state;
    const double p = sigmoid_exact(0.8 * 0.6 - 0.3 - 0.25);
    for (int k = 0; k < 16; k++) {
        const bool chose_right = k % 2 == 1;
        const bool side_right = k / 2 % 2 == 1;
        const double r = k / 4 % 2 == 1 ? 1.0 : 0.0;
        const double stimulus = side_right ? 0.6 : -0.6;
        const model_rule_trial trial =
            trial_of(stimulus, r, false, chose_right, (int8_t)(k / 8 == 1 ? side_right : -1));
        const double f_choice = chose_right ? 1.0 : -1.0;
        const double f_answer = side_right ? 1.0 : -1.0;
        const double p_choice = chose_right ? p : 1.0 - p;
        const double p_correct = side_right ? p : 1.0 - p;
        double dw[N];
        double u[N];
        for (int i = 0; i < N; i++) {
            const double a = RATE[i];
            step(MODEL_RULE_REINFORCE, W, &trial, dw, u);
            CHECK_NEAR(dw[i], a * r * f_choice * (1.0 - p_choice) * G[i], 1e-15);
            step(MODEL_RULE_REINFORCE_BASE, W, &trial, dw, u);
            CHECK_NEAR(dw[i], a * (r - BASELINE[i]) * f_choice * (1.0 - p_choice) * G[i], 1e-15);
            step(MODEL_RULE_REWARD_MAX, W, &trial, dw, u);
            CHECK_NEAR(dw[i], a * f_answer * p * (1.0 - p) * G[i] / 0.5, 1e-15);
            step(MODEL_RULE_PREDICT_MAX, W, &trial, dw, u);
            CHECK_NEAR(dw[i], a * f_answer * (1.0 - p_correct) * G[i], 1e-15);
            step(MODEL_RULE_NONE, W, &trial, dw, u);
            CHECK_NEAR(dw[i], 0.0, 0.0);
            CHECK_NEAR(u[i], 0.0, 0.0);
        }
    }
}

static void jacobians_match_finite_differences(void **state)
{
    (void)state;
    const double e = 1e-6;
    for (model_rule_kind kind = MODEL_RULE_NONE; kind < MODEL_RULES; kind++) {
        const model_rule rule = rule_of(kind);
        const double *forgetting = model_rule_forgetting(&rule);
        for (int c = 0; c < 4 && is_in_closed_form(kind); c++) {
            const model_rule_trial trial =
                trial_of(c / 2 == 0 ? 0.6 : -0.6, c == 1 ? 1.0 : 0.3, false, c % 2 == 1, -1);
            double dw[N];
            double u[N];
            step(kind, W, &trial, dw, u);
            for (int j = 0; j < N; j++) {
                double moved[N];
                double up[N];
                double down[N];
                double ignored[N];
                memcpy(moved, W, sizeof moved);
                moved[j] = W[j] + e;
                step(kind, moved, &trial, up, ignored);
                moved[j] = W[j] - e;
                step(kind, moved, &trial, down, ignored);
                for (int i = 0; i < N; i++) {
                    const double forgotten = i == j && forgetting != NULL ? forgetting[i] : 0.0;
                    CHECK_NEAR(u[i] * G[j] - forgotten, (up[i] - down[i]) / (2.0 * e), 1e-9);
                }
            }
        }
    }
}

static void basis_takes_the_steps_of_every_classic_rule(void **state)
{
    (void)state;
    for (model_rule_kind kind = MODEL_RULE_NONE; kind < MODEL_RULES; kind++) {
        const model_rule classic = rule_of(kind);
        model_rule basis;
        model_rule_as_basis(&classic, N, &basis);
        model_rule_state states[2];
        test_random r = test_random_seeded(43);
        double w[N] = {0.5, -0.2, 0.1};
        model_rule_reset(&states[0]);
        model_rule_reset(&states[1]);
        for (int t = 0; t < 500 && model_rule_of(kind)->has_rates; t++) {
            const bool right = test_random_uniform(&r) < 0.5;
            const double x = (double)(t % 5 - 2) / 2.0;
            const bool is_correct = right == (x > 0.0);
            const double paid = t % 5 == 2 ? (double)(t % 4) / 3.0 : is_correct ? 1.0 : 0.0;
            const model_rule_trial trial = trial_of(x, paid, false, right, -1);
            const double g[N] = {x, 1.0, -0.5};
            double dw[2][N];
            double u[2][N];
            assert_int_equal(model_rule_step(&classic, &states[0], N, w, g, &trial, dw[0], u[0]),
                             MODEL_OK);
            assert_int_equal(model_rule_step(&basis, &states[1], N, w, g, &trial, dw[1], u[1]),
                             MODEL_OK);
            for (int i = 0; i < N; i++) {
                CHECK_NEAR(dw[1][i], dw[0][i], 1e-12);
                CHECK_NEAR(u[1][i], u[0][i], 1e-12);
                w[i] += dw[0][i];
            }
        }
    }
}

/* One term at a time, its factor written out by hand; m and e stand as in step(). */
static void each_term_of_basis_is_its_formula(void **state)
{
    (void)state;
    const double p = sigmoid_exact(0.8 * 0.6 - 0.3 - 0.25);
    const double m = (double)0.4F;
    const double e[N] = {0.2, -0.1, 0.3};
    for (int c = 0; c < 4; c++) {
        const bool right = c % 2 == 1;
        const double r = c / 2 == 1 ? 1.0 : 0.25;
        const double q = right ? 1.0 - p : p;
        const double sign = right ? 1.0 : -1.0;
        const model_rule_trial trial = trial_of(-0.6, r, false, right, -1);
        const double f[MODEL_BASIS_STEPS] = {r * q,
                                             (1.0 - r) * q,
                                             r * q - (1.0 - r) * (1.0 - q),
                                             2.0 * (2.0 * r - 1.0) * q * (1.0 - q),
                                             r * (1.0 - q),
                                             r * q * (1.0 - q),
                                             r * q * 0.6,
                                             (1.0 - r) * q * 0.6,
                                             r * q * m,
                                             (1.0 - r) * q * m};
        for (int k = 0; k < MODEL_BASIS_TERMS; k++) {
            model_rule rule = {.kind = MODEL_RULE_BASIS, .memory = 0.8, .decay = {0.5, 0.5, 0.5}};
            model_rule_state known = {.h = {0.4F}, .trace = {0.2, -0.1, 0.3}};
            double dw[N];
            double u[N];
            rule.coefficient[k][0] = rule.coefficient[k][1] = rule.coefficient[k][2] = 0.3;
            assert_int_equal(model_rule_step(&rule, &known, N, W, G, &trial, dw, u), MODEL_OK);
            for (int i = 0; i < N; i++) {
                const double moved = k < MODEL_BASIS_STEPS    ? sign * f[k] * G[i]
                                     : k == MODEL_BASIS_TRACE ? r * e[i]
                                                              : -W[i];
                CHECK_NEAR(dw[i], 0.3 * moved, 1e-15);
                CHECK_NEAR(known.trace[i], 0.5 * e[i] + 0.5 * ((right ? 1.0 : 0.0) - p) * G[i],
                           1e-15);
            }
            CHECK_NEAR((double)known.h[0], 0.8 * m + 0.2 * (2.0 * r - 1.0), 1e-7);
        }
    }
}

static void basis_forgets_what_it_just_learned_too(void **state)
{
    (void)state;
    const model_rule_trial trial = trial_of(0.6, 1.0, false, true, -1);
    model_rule learns = {.kind = MODEL_RULE_BASIS, .coefficient = {{0.3, 0.3, 0.3}}};
    model_rule forgets = learns;
    model_rule_state known = {.h = {0.0F}};
    double dw[2][N];
    double u[2][N];
    forgets.coefficient[MODEL_BASIS_FORGETTING][0] = 0.25;
    forgets.coefficient[MODEL_BASIS_FORGETTING][1] = 1.0;
    assert_int_equal(model_rule_step(&learns, &known, N, W, G, &trial, dw[0], u[0]), MODEL_OK);
    assert_int_equal(model_rule_step(&forgets, &known, N, W, G, &trial, dw[1], u[1]), MODEL_OK);
    CHECK_NEAR(W[0] + dw[1][0], 0.75 * (W[0] + dw[0][0]), 1e-15);
    CHECK_NEAR(W[1] + dw[1][1], 0.0, 1e-15);
    CHECK_NEAR(dw[1][2], dw[0][2], 0.0);
    CHECK_NEAR(u[1][0], 0.75 * u[0][0], 1e-15);
}

static void an_unknown_reward_enters_as_one_half(void **state)
{
    (void)state;
    for (model_rule_kind kind = MODEL_RULE_NONE; kind < MODEL_RULES; kind++) {
        for (int stim = 0; stim < 2 && is_in_closed_form(kind); stim++) {
            model_rule_trial trial = trial_of(0.6 * stim, (double)NAN, false, true, -1);
            double dw[N];
            double half[N];
            double u[N];
            step(kind, W, &trial, dw, u);
            trial.reward = 0.5;
            step(kind, W, &trial, half, u);
            assert_memory_equal(dw, half, sizeof dw);
        }
    }
}

static void at_zero_contrast_the_reward_tells_the_side(void **state)
{
    (void)state;
    model_rule_trial trial = trial_of(0.0, 0.0, false, true, -1);
    double told[N];
    double stated[N];
    double u[N];
    step(MODEL_RULE_PREDICT_MAX, W, &trial, told, u); /* right went unrewarded: left was correct */
    trial.side = 0;
    step(MODEL_RULE_PREDICT_MAX, W, &trial, stated, u);
    assert_memory_equal(told, stated, sizeof told);
    trial.reward = 1.0;
    trial.side = -1;
    step(MODEL_RULE_REWARD_MAX, W, &trial, told, u);
    trial.side = 1;
    step(MODEL_RULE_REWARD_MAX, W, &trial, stated, u);
    assert_memory_equal(told, stated, sizeof told);
    trial.reward = (double)NAN;
    trial.side = -1;
    step(MODEL_RULE_REWARD_MAX, W, &trial, told, u);
    CHECK_NEAR(told[0], 0.0, 0.0);
}

static void inputs_of_the_nets_are_the_published_six(void **state)
{
    (void)state;
    const struct {
        model_rule_trial trial;
        float expected[MODEL_RULE_INPUTS];
    } cases[] = {
        {trial_of(0.5, 1.0, true, true, -1), {0.5F, 1.0F, 1.0F, 1.0F, 1.0F, 1.0F}},
        {trial_of(-0.5, 0.0, false, true, -1), {-0.5F, 1.0F, 0.0F, 1.0F, 0.0F, 0.0F}},
        {trial_of(0.0, (double)NAN, false, false, -1), {0.0F, 1.0F, 0.0F, 0.0F, 0.5F, 0.0F}},
        {trial_of(0.0, 1.0, false, true, 1), {0.0F, 1.0F, 0.0F, 1.0F, 1.0F, 1.0F}},
        {trial_of(0.5, 1.0, false, false, 0), {0.5F, 1.0F, 0.0F, 0.0F, 1.0F, 0.0F}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        float x[MODEL_RULE_INPUTS];
        model_rule_fill_inputs(MODEL_RULE_RNN, &cases[k].trial, x);
        assert_memory_equal(x, cases[k].expected, sizeof x);
    }
}

static void a_net_rule_moves_the_weights_by_its_net_and_keeps_its_hidden_state(void **state)
{
    (void)state;
    test_random r = test_random_seeded(41);
    some_net *s = some_net_make(&r, (model_net_shape){true, N + MODEL_RULE_INPUTS, 16, 2, N});
    model_rule rule = {.kind = MODEL_RULE_RNN, .net = s->net};
    model_rule_state hidden;
    model_rule_reset(&hidden);
    assert_true(model_rule_fits(&rule, N));
    float h[16] = {0.0F};
    double dw[N];
    double u[N];
    for (int t = 0; t < 5; t++) {
        const model_rule_trial trial = trial_of(0.2 * t, 1.0, t == 0, true, -1);
        float in[N + MODEL_RULE_INPUTS];
        float out[N];
        for (int i = 0; i < N; i++) {
            in[i] = (float)W[i];
        }
        model_rule_fill_inputs(MODEL_RULE_RNN, &trial, in + N);
        assert_int_equal(model_net_step(s->net, in, h, out), MODEL_OK);
        assert_int_equal(model_rule_step(&rule, &hidden, N, W, G, &trial, dw, u), MODEL_OK);
        for (int i = 0; i < N; i++) {
            CHECK_NEAR(dw[i], out[i], 0.0);
            CHECK_NEAR(u[i], 0.0, 0.0);
        }
        assert_memory_equal(hidden.h, h, sizeof h);
    }
    some_net_free(s);
}

/* The gains that the net says multiply (y - p) g; u is the Jacobian of that product for these
 * gains, held against finite differences. */
static void gains_multiply_the_policy_gradient(void **state)
{
    (void)state;
    const double e = 1e-6;
    test_random r = test_random_seeded(43);
    for (int k = 0; k < 4; k++) {
        const bool is_recurrent = k / 2 == 1;
        const double y = k % 2;
        some_net *s =
            some_net_make(&r, (model_net_shape){is_recurrent, N + MODEL_RULE_INPUTS, 16, 2, N});
        const model_rule rule = {.kind = is_recurrent ? MODEL_RULE_RNN_GAIN : MODEL_RULE_DNN_GAIN,
                                 .net = s->net};
        const model_rule_trial trial = trial_of(0.6, 1.0, false, k % 2 == 1, -1);
        model_rule_state hidden;
        float in[N + MODEL_RULE_INPUTS];
        float h[16] = {0.0F};
        float gain[N];
        double dw[N];
        double u[N];
        model_rule_reset(&hidden);
        assert_true(model_rule_fits(&rule, N));
        for (int i = 0; i < N; i++) {
            in[i] = (float)W[i];
        }
        model_rule_fill_inputs(rule.kind, &trial, in + N);
        assert_int_equal(model_net_step(s->net, in, h, gain), MODEL_OK);
        assert_int_equal(model_rule_step(&rule, &hidden, N, W, G, &trial, dw, u), MODEL_OK);
        const double a = W[0] * G[0] + W[1] * G[1] + W[2] * G[2];
        for (int i = 0; i < N; i++) {
            assert_true(gain[i] != 0.0F);
            CHECK_NEAR(dw[i], (double)gain[i] * (y - sigmoid_exact(a)) * G[i], 1e-15);
            for (int j = 0; j < N; j++) {
                const double by_p =
                    (sigmoid_exact(a + e * G[j]) - sigmoid_exact(a - e * G[j])) / (2.0 * e);
                CHECK_NEAR(u[i] * G[j], -(double)gain[i] * by_p * G[i], 1e-9);
            }
        }
        if (is_recurrent) {
            assert_memory_equal(hidden.h, h, sizeof h);
        }
        some_net_free(s);
    }
}

static void rules_whose_net_does_not_fit_are_found(void **state)
{
    (void)state;
    test_random r = test_random_seeded(42);
    some_net *s = some_net_make(&r, (model_net_shape){false, N + MODEL_RULE_INPUTS, 4, 1, N});
    model_rule rule = {.kind = MODEL_RULE_DNN, .net = s->net};
    assert_true(model_rule_fits(&rule, N));
    assert_false(model_rule_fits(&rule, N + 1));
    rule.kind = MODEL_RULE_RNN;
    assert_false(model_rule_fits(&rule, N));
    rule.net = NULL;
    assert_false(model_rule_fits(&rule, N));
    rule = rule_of(MODEL_RULE_REINFORCE);
    assert_true(model_rule_fits(&rule, N));
    rule = rule_of(MODEL_RULES);
    assert_false(model_rule_fits(&rule, N));
    some_net_free(s);
}

static void every_name_is_read_back(void **state)
{
    (void)state;
    for (int i = 0; i < (int)MODEL_RULES; i++) {
        model_rule_kind kind = MODEL_RULES;
        assert_int_equal(model_rule_parse(&kind, model_rule_name((model_rule_kind)i)), MODEL_OK);
        assert_int_equal(kind, i);
        assert_non_null(model_rule_of(kind)->formula);
    }
    model_rule_kind kind = MODEL_RULE_NONE;
    assert_int_equal(model_rule_parse(&kind, "Reinforce"), MODEL_ERR_ARG);
    assert_null(model_rule_name(MODEL_RULES));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classic_rules_follow_their_published_form),
        cmocka_unit_test(jacobians_match_finite_differences),
        cmocka_unit_test(basis_takes_the_steps_of_every_classic_rule),
        cmocka_unit_test(each_term_of_basis_is_its_formula),
        cmocka_unit_test(basis_forgets_what_it_just_learned_too),
        cmocka_unit_test(an_unknown_reward_enters_as_one_half),
        cmocka_unit_test(at_zero_contrast_the_reward_tells_the_side),
        cmocka_unit_test(inputs_of_the_nets_are_the_published_six),
        cmocka_unit_test(a_net_rule_moves_the_weights_by_its_net_and_keeps_its_hidden_state),
        cmocka_unit_test(gains_multiply_the_policy_gradient),
        cmocka_unit_test(rules_whose_net_does_not_fit_are_found),
        cmocka_unit_test(every_name_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
