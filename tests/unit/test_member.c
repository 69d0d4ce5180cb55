/* model/member.h */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "filter.h"
#include "model/member.h"
#include "some_net.h"
#include "some_terms.h"

enum { N_STIMULI = 11 };

static const double STIMULI[N_STIMULI] = {-1.0,   -0.5,  -0.25, -0.125, -0.0625, 0.0,
                                          0.0625, 0.125, 0.25,  0.5,    1.0};

static model_params built_in(const char *features)
{
    model_params params;
    assert_int_equal(model_params_built_in(&params, features), MODEL_OK);
    assert_int_equal(model_params_check(&params), MODEL_OK);
    return params;
}

static model_trial random_trial(test_random *r)
{
    const double c = STIMULI[test_random_bits(r) % N_STIMULI];
    const int8_t choice = (int8_t)((int)(test_random_bits(r) % 10) - 1);
    return (model_trial){
        .contrast = c,
        .reward = c == 0.0 ? (double)NAN : (double)(test_random_bits(r) % 2),
        .rt_s = (double)NAN,
        .choice = choice > 1 ? (int8_t)(choice % 2) : choice,
        .side = -1,
    };
}

static void observe(model_member *twin, const model_params *params, model_trial trial)
{
    assert_int_equal(model_member_observe(twin, params, &trial), MODEL_OK);
}

static model_params with_rule(model_rule_kind kind, some_net *net)
{
    model_params params = built_in("stimulus,bias,prev_choice");
    params.rule.kind = kind;
    some_terms_fill(&params.rule);
    for (int i = 0; i < 3; i++) {
        params.rule.rate[i] = 0.05;
        params.rule.baseline[i] = 0.3;
    }
    params.rule.net = net != NULL ? net->net : NULL;
    assert_int_equal(model_params_check(&params), MODEL_OK);
    return params;
}

static void a_copy_continues_bit_for_bit(void **state)
{
    (void)state;
    test_random r = test_random_seeded(61);
    some_net *rnn = some_net_make(&r, (model_net_shape){true, 9, 32, 2, 3});
    some_net *dnn = some_net_make(&r, (model_net_shape){false, 9, 32, 2, 3});
    some_net *gru = some_net_make(&r, (model_net_shape){true, 12, 32, 2, 3});
    some_net *const nets[MODEL_RULES] = {[MODEL_RULE_RNN] = rnn,
                                         [MODEL_RULE_DNN] = dnn,
                                         [MODEL_RULE_GRU_POLICY] = gru,
                                         [MODEL_RULE_RNN_GAIN] = rnn,
                                         [MODEL_RULE_DNN_GAIN] = dnn};
    for (int kind = 0; kind < (int)MODEL_RULES; kind++) {
        const model_params params = with_rule((model_rule_kind)kind, nets[kind]);
        /* The padding of neither may matter. */
        model_member twin;
        model_member copy;
        memset(&twin, 0xff, sizeof twin);
        model_member_init(&twin, &params);
        for (int t = 0; t < 600; t++) {
            if (t % 150 == 0) {
                model_member_start_session(&twin, &params);
            }
            if (t == 300) {
                memset(&copy, 0x55, sizeof copy);
                copy = twin;
            }
            const model_trial trial = random_trial(&r);
            if (t >= 300) {
                if (t % 150 == 0 && t > 300) {
                    model_member_start_session(&copy, &params);
                }
                observe(&copy, &params, trial);
            }
            observe(&twin, &params, trial);
        }
        assert_memory_equal(&twin, &copy, sizeof twin);
        assert_int_equal(twin.n_trials, 600);
    }
    some_net_free(rnn);
    some_net_free(dnn);
    some_net_free(gru);
}

static void bad_trials_are_refused_and_change_nothing(void **state)
{
    (void)state;
    const double nan = (double)NAN;
    const model_params params = with_rule(MODEL_RULE_REINFORCE_BASE, NULL);
    const model_trial good = {0.5, 1.0, 0.4, 1, 1};
    const model_trial bad[] = {{nan, 1.0, 0.4, 1, 1},     {1.5, 1.0, 0.4, 1, 1},
                               {-1.0001, 1.0, 0.4, 1, 1}, {0.5, 1.1, 0.4, 1, 1},
                               {0.5, -0.1, 0.4, 1, 1},    {0.5, (double)INFINITY, 0.4, 1, 1},
                               {0.5, 1.0, -1.0, 1, 1},    {0.5, 1.0, (double)INFINITY, 1, 1},
                               {0.5, 1.0, 0.4, 2, 1},     {0.5, 1.0, 0.4, -2, 1},
                               {0.5, 1.0, 0.4, 1, 2},     {0.5, 1.0, 0.4, 1, -2}};
    model_member twin;
    model_member_init(&twin, &params);
    observe(&twin, &params, good);
    const model_member before = twin;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(model_member_observe(&twin, &params, &bad[i]), MODEL_ERR_ARG);
        assert_memory_equal(&twin, &before, sizeof twin);
    }
}

