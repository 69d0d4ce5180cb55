/* model/guard.h, and what twins and banks make of it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "model/bank.h"
#include "some_net.h"

static const model_rule_trial SEEN = {
    .stimulus = 0.5, .reward = 1.0, .rt_s = (double)NAN, .chose_right = true, .side = 1};
static const model_trial TRIAL = {0.5, 1.0, (double)NAN, 1, 1};

static model_params with_rule(model_rule_kind kind, some_net *net)
{
    model_params params;
    assert_int_equal(model_params_built_in(&params, "stimulus,bias"), MODEL_OK);
    params.rule.kind = kind;
    params.rule.rate[0] = params.rule.rate[1] = model_rule_of(kind)->has_rates ? 0.05 : 0.0;
    params.rule.net = net != NULL ? net->net : NULL;
    return params;
}

/* Weights -1..3 and 0..1, steps up to 0.1 and 0.2, margins not yet added. */
static void a_range_is_what_was_seen_and_a_margin(void **state)
{
    (void)state;
    const model_params params = with_rule(MODEL_RULE_REINFORCE, NULL);
    model_range range;
    model_range_open(&range);
    model_range_take(&range, &params.rule, 2, (double[]){-1.0, 0.0}, &SEEN, (double[]){0.1, -0.2});
    model_range_take(&range, &params.rule, 2, (double[]){3.0, 1.0}, &SEEN, (double[]){-0.05, 0.0});
    model_range_close(&range, &params.rule, 2);
    assert_true(range.is_known && model_range_is_valid(&range, &params.rule, 2));
    CHECK_NEAR(range.w_lo[0], -2.0, 1e-12);
    CHECK_NEAR(range.w_hi[0], 4.0, 1e-12);
    CHECK_NEAR(range.w_lo[1], -0.25, 1e-12);
    CHECK_NEAR(range.step_max[0], 0.2, 1e-12);
    CHECK_NEAR(range.step_max[1], 0.4, 1e-12);
    assert_true(model_range_holds(&range, 0, 4.0));
    assert_false(model_range_holds(&range, 0, 4.01));
    assert_false(model_range_holds(&range, 0, (double)NAN));
}

static void a_range_that_saw_nothing_stays_unknown(void **state)
{
    (void)state;
    const model_params params = with_rule(MODEL_RULE_REINFORCE, NULL);
    model_range range;
    model_range_open(&range);
    model_range_close(&range, &params.rule, 2);
    assert_false(range.is_known);
    assert_true(model_range_holds(&range, 0, MODEL_GUARD_WEIGHT_MAX));
    assert_false(model_range_holds(&range, 0, -2.0 * MODEL_GUARD_WEIGHT_MAX));
}

static void steps_are_bounded_and_never_lead_outwards(void **state)
{
    (void)state;
    const model_params params = with_rule(MODEL_RULE_REINFORCE, NULL);
    const model_range range = {
        .is_known = true, .w_lo = {-1.0, -1.0}, .w_hi = {1.0, 1.0}, .step_max = {0.1, 0.1}};
    model_rule_state rule = {0};
    double dw[] = {0.5, -0.05};
    assert_int_equal(
        model_guard_bound(&range, &params.rule, &rule, 2, (double[]){0.0, 0.0}, &SEEN, dw),
        MODEL_GUARD_STEP);
    CHECK_NEAR(dw[0], 0.1, 0.0);
    CHECK_NEAR(dw[1], -0.05, 0.0);
    dw[0] = 0.05;
    dw[1] = 0.05;
    assert_int_equal(
        model_guard_bound(&range, &params.rule, &rule, 2, (double[]){1.5, -1.5}, &SEEN, dw),
        MODEL_GUARD_WEIGHT);
    CHECK_NEAR(dw[0], 0.0, 0.0);  /* outwards */
    CHECK_NEAR(dw[1], 0.05, 0.0); /* back */
}

