/* session.h: messages that come again, sessions that begin anew, and replies that are about what
 * was asked. */
#include "hear.h"

static const struct session_result *hear_start(const char *session, int seq, int64_t t_wall_ns)
{
    return hear("{'kind':'session_start','rig':'r1','subject':'m1','session':'%s','seq':%d,"
                "'t_wall_ns':%lld,'stimuli':[-0.5,0.5]}",
                session, seq, (long long)t_wall_ns);
}

static const struct session_result *hear_stimulus(const char *session, int seq, double stimulus)
{
    return hear("{'kind':'stimulus','rig':'r1','subject':'m1','session':'%s','seq':%d,"
                "'stimulus':%.2f}",
                session, seq, stimulus);
}

static int64_t durable(void)
{
    return subjects_durable_seq(subjects_counting(&subjects, result.session), next_event - 1);
}

static void expect_reply(const char *session, int64_t run, int64_t trial, int64_t seq)
{
    const proto_envelope *env = &result.reply.env;
    assert_string_equal(env->rig, "r1");
    assert_string_equal(env->subject, "m1");
    assert_string_equal(env->session, session);
    assert_int_equal(env->run, run);
    assert_int_equal(env->trial, trial);
    assert_int_equal(env->seq, seq);
}

static void a_reply_is_about_the_session_that_was_asked_about(void **state)
{
    (void)state;
    for (int t = 0; t < 40; t++) {
        hear_trial("a", t, t + 1, t);
    }
    hear("{'kind':'session_end','rig':'r1','subject':'m1','session':'a','seq':41}");
    for (int t = 0; t < 8; t++) {
        hear_trial("b", t, t + 1, t);
    }
    expect_reply("b", PROTO_NIL, 7, 8);
    hear_trial("a", 20, 21, 20);
    expect(SESSION_OUTCOME_DUPLICATE, "");
    expect_reply("a", PROTO_NIL, 20, 21);
    assert_int_equal(result.reply.as.prediction.for_trial, 40);
    assert_false(result.reply.as.prediction.session_score.present);
    assert_int_equal(durable(), 41);
    hear("{'kind':'session_end','rig':'r1','subject':'m1','session':'a','seq':41}");
    expect(SESSION_OUTCOME_DUPLICATE, "");
    assert_int_equal(result.reply.kind, PROTO_KIND_SESSION_END);
    expect_reply("a", PROTO_NIL, PROTO_NIL, 41);
    hear("{'kind':'hello','rig':'r1','subject':'m1','session':'a','seq':0}");
    expect_reply("a", PROTO_NIL, PROTO_NIL, 0);
}

static void every_kind_of_message_may_come_again_and_changes_nothing(void **state)
{
    (void)state;
    hear_start("a", 1, 1);
    hear_stimulus("a", 2, 0.5);
    hear_trial("a", 0, 3, 0);
    hear_stimulus("a", 4, 0.5);
    hear_trial("a", 1, 5, 1);
    hear("{'kind':'session_end','rig':'r1','subject':'m1','session':'a','seq':6}");
    hear_start("b", 1, 2);
    hear_trial("b", 0, 2, 0);
    hear_stimulus("b", 3, -0.5);
    static struct subject_state before;
    memcpy(&before, &m1()->state, sizeof before);
    const int64_t events = next_event;
    hear_start("a", 1, 1);
    hear_stimulus("a", 2, 0.5);
    expect(SESSION_OUTCOME_DUPLICATE, "");
    assert_int_equal(result.reply.as.prediction.stimuli.n, 1);
    hear_trial("a", 0, 3, 0);
    hear_stimulus("a", 4, 0.5);
    hear_trial("a", 1, 5, 1);
    hear("{'kind':'session_end','rig':'r1','subject':'m1','session':'a','seq':6}");
    expect(SESSION_OUTCOME_DUPLICATE, "");
    hear_start("b", 1, 2);
    hear_trial("b", 0, 2, 0);
    hear_stimulus("b", 3, -0.5);
    assert_int_equal(next_event, events);
    assert_memory_equal(&m1()->state, &before, sizeof before);
    hear_trial("b", 1, 4, 1);
    expect(SESSION_OUTCOME_TAKEN, "");
    assert_int_equal(result.reply.as.prediction.stimuli.n, 2); /* as announced */
    assert_int_equal(result.reply.as.prediction.session_score.v.n, 2);
}

