#include "review_forecasts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suggestion_message.h"
#include "summary_line.h"
#include "text_escape.h"

#define CHOICES "choice IS NOT NULL AND status IN ('taken', 'healed', 'late', 'doubted')"

struct reading {
    const struct journal_reader *journal;
    int64_t subject;
    const char *name;
    struct fault *fault;
    struct review_forecasts *outlook;
    proto_message message;
};

/* A query with the subject as ?1 and a number as ?2; the caller's to sqlite3_finalize(). */
static int prepare(const struct reading *r, const char *sql, int64_t number, sqlite3_stmt **s)
{
    const int rc = journal_reader_prepare(r->journal, sql, s, r->fault);
    if (rc == FAULT_NONE) {
        sqlite3_bind_int64(*s, 1, r->subject);
        if (sqlite3_bind_parameter_count(*s) > 1) {
            sqlite3_bind_int64(*s, 2, number);
        }
    }
    return rc;
}

static int whole(const struct reading *r, const char *sql, int64_t number, int64_t *value)
{
    sqlite3_stmt *s;
    int rc = prepare(r, sql, number, &s);
    if (rc == FAULT_NONE && sqlite3_step(s) == SQLITE_ROW) {
        *value = sqlite3_column_int64(s, 0);
    } else if (rc == FAULT_NONE) {
        rc = journal_reader_fault(r->journal, r->fault);
    }
    sqlite3_finalize(s);
    return rc;
}

/* Decodes a row (event, message) to r->message: not trusted. */
static int take_row(struct reading *r, sqlite3_stmt *s, const char *table, proto_kind kind)
{
    proto_fault ignored;
    const uint8_t *text = sqlite3_column_text(s, 1);
    const size_t size = (size_t)sqlite3_column_bytes(s, 1);
    if (text == NULL || proto_decode(text, size, &r->message, &ignored) != PROTO_OK ||
        r->message.kind != kind || strcmp(r->message.env.subject, r->name) != 0) {
        return journal_reader_row_fault(r->journal->path, table, sqlite3_column_int64(s, 0),
                                        r->fault);
    }
    return FAULT_NONE;
}

/* Every window has all its bands. */
static bool has_whole_bands(const proto_bands *b)
{
    const uint32_t n = b->median.n;
    return b->lo50.n == n && b->hi50.n == n && b->lo90.n == n && b->hi90.n == n;
}

static int take_forecast(struct reading *r, int64_t event, struct review_forecast *out)
{
    const proto_forecast *said = &r->message.as.forecast;
    sqlite3_stmt *s;
    int rc = prepare(r, "SELECT event, message FROM forecast WHERE subject = ?1 AND event = ?2",
                     event, &s);
    if (rc != FAULT_NONE) {
        return rc;
    }
    rc = sqlite3_step(s) == SQLITE_ROW ? take_row(r, s, "forecast", PROTO_KIND_FORECAST)
                                       : journal_reader_fault(r->journal, r->fault);
    sqlite3_finalize(s);
    if (rc == FAULT_NONE && said->correct.present && !has_whole_bands(&said->correct.v)) {
        rc = journal_reader_row_fault(r->journal->path, "forecast", event, r->fault);
    }
    if (rc == FAULT_NONE) {
        out->said = *said;
        memcpy(out->session, r->message.env.session, sizeof out->session);
    }
    return rc;
}

/* The last one, and the one that is held against what was observed. */
static int read_forecasts(struct reading *r)
{
    struct review_forecasts *o = r->outlook;
    int64_t last = 0;
    int64_t since = 0; /* an event: enough choices have come after it */
    int rc = whole(r, "SELECT max(event) FROM forecast WHERE subject = ?1", 0, &last);
    rc = rc ? rc : take_forecast(r, last, &o->last);
    if (rc != FAULT_NONE || o->last.said.window == PROTO_NIL) {
        return rc;
    }
    rc = whole(r,
               "SELECT coalesce((SELECT id FROM event WHERE subject = ?1 AND " CHOICES
               " ORDER BY id DESC LIMIT 1 OFFSET ?2), 0)",
               REVIEW_FORECASTS_SINCE * o->last.said.window - 1, &since);
    rc = rc ? rc
            : whole(r,
                    "SELECT coalesce(max(CASE WHEN event < ?2 THEN event END), min(event)) FROM "
                    "forecast WHERE subject = ?1",
                    since, &o->held_event);
    rc = rc ? rc : take_forecast(r, o->held_event, &o->held);
    return rc ? rc
              : whole(r, "SELECT count(*) FROM event WHERE subject = ?1 AND id <= ?2 AND " CHOICES,
                      o->held_event, &o->n_known);
}

