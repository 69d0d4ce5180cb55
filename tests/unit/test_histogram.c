/* histogram.h */
#include <math.h>
#include <string.h>

#include "histogram.h"
#include "model/random.h"
#include "suite.h"

static struct histogram h;

static int compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void an_empty_one_has_no_quantiles(void **state)
{
    (void)state;
    memset(&h, 0, sizeof h);
    assert_true(isnan(histogram_quantile(&h, 0.5)));
}

static void one_duration_is_every_quantile_to_within_4_percent(void **state)
{
    (void)state;
    for (int64_t ns = 16; ns < (int64_t)1 << 39; ns += ns / 13) {
        memset(&h, 0, sizeof h);
        histogram_push(&h, ns);
        for (int i = 0; i <= 4; i++) {
            const double q = histogram_quantile(&h, i / 4.0);
            assert_true(fabs(q / (double)ns - 1.0) <= 0.04);
        }
    }
}

static void quantiles_of_many_are_within_4_percent(void **state)
{
    (void)state;
    enum { N = 20001 };
    static int64_t ns[N];
    model_random r;
    model_random_seed(&r, suite_seed(), 0);
    memset(&h, 0, sizeof h);
    for (int i = 0; i < N; i++) {
        ns[i] = (int64_t)exp(4.0 + 16.0 * model_random_uniform(&r));
        histogram_push(&h, ns[i]);
    }
    qsort(ns, N, sizeof ns[0], compare);
    static const double Q[] = {0.01, 0.1, 0.5, 0.9, 0.99, 0.999};
    for (int i = 0; i < 6; i++) {
        const double exact = (double)ns[(int)ceil(Q[i] * N) - 1];
        assert_true(fabs(histogram_quantile(&h, Q[i]) / exact - 1.0) <= 0.04);
    }
    assert_int_equal(h.n, N);
}

static void what_lies_outside_goes_to_the_ends(void **state)
{
    (void)state;
    memset(&h, 0, sizeof h);
    histogram_push(&h, -5);
    histogram_push(&h, 0);
    assert_true(histogram_quantile(&h, 1.0) < 1.1);
    histogram_push(&h, INT64_MAX);
    histogram_push(&h, INT64_MAX);
    assert_true(histogram_quantile(&h, 1.0) > 1e12);
    assert_int_equal(h.n, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_one_has_no_quantiles),
        cmocka_unit_test(one_duration_is_every_quantile_to_within_4_percent),
        cmocka_unit_test(quantiles_of_many_are_within_4_percent),
        cmocka_unit_test(what_lies_outside_goes_to_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
