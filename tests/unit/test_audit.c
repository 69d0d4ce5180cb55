/* model/audit.h: rigs and animals of support/audit_rigs.h. What must hold on the average is
 * measured by tests/study/audit.c; here single streams, of fixed seeds, and the wealth of bets
 * under the declared protocol. */
#include "suite.h"

#include "audit_rigs.h"
#include "check.h"

static model_protocol protocol;
static model_audit_params params;
static model_audit audit;
static model_audit_alarm alarm;
static struct rig rig;
static const struct rig_ears ALL = {.stage = true, .side = true, .repeat = true, .p_left = true};
static const struct rig_ears FEW = {.stage = false};

static void declare(enum rig_protocol which)
{
    model_protocol_fault fault;
    rig_make(&protocol, which);
    assert_int_equal(model_protocol_check(&protocol, &fault), MODEL_OK);
    assert_int_equal(model_audit_params_init(&params, &protocol, 1000.0), MODEL_OK);
    model_audit_init(&audit);
}

static bool hear(const model_audit_trial *t)
{
    assert_int_equal(model_audit_observe(&audit, &params, t), MODEL_OK);
    return model_audit_take(&audit, &params, &alarm);
}

/* Plays sessions of what the rig does; how many alarms there were. The last one stays in alarm. */
static int play(struct rig_ears ears, uint64_t seed, int sessions,
                void (*change)(model_audit_trial *t))
{
    model_audit_trial t;
    int n = 0;
    rig_init(&rig, rig.protocol, ears, seed, 0);
    for (int s = 0; s < sessions; s++) {
        rig_start_session(&rig);
        model_audit_start_session(&audit, &params);
        while (rig_next(&rig, &t, NULL)) {
            if (change != NULL) {
                change(&t);
            }
            n += hear(&t);
        }
        model_audit_end_session(&audit);
        n += model_audit_take(&audit, &params, &alarm);
    }
    return n;
}

static int play_declared(struct rig_ears ears, void (*change)(model_audit_trial *t))
{
    rig.protocol = &protocol;
    return play(ears, 5, 6, change);
}

static void a_faithful_rig_is_not_accused_whatever_is_heard_of_it(void **unused)
{
    (void)unused;
    for (int p = 0; p < RIG_PROTOCOLS; p++) {
        declare((enum rig_protocol)p);
        assert_int_equal(play_declared(ALL, NULL), 0);
        model_audit_init(&audit);
        assert_int_equal(play_declared(FEW, NULL), 0);
        model_audit_init(&audit);
        assert_int_equal(play_declared((struct rig_ears){.lost = 0.05}, NULL), 0);
    }
}

/* Of one who bets on every onset at once no more than what was put in is expected back. */
static void nobody_wins_against_a_faithful_rig_on_the_average(void **unused)
{
    (void)unused;
    enum { MICE = 400 };
    declare(RIG_TRAINING);
    protocol.trials_min = protocol.trials_max = 150;
    assert_int_equal(model_audit_params_init(&params, &protocol, 1e12), MODEL_OK);
    double sum = 0.0;
    for (int i = 0; i < MICE; i++) {
        model_audit_init(&audit);
        rig.protocol = &protocol;
        assert_int_equal(play(FEW, (uint64_t)i, 1, NULL), 0);
        for (int r = 0; r < MODEL_AUDIT_RULES; r++) {
            sum += model_audit_e_value(&audit, (model_audit_rule)r);
        }
    }
    assert_true(sum / MICE > 0.01);
    assert_true(sum / MICE < 0.5 + 0.0005 * 150 + 0.3);
}

static void weights_of_rules_and_of_their_bets_sum_to_one(void **unused)
{
    (void)unused;
#define ADD_WEIGHT(NAME, name, weight, family, look) +weight
    CHECK_NEAR(MODEL_AUDIT_RULE_LIST(ADD_WEIGHT), 1.0, 1e-12);
#undef ADD_WEIGHT
#define ADD_SHARE(NAME, rule, share) shares[MODEL_AUDIT_##rule] += share;
    double shares[MODEL_AUDIT_RULES] = {0};
    MODEL_AUDIT_BET_LIST(ADD_SHARE)
#undef ADD_SHARE
    for (int i = 0; i < MODEL_AUDIT_RULES; i++) {
        CHECK_NEAR(shares[i], 1.0, 1e-12);
    }
}

static void make_zero_left(model_audit_trial *t)
{
    if (t->contrast == 0.0) {
        t->side = 0;
        t->reward = t->choice == 0 ? 1.0 : 0.0;
    }
}