static void inputs_of_a_net_outside_are_told(void **state)
{
    (void)state;
    test_random r = test_random_seeded(91);
    some_net *net = some_net_make(&r, (model_net_shape){true, 8, 8, 1, 2});
    const model_params params = with_rule(MODEL_RULE_RNN, net);
    model_range range;
    model_rule_state rule = {0};
    double dw[] = {0.0, 0.0};
    model_range_open(&range);
    model_range_take(&range, &params.rule, 2, (double[]){-9.0, -9.0}, &SEEN, (double[]){1.0, 1.0});
    model_range_take(&range, &params.rule, 2, (double[]){9.0, 9.0}, &SEEN, (double[]){1.0, 1.0});
    model_range_close(&range, &params.rule, 2);
    const double w[] = {0.0, 0.0};
    assert_int_equal(model_guard_bound(&range, &params.rule, &rule, 2, w, &SEEN, dw), 0);
    model_rule_trial other = SEEN;
    other.stimulus = 0.9; /* all that was seen is 0.5 */
    assert_int_equal(model_guard_bound(&range, &params.rule, &rule, 2, w, &other, dw),
                     MODEL_GUARD_INPUT);
    some_net_free(net);
}

static const int64_t LONGEST = 500; /* session of the fit */

/* A policy with a memory that was fitted on sessions of that many trials. */
static model_params fitted_policy(some_net *net)
{
    model_params params = with_rule(MODEL_RULE_GRU_POLICY, net);
    model_range_open(&params.range);
    for (int64_t n = 0; n < LONGEST; n++) {
        for (int side = 0; side < 2; side++) {
            model_rule_trial seen = SEEN;
            seen.stimulus = model_policy_stimulus(&params.policy, TRIAL.contrast);
            seen.n_session = seen.n_training = n;
            seen.is_session_start = n == 0;
            seen.chose_right = side == 1;
            model_range_take(&params.range, &params.rule, 2,
                             side == 1 ? (double[]){9.0, 9.0} : (double[]){-9.0, -9.0}, &seen,
                             (double[]){1e3, 1e3});
        }
    }
    model_range_close(&params.range, &params.rule, 2);
    return params;
}

/* Trials observed before the first that is outside; 4 sessions' worth: none was. */
static int64_t first_outside(const model_params *params, model_member *twin)
{
    model_member_init(twin, params);
    model_member_start_session(twin, params);
    for (int64_t i = 0; i < 4 * LONGEST; i++) {
        model_trial t = TRIAL;
        t.choice = (int8_t)(i % 2);
        assert_int_equal(model_member_observe(twin, params, &t), MODEL_OK);
        if (twin->outside != 0) {
            return i;
        }
    }
    return 4 * LONGEST;
}

static void a_session_longer_than_those_of_the_fit_is_not_outside(void **state)
{
    (void)state;
    static model_member twin;
    test_random r = test_random_seeded(92);
    some_net *net = some_net_make(&r, (model_net_shape){true, 11, 8, 1, 2});
    model_params params = fitted_policy(net);
    assert_int_equal(first_outside(&params, &twin), 4 * LONGEST);
    model_rule_trial late = SEEN;
    late.stimulus = model_policy_stimulus(&params.policy, TRIAL.contrast);
    late.n_session = late.n_training = 1000000;
    const model_rule_trial held = model_range_hold_counts(&params.range, &params.rule, &late);
    assert_in_range(held.n_session, LONGEST, 2 * LONGEST);
    assert_in_range(held.n_training, LONGEST, 2 * LONGEST);
    assert_int_equal(model_range_input(&params.range, &params.rule, &held), MODEL_RULE_INPUTS_MAX);
    params.range.frees_counts = true; /* as a journal of an earlier version was written */
    assert_in_range(first_outside(&params, &twin), LONGEST, 2 * LONGEST);
    assert_int_equal(twin.outside, MODEL_GUARD_INPUT);
    assert_in_range(twin.input, 1, MODEL_RULE_INPUTS_MAX);
    assert_non_null(strstr(model_rule_input_name(twin.input - 1U), "trial"));
    some_net_free(net);
}

