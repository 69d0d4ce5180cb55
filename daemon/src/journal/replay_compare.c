#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "replay_compare.h"

#include "progress.h"

/* Where the recomputed and the journaled differ, or how many were compared. */
struct replaying {
    struct replay *replay;
    struct subjects *subjects;
    sqlite3_stmt *event;
    sqlite3_stmt *prediction;
    sqlite3_stmt *alert;
    struct progress progress;
    struct replay_compared n;
};

enum { ARRAYS = 6 }; /* columns of a prediction; numbers follow */

static int64_t no_clock(void)
{
    return 0;
}

static int differ(const struct replaying *r, int64_t event, const char *what, double was, double is,
                  struct fault *fault)
{
    return fault_set(fault, FAULT_WORK,
                     "%s: event %" PRId64 ": %s was %.17g, is recomputed as %.17g",
                     r->replay->journal.path, event, what, was, is);
}

/* NaN is kept as NULL. */
static bool is_same(sqlite3_stmt *s, int column, double value)
{
    if (sqlite3_column_type(s, column) == SQLITE_NULL) {
        return isnan(value);
    }
    const double was = sqlite3_column_double(s, column);
    return memcmp(&was, &value, sizeof was) == 0 || was == value;
}

static int compare_reals(struct replaying *r, int64_t event, int column, const char *what,
                         const double *values, size_t n, struct fault *fault)
{
    const uint8_t *blob = sqlite3_column_blob(r->prediction, column);
    const size_t size = (size_t)sqlite3_column_bytes(r->prediction, column);
    if (size != n * sizeof values[0]) {
        return differ(r, event, what, (double)(size / sizeof values[0]), (double)n, fault);
    }
    for (size_t i = 0; i < n; i++) {
        double was;
        memcpy(&was, blob + i * sizeof was, sizeof was);
        if (memcmp(&was, &values[i], sizeof was) != 0) {
            return differ(r, event, what, was, values[i], fault);
        }
        r->n.values++;
    }
    return FAULT_NONE;
}

static int compare_arrays(struct replaying *r, int64_t id, const proto_prediction *p,
                          struct fault *fault)
{
    const struct {
        const char *what;
        const double *values;
        size_t n;
    } blobs[] = {{"stimuli", p->stimuli.v, p->stimuli.n},
                 {"p_right", p->p_right.v, p->p_right.n},
                 {"lo", p->lo.v, p->lo.n},
                 {"hi", p->hi.v, p->hi.n},
                 {"w", p->w.v, p->w.n},
                 {"w_sd", p->w_sd.v, p->w_sd.n}};
    int rc = FAULT_NONE;
    for (int i = 0; rc == FAULT_NONE && i < ARRAYS; i++) {
        rc = compare_reals(r, id, i, blobs[i].what, blobs[i].values, blobs[i].n, fault);
    }
    return rc;
}

struct number {
    const char *what;
    double value;
};

/* Holds n numbers against the columns of a row from `column` on. */
static int compare_numbers(struct replaying *r, int64_t id, sqlite3_stmt *s, int column,
                           const struct number numbers[], int n, struct fault *fault)
{
    for (int i = 0; i < n; i++) {
        r->n.values++;
        if (!is_same(s, column + i, numbers[i].value)) {
            return differ(r, id, numbers[i].what, sqlite3_column_double(s, column + i),
                          numbers[i].value, fault);
        }
    }
    return FAULT_NONE;
}

static int compare_scores(struct replaying *r, int64_t id, const proto_prediction *p,
                          struct fault *fault)
{
    const struct number numbers[] = {{"for_trial", (double)p->for_trial},
                                     {"n", (double)p->score.v.n},
                                     {"nats", p->score.v.nats},
                                     {"baseline_nats", p->score.v.baseline_nats},
                                     {"brier", p->score.v.brier},
                                     {"ece", p->score.v.ece},
                                     {"coverage", p->score.v.coverage},
                                     {"interval_ratio", p->score.v.interval_ratio},
                                     {"session_n", (double)p->session_score.v.n},
                                     {"session_nats", p->session_score.v.nats},
                                     {"session_baseline_nats", p->session_score.v.baseline_nats},
                                     {"session_brier", p->session_score.v.brier},
                                     {"session_ece", p->session_score.v.ece},
                                     {"session_coverage", p->session_score.v.coverage},
                                     {"session_interval_ratio", p->session_score.v.interval_ratio}};
    return compare_numbers(r, id, r->prediction, ARRAYS, numbers,
                           (int)(sizeof numbers / sizeof numbers[0]), fault);
}

