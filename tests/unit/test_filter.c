/* model/src/twin/filter.h: expected numbers come from tests/reference/filter.py. */
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
#include "seeded.h"

static const struct {
    double g[3];
    bool chose_right;
} TRIALS[] = {{{1.0, 1.0, 0.0}, true},  {{-0.5, 1.0, 1.0}, false}, {{0.25, 1.0, -1.0}, false},
              {{0.0, 1.0, -1.0}, true}, {{-1.0, 1.0, 1.0}, true},  {{0.84836, 1.0, 1.0}, true}};

static void run_trials(double w[3], double P[9])
{
    filter_init(3, w, P, (double[]){0.5, -0.25, 0.0}, (double[]){4.0, 2.0, 0.5});
    for (int t = 0; t < 6; t++) {
        if (t == 3) {
            filter_diffuse(3, P, (double[]){0.04, 1.0, 0.01});
        }
        assert_int_equal(
            filter_update(MODEL_FILTER_EKF, 3, w, P, TRIALS[t].g, 0.0, TRIALS[t].chose_right),
            MODEL_OK);
        filter_diffuse(3, P, (double[]){1e-3, 2e-3, 1e-4});
    }
}

static void matches_newtons_method_in_all_dimensions_over_six_trials(void **state)
{
    (void)state;
    static const double W[] = {0.7670063257016257, 0.9698754908846997, 0.178237166611014};
    static const double COV[] = {1.340604310374969,   0.08166687981285889,  0.1210494190736484,
                                 0.08166687981285892, 0.9000757479881297,   -0.01856765577093395,
                                 0.1210494190736483,  -0.01856765577093392, 0.3501345266937079};
    double w[3];
    double P[9];
    double lo;
    double hi;
    run_trials(w, P);
    for (int i = 0; i < 3; i++) {
        CHECK_NEAR(w[i], W[i], 1e-12);
    }
    for (int i = 0; i < 9; i++) {
        CHECK_NEAR(P[i], COV[i], 1e-12);
    }
    const double g[] = {-0.30274, 1.0, 1.0};
    CHECK_NEAR(filter_predict(3, w, P, g, 0.0, &lo, &hi), 0.6800026546775665, 1e-12);
    CHECK_NEAR(lo, 0.2899096729430817, 1e-12);
    CHECK_NEAR(hi, 0.9386381134011536, 1e-12);
    CHECK_NEAR(filter_predict(3, w, P, g, 0.0, NULL, NULL), 0.6800026546775665, 1e-12);
}

static void a_known_move_shifts_w_and_turns_P_by_the_jacobian(void **state)
{
    (void)state;
    static const double COV[] = {1.316000771387724,  0.08045506294261588,  0.1332055418665603,
                                 0.0804550629426159, 0.9590691613201602,   -0.01774327728474655,
                                 0.1332055418665603, -0.01774327728474652, 0.3441292886476073};
    double w[3];
    double P[9];
    run_trials(w, P);
    const double before = w[1];
    filter_move(3, w, P, (double[]){0.1, -0.2, 0.3}, (double[]){-0.02, 0.03, 0.01}, NULL,
                (double[]){0.5, 1.0, -1.0});
    CHECK_NEAR(w[1], before - 0.2, 1e-15);
    for (int i = 0; i < 9; i++) {
        CHECK_NEAR(P[i], COV[i], 1e-12);
    }
}

/* A = I - diag f + u g' written out. */
static void a_move_that_forgets_turns_P_by_the_whole_jacobian(void **state)
{
    (void)state;
    static const double U[] = {-0.02, 0.03, 0.01};
    static const double F[] = {0.1, 0.0, 1.0};
    static const double G[] = {0.5, 1.0, -1.0};
    double w[3];
    double P[9];
    double before[9];
    run_trials(w, P);
    memcpy(before, P, sizeof P);
    filter_move(3, w, P, (double[]){0.1, -0.2, 0.3}, U, F, G);
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) {
            double sum = 0.0;
            for (int k = 0; k < 9; k++) {
                const double left = (i == k / 3 ? 1.0 - F[i] : 0.0) + U[i] * G[k / 3];
                const double right = (j == k % 3 ? 1.0 - F[j] : 0.0) + U[j] * G[k % 3];
                sum += left * before[k] * right;
            }
            CHECK_NEAR(P[3 * i + j], sum, 1e-15);
            CHECK_NEAR(P[3 * i + j], P[3 * j + i], 0.0);
        }
    }
}