static void what_is_no_number_makes_no_step(void **state)
{
    (void)state;
    const model_params params = with_rule(MODEL_RULE_ELIGIBILITY, NULL);
    const model_range unknown = {0};
    const double bad[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    for (int i = 0; i < 3; i++) {
        model_rule_state rule = {.trace = {1.0, 2.0}};
        double dw[] = {0.1, bad[i]};
        assert_int_equal(
            model_guard_bound(&unknown, &params.rule, &rule, 2, (double[]){0.0, 0.0}, &SEEN, dw),
            MODEL_GUARD_FAILED);
        CHECK_NEAR(fabs(dw[0]) + fabs(dw[1]), 0.0, 0.0);
        CHECK_NEAR(rule.trace[1], 0.0, 0.0);
    }
}

/* A rule without bounds would be at 1e300 after a trial. */
static void a_twin_of_an_absurd_rule_stays_where_animals_are(void **state)
{
    (void)state;
    model_params params = with_rule(MODEL_RULE_REINFORCE, NULL);
    params.rule.rate[0] = 1e300;
    params.rule.rate[1] = -1e300;
    model_member twin;
    model_member_init(&twin, &params);
    for (int t = 0; t < 3000; t++) {
        model_trial trial = TRIAL;
        trial.choice = t % 3 == 0;
        trial.contrast = t % 2 == 0 ? 0.5 : -0.5;
        assert_int_equal(model_member_observe(&twin, &params, &trial), MODEL_OK);
        double p;
        double lo;
        double hi;
        model_member_predict(&twin, &params, 1, &trial.contrast, &p, &lo, &hi);
        assert_true(p >= 0.0 && p <= 1.0 && lo <= hi);
        assert_true(fabs(twin.w[0]) < 2.0 * MODEL_GUARD_WEIGHT_MAX);
    }
    assert_true(twin.outside != 0);
}

static void measuring_changes_nothing_and_holds_what_it_measured(void **state)
{
    (void)state;
    test_random r = test_random_seeded(92);
    some_net *net = some_net_make(&r, (model_net_shape){true, 8, 8, 1, 2});
    model_params params = with_rule(MODEL_RULE_RNN, net);
    model_trial trials[500];
    model_member measured;
    model_member twin;
    model_member again;
    model_range range;
    model_range_open(&range);
    model_member_init(&measured, &params);
    model_member_init(&twin, &params);
    for (int t = 0; t < 500; t++) {
        trials[t] = TRIAL;
        trials[t].contrast = 2.0 * test_random_uniform(&r) - 1.0;
        trials[t].choice = (int8_t)(test_random_bits(&r) % 2);
        assert_int_equal(model_member_measure(&measured, &params, &trials[t], &range), MODEL_OK);
        assert_int_equal(model_member_observe(&twin, &params, &trials[t]), MODEL_OK);
    }
    assert_memory_equal(&measured, &twin, sizeof twin);
    model_range_close(&range, &params.rule, 2);
    params.range = range;
    assert_int_equal(model_params_check(&params), MODEL_OK);
    model_member_init(&again, &params);
    for (int t = 0; t < 500; t++) {
        assert_int_equal(model_member_observe(&again, &params, &trials[t]), MODEL_OK);
        assert_int_equal(again.outside, 0);
    }
    assert_memory_equal(&again, &twin, sizeof twin);
    some_net_free(net);
}

static model_bank_params bank_params;
static model_bank bank;

/* Two members alike but for the rule; the second one's range holds no weight of an animal. */
static void make_bank(model_rule_kind first)
{
    const model_params walk = with_rule(MODEL_RULE_NONE, NULL);
    model_bank_single(&bank_params, &walk);
    bank_params.n = 2;
    bank_params.member[0] = with_rule(first, NULL);
    bank_params.member[1] = with_rule(MODEL_RULE_REINFORCE, NULL);
    bank_params.member[1].range = (model_range){
        .is_known = true, .w_lo = {50.0, 50.0}, .w_hi = {51.0, 51.0}, .step_max = {0.1, 0.1}};
    bank_params.prior[0] = 0.1;
    bank_params.prior[1] = 0.9;
    assert_int_equal(model_bank_check(&bank_params), MODEL_OK);
    model_bank_init(&bank, &bank_params);
}

static void observe_20(void)
{
    for (int t = 0; t < 20; t++) {
        assert_int_equal(model_bank_observe(&bank, &bank_params, &TRIAL, NULL), MODEL_OK);
        CHECK_NEAR(bank.weight[0] + bank.weight[1], 1.0, 1e-12);
    }
    assert_int_equal(bank.member[1].outside & MODEL_GUARD_WEIGHT, MODEL_GUARD_WEIGHT);
}

static void a_bank_leans_to_the_walk_while_a_rule_is_outside(void **state)
{
    (void)state;
    make_bank(MODEL_RULE_NONE);
    observe_20();
    assert_true(bank.weight[0] > 0.99);
    assert_true(bank.weight[1] > 0.0);
}

/* A rule that is inside is not better for that: it may have stood still. */
static void a_bank_without_a_walk_goes_by_the_choices_alone(void **state)
{
    (void)state;
    make_bank(MODEL_RULE_PREDICT_MAX);
    observe_20();
    assert_true(bank.weight[1] > 0.5);
}

static void a_bank_that_is_outside_with_all_its_members_goes_on(void **state)
{
    (void)state;
    make_bank(MODEL_RULE_REINFORCE);
    bank_params.member[0].range = bank_params.member[1].range;
    for (int t = 0; t < 20; t++) {
        assert_int_equal(model_bank_observe(&bank, &bank_params, &TRIAL, NULL), MODEL_OK);
        CHECK_NEAR(bank.weight[0] + bank.weight[1], 1.0, 1e-12);
    }
    CHECK_NEAR(bank.weight[0], 0.1, 1e-6); /* alike: nothing to choose between */
}

static void ranges_that_are_none_are_found(void **state)
{
    (void)state;
    model_params params = with_rule(MODEL_RULE_REINFORCE, NULL);
    const model_range good = {
        .is_known = true, .w_lo = {-1.0, -1.0}, .w_hi = {1.0, 1.0}, .step_max = {0.1, 0.1}};
    params.range = good;
    assert_int_equal(model_params_check(&params), MODEL_OK);
    params.range.w_lo[1] = 2.0;
    assert_int_equal(model_params_check(&params), MODEL_ERR_ARG);
    params.range = good;
    params.range.w_hi[0] = (double)NAN;
    assert_int_equal(model_params_check(&params), MODEL_ERR_ARG);
    params.range = good;
    params.range.step_max[0] = -1e-9;
    assert_int_equal(model_params_check(&params), MODEL_ERR_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_is_what_was_seen_and_a_margin),
        cmocka_unit_test(a_range_that_saw_nothing_stays_unknown),
        cmocka_unit_test(steps_are_bounded_and_never_lead_outwards),
        cmocka_unit_test(inputs_of_a_net_outside_are_told),
        cmocka_unit_test(a_session_longer_than_those_of_the_fit_is_not_outside),
        cmocka_unit_test(what_is_no_number_makes_no_step),
        cmocka_unit_test(a_twin_of_an_absurd_rule_stays_where_animals_are),
        cmocka_unit_test(measuring_changes_nothing_and_holds_what_it_measured),
        cmocka_unit_test(a_bank_leans_to_the_walk_while_a_rule_is_outside),
        cmocka_unit_test(a_bank_without_a_walk_goes_by_the_choices_alone),
        cmocka_unit_test(a_bank_that_is_outside_with_all_its_members_goes_on),
        cmocka_unit_test(ranges_that_are_none_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
