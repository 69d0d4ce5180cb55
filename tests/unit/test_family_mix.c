/* family_mix.h: chances and shares by hand. */
#include "family_mix.h"

#include "suite.h"

#include "check.h"

static void weights_become_chances_however_small_they_are(void **state)
{
    (void)state;
    double weight[] = {-100000.0, -100000.0 + 1.0986122886681098, -200000.0};
    family_mix_normalise(3, weight);
    CHECK_NEAR(weight[0], 0.25, 1e-9);
    CHECK_NEAR(weight[1], 0.75, 1e-9);
    CHECK_NEAR(weight[2], 0.0, 0.0);
}

static void each_family_gives_as_many_draws_as_its_share(void **state)
{
    (void)state;
    enum { N = 10 };
    double kept[3][2 * N];
    double draws[2 * N];
    const double *const from[] = {kept[0], kept[1], kept[2]};
    const double share[] = {0.3, 0.0, 0.7};
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < (size_t)2 * N; k++) {
            kept[i][k] = 100.0 * (double)i + (double)k;
        }
    }
    family_mix_draws(3, share, from, N, 2, draws);
    for (size_t k = 0; k < (size_t)2 * N; k++) {
        CHECK_NEAR(draws[k], (k < 6 ? 0.0 : 200.0) + (double)k, 0.0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_become_chances_however_small_they_are),
        cmocka_unit_test(each_family_gives_as_many_draws_as_its_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
