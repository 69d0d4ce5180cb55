/* session.h and colony.h: one message after another through the path of a trial, without sockets,
 * files or clocks. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/random.h"
#include "session.h"
#include "standing.h"
#include "suite.h"

static const int64_t S = 1000000000;
static const int64_t DAY_ONE_NS = 1718409600 * (int64_t)1000000000; /* 2024-06-15 00:00 UTC */

static struct config config;
static model_params params;
static model_bank_params bank;
static model_engagement_params engagement;
static struct learner_models models = {
    .bank = &bank, .baseline = &params, .engagement = &engagement};
static struct colony colony;
static struct session_result result;
static int64_t now_ns;
static int64_t next_event;

static int64_t clock_of_test(void)
{
    return now_ns++;
}

static int set_up(void **state)
{
    (void)state;
    config_init(&config);
    config.limits.subjects = 8;
    config.limits.sessions = 4096;
    config.session.idle_s = 3600;
    now_ns = 0;
    next_event = 1;
    assert_int_equal(model_params_built_in(&params, config.model.policy), MODEL_OK);
    model_bank_single(&bank, &params);
    model_engagement_default(&engagement);
    return colony_open(&colony, &config, models, "built-in", clock_of_test);
}

static int tear_down(void **state)
{
    (void)state;
    colony_close(&colony);
    return 0;
}

/* Hears one message, as the loop would, but for journal and checkpoints. */
static const struct session_result *hear_bytes(const char *bytes, size_t size)
{
    const struct session_event event = {.id = next_event,
                                        .t_wall_ns = DAY_ONE_NS + now_ns,
                                        .t_mono_ns = now_ns,
                                        .source = SESSION_SOURCE_ASK,
                                        .bytes = (const uint8_t *)bytes,
                                        .size = size};
    session_on_message(&colony, &event, &result);
    session_look_ahead(&colony, &result);
    next_event += session_is_journaled(&result) ? 1 : 0;
    if (result.subject != COLONY_NONE &&
        colony.subjects[result.subject].n_dirty_sessions == COLONY_DIRTY_MAX) {
        colony_clean(&colony.subjects[result.subject]);
    }
    return &result;
}

/* JSON with ' for ", so that it can be read here. */
static const struct session_result *hear(const char *format, ...) FAULT_PRINTF(1, 2);

static const struct session_result *hear(const char *format, ...)
{
    char text[1024];
    va_list values;
    va_start(values, format);
    const int n = vsnprintf(text, sizeof text, format, values);
    va_end(values);
    for (int i = 0; i < n; i++) {
        text[i] = text[i] == '\'' ? '"' : text[i];
    }
    return hear_bytes(text, (size_t)n);
}

/* A trial of m1 on r1 in the session, "" for none; the content follows from `content`. */
static const struct session_result *hear_trial(const char *session, int trial, int seq, int content)
{
    char name[80] = "";
    char number[40] = "";
    if (session[0] != '\0') {
        (void)snprintf(name, sizeof name, "'session':'%s',", session);
    }
    if (seq >= 0) {
        (void)snprintf(number, sizeof number, "'seq':%d,", seq);
    }
    return hear("{'kind':'trial','rig':'r1','subject':'m1',%s%s'trial':%d,'stimulus':%.3f,"
                "'choice':%d,'reward':1}",
                name, number, trial, (content % 7) / 8.0, content % 2);
}

static void expect(enum session_status status, const char *alert)
{
    if (result.status != status) {
        fail_msg("%s, expected %s: %s", session_status_name(result.status),
                 session_status_name(status),
                 result.reply.kind == PROTO_KIND_ERROR ? result.reply.as.error.text : "");
    }
    const char *first = result.n_alerts > 0 ? proto_alert_name(result.alerts[0].code) : "";
    assert_string_equal(first, alert);
    assert_true(result.n_alerts <= 1);
}

static struct session *session_of_result(void)
{
    return &colony.sessions[result.session];
}

static struct subject *m1(void)
{
    return &colony.subjects[0];
}

static int64_t durable(int64_t event)
{
    return colony_durable_seq(session_of_result(), event);
}

/* ---- trials ---------------------------------------------------------------------------------- */

static void a_trial_is_taken_up_and_the_next_predicted(void **state)
{
    (void)state;
    hear_trial("s1", 0, 1, 1);
    expect(SESSION_STATUS_TAKEN, "");
    assert_true(result.is_new_subject && result.is_new_session && result.has_prediction);
    assert_int_equal(result.reply.kind, PROTO_KIND_PREDICTION);
    assert_int_equal(result.reply.as.prediction.for_trial, 1);
    assert_int_equal(result.reply.as.prediction.stimuli.n, 11);
    assert_true(result.scored.p_right == 0.5);
    hear_trial("s1", 1, 2, 1);
    expect(SESSION_STATUS_TAKEN, "");
    assert_false(result.is_new_subject || result.is_new_session);
    assert_true(result.scored.p_right > 0.5);
    assert_int_equal(result.reply.as.prediction.score.v.n, 2);
}

