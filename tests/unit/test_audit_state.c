/* audit_state.h, audit_message.h and stage_simulation.h: what is heard, what is said, who comes
 * where. */
#include "suite.h"

#include <math.h>
#include <string.h>

#include "audit_message.h"
#include "audit_rigs.h"
#include "audit_state.h"
#include "check.h"
#include "model_file.h"
#include "seeded.h"
#include "stage_simulation.h"

static model_protocol protocol;
static struct audit_protocol declared;
static struct audit_state audit;
static model_audit_alarm alarm;

static void declare(enum rig_protocol which)
{
    rig_make(&protocol, which);
    static struct protocol_file file;
    file.protocol = file.bare = protocol;
    assert_int_equal(audit_protocol_init(&declared, &file, 1000.0), MODEL_OK);
    audit_state_init(&audit, &declared);
    (void)audit_state_start_session(&audit, &declared, "", &alarm);
}

static model_audit_trial right_answer(void)
{
    return (model_audit_trial){.contrast = 0.5,
                               .reward = 1.0,
                               .p_left = (double)NAN,
                               .choice = 1,
                               .side = 1,
                               .repeat = -1,
                               .stage = -1};
}

static void a_message_and_a_row_say_the_same(void **unused)
{
    (void)unused;
    declare(RIG_TRAINING);
    proto_trial heard;
    proto_message msg;
    proto_message_init(&msg, PROTO_KIND_TRIAL);
    heard = msg.as.trial;
    struct trial_row row = {.stimulus = -0.25,
                            .choice = -1,
                            .side = 0,
                            .repeat = -1,
                            .reward = (double)NAN,
                            .p_left = 0.5};
    heard.stimulus = -0.25;
    heard.side = 0;
    heard.p_left = 0.5;
    strcpy(heard.stage, "3");
    strcpy(row.stage, "3");
    const model_audit_trial a = audit_state_heard(&protocol, &heard);
    const model_audit_trial b = audit_state_read(&protocol, &row);
    assert_int_equal(a.stage, 3);
    assert_int_equal(b.stage, 3);
    assert_int_equal(a.choice, -1);
    assert_int_equal(b.choice, -1);
    assert_int_equal(a.repeat, -1);
    assert_int_equal(b.repeat, -1);
    assert_true(isnan(a.reward) && isnan(b.reward));
    CHECK_NEAR(a.contrast, b.contrast, 0.0);
    CHECK_NEAR(a.p_left, b.p_left, 0.0);
    strcpy(heard.stage, "none of it");
    assert_int_equal(audit_state_heard(&protocol, &heard).stage, -1);
}

static void trials_that_are_missing_are_a_gap_and_late_ones_are_passed_over(void **unused)
{
    (void)unused;
    declare(RIG_TRAINING);
    const model_audit_trial t = right_answer();
    const int64_t numbers[] = {1, 2, 3, 7, 5, 8};
    const int64_t broken[] = {0, 0, 0, 1, 1, 1};
    const int64_t taken[] = {1, 2, 3, 4, 4, 5};
    for (int i = 0; i < 6; i++) {
        assert_false(audit_state_push(&audit, &declared, numbers[i], &t, &alarm));
        assert_int_equal(audit.audit.path[0].is_broken, broken[i]);
        assert_int_equal(audit.audit.trial, taken[i]);
    }
    assert_int_equal(audit.last_trial, 8);
}

static void a_session_that_does_not_begin_with_its_first_trial_has_a_gap(void **unused)
{
    (void)unused;
    const model_audit_trial t = right_answer();
    declare(RIG_TRAINING);
    (void)audit_state_push(&audit, &declared, 0, &t, &alarm);
    assert_int_equal(audit.audit.path[0].is_broken, 0);
    declare(RIG_TRAINING);
    (void)audit_state_push(&audit, &declared, 12, &t, &alarm);
    assert_int_equal(audit.audit.path[0].is_broken, 1);
}

static void a_session_that_was_ended_may_go_on(void **unused)
{
    (void)unused;
    declare(RIG_TRAINING);
    const model_audit_trial t = right_answer();
    (void)audit_state_push(&audit, &declared, 0, &t, &alarm);
    assert_false(audit_state_end_session(&audit, &declared, &alarm));
    (void)audit_state_push(&audit, &declared, 1, &t, &alarm);
    assert_int_equal(audit.audit.sessions, 1);
    assert_int_equal(audit.audit.trial, 2);
}