static void a_result_that_is_not_finite_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    test_random r = test_random_seeded(62);
    some_net *rnn = some_net_make(&r, (model_net_shape){true, 9, 8, 1, 3});
    for (int k = 0; k < 2; k++) {
        model_params params =
            with_rule(k == 0 ? MODEL_RULE_REINFORCE : MODEL_RULE_RNN, k == 0 ? NULL : rnn);
        model_member twin;
        model_member_init(&twin, &params);
        observe(&twin, &params, (model_trial){0.5, 1.0, (double)NAN, 1, -1});
        if (k == 0) {
            params.noise.drift_var[0] = 1e13; /* more than is believed */
        } else {
            twin.w[0] = 2e6; /* where no animal is */
        }
        const model_member before = twin;
        assert_int_equal(
            model_member_observe(&twin, &params, &(model_trial){0.5, 1.0, (double)NAN, 0, -1}),
            MODEL_ERR_NUMERIC);
        assert_memory_equal(&twin, &before, sizeof twin);
    }
    some_net_free(rnn);
}

static void a_no_go_only_adds_drift(void **state)
{
    (void)state;
    test_random r = test_random_seeded(63);
    some_net *rnn = some_net_make(&r, (model_net_shape){true, 9, 8, 1, 3});
    const model_params params = with_rule(MODEL_RULE_RNN, rnn);
    model_member twin;
    model_member_init(&twin, &params);
    model_member_start_session(&twin, &params);
    for (int first = 0; first < 2; first++) {
        model_member expected = twin;
        expected.n_trials++;
        expected.n_session++;
        for (int i = 0; i < 3; i++) {
            expected.P[i * 3 + i] += params.noise.drift_var[i];
        }
        observe(&twin, &params, (model_trial){0.5, 0.0, (double)NAN, -1, 1});
        assert_memory_equal(&twin, &expected, sizeof twin);
        assert_true(twin.at_session_start == (first == 0));
        observe(&twin, &params, (model_trial){0.5, 1.0, (double)NAN, 1, 1});
    }
    some_net_free(rnn);
}

static void a_session_start_adds_its_noise_once_and_forgets_the_last_choice(void **state)
{
    (void)state;
    const model_params params = built_in(NULL);
    model_member fresh;
    model_member twin;
    model_member_init(&fresh, &params);
    twin = fresh;
    model_member_start_session(&twin, &params); /* nothing was heard: the prior stands */
    assert_memory_equal(&twin, &fresh, sizeof twin);
    observe(&twin, &params, (model_trial){0.5, 1.0, (double)NAN, 1, 1});
    CHECK_NEAR(twin.history.choice, 1.0, 0.0);
    const model_member before = twin;
    model_member_start_session(&twin, &params);
    model_member_start_session(&twin, &params);
    for (int i = 0; i < 3; i++) {
        CHECK_NEAR(twin.P[i * 3 + i], before.P[i * 3 + i] + params.noise.session_var[i], 1e-15);
    }
    CHECK_NEAR(twin.history.choice, 0.0, 0.0);
    assert_true(twin.at_session_start);
}

static void predictions_are_probabilities_inside_their_interval(void **state)
{
    (void)state;
    test_random r = test_random_seeded(64);
    const model_params params = built_in(NULL);
    model_member twin;
    double p[N_STIMULI];
    double lo[N_STIMULI];
    double hi[N_STIMULI];
    double alone[N_STIMULI];
    model_member_init(&twin, &params);
    for (int t = 0; t < 300; t++) {
        model_member_predict(&twin, &params, N_STIMULI, STIMULI, p, lo, hi);
        model_member_predict(&twin, &params, N_STIMULI, STIMULI, alone, NULL, NULL);
        for (int i = 0; i < N_STIMULI; i++) {
            assert_true(lo[i] >= 0.0 && lo[i] <= p[i] && p[i] <= hi[i] && hi[i] <= 1.0);
            CHECK_NEAR(p[i], alone[i], 0.0);
        }
        observe(&twin, &params, random_trial(&r));
    }
}

