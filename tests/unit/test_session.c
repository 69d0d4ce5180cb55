/* session.h: trials of one animal, one after another through the path of a trial. */
#include <string.h>

#include "hear.h"
#include "model/random.h"

static void a_trial_is_taken_up_and_the_next_predicted(void **state)
{
    (void)state;
    hear_trial("s1", 0, 1, 1);
    expect(SESSION_OUTCOME_TAKEN, "");
    assert_true(result.is_new_subject && result.is_new_session && result.has_prediction);
    assert_int_equal(result.reply.kind, PROTO_KIND_PREDICTION);
    assert_int_equal(result.reply.as.prediction.for_trial, 1);
    assert_int_equal(result.reply.as.prediction.stimuli.n, 11);
    assert_true(result.scored.p_right == 0.5);
    hear_trial("s1", 1, 2, 1);
    expect(SESSION_OUTCOME_TAKEN, "");
    assert_false(result.is_new_subject || result.is_new_session);
    assert_true(result.scored.p_right > 0.5);
    assert_int_equal(result.reply.as.prediction.score.v.n, 2);
}

static void a_duplicate_is_dropped_and_answered_with_the_present_prediction(void **state)
{
    (void)state;
    hear_trial("s1", 0, 1, 1);
    hear_trial("s1", 1, 2, 2);
    const struct twin before = m1()->state.twin;
    const int64_t events = next_event;
    hear_trial("s1", 0, 1, 1);
    expect(SESSION_OUTCOME_DUPLICATE, "");
    assert_int_equal(result.reply.as.prediction.for_trial, 2);
    assert_int_equal(next_event, events);
    assert_memory_equal(&m1()->state.twin, &before, sizeof before);
}

static void another_content_under_a_number_taken_is_a_conflict(void **state)
{
    (void)state;
    for (int t = 0; t < 70; t++) {
        hear_trial("s1", t, t + 1, t);
    }
    const struct twin before = m1()->state.twin;
    hear_trial("s1", 69, 70, 70);
    expect(SESSION_OUTCOME_CONFLICT, "conflict");
    assert_int_equal(result.reply.kind, PROTO_KIND_ERROR);
    assert_string_equal(result.reply.as.error.code, "conflict");
    assert_true(session_is_journaled(&result));
    for (int t = 6; t < 69; t++) { /* however long ago; with a seq of its own each */
        hear_trial("s1", t, 1000 + t, t + 1);
        expect(SESSION_OUTCOME_CONFLICT, "conflict");
    }
    assert_memory_equal(&m1()->state.twin, &before, sizeof before);
    assert_int_equal(m1()->last_event, next_event - 1); /* a resume need not hear it again */
}

static void a_gap_is_said_and_healed_when_the_trials_come(void **state)
{
    (void)state;
    for (int t = 0; t < 6; t++) {
        hear_trial("s1", t, t + 1, t);
    }
    hear_trial("s1", 9, 10, 9);
    expect(SESSION_OUTCOME_TAKEN, "gap");
    assert_true(result.alerts[0].evidence == 3.0);
    assert_non_null(strstr(result.alerts[0].text, "trials 6 to 8"));
    assert_int_equal(result.reply.as.prediction.for_trial, 10);
    hear_trial("s1", 7, 8, 7);
    expect(SESSION_OUTCOME_HEALED, "");
    assert_int_equal(result.reply.as.prediction.for_trial, 10);
    hear_trial("s1", 8, 9, 8);
    hear_trial("s1", 6, 7, 6);
    expect(SESSION_OUTCOME_HEALED, "");
    assert_int_equal(m1()->state.backfill.is_open, 0);
    const struct twin healed = m1()->state.twin;

    tear_down(NULL);
    set_up(NULL);
    for (int t = 0; t < 10; t++) {
        hear_trial("s1", t, t + 1, t);
    }
    assert_memory_equal(&m1()->state.twin, &healed, sizeof healed);
}