static int compare_prediction(struct replaying *r, const struct replay_step *step,
                              struct fault *fault)
{
    const proto_prediction *p = &step->result->reply.as.prediction;
    const int64_t id = step->event->id;
    sqlite3_reset(r->prediction);
    sqlite3_bind_int64(r->prediction, 1, id);
    const bool is_there = sqlite3_step(r->prediction) == SQLITE_ROW;
    if (is_there != step->result->has_prediction) {
        return fault_set(fault, FAULT_WORK, "%s: event %" PRId64 ": %s", r->replay->journal.path,
                         id,
                         is_there ? "a prediction stands there, none is recomputed"
                                  : "no prediction stands there, one is recomputed");
    }
    if (!is_there) {
        return FAULT_NONE;
    }
    r->n.predictions++;
    const int rc = compare_arrays(r, id, p, fault);
    return rc ? rc : compare_scores(r, id, p, fault);
}

static int compare_event(struct replaying *r, const struct replay_step *step, struct fault *fault)
{
    const struct twin_outcome *scored = &step->result->scored;
    const int64_t id = step->event->id;
    sqlite3_stmt *s = r->event;
    sqlite3_reset(s);
    sqlite3_bind_int64(s, 1, id);
    if (sqlite3_step(s) != SQLITE_ROW) {
        return fault_set(fault, FAULT_WORK, "%s: event %" PRId64 " is gone",
                         r->replay->journal.path, id);
    }
    const char *was = (const char *)sqlite3_column_text(s, 0);
    const char *is = session_outcome_name(step->result->status);
    if (was == NULL || strcmp(was, is) != 0) {
        return fault_set(fault, FAULT_WORK,
                         "%s: event %" PRId64 ": status was %s, is recomputed as %s",
                         r->replay->journal.path, id, was != NULL ? was : "unknown", is);
    }
    const bool is_closed = scored->bin.n > 0;
    const double nan = (double)NAN;
    const struct number numbers[] = {{"p_right", scored->p_right},
                                     {"nats", scored->nats},
                                     {"baseline_nats", scored->baseline_nats},
                                     {"p_disengaged", scored->p_disengaged},
                                     {"covered", is_closed ? (double)scored->bin.n_covered : nan},
                                     {"bin_error", is_closed ? scored->bin.found : nan},
                                     {"bin_claimed", is_closed ? scored->bin.claimed : nan}};
    return compare_numbers(r, id, s, 1, numbers, (int)(sizeof numbers / sizeof numbers[0]), fault);
}

static const struct session_alert *find_alert(const struct session_result *result,
                                              proto_alert_code code)
{
    for (uint32_t i = 0; i < result->n_alerts; i++) {
        if (result->alerts[i].code == code) {
            return &result->alerts[i];
        }
    }
    return NULL;
}

static int compare_alert(struct replaying *r, const struct replay_step *step, proto_alert_code code,
                         struct fault *fault)
{
    const struct session_alert *alert = find_alert(step->result, code);
    const int64_t id = step->event->id;
    sqlite3_stmt *s = r->alert;
    sqlite3_reset(s);
    sqlite3_bind_int64(s, 1, id);
    sqlite3_bind_text(s, 2, proto_alert_name(code), -1, SQLITE_STATIC);
    const bool is_there = sqlite3_step(s) == SQLITE_ROW;
    if (is_there != (alert != NULL)) {
        return fault_set(
            fault, FAULT_WORK,
            is_there ? "%s: event %" PRId64 ": an alert `%s` stands there, none is recomputed"
                     : "%s: event %" PRId64 ": no alert `%s` stands there, one is recomputed",
            r->replay->journal.path, id, proto_alert_name(code));
    }
    if (!is_there) {
        return FAULT_NONE;
    }
    const struct number evidence = {"evidence", alert->evidence};
    return compare_numbers(r, id, s, 0, &evidence, 1, fault);
}

