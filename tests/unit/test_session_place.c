/* One animal on two rigs: the twin learns from one of them until somebody says which, and whatever
 * was heard is journaled. What of a message was passed over is said. */
#include "hear.h"

static const struct session_result *start(const char *rig, const char *session, const char *more)
{
    return hear("{'kind':'session_start','rig':'%s','subject':'m1','session':'%s'%s}", rig, session,
                more);
}

static const struct session_result *play(const char *rig, const char *session, int trial)
{
    return hear("{'kind':'trial','rig':'%s','subject':'m1','session':'%s','trial':%d,"
                "'stimulus':0.5,'choice':1,'reward':1}",
                rig, session, trial);
}

static double learned(void)
{
    return (double)subjects.subject[0].state.twin.score.n;
}

static void expect_elsewhere(enum session_outcome status, bool is_first)
{
    expect(status, is_first ? "subject_twice" : "");
    assert_int_equal(result.reply.kind, PROTO_KIND_ERROR);
    assert_string_equal(result.reply.as.error.code, "subject_twice");
    assert_non_null(strstr(result.reply.as.error.text, "`moved`"));
    assert_non_null(strstr(result.reply.as.error.text, "r1"));
    assert_true(session_is_journaled(&result));
    assert_false(result.has_prediction);
}

static void the_twin_learns_from_the_first_rig_only(void **state)
{
    (void)state;
    start("r1", "a", "");
    play("r1", "a", 0);
    expect(SESSION_OUTCOME_TAKEN, "");
    start("r2", "b", "");
    expect_elsewhere(SESSION_OUTCOME_CONFLICT, true);
    assert_non_null(strstr(result.alerts[0].text, "session a on r1"));
    assert_non_null(strstr(result.alerts[0].text, "session b on r2"));
    const double before = learned();
    for (int t = 0; t < 5; t++) {
        play("r2", "b", t);
        expect_elsewhere(SESSION_OUTCOME_DOUBTED, false);
    }
    assert_true(learned() == before);
    play("r1", "a", 1);
    expect(SESSION_OUTCOME_TAKEN, "");
    assert_true(learned() == before + 1);
    play("r2", "b", 4);
    expect(SESSION_OUTCOME_DUPLICATE, "");
}

static void moved_takes_the_animal_along_and_the_rig_it_left_is_refused(void **state)
{
    (void)state;
    play("r1", "a", 0);
    start("r2", "b", ",'moved':true,'stimuli':[0.5,-0.5]");
    expect(SESSION_OUTCOME_NOTED, "");
    assert_int_equal(result.reply.as.prediction.stimuli.n, 2);
    play("r2", "b", 0);
    expect(SESSION_OUTCOME_TAKEN, "");
    play("r1", "a", 1);
    expect(SESSION_OUTCOME_DOUBTED, "subject_twice");
    start("r1", "a", ",'moved':1");
    expect(SESSION_OUTCOME_NOTED, "");
    play("r1", "a", 2);
    expect(SESSION_OUTCOME_TAKEN, "");
}

static void moved_may_be_said_after_the_question(void **state)
{
    (void)state;
    play("r1", "a", 0);
    play("r2", "b", 0);
    expect_elsewhere(SESSION_OUTCOME_DOUBTED, true);
    start("r2", "b", ",'moved':1");
    expect(SESSION_OUTCOME_NOTED, "");
    play("r2", "b", 1);
    expect(SESSION_OUTCOME_TAKEN, "");
    assert_int_equal(session_of_result()->state.trials.missing, 0);
}

static void the_end_of_the_first_session_is_an_answer_too(void **state)
{
    (void)state;
    play("r1", "a", 0);
    hear("{'kind':'stimulus','rig':'r2','subject':'m1','session':'b','stimulus':0.5}");
    expect_elsewhere(SESSION_OUTCOME_CONFLICT, true);
    hear("{'kind':'session_end','rig':'r1','subject':'m1','session':'a'}");
    expect(SESSION_OUTCOME_NOTED, "");
    play("r2", "b", 0);
    expect(SESSION_OUTCOME_TAKEN, "");
}

static void a_rig_that_was_silent_for_long_is_not_asked_about(void **state)
{
    (void)state;
    play("r1", "a", 0);
    now_ns += 599 * S;
    start("r2", "b", "");
    expect_elsewhere(SESSION_OUTCOME_CONFLICT, true);
    now_ns += 2 * S;
    play("r2", "b", 0);
    expect(SESSION_OUTCOME_TAKEN, "");
}