static void a_stimulus_does_not_bring_back_a_session_that_was_left(void **state)
{
    (void)state;
    hear_trial("a", 0, -1, 0);
    hear_trial("b", 0, -1, 0);
    hear("{'kind':'stimulus','rig':'r1','subject':'m1','session':'a','stimulus':0.5,'choice':1}");
    expect(SESSION_OUTCOME_NOTED, "");
    assert_string_equal(subjects.session[m1()->state.session].name, "b");
    hear_trial("a", 1, -1, 0);
    expect(SESSION_OUTCOME_TAKEN, "");
    assert_string_equal(subjects.session[m1()->state.session].name, "a");
}

static void a_task_restarted_in_its_session_is_a_run_of_its_own(void **state)
{
    (void)state;
    for (int t = 0; t < 300; t++) {
        hear_trial("day1", t, -1, t);
    }
    hear_trial("day1", 0, -1, 5);
    expect(SESSION_OUTCOME_TAKEN, "restarted");
    assert_string_equal(session_of_result()->name, "day1+2");
    expect_reply("day1", 2, 0, PROTO_NIL);
    for (int t = 1; t < 200; t++) {
        hear_trial("day1", t, -1, t);
        expect(SESSION_OUTCOME_TAKEN, "");
    }
    hear_trial("day1", 299, -1, 299); /* of the first run, sent again */
    expect(SESSION_OUTCOME_DUPLICATE, "");
    assert_string_equal(session_of_result()->name, "day1");
    hear_trial("day1", 0, -1, 6);
    expect(SESSION_OUTCOME_TAKEN, "restarted");
    assert_string_equal(session_of_result()->name, "day1+3");
}

static void a_rig_restarted_without_its_spool_begins_a_run_with_its_session_start(void **state)
{
    (void)state;
    hear_start("s", 1, 1000);
    for (int t = 0; t < 100; t++) {
        hear_trial("s", t, t + 2, t);
    }
    assert_int_equal(durable(), 101);
    hear_start("s", 1, 2000);
    expect(SESSION_OUTCOME_NOTED, "restarted");
    assert_int_equal(durable(), 1);
    for (int t = 0; t < 60; t++) { /* the same as before, and yet heard for the first time */
        hear_trial("s", t, t + 2, t);
        expect(SESSION_OUTCOME_TAKEN, "");
        assert_int_equal(durable(), t + 2);
        expect_reply("s", 2, t, t + 2);
    }
    hear_start("s", 1, 2000);
    expect(SESSION_OUTCOME_DUPLICATE, "");
    assert_string_equal(session_of_result()->name, "s+2");
}

static void a_count_that_goes_on_over_a_restart_is_one_count(void **state)
{
    (void)state;
    hear_start("s", 1, 1000);
    for (int t = 0; t < 100; t++) {
        if (t != 50) {
            hear_trial("s", t, t + 2, t);
        }
    }
    assert_int_equal(durable(), 51);
    hear_trial("s", 0, 102, 3);
    expect(SESSION_OUTCOME_TAKEN, "restarted");
    hear_trial("s", 1, 103, 4);
    assert_int_equal(durable(), 51); /* 52 was lost on the way */
    hear_trial("s", 50, 52, 50);
    expect(SESSION_OUTCOME_LATE, "out_of_order");
    assert_string_equal(session_of_result()->name, "s");
    assert_int_equal(durable(), 103);
}

static void a_rig_may_state_the_run_itself(void **state)
{
    (void)state;
    static const char TRIAL[] = "{'kind':'trial','rig':'r1','subject':'m1','session':'s','run':%d,"
                                "'trial':%d,'stimulus':0.5,'choice':1}";
    hear(TRIAL, 1, 0);
    assert_string_equal(session_of_result()->name, "s");
    expect_reply("s", 1, 0, PROTO_NIL);
    hear(TRIAL, 2, 0);
    expect(SESSION_OUTCOME_TAKEN, "");
    assert_string_equal(session_of_result()->name, "s+2");
    hear(TRIAL, 1, 0);
    expect(SESSION_OUTCOME_DUPLICATE, "");
    hear(TRIAL, 2, 1);
    expect(SESSION_OUTCOME_TAKEN, "");
    hear("{'kind':'trial','rig':'r1','subject':'m1','session':'s','run':2,'trial':0,"
         "'stimulus':0.5,'choice':0}");
    expect(SESSION_OUTCOME_CONFLICT, "conflict");
    hear("{'kind':'trial','rig':'r1','subject':'m1','session':'s','run':0,'trial':0,"
         "'stimulus':0.5,'choice':0}");
    expect(SESSION_OUTCOME_REFUSED, "bad_message");
}