static void zero_always_left_is_called_once_within_twenty_of_its_trials(void **unused)
{
    (void)unused;
    declare(RIG_FIXED);
    assert_int_equal(play_declared(ALL, make_zero_left), 1);
    assert_int_equal(alarm.rule, MODEL_AUDIT_ZERO);
    assert_int_equal(alarm.bet, MODEL_AUDIT_BET_ZERO_LEFT);
    assert_true(alarm.e_value >= 1000.0);
    assert_int_equal(alarm.n, alarm.hits);
    assert_true(alarm.n <= 20);
    assert_false(alarm.is_foreign);
    assert_int_equal(alarm.rules, 1U << MODEL_AUDIT_ZERO);
}

static void hide_side(model_audit_trial *t)
{
    make_zero_left(t);
    t->side = -1;
}

static void the_side_of_zero_is_told_from_choice_and_reward_where_it_is_not_heard(void **unused)
{
    (void)unused;
    declare(RIG_FIXED);
    assert_int_equal(play_declared(FEW, hide_side), 1);
    assert_int_equal(alarm.rule, MODEL_AUDIT_ZERO);
}

static void reward_all(model_audit_trial *t)
{
    t->reward = t->choice >= 0 ? 1.0 : 0.0;
}

static void rewards_for_wrong_answers_are_called_after_a_few(void **unused)
{
    (void)unused;
    declare(RIG_BIASED);
    assert_int_equal(play_declared(ALL, reward_all), 1);
    assert_int_equal(alarm.rule, MODEL_AUDIT_REWARD);
    assert_int_equal(alarm.bet, MODEL_AUDIT_BET_REWARD_WRONG);
    assert_true(alarm.hits <= 4);
}

static int64_t trials_seen;

static void drop_rewards(model_audit_trial *t)
{
    t->reward = ++trials_seen % 10 == 0 ? 0.0 : t->reward;
}

static void rewards_that_fail_now_and_then_are_called(void **unused)
{
    (void)unused;
    declare(RIG_BIASED);
    assert_int_equal(play_declared(ALL, drop_rewards), 1);
    assert_int_equal(alarm.bet, MODEL_AUDIT_BET_REWARD_RIGHT);
}

static void rewards_with_a_declared_chance_are_none_of_it(void **unused)
{
    (void)unused;
    declare(RIG_BIASED);
    protocol.stage[0].p_reward[0][0] = protocol.stage[0].p_reward[1][1] = 0.8;
    assert_int_equal(model_audit_params_init(&params, &protocol, 1000.0), MODEL_OK);
    assert_int_equal(play_declared(ALL, NULL), 0);
}

static void keep_half(model_audit_trial *t)
{
    t->p_left = 0.5;
}

static void a_first_block_that_never_ends_is_called(void **unused)
{
    (void)unused;
    declare(RIG_BIASED);
    assert_true(play_declared(ALL, keep_half) >= 1);
    model_audit_init(&audit);
    rig.protocol = &protocol;
    rig_init(&rig, &protocol, ALL, 5, 0);
    rig_start_session(&rig);
    model_audit_trial t;
    int at = 0;
    bool is_called = false;
    for (int i = 0; !is_called && rig_next(&rig, &t, NULL); i++) {
        keep_half(&t);
        is_called = hear(&t);
        at = i;
    }
    assert_true(is_called);
    assert_int_equal(alarm.rule, MODEL_AUDIT_BLOCK);
    assert_int_equal(alarm.bet, MODEL_AUDIT_BET_BLOCK_LONG);
    assert_in_range(at, 90, 115);
}

static void blocks_that_are_too_short_are_called(void **unused)
{
    (void)unused;
    declare(RIG_BIASED);
    model_protocol faulty = protocol;
    faulty.stage[0].blocks.min = 10;
    faulty.stage[0].blocks.mean = 10;
    rig.protocol = &faulty;
    assert_true(play(ALL, 5, 2, NULL) >= 1);
    assert_int_equal(alarm.rule, MODEL_AUDIT_BLOCK);
    assert_int_equal(alarm.bet, MODEL_AUDIT_BET_BLOCK_SHORT);
}

static void blocks_of_another_p_left_are_called(void **unused)
{
    (void)unused;
    declare(RIG_BIASED);
    model_protocol faulty = protocol;
    faulty.stage[0].blocks.value[0] = 0.1;
    rig.protocol = &faulty;
    assert_int_equal(play(ALL, 5, 2, NULL), 1);
    assert_int_equal(alarm.bet, MODEL_AUDIT_BET_BLOCK_VALUE);
}