static void damaged_bytes_are_no_state(void **unused)
{
    (void)unused;
    static struct audit_state copy;
    static uint8_t bytes[sizeof(struct audit_state)];
    test_random r = test_random_seeded(suite_seed());
    declare(RIG_TRAINING);
    const model_audit_trial t = right_answer();
    (void)audit_state_push(&audit, &declared, 0, &t, &alarm);
    const size_t used = audit_state_size(&audit);
    assert_true(used < sizeof bytes);
    for (int round = 0; round < 2000; round++) {
        audit_state_pack(&audit, bytes);
        const size_t at = test_random_bits(&r) % used;
        bytes[at] = (uint8_t)test_random_bits(&r);
        if (audit_state_unpack(&copy, bytes, used) == used) {
            (void)audit_state_push(&copy, &declared, copy.last_trial + 1, &t, &alarm);
        }
    }
    static uint8_t again[sizeof(struct audit_state)];
    audit_state_pack(&audit, bytes);
    assert_int_equal(audit_state_unpack(&copy, bytes, used), used);
    audit_state_pack(&copy, again);
    assert_memory_equal(again, bytes, used);
    for (size_t size = 0; size < used; size += 97) {
        assert_int_equal(audit_state_unpack(&copy, bytes, size), 0);
    }
}

/* ---- words ----------------------------------------------------------------------------------- */

static void every_bet_has_a_sentence_that_fits(void **unused)
{
    (void)unused;
    declare(RIG_TRAINING);
    for (uint32_t i = 0; i < protocol.n_stages; i++) {
        memset(declared.declared.protocol.stage[i].name, 'x', MODEL_PROTOCOL_NAME - 1);
    }
    static const uint8_t RULE[] = {
#define RULE_OF(NAME, rule, share) MODEL_AUDIT_##rule,
        MODEL_AUDIT_BET_LIST(RULE_OF)};
#undef RULE_OF
    for (int bet = 0; bet < MODEL_AUDIT_BETS_END; bet++) {
        const model_audit_alarm a = {.rule = (model_audit_rule)RULE[bet],
                                     .rules = UINT32_C(1) << RULE[bet],
                                     .bet = (model_audit_bet_kind)bet,
                                     .e_value = 1234.0,
                                     .n = 1234567,
                                     .hits = 123456,
                                     .contrast = 0.0625,
                                     .seen = 100.0,
                                     .due = 200.0};
        char seen[AUDIT_MESSAGE_MAX];
        char text[AUDIT_MESSAGE_MAX];
        audit_message_seen(&a, &declared.declared, seen, sizeof seen);
        assert_true(strlen(seen) > 20);
        assert_true(strlen(seen) < 192);
        audit_message_print(&a, &declared, "", text, sizeof text);
        assert_non_null(strstr(text, model_audit_rule_name(a.rule)));
        assert_non_null(strstr(text, "look at"));
        char cut[16];
        audit_message_print(&a, &declared, "", cut, sizeof cut);
        assert_int_equal(strlen(cut), 15);
    }
}

static void a_foreign_stream_is_said_with_all_rules_that_it_breaks(void **unused)
{
    (void)unused;
    declare(RIG_BIASED);
    const model_audit_alarm a = {.is_foreign = true,
                                 .rule = MODEL_AUDIT_REWARD,
                                 .bet = MODEL_AUDIT_BET_REWARD_WRONG,
                                 .rules = 1U << MODEL_AUDIT_REWARD | 1U << MODEL_AUDIT_SIDE,
                                 .n = 5,
                                 .hits = 4};
    char text[AUDIT_MESSAGE_MAX];
    audit_message_print(&a, &declared, "", text, sizeof text);
    assert_string_equal(text,
                        "this stream is not of protocol biased (side, reward): 4 of the last 5 "
                        "wrong answers were rewarded");
}