/* An animal whose weights walk at random, followed with the true noise: the 90% interval of p must
 * hold the true p about 90 times in 100. */
static void ninety_per_cent_intervals_hold_the_true_p_in_85_to_95_per_cent(void **state)
{
    (void)state;
    test_random r = test_random_seeded(65);
    model_params params = built_in("stimulus,bias");
    const double drift[2] = {2e-3, 4e-3};
    const double session[2] = {0.05, 0.2};
    int n_inside = 0;
    int n = 0;
    for (int i = 0; i < 2; i++) {
        params.noise.prior_var[i] = 1.0;
        params.noise.drift_var[i] = drift[i];
        params.noise.session_var[i] = session[i];
    }
    for (int animal = 0; animal < 200; animal++) {
        model_member twin;
        double w[2] = {test_random_normal(&r), test_random_normal(&r)};
        model_member_init(&twin, &params);
        for (int t = 0; t < 1000; t++) {
            if (t % 250 == 0) {
                model_member_start_session(&twin, &params);
                for (int i = 0; t > 0 && i < 2; i++) {
                    w[i] += sqrt(session[i]) * test_random_normal(&r);
                }
            }
            const double c = STIMULI[test_random_bits(&r) % N_STIMULI];
            const double x = model_policy_stimulus(&params.policy, c);
            const double p = sigmoid_exact(w[0] * x + w[1]);
            double forecast;
            double lo;
            double hi;
            model_member_predict(&twin, &params, 1, &c, &forecast, &lo, &hi);
            n_inside += p >= lo && p <= hi;
            n++;
            observe(&twin, &params,
                    (model_trial){c, 1.0, (double)NAN, test_random_uniform(&r) < p, -1});
            for (int i = 0; i < 2; i++) {
                w[i] += sqrt(drift[i]) * test_random_normal(&r);
            }
        }
    }
    const double share = (double)n_inside / n;
    printf("inside: %.4f of %d\n", share, n);
    assert_true(share >= 0.85 && share <= 0.95);
}

/* A learner by the rule: the twin with the rule forecasts learning, and its weights follow. */
static void the_rule_moves_the_twin_towards_what_is_rewarded(void **state)
{
    (void)state;
    test_random r = test_random_seeded(66);
    model_params params = built_in("stimulus,bias");
    params.rule.kind = MODEL_RULE_REINFORCE;
    for (int i = 0; i < 2; i++) {
        params.rule.rate[i] = 0.05;
        params.noise.drift_var[i] = 1e-5;
        params.noise.session_var[i] = 0.0;
        params.noise.prior_var[i] = 0.01;
    }
    model_member twin;
    double w[2] = {0.0, 0.0};
    model_member_init(&twin, &params);
    for (int t = 0; t < 3000; t++) {
        const double c = t % 2 == 0 ? 0.5 : -0.5;
        const double x = model_policy_stimulus(&params.policy, c);
        const double p = sigmoid_exact(w[0] * x + w[1]);
        const bool right = test_random_uniform(&r) < p;
        const bool is_rewarded = right == (c > 0.0);
        observe(&twin, &params, (model_trial){c, is_rewarded, (double)NAN, right, -1});
        if (is_rewarded) {
            w[0] += 0.05 * ((right ? 1.0 : 0.0) - p) * x;
            w[1] += 0.05 * ((right ? 1.0 : 0.0) - p);
        }
    }
    printf("true w %.3f %.3f, twin %.3f %.3f\n", w[0], w[1], twin.w[0], twin.w[1]);
    assert_true(w[0] > 2.0);
    CHECK_NEAR(twin.w[0], w[0], 0.5);
    CHECK_NEAR(twin.w[1], w[1], 0.5);
}