static void say_p_left(model_audit_trial *t)
{
    t->p_left = 0.5;
}

static void sides_that_do_not_follow_p_left_are_called(void **unused)
{
    (void)unused;
    declare(RIG_FIXED);
    model_protocol faulty = protocol;
    faulty.stage[0].p_left = 0.3;
    rig.protocol = &faulty;
    assert_true(play(ALL, 5, 2, say_p_left) >= 1);
    assert_true(alarm.rules & 1U << MODEL_AUDIT_SIDE);
}

/* ---- stages ---------------------------------------------------------------------------------- */

static void never_end_stage_1(model_protocol *faulty)
{
    *faulty = protocol;
    faulty->stage[1].move[0].test[0].limit = 1.0;
}

static void a_stage_that_is_kept_too_long_is_called_where_it_is_heard(void **unused)
{
    (void)unused;
    declare(RIG_TRAINING);
    model_protocol faulty;
    never_end_stage_1(&faulty);
    rig.protocol = &faulty;
    assert_int_equal(play(ALL, 5, 30, NULL), 1);
    assert_int_equal(alarm.bet, MODEL_AUDIT_BET_STAGE_LATE);
    assert_int_equal(alarm.stage, 1);
    assert_int_equal(alarm.other, 2);
    assert_int_equal(alarm.heard, 1);
}

static void a_stage_that_is_kept_too_long_is_called_where_it_is_not_heard(void **unused)
{
    (void)unused;
    declare(RIG_TRAINING);
    model_protocol faulty;
    never_end_stage_1(&faulty);
    rig.protocol = &faulty;
    assert_in_range(play(FEW, 5, 30, NULL), 1, 2);
    assert_true(alarm.rule == MODEL_AUDIT_STAGE || alarm.rule == MODEL_AUDIT_CONTRAST);
}

static void a_stage_that_changes_a_trial_early_is_called_at_once(void **unused)
{
    (void)unused;
    declare(RIG_TRAINING);
    model_protocol faulty = protocol;
    faulty.stage[2].move[0].test[0].limit = 199;
    rig.protocol = &faulty;
    assert_int_equal(play(ALL, 5, 30, NULL), 1);
    assert_int_equal(alarm.bet, MODEL_AUDIT_BET_STAGE_EARLY);
    assert_int_equal(alarm.stage, 2);
    assert_int_equal(alarm.heard, 3);
    assert_int_equal(alarm.hits, 1);
}

static void a_stage_that_is_lost_between_sessions_is_called(void **unused)
{
    (void)unused;
    declare(RIG_TRAINING);
    model_protocol faulty = protocol;
    faulty.carries_stage = false;
    rig.protocol = &faulty;
    rig_init(&rig, &faulty, ALL, 5, 0);
    rig.mouse.n = 1e5; /* it is beyond the first stage by the end of each session */
    model_audit_trial t;
    int n = 0;
    for (int s = 0; s < 10; s++) {
        rig_start_session(&rig);
        model_audit_start_session(&audit, &params);
        while (rig_next(&rig, &t, NULL)) {
            n += hear(&t);
        }
    }
    assert_int_equal(n, 1);
    assert_int_equal(alarm.bet, MODEL_AUDIT_BET_STAGE_CARRIED);
}

static void the_stage_is_found_where_a_session_begins_in_its_midst(void **unused)
{
    (void)unused;
    declare(RIG_TRAINING);
    model_audit_trial t;
    double p;
    rig.protocol = &protocol;
    rig_init(&rig, &protocol, FEW, 5, 0);
    rig_start_session(&rig);
    model_protocol_enter(&rig.state, 4);
    model_audit_start_session(&audit, &params);
    for (int i = 0; i < 150; i++) {
        assert_true(rig_next(&rig, &t, NULL));
        assert_false(hear(&t));
    }
    assert_int_equal(model_audit_stage(&audit, &p), 4);
    assert_true(p > 0.99);
}

/* ---- debias trials --------------------------------------------------------------------------- */

static void debias_trials_that_are_missing_are_called(void **unused)
{
    (void)unused;
    declare(RIG_TRAINING);
    model_protocol faulty = protocol;
    for (uint32_t i = 0; i < faulty.n_stages; i++) {
        faulty.stage[i].debias.kind = MODEL_PROTOCOL_DEBIAS_NONE;
    }
    rig.protocol = &faulty;
    assert_int_equal(play(FEW, 5, 2, NULL), 1);
    assert_int_equal(alarm.bet, MODEL_AUDIT_BET_DEBIAS_MISSING);
}

