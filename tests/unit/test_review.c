/* daemon/review.h on journals made here, row by row; review_curves.h and review_plots.h on their
 * own. */
#include <math.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "journal_schema.h"
#include "model/random.h"
#include "review.h"
#include "review_page.h"
#include "review_plots.h"
#include "root.h"
#include "suite.h"

/* ---- a journal to read ------------------------------------------------------------------------
 */

struct story {
    char path[ROOT_PATH_BYTES];
    sqlite3 *db;
    int64_t events;
};

static void run_sql(struct story *s, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(s->db, sql, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s: %s", sql, message);
    }
}

static void runf(struct story *s, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    char *sql = sqlite3_vmprintf(format, values);
    va_end(values);
    run_sql(s, sql);
    sqlite3_free(sql);
}

/* Two animals: anna with two sessions, bob with one. */
static int set_up(void **state)
{
    struct story *s = calloc(1, sizeof *s);
    assert_non_null(s);
    (void)root_file(s->path, JOURNAL_FILE);
    assert_int_equal(sqlite3_open(s->path, &s->db), SQLITE_OK);
    run_sql(s, "PRAGMA journal_mode = WAL;" JOURNAL_SCHEMA);
    run_sql(s, JOURNAL_VIEWS
            "PRAGMA user_version = 4;"
            "INSERT INTO run VALUES (1, 1, 0, 'x', 'built-in', '', 0, x'');"
            "INSERT INTO subject VALUES (0, 'anna', x''), (1, 'bob', x'');"
            "INSERT INTO session VALUES (0, 'rig-1', 0, 'a1', 0, "
            "1700000000000000000, 'a1', 1, 0, 0, x'', NULL, NULL),"
            " (1, 'rig-2', 1, 'b1', 1, 1700000100000000000, 'b1', 1, 0, 1, x'', NULL, NULL),"
            " (2, 'rig-1', 0, 'a2', 0, 1700000200000000000, 'a2', 1, 0, 2, x'', NULL, NULL);");
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct story *s = *state;
    char command[ROOT_PATH_BYTES];
    sqlite3_close(s->db);
    (void)snprintf(command, sizeof command, "rm %s/*", root_path);
    assert_int_equal(system(command), 0);
    free(s);
    return 0;
}

static const int SUBJECT_OF[] = {0, 1, 0};

