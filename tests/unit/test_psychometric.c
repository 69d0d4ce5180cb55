/* model/psychometric.h: expected curves are those of tests/reference/psychometric_curve.py. */
#include <stdbool.h>
#include <string.h>

#include "suite.h"

#include "check.h"
#include "curve_nats.h"
#include "model/error.h"
#include "model/nelder_mead.h"
#include "model/psychometric.h"
#include "seeded.h"

static const model_psychometric_point STEEP[] = {{-100, 120, 5},   {-25, 115, 8},  {-12.5, 130, 21},
                                                 {-6.25, 118, 45}, {0, 122, 66},   {6.25, 117, 82},
                                                 {12.5, 125, 104}, {25, 121, 113}, {100, 119, 112}};
static const model_psychometric_point SHALLOW[] = {{-100, 90, 20}, {-50, 85, 31}, {-25, 88, 50},
                                                   {0, 40, 29},    {25, 92, 78},  {50, 86, 80},
                                                   {100, 91, 86}};
static const model_psychometric_point FEW[] = {
    {-100, 9, 1}, {-25, 11, 3}, {0, 4, 3}, {25, 10, 9}, {100, 12, 12}};

enum { N_STEEP = 9, N_SHALLOW = 7, N_FEW = 5 };

static void check_curve(size_t n, const model_psychometric_point points[],
                        const model_psychometric *expected, double nats)
{
    model_psychometric c;
    assert_int_equal(model_psychometric_fit(n, points, &c), MODEL_OK);
    CHECK_NEAR(c.bias, expected->bias, 1e-3);
    CHECK_NEAR(c.threshold, expected->threshold, 1e-3);
    CHECK_NEAR(c.lapse_low, expected->lapse_low, 1e-5);
    CHECK_NEAR(c.lapse_high, expected->lapse_high, 1e-5);
    CHECK_NEAR(curve_nats(&c, n, points), nats, 1e-8);
}

static void agrees_with_the_reference(void **state)
{
    (void)state;
    check_curve(N_STEEP, STEEP,
                &(model_psychometric){-1.316303133, 16.3565456, 0.04359803615, 0.05848051595},
                454.881072506);
    check_curve(N_SHALLOW, SHALLOW,
                &(model_psychometric){-21.55870056, 55.94149926, 0.2023971443, 0.05205117381},
                267.700294575);
    check_curve(N_FEW, FEW, &(model_psychometric){-6.122802397, 33.38663113, 0.1065134825, 0.0},
                15.2193105832);
}

static void lies_between_its_lapses_and_rises_through_its_bias(void **state)
{
    (void)state;
    const model_psychometric c = {10.0, 20.0, 0.1, 0.3};
    CHECK_NEAR(model_psychometric_predict(&c, 10.0), 0.4, 1e-15);
    CHECK_NEAR(model_psychometric_predict(&c, -100.0), 0.1, 1e-12);
    CHECK_NEAR(model_psychometric_predict(&c, 100.0), 0.7, 1e-9);
    CHECK_NEAR(model_psychometric_predict(&c, 30.0), 0.1 + 0.6 * (0.8427007929497149 + 1.0) / 2.0,
               1e-15);
}

/* 9 stimuli, 100000 trials each, with the counts that a curve expects. */
static void finds_the_curve_behind_many_trials(void **state)
{
    (void)state;
    static const double CONTRASTS[] = {-100, -50, -25, -12.5, 0, 12.5, 25, 50, 100};
    test_random r = test_random_seeded(suite_seed());
    for (int round = 0; round < 20; round++) {
        const model_psychometric truth = {
            40.0 * (test_random_uniform(&r) - 0.5), 5.0 + 40.0 * test_random_uniform(&r),
            0.3 * test_random_uniform(&r), 0.3 * test_random_uniform(&r)};
        model_psychometric_point points[9];
        model_psychometric found;
        for (int i = 0; i < 9; i++) {
            points[i] = (model_psychometric_point){CONTRASTS[i], 100000, 0};
            points[i].n_right =
                (int64_t)(1e5 * model_psychometric_predict(&truth, CONTRASTS[i]) + 0.5);
        }
        assert_int_equal(model_psychometric_fit(9, points, &found), MODEL_OK);
        CHECK_NEAR(found.bias, truth.bias, 0.05);
        CHECK_NEAR(found.threshold, truth.threshold, 0.1);
        CHECK_NEAR(found.lapse_low, truth.lapse_low, 5e-4);
        CHECK_NEAR(found.lapse_high, truth.lapse_high, 5e-4);
    }
}

struct problem {
    size_t n;
    const model_psychometric_point *points;
};

static double cost(void *context, const double x[])
{
    const struct problem *p = context;
    const model_psychometric c = {x[0], x[1], x[2], x[3]};
    const bool is_in = x[0] >= -100.0 && x[0] <= 100.0 && x[1] > 0.0 && x[1] <= 100.0 &&
                       x[2] >= 0.0 && x[2] <= 1.0 && x[3] >= 0.0 && x[3] <= 1.0;
    return is_in ? curve_nats(&c, p->n, p->points) : (double)INFINITY;
}

