#include "review.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "journal_reader.h"
#include "progress.h"
#include "review_curves.h"
#include "session_event.h"
#include "text_escape.h"

static const int64_t TRIAL_MAX = 1000000000; /* highest number that the protocol allows */

enum { ROWS_A_LOOK = 4096 };

struct reading {
    struct review *review;
    struct journal_reader journal;
    struct fault *fault;
    bool with_curves;
    int64_t only; /* number of the one animal, -1 all */
    struct review_run *runs;
    struct progress progress;
};

enum column {
    ID,
    WALL,
    SUBJECT,
    SESSION,
    STATUS,
    TRIAL,
    STIMULUS,
    CHOICE,
    REWARD,
    SIDE,
    P_RIGHT,
    NATS,
    BASELINE_NATS,
    COVERED,
    BIN_ERROR,
    BIN_CLAIMED,
    STAGES_US,
    RUN,
    W,
    W_SD
};

#define EVENT_SQL                                                                                  \
    "SELECT e.id, e.t_wall_ns, e.subject, e.session, e.status, e.trial, e.stimulus, e.choice,"     \
    " e.reward, e.side, e.p_right, e.nats, e.baseline_nats, e.covered, e.bin_error,"               \
    " e.bin_claimed,"                                                                              \
    " p.decode_us + p.assimilate_us + p.predict_us, p.run, p.w, p.w_sd"                            \
    " FROM event AS e LEFT JOIN prediction AS p ON p.event = e.id"

static int no_memory(const struct reading *r)
{
    return fault_set(r->fault, FAULT_WORK, "%s: no memory for its sessions", r->journal.path);
}

static int row_fault(const struct reading *r, const char *table, int64_t row)
{
    return journal_reader_row_fault(r->journal.path, table, row, r->fault);
}

static bool is_null(sqlite3_stmt *s, int column)
{
    return sqlite3_column_type(s, column) == SQLITE_NULL;
}

static double real_at(sqlite3_stmt *s, int column)
{
    return is_null(s, column) ? (double)NAN : sqlite3_column_double(s, column);
}

/* -1 for none. */
static int64_t whole_at(sqlite3_stmt *s, int column)
{
    const int64_t value = is_null(s, column) ? -1 : sqlite3_column_int64(s, column);
    return value >= 0 ? value : -1;
}

/* 0, 1, or -1 for unknown. */
static int answer_at(sqlite3_stmt *s, int column)
{
    return is_null(s, column) ? -1 : sqlite3_column_int64(s, column) != 0 ? 1 : 0;
}

static int count_rows(const struct reading *r, const char *sql, int64_t *n)
{
    const int rc = journal_reader_query_int(&r->journal, sql, n, r->fault);
    if (rc == FAULT_NONE && (*n < 0 || *n >= (int64_t)UINT32_MAX)) {
        return row_fault(r, "session", *n);
    }
    return rc;
}

/* Counts rows, makes room for as many and one more, and selects them; *s is NULL on failure. */
static int open_rows(const struct reading *r, const char *count, const char *select, size_t size,
                     void **list, int64_t *n, sqlite3_stmt **s)
{
    *s = NULL;
    const int rc = count_rows(r, count, n);
    *list = rc == FAULT_NONE ? calloc((size_t)*n + 1, size) : NULL;
    if (rc == FAULT_NONE && *list == NULL) {
        return no_memory(r);
    }
    return rc ? rc : journal_reader_prepare(&r->journal, select, s, r->fault);
}

static int read_subjects(struct reading *r)
{
    struct review *v = r->review;
    int64_t n = 0;
    sqlite3_stmt *s;
    void *list = NULL;
    int rc =
        open_rows(r, "SELECT count(*) FROM subject", "SELECT id, name FROM subject ORDER BY id",
                  sizeof *v->subjects, &list, &n, &s);
    v->subjects = list;
    while (rc == FAULT_NONE && sqlite3_step(s) == SQLITE_ROW) {
        struct review_subject *subject = &v->subjects[v->n_subjects];
        if ((int64_t)v->n_subjects == n || sqlite3_column_int64(s, 0) != (int64_t)v->n_subjects ||
            !journal_reader_id(subject->name, s, 1)) {
            rc = row_fault(r, "subject", sqlite3_column_int64(s, 0));
            continue;
        }
        if (v->only == NULL || strcmp(v->only, subject->name) == 0) {
            r->only = v->only != NULL ? (int64_t)v->n_subjects : -1;
            subject->curves = r->with_curves ? review_curves_new() : NULL;
            rc = r->with_curves && subject->curves == NULL ? no_memory(r) : FAULT_NONE;
        }
        v->n_subjects++;
    }
    sqlite3_finalize(s);
    if (rc == FAULT_NONE && v->only != NULL && r->only < 0) {
        return fault_set(r->fault, FAULT_INPUT,
                         "%s: has no subject %.64s, only %" PRIu32 " others%s%s", r->journal.path,
                         v->only, v->n_subjects, v->n_subjects > 0 ? " such as " : "",
                         v->n_subjects > 0 ? v->subjects[0].name : "");
    }
    return rc;
}