/* A trial and the prediction after it. choice, reward: "0", "1" or "NULL"; p NaN: not scored. */
static void add_trial(struct story *s, int session, int64_t number, const char *status,
                      double stimulus, const char *choice, const char *reward, double p,
                      double baseline_p)
{
    const bool chose_right = choice[0] == '1';
    const double w[3] = {0.1 * (double)number, 0.5, -0.25};
    const double w_sd[3] = {0.3, 0.2, 0.1};
    const int64_t id = ++s->events;
    runf(s,
         "INSERT INTO event VALUES (%lld, %lld, 0, NULL, 'ask', 'rig-1', 'trial', %Q, %d, %d, "
         "%lld, NULL, %!.17g, %s, %s, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, x'00', "
         "x'')",
         (long long)id, 1700000000000000000LL + (long long)id, status, SUBJECT_OF[session], session,
         (long long)number, stimulus, choice, reward);
    if (!isnan(p)) {
        runf(s,
             "UPDATE event SET p_right = %!.17g, nats = %!.17g, baseline_nats = %!.17g"
             " WHERE id = %lld",
             p, model_score_nats(p, chose_right), model_score_nats(baseline_p, chose_right),
             (long long)id);
    }
    sqlite3_stmt *insert = NULL;
    const char *sql =
        "INSERT INTO prediction VALUES (?, 0, 0, 1, ?, ?, ?, x'', x'', x'', x'', ?, ?,"
        " 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL,"
        " 1.0, 2.0, 3.0, x'')";
    assert_int_equal(sqlite3_prepare_v2(s->db, sql, -1, &insert, NULL), SQLITE_OK);
    sqlite3_bind_int64(insert, 1, id);
    sqlite3_bind_int(insert, 2, SUBJECT_OF[session]);
    sqlite3_bind_int(insert, 3, session);
    sqlite3_bind_int64(insert, 4, number + 1);
    sqlite3_bind_blob(insert, 5, w, sizeof w, SQLITE_STATIC);
    sqlite3_bind_blob(insert, 6, w_sd, sizeof w_sd, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
    sqlite3_finalize(insert);
}

static void add_alert(struct story *s, const char *subject, const char *code, const char *text)
{
    runf(s,
         "INSERT INTO alert VALUES (NULL, %lld, 1700000000000000000, 'rig-1', %Q, %Q, 1, %Q, x'')",
         (long long)s->events, subject, code, text);
}

/* A forecast after the last event, of windows of two choices: all that came in `lo`..`hi`. */
static void add_forecast(struct story *s, int subject, int64_t trial, double lo, double hi)
{
    runf(
        s,
        "INSERT INTO forecast VALUES (%lld, %d, 5, '{\"v\": 1, \"kind\": \"forecast\", \"rig\": "
        "\"rig-1\", \"subject\": \"%s\", \"session\": \"a1\", \"based_on\": %lld, "
        "\"criterion\": \"0.8 correct of 100 trials\", \"current\": {\"unit\": \"trials\", "
        "\"median\": 640, \"lo50\": 410, \"hi50\": 900, \"lo90\": 280, \"p_reached\": 0.93}, "
        "\"window\": 2, \"correct\": {\"median\": [%g, %g], \"lo50\": [%g, %g], \"hi50\": [%g, %g],"
        " \"lo90\": [%g, %g], \"hi90\": [%g, %g]}, \"next_status\": \"trained_1a\","
        " \"p_within\": {\"3\": 0.42}}', x'')",
        (long long)s->events, subject, subject == 0 ? "anna" : "bob", (long long)trial, lo, lo, lo,
        lo, lo, lo, lo, lo, hi, hi);
}

static void add_suggestion(struct story *s, int64_t trial, int abstain, const char *why)
{
    runf(s,
         "INSERT INTO suggestion VALUES (%lld, 0, 5, '{\"v\": 1, \"kind\": \"suggestion\", "
         "\"rig\": \"rig-1\", \"subject\": \"anna\", \"session\": \"a1\", \"based_on\": %lld, "
         "\"horizon\": 200, \"abstain\": %d, \"why\": \"%s\", \"actions\": [{\"action\": \"side\", "
         "\"gain\": 0.012, \"gain_lo\": -0.004, \"gain_hi\": 0.03, \"p_better\": 0.81}]}', x'')",
         (long long)s->events, (long long)trial, abstain, why);
}

static struct review open_well(const struct story *s, const char *subject, bool with_curves)
{
    struct review review;
    struct fault fault;
    const struct review_request request = {s->path, subject, with_curves};
    if (review_open(&review, &request, &fault) != FAULT_NONE) {
        fail_msg("%s", fault.text);
    }
    return review;
}

static void check_refused(const struct story *s, const char *expected)
{
    struct review review;
    struct fault fault;
    const struct review_request request = {.path = s->path};
    assert_int_equal(review_open(&review, &request, &fault), FAULT_INPUT);
    if (strstr(fault.text, expected) == NULL || strstr(fault.text, s->path) == NULL) {
        fail_msg("\"%s\" does not say \"%s\" of %s", fault.text, expected, s->path);
    }
}

#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-12)

/* ---- tallies ----------------------------------------------------------------------------------
 */

static void counts_trials_by_what_became_of_them(void **state)
{
    struct story *s = *state;
    add_trial(s, 0, 0, "taken", 0.5, "1", "1", 0.75, 0.5);
    add_trial(s, 0, 1, "taken", -0.5, "1", "0", 0.25, 0.5);
    add_trial(s, 0, 4, "taken", 0.5, "NULL", "NULL", (double)NAN, (double)NAN);
    add_trial(s, 0, 3, "healed", 0.0, "0", "NULL", 0.5, 0.5);
    add_trial(s, 2, 7, "late", -0.25, "0", "NULL", (double)NAN, (double)NAN);
    struct review v = open_well(s, NULL, false);
    const struct review_tally *t = &v.sessions[0].tally;
    assert_int_equal(t->trials, 4);
    assert_int_equal(t->no_gos, 1);
    assert_int_equal(t->healed, 1);
    assert_int_equal(t->late, 0);
    assert_int_equal(t->missing, 1); /* trial 2 */
    assert_int_equal(t->judged, 2);
    NEAR(review_accuracy(t), 0.5);
    assert_int_equal(t->score.n, 3);
    NEAR(model_score_mean_nats(&t->score), (-log(0.75) - log(0.25) - log(0.5)) / 3.0);
    NEAR(model_score_mean_baseline_nats(&t->score), log(2.0));
    NEAR(review_gain(t), log(2.0) - (-log(0.75) - log(0.25) - log(0.5)) / 3.0);
    NEAR(model_score_mean_brier(&t->score), (0.0625 + 0.5625 + 0.25) / 3.0);
    /* Stages of 1 + 2 + 3 us; the histogram is good to 4%. */
    assert_true(fabs(histogram_quantile(&t->latency, 0.5) - 6000.0) < 240.0);

    assert_int_equal(v.sessions[2].tally.late, 1);
    assert_int_equal(v.sessions[2].tally.missing, 7);
    NEAR(review_accuracy(&v.sessions[2].tally), 1.0); /* left for a stimulus on the left */
    assert_true(isnan(review_gain(&v.sessions[2].tally)));
    assert_int_equal(v.subjects[0].tally.trials, 5);
    assert_int_equal(v.subjects[0].n_sessions, 2);
    assert_int_equal(v.subjects[0].tally.missing, 8);
    assert_int_equal(v.total.trials, 5);
    assert_false(review_has_subject(&v, 1));
    review_close(&v);
}

static void a_rig_that_counts_from_one_misses_nothing(void **state)
{
    struct story *s = *state;
    add_trial(s, 1, 1, "taken", 0.5, "1", "1", 0.5, 0.5);
    add_trial(s, 1, 2, "taken", 0.5, "1", "1", 0.5, 0.5);
    struct review v = open_well(s, NULL, false);
    assert_int_equal(v.sessions[1].tally.missing, 0);
    review_close(&v);
}

static void an_unknown_reward_is_judged_by_side_before_stimulus(void **state)
{
    struct story *s = *state;
    add_trial(s, 0, 0, "taken", 0.0, "1", "NULL", 0.5, 0.5);
    runf(s, "UPDATE event SET side = 1 WHERE id = 1");
    add_trial(s, 0, 1, "taken", 0.0, "1", "NULL", 0.5, 0.5);
    struct review v = open_well(s, NULL, false);
    assert_int_equal(v.total.judged, 1);
    NEAR(review_accuracy(&v.total), 1.0);
    review_close(&v);
}

static void counts_refused_messages_and_alerts(void **state)
{
    struct story *s = *state;
    add_trial(s, 0, 0, "taken", 0.5, "1", "1", 0.5, 0.5);
    add_alert(s, "anna", "gap", "esc \x1b[2J");
    add_alert(s, "", "bad_message", "?");
    run_sql(s, "INSERT INTO event (id, t_wall_ns, t_mono_ns, source, status, raw, chain)"
               " VALUES (2, 5, 5, 'ask', 'refused', x'ff', x''),"
               " (3, 6, 6, 'ask', 'conflict', x'00', x'')");
    struct review v = open_well(s, NULL, false);
    assert_int_equal(v.n_events, 3);
    assert_int_equal(v.n_refused, 1);
    assert_int_equal(v.n_conflicts, 1);
    assert_int_equal(v.total.alerts[PROTO_ALERT_GAP], 1);
    assert_int_equal(v.total.alerts[PROTO_ALERT_BAD_MESSAGE], 1);
    assert_int_equal(v.subjects[0].tally.alerts[PROTO_ALERT_GAP], 1);
    assert_int_equal(v.sessions[0].tally.alerts[PROTO_ALERT_GAP], 1);
    assert_string_equal(v.alerts.latest[0].text, "esc ?[2J");
    review_close(&v);
}

static void keeps_the_texts_of_the_latest_alerts(void **state)
{
    struct story *s = *state;
    add_trial(s, 0, 0, "taken", 0.5, "1", "1", 0.5, 0.5);
    for (int i = 0; i < REVIEW_TEXTS + 3; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", i);
        add_alert(s, "anna", "gap", text);
    }
    struct review v = open_well(s, NULL, false);
    assert_int_equal(v.alerts.n, REVIEW_TEXTS + 3);
    assert_int_equal(review_alerts_first(&v.alerts), 3);
    assert_string_equal(v.alerts.latest[3 % REVIEW_TEXTS].text, "3");
    assert_string_equal(v.alerts.latest[(REVIEW_TEXTS + 2) % REVIEW_TEXTS].text, "7");
    review_close(&v);
}

static void one_animal_alone_can_be_asked_for(void **state)
{
    struct story *s = *state;
    add_trial(s, 0, 0, "taken", 0.5, "1", "1", 0.5, 0.5);
    add_trial(s, 1, 0, "taken", 0.5, "1", "1", 0.5, 0.5);
    add_alert(s, "bob", "gap", "");
    struct review v = open_well(s, "anna", false);
    assert_int_equal(v.total.trials, 1);
    assert_int_equal(v.alerts.n, 0);
    assert_true(review_has_session(&v, 0));
    assert_false(review_has_session(&v, 1));
    review_close(&v);

    struct fault fault;
    const struct review_request request = {s->path, "carl", false};
    assert_int_equal(review_open(&v, &request, &fault), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "carl"));
}