static void a_move_without_jacobian_leaves_P(void **state)
{
    (void)state;
    double w[3];
    double P[9];
    double before[9];
    run_trials(w, P);
    memcpy(before, P, sizeof P);
    filter_move(3, w, P, (double[]){0.1, -0.2, 0.3}, NULL, NULL, (double[]){0.5, 1.0, -1.0});
    assert_memory_equal(P, before, sizeof P);
}

static void wide_priors_converge(void **state)
{
    (void)state;
    const double g = 1.0;
    double w = 0.0;
    double P = 400.0;
    assert_int_equal(filter_update(MODEL_FILTER_EKF, 1, &w, &P, &g, 0.0, true), MODEL_OK);
    CHECK_NEAR(w, 4.480471807005359, 1e-9);
    CHECK_NEAR(P, 73.66095563506502, 1e-6);
    w = -30.0;
    P = 900.0;
    assert_int_equal(filter_update(MODEL_FILTER_EKF, 1, &w, &P, &g, 0.0, true), MODEL_OK);
    CHECK_NEAR(w, 3.260371960865253, 1e-9);
    CHECK_NEAR(P, 27.24696428471669, 1e-6);
}

/* The mode solves a = m + v (y - sigmoid(a)). */
static void the_mode_is_a_root_for_every_width(void **state)
{
    (void)state;
    const double g = 1.0;
    double worst = 0.0;
    for (double v = 1e-8; v < 2e4; v *= 1.7) {
        for (double m = -40.0; m <= 40.0; m += 1.3) {
            for (int y = 0; y < 2; y++) {
                double w = m;
                double P = v;
                assert_int_equal(filter_update(MODEL_FILTER_EKF, 1, &w, &P, &g, 0.0, y == 1),
                                 MODEL_OK);
                const double f = w - m - v * (y - sigmoid_exact(w));
                worst = fmax(worst, fabs(f) / (1.0 + fabs(w)) / (1.0 + v));
            }
        }
    }
    printf("worst residual %.3g\n", worst);
    assert_true(worst < 1e-9);
}

static void assert_P_stays_symmetric_and_positive(model_filter filter)
{
    enum { N = 8 };
    test_random r = test_random_seeded(31);
    double w[N];
    double P[N * N];
    double mean[N] = {0.0};
    double var[N];
    double drift[N];
    for (int i = 0; i < N; i++) {
        var[i] = 4.0;
        drift[i] = i % 2 == 0 ? 0.0 : 1e-4;
    }
    filter_init(N, w, P, mean, var);
    for (int t = 0; t < 1000000; t++) {
        double g[N];
        for (int i = 0; i < N; i++) {
            g[i] = 2.0 * test_random_uniform(&r) - 1.0;
        }
        assert_int_equal(filter_update(filter, N, w, P, g, 0.0, test_random_uniform(&r) < 0.5),
                         MODEL_OK);
        filter_diffuse(N, P, drift);
    }
    /* Cholesky's pivots are positive just when P is positive definite. */
    double L[N][N] = {{0.0}};
    for (int i = 0; i < N; i++) {
        for (int j = 0; j <= i; j++) {
            CHECK_NEAR(P[i * N + j], P[j * N + i], 0.0);
            double sum = P[i * N + j];
            for (int k = 0; k < j; k++) {
                sum -= L[i][k] * L[j][k];
            }
            if (i == j) {
                assert_true(sum > 0.0);
                L[i][i] = sqrt(sum);
            } else {
                L[i][j] = sum / L[j][j];
            }
        }
    }
}

static void P_stays_symmetric_and_positive_over_a_million_trials(void **state)
{
    (void)state;
    assert_P_stays_symmetric_and_positive(MODEL_FILTER_EKF);
    assert_P_stays_symmetric_and_positive(MODEL_FILTER_MOMENTS);
}

static double log_sigmoid(double a)
{
    return fmin(a, 0.0) - log1p(exp(-fabs(a)));
}

/* Where one weight is normal and a choice was made, the posterior's mean and variance, by a sum
 * over a grid: near them for every width, and for a choice that surprises. */
static void moments_are_near_those_of_the_posterior(void **state)
{
    (void)state;
    static const double VARIANCES[] = {0.01, 0.3, 1.0, 4.0};
    static const double PARTS[] = {0.01, 0.04, 0.1, 0.25}; /* of sd and variance, at the most */
    const double g = 1.0;
    for (int k = 0; k < 4; k++) {
        for (double m = -3.0; m <= 3.0; m += 0.5) {
            const double sd = sqrt(VARIANCES[k]);
            double sum[3] = {0.0};
            for (double z = -8.0; z <= 8.0; z += 0.01) {
                const double a = m + sd * z;
                const double density = exp(log_sigmoid(a) - 0.5 * z * z);
                sum[0] += density;
                sum[1] += density * a;
                sum[2] += density * a * a;
            }
            const double mean = sum[1] / sum[0];
            const double var = sum[2] / sum[0] - mean * mean;
            double w = m;
            double P = VARIANCES[k];
            assert_int_equal(filter_update(MODEL_FILTER_MOMENTS, 1, &w, &P, &g, 0.0, true),
                             MODEL_OK);
            CHECK_NEAR(w, mean, PARTS[k] * sd);
            CHECK_NEAR(P / VARIANCES[k], var / VARIANCES[k], PARTS[k]);
        }
    }
}

