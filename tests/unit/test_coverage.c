/* model/coverage.h: simulated animals whose true p is known, and bins worked out by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bank_predict.h"
#include "check.h"
#include "filter.h"
#include "model/coverage.h"
#include "model/score.h"
#include "seeded.h"

static model_params built_in(const char *features)
{
    model_params params;
    assert_int_equal(model_params_built_in(&params, features), MODEL_OK);
    return params;
}

static const model_trial RIGHT = {0.0, (double)NAN, (double)NAN, 1, -1};

/* At w = 0 and zero contrast p is 0.5: 16 choices close a bin. */
static void a_bin_matches_sums_worked_out_by_hand(void **state)
{
    (void)state;
    model_params params = built_in("bias");
    params.noise.prior_var[0] = 0.5;
    params.noise.drift_var[0] = 0.01;
    model_bank_params bank_params;
    model_bank_single(&bank_params, &params);
    model_bank bank;
    model_bank_init(&bank, &bank_params);
    model_coverage c;
    model_coverage_reset(&c);
    model_coverage_bin bin;
    double claimed = 0.0;
    double own = 0.0;
    for (int i = 0; i < 16; i++) { /* the belief is held still: the bank hears nothing */
        assert_int_equal(c.n_trials, i);
        model_trial trial = RIGHT;
        trial.choice = i < 13;
        model_coverage_observe(&c, &bank, &bank_params, &trial, &bin);
        assert_int_equal(bin.n, i == 15 ? 2 : 0);
        const double s = 0.25 / sqrt(1.0 + 3.141592653589793 / 8.0 * (0.5 + 0.01 * i));
        own += s * s * (0.5 + 0.01 * i);
        for (int k = 0; k < 16; k++) {
            const double t = 0.25 / sqrt(1.0 + 3.141592653589793 / 8.0 * (0.5 + 0.01 * k));
            claimed += s * t * (0.5 + 0.01 * (i < k ? i : k));
        }
    }
    /* 13 right, 8 expected; at p = 0.5 right counts as the likelier choice: twice the same rate. */
    CHECK_NEAR(bin.claimed, 2.0 * claimed, 1e-12);
    CHECK_NEAR(bin.found, 2.0 * (25.0 - (4.0 - own)), 1e-12);
    const bool is_covered = 25.0 <= 1.6448536269514722 * 1.6448536269514722 * (claimed + 4.0 - own);
    assert_int_equal(bin.n_covered, is_covered ? 2 : 0);
    assert_int_equal(c.n_trials, 0);
}

static void a_no_go_is_no_choice_but_lets_the_weights_drift(void **state)
{
    (void)state;
    const model_params params = built_in("bias");
    model_bank_params bank_params;
    model_bank_single(&bank_params, &params);
    model_bank bank;
    model_bank_init(&bank, &bank_params);
    model_coverage with;
    model_coverage without;
    model_coverage_bin bin;
    model_coverage_reset(&with);
    model_coverage_reset(&without);
    model_trial no_go = RIGHT;
    no_go.choice = -1;
    for (int i = 0; i < 100; i++) {
        model_coverage_observe(&with, &bank, &bank_params, &no_go, &bin);
        assert_int_equal(bin.n, 0);
    }
    CHECK_NEAR(with.spread, 0.0, 0.0);
    model_coverage_observe(&with, &bank, &bank_params, &RIGHT, &bin);
    model_coverage_observe(&without, &bank, &bank_params, &RIGHT, &bin);
    CHECK_NEAR(with.rate[0].error, 0.5, 0.0);
    assert_true(with.own > without.own * 1.01);
}

struct cohort {
    model_score score;
    int64_t n;      /* choices */
    int64_t inside; /* the true p lay in the interval of this very trial */
};

/* 60 animals of 1,500 trials whose weights wander, followed with `factor` times their variances. */
static void simulate(struct cohort *cohort, double factor)
{
    test_random r = test_random_seeded(77);
    const double drift[] = {1e-3, 4e-3};
    *cohort = (struct cohort){0};
    model_params params = built_in("stimulus,bias");
    for (int i = 0; i < 2; i++) {
        params.noise.prior_var[i] = 1.0;
        params.noise.drift_var[i] = factor * drift[i];
    }
    model_bank_params bank_params;
    model_bank_single(&bank_params, &params);
    for (int animal = 0; animal < 60; animal++) {
        model_bank bank;
        model_coverage c;
        double w[2] = {test_random_normal(&r), test_random_normal(&r)};
        model_bank_init(&bank, &bank_params);
        model_coverage_reset(&c);
        for (int t = 0; t < 1500; t++) {
            const double contrast = 2.0 * test_random_uniform(&r) - 1.0;
            const double x = model_policy_stimulus(&params.policy, contrast);
            const double p = sigmoid_exact(w[0] * x + w[1]);
            double forecast;
            double lo;
            double hi;
            bank_predict(&bank, &bank_params, 1, &contrast, &forecast, &lo, &hi);
            cohort->inside += p >= lo && p <= hi;
            cohort->n++;
            const model_trial trial = {contrast, (double)NAN, (double)NAN,
                                       test_random_uniform(&r) < p, -1};
            model_coverage_bin bin;
            model_coverage_observe(&c, &bank, &bank_params, &trial, &bin);
            model_score_push_bin(&cohort->score, &bin);
            assert_int_equal(model_bank_observe(&bank, &bank_params, &trial, NULL), MODEL_OK);
            for (int i = 0; i < 2; i++) {
                w[i] += sqrt(drift[i]) * test_random_normal(&r);
            }
        }
    }
    printf("variances times %g: true p inside %.3f; covered %.3f of %lld bins, ratio %.2f\n",
           factor, (double)cohort->inside / (double)cohort->n, model_score_coverage(&cohort->score),
           (long long)cohort->score.n_rates, model_score_interval_ratio(&cohort->score));
}

