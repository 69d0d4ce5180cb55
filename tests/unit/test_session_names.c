/* session.h and subjects.h: which session and which animal a message belongs to, and how many there
 * may be. */
#include <stdio.h>
#include <string.h>

#include "hear.h"

static void sessions_without_a_name_are_named_by_date_and_number(void **state)
{
    (void)state;
    hear_trial("", 0, -1, 1);
    expect(SESSION_OUTCOME_TAKEN, "");
    assert_string_equal(session_of_result()->name, "2024-06-15_001");
    assert_string_equal(result.reply.env.session, "2024-06-15_001");
    hear_trial("", 1, -1, 2);
    assert_false(result.is_new_session);
    now_ns += 3599 * S;
    hear_trial("", 2, -1, 3);
    assert_false(result.is_new_session);
    now_ns += 3601 * S;
    hear_trial("", 3, -1, 4);
    assert_true(result.is_new_session);
    assert_string_equal(session_of_result()->name, "2024-06-15_002");
    now_ns += 24 * 3600 * S;
    hear_trial("", 0, -1, 5);
    assert_string_equal(session_of_result()->name, "2024-06-16_001");
}

static void dates_are_those_of_the_calendar(void **state)
{
    (void)state;
    static const struct {
        int64_t s; /* `date -u +%s -d DATE` */
        const char *name;
    } DAYS[] = {{0, "1970-01-01_001"},          {951782400, "2000-02-29_001"},
                {951868799, "2000-02-29_001"},  {951868800, "2000-03-01_001"},
                {1735689599, "2024-12-31_001"}, {4107542400, "2100-03-01_001"}};
    for (size_t i = 0; i < sizeof DAYS / sizeof DAYS[0]; i++) {
        tear_down(NULL);
        set_up(NULL);
        now_ns = DAYS[i].s * S - DAY_ONE_NS;
        hear_trial("", 0, -1, 1);
        assert_string_equal(session_of_result()->name, DAYS[i].name);
    }
}

static void counting_anew_opens_a_new_session_and_resending_does_not(void **state)
{
    (void)state;
    for (int t = 0; t < 5; t++) {
        hear_trial("", t, -1, t);
    }
    hear_trial("", 0, -1, 0);
    expect(SESSION_OUTCOME_DUPLICATE, "");
    hear_trial("", 1, -1, 1);
    expect(SESSION_OUTCOME_DUPLICATE, "");
    hear_trial("", 0, -1, 3);
    expect(SESSION_OUTCOME_TAKEN, "restarted");
    assert_string_equal(session_of_result()->name, "2024-06-15_002");
    for (int t = 1; t < 100; t++) {
        hear_trial("", t, -1, t);
    }
    hear_trial("", 0, -1, 3); /* long after: not one sent again */
    assert_string_equal(session_of_result()->name, "2024-06-15_003");
    hear_trial("", 3, -1, 3);
    hear_trial("", 2, -1, 2);
    expect(SESSION_OUTCOME_HEALED, "");
}

static void a_missing_first_trial_that_comes_late_opens_no_session(void **state)
{
    (void)state;
    hear_trial("", 1, -1, 1);
    hear_trial("", 2, -1, 2);
    hear_trial("", 0, -1, 3);
    expect(SESSION_OUTCOME_HEALED, "");
    assert_int_equal(subjects.n_sessions, 1);
}

static void unnamed_sessions_end_at_999_a_day_with_a_refusal(void **state)
{
    (void)state;
    for (int n = 0; n < 999; n++) {
        hear_trial("", 0, -1, n);
        hear_trial("", 1, -1, n);
        expect(SESSION_OUTCOME_TAKEN, "");
    }
    assert_int_equal(subjects.n_sessions, 999);
    hear_trial("", 0, -1, 999);
    expect(SESSION_OUTCOME_REFUSED, "limit");
    assert_string_equal(result.reply.as.error.code, "limit");
    assert_int_equal(subjects.n_sessions, 999);
    hear_trial("named", 0, -1, 999);
    expect(SESSION_OUTCOME_TAKEN, "");
}