static void sessions_without_a_name_are_held_apart_as_well(void **state)
{
    (void)state;
    hear_trial("", 0, -1, 1);
    for (int t = 0; t < 3; t++) {
        hear("{'kind':'trial','rig':'r2','subject':'m1','trial':%d,'stimulus':0.5,'choice':1}", t);
        expect_elsewhere(SESSION_OUTCOME_DOUBTED, t == 0);
    }
    assert_int_equal(subjects.n_sessions, 2);
    hear_trial("", 1, -1, 1);
    expect(SESSION_OUTCOME_TAKEN, "");
}

/* As replay.c hears it. */
static void hear_recorded(const char *text, enum session_outcome recorded)
{
    const struct session_event event = {.id = next_event++,
                                        .t_wall_ns = DAY_ONE_NS + now_ns,
                                        .t_mono_ns = now_ns,
                                        .bytes = (const uint8_t *)text,
                                        .size = strlen(text),
                                        .is_recorded = true,
                                        .recorded = recorded};
    session_on_message(&subjects, &event, &result);
}

static void a_journal_from_before_these_rules_is_heard_as_it_was(void **state)
{
    (void)state;
    hear_recorded("{\"kind\":\"trial\",\"rig\":\"r1\",\"subject\":\"m1\",\"session\":\"a\","
                  "\"trial\":0,\"stimulus\":1,\"reward\":1}",
                  SESSION_OUTCOME_TAKEN);
    expect(SESSION_OUTCOME_TAKEN, "");
    assert_true(result.heard.as.trial.choice == PROTO_NIL);
    static const char OTHER[] = "{\"kind\":\"trial\",\"rig\":\"r2\",\"subject\":\"m1\","
                                "\"session\":\"b\",\"trial\":%d,\"stimulus\":1,\"choice\":1}";
    char text[200];
    (void)snprintf(text, sizeof text, OTHER, 0);
    hear_recorded(text, SESSION_OUTCOME_TAKEN);
    expect(SESSION_OUTCOME_TAKEN, "");
    tear_down(NULL);
    set_up(NULL);
    play("r1", "a", 0);
    hear_recorded(text, SESSION_OUTCOME_DOUBTED);
    expect_elsewhere(SESSION_OUTCOME_DOUBTED, true);
}

static void what_was_passed_over_is_said_and_the_trial_taken(void **state)
{
    (void)state;
    hear("{'kind':'trial','rig':'r1','subject':'m1','session':'a','trial':0,'stimulus':0.5,"
         "'choice':1,'rt_s':-1,'side':3}");
    expect(SESSION_OUTCOME_TAKEN, "value_dropped");
    assert_string_equal(result.alerts[0].text,
                        "m1, session a, trial 0: trial.rt_s is dropped, and 1 others: -1 is "
                        "outside 0..86400 s (reaction time)");
    assert_true(result.alerts[0].evidence == 2.0);
    hear("{'kind':'trial','rig':'r1','subject':'m1','session':'a','trial':0,'stimulus':0.5,"
         "'choice':1,'rt_s':-1,'side':3}");
    expect(SESSION_OUTCOME_DUPLICATE, "");
    hear("{'kind':'trial','rig':'r1','subject':'m1','session':'a','trial':1,'stimulus':0.5,"
         "'choice':1,'rewrad':1}");
    expect(SESSION_OUTCOME_TAKEN, "value_dropped");
    assert_non_null(strstr(result.alerts[0].text, "did you mean `reward`?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEAR_TEST(the_twin_learns_from_the_first_rig_only),
        HEAR_TEST(moved_takes_the_animal_along_and_the_rig_it_left_is_refused),
        HEAR_TEST(moved_may_be_said_after_the_question),
        HEAR_TEST(the_end_of_the_first_session_is_an_answer_too),
        HEAR_TEST(a_rig_that_was_silent_for_long_is_not_asked_about),
        HEAR_TEST(sessions_without_a_name_are_held_apart_as_well),
        HEAR_TEST(a_journal_from_before_these_rules_is_heard_as_it_was),
        HEAR_TEST(what_was_passed_over_is_said_and_the_trial_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