static int read_sessions(struct reading *r)
{
    struct review *v = r->review;
    int64_t n = 0;
    sqlite3_stmt *s;
    void *list = NULL;
    int rc = open_rows(r, "SELECT count(*) FROM session",
                       "SELECT id, rig, subject, name, started_wall_ns FROM session ORDER BY id",
                       sizeof *v->sessions, &list, &n, &s);
    v->sessions = list;
    while (rc == FAULT_NONE && sqlite3_step(s) == SQLITE_ROW) {
        struct review_session *session = &v->sessions[v->n_sessions];
        const int64_t subject = sqlite3_column_int64(s, 2);
        if ((int64_t)v->n_sessions == n || sqlite3_column_int64(s, 0) != (int64_t)v->n_sessions ||
            !journal_reader_id(session->rig, s, 1) ||
            !journal_reader_session(session->name, s, 3) || subject < 0 ||
            subject >= (int64_t)v->n_subjects) {
            rc = row_fault(r, "session", sqlite3_column_int64(s, 0));
            continue;
        }
        session->subject = (uint32_t)subject;
        session->started_wall_ns = sqlite3_column_int64(s, 4);
        session->lowest = session->highest = -1;
        v->n_sessions++;
    }
    sqlite3_finalize(s);
    return rc;
}

static proto_alert_code alert_code(const char *name)
{
    for (int i = 0; i < PROTO_ALERT_COUNT; i++) {
        if (strcmp(name, proto_alert_name((proto_alert_code)i)) == 0) {
            return (proto_alert_code)i;
        }
    }
    return PROTO_ALERT_COUNT;
}

static void keep_alert(struct review_alerts *alerts, const struct review_alert *alert)
{
    alerts->latest[alerts->n++ % REVIEW_TEXTS] = *alert;
}

static int read_alert(struct reading *r, sqlite3_stmt *s)
{
    struct review *v = r->review;
    struct review_alert alert = {.t_wall_ns = sqlite3_column_int64(s, 1),
                                 .code = alert_code(journal_reader_text(s, 3))};
    const int64_t subject = whole_at(s, 2);
    const int64_t session = whole_at(s, 6);
    if (alert.code == PROTO_ALERT_COUNT || subject >= (int64_t)v->n_subjects ||
        session >= (int64_t)v->n_sessions) {
        return row_fault(r, "alert", sqlite3_column_int64(s, 0));
    }
    if (r->only >= 0 && r->only != subject) {
        return FAULT_NONE;
    }
    text_escape_clean(alert.text, sizeof alert.text, journal_reader_text(s, 4));
    v->total.alerts[alert.code]++;
    keep_alert(&v->alerts, &alert);
    if (subject >= 0) {
        struct review_subject *about = &v->subjects[subject];
        about->tally.alerts[alert.code]++;
        keep_alert(&about->alerts, &alert);
        if (about->curves != NULL && !is_null(s, 5)) {
            review_curves_alert(about->curves, sqlite3_column_int64(s, 5), alert.code);
        }
    }
    if (session >= 0) {
        v->sessions[session].tally.alerts[alert.code]++;
    }
    return FAULT_NONE;
}

