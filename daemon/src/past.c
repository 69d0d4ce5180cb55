#include "past.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "journal_reader.h"
#include "progress.h"
#include "session.h"
#include "standing.h"
#include "table.h"

enum { ROWS_A_LOOK = 1024, FIRST_TRIALS = 1024 };

/* What is read from, and what of it is wanted. */
struct source {
    struct past *past;
    const char *path;
    const char *only; /* NULL: the first animal's, and there must be no other */
};

/* False for an animal that is not asked for. */
static int is_wanted(struct source *s, const char *subject, bool *wanted, struct fault *fault)
{
    struct past *past = s->past;
    if (s->only != NULL) {
        *wanted = strcmp(s->only, subject) == 0;
    } else if (past->subject[0] != '\0' && strcmp(past->subject, subject) != 0) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: has trials of %.64s and of %.64s; one animal was expected, or "
                         "--subject",
                         s->path, past->subject, subject);
    } else {
        *wanted = true;
    }
    if (*wanted) {
        strcpy(past->subject, subject);
    }
    return FAULT_NONE;
}

static int push(struct source *s, const char *session, const model_status_session_info *info,
                const model_trial *trial, double p_left, struct fault *fault)
{
    struct past *past = s->past;
    if (past->n == past->capacity) {
        const size_t capacity = past->capacity > 0 ? 2 * past->capacity : FIRST_TRIALS;
        void *trials = realloc(past->trials, capacity * sizeof *past->trials);
        if (trials == NULL) {
            return fault_set(fault, FAULT_WORK, "%s: no memory for its trials", s->path);
        }
        past->trials = trials;
        past->capacity = capacity;
    }
    const bool starts = past->n == 0 || strcmp(past->session, session) != 0;
    strcpy(past->session, session);
    past->trials[past->n++] = (struct past_trial){
        .trial = *trial, .p_left = p_left, .starts_session = starts, .info = *info};
    return FAULT_NONE;
}

/* ---- tables ---------------------------------------------------------------------------------- */

static int take_row(struct source *s, const struct table_row *row, struct fault *fault)
{
    bool wanted = false;
    const int rc = is_wanted(s, row->subject, &wanted, fault);
    if (rc != FAULT_NONE || !wanted) {
        return rc;
    }
    const model_status_session_info info = {.protocol = model_criteria_protocol_of(row->task),
                                            .is_ephys_rig = row->ephys_rig == 1,
                                            .delay_s = row->delay_s};
    const model_trial trial = {.contrast = row->stimulus,
                               .reward = row->reward,
                               .rt_s = row->rt_s,
                               .choice = row->choice,
                               .side = row->side};
    return push(s, row->session, &info, &trial, row->p_left, fault);
}

static int read_table(struct source *s, struct fault *fault)
{
    struct table table;
    struct table_row row;
    struct progress progress;
    int rc = table_open(&table, s->path, fault);
    int got = 0;
    progress_start(&progress, "reading", 0);
    for (int64_t n = 1; rc == FAULT_NONE && (got = table_next(&table, &row, fault)) == 1; n++) {
        rc = take_row(s, &row, fault);
        if (rc == FAULT_NONE && n % ROWS_A_LOOK == 0) {
            progress_update(&progress, n);
            rc = progress_interrupted() ? fault_set(fault, FAULT_WORK, "interrupted") : rc;
        }
    }
    progress_finish(&progress);
    if (rc == FAULT_NONE && got < 0) {
        rc = FAULT_INPUT;
    }
    if (rc == FAULT_NONE && s->past->n == 0) {
        rc = fault_set(fault, FAULT_INPUT, "%s: no trials%s%.64s", table.path,
                       s->only != NULL ? " of " : "", s->only != NULL ? s->only : "");
    }
    table_close(&table);
    return rc;
}

/* ---- journals -------------------------------------------------------------------------------- */

enum column { ID, SOURCE, RIG, RAW, SUBJECT_NAME, SESSION_NAME, SESSION };

/* A session_start has no trial, and NULL comes before all numbers. */
#define EVENT_SQL                                                                                  \
    "SELECT e.id, e.source, e.rig, e.raw, subject.name, session.name, e.session"                   \
    " FROM event AS e JOIN subject ON subject.id = e.subject"                                      \
    " JOIN session ON session.id = e.session WHERE (e.status IN ('taken', 'healed')"               \
    " AND e.kind = 'trial') OR (e.status = 'noted' AND e.kind = 'session_start')"                  \
    " ORDER BY e.session, e.trial, e.id"