static int read_suggestions(struct reading *r)
{
    struct review_forecasts *o = r->outlook;
    const proto_suggestion *said = &r->message.as.suggestion;
    sqlite3_stmt *s;
    int step = SQLITE_DONE;
    int rc = prepare(r, "SELECT event, message FROM suggestion WHERE subject = ?1 ORDER BY event",
                     0, &s);
    while (rc == FAULT_NONE && (step = sqlite3_step(s)) == SQLITE_ROW) {
        rc = take_row(r, s, "suggestion", PROTO_KIND_SUGGESTION);
        if (rc == FAULT_NONE) {
            const model_curriculum_why why = suggestion_message_reason(said);
            o->n_by_reason[why]++;
            if (why == MODEL_CURRICULUM_ADVISES) {
                o->advised = *said;
                memcpy(o->advised_session, r->message.env.session, sizeof o->advised_session);
            }
        }
    }
    if (rc == FAULT_NONE && step != SQLITE_DONE) {
        rc = journal_reader_fault(r->journal, r->fault);
    }
    sqlite3_finalize(s);
    return rc;
}

int review_forecasts_read(struct review_forecasts **out, const struct journal_reader *journal,
                          int64_t subject, const char *name, struct fault *fault)
{
    struct reading r = {.journal = journal, .subject = subject, .name = name, .fault = fault};
    int64_t n_forecasts = 0;
    int64_t n_suggestions = 0;
    *out = NULL;
    int rc = whole(&r, "SELECT count(*) FROM forecast WHERE subject = ?1", 0, &n_forecasts);
    rc = rc ? rc
            : whole(&r, "SELECT count(*) FROM suggestion WHERE subject = ?1", 0, &n_suggestions);
    if (rc != FAULT_NONE || n_forecasts + n_suggestions == 0) {
        return rc;
    }
    r.outlook = calloc(1, sizeof *r.outlook);
    if (r.outlook == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: no memory for its forecasts", journal->path);
    }
    r.outlook->n_forecasts = n_forecasts;
    r.outlook->n_suggestions = n_suggestions;
    rc = n_forecasts > 0 ? read_forecasts(&r) : FAULT_NONE;
    rc = rc ? rc : read_suggestions(&r);
    if (rc != FAULT_NONE) {
        free(r.outlook);
        return rc;
    }
    *out = r.outlook;
    return FAULT_NONE;
}

bool review_forecasts_has_bands(const struct review_forecasts *o)
{
    return o != NULL && o->held.said.correct.present && o->held.said.correct.v.median.n > 0 &&
           o->held.said.window != PROTO_NIL;
}

void review_forecasts_push(struct review_forecasts *o, double correct)
{
    const int64_t number = o->n_pushed++;
    if (!review_forecasts_has_bands(o)) {
        return;
    }
    /* Counted from the first window that is kept, so that it rounds down. */
    const int64_t window = o->held.said.window;
    const int64_t from = o->n_known - REVIEW_FORECASTS_BEFORE * window;
    const int64_t at = number >= from ? (number - from) / window : -1;
    if (at < 0 || at >= REVIEW_FORECASTS_BEFORE + FORECAST_MESSAGE_WINDOWS) {
        return;
    }
    struct review_window *w = &o->windows[at];
    w->n++;
    if (!isnan(correct)) {
        w->n_judged++;
        w->correct += correct;
    }
}

double review_forecasts_share(const struct review_forecasts *o, int window)
{
    if (window < -REVIEW_FORECASTS_BEFORE || window >= FORECAST_MESSAGE_WINDOWS) {
        return (double)NAN;
    }
    const struct review_window *w = &o->windows[REVIEW_FORECASTS_BEFORE + window];
    return w->n == o->held.said.window && w->n_judged > 0 ? w->correct / (double)w->n_judged
                                                          : (double)NAN;
}

struct review_held review_forecasts_held(const struct review_forecasts *o)
{
    const proto_bands *b = &o->held.said.correct.v;
    struct review_held held = {0};
    for (int i = 0; i < (int)b->median.n; i++) {
        const double share = review_forecasts_share(o, i);
        if (isnan(share)) {
            continue;
        }
        held.n++;
        held.n_50 += share >= b->lo50.v[i] && share <= b->hi50.v[i];
        held.n_90 += share >= b->lo90.v[i] && share <= b->hi90.v[i];
    }
    return held;
}