static void leaves_a_journal_that_was_not_closed_as_it_is(void **state)
{
    struct story *s = *state;
    add_trial(s, 0, 0, "taken", 0.5, "1", "1", 0.5, 0.5);
    char log[ROOT_PATH_BYTES + 8];
    (void)snprintf(log, sizeof log, "%s-wal", s->path);
    assert_int_equal(access(log, F_OK), 0);
    struct review v = open_well(s, NULL, false); /* the writer is still there */
    assert_int_equal(v.total.trials, 1);
    review_close(&v);
    assert_int_equal(access(log, F_OK), 0);
    add_trial(s, 0, 1, "taken", 0.5, "1", "1", 0.5, 0.5);
    v = open_well(s, NULL, false);
    assert_int_equal(v.total.trials, 2);
    review_close(&v);
}

/* ---- the bootstrap ----------------------------------------------------------------------------
 */

static void the_bootstrap_covers_as_often_as_it_says(void **state)
{
    enum { REPEATS = 400, SESSIONS = 40 };
    (void)state;
    model_random random;
    const uint64_t seed = suite_seed();
    model_random_seed(&random, seed, 0);
    int covered = 0;
    for (int i = 0; i < REPEATS; i++) {
        double gains[SESSIONS];
        double n[SESSIONS];
        for (int j = 0; j < SESSIONS; j++) {
            n[j] = 100.0;
            gains[j] = 100.0 * (0.02 + 0.01 * model_random_normal(&random));
        }
        const struct review_interval at = review_bootstrap(gains, n, SESSIONS, (uint64_t)i);
        assert_true(at.lo < at.hi);
        covered += at.lo <= 0.02 && 0.02 <= at.hi ? 1 : 0;
    }
    /* A percentile bootstrap of 40 covers about 94%; 6 standard errors around it. */
    assert_in_range(covered, 348, 400);
}