static void any_order_within_the_window_ends_in_the_same_state(void **state)
{
    (void)state;
    enum { N = 60 };
    model_random r;
    model_random_seed(&r, suite_seed(), 0);
    struct twin expected;
    for (int round = 0; round < 60; round++) {
        int order[N];
        for (int i = 0; i < N; i++) {
            const int j = (int)model_random_below(&r, (uint64_t)i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        tear_down(NULL);
        set_up(NULL);
        for (int i = 0; i < N; i++) {
            const int number = round == 0 ? i : order[i];
            hear_trial("s1", number, number + 1, number);
            assert_true(result.status == SESSION_OUTCOME_TAKEN ||
                        result.status == SESSION_OUTCOME_HEALED);
        }
        if (round == 0) {
            expected = m1()->state.twin;
        }
        assert_memory_equal(&m1()->state.twin, &expected, sizeof expected);
        assert_int_equal(m1()->state.for_trial, N);
        assert_int_equal(session_of_result()->state.seqs.through, N);
    }
}

static void a_trial_too_late_is_journaled_and_refused(void **state)
{
    (void)state;
    hear_trial("s1", 0, 1, 0);
    for (int t = 2; t < 3 + BACKFILL_TRIALS; t++) {
        hear_trial("s1", t, t + 1, t);
    }
    const struct twin before = m1()->state.twin;
    hear_trial("s1", 1, 2, 1);
    expect(SESSION_OUTCOME_LATE, "out_of_order");
    assert_string_equal(result.reply.as.error.code, "out_of_order");
    assert_true(session_is_journaled(&result));
    assert_memory_equal(&m1()->state.twin, &before, sizeof before);
    hear_trial("s1", 1, 2, 1);
    expect(SESSION_OUTCOME_DUPLICATE, "");
}

static void a_late_trial_of_a_session_that_is_over_is_not_taken(void **state)
{
    (void)state;
    hear_trial("s1", 0, 1, 0);
    hear_trial("s1", 2, 3, 2);
    hear_trial("s2", 0, 1, 0);
    const struct twin before = m1()->state.twin;
    hear_trial("s1", 1, 2, 1);
    expect(SESSION_OUTCOME_LATE, "out_of_order");
    assert_memory_equal(&m1()->state.twin, &before, sizeof before);
}

static void a_rig_that_counts_from_1_has_no_gap(void **state)
{
    (void)state;
    hear_trial("s1", 1, 1, 1);
    expect(SESSION_OUTCOME_TAKEN, "");
    hear_trial("s1", 2, 2, 2);
    expect(SESSION_OUTCOME_TAKEN, "");
}

static void a_jump_far_ahead_is_doubted_and_the_trials_that_follow_are_taken(void **state)
{
    (void)state;
    for (int t = 0; t < 3; t++) {
        hear_trial("s1", t, t + 1, t);
    }
    const struct twin before = m1()->state.twin;
    hear_trial("s1", 1000, 4, 3);
    expect(SESSION_OUTCOME_DOUBTED, "jump");
    assert_int_equal(result.reply.as.prediction.for_trial, 3);
    assert_memory_equal(&m1()->state.twin, &before, sizeof before);
    assert_true(session_is_journaled(&result));
    for (int t = 3; t < 503; t++) {
        hear_trial("s1", t, t + 2, t);
        expect(SESSION_OUTCOME_TAKEN, "");
    }
    hear_trial("s1", 1000, 4, 3);
    expect(SESSION_OUTCOME_DUPLICATE, "");
    assert_int_equal(session_of_result()->state.seqs.through, 504);
}

static void a_jump_that_the_next_trial_goes_on_from_is_believed(void **state)
{
    (void)state;
    hear_trial("s1", 0, 1, 0);
    hear_trial("s1", 1000, 2, 3);
    expect(SESSION_OUTCOME_DOUBTED, "jump");
    hear_trial("s1", 1001, 3, 4);
    expect(SESSION_OUTCOME_TAKEN, "gap");
    assert_non_null(strstr(result.alerts[0].text, "trials 1 to 999"));
    hear_trial("s1", 1000, 2, 3);
    expect(SESSION_OUTCOME_DUPLICATE, "");
    hear_trial("s1", 999, 4, 2);
    expect(SESSION_OUTCOME_HEALED, "");
    hear_trial("s1", 1002, 5, 2);
    expect(SESSION_OUTCOME_TAKEN, "");
}

static void a_slip_to_the_end_of_all_numbers_costs_the_next_trial_nothing(void **state)
{
    (void)state;
    for (int t = 0; t < 6; t++) {
        hear_trial("s1", t, -1, t);
    }
    hear_trial("s1", 1000000000, -1, 3);
    expect(SESSION_OUTCOME_DOUBTED, "jump");
    hear_trial("s1", 6, -1, 6);
    expect(SESSION_OUTCOME_TAKEN, "");
}

static void what_was_never_heard_is_journaled_however_late_it_comes(void **state)
{
    (void)state;
    hear_trial("s1", 0, 1, 0);
    for (int t = 200; t < 800; t++) {
        hear_trial("s1", t, t + 1, t);
        expect(SESSION_OUTCOME_TAKEN, t == 200 ? "gap" : "");
    }
    assert_int_equal(session_of_result()->state.seqs.through, 1);
    for (int t = 1; t < 200; t++) {
        hear_trial("s1", t, t + 1, t);
        expect(SESSION_OUTCOME_LATE, "out_of_order");
        assert_true(session_is_journaled(&result));
        hear_trial("s1", t, t + 1, t);
        expect(SESSION_OUTCOME_DUPLICATE, "");
    }
    assert_int_equal(session_of_result()->state.seqs.through, 800);
}

static void features_alone_are_refused_by_name(void **state)
{
    (void)state;
    hear("{'kind':'trial','rig':'r1','subject':'m1','trial':0,'features':{'odour':1},'choice':1}");
    expect(SESSION_OUTCOME_REFUSED, "");
    assert_string_equal(result.reply.as.error.key, "trial.stimulus");
    assert_int_equal(subjects.n_subjects, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEAR_TEST(a_trial_is_taken_up_and_the_next_predicted),
        HEAR_TEST(a_duplicate_is_dropped_and_answered_with_the_present_prediction),
        HEAR_TEST(another_content_under_a_number_taken_is_a_conflict),
        HEAR_TEST(a_gap_is_said_and_healed_when_the_trials_come),
        HEAR_TEST(any_order_within_the_window_ends_in_the_same_state),
        HEAR_TEST(a_trial_too_late_is_journaled_and_refused),
        HEAR_TEST(a_late_trial_of_a_session_that_is_over_is_not_taken),
        HEAR_TEST(a_rig_that_counts_from_1_has_no_gap),
        HEAR_TEST(a_jump_far_ahead_is_doubted_and_the_trials_that_follow_are_taken),
        HEAR_TEST(a_jump_that_the_next_trial_goes_on_from_is_believed),
        HEAR_TEST(a_slip_to_the_end_of_all_numbers_costs_the_next_trial_nothing),
        HEAR_TEST(what_was_never_heard_is_journaled_however_late_it_comes),
        HEAR_TEST(features_alone_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