static void a_duplicate_is_dropped_and_answered_with_the_present_prediction(void **state)
{
    (void)state;
    hear_trial("s1", 0, 1, 1);
    hear_trial("s1", 1, 2, 2);
    const struct learner before = m1()->state.learner;
    const int64_t events = next_event;
    hear_trial("s1", 0, 1, 1);
    expect(SESSION_STATUS_DUPLICATE, "");
    assert_int_equal(result.reply.as.prediction.for_trial, 2);
    assert_int_equal(next_event, events);
    assert_memory_equal(&m1()->state.learner, &before, sizeof before);
}

static void another_content_under_a_number_taken_is_a_conflict(void **state)
{
    (void)state;
    for (int t = 0; t < 70; t++) {
        hear_trial("s1", t, t + 1, t);
    }
    const struct learner before = m1()->state.learner;
    hear_trial("s1", 69, 70, 70);
    expect(SESSION_STATUS_CONFLICT, "conflict");
    assert_int_equal(result.reply.kind, PROTO_KIND_ERROR);
    assert_string_equal(result.reply.as.error.code, "conflict");
    assert_true(session_is_journaled(&result));
    hear_trial("s1", 70 - COLONY_CONTENTS, 7, 0);
    expect(SESSION_STATUS_CONFLICT, "conflict");
    hear_trial("s1", 69 - COLONY_CONTENTS, 6, 0); /* contents so old are not remembered */
    expect(SESSION_STATUS_DUPLICATE, "");
    assert_memory_equal(&m1()->state.learner, &before, sizeof before);
    assert_int_equal(m1()->last_event, next_event - 1); /* a resume need not hear it again */
}

static void a_gap_is_said_and_healed_when_the_trials_come(void **state)
{
    (void)state;
    for (int t = 0; t < 6; t++) {
        hear_trial("s1", t, t + 1, t);
    }
    hear_trial("s1", 9, 10, 9);
    expect(SESSION_STATUS_TAKEN, "gap");
    assert_true(result.alerts[0].evidence == 3.0);
    assert_non_null(strstr(result.alerts[0].text, "trials 6 to 8"));
    assert_int_equal(result.reply.as.prediction.for_trial, 10);
    hear_trial("s1", 7, 8, 7);
    expect(SESSION_STATUS_HEALED, "");
    assert_int_equal(result.reply.as.prediction.for_trial, 10);
    hear_trial("s1", 8, 9, 8);
    hear_trial("s1", 6, 7, 6);
    expect(SESSION_STATUS_HEALED, "");
    assert_int_equal(m1()->state.heal.is_open, 0);
    const struct learner healed = m1()->state.learner;

    tear_down(NULL);
    set_up(NULL);
    for (int t = 0; t < 10; t++) {
        hear_trial("s1", t, t + 1, t);
    }
    assert_memory_equal(&m1()->state.learner, &healed, sizeof healed);
}

static void any_order_within_the_window_ends_in_the_same_state(void **state)
{
    (void)state;
    enum { N = 60 };
    model_random r;
    model_random_seed(&r, suite_seed(), 0);
    struct learner expected;
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
            assert_true(result.status == SESSION_STATUS_TAKEN ||
                        result.status == SESSION_STATUS_HEALED);
        }
        if (round == 0) {
            expected = m1()->state.learner;
        }
        assert_memory_equal(&m1()->state.learner, &expected, sizeof expected);
        assert_int_equal(m1()->state.for_trial, N);
        assert_int_equal(session_of_result()->state.seqs.through, N);
    }
}

static void a_trial_too_late_is_journaled_and_refused(void **state)
{
    (void)state;
    hear_trial("s1", 0, 1, 0);
    for (int t = 2; t < 3 + HEAL_TRIALS; t++) {
        hear_trial("s1", t, t + 1, t);
    }
    const struct learner before = m1()->state.learner;
    hear_trial("s1", 1, 2, 1);
    expect(SESSION_STATUS_LATE, "out_of_order");
    assert_string_equal(result.reply.as.error.code, "out_of_order");
    assert_true(session_is_journaled(&result));
    assert_memory_equal(&m1()->state.learner, &before, sizeof before);
    hear_trial("s1", 1, 2, 1);
    expect(SESSION_STATUS_DUPLICATE, "");
}

static void a_late_trial_of_a_session_that_is_over_is_not_taken(void **state)
{
    (void)state;
    hear_trial("s1", 0, 1, 0);
    hear_trial("s1", 2, 3, 2);
    hear_trial("s2", 0, 1, 0);
    const struct learner before = m1()->state.learner;
    hear_trial("s1", 1, 2, 1);
    expect(SESSION_STATUS_LATE, "out_of_order");
    assert_memory_equal(&m1()->state.learner, &before, sizeof before);
}