static void no_search_from_random_starts_finds_a_likelier_one(void **state)
{
    (void)state;
    static const double CONTRASTS[] = {-100, -25, -6.25, 0, 6.25, 25, 100};
    test_random r = test_random_seeded(suite_seed());
    double worst = 0.0;
    for (int animal = 0; animal < 40; animal++) {
        model_psychometric_point points[7];
        const struct problem p = {7, points};
        model_psychometric c;
        const double slope = 60.0 * test_random_uniform(&r);
        for (int i = 0; i < 7; i++) {
            const double right = 1.0 / (1.0 + exp(-CONTRASTS[i] / (1.0 + slope)));
            points[i] = (model_psychometric_point){CONTRASTS[i], 40, 0};
            for (int t = 0; t < 40; t++) {
                points[i].n_right += test_random_uniform(&r) < right ? 1 : 0;
            }
        }
        assert_int_equal(model_psychometric_fit(7, points, &c), MODEL_OK);
        double least = (double)INFINITY;
        for (int start = 0; start < 20; start++) {
            double x[4] = {200.0 * (test_random_uniform(&r) - 0.5), 100.0 * test_random_uniform(&r),
                           test_random_uniform(&r), test_random_uniform(&r)};
            (void)model_nelder_mead(4, x, (double[]){5, 5, 0.05, 0.05}, 1e-9, 1000, cost,
                                    (void *)&p);
            least = fmin(least, model_nelder_mead(4, x, (double[]){5, 5, 0.05, 0.05}, 1e-9, 1000,
                                                  cost, (void *)&p));
        }
        worst = fmax(worst, curve_nats(&c, 7, points) - least);
    }
    printf("worst: %.2g nats above\n", worst);
    assert_true(worst < 1e-3);
}

static void an_animal_without_mistakes_has_no_lapses(void **state)
{
    (void)state;
    const model_psychometric_point points[] = {
        {-100, 50, 0}, {-25, 50, 0}, {25, 50, 50}, {100, 50, 50}};
    model_psychometric c;
    assert_int_equal(model_psychometric_fit(4, points, &c), MODEL_OK);
    CHECK_NEAR(c.lapse_low, 0.0, 1e-6);
    CHECK_NEAR(c.lapse_high, 0.0, 1e-6);
    assert_true(c.threshold > 0.0 && fabs(c.bias) < 25.0);
}

static void one_stimulus_gives_a_finite_curve_through_its_share(void **state)
{
    (void)state;
    const model_psychometric_point point = {25.0, 40, 30};
    model_psychometric c;
    assert_int_equal(model_psychometric_fit(1, &point, &c), MODEL_OK);
    CHECK_NEAR(model_psychometric_predict(&c, 25.0), 0.75, 1e-4);
    CHECK_NEAR(c.bias, 25.0, 1e-12);
}

static void the_same_points_give_the_same_bits(void **state)
{
    (void)state;
    model_psychometric a;
    model_psychometric b;
    assert_int_equal(model_psychometric_fit(N_SHALLOW, SHALLOW, &a), MODEL_OK);
    assert_int_equal(model_psychometric_fit(N_SHALLOW, SHALLOW, &b), MODEL_OK);
    assert_memory_equal(&a, &b, sizeof a);
}

static void refuses_points_that_are_none_and_leaves_the_curve_alone(void **state)
{
    (void)state;
    static const model_psychometric_point BAD[] = {
        {101.0, 5, 1}, {-101.0, 5, 1}, {0.0, 0, 0}, {0.0, 5, 6}, {0.0, 5, -1}};
    const model_psychometric before = {1.0, 2.0, 3.0, 4.0};
    model_psychometric c = before;
    model_psychometric_point points[2] = {{0.0, 5, 1}, {(double)NAN, 5, 1}};
    assert_int_equal(model_psychometric_fit(2, points, &c), MODEL_ERR_ARG);
    assert_int_equal(model_psychometric_fit(0, STEEP, &c), MODEL_ERR_ARG);
    assert_int_equal(model_psychometric_fit(MODEL_PSYCHOMETRIC_POINTS_MAX + 1, STEEP, &c),
                     MODEL_ERR_ARG);
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        points[1] = BAD[i];
        assert_int_equal(model_psychometric_fit(2, points, &c), MODEL_ERR_ARG);
    }
    assert_memory_equal(&c, &before, sizeof c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_reference),
        cmocka_unit_test(lies_between_its_lapses_and_rises_through_its_bias),
        cmocka_unit_test(finds_the_curve_behind_many_trials),
        cmocka_unit_test(no_search_from_random_starts_finds_a_likelier_one),
        cmocka_unit_test(an_animal_without_mistakes_has_no_lapses),
        cmocka_unit_test(one_stimulus_gives_a_finite_curve_through_its_share),
        cmocka_unit_test(the_same_points_give_the_same_bits),
        cmocka_unit_test(refuses_points_that_are_none_and_leaves_the_curve_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
