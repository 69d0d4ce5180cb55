/* lookahead.h */
#include "suite.h"

#include <math.h>
#include <string.h>

#include "check.h"
#include "lookahead.h"

static model_bank_params bank;
static model_bank_params ahead;
static struct lookahead p;
static struct lookahead q;

static void add(model_rule_kind kind, double rate)
{
    model_params *member = &bank.member[bank.n++];
    assert_int_equal(model_params_built_in(member, NULL), MODEL_OK);
    member->rule.kind = kind;
    for (uint32_t i = 0; i < member->policy.n; i++) {
        member->rule.rate[i] = rate;
    }
}

static int setup(void **state)
{
    (void)state;
    memset(&bank, 0, sizeof bank);
    bank.temper = 1.0;
    add(MODEL_RULE_REINFORCE, 0.02);
    add(MODEL_RULE_NONE, 0.0);
    add(MODEL_RULE_REINFORCE, 0.5);
    for (uint32_t i = 0; i < bank.n; i++) {
        bank.prior[i] = 1.0 / bank.n;
    }
    lookahead_bank(&ahead, &bank);
    lookahead_reset(&p, &ahead);
    return 0;
}

static const model_trial TRIAL = {0.5, 1.0, 0.25, 1, 1};

static void every_rule_is_followed_by_its_first_member(void **state)
{
    (void)state;
    assert_int_equal(model_bank_check(&ahead), MODEL_OK);
    assert_int_equal(ahead.n, 2);
    assert_int_equal(ahead.member[0].rule.kind, MODEL_RULE_REINFORCE);
    CHECK_NEAR(ahead.member[0].rule.rate[0], 0.02, 0.0);
    assert_int_equal(ahead.member[1].rule.kind, MODEL_RULE_NONE);
    assert_int_equal(p.pace.n, MODEL_RATE_GRID_COUNT + 1);
}

static void takes_up_what_was_shown_and_chosen(void **state)
{
    (void)state;
    lookahead_start_session(&p, &ahead);
    lookahead_observe(&p, &ahead, &TRIAL, 0.8);
    assert_int_equal(p.recent.n_stimuli, 1);
    assert_int_equal(p.pace.n_choices, 1);
    CHECK_NEAR(p.recent.stimuli[0].p_left, 0.8, 1e-6);
}

static void a_trial_out_of_range_leaves_no_trace(void **state)
{
    (void)state;
    const model_trial bad = {1.5, 1.0, 0.25, 1, 1};
    lookahead_observe(&p, &ahead, &bad, 0.5);
    assert_int_equal(p.recent.n_stimuli, 0);
    assert_int_equal(p.pace.n_choices, 0);
}

static void what_is_used_of_it_is_all_of_it(void **state)
{
    (void)state;
    for (int t = 0; t < 50; t++) {
        lookahead_observe(&p, &ahead, &TRIAL, 0.5);
    }
    memset(&q, 0xa5, sizeof q);
    assert_true(lookahead_unpack(&q, &ahead, (const uint8_t *)&p, lookahead_used(&ahead)));
    for (int t = 0; t < 50; t++) {
        lookahead_observe(&p, &ahead, &TRIAL, 0.5);
        lookahead_observe(&q, &ahead, &TRIAL, 0.5);
    }
    assert_memory_equal(&p, &q, lookahead_used(&ahead));
}

static void knows_since_when_a_criterion_is_met_and_forgets_it_for_another(void **state)
{
    (void)state;
    model_forecast_criterion criterion = {0.8, 0.5, 20};
    assert_false(lookahead_has_met(&p, &criterion));
    for (int t = 0; t < 30; t++) {
        lookahead_judge(&p, &criterion, "s7", 100 + t, &TRIAL);
        assert_int_equal(lookahead_has_met(&p, &criterion), t >= 19);
    }
    assert_string_equal(p.mark.session, "s7");
    assert_int_equal(p.mark.trial, 119);
    lookahead_change_model(&p, &ahead);
    assert_true(lookahead_has_met(&p, &criterion));
    criterion.accuracy = 0.9;
    assert_false(lookahead_has_met(&p, &criterion));
    lookahead_judge(&p, &criterion, "s7", 130, &TRIAL);
    assert_false(lookahead_has_met(&p, &criterion));
    assert_int_equal(p.mark.tally.n, 1);
}

static void bytes_of_another_bank_are_refused(void **state)
{
    (void)state;
    const uint8_t *bytes = (const uint8_t *)&p;
    assert_false(lookahead_unpack(&q, &ahead, bytes, lookahead_used(&ahead) - 1));
    assert_false(lookahead_unpack(&q, &bank, bytes, lookahead_used(&ahead)));
    p.pace.n = 1000;
    assert_false(lookahead_unpack(&q, &ahead, bytes, lookahead_used(&ahead)));
    p.pace.n = MODEL_RATE_GRID_COUNT + 1;
    p.recent.n_stimuli = -1;
    assert_false(lookahead_unpack(&q, &ahead, bytes, lookahead_used(&ahead)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_rule_is_followed_by_its_first_member, setup),
        cmocka_unit_test_setup(takes_up_what_was_shown_and_chosen, setup),
        cmocka_unit_test_setup(a_trial_out_of_range_leaves_no_trace, setup),
        cmocka_unit_test_setup(what_is_used_of_it_is_all_of_it, setup),
        cmocka_unit_test_setup(knows_since_when_a_criterion_is_met_and_forgets_it_for_another,
                               setup),
        cmocka_unit_test_setup(bytes_of_another_bank_are_refused, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