static void a_rig_that_counts_from_1_has_no_gap(void **state)
{
    (void)state;
    hear_trial("s1", 1, 1, 1);
    expect(SESSION_STATUS_TAKEN, "");
    hear_trial("s1", 2, 2, 2);
    expect(SESSION_STATUS_TAKEN, "");
}

static void a_trial_missed_just_before_a_far_jump_is_late_and_no_conflict(void **state)
{
    (void)state;
    for (int t = 0; t < 5; t++) {
        hear_trial("s1", t, t + 1, t);
    }
    hear_trial("s1", 1000, 6, 3);
    expect(SESSION_STATUS_TAKEN, "gap");
    hear_trial("s1", 999, 7, 2);
    expect(SESSION_STATUS_HEALED, "");
}

static void features_alone_are_refused_by_name(void **state)
{
    (void)state;
    hear("{'kind':'trial','rig':'r1','subject':'m1','trial':0,'features':{'odour':1},'choice':1}");
    expect(SESSION_STATUS_REFUSED, "");
    assert_string_equal(result.reply.as.error.key, "trial.stimulus");
    assert_int_equal(colony.n_subjects, 0);
}

/* ---- sessions -------------------------------------------------------------------------------- */

static void sessions_without_a_name_are_named_by_date_and_number(void **state)
{
    (void)state;
    hear_trial("", 0, -1, 1);
    expect(SESSION_STATUS_TAKEN, "");
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
    expect(SESSION_STATUS_DUPLICATE, "");
    hear_trial("", 1, -1, 1);
    expect(SESSION_STATUS_DUPLICATE, "");
    hear_trial("", 0, -1, 3);
    expect(SESSION_STATUS_TAKEN, "");
    assert_string_equal(session_of_result()->name, "2024-06-15_002");
    for (int t = 1; t < 100; t++) {
        hear_trial("", t, -1, t);
    }
    hear_trial("", 0, -1, 3); /* long after: not one sent again */
    assert_string_equal(session_of_result()->name, "2024-06-15_003");
    hear_trial("", 3, -1, 3);
    hear_trial("", 2, -1, 2);
    expect(SESSION_STATUS_HEALED, "");
}

static void a_missing_first_trial_that_comes_late_opens_no_session(void **state)
{
    (void)state;
    hear_trial("", 1, -1, 1);
    hear_trial("", 2, -1, 2);
    hear_trial("", 0, -1, 3);
    expect(SESSION_STATUS_HEALED, "");
    assert_int_equal(colony.n_sessions, 1);
}

static void unnamed_sessions_end_at_999_a_day_with_a_refusal(void **state)
{
    (void)state;
    for (int n = 0; n < 999; n++) {
        hear_trial("", 0, -1, n);
        hear_trial("", 1, -1, n);
        expect(SESSION_STATUS_TAKEN, "");
    }
    assert_int_equal(colony.n_sessions, 999);
    hear_trial("", 0, -1, 999);
    expect(SESSION_STATUS_REFUSED, "limit");
    assert_string_equal(result.reply.as.error.code, "limit");
    assert_int_equal(colony.n_sessions, 999);
    hear_trial("named", 0, -1, 999);
    expect(SESSION_STATUS_TAKEN, "");
}

static void a_session_start_sets_the_stimuli_and_again_changes_nothing(void **state)
{
    (void)state;
    static const char START[] = "{'kind':'session_start','rig':'r1','subject':'m1','session':'s1',"
                                "'seq':1,'stimuli':[%s]}";
    hear(START, "-0.5,0,0.5");
    expect(SESSION_STATUS_NOTED, "");
    assert_int_equal(result.reply.as.prediction.stimuli.n, 3);
    assert_int_equal(result.reply.as.prediction.for_trial, 0);
    hear_trial("s1", 0, 2, 1);
    assert_int_equal(result.reply.as.prediction.stimuli.n, 3);
    const struct learner before = m1()->state.learner;
    hear(START, "1");
    expect(SESSION_STATUS_NOTED, "");
    assert_int_equal(result.reply.as.prediction.stimuli.n, 3);
    assert_int_equal(result.reply.as.prediction.for_trial, 1);
    assert_memory_equal(&m1()->state.learner, &before, sizeof before);
    hear_trial("s2", 0, 1, 1);
    assert_int_equal(result.reply.as.prediction.stimuli.n, 11);
}

static void a_session_start_makes_the_same_twin_as_none(void **state)
{
    (void)state;
    hear("{'kind':'session_start','rig':'r1','subject':'m1','session':'s1','seq':1}");
    hear_trial("s1", 0, 2, 1);
    const struct learner with = m1()->state.learner;
    tear_down(NULL);
    set_up(NULL);
    hear_trial("s1", 0, 1, 1);
    assert_memory_equal(&m1()->state.learner, &with, sizeof with);
}