struct hearing {
    struct source *source;
    struct journal_reader journal;
    proto_message heard;
    int64_t session; /* that info is about */
    model_status_session_info info;
};

static int row_fault(struct hearing *h, sqlite3_stmt *s, struct fault *fault)
{
    return journal_reader_row_fault(&h->journal, "event", sqlite3_column_int64(s, ID), fault);
}

static int take_event(struct hearing *h, sqlite3_stmt *s, struct fault *fault)
{
    char subject[PROTO_ID_MAX + 1];
    char session[PROTO_ID_MAX + 1];
    proto_fault why;
    bool wanted = false;
    if (!journal_reader_id(subject, s, SUBJECT_NAME) ||
        !journal_reader_id(session, s, SESSION_NAME)) {
        return row_fault(h, s, fault);
    }
    const int rc = is_wanted(h->source, subject, &wanted, fault);
    if (rc != FAULT_NONE || !wanted) {
        return rc;
    }
    const struct session_event event = {
        .source = session_source_of(journal_reader_text(s, SOURCE)),
        .rig = journal_reader_text(s, RIG), /* these two are read of serial events only */
        .subject = subject,
        .bytes = sqlite3_column_blob(s, RAW),
        .size = (size_t)sqlite3_column_bytes(s, RAW),
    };
    if (event.bytes == NULL || session_decode(&event, &h->heard, &why) != PROTO_OK) {
        return row_fault(h, s, fault);
    }
    if (sqlite3_column_int64(s, SESSION) != h->session) {
        h->session = sqlite3_column_int64(s, SESSION);
        h->info = standing_unknown();
    }
    if (h->heard.kind == PROTO_KIND_SESSION_START) {
        h->info = standing_info(&h->heard.as.session_start);
        return FAULT_NONE;
    }
    if (h->heard.kind != PROTO_KIND_TRIAL || isnan(h->heard.as.trial.stimulus)) {
        return row_fault(h, s, fault);
    }
    const model_trial trial = session_trial(&h->heard.as.trial);
    return push(h->source, session, &h->info, &trial, h->heard.as.trial.p_left, fault);
}

static int hear_events(struct hearing *h, struct fault *fault)
{
    sqlite3_stmt *s = NULL;
    struct progress progress;
    int rc = journal_reader_prepare(&h->journal, EVENT_SQL, &s, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    int step = SQLITE_DONE;
    progress_start(&progress, "reading", 0);
    for (int64_t n = 1; rc == FAULT_NONE && (step = sqlite3_step(s)) == SQLITE_ROW; n++) {
        rc = take_event(h, s, fault);
        if (rc == FAULT_NONE && n % ROWS_A_LOOK == 0) {
            progress_update(&progress, n);
            rc = progress_interrupted() ? fault_set(fault, FAULT_WORK, "interrupted") : rc;
        }
    }
    progress_finish(&progress);
    if (rc == FAULT_NONE && step != SQLITE_DONE) {
        rc = journal_reader_fault(&h->journal, fault);
    }
    sqlite3_finalize(s);
    return rc;
}

static int read_journal(struct source *s, struct fault *fault)
{
    struct hearing h = {.source = s, .session = -1, .info = standing_unknown()};
    int rc = journal_reader_open(&h.journal, s->path, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    rc = hear_events(&h, fault);
    if (rc == FAULT_NONE && s->past->n == 0) {
        rc = fault_set(fault, FAULT_INPUT, "%s: no trials%s%.64s", h.journal.path,
                       s->only != NULL ? " of " : "", s->only != NULL ? s->only : "");
    }
    journal_reader_close(&h.journal);
    return rc;
}

/* ---- either ---------------------------------------------------------------------------------- */

int past_read(struct past *past, const char *path, const char *only, struct fault *fault)
{
    *past = (struct past){0};
    struct source s = {.past = past, .path = path, .only = only};
    const int rc = journal_reader_knows(path) ? read_journal(&s, fault) : read_table(&s, fault);
    if (rc != FAULT_NONE) {
        past_close(past);
    }
    return rc;
}

void past_close(struct past *past)
{
    free(past->trials);
    *past = (struct past){0};
}
