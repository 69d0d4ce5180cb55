/* model/score.h: expected numbers worked out by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "model/score.h"
#include "seeded.h"

static void push(model_score *score, double p_right, double baseline_p_right, bool chose_right)
{
    model_score_push_nats(score, p_right, model_score_nats(p_right, chose_right),
                          model_score_nats(baseline_p_right, chose_right), chose_right);
}

static void sums_match_four_choices_worked_out_by_hand(void **state)
{
    (void)state;
    model_score s;
    model_score_reset(&s);
    push(&s, 0.9, 0.5, true);   /* hit, bin 9 */
    push(&s, 0.25, 0.5, true);  /* miss, bin 2 */
    push(&s, 0.25, 0.5, false); /* hit, bin 2 */
    push(&s, 0.5, 0.8, false);  /* 0.5 says right: miss, bin 5 */
    assert_int_equal(s.n, 4);
    assert_int_equal(s.n_hits, 2);
    const double nats = -(log(0.9) + log(0.25) + log(0.75) + log(0.5)) / 4.0;
    CHECK_NEAR(model_score_mean_nats(&s), nats, 1e-15);
    CHECK_NEAR(model_score_mean_baseline_nats(&s), -(3.0 * log(0.5) + log(0.2)) / 4.0, 1e-15);
    CHECK_NEAR(model_score_mean_brier(&s), (0.01 + 0.5625 + 0.0625 + 0.25) / 4.0, 1e-15);
    CHECK_NEAR(model_score_accuracy(&s), 0.5, 0.0);
    /* |1 - 0.9| + |1 - 0.5| + |0 - 0.5|, over 4 */
    CHECK_NEAR(model_score_ece(&s), (0.1 + 0.5 + 0.5) / 4.0, 1e-15);
    assert_int_equal(s.bin_n[2], 2);
    assert_int_equal(s.bin_n[9], 1);
}

static void certainty_is_held_off_zero_and_one(void **state)
{
    (void)state;
    CHECK_NEAR(model_score_nats(0.0, true), -log(1e-12), 1e-9);
    CHECK_NEAR(model_score_nats(1.0, false), -log(1e-12), 1e-9);
    CHECK_NEAR(model_score_nats(1.0, true), 0.0, 0.0);
    model_score s;
    model_score_reset(&s);
    push(&s, 1.0, 0.5, true);
    push(&s, 0.0, 0.5, false);
    assert_int_equal(s.bin_n[9], 1);
    assert_int_equal(s.bin_n[0], 1);
    CHECK_NEAR(model_score_ece(&s), 0.0, 0.0);
}

static void pooled_scores_equal_one_score_of_all_trials(void **state)
{
    (void)state;
    test_random r = test_random_seeded(51);
    model_score parts[2];
    model_score whole;
    model_score_reset(&parts[0]);
    model_score_reset(&parts[1]);
    model_score_reset(&whole);
    for (int i = 0; i < 3000; i++) {
        const double p = test_random_uniform(&r);
        const double q = test_random_uniform(&r);
        const bool y = test_random_uniform(&r) < p;
        push(&parts[i % 3 == 0], p, q, y);
        push(&whole, p, q, y);
    }
    model_score_add(&parts[0], &parts[1]);
    assert_int_equal(parts[0].n, whole.n);
    assert_int_equal(parts[0].n_hits, whole.n_hits);
    CHECK_NEAR(model_score_mean_nats(&parts[0]), model_score_mean_nats(&whole), 1e-12);
    CHECK_NEAR(model_score_mean_baseline_nats(&parts[0]), model_score_mean_baseline_nats(&whole),
               1e-12);
    CHECK_NEAR(model_score_mean_brier(&parts[0]), model_score_mean_brier(&whole), 1e-12);
    CHECK_NEAR(model_score_ece(&parts[0]), model_score_ece(&whole), 1e-12);
    assert_true(model_score_ece(&whole) < 0.04); /* drawn from p: calibrated */
}

static void bins_of_choices_add_up(void **state)
{
    (void)state;
    const model_coverage_bin none = {0};
    const model_coverage_bin bins[] = {{2, 2, 1.5, 1.0}, {2, 1, 6.5, 1.0}};
    model_score s;
    model_score other;
    model_score_reset(&s);
    model_score_reset(&other);
    model_score_push_bin(&s, &none);
    assert_true(isnan(model_score_coverage(&s)) && isnan(model_score_interval_ratio(&s)));
    model_score_push_bin(&s, &bins[0]);
    model_score_push_bin(&other, &bins[1]);
    model_score_add(&s, &other);
    assert_int_equal(s.n_rates, 4);
    CHECK_NEAR(model_score_coverage(&s), 0.75, 1e-15);
    CHECK_NEAR(model_score_interval_ratio(&s), 2.0, 1e-15); /* sqrt(8 / 2) */
    const model_coverage_bin lucky = {2, 2, -100.0, 1.0};
    model_score_push_bin(&s, &lucky);
    CHECK_NEAR(model_score_interval_ratio(&s), 0.0, 0.0);
}

static void an_empty_score_has_no_means(void **state)
{
    (void)state;
    model_score s;
    model_score_reset(&s);
    assert_true(isnan(model_score_mean_nats(&s)));
    assert_true(isnan(model_score_accuracy(&s)));
    assert_true(isnan(model_score_ece(&s)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_match_four_choices_worked_out_by_hand),
        cmocka_unit_test(certainty_is_held_off_zero_and_one),
        cmocka_unit_test(pooled_scores_equal_one_score_of_all_trials),
        cmocka_unit_test(bins_of_choices_add_up),
        cmocka_unit_test(an_empty_score_has_no_means),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