static void a_stimulus_is_predicted_alone_and_changes_no_weight(void **state)
{
    (void)state;
    hear_trial("s1", 0, 1, 1);
    const struct learner before = m1()->state.learner;
    hear("{'kind':'stimulus','rig':'r1','subject':'m1','session':'s1','stimulus':-0.3}");
    expect(SESSION_STATUS_NOTED, "");
    assert_int_equal(result.reply.as.prediction.stimuli.n, 1);
    assert_true(result.reply.as.prediction.stimuli.v[0] == -0.3);
    double p;
    model_bank_predict(&before.bank, &bank, 1, (double[]){-0.3}, &p, NULL, NULL);
    assert_true(result.reply.as.prediction.p_right.v[0] == p);
    assert_memory_equal(&m1()->state.learner, &before, sizeof before);
}

static void the_stimulus_to_come_is_predicted_first(void **state)
{
    (void)state;
    const proto_prediction *p = &result.reply.as.prediction;
    hear("{'kind':'trial','rig':'r1','subject':'m1','session':'s','trial':0,'stimulus':0.5,"
         "'choice':1,'reward':1,'next_stimulus':-0.25}");
    expect(SESSION_STATUS_TAKEN, "");
    assert_int_equal(p->stimuli.n, config.model.stimuli.n); /* it was one of them */
    assert_true(p->stimuli.v[0] == -0.25 && p->stimuli.v[1] == -1.0);
    const double p_right = p->p_right.v[0];

    hear("{'kind':'trial','rig':'r1','subject':'m1','session':'s','trial':0,'stimulus':0.5,"
         "'choice':1,'reward':1,'next_stimulus':-0.3}");
    expect(SESSION_STATUS_DUPLICATE, "");
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
    expect(SESSION_STATUS_NOTED, "");
    assert_int_equal(result.reply.kind, PROTO_KIND_SESSION_END);
    assert_int_equal(result.reply.as.session_end.n_trials, 1);
    assert_false(result.has_prediction);
}

static void a_hello_changes_nothing(void **state)
{
    (void)state;
    hear("{'kind':'hello','rig':'r1','subject':'m1','session':'s1'}");
    expect(SESSION_STATUS_PLAIN, "");
    assert_int_equal(result.reply.kind, PROTO_KIND_HELLO);
    assert_int_equal(colony.n_subjects, 0);
    assert_false(session_is_journaled(&result));
}

static void two_rigs_may_have_sessions_of_one_name(void **state)
{
    (void)state;
    hear_trial("s1", 0, 1, 1);
    const uint32_t first = result.session;
    hear("{'kind':'trial','rig':'r2','subject':'m1','session':'s1','trial':0,'stimulus':0.5}");
    assert_int_not_equal(result.session, first);
    hear("{'kind':'trial','rig':'r1','subject':'m2','session':'s1','trial':0,'stimulus':0.5}");
    assert_int_equal(colony.n_sessions, 3);
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void beyond_a_limit_nothing_is_begun(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        hear("{'kind':'trial','rig':'r','subject':'a%d','session':'s','trial':0,'stimulus':0.5}",
             i);
        if (i < 8) {
            expect(SESSION_STATUS_TAKEN, "");
        } else {
            expect(SESSION_STATUS_REFUSED, "limit");
            assert_non_null(strstr(result.reply.as.error.text, "limits.subjects"));
            assert_int_equal(result.subject, COLONY_NONE);
        }
    }
    assert_int_equal(colony.n_subjects, 8);
    colony.max_sessions = colony.n_sessions;
    hear("{'kind':'trial','rig':'r','subject':'a1','session':'t','trial':0,'stimulus':0.5}");
    expect(SESSION_STATUS_REFUSED, "limit");
    assert_non_null(strstr(result.reply.as.error.text, "limits.sessions"));
    assert_int_equal(result.subject, COLONY_NONE);
    colony.max_subjects = 9; /* a new subject is not begun without room for its session */
    hear("{'kind':'trial','rig':'r','subject':'new','session':'t','trial':0,'stimulus':0.5}");
    expect(SESSION_STATUS_REFUSED, "limit");
    assert_int_equal(colony.n_subjects, 8);
    hear("{'kind':'trial','rig':'r','subject':'a1','session':'s','trial':1,'stimulus':0.5}");
    expect(SESSION_STATUS_TAKEN, "");
    colony.max_subjects = 8;
}

static void every_name_is_found_again(void **state)
{
    (void)state;
    tear_down(NULL);
    config.limits.subjects = 1000;
    assert_int_equal(colony_open(&colony, &config, models, "built-in", clock_of_test), 0);
    for (int i = 0; i < 1000; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", i * 7919 % 1000);
        assert_int_equal(colony_find_subject(&colony, name), COLONY_NONE);
        assert_int_equal(colony_add_subject(&colony, name), i);
        assert_int_equal(colony_add_session(&colony, "r", (uint32_t)i, "s", false), i);
    }
    assert_int_equal(colony_add_subject(&colony, "more"), COLONY_NONE);
    for (int i = 0; i < 1000; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", i * 7919 % 1000);
        assert_int_equal(colony_find_subject(&colony, name), i);
        assert_int_equal(colony_find_session(&colony, "r", (uint32_t)i, "s"), i);
        assert_int_equal(colony_find_session(&colony, "s", (uint32_t)i, "r"), COLONY_NONE);
    }
}