static void repeats_that_are_not_due_are_called(void **unused)
{
    (void)unused;
    declare(RIG_TRAINING);
    model_protocol faulty = protocol;
    for (uint32_t i = 0; i < faulty.n_stages; i++) {
        faulty.stage[i].debias.after_no_go = true;
    }
    rig.protocol = &faulty;
    assert_int_equal(play(ALL, 5, 3, NULL), 1);
    assert_int_equal(alarm.bet, MODEL_AUDIT_BET_DEBIAS_UNDUE);
}

static void repeats_on_the_side_of_the_error_are_called(void **unused)
{
    (void)unused;
    declare(RIG_TRAINING);
    model_protocol faulty = protocol;
    for (uint32_t i = 0; i < faulty.n_stages; i++) {
        if (faulty.stage[i].debias.kind != MODEL_PROTOCOL_DEBIAS_NONE) {
            faulty.stage[i].debias.kind = MODEL_PROTOCOL_DEBIAS_REPEAT;
        }
    }
    rig.protocol = &faulty;
    assert_int_equal(play(ALL, 5, 3, NULL), 1);
    assert_int_equal(alarm.rule, MODEL_AUDIT_DEBIAS_SIDE);
    assert_int_equal(alarm.bet, MODEL_AUDIT_BET_DEBIAS_SAME);
}

/* ---- streams --------------------------------------------------------------------------------- */

static void a_stream_of_another_protocol_is_called_so_and_once(void **unused)
{
    (void)unused;
    model_protocol other;
    rig_make(&other, RIG_BIASED);
    declare(RIG_GO_NOGO);
    rig.protocol = &other;
    assert_int_equal(play((struct rig_ears){.side = true, .p_left = true}, 5, 20, NULL), 1);
    assert_true(alarm.is_foreign);
}

static void contrasts_of_no_stage_are_named(void **unused)
{
    (void)unused;
    model_protocol other;
    declare(RIG_FIXED);
    other = protocol;
    other.stage[0].contrast[1] = 0.3;
    rig.protocol = &other;
    assert_int_equal(play(FEW, 5, 5, NULL), 1);
    assert_int_equal(alarm.bet, MODEL_AUDIT_BET_CONTRAST_OTHER);
    CHECK_NEAR(alarm.contrast, 0.3, 1e-12);
}

static void a_rule_that_is_mended_may_be_called_again(void **unused)
{
    (void)unused;
    declare(RIG_FIXED);
    assert_int_equal(play_declared(ALL, make_zero_left), 1);
    rig.protocol = &protocol;
    assert_int_equal(play(ALL, 6, 20, NULL), 0);
    assert_int_equal(audit.called[MODEL_AUDIT_ZERO], 0);
    assert_int_equal(play(ALL, 7, 2, make_zero_left), 1);
}

static void what_was_called_late_in_a_session_is_told_at_its_end(void **unused)
{
    (void)unused;
    declare(RIG_FIXED);
    model_audit_trial t = {.contrast = 0.25,
                           .reward = 1.0,
                           .p_left = (double)NAN,
                           .choice = 1,
                           .side = 1,
                           .repeat = -1,
                           .stage = -1};
    assert_false(hear(&t));
    t.choice = 0;
    for (int i = 0; i < 5; i++) {
        assert_false(hear(&t));
    }
    model_audit_end_session(&audit);
    assert_true(model_audit_take(&audit, &params, &alarm));
    assert_int_equal(alarm.rule, MODEL_AUDIT_REWARD);
    assert_false(model_audit_take(&audit, &params, &alarm));
}

/* ---- the state ------------------------------------------------------------------------------- */

static void a_value_outside_its_range_changes_nothing(void **unused)
{
    (void)unused;
    declare(RIG_TRAINING);
    (void)play_declared(ALL, NULL);
    static model_audit before;
    memcpy(&before, &audit, model_audit_used(&audit));
    const model_audit_trial good = {.contrast = 0.5,
                                    .reward = 1.0,
                                    .p_left = (double)NAN,
                                    .choice = 1,
                                    .side = -1,
                                    .repeat = -1,
                                    .stage = -1};
    model_audit_trial bad[8];
    for (int i = 0; i < 8; i++) {
        bad[i] = good;
    }
    bad[0].contrast = 1.5;
    bad[1].contrast = (double)NAN;
    bad[2].reward = -1.0;
    bad[3].p_left = 1.5;
    bad[4].choice = 2;
    bad[5].side = -2;
    bad[6].repeat = 2;
    bad[7].stage = (int32_t)protocol.n_stages;
    for (int i = 0; i < 8; i++) {
        assert_int_equal(model_audit_observe(&audit, &params, &bad[i]), MODEL_ERR_ARG);
        assert_memory_equal(&audit, &before, model_audit_used(&before));
    }
}