/* Averaged over the choice by its chance, a forecast changes nothing: the mean after it is the mean
 * before, which the mode's is not. */
static void moments_average_to_what_was_known_before(void **state)
{
    (void)state;
    const double g = 1.0;
    for (double m = -4.0; m <= 4.0; m += 0.8) {
        const double p = filter_forecast(m, 2.0);
        double mean[MODEL_FILTERS] = {0.0};
        for (int f = 0; f < MODEL_FILTERS; f++) {
            for (int y = 0; y < 2; y++) {
                double w = m;
                double P = 2.0;
                assert_int_equal(filter_update((model_filter)f, 1, &w, &P, &g, 0.0, y == 1),
                                 MODEL_OK);
                mean[f] += (y == 1 ? p : 1.0 - p) * w;
            }
        }
        CHECK_NEAR(mean[MODEL_FILTER_MOMENTS], m, 1e-12);
        assert_true(fabs(m) < 1.0 || fabs(mean[MODEL_FILTER_EKF] - m) > 0.01);
    }
}

static void slopes_are_the_derivatives(void **state)
{
    (void)state;
    static const double H = 1e-5;
    for (int f = 0; f < MODEL_FILTERS; f++) {
        for (int y = 0; y < 2; y++) {
            for (double m = -5.0; m <= 5.0; m += 0.7) {
                for (double v = 0.01; v < 30.0; v *= 3.0) {
                    const filter_slopes s = filter_slopes_of((model_filter)f, m, v, y == 1);
                    const filter_pull a = filter_slopes_of((model_filter)f, m + H, v, y == 1).pull;
                    const filter_pull b = filter_slopes_of((model_filter)f, m - H, v, y == 1).pull;
                    const filter_pull c = filter_slopes_of((model_filter)f, m, v + H, y == 1).pull;
                    const filter_pull d = filter_slopes_of((model_filter)f, m, v - H, y == 1).pull;
                    CHECK_NEAR(s.by_mean.residual, (a.residual - b.residual) / (2.0 * H), 1e-7);
                    CHECK_NEAR(s.by_mean.gain, (a.gain - b.gain) / (2.0 * H), 1e-7);
                    CHECK_NEAR(s.by_var.residual, (c.residual - d.residual) / (2.0 * H), 1e-7);
                    CHECK_NEAR(s.by_var.gain, (c.gain - d.gain) / (2.0 * H), 1e-7);
                }
            }
        }
    }
}

static void refuses_what_is_not_finite_and_changes_nothing(void **state)
{
    (void)state;
    double w[3];
    double P[9];
    double w_before[3];
    double P_before[9];
    run_trials(w, P);
    memcpy(w_before, w, sizeof w);
    memcpy(P_before, P, sizeof P);
    assert_int_equal(
        filter_update(MODEL_FILTER_EKF, 3, w, P, (double[]){(double)NAN, 1.0, 0.0}, 0.0, true),
        MODEL_ERR_NUMERIC);
    assert_int_equal(
        filter_update(MODEL_FILTER_EKF, 3, w, P, (double[]){1e200, 1.0, 0.0}, 0.0, true),
        MODEL_ERR_NUMERIC);
    assert_memory_equal(w, w_before, sizeof w);
    assert_memory_equal(P, P_before, sizeof P);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_newtons_method_in_all_dimensions_over_six_trials),
        cmocka_unit_test(a_known_move_shifts_w_and_turns_P_by_the_jacobian),
        cmocka_unit_test(a_move_that_forgets_turns_P_by_the_whole_jacobian),
        cmocka_unit_test(a_move_without_jacobian_leaves_P),
        cmocka_unit_test(wide_priors_converge),
        cmocka_unit_test(the_mode_is_a_root_for_every_width),
        cmocka_unit_test(P_stays_symmetric_and_positive_over_a_million_trials),
        cmocka_unit_test(moments_are_near_those_of_the_posterior),
        cmocka_unit_test(moments_average_to_what_was_known_before),
        cmocka_unit_test(slopes_are_the_derivatives),
        cmocka_unit_test(refuses_what_is_not_finite_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