/* Before the events, so that these can tell at which trial each alert was. */
static int read_alerts(struct reading *r)
{
    sqlite3_stmt *s;
    int rc =
        journal_reader_prepare(&r->journal,
                               "SELECT a.id, a.t_wall_ns, s.id, a.code, a.text, a.event, e.session "
                               "FROM alert AS a LEFT JOIN subject AS s ON s.name = a.subject LEFT "
                               "JOIN event AS e ON e.id = a.event ORDER BY a.id",
                               &s, r->fault);
    int step = SQLITE_DONE;
    while (rc == FAULT_NONE && (step = sqlite3_step(s)) == SQLITE_ROW) {
        rc = read_alert(r, s);
    }
    if (rc == FAULT_NONE && step != SQLITE_DONE) {
        rc = journal_reader_fault(&r->journal, r->fault);
    }
    sqlite3_finalize(s);
    return rc;
}

/* Before the events, so that these can tell what was observed after a forecast. */
static int read_outlooks(struct reading *r)
{
    struct review *v = r->review;
    int rc = FAULT_NONE;
    for (uint32_t i = 0; rc == FAULT_NONE && i < v->n_subjects; i++) {
        struct review_subject *s = &v->subjects[i];
        if (r->only < 0 || r->only == i) {
            rc = review_forecasts_read(&s->outlook, &r->journal, i, s->name, r->fault);
        }
        if (rc == FAULT_NONE && progress_interrupted()) {
            rc = fault_set(r->fault, FAULT_WORK, "interrupted");
        }
    }
    return rc;
}

static bool is_score(double nats)
{
    return nats >= 0.0 && isfinite(nats);
}

/* False if it holds what murid never writes. */
static bool read_bin(sqlite3_stmt *s, model_coverage_bin *bin)
{
    *bin = (model_coverage_bin){0};
    if (is_null(s, COVERED)) {
        return true;
    }
    const int64_t covered = whole_at(s, COVERED);
    if (covered < 0 || covered > MODEL_COVERAGE_RATES) {
        return false;
    }
    bin->n = MODEL_COVERAGE_RATES;
    bin->n_covered = (int32_t)covered;
    bin->found = real_at(s, BIN_ERROR);
    bin->claimed = real_at(s, BIN_CLAIMED);
    return isfinite(bin->found) && is_score(bin->claimed);
}

/* False if it holds what murid never writes. */
static bool read_trial(sqlite3_stmt *s, enum session_outcome status, struct review_trial *t)
{
    const double reward = real_at(s, REWARD);
    const double us = real_at(s, STAGES_US);
    t->status = status;
    t->number = whole_at(s, TRIAL);
    t->stimulus = real_at(s, STIMULUS);
    t->choice = answer_at(s, CHOICE);
    t->correct = review_tally_judge(t->choice, reward, answer_at(s, SIDE), t->stimulus);
    t->p_right = real_at(s, P_RIGHT);
    t->nats = real_at(s, NATS);
    t->baseline_nats = real_at(s, BASELINE_NATS);
    t->latency_ns = us >= 0.0 && us < 1e12 ? (int64_t)(us * 1000.0) : -1;
    const bool is_scored = t->choice >= 0 && !isnan(t->p_right);
    if (!is_scored) {
        t->p_right = (double)NAN;
    }
    return read_bin(s, &t->bin) && t->number >= 0 && t->number <= TRIAL_MAX &&
           (isnan(reward) || fabs(reward) <= 1.0) &&
           (!is_scored || (t->p_right >= 0.0 && t->p_right <= 1.0 && is_score(t->nats) &&
                           is_score(t->baseline_nats)));
}

static void draw_trial(struct reading *r, sqlite3_stmt *s, uint32_t session_number,
                       const struct review_trial *t)
{
    struct review_subject *subject =
        &r->review->subjects[r->review->sessions[session_number].subject];
    if (subject->curves == NULL) {
        return;
    }
    const model_score *score = &subject->tally.score;
    struct review_curves_trial c = {.event = sqlite3_column_int64(s, ID),
                                    .session = session_number,
                                    .number = subject->tally.trials,
                                    .stimulus = t->stimulus,
                                    .choice = t->choice,
                                    .correct = t->correct,
                                    .p_right = t->p_right,
                                    .gain = score->baseline_nats - score->nats};
    review_curves_push(subject->curves, &c);
    if (review_curves_wants_point(subject->curves, c.number)) {
        const struct review_run *run =
            review_run_find(r->runs, (size_t)r->review->n_runs, sqlite3_column_int64(s, RUN));
        const struct review_weights w = {
            .run = run,
            .w = sqlite3_column_blob(s, W),
            .w_size = (size_t)sqlite3_column_bytes(s, W),
            .w_sd = sqlite3_column_blob(s, W_SD),
            .w_sd_size = (size_t)sqlite3_column_bytes(s, W_SD),
        };
        review_curves_point(subject->curves, &c, &w);
    }
}