/* ---- seq ------------------------------------------------------------------------------------- */

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
    expect(SESSION_STATUS_TAKEN, "seq_back");
    assert_true(durable(disk) < 1); /* seq 1 of the new count is not on disk yet */
    assert_int_equal(durable(next_event - 1), 1);
    hear_trial("s1", 51, 2, 51);
    expect(SESSION_STATUS_TAKEN, "");
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
    expect(SESSION_STATUS_TAKEN, "");
    assert_int_equal(durable(next_event - 1), 1001);
}

static void a_rig_clock_that_goes_back_is_said(void **state)
{
    (void)state;
    static const char TRIAL[] = "{'kind':'trial','rig':'r1','subject':'m1','session':'s1',"
                                "'trial':%d,'stimulus':0.5,'choice':1,'t_rig_us':%d}";
    hear(TRIAL, 0, 5000000);
    hear(TRIAL, 1, 6000000);
    expect(SESSION_STATUS_TAKEN, "");
    hear(TRIAL, 2, 1000000);
    expect(SESSION_STATUS_TAKEN, "clock_jump");
    assert_true(result.alerts[0].evidence == 5.0);
    hear(TRIAL, 3, 1000001);
    expect(SESSION_STATUS_TAKEN, "");
}

/* ---- what the model was fitted on ------------------------------------------------------------ */

/* A bank of the random walk and a rule that was fitted on animals without bias. */
static void use_narrow_bank(double rate)
{
    bank.n = 2;
    bank.share = 0.001;
    bank.member[1] = params;
    bank.member[1].rule.kind = MODEL_RULE_REINFORCE;
    bank.member[1].rule.rate[0] = rate;
    bank.member[1].range = (model_range){.is_known = true,
                                         .w_lo = {-1e3, -2.0, -1e3},
                                         .w_hi = {1e3, 2.0, 1e3},
                                         .step_max = {1.0, 1.0, 1.0}};
    bank.prior[0] = bank.prior[1] = 0.5;
    assert_int_equal(model_bank_check(&bank), MODEL_OK);
}

static void choose(int from, int to, int every)
{
    for (int i = from; i < to; i++) {
        hear("{'kind':'trial','rig':'r1','subject':'m1','session':'s1','trial':%d,'stimulus':0,"
             "'choice':%d,'reward':1}",
             i, every == 0 || i % every == 0);
        assert_int_equal(result.status, SESSION_STATUS_TAKEN);
        assert_int_equal(result.reply.kind, PROTO_KIND_PREDICTION);
        if (result.n_alerts > 0) {
            return;
        }
    }
}

static double weight_of_rule(const char *name)
{
    const proto_prediction *p = &result.reply.as.prediction;
    for (uint32_t i = 0; i < p->bank.n; i++) {
        if (strcmp(p->bank.v[i].name, name) == 0) {
            return p->bank.v[i].value;
        }
    }
    return -1.0;
}

static void an_animal_outside_of_the_model_is_said_once_a_bout(void **state)
{
    (void)state;
    use_narrow_bank(0.01);
    choose(0, 20, 2); /* right, left, right: no bias */
    expect(SESSION_STATUS_TAKEN, "");
    choose(20, 60, 0); /* right only */
    expect(SESSION_STATUS_TAKEN, "model_out_of_range");
    assert_true(result.alerts[0].evidence == 1.0);
    const int64_t said = result.heard.env.trial;
    char start[64];
    (void)snprintf(start, sizeof start, "m1, trial %" PRId64 ": weight bias is 2.", said);
    assert_memory_equal(result.alerts[0].text, start, strlen(start));
    assert_non_null(strstr(result.alerts[0].text, "-2 to 2 where the rule reinforce was "
                                                  "fitted; 1 of 2 members"));
    choose((int)said + 1, (int)said + 40, 0);
    expect(SESSION_STATUS_TAKEN, "");
    assert_true(weight_of_rule("none") > 0.99);
    choose((int)said + 40, (int)said + 300, 2); /* comes back, and a bout ends */
    expect(SESSION_STATUS_TAKEN, "");
    assert_int_equal(m1()->state.outside, 0);
    choose((int)said + 300, (int)said + 400, 0);
    expect(SESSION_STATUS_TAKEN, "model_out_of_range");
}