static void what_states_no_run_is_of_none_that_was_stated(void **state)
{
    (void)state;
    hear_trial("s", 0, -1, 0);
    hear("{'kind':'trial','rig':'r1','subject':'m1','session':'s','run':2,'trial':0,"
         "'stimulus':0.5,'choice':0}");
    hear_trial("s", 0, -1, 0);
    expect(SESSION_OUTCOME_DUPLICATE, "");
    assert_string_equal(session_of_result()->name, "s");
    hear_trial("s", 1, -1, 1);
    assert_string_equal(session_of_result()->name, "s");
    hear_trial("s", 0, -1, 5);
    expect(SESSION_OUTCOME_TAKEN, "restarted");
    assert_string_equal(session_of_result()->name, "s+3");
}

static void what_came_again_in_the_same_words_is_durable_when_it_is_sent_once_more(void **state)
{
    (void)state;
    for (int run = 1; run <= 3; run++) {
        hear_start("s", 1, 7); /* a rig without a wall clock says it so each time */
        for (int t = 0; t < 20; t++) {
            hear_trial("s", t, t + 2, t + run);
            assert_int_equal(durable(), run == 1 ? t + 2 : 0);
        }
        hear_start("s", 1, 7); /* not known to be on disk: it sends it again */
        assert_int_equal(durable(), 21);
    }
    assert_string_equal(session_of_result()->name, "s+3");
}

static void a_name_too_long_for_another_run_is_said(void **state)
{
    (void)state;
    char name[PROTO_ID_MAX + 1];
    memset(name, 'x', PROTO_ID_MAX);
    name[PROTO_ID_MAX] = '\0';
    hear_trial(name, 0, -1, 0);
    expect(SESSION_OUTCOME_TAKEN, "");
    hear_trial(name, 0, -1, 1);
    expect(SESSION_OUTCOME_REFUSED, "limit");
    assert_non_null(strstr(result.reply.as.error.text, "shorter name"));
    const uint32_t n_before = subjects.n_subjects;
    hear("{'kind':'trial','rig':'r1','subject':'new','session':'%s','run':2,'trial':0,"
         "'stimulus':0.5,'choice':1}",
         name);
    expect(SESSION_OUTCOME_REFUSED, "limit");
    assert_int_equal(subjects.n_subjects, n_before);
}

static void a_start_in_other_words_is_known_when_it_comes_again(void **state)
{
    (void)state;
    hear_start("a", 1, 1);
    hear_start("a", 1, 2);
    expect(SESSION_OUTCOME_NOTED, "");
    hear_trial("a", 1, 5, 1);
    hear("{'kind':'session_end','rig':'r1','subject':'m1','session':'a','seq':6}");
    hear_start("a", 1, 2);
    expect(SESSION_OUTCOME_DUPLICATE, "");
    assert_string_equal(subjects.session[result.session].name, "a");
    assert_int_equal(durable(), 1);
}

static void a_repeat_under_a_new_seq_is_counted_and_journaled_for_that(void **state)
{
    (void)state;
    hear_trial("s", 0, 1, 0);
    hear_trial("s", 0, 2, 0);
    expect(SESSION_OUTCOME_DUPLICATE, "");
    assert_true(session_is_journaled(&result));
    hear_trial("s", 1, 3, 1);
    assert_int_equal(durable(), 3);
}

static void a_rig_in_the_middle_of_its_session_may_go_on_with_a_new_journal(void **state)
{
    (void)state;
    for (int t = 48; t < 60; t++) {
        hear_trial("s", t, t + 2, t);
    }
    assert_int_equal(durable(), 0);
    hear("{'kind':'hello','rig':'r1','subject':'m1','session':'s','seq':1000}");
    assert_int_equal(durable(), 0);
    hear("{'kind':'hello','rig':'r1','subject':'m1','session':'s','seq':49}");
    assert_int_equal(durable(), 61);
    hear_trial("s", 60, 62, 0);
    assert_int_equal(durable(), 62);
}

static void silence_is_measured_by_the_clock_that_nobody_sets(void **state)
{
    (void)state;
    hear_trial("", 0, -1, 1);
    const int64_t was = now_ns;
    struct session_event event = {.id = next_event++,
                                  .t_wall_ns = DAY_ONE_NS + was + 7200 * S, /* set forward */
                                  .t_mono_ns = was + S,
                                  .source = SESSION_SOURCE_ASK};
    static const char NEXT[] = "{\"kind\":\"trial\",\"rig\":\"r1\",\"subject\":\"m1\",\"trial\":1,"
                               "\"stimulus\":0.5,\"choice\":1}";
    event.bytes = (const uint8_t *)NEXT;
    event.size = sizeof NEXT - 1;
    session_on_message(&subjects, &event, &result);
    assert_false(result.is_new_session);
    event.id = next_event++;
    event.boot = 77; /* the machine was started anew: its monotonic clock says nothing */
    event.t_mono_ns = 5;
    session_on_message(&subjects, &event, &result);
    assert_false(result.is_new_session);
    event.id = next_event++;
    event.boot = 78;
    event.t_wall_ns += 7200 * S;
    session_on_message(&subjects, &event, &result);
    assert_true(result.is_new_session);
}