static void intervals_that_hold_are_found_to_hold(void **state)
{
    (void)state;
    struct cohort cohort;
    simulate(&cohort, 1.0);
    assert_true(cohort.score.n_rates > 2000);
    CHECK_NEAR(model_score_coverage(&cohort.score), 0.9, 0.02);
    CHECK_NEAR(model_score_interval_ratio(&cohort.score), 1.0, 0.1);
    CHECK_NEAR((double)cohort.inside / (double)cohort.n, 0.9, 0.03);
}

static void intervals_that_are_too_narrow_or_too_wide_are_told_apart(void **state)
{
    (void)state;
    struct cohort narrow;
    struct cohort wide;
    simulate(&narrow, 1.0 / 64.0);
    simulate(&wide, 64.0);
    assert_true(model_score_coverage(&narrow.score) < 0.8);
    assert_true(model_score_interval_ratio(&narrow.score) > 2.0);
    assert_true(model_score_coverage(&wide.score) > 0.95);
    assert_true(model_score_interval_ratio(&wide.score) < 0.75);
}

/* A twin that believes to know an animal that is otherwise: no bias but stimuli ignored, or a bias.
 */
static void a_wrong_sensitivity_is_found_as_a_wrong_bias_is(void **state)
{
    (void)state;
    const double truth[2][2] = {{2.0, 0.0}, {0.0, 1.0}};
    for (int k = 0; k < 2; k++) {
        test_random r = test_random_seeded(79);
        model_params params = built_in("stimulus,bias");
        for (int i = 0; i < 2; i++) {
            params.noise.prior_mean[i] = i == 0 ? 0.5 : 0.0;
            params.noise.prior_var[i] = 1e-3;
            params.noise.drift_var[i] = 0.0;
        }
        model_bank_params bank_params;
        model_bank_single(&bank_params, &params);
        model_bank bank;
        model_coverage c;
        model_score score;
        model_bank_init(&bank, &bank_params);
        model_coverage_reset(&c);
        model_score_reset(&score);
        for (int t = 0; t < 2000; t++) { /* the bank hears nothing */
            model_trial trial = RIGHT;
            trial.contrast = 2.0 * test_random_uniform(&r) - 1.0;
            const double x = model_policy_stimulus(&params.policy, trial.contrast);
            const double p = sigmoid_exact(truth[k][0] * x + truth[k][1]);
            trial.choice = test_random_uniform(&r) < p;
            model_coverage_bin bin;
            model_coverage_observe(&c, &bank, &bank_params, &trial, &bin);
            model_score_push_bin(&score, &bin);
        }
        printf("%s: covered %.3f, ratio %.1f\n", k == 0 ? "sensitivity" : "bias",
               model_score_coverage(&score), model_score_interval_ratio(&score));
        assert_true(model_score_coverage(&score) < 0.75);
        assert_true(model_score_interval_ratio(&score) > 3.0);
    }
}

/* The mixture's mean and spread are those that its published interval is made from. */
static void a_bin_of_a_bank_begins_with_what_the_bank_publishes(void **state)
{
    (void)state;
    test_random r = test_random_seeded(78);
    const model_params params = built_in("stimulus,bias");
    model_bank_params bank_params;
    model_bank_single(&bank_params, &params);
    bank_params.n = 3;
    for (uint32_t i = 0; i < 3; i++) {
        bank_params.member[i] = params;
        bank_params.member[i].noise.drift_var[1] *= (double)(1 + 3 * i);
        bank_params.prior[i] = 1.0 / 3.0;
    }
    model_bank bank;
    model_bank_init(&bank, &bank_params);
    for (int t = 0; t < 50; t++) {
        const model_trial trial = {2.0 * test_random_uniform(&r) - 1.0, (double)NAN, (double)NAN,
                                   t % 3 != 0, -1};
        assert_int_equal(model_bank_observe(&bank, &bank_params, &trial, NULL), MODEL_OK);
    }
    model_coverage c;
    model_coverage_bin bin;
    model_coverage_reset(&c);
    model_trial trial = RIGHT;
    trial.contrast = 0.3;
    model_coverage_observe(&c, &bank, &bank_params, &trial, &bin);
    const double g[] = {model_policy_stimulus(&params.policy, 0.3), 1.0};
    double lo;
    double hi;
    double p;
    double mine_lo;
    double mine_hi;
    (void)filter_predict(2, c.w, c.P, g, 0.0, &mine_lo, &mine_hi);
    bank_predict(&bank, &bank_params, 1, &trial.contrast, &p, &lo, &hi);
    CHECK_NEAR(mine_lo, lo, 1e-12);
    CHECK_NEAR(mine_hi, hi, 1e-12);
    CHECK_NEAR(1.0 - c.rate[0].error, p, 2e-3); /* one normal in the place of three */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bin_matches_sums_worked_out_by_hand),
        cmocka_unit_test(a_no_go_is_no_choice_but_lets_the_weights_drift),
        cmocka_unit_test(intervals_that_hold_are_found_to_hold),
        cmocka_unit_test(intervals_that_are_too_narrow_or_too_wide_are_told_apart),
        cmocka_unit_test(a_wrong_sensitivity_is_found_as_a_wrong_bias_is),
        cmocka_unit_test(a_bin_of_a_bank_begins_with_what_the_bank_publishes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