static void a_stream_that_is_of_a_known_release_is_said_to_be(void **unused)
{
    (void)unused;
    static struct rig rig;
    static model_protocol faulty;
    const struct rig_ears all = {.stage = true, .side = true, .repeat = true, .p_left = true};
    model_audit_trial t;
    char text[AUDIT_MESSAGE_MAX];
    bool is_told = false;
    declare(RIG_TRAINING);
    assert_int_equal(declared.n_known, MODEL_PROTOCOL_RELEASES - 1); /* the last has no defect */
    faulty = protocol;
    model_protocol_add_defects(&faulty, model_protocol_release_defects(&protocol, 0));
    rig_init(&rig, &faulty, all, 3, 1);
    for (int s = 0; s < 40 && !(is_told && alarm.is_foreign); s++) {
        rig_start_session(&rig);
        (void)audit_state_start_session(&audit, &declared, "", &alarm);
        for (int64_t i = 0; !is_told && rig_next(&rig, &t, NULL); i++) {
            is_told = audit_state_push(&audit, &declared, i, &t, &alarm) && alarm.is_foreign;
        }
    }
    assert_true(is_told);
    assert_int_equal(alarm.fits, 1); /* the first of the known */
    assert_int_equal(declared.known[0].release, 0);
    audit_message_print(&alarm, &declared, "", text, sizeof text);
    assert_non_null(strstr(text, "; it is as of iblrig 8.0 to 8.11.2: declare its version, such as "
                                 "`iblrig: 8.0`"));
    alarm.fits = 3;
    audit_message_print(&alarm, &declared, "", text, sizeof text);
    assert_non_null(strstr(text, "of iblrig 8.0 to 8.11.2 or 8.11.3 to 8.23: declare"));
}

/* ---- what sessions state --------------------------------------------------------------------- */

static void declare_recorded(uint32_t defects)
{
    static struct protocol_file file;
    rig_make(&protocol, RIG_TRAINING);
    file.protocol = file.bare = protocol;
    file.is_recorded = true;
    file.defects = defects;
    model_protocol_add_defects(&file.protocol, defects);
    assert_int_equal(audit_protocol_init(&declared, &file, 1000.0), MODEL_OK);
    audit_state_init(&audit, &declared);
}

static void each_session_is_held_against_the_release_that_it_states(void **unused)
{
    (void)unused;
    static const struct {
        const char *software;
        int64_t chosen;
    } CASES[] = {
        {"iblrig 8.23.1", 1}, {"iblrig 8.0", 0},  {"iblrig 8.27", 4}, {"iblrig 8.29.4", -1},
        {"iblrig 9.0", -1},   {"iblrig 7.2", -1}, {"iblrig", -1},     {"iblrig ", -1},
        {"bonsai 8.23", -1},  {"", -1},           {"iblrig 8.x", -1}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        declare_recorded(0);
        (void)audit_state_start_session(&audit, &declared, CASES[i].software, &alarm);
        assert_int_equal(audit.chosen, CASES[i].chosen);
        assert_string_equal(audit.software, CASES[i].software);
        assert_ptr_equal(audit_state_params(&audit, &declared),
                         CASES[i].chosen < 0 ? &declared.declared
                                             : &declared.known[CASES[i].chosen].params);
        declare(RIG_TRAINING);
        (void)audit_state_start_session(&audit, &declared, CASES[i].software, &alarm);
        assert_int_equal(audit.chosen, -1);
    }
}

static void what_a_file_names_is_added_to_the_defects_of_a_release(void **unused)
{
    (void)unused;
    const uint32_t off = UINT32_C(1) << MODEL_PROTOCOL_DEFECT_COUNTS_EARLY;
    declare_recorded(off);
    assert_int_equal(declared.release[5].known, -1);
    assert_int_equal(declared.release[5].defects, 0);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(declared.known[declared.release[i].known].defects,
                         declared.release[i].defects | off);
    }
}

/* Sessions of two releases in turn, as they state them; unstated. True if anything was told. */
static bool take_turns(bool is_stated)
{
    static struct rig rig;
    static model_protocol faulty[2];
    static const char *const SOFTWARE[2] = {"iblrig 8.11.2", "iblrig 8.23.1"};
    const struct rig_ears all = {.stage = true, .side = true, .repeat = true, .p_left = true};
    model_audit_trial t;
    bool is_told = false;
    declare_recorded(0);
    for (uint32_t i = 0; i < 2; i++) {
        faulty[i] = protocol;
        model_protocol_add_defects(&faulty[i], model_protocol_release_defects(&protocol, i));
    }
    rig_init(&rig, &faulty[0], all, 3, 1);
    for (int s = 0; s < 30; s++) {
        rig.protocol = &faulty[s % 2];
        rig_start_session(&rig);
        is_told |=
            audit_state_start_session(&audit, &declared, is_stated ? SOFTWARE[s % 2] : "", &alarm);
        for (int64_t i = 0; rig_next(&rig, &t, NULL); i++) {
            is_told |= audit_state_push(&audit, &declared, i, &t, &alarm);
        }
    }
    return is_told;
}