static int take_trial(struct reading *r, sqlite3_stmt *s, enum session_outcome status)
{
    struct review *v = r->review;
    struct review_trial t;
    const int64_t id = sqlite3_column_int64(s, ID);
    const int64_t number = whole_at(s, SESSION);
    if (number < 0 || number >= (int64_t)v->n_sessions || !read_trial(s, status, &t) ||
        (int64_t)v->sessions[number].subject != sqlite3_column_int64(s, SUBJECT)) {
        return row_fault(r, "event", id);
    }
    struct review_session *session = &v->sessions[number];
    struct review_subject *subject = &v->subjects[session->subject];
    if (session->tally.trials == 0) {
        session->first_trial = subject->tally.trials;
        subject->n_sessions++;
        session->lowest = t.number;
    }
    session->lowest = t.number < session->lowest ? t.number : session->lowest;
    session->highest = t.number > session->highest ? t.number : session->highest;
    review_tally_push(&session->tally, &t);
    review_tally_push(&subject->tally, &t);
    review_tally_push(&v->total, &t);
    draw_trial(r, s, (uint32_t)number, &t);
    if (subject->outlook != NULL && t.choice >= 0) {
        review_forecasts_push(subject->outlook, t.correct);
    }
    return FAULT_NONE;
}

static int take_event(struct reading *r, sqlite3_stmt *s)
{
    struct review *v = r->review;
    const int64_t t_wall_ns = sqlite3_column_int64(s, WALL);
    v->first_wall_ns = v->n_events == 0 ? t_wall_ns : v->first_wall_ns;
    v->last_wall_ns = t_wall_ns;
    v->n_events++;
    enum session_outcome status;
    if (!session_outcome_parse(&status, journal_reader_text(s, STATUS))) {
        return row_fault(r, "event", sqlite3_column_int64(s, ID));
    }
    switch (status) {
    case SESSION_OUTCOME_TAKEN:
    case SESSION_OUTCOME_HEALED:
    case SESSION_OUTCOME_LATE:
    case SESSION_OUTCOME_DOUBTED:
        return take_trial(r, s, status);
    case SESSION_OUTCOME_CONFLICT:
        v->n_conflicts++;
        break;
    case SESSION_OUTCOME_REFUSED:
        v->n_refused++;
        break;
    case SESSION_OUTCOME_DUPLICATE:
    case SESSION_OUTCOME_NOTED:
    case SESSION_OUTCOME_PLAIN:
        break;
    }
    return FAULT_NONE;
}