static void a_rule_that_is_nonsense_never_reaches_a_prediction(void **state)
{
    (void)state;
    use_narrow_bank(0.01);
    bank.member[1].rule.rate[0] = (double)NAN;
    bank.member[1].rule.rate[1] = 1e308;
    hear_trial("s1", 0, -1, 0);
    expect(SESSION_STATUS_TAKEN, "model_out_of_range");
    assert_non_null(strstr(result.alerts[0].text, "the rule reinforce gave no number"));
    for (int i = 1; i < 100; i++) {
        hear_trial("s1", i, -1, i);
        expect(SESSION_STATUS_TAKEN, "");
        const proto_prediction *p = &result.reply.as.prediction;
        for (uint32_t k = 0; k < p->p_right.n; k++) {
            assert_true(p->p_right.v[k] > 0.0 && p->p_right.v[k] < 1.0);
            assert_true(p->lo.v[k] <= p->p_right.v[k] && p->p_right.v[k] <= p->hi.v[k]);
        }
        assert_true(weight_of_rule("none") > 0.99);
    }
}

/* ---- engagement ------------------------------------------------------------------------------ */

/* Answers each stimulus right, in about 0.4 s. */
static void play(const char *session, int first, int n)
{
    for (int i = first; i < first + n; i++) {
        const int side = i / 2 % 2;
        hear("{'kind':'trial','rig':'r1','subject':'m1','session':'%s','trial':%d,'stimulus':%d,"
             "'choice':%d,'reward':1,'rt_s':%.3f}",
             session, i, side == 1 ? 1 : -1, side, 0.3 + 0.02 * (i * 7 % 11));
        expect(SESSION_STATUS_TAKEN, "");
    }
}

/* Hears no-gos until the first alert, at most n. How many there were. */
static int stop_playing(const char *session, int first, int n)
{
    for (int i = 0; i < n; i++) {
        hear("{'kind':'trial','rig':'r1','subject':'m1','session':'%s','trial':%d,'stimulus':1}",
             session, first + i);
        assert_int_equal(result.status, SESSION_STATUS_TAKEN);
        if (result.n_alerts > 0) {
            return i + 1;
        }
    }
    return n + 1;
}

static void an_animal_that_stops_playing_is_said_once_until_it_plays_again(void **state)
{
    (void)state;
    play("s1", 0, 100);
    assert_true(result.reply.as.prediction.p_disengaged < 0.05);
    const int delay = stop_playing("s1", 100, 20);
    assert_in_range(delay, 3, 8);
    expect(SESSION_STATUS_TAKEN, "disengaged");
    assert_true(result.alerts[0].evidence >= 5000.0);
    assert_true(result.reply.as.prediction.p_disengaged > 0.9);
    assert_true(result.scored.p_disengaged == result.reply.as.prediction.p_disengaged);
    char text[256];
    (void)snprintf(text, sizeof text,
                   "m1 seems to have stopped playing in its last %d trials, up to trial %d: it "
                   "hardly answers (no-gos 100%%)",
                   delay, 99 + delay);
    assert_string_equal(result.alerts[0].text, text);
    assert_int_equal(stop_playing("s1", 100 + delay, 50), 51);
    play("s1", 150 + delay, 30);
    const int again = stop_playing("s1", 180 + delay, 20);
    assert_in_range(again, 3, 8);
    assert_int_equal(stop_playing("s1", 180 + delay + again, 5), 6);
    play("s2", 0, 10);
    assert_int_equal(m1()->state.is_disengaged, 0);
    assert_in_range(stop_playing("s2", 10, 20), 3, 8);
}

static void no_animal_is_called_disengaged_where_that_is_off(void **state)
{
    (void)state;
    config.engagement.enabled = false;
    play("s1", 0, 100);
    assert_true(isnan(result.reply.as.prediction.p_disengaged));
    assert_int_equal(stop_playing("s1", 100, 50), 51);
}

static void a_bout_seen_only_when_a_late_trial_came_is_said_then(void **state)
{
    (void)state;
    play("s1", 0, 100);
    const int delay = stop_playing("s1", 100, 20);
    play("s2", 0, 100);
    for (int i = 1; i < delay; i++) {
        hear("{'kind':'trial','rig':'r1','subject':'m1','session':'s2','trial':%d,'stimulus':1}",
             100 + i);
        assert_int_equal(result.n_alerts, i == 1 ? 1 : 0); /* the gap */
    }
    hear("{'kind':'trial','rig':'r1','subject':'m1','session':'s2','trial':100,'stimulus':1}");
    expect(SESSION_STATUS_HEALED, "disengaged");
}

/* ---- models ---------------------------------------------------------------------------------- */

