/* session.h: what a rig counts, its seq and its clock, and what it is told is on disk. */
#include "hear.h"
#include "model/random.h"

static int64_t durable(int64_t event)
{
    return subjects_durable_seq(session_of_result(), event);
}

static void durable_seq_follows_the_disk_and_never_runs_ahead(void **state)
{
    (void)state;
    model_random r;
    model_random_seed(&r, suite_seed(), 1);
    int64_t disk = 0;
    int64_t event_of_seq[601] = {0};
    for (int seq = 1; seq <= 600; seq++) {
        hear_trial("s1", seq - 1, seq, seq);
        event_of_seq[seq] = next_event - 1;
        if (model_random_below(&r, 4) == 0) {
            disk += (int64_t)model_random_below(&r, (uint64_t)(next_event - disk));
        }
        const int64_t told = durable(disk);
        assert_true(told <= seq);
        assert_true(told < 1 || event_of_seq[told] <= disk);
    }
    assert_int_equal(durable(next_event - 1), 600);
}

static void a_gap_in_seq_holds_durable_seq_back_until_it_is_filled(void **state)
{
    (void)state;
    hear_trial("s1", 0, 1, 0);
    hear_trial("s1", 2, 3, 2);
    assert_int_equal(durable(next_event - 1), 1);
    hear_trial("s1", 1, 2, 1);
    assert_int_equal(durable(next_event - 2), 1);
    assert_int_equal(durable(next_event - 1), 3);
}

static void a_duplicate_is_durable_once_what_it_repeats_is(void **state)
{
    (void)state;
    hear_trial("s1", 0, 1, 0);
    hear_trial("s1", 0, 1, 0);
    assert_true(durable(next_event - 2) < 1);
    assert_int_equal(durable(next_event - 1), 1);
}

static void seq_going_back_with_a_new_trial_is_said_and_counted_from_there(void **state)
{
    (void)state;
    for (int t = 0; t < 50; t++) {
        hear_trial("s1", t, t + 1, t);
    }
    assert_int_equal(durable(next_event - 1), 50);
    const int64_t disk = next_event - 1;
    hear_trial("s1", 50, 1, 50);
    expect(SESSION_OUTCOME_TAKEN, "seq_back");
    assert_true(durable(disk) < 1); /* seq 1 of the new count is not on disk yet */
    assert_int_equal(durable(next_event - 1), 1);
    hear_trial("s1", 51, 2, 51);
    expect(SESSION_OUTCOME_TAKEN, "");
    assert_int_equal(durable(next_event - 1), 2);
}

static void a_session_may_count_its_seq_from_0_or_from_its_start(void **state)
{
    (void)state;
    hear_trial("s0", 0, 0, 0);
    hear_trial("s0", 1, 1, 1);
    assert_int_equal(durable(next_event - 1), 1);
    hear("{'kind':'session_start','rig':'r1','subject':'m1','session':'s9','seq':1000}");
    hear_trial("s9", 0, 1001, 0);
    expect(SESSION_OUTCOME_TAKEN, "");
    assert_int_equal(durable(next_event - 1), 1001);
}

static void a_rig_clock_that_goes_back_is_said(void **state)
{
    (void)state;
    static const char TRIAL[] = "{'kind':'trial','rig':'r1','subject':'m1','session':'s1',"
                                "'trial':%d,'stimulus':0.5,'choice':1,'t_rig_us':%d}";
    hear(TRIAL, 0, 5000000);
    hear(TRIAL, 1, 6000000);
    expect(SESSION_OUTCOME_TAKEN, "");
    hear(TRIAL, 2, 1000000);
    expect(SESSION_OUTCOME_TAKEN, "clock_jump");
    assert_true(result.alerts[0].evidence == 5.0);
    hear(TRIAL, 3, 1000001);
    expect(SESSION_OUTCOME_TAKEN, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEAR_TEST(durable_seq_follows_the_disk_and_never_runs_ahead),
        HEAR_TEST(a_gap_in_seq_holds_durable_seq_back_until_it_is_filled),
        HEAR_TEST(a_duplicate_is_durable_once_what_it_repeats_is),
        HEAR_TEST(seq_going_back_with_a_new_trial_is_said_and_counted_from_there),
        HEAR_TEST(a_session_may_count_its_seq_from_0_or_from_its_start),
        HEAR_TEST(a_rig_clock_that_goes_back_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