static int read_events(struct reading *r)
{
    sqlite3_stmt *s;
    int64_t most = 0;
    int rc = journal_reader_query_int(&r->journal, "SELECT coalesce(max(id), 0) FROM event", &most,
                                      r->fault);
    rc = rc ? rc
            : journal_reader_prepare(&r->journal,
                                     r->only >= 0 ? EVENT_SQL " WHERE e.subject = ? ORDER BY e.id"
                                                  : EVENT_SQL " ORDER BY e.id",
                                     &s, r->fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (r->only >= 0) {
        sqlite3_bind_int64(s, 1, r->only);
    }
    progress_start(&r->progress, "review", most);
    int step = SQLITE_DONE;
    for (int64_t rows = 1; rc == FAULT_NONE && (step = sqlite3_step(s)) == SQLITE_ROW; rows++) {
        rc = take_event(r, s);
        if (rc == FAULT_NONE && rows % ROWS_A_LOOK == 0) {
            progress_update(&r->progress, sqlite3_column_int64(s, ID));
            rc = progress_interrupted() ? fault_set(r->fault, FAULT_WORK, "interrupted") : rc;
        }
    }
    progress_finish(&r->progress);
    if (rc == FAULT_NONE && step != SQLITE_DONE) {
        rc = journal_reader_fault(&r->journal, r->fault);
    }
    sqlite3_finalize(s);
    return rc;
}

/* Of all sessions with scored choices, or of one animal's. */
static struct review_interval gain_interval(const struct review *v, int64_t subject, double *gains,
                                            double *choices)
{
    size_t k = 0;
    for (uint32_t i = 0; i < v->n_sessions; i++) {
        const model_score *score = &v->sessions[i].tally.score;
        if (score->n > 0 && (subject < 0 || v->sessions[i].subject == (uint32_t)subject)) {
            gains[k] = score->baseline_nats - score->nats;
            choices[k++] = (double)score->n;
        }
    }
    return review_bootstrap(gains, choices, k, (uint64_t)(subject + 1));
}

static int sum_up(struct reading *r)
{
    struct review *v = r->review;
    for (uint32_t i = 0; i < v->n_sessions; i++) {
        struct review_session *s = &v->sessions[i];
        if (s->tally.trials == 0) {
            continue;
        }
        /* Numbers start at 0, or at 1 for rigs that count so. */
        const int64_t first = s->lowest == 1 ? 1 : 0;
        s->tally.missing = s->highest - first + 1 - s->tally.trials;
        v->subjects[s->subject].tally.missing += s->tally.missing;
        v->total.missing += s->tally.missing;
    }
    double *sums = calloc(2 * (size_t)v->n_sessions + 1, sizeof *sums);
    if (sums == NULL) {
        return no_memory(r);
    }
    v->gain = gain_interval(v, -1, sums, sums + v->n_sessions);
    for (uint32_t i = 0; i < v->n_subjects; i++) {
        struct review_subject *s = &v->subjects[i];
        s->gain = gain_interval(v, i, sums, sums + v->n_sessions);
        if (s->curves != NULL) {
            review_curves_finish(s->curves, s->tally.trials);
        }
    }
    free(sums);
    return FAULT_NONE;
}

bool review_has_subject(const struct review *review, uint32_t subject)
{
    const struct review_subject *s = &review->subjects[subject];
    return review->only == NULL ? s->tally.trials > 0 || s->alerts.n > 0
                                : strcmp(review->only, s->name) == 0;
}

bool review_has_session(const struct review *review, uint32_t session)
{
    return review_has_subject(review, review->sessions[session].subject);
}

uint32_t review_count_sessions(const struct review *review)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < review->n_subjects; i++) {
        n += review->subjects[i].n_sessions;
    }
    return n;
}

int64_t review_alerts_first(const struct review_alerts *alerts)
{
    return alerts->n > REVIEW_TEXTS ? alerts->n - REVIEW_TEXTS : 0;
}

const char *review_time(char *out, size_t cap, const char *format, int64_t t_wall_ns)
{
    const time_t t = (time_t)(t_wall_ns / 1000000000);
    struct tm local;
    if (localtime_r(&t, &local) == NULL || strftime(out, cap, format, &local) == 0) {
        (void)snprintf(out, cap, "?");
    }
    return out;
}

int review_open(struct review *review, const struct review_request *request, struct fault *fault)
{
    struct reading r = {
        .review = review, .fault = fault, .with_curves = request->with_curves, .only = -1};
    *review = (struct review){.only = request->subject};
    int rc = journal_reader_open(&r.journal, request->path, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    memcpy(review->path, r.journal.path, sizeof review->path);
    if (sqlite3_exec(r.journal.db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
        rc = journal_reader_fault(&r.journal, fault);
    }
    rc = rc ? rc : read_subjects(&r);
    rc = rc ? rc : read_sessions(&r);
    rc = rc ? rc : count_rows(&r, "SELECT count(*) FROM run", &review->n_runs);
    if (rc == FAULT_NONE && r.with_curves) {
        rc = review_runs_read(&r.runs, (size_t)review->n_runs, &r.journal, fault);
    }
    rc = rc ? rc : read_alerts(&r);
    rc = rc ? rc : read_outlooks(&r);
    rc = rc ? rc : read_events(&r);
    rc = rc ? rc : sum_up(&r);
    journal_reader_close(&r.journal);
    free(r.runs);
    if (rc != FAULT_NONE) {
        review_close(review);
    }
    return rc;
}

void review_close(struct review *review)
{
    for (uint32_t i = 0; review->subjects != NULL && i < review->n_subjects; i++) {
        free(review->subjects[i].curves);
        free(review->subjects[i].outlook);
    }
    free(review->subjects);
    free(review->sessions);
    *review = (struct review){0};
}