static void an_animal_not_heard_yet_begins_with_the_model_in_force(void **state)
{
    (void)state;
    model_params other = params;
    other.noise.prior_mean[0] = 2.0;
    other.noise.prior_var[0] *= 3.0;
    model_bank_params other_bank;
    model_bank_single(&other_bank, &other);
    const struct learner_models others = {
        .bank = &other_bank, .baseline = &params, .engagement = &engagement};
    assert_int_equal(colony_add_subject(&colony, "m1"), 0); /* as a resume does */
    assert_int_equal(colony_change_run(&colony, 2, &config, others, "0123456789abcdef", NULL), 0);
    struct learner fresh;
    learner_init(&fresh, &others);
    assert_memory_equal(&m1()->state.learner, &fresh, learner_used(&fresh));
    hear_trial("s1", 0, 1, 1);
    const struct learner heard = m1()->state.learner;
    assert_int_equal(colony_change_run(&colony, 3, &config, models, "built-in", NULL), 0);
    assert_true(m1()->state.learner.bank.member[0].w[0] == heard.bank.member[0].w[0]);
    assert_int_equal(m1()->state.learner.score.n, 1);
}

static void what_is_no_message_is_refused_and_leaves_no_trace(void **state)
{
    (void)state;
    hear_trial("s1", 0, 1, 1);
    const struct subject before = *m1();
    hear("{'kind':'trial','rig':'r1','subject':'m1','session':'s1','trial':1,'stimulus':1.5}");
    expect(SESSION_STATUS_REFUSED, "bad_message");
    assert_string_equal(result.reply.as.error.code, "bad_message");
    hear("{'kind':'prediction','rig':'r1','subject':'m1','for_trial':1,'stimuli':[],'p_right':[],"
         "'lo':[],'hi':[]}");
    assert_string_equal(result.reply.as.error.code, "unknown_kind");
    hear_bytes("\xdd\x04\x00\x00\x00", 5);
    expect(SESSION_STATUS_REFUSED, "bad_message");
    hear_bytes("", 0);
    expect(SESSION_STATUS_REFUSED, "bad_message");
    assert_memory_equal(m1(), &before, sizeof before);
}

/* ---- training status ------------------------------------------------------------------------- */

/* A trial of m1 on r1, and the same to a tracker that hears no wire. */
static void hear_counted(model_status_tracker *alone, const char *session, int trial,
                         model_random *random)
{
    static const double CONTRASTS[] = {-1.0, -0.25, 0.0, 0.25, 1.0};
    const double stimulus = CONTRASTS[model_random_bits(random) % 5];
    const int choice = model_random_uniform(random) < 0.5 + 0.45 * stimulus ? 1 : 0;
    const double rt_s = 0.25 + (double)(model_random_bits(random) % 64) / 64.0;
    const double p_left = model_random_bits(random) % 2 == 0 ? 0.2 : 0.8;
    const bool is_no_go = model_random_bits(random) % 16 == 0;
    const model_status_trial t = {.contrast = stimulus,
                                  .reward = (double)NAN,
                                  .rt_s = rt_s,
                                  .p_left = p_left,
                                  .choice = is_no_go ? -1 : choice};
    const char *const chosen = is_no_go ? "null" : choice == 1 ? "1" : "0";
    for (int times = 0; times < 2; times++) { /* what comes twice counts once */
        hear("{'kind':'trial','rig':'r1','subject':'m1','session':'%s','trial':%d,'stimulus':%.3f,"
             "'choice':%s,'rt_s':%.6f,'p_left':%.1f}",
             session, trial, stimulus, chosen, rt_s, p_left);
    }
    model_status_tracker_push(alone, &t);
}

static void the_tracker_hears_what_is_taken_up_and_what_a_session_start_says(void **state)
{
    (void)state;
    static model_status_tracker alone;
    static uint8_t live_bytes[sizeof(model_status_tracker)];
    static uint8_t alone_bytes[sizeof(model_status_tracker)];
    const model_status_session_info infos[] = {
        {MODEL_CRITERIA_PROTOCOL_BIASED, true, 1000.0},
        {MODEL_CRITERIA_PROTOCOL_UNKNOWN, false, (double)NAN},
        {MODEL_CRITERIA_PROTOCOL_TRAINING, false, 0.0},
        {MODEL_CRITERIA_PROTOCOL_BIASED, false, (double)NAN}};
    const char *const says[] = {"'task':'ephysChoiceWorld','ephys_rig':1,'delay_s':1000",
                                "'task':'my own'", "'task':'trainingChoiceWorld','delay_s':0",
                                "'task':'BIASED','ephys_rig':0,'delay_s':NaN"};
    model_random random;
    model_random_seed(&random, suite_seed(), 0);
    model_status_tracker_init(&alone);
    for (int s = 0; s < 4; s++) {
        char name[8];
        (void)snprintf(name, sizeof name, "s%d", s);
        hear("{'kind':'session_start','rig':'r1','subject':'m1','session':'%s',%s}", name, says[s]);
        expect(SESSION_STATUS_NOTED, "");
        model_status_tracker_start(&alone, standing_session_id("r1", name), &infos[s], NULL);
        for (int t = 0; t < 100; t++) { /* each fifth comes after the sixth */
            const int number = t % 10 == 4 ? t + 1 : t % 10 == 5 ? t - 1 : t;
            hear_counted(&alone, name, number, &random);
        }
        if (s % 2 == 0) { /* judged in time, or only when the next one starts */
            colony_judge(m1(), now_ns);
        }
    }
    const model_status_tracker *live = &m1()->state.tracker;
    assert_int_equal(live->n_pushed, 400);
    assert_int_equal(model_status_tracker_size(live), model_status_tracker_size(&alone));
    model_status_tracker_pack(live, live_bytes);
    model_status_tracker_pack(&alone, alone_bytes);
    assert_memory_equal(live_bytes, alone_bytes, model_status_tracker_size(live));
}