const char *review_forecasts_reason_name(int reason)
{
    return reason < MODEL_CURRICULUM_WHYS ? model_curriculum_why_name((model_curriculum_why)reason)
                                          : "other";
}

const char *review_forecasts_line_name(enum review_forecasts_line line)
{
    static const char *const NAMES[] = {"forecast", "observed", "advice", "advised"};
    return line < REVIEW_FORECASTS_LINES ? NAMES[line] : NULL;
}

static void print_based_on(int64_t trial, const char *session, char *out, size_t cap)
{
    (void)snprintf(out, cap, "after trial %" PRId64 " of session %s", trial, session);
}

static void print_forecast(const struct review_forecasts *o, char *out, size_t cap)
{
    char when[SUMMARY_LINE_MAX];
    char chance[SUMMARY_LINE_MAX];
    char based_on[128];
    summary_line_forecast(&o->last.said, when, sizeof when);
    summary_line_status(NULL, &o->last.said, chance, sizeof chance);
    print_based_on(o->last.said.based_on, o->last.session, based_on, sizeof based_on);
    (void)snprintf(out, cap, "%s%s%s; %s, the last of %" PRId64, when,
                   chance[0] != '\0' ? "; " : "", chance, based_on, o->n_forecasts);
}

static void print_came(const struct review_forecasts *o, const struct review_held *held, char *out,
                       size_t cap)
{
    char based_on[128];
    print_based_on(o->held.said.based_on, o->held.session, based_on, sizeof based_on);
    (void)snprintf(out, cap,
                   "of %d windows of %" PRId64
                   " choices %d within the 50%% band, %d within the 90%% band of the forecast %s",
                   held->n, o->held.said.window, held->n_50, held->n_90, based_on);
}

static void print_advice(const struct review_forecasts *o, char *out, size_t cap)
{
    const int64_t n_advised = o->n_by_reason[MODEL_CURRICULUM_ADVISES];
    const char *between = ": ";
    size_t at = (size_t)snprintf(
        out, cap, "requested %" PRId64 " times, a change advised %" PRId64 ", abstained %" PRId64,
        o->n_suggestions, n_advised, o->n_suggestions - n_advised);
    for (int i = MODEL_CURRICULUM_ADVISES + 1; i <= MODEL_CURRICULUM_WHYS && at < cap; i++) {
        if (o->n_by_reason[i] > 0) {
            const char *why = i < MODEL_CURRICULUM_WHYS
                                  ? model_curriculum_why_text((model_curriculum_why)i)
                                  : review_forecasts_reason_name(i);
            at += (size_t)snprintf(out + at, cap - at, "%s%" PRId64 " x %s", between,
                                   o->n_by_reason[i], why);
            between = ", ";
        }
    }
}

static void print_advised(const struct review_forecasts *o, char *out, size_t cap)
{
    char summary[SUMMARY_LINE_MAX];
    char based_on[128];
    summary_line_advice(&o->advised, summary, sizeof summary);
    print_based_on(o->advised.based_on, o->advised_session, based_on, sizeof based_on);
    (void)snprintf(out, cap, "%s; %s", summary, based_on);
}

const char *review_forecasts_text(const struct review_forecasts *o, enum review_forecasts_line line,
                                  char out[])
{
    char text[REVIEW_FORECASTS_LINE_MAX] = "";
    if (o == NULL) {
        return NULL;
    }
    const struct review_held held = review_forecasts_held(o);
    if (line == REVIEW_FORECASTS_FORECAST && o->n_forecasts > 0) {
        print_forecast(o, text, sizeof text);
    } else if (line == REVIEW_FORECASTS_OBSERVED && held.n > 0) {
        print_came(o, &held, text, sizeof text);
    } else if (line == REVIEW_FORECASTS_ADVICE && o->n_suggestions > 0) {
        print_advice(o, text, sizeof text);
    } else if (line == REVIEW_FORECASTS_ADVISED && o->n_by_reason[MODEL_CURRICULUM_ADVISES] > 0) {
        print_advised(o, text, sizeof text);
    }
    text_escape_clean(out, REVIEW_FORECASTS_LINE_MAX, text);
    return text[0] != '\0' ? out : NULL;
}
