/* session.h: messages other than trials, and what is none. */
#include "bank_predict.h"
#include "hear.h"

static void a_session_start_sets_the_stimuli_and_again_changes_nothing(void **state)
{
    (void)state;
    static const char START[] = "{'kind':'session_start','rig':'r1','subject':'m1','session':'s1',"
                                "%s'stimuli':[%s]}";
    hear(START, "'seq':1,", "-0.5,0,0.5");
    expect(SESSION_OUTCOME_NOTED, "");
    assert_int_equal(result.reply.as.prediction.stimuli.n, 3);
    assert_int_equal(result.reply.as.prediction.for_trial, 0);
    hear_trial("s1", 0, 2, 1);
    assert_int_equal(result.reply.as.prediction.stimuli.n, 3);
    const struct twin before = m1()->state.twin;
    hear(START, "'seq':1,", "-0.5,0,0.5");
    expect(SESSION_OUTCOME_DUPLICATE, "");
    hear(START, "", "1");
    expect(SESSION_OUTCOME_NOTED, "");
    assert_int_equal(result.reply.as.prediction.stimuli.n, 3);
    assert_int_equal(result.reply.as.prediction.for_trial, 1);
    assert_memory_equal(&m1()->state.twin, &before, sizeof before);
    hear_trial("s2", 0, 1, 1);
    assert_int_equal(result.reply.as.prediction.stimuli.n, 11);
}

static void a_session_start_makes_the_same_twin_as_none(void **state)
{
    (void)state;
    hear("{'kind':'session_start','rig':'r1','subject':'m1','session':'s1','seq':1}");
    hear_trial("s1", 0, 2, 1);
    const struct twin with = m1()->state.twin;
    tear_down(NULL);
    set_up(NULL);
    hear_trial("s1", 0, 1, 1);
    assert_memory_equal(&m1()->state.twin, &with, sizeof with);
}

static void a_stimulus_is_predicted_alone_and_changes_no_weight(void **state)
{
    (void)state;
    hear_trial("s1", 0, 1, 1);
    const struct twin before = m1()->state.twin;
    hear("{'kind':'stimulus','rig':'r1','subject':'m1','session':'s1','stimulus':-0.3}");
    expect(SESSION_OUTCOME_NOTED, "");
    assert_int_equal(result.reply.as.prediction.stimuli.n, 1);
    assert_true(result.reply.as.prediction.stimuli.v[0] == -0.3);
    double p;
    bank_predict(&before.bank, &bank, 1, (double[]){-0.3}, &p, NULL, NULL);
    assert_true(result.reply.as.prediction.p_right.v[0] == p);
    assert_memory_equal(&m1()->state.twin, &before, sizeof before);
}

static void the_stimulus_to_come_is_predicted_first(void **state)
{
    (void)state;
    const proto_prediction *p = &result.reply.as.prediction;
    hear("{'kind':'trial','rig':'r1','subject':'m1','session':'s','trial':0,'stimulus':0.5,"
         "'choice':1,'reward':1,'next_stimulus':-0.25}");
    expect(SESSION_OUTCOME_TAKEN, "");
    assert_int_equal(p->stimuli.n, config.model.stimuli.n); /* it was one of them */
    assert_true(p->stimuli.v[0] == -0.25 && p->stimuli.v[1] == -1.0);
    const double p_right = p->p_right.v[0];

    hear("{'kind':'trial','rig':'r1','subject':'m1','session':'s','trial':0,'stimulus':0.5,"
         "'choice':1,'reward':1,'next_stimulus':-0.3}");
    expect(SESSION_OUTCOME_DUPLICATE, "");
    assert_int_equal(p->stimuli.n, config.model.stimuli.n + 1); /* it was not */
    assert_true(p->stimuli.v[0] == -0.3);
    for (uint32_t i = 1; i < p->stimuli.n; i++) {
        assert_true(p->stimuli.v[i] != -0.25 || p->p_right.v[i] == p_right);
        assert_true(p->stimuli.v[i] == config.model.stimuli.v[i - 1]);
    }
}

static void the_end_of_a_session_is_answered_with_itself(void **state)
{
    (void)state;
    hear_trial("s1", 0, 1, 1);
    hear("{'kind':'session_end','rig':'r1','subject':'m1','session':'s1','seq':2,'n_trials':1}");
    expect(SESSION_OUTCOME_NOTED, "");
    assert_int_equal(result.reply.kind, PROTO_KIND_SESSION_END);
    assert_int_equal(result.reply.as.session_end.n_trials, 1);
    assert_false(result.has_prediction);
}

static void a_hello_changes_nothing(void **state)
{
    (void)state;
    hear("{'kind':'hello','rig':'r1','subject':'m1','session':'s1'}");
    expect(SESSION_OUTCOME_PLAIN, "");
    assert_int_equal(result.reply.kind, PROTO_KIND_HELLO);
    assert_int_equal(subjects.n_subjects, 0);
    assert_false(session_is_journaled(&result));
}

static void what_is_no_message_is_refused_and_leaves_no_trace(void **state)
{
    (void)state;
    hear_trial("s1", 0, 1, 1);
    const struct subject before = *m1();
    hear("{'kind':'trial','rig':'r1','subject':'m1','session':'s1','trial':1,'stimulus':1.5}");
    expect(SESSION_OUTCOME_REFUSED, "bad_message");
    assert_string_equal(result.reply.as.error.code, "bad_message");
    hear("{'kind':'prediction','rig':'r1','subject':'m1','for_trial':1,'stimuli':[],'p_right':[],"
         "'lo':[],'hi':[]}");
    assert_string_equal(result.reply.as.error.code, "unknown_kind");
    hear_bytes("\xdd\x04\x00\x00\x00", 5);
    expect(SESSION_OUTCOME_REFUSED, "bad_message");
    hear_bytes("", 0);
    expect(SESSION_OUTCOME_REFUSED, "bad_message");
    assert_memory_equal(m1(), &before, sizeof before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEAR_TEST(a_session_start_sets_the_stimuli_and_again_changes_nothing),
        HEAR_TEST(a_session_start_makes_the_same_twin_as_none),
        HEAR_TEST(a_stimulus_is_predicted_alone_and_changes_no_weight),
        HEAR_TEST(the_stimulus_to_come_is_predicted_first),
        HEAR_TEST(the_end_of_a_session_is_answered_with_itself),
        HEAR_TEST(a_hello_changes_nothing),
        HEAR_TEST(what_is_no_message_is_refused_and_leaves_no_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