static void an_animal_is_judged_when_its_session_ended_or_a_period_went_by(void **state)
{
    (void)state;
    proto_message said;
    hear_trial("s1", 0, -1, 1);
    assert_false(colony_standing(&colony, 0, &said));
    assert_false(colony_is_to_judge(m1(), S, 60 * S));
    assert_true(colony_is_to_judge(m1(), 60 * S, 60 * S));
    hear("{'kind':'session_end','rig':'r1','subject':'m1','session':'s1'}");
    assert_true(colony_is_to_judge(m1(), S, 60 * S));
    colony_judge(m1(), 2 * S);
    assert_false(colony_is_to_judge(m1(), 100 * S, 60 * S));
    assert_true(colony_standing(&colony, 0, &said));
    assert_int_equal(said.kind, PROTO_KIND_TRAINING);
    assert_string_equal(said.env.session, "s1");
    assert_string_equal(said.as.training.status, "in_training");
    assert_string_equal(said.as.training.next, "trained_1a");
    assert_int_equal(said.as.training.running, 0);
    hear_trial("s1", 1, -1, 2);
    assert_false(colony_is_to_judge(m1(), 3 * S, 60 * S));
    assert_true(colony_is_to_judge(m1(), 62 * S, 60 * S));
    colony_judge(m1(), 62 * S);
    assert_true(colony_standing(&colony, 0, &said));
    assert_int_equal(said.as.training.running, 1);
    hear("{'kind':'session_end','rig':'r1','subject':'m1','session':'s1'}");
    assert_true(colony_is_to_judge(m1(), 63 * S, 60 * S)); /* its end is said, too */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_trial_is_taken_up_and_the_next_predicted),
        TEST(a_duplicate_is_dropped_and_answered_with_the_present_prediction),
        TEST(another_content_under_a_number_taken_is_a_conflict),
        TEST(a_gap_is_said_and_healed_when_the_trials_come),
        TEST(any_order_within_the_window_ends_in_the_same_state),
        TEST(a_trial_too_late_is_journaled_and_refused),
        TEST(a_late_trial_of_a_session_that_is_over_is_not_taken),
        TEST(a_rig_that_counts_from_1_has_no_gap),
        TEST(a_trial_missed_just_before_a_far_jump_is_late_and_no_conflict),
        TEST(features_alone_are_refused_by_name),
        TEST(sessions_without_a_name_are_named_by_date_and_number),
        TEST(dates_are_those_of_the_calendar),
        TEST(counting_anew_opens_a_new_session_and_resending_does_not),
        TEST(a_missing_first_trial_that_comes_late_opens_no_session),
        TEST(unnamed_sessions_end_at_999_a_day_with_a_refusal),
        TEST(a_session_start_sets_the_stimuli_and_again_changes_nothing),
        TEST(a_session_start_makes_the_same_twin_as_none),
        TEST(a_stimulus_is_predicted_alone_and_changes_no_weight),
        TEST(the_stimulus_to_come_is_predicted_first),
        TEST(the_end_of_a_session_is_answered_with_itself),
        TEST(a_hello_changes_nothing),
        TEST(two_rigs_may_have_sessions_of_one_name),
        TEST(beyond_a_limit_nothing_is_begun),
        TEST(every_name_is_found_again),
        TEST(durable_seq_follows_the_disk_and_never_runs_ahead),
        TEST(a_gap_in_seq_holds_durable_seq_back_until_it_is_filled),
        TEST(a_duplicate_is_durable_once_what_it_repeats_is),
        TEST(seq_going_back_with_a_new_trial_is_said_and_counted_from_there),
        TEST(a_session_may_count_its_seq_from_0_or_from_its_start),
        TEST(a_rig_clock_that_goes_back_is_said),
        TEST(an_animal_outside_of_the_model_is_said_once_a_bout),
        TEST(a_rule_that_is_nonsense_never_reaches_a_prediction),
        TEST(an_animal_that_stops_playing_is_said_once_until_it_plays_again),
        TEST(no_animal_is_called_disengaged_where_that_is_off),
        TEST(a_bout_seen_only_when_a_late_trial_came_is_said_then),
        TEST(an_animal_not_heard_yet_begins_with_the_model_in_force),
        TEST(what_is_no_message_is_refused_and_leaves_no_trace),
        TEST(the_tracker_hears_what_is_taken_up_and_what_a_session_start_says),
        TEST(an_animal_is_judged_when_its_session_ended_or_a_period_went_by),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