static void a_state_that_was_packed_goes_on_the_same(void **unused)
{
    (void)unused;
    static model_audit copy;
    static uint8_t bytes[sizeof(model_audit)];
    model_audit_trial t;
    declare(RIG_TRAINING);
    rig.protocol = &protocol;
    rig_init(&rig, &protocol, FEW, 5, 0);
    rig_start_session(&rig);
    for (int i = 0; i < 300; i++) {
        assert_true(rig_next(&rig, &t, NULL));
        if (i == 100) {
            const size_t used = model_audit_used(&audit);
            memcpy(bytes, &audit, used);
            assert_int_equal(model_audit_unpack(&copy, bytes, used - 1), 0);
            assert_int_equal(model_audit_unpack(&copy, bytes, used), used);
        }
        (void)hear(&t);
        if (i >= 100) {
            assert_int_equal(model_audit_observe(&copy, &params, &t), MODEL_OK);
            assert_int_equal(model_audit_used(&copy), model_audit_used(&audit));
            assert_memory_equal(&copy, &audit, model_audit_used(&audit));
        }
    }
    ((model_audit *)(void *)&copy)->n_paths = 99;
    assert_int_equal(model_audit_unpack(&audit, (uint8_t *)&copy, sizeof copy), 0);
}

static void too_many_contrasts_are_refused(void **unused)
{
    (void)unused;
    declare(RIG_TRAINING);
    for (uint32_t i = 0; i < 6; i++) {
        for (uint32_t k = 0; k < protocol.stage[i].n_contrasts; k++) {
            protocol.stage[i].contrast[k] = 0.5 - 0.01 * (6.0 * k + i);
        }
    }
    assert_int_equal(model_audit_params_init(&params, &protocol, 1000.0), MODEL_ERR_SPACE);
    assert_int_equal(model_audit_params_init(&params, &protocol, 0.5), MODEL_ERR_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_faithful_rig_is_not_accused_whatever_is_heard_of_it),
        cmocka_unit_test(nobody_wins_against_a_faithful_rig_on_the_average),
        cmocka_unit_test(weights_of_rules_and_of_their_bets_sum_to_one),
        cmocka_unit_test(zero_always_left_is_called_once_within_twenty_of_its_trials),
        cmocka_unit_test(the_side_of_zero_is_told_from_choice_and_reward_where_it_is_not_heard),
        cmocka_unit_test(rewards_for_wrong_answers_are_called_after_a_few),
        cmocka_unit_test(rewards_that_fail_now_and_then_are_called),
        cmocka_unit_test(rewards_with_a_declared_chance_are_none_of_it),
        cmocka_unit_test(a_first_block_that_never_ends_is_called),
        cmocka_unit_test(blocks_that_are_too_short_are_called),
        cmocka_unit_test(blocks_of_another_p_left_are_called),
        cmocka_unit_test(sides_that_do_not_follow_p_left_are_called),
        cmocka_unit_test(a_stage_that_is_kept_too_long_is_called_where_it_is_heard),
        cmocka_unit_test(a_stage_that_is_kept_too_long_is_called_where_it_is_not_heard),
        cmocka_unit_test(a_stage_that_changes_a_trial_early_is_called_at_once),
        cmocka_unit_test(a_stage_that_is_lost_between_sessions_is_called),
        cmocka_unit_test(the_stage_is_found_where_a_session_begins_in_its_midst),
        cmocka_unit_test(debias_trials_that_are_missing_are_called),
        cmocka_unit_test(repeats_that_are_not_due_are_called),
        cmocka_unit_test(repeats_on_the_side_of_the_error_are_called),
        cmocka_unit_test(a_stream_of_another_protocol_is_called_so_and_once),
        cmocka_unit_test(contrasts_of_no_stage_are_named),
        cmocka_unit_test(a_rule_that_is_mended_may_be_called_again),
        cmocka_unit_test(what_was_called_late_in_a_session_is_told_at_its_end),
        cmocka_unit_test(a_value_outside_its_range_changes_nothing),
        cmocka_unit_test(a_state_that_was_packed_goes_on_the_same),
        cmocka_unit_test(too_many_contrasts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
