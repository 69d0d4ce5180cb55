/* model/nelder_mead.h, and the loss of the classic rules in model/fit.h. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "check.h"
#include "model/fit.h"
#include "model/nelder_mead.h"

/* Rosenbrock 1960: least, 0, at (1, 1). */
static double valley(void *context, const double x[])
{
    ++*(int *)context;
    return 100.0 * pow(x[1] - x[0] * x[0], 2.0) + pow(1.0 - x[0], 2.0);
}

static double bowl(void *context, const double x[])
{
    (void)context;
    double sum = 0.0;
    for (int i = 0; i < 6; i++) {
        sum += (i + 1) * pow(x[i] - i, 2.0);
    }
    return x[0] < -0.5 ? (double)INFINITY : sum;
}

static void finds_the_bottom_of_a_bent_valley(void **state)
{
    (void)state;
    double x[2] = {-1.2, 1.0};
    int calls = 0;
    const double least = model_nelder_mead(2, x, (double[]){0.5, 0.5}, 1e-14, 1000, valley, &calls);
    printf("%d calls\n", calls);
    CHECK_NEAR(least, 0.0, 1e-12);
    CHECK_NEAR(x[0], 1.0, 1e-5);
    CHECK_NEAR(x[1], 1.0, 1e-5);
}

static void finds_it_in_six_dimensions_beside_a_wall(void **state)
{
    (void)state;
    double x[6] = {0.0};
    const double step[6] = {-1.0, 1.0, 1.0, 1.0, 1.0, 1.0};
    for (int round = 0; round < 3; round++) {
        (void)model_nelder_mead(6, x, step, 1e-13, 2000, bowl, NULL);
    }
    for (int i = 0; i < 6; i++) {
        CHECK_NEAR(x[i], i, 1e-4);
    }
}

static double nowhere(void *context, const double x[])
{
    (void)x;
    ++*(int *)context;
    return (double)INFINITY;
}

static void ends_where_nothing_is_finite(void **state)
{
    (void)state;
    double x[3] = {1.0, 2.0, 3.0};
    int calls = 0;
    assert_true(
        isinf(model_nelder_mead(3, x, (double[]){1.0, 1.0, 1.0}, 1e-9, 50, nowhere, &calls)));
    assert_true(calls <= 4 + 50 * 5);
}

/* Two trials by hand, bias alone, rate 1/2: the first costs ln 2; it was right and rewarded, so
 * that dw = 0.5 (1 - 0.5) and the second, to the right again, costs log(1 + exp(-0.25)). */
static void the_loss_of_a_classic_rule_is_what_a_hand_computes(void **state)
{
    (void)state;
    const float x[2 * MODEL_RULE_INPUTS] = {0, 1, 0, 0, 0, 0, 0.5F, 1, 1, 1, 1, 1};
    const float g[2] = {1.0F, 1.0F};
    const uint8_t y[2] = {1, 1};
    const model_fit_animal animal = {.n_trials = 2, .x = x, .g = g, .chose_right = y};
    const model_rule rule = {.kind = MODEL_RULE_REINFORCE, .rate = {0.5}};
    CHECK_NEAR(model_fit_loss(&rule, 1, &animal), log(2.0) + log(1.0 + exp(-0.25)), 1e-15);
}

/* At zero contrast an unrewarded choice of right says that left was correct, unless it is stated.
 */
static void a_stated_side_goes_before_the_guessed_one(void **state)
{
    (void)state;
    const float x[2 * MODEL_RULE_INPUTS] = {0, 1, 0, 0, 0, 0, 0, 1, 1, 1, 0, 1};
    const float g[2] = {1.0F, 1.0F};
    const uint8_t y[2] = {1, 1};
    const int8_t side[2] = {1, -1};
    const model_rule rule = {.kind = MODEL_RULE_PREDICT_MAX, .rate = {0.5}};
    model_fit_animal animal = {.n_trials = 2, .x = x, .g = g, .chose_right = y};
    CHECK_NEAR(model_fit_loss(&rule, 1, &animal), log(2.0) + log(1.0 + exp(0.25)), 1e-15);
    animal.side = side;
    CHECK_NEAR(model_fit_loss(&rule, 1, &animal), log(2.0) + log(1.0 + exp(-0.25)), 1e-15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_bottom_of_a_bent_valley),
        cmocka_unit_test(finds_it_in_six_dimensions_beside_a_wall),
        cmocka_unit_test(ends_where_nothing_is_finite),
        cmocka_unit_test(the_loss_of_a_classic_rule_is_what_a_hand_computes),
        cmocka_unit_test(a_stated_side_goes_before_the_guessed_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