static void the_bootstrap_is_the_same_every_time(void **state)
{
    (void)state;
    const double gains[] = {1.0, -2.0, 3.0, 0.5};
    const double n[] = {10.0, 20.0, 30.0, 40.0};
    const struct review_interval a = review_bootstrap(gains, n, 4, 3);
    const struct review_interval b = review_bootstrap(gains, n, 4, 3);
    NEAR(a.lo, b.lo);
    NEAR(a.hi, b.hi);
    assert_true(isnan(review_bootstrap(gains, n, 1, 3).lo));
}

/* ---- curves -----------------------------------------------------------------------------------
 */

static void curves_stay_small_and_keep_their_sums(void **state)
{
    enum { TRIALS = 100000 };
    (void)state;
    struct review_curves *c = review_curves_new();
    const struct review_run run = {
        .policy = {.n = 1, .feature = {MODEL_FEATURE_BIAS}, .transform = MODEL_TRANSFORM_NONE}};
    for (int64_t i = 1; i <= TRIALS; i++) {
        const double w = (double)i;
        const double w_sd = 1.0;
        const struct review_curves_trial t = {.event = i,
                                              .session = (uint32_t)(i / 1000),
                                              .number = i,
                                              .stimulus = (double)(i % 201 - 100) / 100.0,
                                              .choice = 1,
                                              .correct = 1.0,
                                              .p_right = 0.5,
                                              .gain = 2.0 * (double)i};
        review_curves_push(c, &t);
        if (review_curves_wants_point(c, i)) {
            review_curves_point(c, &t,
                                &(struct review_weights){&run, &w, &w_sd, sizeof w, sizeof w_sd});
        }
    }
    int64_t n = 0;
    for (size_t i = 0; i < c->n_bins; i++) {
        n += c->bins[i].n;
        NEAR(c->bins[i].correct, (double)c->bins[i].n);
    }
    assert_int_equal(n, TRIALS);
    assert_in_range(c->n_points, REVIEW_POINTS_MAX / 2, REVIEW_POINTS_MAX);
    for (size_t i = 0; i < c->n_points; i++) {
        const double trial = (double)((int64_t)(i + 1) * c->point_trials);
        NEAR((double)c->points[i].gain, 2.0 * trial);
        NEAR((double)c->points[i].w[MODEL_FEATURE_BIAS], trial);
        assert_true(isnan((double)c->points[i].w[MODEL_FEATURE_STIMULUS]));
    }
    /* 201 different stimuli: binned, none lost. */
    const struct review_psychometric *y = &c->psychometric[(c->n_psychometric - 2) % 4];
    assert_true(y->is_binned);
    n = 0;
    for (uint32_t i = 0; i < y->n; i++) {
        n += y->stimuli[i].n;
    }
    assert_int_equal(n, 1000);
    free(c);
}

