/* model/src/twin/filter_kernel.h: every variant that this processor runs, against filter.h
 * one logit at a time; and the logistic function that both share, against libm in long double. */
#include "suite.h"

#include <math.h>
#include <string.h>

#include "check.h"
#include "exp_exact.h"
#include "filter.h"
#include "filter_kernel.h"
#include "seeded.h"

typedef struct {
    double w[FILTER_MAX];
    double P[FILTER_MAX * FILTER_MAX];
    filter_row g[FILTER_MAX];
    filter_row shift;
} problem;

static problem random_problem(test_random *r, size_t n)
{
    problem p;
    for (size_t i = 0; i < n; i++) {
        p.w[i] = 3.0 * test_random_normal(r);
        for (size_t j = 0; j <= i; j++) {
            p.P[i * n + j] = p.P[j * n + i] = (i == j ? 2.0 : 0.4) * test_random_normal(r);
        }
        for (size_t lane = 0; lane < FILTER_LANES; lane++) {
            p.g[i].at[lane] = test_random_normal(r);
        }
    }
    for (size_t lane = 0; lane < FILTER_LANES; lane++) {
        p.shift.at[lane] = test_random_normal(r);
    }
    return p;
}

static void column(const problem *p, size_t n, size_t lane, double g[])
{
    for (size_t i = 0; i < n; i++) {
        g[i] = p->g[i].at[lane];
    }
}

static void a_lane_says_the_bits_of_the_function_for_one(void **state)
{
    (void)state;
    const filter_kernel *kernel;
    for (size_t k = 0; (kernel = filter_kernel_at(k)) != NULL; k++) {
        test_random r = test_random_seeded(91);
        for (size_t t = 0; t < 6000; t++) {
            const size_t n = 1 + t % FILTER_MAX;
            const problem p = random_problem(&r, n);
            filter_row mean = p.shift;
            filter_row var;
            filter_row said;
            filter_row product;
            double lo[FILTER_LANES];
            double hi[FILTER_LANES];
            kernel->logit(n, p.w, p.P, p.g, &mean, &var);
            kernel->forecast(&mean, &var, &said);
            kernel->interval(FILTER_LANES, &mean, &var, lo, hi);
            kernel->dot(n, p.w, p.g, &product);
            for (size_t lane = 0; lane < FILTER_LANES; lane++) {
                double g[FILTER_MAX];
                double v;
                double ends[2];
                column(&p, n, lane, g);
                CHECK_NEAR(mean.at[lane], filter_logit(n, p.w, p.P, g, p.shift.at[lane], &v), 0.0);
                CHECK_NEAR(var.at[lane], v, 0.0);
                CHECK_NEAR(product.at[lane], filter_logit(n, p.w, p.P, g, 0.0, &v), 0.0);
                CHECK_NEAR(said.at[lane], filter_forecast(mean.at[lane], v), 0.0);
                filter_interval(mean.at[lane], v, &ends[0], &ends[1]);
                CHECK_NEAR(lo[lane], ends[0], 0.0);
                CHECK_NEAR(hi[lane], ends[1], 0.0);
            }
        }
    }
}

static void no_number_stays_no_number_and_in_its_lane(void **state)
{
    (void)state;
    const filter_kernel *kernel;
    for (size_t k = 0; (kernel = filter_kernel_at(k)) != NULL; k++) {
        const filter_row mean = {{(double)NAN, 1.0, (double)INFINITY, -(double)INFINITY, 1e300}};
        const filter_row var = {{1.0, (double)NAN, 1.0, 1.0, 1e300}};
        filter_row p;
        double lo[FILTER_LANES];
        kernel->forecast(&mean, &var, &p);
        kernel->interval(FILTER_LANES, &mean, &var, lo, NULL);
        assert_true(isnan(p.at[0]) && isnan(p.at[1]) && isnan(lo[0]) && isnan(lo[1]));
        CHECK_NEAR(p.at[2], 1.0, 0.0);
        CHECK_NEAR(p.at[3], 0.0, 0.0);
        CHECK_NEAR(p.at[4], 1.0, 0.0);
        CHECK_NEAR(p.at[5], 0.5, 0.0);
        CHECK_NEAR(lo[5], 0.5, 0.0);
    }
}

static void an_interval_of_fewer_stimuli_writes_no_more(void **state)
{
    (void)state;
    const filter_row zero = {{0.0}};
    double lo[FILTER_LANES];
    for (size_t i = 0; i < FILTER_LANES; i++) {
        lo[i] = 7.0;
    }
    filter_kernel_at(0)->interval(3, &zero, &zero, lo, NULL);
    CHECK_NEAR(lo[2], 0.5, 0.0);
    CHECK_NEAR(lo[3], 7.0, 0.0);
}

static void the_exponential_is_within_2e_16_of_long_double(void **state)
{
    (void)state;
    long double worst = 0.0L;
    for (double x = -708.0; x <= 0.0; x += 3.7e-4) {
        const long double exact = expl((long double)x);
        worst = fmaxl(worst, fabsl((long double)exp_exact(x) / exact - 1.0L));
    }
    printf("worst relative error of the exponential %.3Lg\n", worst);
    assert_true(worst < 2e-16L);
    CHECK_NEAR(exp_exact(0.0), 1.0, 0.0);
    CHECK_NEAR(exp_exact(-708.5), 0.0, 0.0);
    CHECK_NEAR(exp_exact(-(double)INFINITY), 0.0, 0.0);
    assert_true(isnan(exp_exact((double)NAN)));
}

static void the_logistic_function_is_within_5e_16_of_long_double(void **state)
{
    (void)state;
    double worst = 0.0;
    for (double a = -700.0; a <= 700.0; a += 1.3e-3) {
        const double exact = (double)(1.0L / (1.0L + expl(-(long double)a)));
        worst = fmax(worst, fabs(sigmoid_exact(a) / exact - 1.0));
    }
    printf("worst relative error of the logistic function %.3g\n", worst);
    assert_true(worst < 5e-16);
    CHECK_NEAR(sigmoid_exact(1e4), 1.0, 0.0);
    CHECK_NEAR(sigmoid_exact(-1e4), 0.0, 0.0);
    CHECK_NEAR(sigmoid_exact(-0.0), 0.5, 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lane_says_the_bits_of_the_function_for_one),
        cmocka_unit_test(no_number_stays_no_number_and_in_its_lane),
        cmocka_unit_test(an_interval_of_fewer_stimuli_writes_no_more),
        cmocka_unit_test(the_exponential_is_within_2e_16_of_long_double),
        cmocka_unit_test(the_logistic_function_is_within_5e_16_of_long_double),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