static void two_rigs_may_have_sessions_of_one_name(void **state)
{
    (void)state;
    hear_trial("s1", 0, 1, 1);
    const uint32_t first = result.session;
    hear("{'kind':'trial','rig':'r2','subject':'m1','session':'s1','trial':0,'stimulus':0.5,'"
         "choice':1}");
    assert_int_not_equal(result.session, first);
    hear("{'kind':'trial','rig':'r1','subject':'m2','session':'s1','trial':0,'stimulus':0.5,'"
         "choice':1}");
    assert_int_equal(subjects.n_sessions, 3);
}

static void beyond_a_limit_nothing_is_begun(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        hear("{'kind':'trial','rig':'r','subject':'a%d','session':'s','trial':0,'stimulus':0.5,'"
             "choice':1}",
             i);
        if (i < 8) {
            expect(SESSION_OUTCOME_TAKEN, "");
        } else {
            expect(SESSION_OUTCOME_REFUSED, "limit");
            assert_non_null(strstr(result.reply.as.error.text, "limits.subjects"));
            assert_int_equal(result.subject, SUBJECTS_NONE);
        }
    }
    assert_int_equal(subjects.n_subjects, 8);
    subjects.max_sessions = subjects.n_sessions;
    hear("{'kind':'trial','rig':'r','subject':'a1','session':'t','trial':0,'stimulus':0.5,'choice':"
         "1}");
    expect(SESSION_OUTCOME_REFUSED, "limit");
    assert_non_null(strstr(result.reply.as.error.text, "limits.sessions"));
    assert_int_equal(result.subject, SUBJECTS_NONE);
    subjects.max_subjects = 9; /* a new subject is not begun without room for its session */
    hear("{'kind':'trial','rig':'r','subject':'new','session':'t','trial':0,'stimulus':0.5,'choice'"
         ":1}");
    expect(SESSION_OUTCOME_REFUSED, "limit");
    assert_int_equal(subjects.n_subjects, 8);
    hear("{'kind':'trial','rig':'r','subject':'a1','session':'s','trial':1,'stimulus':0.5,'choice':"
         "1}");
    expect(SESSION_OUTCOME_TAKEN, "");
    subjects.max_subjects = 8;
}

static void every_name_is_found_again(void **state)
{
    (void)state;
    tear_down(NULL);
    config.limits.subjects = 1000;
    assert_int_equal(subjects_open(&subjects, &config, models, "built-in", clock_of_test), 0);
    for (int i = 0; i < 1000; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", i * 7919 % 1000);
        assert_int_equal(subjects_find_subject(&subjects, name), SUBJECTS_NONE);
        assert_int_equal(subjects_add_subject(&subjects, name), i);
        assert_int_equal(
            subjects_add_session(&subjects, &(struct subjects_entry){.rig = "r",
                                                                     .subject = (uint32_t)i,
                                                                     .given = "s",
                                                                     .run = 1,
                                                                     .counts = SUBJECTS_NONE}),
            i);
    }
    assert_int_equal(subjects_add_subject(&subjects, "more"), SUBJECTS_NONE);
    for (int i = 0; i < 1000; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", i * 7919 % 1000);
        assert_int_equal(subjects_find_subject(&subjects, name), i);
        assert_int_equal(subjects_find_session(&subjects, "r", (uint32_t)i, "s"), i);
        assert_int_equal(subjects_find_session(&subjects, "s", (uint32_t)i, "r"), SUBJECTS_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEAR_TEST(sessions_without_a_name_are_named_by_date_and_number),
        HEAR_TEST(dates_are_those_of_the_calendar),
        HEAR_TEST(counting_anew_opens_a_new_session_and_resending_does_not),
        HEAR_TEST(a_missing_first_trial_that_comes_late_opens_no_session),
        HEAR_TEST(unnamed_sessions_end_at_999_a_day_with_a_refusal),
        HEAR_TEST(two_rigs_may_have_sessions_of_one_name),
        HEAR_TEST(beyond_a_limit_nothing_is_begun),
        HEAR_TEST(every_name_is_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