static void alerts_stand_at_the_trial_they_came_with(void **state)
{
    (void)state;
    struct review_curves *c = review_curves_new();
    review_curves_alert(c, 3, PROTO_ALERT_GAP);
    review_curves_alert(c, 99, PROTO_ALERT_CONFLICT);
    for (int64_t i = 1; i <= 5; i++) {
        const struct review_curves_trial t = {
            .event = 2 * i, .number = i, .stimulus = 0.5, .choice = 1, .p_right = 0.5};
        review_curves_push(c, &t);
    }
    review_curves_finish(c, 5);
    assert_int_equal(c->marks[0].trial, 1); /* event 3 comes before event 4, trial 1 from 0 */
    assert_int_equal(c->marks[1].trial, 5);
    free(c);
}

static void psychometric_curves_are_sorted_by_stimulus(void **state)
{
    (void)state;
    struct review_curves *c = review_curves_new();
    const double stimuli[] = {0.5, -0.5, 0.0, 0.5, 0.25};
    for (int64_t i = 0; i < 5; i++) {
        const struct review_curves_trial t = {.event = i,
                                              .number = i + 1,
                                              .stimulus = stimuli[i],
                                              .choice = stimuli[i] > 0.0,
                                              .p_right = 0.25};
        review_curves_push(c, &t);
    }
    const struct review_psychometric *y = &c->psychometric[0];
    assert_int_equal(y->n, 4);
    for (uint32_t i = 1; i < y->n; i++) {
        assert_true(y->stimuli[i - 1].stimulus < y->stimuli[i].stimulus);
    }
    assert_int_equal(y->stimuli[3].n, 2);
    assert_int_equal(y->stimuli[3].n_right, 2);
    NEAR(y->stimuli[3].p_right, 0.5);
    free(c);
}

/* ---- forecasts and advice ---------------------------------------------------------------------
 */

static char line[REVIEW_FORECASTS_LINE_MAX];

static const char *told(const struct review *v, enum review_forecasts_line which)
{
    return review_forecasts_text(v->subjects[0].outlook, which, line);
}

static void an_animal_of_which_nothing_was_said_says_nothing(void **state)
{
    struct story *s = *state;
    add_trial(s, 0, 0, "taken", 0.5, "1", "1", 0.5, 0.5);
    struct review v = open_well(s, NULL, true);
    assert_null(v.subjects[0].outlook);
    assert_false(review_forecasts_has_bands(v.subjects[0].outlook));
    for (int i = 0; i < REVIEW_FORECASTS_LINES; i++) {
        assert_null(told(&v, (enum review_forecasts_line)i));
    }
    review_close(&v);
}