static void sessions_of_two_releases_in_turn_are_each_followed(void **unused)
{
    (void)unused;
    assert_false(take_turns(true));
    assert_true(take_turns(false));
}

static void a_finding_names_the_version_and_a_checkpoint_keeps_it(void **unused)
{
    (void)unused;
    static struct audit_state copy;
    static uint8_t bytes[sizeof(struct audit_state)];
    const model_audit_trial t = right_answer();
    char text[AUDIT_MESSAGE_MAX];
    const model_audit_alarm a = {.rule = MODEL_AUDIT_REWARD,
                                 .bet = MODEL_AUDIT_BET_REWARD_WRONG,
                                 .rules = 1U << MODEL_AUDIT_REWARD,
                                 .n = 5,
                                 .hits = 4};
    declare_recorded(0);
    (void)audit_state_start_session(&audit, &declared, "iblrig 8.23.1", &alarm);
    (void)audit_state_push(&audit, &declared, 0, &t, &alarm);
    audit_state_pack(&audit, bytes);
    assert_int_equal(audit_state_unpack(&copy, bytes, audit_state_size(&audit)),
                     audit_state_size(&audit));
    assert_int_equal(copy.chosen, 1);
    audit_message_print(&a, &declared, copy.software, text, sizeof text);
    assert_string_equal(text, "iblrig 8.23.1: reward: 4 of the last 5 wrong answers were rewarded; "
                              "look at the valve, and what is taken for correct");
    audit_message_print(&a, &declared, "", text, sizeof text);
    assert_memory_equal(text, "no version is stated: reward: ", 30);
    model_audit_alarm foreign = a;
    foreign.is_foreign = true;
    foreign.fits = 1;
    audit_message_print(&foreign, &declared, "iblrig 8.23.1", text, sizeof text);
    assert_non_null(strstr(text,
                           "; it is as of iblrig 8.0 to 8.11.2: is the stated version the one "
                           "that runs?"));
}

/* ---- virtual mice ---------------------------------------------------------------------------- */

static void mice_that_learn_come_to_the_last_stage_in_order(void **unused)
{
    (void)unused;
    struct fault fault;
    struct stage_simulation t;
    struct model_file model;
    struct model_spec spec;
    declare(RIG_TRAINING);
    model_spec_init(&spec);
    spec.rule = "reinforce";
    spec.rate = 0.05;
    spec.features = "stimulus,bias";
    assert_int_equal(model_file_build(&spec, &model, &fault), FAULT_NONE);
    const model_params *mouse = &model.bank.member[0];
    assert_int_equal(stage_simulation_run(&t, &protocol, mouse, 5, 60, 1, &fault), FAULT_NONE);
    double before = 0.0;
    for (uint32_t i = 0; i < protocol.n_stages; i++) {
        double session;
        double trial;
        assert_int_equal(stage_simulation_arrived(&t, i, &session, &trial), 5);
        assert_true(trial > before);
        before = trial;
    }
    stage_simulation_close(&t);
    protocol.stage[1].move[0].test[0].limit = 1.0;
    assert_int_equal(stage_simulation_run(&t, &protocol, mouse, 2, 10, 1, &fault), FAULT_NONE);
    double session;
    double trial;
    assert_int_equal(stage_simulation_arrived(&t, 2, &session, &trial), 0);
    assert_true(isnan(session));
    stage_simulation_close(&t);
    stage_simulation_close(&t);
    model_file_free(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_and_a_row_say_the_same),
        cmocka_unit_test(trials_that_are_missing_are_a_gap_and_late_ones_are_passed_over),
        cmocka_unit_test(a_session_that_does_not_begin_with_its_first_trial_has_a_gap),
        cmocka_unit_test(a_session_that_was_ended_may_go_on),
        cmocka_unit_test(damaged_bytes_are_no_state),
        cmocka_unit_test(every_bet_has_a_sentence_that_fits),
        cmocka_unit_test(a_foreign_stream_is_said_with_all_rules_that_it_breaks),
        cmocka_unit_test(a_stream_that_is_of_a_known_release_is_said_to_be),
        cmocka_unit_test(each_session_is_held_against_the_release_that_it_states),
        cmocka_unit_test(what_a_file_names_is_added_to_the_defects_of_a_release),
        cmocka_unit_test(sessions_of_two_releases_in_turn_are_each_followed),
        cmocka_unit_test(a_finding_names_the_version_and_a_checkpoint_keeps_it),
        cmocka_unit_test(mice_that_learn_come_to_the_last_stage_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
