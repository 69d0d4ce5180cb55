/* model/random.h: expected bits come from tests/reference/random.py; the state of seed 1234567 is
 * also the widely printed example of splitmix64. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "model/random.h"

static model_random r;

static void gives_the_reference_bits(void **state)
{
    (void)state;
    model_random_seed(&r, 1234567, 0);
    assert_true(r.s[0] == UINT64_C(6457827717110365317));
    assert_true(r.s[1] == UINT64_C(3203168211198807973));
    assert_true(r.s[2] == UINT64_C(9817491932198370423));
    assert_true(r.s[3] == UINT64_C(4593380528125082431));
    assert_true(model_random_uniform(&r) == (double)(UINT64_C(437095814655224680) >> 11) * 0x1p-53);
    assert_true(model_random_uniform(&r) ==
                (double)(UINT64_C(8127161015984454572) >> 11) * 0x1p-53);
    assert_true(model_random_uniform(&r) ==
                (double)(UINT64_C(18128670339019551454) >> 11) * 0x1p-53);
    assert_true(model_random_uniform(&r) == (double)(UINT64_C(254746599813523466) >> 11) * 0x1p-53);
}

static void streams_of_a_seed_differ(void **state)
{
    (void)state;
    model_random_seed(&r, 1234567, 3);
    assert_true(model_random_uniform(&r) ==
                (double)(UINT64_C(9717346187311702339) >> 11) * 0x1p-53);
    assert_true(model_random_uniform(&r) ==
                (double)(UINT64_C(2515153631016570428) >> 11) * 0x1p-53);
}

static void uniform_numbers_fill_the_unit_interval(void **state)
{
    (void)state;
    enum { N = 100000 };
    double sum = 0.0;
    model_random_seed(&r, 5, 0);
    for (int i = 0; i < N; i++) {
        const double u = model_random_uniform(&r);
        assert_true(u >= 0.0 && u < 1.0);
        sum += u;
    }
    /* Five standard errors of the mean: 5 sqrt(1 / 12 / N). */
    assert_true(fabs(sum / N - 0.5) < 5.0 * sqrt(1.0 / 12.0 / N));
}

static void every_value_below_n_is_equally_likely(void **state)
{
    (void)state;
    enum { N = 110000, VALUES = 11 };
    int count[VALUES] = {0};
    model_random_seed(&r, 6, 0);
    for (int i = 0; i < N; i++) {
        const uint64_t value = model_random_below(&r, VALUES);
        assert_true(value < VALUES);
        count[value]++;
    }
    double chi2 = 0.0;
    for (int i = 0; i < VALUES; i++) {
        chi2 += (count[i] - 10000.0) * (count[i] - 10000.0) / 10000.0;
    }
    /* 99.99% point of chi squared with 10 degrees of freedom: 35.56. */
    assert_true(chi2 < 35.56);
    assert_true(model_random_below(&r, 1) == 0);
}

static void normal_numbers_have_mean_0_and_variance_1(void **state)
{
    (void)state;
    enum { N = 100000 };
    double sum = 0.0;
    double squares = 0.0;
    int beyond_two = 0;
    model_random_seed(&r, 7, 0);
    for (int i = 0; i < N; i++) {
        const double z = model_random_normal(&r);
        assert_true(isfinite(z));
        sum += z;
        squares += z * z;
        beyond_two += fabs(z) > 2.0;
    }
    assert_true(fabs(sum / N) < 5.0 / sqrt(N));
    assert_true(fabs(squares / N - 1.0) < 5.0 * sqrt(2.0 / N));
    /* P(|z| > 2) = 0.0455003. */
    assert_true(fabs((double)beyond_two / N - 0.0455003) < 5.0 * sqrt(0.0455 * 0.9545 / N));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_reference_bits),
        cmocka_unit_test(streams_of_a_seed_differ),
        cmocka_unit_test(uniform_numbers_fill_the_unit_interval),
        cmocka_unit_test(every_value_below_n_is_equally_likely),
        cmocka_unit_test(normal_numbers_have_mean_0_and_variance_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