static int fetch_fails(void *context, const struct contents_key *key, int64_t before,
                       uint64_t out[CONTENTS_NUMBERS])
{
    (void)context;
    (void)key;
    (void)before;
    (void)out;
    return -1;
}

static void what_cannot_be_looked_up_is_put_off_and_not_guessed(void **state)
{
    (void)state;
    for (int t = 0; t < 100; t++) {
        hear_trial("s", t, t + 1, t);
    }
    contents_close(&subjects.contents); /* as after a start of the daemon, with a disk that fails */
    assert_int_equal(contents_open(&subjects.contents), 0);
    subjects.contents.fetch = fetch_fails;
    session_of_result()->is_whole = false;
    static struct subject_state before;
    memcpy(&before, &m1()->state, sizeof before);
    hear_trial("s", 20, 21, 20);
    expect(SESSION_OUTCOME_PLAIN, "journal_behind");
    assert_true(result.is_put_off);
    assert_false(session_is_journaled(&result));
    assert_string_equal(result.reply.as.error.code, "journal_behind");
    expect_reply("s", PROTO_NIL, 20, 21);
    assert_memory_equal(&m1()->state, &before, sizeof before);
    hear_trial("s", 100, 101, 100); /* above all that came: there is nothing to look up */
    expect(SESSION_OUTCOME_TAKEN, "");
}

static void a_rig_has_its_share_of_the_limits_and_no_more(void **state)
{
    (void)state;
    config.limits.subjects_per_rig = 3;
    config.limits.sessions_per_rig = 5;
    static const char TRIAL[] = "{'kind':'trial','rig':'%s','subject':'%s%d','session':'s%d',"
                                "'trial':0,'stimulus':0.5,'choice':1}";
    for (int i = 0; i < 4; i++) {
        hear(TRIAL, "greedy", "g", i, 0);
        expect(i < 3 ? SESSION_OUTCOME_TAKEN : SESSION_OUTCOME_REFUSED, i < 3 ? "" : "limit");
    }
    assert_non_null(strstr(result.reply.as.error.text, "limits.subjects_per_rig"));
    hear(TRIAL, "greedy", "g", 0, 1);
    hear(TRIAL, "greedy", "g", 0, 2);
    expect(SESSION_OUTCOME_TAKEN, "");
    hear(TRIAL, "greedy", "g", 0, 3);
    expect(SESSION_OUTCOME_REFUSED, "limit");
    assert_non_null(strstr(result.reply.as.error.text, "limits.sessions_per_rig"));
    hear(TRIAL, "modest", "m", 0, 0);
    expect(SESSION_OUTCOME_TAKEN, "");
    hear(TRIAL, "greedy", "g", 0, 2);
    expect(SESSION_OUTCOME_DUPLICATE, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEAR_TEST(a_reply_is_about_the_session_that_was_asked_about),
        HEAR_TEST(every_kind_of_message_may_come_again_and_changes_nothing),
        HEAR_TEST(a_stimulus_does_not_bring_back_a_session_that_was_left),
        HEAR_TEST(a_task_restarted_in_its_session_is_a_run_of_its_own),
        HEAR_TEST(a_rig_restarted_without_its_spool_begins_a_run_with_its_session_start),
        HEAR_TEST(a_count_that_goes_on_over_a_restart_is_one_count),
        HEAR_TEST(a_rig_may_state_the_run_itself),
        HEAR_TEST(what_states_no_run_is_of_none_that_was_stated),
        HEAR_TEST(what_came_again_in_the_same_words_is_durable_when_it_is_sent_once_more),
        HEAR_TEST(a_name_too_long_for_another_run_is_said),
        HEAR_TEST(a_start_in_other_words_is_known_when_it_comes_again),
        HEAR_TEST(a_repeat_under_a_new_seq_is_counted_and_journaled_for_that),
        HEAR_TEST(a_rig_in_the_middle_of_its_session_may_go_on_with_a_new_journal),
        HEAR_TEST(silence_is_measured_by_the_clock_that_nobody_sets),
        HEAR_TEST(what_cannot_be_looked_up_is_put_off_and_not_guessed),
        HEAR_TEST(a_rig_has_its_share_of_the_limits_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