/* Those that follow from the trials alone, and are never withheld. Their words may differ from
 * version to version. */
static int compare_alerts(struct replaying *r, const struct replay_step *step, struct fault *fault)
{
    int rc = compare_alert(r, step, PROTO_ALERT_DISENGAGED, fault);
    rc = rc ? rc : compare_alert(r, step, PROTO_ALERT_PROTOCOL_VIOLATION, fault);
    return rc ? rc : compare_alert(r, step, PROTO_ALERT_MODEL_OUT_OF_RANGE, fault);
}

static int on_event(void *context, const struct replay_step *step, struct fault *fault)
{
    struct replaying *r = context;
    int rc = compare_event(r, step, fault);
    rc = rc ? rc : compare_prediction(r, step, fault);
    rc = rc ? rc : compare_alerts(r, step, fault);
    r->n.events++;
    if (step->result->subject != SUBJECTS_NONE) {
        struct subject *s = &r->subjects->subject[step->result->subject];
        if (subjects_is_full_of_changes(s)) {
            subjects_clean(s); /* nothing is checkpointed here */
        }
    }
    if (step->done % 1024 == 0) {
        progress_update(&r->progress, step->event->id);
        if (progress_interrupted()) {
            return fault_set(fault, FAULT_WORK, "stopped after event %" PRId64 "; identical so far",
                             step->event->id);
        }
    }
    return rc;
}

static int prepare(struct replaying *r, struct fault *fault)
{
    static const char EVENT[] =
        "SELECT status, p_right, nats, baseline_nats, p_disengaged, covered, bin_error,"
        " bin_claimed FROM event WHERE id = ?";
    static const char PREDICTION[] =
        "SELECT stimuli, p_right, lo, hi, w, w_sd, for_trial, n, nats,"
        " baseline_nats, brier, ece, coverage, interval_ratio, session_n,"
        " session_nats, session_baseline_nats, session_brier, session_ece,"
        " session_coverage, session_interval_ratio FROM prediction WHERE event = ?";
    static const char ALERT[] = "SELECT evidence FROM alert WHERE event = ? AND code = ?";
    sqlite3 *db = r->replay->journal.db;
    return sqlite3_prepare_v2(db, EVENT, -1, &r->event, NULL) == SQLITE_OK &&
                   sqlite3_prepare_v2(db, PREDICTION, -1, &r->prediction, NULL) == SQLITE_OK &&
                   sqlite3_prepare_v2(db, ALERT, -1, &r->alert, NULL) == SQLITE_OK
               ? FAULT_NONE
               : fault_set(fault, FAULT_INPUT, "%s: %s", r->replay->journal.path,
                           sqlite3_errmsg(db));
}

int replay_compare(const char *path, struct replay_compared *n, struct fault *fault)
{
    struct replay replay;
    struct subjects subjects = {0};
    int rc = replay_open(&replay, path, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    struct replaying r = {.replay = &replay, .subjects = &subjects};
    if (replay_is_empty(&replay)) {
        rc = fault_set(fault, FAULT_INPUT, "%s: is empty", path);
    }
    rc = rc ? rc : replay_open_subjects(&replay, &subjects, no_clock, fault);
    rc = rc ? rc : prepare(&r, fault);
    replay.adaptation.is_found_anew = true;
    progress_start(&r.progress, "replay", replay.last_event);
    rc = rc ? rc : replay_events(&replay, &subjects, 0, on_event, &r, fault);
    progress_finish(&r.progress);
    *n = r.n;
    n->values += replay.adaptation.n_compared;
    sqlite3_finalize(r.event);
    sqlite3_finalize(r.prediction);
    sqlite3_finalize(r.alert);
    subjects_close(&subjects);
    replay_close(&replay);
    return rc;
}