/* Correct in order: 1 1 0, forecast, 1 0 | 1 1 | 0 0 | then forecasts after each choice. */
static void a_forecast_is_held_against_what_came(void **state)
{
    static const char *const CORRECT = "110"
                                       "10"
                                       "11"
                                       "00"
                                       "11"
                                       "01";
    struct story *s = *state;
    for (int64_t i = 0; i < 13; i++) {
        const char reward[2] = {CORRECT[i], '\0'};
        add_trial(s, 0, i, "taken", 0.5, "1", reward, 0.5, 0.5);
        if (i == 1) {
            add_trial(s, 0, 20, "taken", 0.5, "NULL", "NULL", (double)NAN, (double)NAN);
        }
        if (i == 2) {
            add_forecast(s, 0, i, 0.25, 0.75);
        } else if (i > 2) {
            add_forecast(s, 0, i, 0.0, 0.0);
        }
        add_trial(s, 1, i, "taken", 0.5, "1", "0", 0.5, 0.5);
    }
    struct review v = open_well(s, NULL, false);
    const struct review_forecasts *o = v.subjects[0].outlook;
    assert_int_equal(o->n_forecasts, 11);
    assert_int_equal(o->last.said.based_on, 12);
    /* The latest one that five windows of two have come since is the one after trial 2. */
    assert_int_equal(o->held.said.based_on, 2);
    assert_int_equal(o->n_known, 3);
    NEAR(review_forecasts_share(o, 0), 0.5);
    NEAR(review_forecasts_share(o, 1), 1.0);
    NEAR(review_forecasts_share(o, 2), 0.0);
    NEAR(review_forecasts_share(o, 4), 0.5);
    NEAR(review_forecasts_share(o, -1), 0.5);
    assert_true(isnan(review_forecasts_share(o, -2))); /* one choice alone */
    assert_true(isnan(review_forecasts_share(o, 5)));
    assert_true(isnan(review_forecasts_share(o, 99)));
    const struct review_held held = review_forecasts_held(o);
    assert_int_equal(held.n, 2); /* it has two windows */
    assert_int_equal(held.n_50, 0);
    assert_int_equal(held.n_90, 1);
    assert_string_equal(told(&v, REVIEW_FORECASTS_FORECAST),
                        "0.8 correct in 640 trials (50% 410 to 900, 90% 280 to later); trained_1a "
                        "within 3 sessions 0.42; after trial 12 of session a1, the last of 11");
    assert_string_equal(told(&v, REVIEW_FORECASTS_OBSERVED),
                        "of 2 windows of 2 choices 0 within the 50% band, 1 within the 90% band of "
                        "the forecast after trial 2 of session a1");
    assert_null(told(&v, REVIEW_FORECASTS_ADVICE));
    assert_null(v.subjects[1].outlook);
    review_close(&v);
}

static void a_forecast_since_which_little_came_is_the_first_one(void **state)
{
    struct story *s = *state;
    for (int64_t i = 0; i < 4; i++) {
        add_trial(s, 0, i, "taken", 0.5, "1", "1", 0.5, 0.5);
        add_forecast(s, 0, i, 0.0, 1.0);
    }
    struct review v = open_well(s, "anna", true);
    assert_int_equal(v.subjects[0].outlook->held.said.based_on, 0);
    assert_int_equal(review_forecasts_held(v.subjects[0].outlook).n, 1);
    review_close(&v);
}

static void advice_is_counted_by_the_reason_to_abstain(void **state)
{
    struct story *s = *state;
    static const char *const WHY[] = {"the rules disagree about the best change",
                                      "the animal is not seen to learn: probability 0.12",
                                      "the animal is not seen to learn: probability 0.03",
                                      "side p_left 0.7: proportion correct 0.812 rather than 0.800",
                                      "the moon"};
    for (int i = 0; i < 5; i++) {
        add_trial(s, 0, i, "taken", 0.5, "1", "1", 0.5, 0.5);
        add_suggestion(s, i, i != 3, WHY[i]);
    }
    struct review v = open_well(s, NULL, false);
    assert_string_equal(told(&v, REVIEW_FORECASTS_ADVICE),
                        "requested 5 times, a change advised 1, abstained 4: 2 x the animal is not "
                        "seen to learn, 1 x the rules disagree about the best change, 1 x other");
    assert_string_equal(
        told(&v, REVIEW_FORECASTS_ADVISED),
        "side p_left 0.7: +0.012 (-0.004 to 0.030) in 200 trials, better with 0.81; "
        "after trial 3 of session a1");
    assert_null(told(&v, REVIEW_FORECASTS_FORECAST));
    assert_false(review_forecasts_has_bands(v.subjects[0].outlook));
    review_close(&v);
}

static void two_hundred_animals_have_their_own(void **state)
{
    struct story *s = *state;
    run_sql(s, "BEGIN");
    for (int i = 2; i < 200; i++) {
        runf(s, "INSERT INTO subject VALUES (%d, 'x%d', x'')", i, i);
    }
    add_trial(s, 0, 0, "taken", 0.5, "1", "1", 0.5, 0.5);
    add_forecast(s, 0, 0, 0.0, 1.0);
    run_sql(s, "INSERT INTO forecast SELECT 1, id, 5, replace(message, '\"anna\"', '\"' || name || "
               "'\"'), x'' FROM forecast, subject WHERE id > 0; COMMIT");
    struct review v = open_well(s, NULL, true);
    for (uint32_t i = 0; i < 200; i++) {
        assert_non_null(v.subjects[i].outlook);
    }
    review_close(&v);
    v = open_well(s, "x7", false);
    assert_null(v.subjects[0].outlook);
    assert_non_null(v.subjects[7].outlook);
    review_close(&v);
}

