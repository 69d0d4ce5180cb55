/* model/student_t.h: t from printed tables (Abramowitz & Stegun, table 26.10). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "check.h"
#include "model/student_t.h"

/* The half-width of the interval of n_free + 1 values, whose mean has a standard error of 1. */
static double t_of(size_t n_free, double chance)
{
    static double values[100001];
    const size_t n = n_free + 1;
    values[0] = (double)n;
    return model_student_t_of_mean(n, values, chance).hi - 1.0;
}

static void t_is_that_of_the_tables(void **state)
{
    (void)state;
    CHECK_NEAR(t_of(1, 0.90), 6.314, 5e-4);
    CHECK_NEAR(t_of(2, 0.90), 2.920, 5e-4);
    CHECK_NEAR(t_of(3, 0.90), 2.353, 5e-4);
    CHECK_NEAR(t_of(4, 0.90), 2.132, 5e-4);
    CHECK_NEAR(t_of(11, 0.90), 1.796, 5e-4);
    CHECK_NEAR(t_of(30, 0.90), 1.697, 5e-4);
    CHECK_NEAR(t_of(1, 0.95), 12.706, 5e-4);
    CHECK_NEAR(t_of(10, 0.99), 3.169, 5e-4);
    CHECK_NEAR(t_of(100000, 0.90), 1.6449, 1e-4);
}

static void a_mean_has_the_interval_worked_out_by_hand(void **state)
{
    (void)state;
    const double values[] = {1.0, 2.0, 3.0, 6.0};
    const model_student_t_interval got = model_student_t_of_mean(4, values, 0.90);
    const double half = 2.353363 * sqrt(14.0 / 3.0) / 2.0;
    CHECK_NEAR(got.mean, 3.0, 1e-15);
    CHECK_NEAR(got.lo, 3.0 - half, 1e-5);
    CHECK_NEAR(got.hi, 3.0 + half, 1e-5);
}

static void one_value_has_no_interval_and_nothing_no_mean(void **state)
{
    (void)state;
    const double values[] = {0.5, (double)NAN};
    model_student_t_interval got = model_student_t_of_mean(1, values, 0.90);
    CHECK_NEAR(got.mean, 0.5, 0.0);
    assert_true(isnan(got.lo) && isnan(got.hi));
    got = model_student_t_of_mean(0, values, 0.90);
    assert_true(isnan(got.mean) && isnan(got.lo) && isnan(got.hi));
    got = model_student_t_of_mean(2, values, 0.90);
    assert_true(isnan(got.mean) && isnan(got.lo) && isnan(got.hi));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_is_that_of_the_tables),
        cmocka_unit_test(a_mean_has_the_interval_worked_out_by_hand),
        cmocka_unit_test(one_value_has_no_interval_and_nothing_no_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
