/* model/fieller.h: normal draws, against Fieller's closed form, and how often its interval holds.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "check.h"
#include "model/fieller.h"
#include "model/random.h"

enum { N = MODEL_FIELLER_DRAWS_MAX };

static double a[N];
static double b[N];

static void draw(model_random *random, double mean_a, double sd_a, double mean_b, double sd_b)
{
    for (size_t k = 0; k < N; k++) {
        a[k] = mean_a + sd_a * model_random_normal(random);
        b[k] = mean_b + sd_b * model_random_normal(random);
    }
}

/* How often the interval holds the index, in %, with m parts on each side: estimates vary about the
 * truth as draws do about the estimate. */
static double held(size_t m, const double A[], const double B[], double sd)
{
    enum { TIMES = 500, DRAWS = 200 };
    double parts[2][DRAWS * 2];
    model_random random;
    double sum_a = 0.0;
    double sum_b = 0.0;
    int n = 0;
    model_random_seed(&random, 3, m);
    for (size_t i = 0; i < m; i++) {
        sum_a += fabs(A[i]);
        sum_b += fabs(B[i]);
    }
    for (int t = 0; t < TIMES; t++) {
        for (size_t i = 0; i < m; i++) {
            const double found_a = A[i] + sd * model_random_normal(&random);
            const double found_b = B[i] + sd * model_random_normal(&random);
            for (size_t k = 0; k < DRAWS; k++) {
                parts[0][k * m + i] = found_a + sd * model_random_normal(&random);
                parts[1][k * m + i] = found_b + sd * model_random_normal(&random);
            }
        }
        const model_fieller f = model_fieller_index(DRAWS, m, parts[0], parts[1], 0.9);
        const double truth = (sum_a - sum_b) / (sum_a + sum_b);
        n += f.lo <= truth + 1e-3 && f.hi >= truth - 1e-3 ? 1 : 0;
    }
    return 100.0 * n / TIMES;
}

/* Ratio a / b of independent normals: the roots of (A - r B)^2 = z^2 (sa^2 + r^2 sb^2). */
static double closed_form(double A, double sa, double B, double sb, double side)
{
    const double z = 1.6448536269514722;
    const double c2 = B * B - z * z * sb * sb;
    const double c1 = A * B;
    const double c0 = A * A - z * z * sa * sa;
    const double r = (c1 + side * sqrt(c1 * c1 - c2 * c0)) / c2;
    return (r - 1.0) / (r + 1.0);
}

static void what_is_known_well_has_the_interval_of_the_closed_form(void **state)
{
    (void)state;
    model_random random;
    model_random_seed(&random, 1, 0);
    draw(&random, 3.0, 0.3, 1.0, 0.2);
    const model_fieller f = model_fieller_index(N, 1, a, b, 0.9);
    CHECK_NEAR(f.index, 0.5, 0.01); /* of 0.36 to 0.67 */
    CHECK_NEAR(f.lo, closed_form(3.0, 0.3, 1.0, 0.2, -1.0), 0.03);
    CHECK_NEAR(f.hi, closed_form(3.0, 0.3, 1.0, 0.2, 1.0), 0.03);
}

static void signs_do_not_matter(void **state)
{
    (void)state;
    model_random random;
    model_random_seed(&random, 1, 0);
    draw(&random, 3.0, 0.3, 1.0, 0.2);
    const model_fieller f = model_fieller_index(N, 1, a, b, 0.9);
    for (size_t k = 0; k < N; k++) {
        b[k] = -b[k];
    }
    const model_fieller g = model_fieller_index(N, 1, a, b, 0.9);
    CHECK_NEAR(g.index, f.index, 1e-12);
    CHECK_NEAR(g.lo, f.lo, 1e-3);
    CHECK_NEAR(g.hi, f.hi, 1e-3);
}

static void where_a_part_may_be_0_the_interval_reaches_its_end(void **state)
{
    (void)state;
    model_random random;
    model_random_seed(&random, 2, 0);
    draw(&random, 0.1, 0.3, 1.0, 0.1);
    model_fieller f = model_fieller_index(N, 1, a, b, 0.9);
    CHECK_NEAR(f.lo, -1.0, 0.0);
    assert_true(f.hi < 0.0);
    draw(&random, 1.0, 0.1, 0.1, 0.3);
    f = model_fieller_index(N, 1, a, b, 0.9);
    CHECK_NEAR(f.hi, 1.0, 0.0);
    assert_true(f.lo > 0.0);
    draw(&random, 0.1, 1.0, 0.1, 5.0); /* the ratios of these draws would say "below 0" */
    f = model_fieller_index(N, 1, a, b, 0.9);
    CHECK_NEAR(f.lo, -1.0, 0.0);
    CHECK_NEAR(f.hi, 1.0, 0.0);
}

static void equal_draws_have_an_index_of_0_alone(void **state)
{
    (void)state;
    for (size_t k = 0; k < N; k++) {
        a[k] = b[k] = 1.0 + (double)k / N;
    }
    const model_fieller f = model_fieller_index(N, 1, a, b, 0.9);
    CHECK_NEAR(f.index, 0.0, 0.0);
    CHECK_NEAR(f.lo, 0.0, 1e-5);
    CHECK_NEAR(f.hi, 0.0, 1e-5);
}

static void of_nothing_there_is_no_index(void **state)
{
    (void)state;
    for (size_t k = 0; k < N; k++) {
        a[k] = b[k] = 0.0;
    }
    const model_fieller f = model_fieller_index(N, 1, a, b, 0.9);
    assert_true(isnan(f.index) && isnan(f.lo) && isnan(f.hi));
}

static void the_interval_holds_the_truth_nine_times_in_ten(void **state)
{
    (void)state;
    static const double ONE[] = {1.0, 1.0};
    static const double LITTLE[] = {0.3, 0.2};
    static const double NONE[] = {0.0, 0.0};
    for (size_t m = 1; m <= 2; m++) {
        assert_true(held(m, ONE, ONE, 0.1) >= 87.0);
        assert_true(held(m, ONE, LITTLE, 0.3) >= 87.0);
        assert_true(held(m, LITTLE, ONE, 0.5) >= 87.0);
        assert_true(held(m, ONE, NONE, 0.2) >= 87.0);
        assert_true(held(m, NONE, ONE, 0.2) >= 87.0);
    }
    assert_true(held(1, ONE, ONE, 0.1) <= 93.0);
}

static void parts_add_up_whatever_their_signs(void **state)
{
    (void)state;
    double parts[2][2 * N];
    for (size_t k = 0; k < N; k++) {
        parts[0][2 * k] = 2.0;
        parts[0][2 * k + 1] = -1.0;
        parts[1][2 * k] = parts[1][2 * k + 1] = -0.5;
    }
    const model_fieller f = model_fieller_index(N, 2, parts[0], parts[1], 0.9);
    CHECK_NEAR(f.index, 0.5, 0.0);
    CHECK_NEAR(f.lo, 0.5, 1e-5);
    CHECK_NEAR(f.hi, 0.5, 1e-5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_known_well_has_the_interval_of_the_closed_form),
        cmocka_unit_test(signs_do_not_matter),
        cmocka_unit_test(where_a_part_may_be_0_the_interval_reaches_its_end),
        cmocka_unit_test(equal_draws_have_an_index_of_0_alone),
        cmocka_unit_test(of_nothing_there_is_no_index),
        cmocka_unit_test(the_interval_holds_the_truth_nine_times_in_ten),
        cmocka_unit_test(parts_add_up_whatever_their_signs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