/* The step is pace times dw, and A that of w + pace dw: I + pace (u g' - diag f). */
static void forgetting_draws_w_and_P_in_at_every_pace(void **state)
{
    (void)state;
    enum { N = 3 };
    const model_params params = with_rule(MODEL_RULE_BASIS, NULL);
    const double *f = model_rule_forgetting(&params.rule);
    test_random r = test_random_seeded(67);
    for (int pace = 0; pace < 3; pace++) {
        model_member twin;
        model_member_init(&twin, &params);
        for (int t = 0; t < 60; t++) {
            model_member old = twin;
            model_trial trial = random_trial(&r);
            trial.choice = (int8_t)(t % 3 == 0);
            double g[N];
            double dw[N];
            double u[N];
            double A[N][N];
            const double x = model_policy_stimulus(&params.policy, trial.contrast);
            const model_rule_trial seen = {.stimulus = x,
                                           .reward = trial.reward,
                                           .chose_right = trial.choice == 1,
                                           .side = -1};
            model_policy_fill(&params.policy, &old.history, x, g);
            assert_int_equal(
                filter_update(MODEL_FILTER_EKF, N, old.w, old.P, g, 0.0, seen.chose_right),
                MODEL_OK);
            assert_int_equal(model_rule_step(&params.rule, &old.rule, N, old.w, g, &seen, dw, u),
                             MODEL_OK);
            assert_int_equal(model_member_observe_at(&twin, &params, &trial, pace), MODEL_OK);
            assert_int_equal(twin.outside, 0);
            for (int i = 0; i < N; i++) {
                CHECK_NEAR(twin.w[i], old.w[i] + pace * dw[i], 1e-14);
                for (int j = 0; j < N; j++) {
                    A[i][j] = (i == j ? 1.0 - pace * f[i] : 0.0) + pace * u[i] * g[j];
                }
            }
            for (int k = 0; k < N * N; k++) {
                double sum = k / N == k % N ? params.noise.drift_var[k / N] : 0.0;
                for (int l = 0; l < N * N; l++) {
                    sum += A[k / N][l / N] * old.P[l] * A[k % N][l % N];
                }
                CHECK_NEAR(twin.P[k], sum, 1e-13);
            }
        }
    }
}

static void parameters_out_of_range_are_found(void **state)
{
    (void)state;
    const model_params good = built_in(NULL);
    const double nan = (double)NAN;
    model_params p = good;
    p.noise.prior_var[0] = 0.0;
    assert_int_equal(model_params_check(&p), MODEL_ERR_ARG);
    p = good;
    p.noise.drift_var[1] = -1e-9;
    assert_int_equal(model_params_check(&p), MODEL_ERR_ARG);
    p = good;
    p.noise.session_var[2] = nan;
    assert_int_equal(model_params_check(&p), MODEL_ERR_ARG);
    p = good;
    p.noise.prior_mean[0] = (double)INFINITY;
    assert_int_equal(model_params_check(&p), MODEL_ERR_ARG);
    p = good;
    p.policy.n = 0;
    assert_int_equal(model_params_check(&p), MODEL_ERR_ARG);
    p = good;
    p.rule.kind = MODEL_RULE_DNN;
    assert_int_equal(model_params_check(&p), MODEL_ERR_ARG);
    p = good;
    p.rule.rate[2] = nan;
    assert_int_equal(model_params_check(&p), MODEL_ERR_ARG);
    p = good;
    p.rule.baseline[0] = 1e4;
    assert_int_equal(model_params_check(&p), MODEL_ERR_ARG);
    p = good;
    p.rule.memory = 1.5;
    assert_int_equal(model_params_check(&p), MODEL_ERR_ARG);
    p = good;
    p.rule.coefficient[MODEL_BASIS_TRACE][2] = -2.0 * MODEL_RATE_MAX;
    assert_int_equal(model_params_check(&p), MODEL_ERR_ARG);
    p = good;
    p.rule.coefficient[MODEL_BASIS_FORGETTING][1] = -1.001;
    assert_int_equal(model_params_check(&p), MODEL_ERR_ARG);
    p = good;
    assert_int_equal(model_params_built_in(&p, "stimulus,taste"), MODEL_ERR_ARG);
    assert_memory_equal(&p, &good, sizeof p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_continues_bit_for_bit),
        cmocka_unit_test(bad_trials_are_refused_and_change_nothing),
        cmocka_unit_test(a_result_that_is_not_finite_is_refused_and_changes_nothing),
        cmocka_unit_test(a_no_go_only_adds_drift),
        cmocka_unit_test(a_session_start_adds_its_noise_once_and_forgets_the_last_choice),
        cmocka_unit_test(predictions_are_probabilities_inside_their_interval),
        cmocka_unit_test(ninety_per_cent_intervals_hold_the_true_p_in_85_to_95_per_cent),
        cmocka_unit_test(the_rule_moves_the_twin_towards_what_is_rewarded),
        cmocka_unit_test(forgetting_draws_w_and_P_in_at_every_pace),
        cmocka_unit_test(parameters_out_of_range_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
