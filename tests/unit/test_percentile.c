/* model/percentile.h: expected numbers are the definition's, by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "check.h"
#include "model/percentile.h"

static void values_are_sorted_and_interpolated(void **state)
{
    (void)state;
    double v[] = {3.0, -1.0, 2.0, 0.0, 1.0};
    model_percentile_sort(5, v);
    for (int i = 0; i < 5; i++) {
        CHECK_NEAR(v[i], i - 1.0, 0.0);
        CHECK_NEAR(model_percentile(5, v, 0.25 * i), i - 1.0, 0.0);
    }
    CHECK_NEAR(model_percentile(5, v, 0.05), -0.8, 1e-15);
    CHECK_NEAR(model_percentile(5, v, 0.95), 2.8, 1e-15);
    CHECK_NEAR(model_percentile(1, v, 0.7), -1.0, 0.0);
}

static void a_place_before_infinity_is_infinity(void **state)
{
    (void)state;
    const double v[] = {1.0, (double)INFINITY};
    CHECK_NEAR(model_percentile(2, v, 0.0), 1.0, 0.0);
    assert_true(isinf(model_percentile(2, v, 0.5)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_sorted_and_interpolated),
        cmocka_unit_test(a_place_before_infinity_is_infinity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