static void the_page_is_whole_and_escaped(void **state)
{
    struct story *s = *state;
    char page[ROOT_PATH_BYTES];
    for (int64_t i = 0; i < 200; i++) {
        add_trial(s, 0, i, "taken", i % 2 == 0 ? 0.5 : -0.5, i % 2 == 0 ? "1" : "0", "1", 0.5, 0.5);
    }
    add_alert(s, "anna", "gap", "<script>alert(1)</script>");
    add_forecast(s, 0, 199, 0.25, 0.75);
    add_suggestion(s, 199, 1, "<script>alert(2)</script>");
    s->events--;
    add_suggestion(s, 198, 0, "<script>alert(3)</script>: proportion correct 1");
    struct review v = open_well(s, NULL, true);
    struct fault fault;
    (void)root_file(page, "page.html");
    assert_int_equal(review_page_write(&v, NULL, page, &fault), FAULT_NONE);
    review_close(&v);

    FILE *f = fopen(page, "rb");
    assert_non_null(f);
    char *text = calloc(1, 1 << 20);
    assert_true(fread(text, 1, (1 << 20) - 1, f) > 1000);
    fclose(f);
    assert_null(strstr(text, "<script"));
    assert_null(strstr(text, "http://"));
    assert_null(strstr(text, "https://"));
    assert_null(strstr(text, "nan"));
    assert_non_null(strstr(text, "&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert_non_null(strstr(text, "A forecast against the observed trials"));
    assert_non_null(strstr(text, "&lt;script&gt;alert(3)&lt;/script&gt;: +0.012"));
    assert_non_null(strstr(text, "prev_choice"));
    assert_non_null(strstr(text, "</html>"));
    free(text);
}

/* ---- hostile files ----------------------------------------------------------------------------
 */

static void refuses_what_is_not_a_journal(void **state)
{
    struct story *s = *state;
    (void)root_file(s->path, "other");
    check_refused(s, "expected a journal");
    FILE *f = fopen(s->path, "w");
    assert_non_null(f);
    for (int i = 0; i < 1000; i++) {
        fputs("no database at all ", f);
    }
    fclose(f);
    check_refused(s, "is text; a journal was expected");
    assert_int_equal(truncate(s->path, 0), 0);
    check_refused(s, "not a journal");
}

static void refuses_a_journal_of_another_schema(void **state)
{
    struct story *s = *state;
    run_sql(s, "PRAGMA user_version = 2");
    check_refused(s, "has schema 2, this murid uses 4");
    run_sql(s, "PRAGMA user_version = 4; DROP VIEW trial; DROP TABLE checkpoint");
    check_refused(s, "11 of its 12 tables");
}

static void refuses_rows_that_murid_never_writes(void **state)
{
    struct story *s = *state;
    static const char *const DAMAGE[][2] = {
        {"UPDATE event SET p_right = 7", "table event, row 1"},
        {"UPDATE event SET nats = -1", "table event, row 1"},
        {"UPDATE event SET nats = 9e999", "table event, row 1"},
        {"UPDATE event SET session = 77", "table event, row 1"},
        {"UPDATE event SET session = 1", "table event, row 1"},
        {"UPDATE event SET trial = 9223372036854775807", "table event, row 1"},
        {"UPDATE event SET status = 'odd'", "table event, row 1"},
        {"UPDATE subject SET name = '../x' WHERE id = 1", "table subject, row 1"},
        {"UPDATE subject SET id = 9 WHERE id = 1", "table subject, row 9"},
        {"UPDATE session SET subject = 5 WHERE id = 2", "table session, row 2"},
        {"UPDATE session SET rig = zeroblob(99999) WHERE id = 2", "table session, row 2"},
        {"INSERT INTO forecast VALUES (1, 0, 5, 'no message', x'')", "table forecast, row 1"},
        {"INSERT INTO forecast VALUES (1, 0, 5, zeroblob(99999), x'')", "table forecast, row 1"},
        {"INSERT INTO forecast SELECT event, subject, 5, replace(message, '0.42', '7'), x'' FROM f",
         "table forecast, row 1"},
        {"INSERT INTO forecast SELECT event, subject, 5, replace(message, 'anna', 'bob'), x'' FROM "
         "f",
         "table forecast, row 1"},
        {"INSERT INTO forecast SELECT event, subject, 5, replace(message, '[0.75, 0.75]', "
         "'[0.75]'),"
         " x'' FROM f",
         "table forecast, row 1"},
        {"INSERT INTO suggestion SELECT event, subject, 5, message, x'' FROM f",
         "table suggestion, row 1"},
        {"INSERT INTO alert VALUES (4, 1, 0, '', 'anna', 'odd', 1, '', x'')", "table alert, row 4"},
    };
    add_trial(s, 0, 0, "taken", 0.5, "1", "1", 0.5, 0.5);
    add_forecast(s, 0, 0, 0.25, 0.75);
    run_sql(s, "CREATE TEMP TABLE f AS SELECT * FROM forecast; DELETE FROM forecast");
    for (size_t i = 0; i < sizeof DAMAGE / sizeof DAMAGE[0]; i++) {
        run_sql(s, "CREATE TEMP TABLE e AS SELECT * FROM event;"
                   "CREATE TEMP TABLE s AS SELECT * FROM session;"
                   "CREATE TEMP TABLE u AS SELECT * FROM subject;");
        run_sql(s, DAMAGE[i][0]);
        check_refused(s, DAMAGE[i][1]);
        run_sql(s, "DELETE FROM event; DELETE FROM session; DELETE FROM subject;"
                   "DELETE FROM alert; DELETE FROM forecast; DELETE FROM suggestion;"
                   "INSERT INTO subject SELECT * FROM u;"
                   "INSERT INTO session SELECT * FROM s; INSERT INTO event SELECT * FROM e;"
                   "DROP TABLE e; DROP TABLE s; DROP TABLE u;");
    }
    struct review v = open_well(s, NULL, false);
    assert_int_equal(v.total.trials, 1);
    review_close(&v);
}

static void weights_that_make_no_sense_are_not_drawn(void **state)
{
    struct story *s = *state;
    add_trial(s, 0, 0, "taken", 0.5, "1", "1", 0.5, 0.5);
    run_sql(s, "UPDATE prediction SET w = x'00', w_sd = zeroblob(100000)");
    struct review v = open_well(s, NULL, true);
    const struct review_curves *c = v.subjects[0].curves;
    assert_int_equal(c->n_points, 1);
    assert_true(isnan((double)c->points[0].w[MODEL_FEATURE_STIMULUS]));
    review_close(&v);
}

int main(void)
{
#define WITH_JOURNAL(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_JOURNAL(counts_trials_by_what_became_of_them),
        WITH_JOURNAL(a_rig_that_counts_from_one_misses_nothing),
        WITH_JOURNAL(an_unknown_reward_is_judged_by_side_before_stimulus),
        WITH_JOURNAL(counts_refused_messages_and_alerts),
        WITH_JOURNAL(keeps_the_texts_of_the_latest_alerts),
        WITH_JOURNAL(one_animal_alone_can_be_asked_for),
        WITH_JOURNAL(leaves_a_journal_that_was_not_closed_as_it_is),
        cmocka_unit_test(the_bootstrap_covers_as_often_as_it_says),
        cmocka_unit_test(the_bootstrap_is_the_same_every_time),
        cmocka_unit_test(curves_stay_small_and_keep_their_sums),
        cmocka_unit_test(alerts_stand_at_the_trial_they_came_with),
        cmocka_unit_test(psychometric_curves_are_sorted_by_stimulus),
        WITH_JOURNAL(an_animal_of_which_nothing_was_said_says_nothing),
        WITH_JOURNAL(a_forecast_is_held_against_what_came),
        WITH_JOURNAL(a_forecast_since_which_little_came_is_the_first_one),
        WITH_JOURNAL(advice_is_counted_by_the_reason_to_abstain),
        WITH_JOURNAL(two_hundred_animals_have_their_own),
        WITH_JOURNAL(the_page_is_whole_and_escaped),
        WITH_JOURNAL(refuses_what_is_not_a_journal),
        WITH_JOURNAL(refuses_a_journal_of_another_schema),
        WITH_JOURNAL(refuses_rows_that_murid_never_writes),
        WITH_JOURNAL(weights_that_make_no_sense_are_not_drawn),
    };
    return cmocka_run_group_tests(tests, root_make, root_remove);
}
