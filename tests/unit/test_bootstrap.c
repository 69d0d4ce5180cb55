/* model/bootstrap.h */
#include <math.h>

#include "suite.h"

#include "check.h"
#include "model/bootstrap.h"

enum { RESAMPLES = 2000, GROUPS_MAX = 64 };

static void between(size_t k, const double sums[], const double counts[], uint64_t seed, double *lo,
                    double *hi)
{
    double ratios[RESAMPLES];
    model_random random;
    model_random_seed(&random, seed, 1);
    model_bootstrap_ratio(k, sums, counts, &random, RESAMPLES, ratios, lo, hi);
}

static void the_same_seed_gives_the_same_interval(void **state)
{
    (void)state;
    const double sums[] = {1.0, -2.0, 3.0, 0.5};
    const double counts[] = {10.0, 20.0, 30.0, 40.0};
    double lo[3];
    double hi[3];
    between(4, sums, counts, 3, &lo[0], &hi[0]);
    between(4, sums, counts, 3, &lo[1], &hi[1]);
    CHECK_NEAR(lo[0], lo[1], 0.0);
    CHECK_NEAR(hi[0], hi[1], 0.0);
    assert_true(lo[0] < 2.5 / 100.0 && 2.5 / 100.0 < hi[0]);
}

static void groups_that_are_alike_leave_no_doubt(void **state)
{
    (void)state;
    const double sums[] = {1.0, 2.0, 4.0};
    const double counts[] = {10.0, 20.0, 40.0};
    double lo;
    double hi;
    between(3, sums, counts, 1, &lo, &hi);
    CHECK_NEAR(lo, 0.1, 1e-15);
    CHECK_NEAR(hi, 0.1, 1e-15);
}

static void one_group_has_no_interval(void **state)
{
    (void)state;
    double lo;
    double hi;
    between(1, (double[]){1.0}, (double[]){2.0}, 1, &lo, &hi);
    assert_true(isnan(lo) && isnan(hi));
}

/* Two groups of 0 and 1: the ratio is 0, 1/2 or 1 with chances 1/4, 1/2, 1/4. */
static void the_ends_are_those_of_the_ratios_that_were_drawn(void **state)
{
    (void)state;
    double ratios[RESAMPLES];
    double lo;
    double hi;
    model_random random;
    int n[3] = {0};
    model_random_seed(&random, 8, 0);
    model_bootstrap_ratio(2, (double[]){0.0, 1.0}, (double[]){1.0, 1.0}, &random, RESAMPLES, ratios,
                          &lo, &hi);
    for (int i = 0; i < RESAMPLES; i++) {
        n[(int)(2.0 * ratios[i])]++;
    }
    assert_in_range(n[0], RESAMPLES / 4 - 120, RESAMPLES / 4 + 120); /* 6 standard errors */
    assert_in_range(n[1], RESAMPLES / 2 - 135, RESAMPLES / 2 + 135);
    CHECK_NEAR(lo, 0.0, 0.0);
    CHECK_NEAR(hi, 1.0, 0.0);
}

/* Share of simulated tables whose interval holds the truth. Groups differ in size and in mean. */
static double coverage(model_random *random, size_t k, int repeats)
{
    int covered = 0;
    for (int i = 0; i < repeats; i++) {
        double sums[GROUPS_MAX];
        double counts[GROUPS_MAX];
        double lo;
        double hi;
        for (size_t j = 0; j < k; j++) {
            counts[j] = 500.0 + 4000.0 * model_random_uniform(random);
            sums[j] = counts[j] * (0.02 + 0.01 * model_random_normal(random)) +
                      0.3 * sqrt(counts[j]) * model_random_normal(random);
        }
        between(k, sums, counts, (uint64_t)i, &lo, &hi);
        covered += lo <= 0.02 && 0.02 <= hi ? 1 : 0;
    }
    return (double)covered / repeats;
}

/* docs/model.md, section bootstrap. */
static void it_covers_as_often_as_the_documents_say(void **state)
{
    enum { REPEATS = 500 };
    static const struct {
        size_t k;
        double share;
    } EXPECTED[] = {{6, 0.855}, {10, 0.89}, {17, 0.915}, {40, 0.935}};
    (void)state;
    model_random random;
    model_random_seed(&random, suite_seed(), 0);
    for (size_t i = 0; i < sizeof EXPECTED / sizeof EXPECTED[0]; i++) {
        const double share = coverage(&random, EXPECTED[i].k, REPEATS);
        const double p = EXPECTED[i].share;
        printf("%zu groups: %.3f\n", EXPECTED[i].k, share);
        CHECK_NEAR(share, p, 5.0 * sqrt(p * (1.0 - p) / REPEATS));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_interval),
        cmocka_unit_test(groups_that_are_alike_leave_no_doubt),
        cmocka_unit_test(one_group_has_no_interval),
        cmocka_unit_test(the_ends_are_those_of_the_ratios_that_were_drawn),
        cmocka_unit_test(it_covers_as_often_as_the_documents_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
