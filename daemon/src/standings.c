#include "standings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "journal_reader.h"
#include "model/status.h"
#include "progress.h"
#include "session.h"
#include "standing.h"
#include "subjects.h"
#include "table.h"

enum { ROWS_A_LOOK = 1024 };

static int no_memory(const char *path, struct fault *fault)
{
    return fault_set(fault, FAULT_WORK, "%s: no memory for its sessions", path);
}

/* ---- animals and sessions -------------------------------------------------------------------- */

static int add_subject(struct standings *s, const char *name, const char *path, struct fault *fault)
{
    if (s->n_subjects == s->capacity) {
        const uint32_t capacity = s->capacity > 0 ? 2 * s->capacity : 16;
        void *subjects = realloc(s->subjects, capacity * sizeof *s->subjects);
        if (subjects == NULL) {
            return no_memory(path, fault);
        }
        s->subjects = subjects;
        s->capacity = capacity;
    }
    struct standings_subject *to = &s->subjects[s->n_subjects++];
    memset(to, 0, sizeof *to);
    strcpy(to->name, name);
    model_status_tracker_init(&to->tracker);
    return FAULT_NONE;
}

/* The row of the session that goes on; a new one if it has none yet. NULL without memory. */
static struct standings_session *row_of(struct standings_subject *s, int64_t id)
{
    for (uint32_t i = s->n_sessions; i-- > 0;) {
        if (s->sessions[i].id == id) {
            return &s->sessions[i];
        }
    }
    if (s->n_sessions == s->capacity) {
        const uint32_t capacity = s->capacity > 0 ? 2 * s->capacity : 16;
        void *sessions = realloc(s->sessions, capacity * sizeof *s->sessions);
        if (sessions == NULL) {
            return NULL;
        }
        s->sessions = sessions;
        s->capacity = capacity;
    }
    return &s->sessions[s->n_sessions++];
}

/* Judges the session that goes on, if it had trials. *latest is what came of it. */
static int finish(struct standings_subject *s, model_status_standing *latest, const char *path,
                  struct fault *fault)
{
    latest->n_pushed = -1;
    if (s->tracker.current < 0 || !s->is_in_session) {
        return FAULT_NONE;
    }
    const model_status_session *now = &s->tracker.session[s->tracker.current];
    if (now->is_open == 0) {
        return FAULT_NONE; /* it was gone back to, but not gone on with */
    }
    struct standings_session *row = row_of(s, now->id);
    if (row == NULL) {
        return no_memory(path, fault);
    }
    const int rc = model_status_tracker_judge(&s->tracker, latest);
    if (rc != MODEL_OK) {
        return fault_set(fault, FAULT_WORK, "%s: session %s of %s cannot be judged: %s", path,
                         s->session, s->name, model_strerror(rc));
    }
    strcpy(row->name, s->session);
    strcpy(row->rig, s->rig);
    row->id = now->id;
    row->protocol = (model_criteria_protocol)now->counts.protocol;
    row->n_trials = now->counts.n_trials;
    row->easy = now->counts.n_easy > 0
                    ? (double)now->counts.n_easy_correct / (double)now->counts.n_easy
                    : (double)NAN;
    row->standing = *latest;
    return FAULT_NONE;
}

static int enter(struct standings_subject *s, const char *rig, const char *session,
                 const model_status_session_info *info, const char *path, struct fault *fault)
{
    model_status_standing latest;
    if (s->is_in_session && strcmp(s->session, session) == 0 && strcmp(s->rig, rig) == 0) {
        return FAULT_NONE;
    }
    const int rc = finish(s, &latest, path, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    model_status_tracker_start(&s->tracker, standing_session_id(rig, session), info, &latest);
    strcpy(s->session, session);
    strcpy(s->rig, rig);
    s->is_in_session = true;
    return FAULT_NONE;
}

static int finish_all(struct standings *s, const char *path, struct fault *fault)
{
    int rc = FAULT_NONE;
    for (uint32_t i = 0; rc == FAULT_NONE && i < s->n_subjects; i++) {
        model_status_standing latest;
        rc = finish(&s->subjects[i], &latest, path, fault);
    }
    return rc;
}

/* ---- tables ---------------------------------------------------------------------------------- */

static int take_row(struct standings *s, struct subjects *names, const struct table *table,
                    const struct table_row *row, struct fault *fault)
{
    uint32_t number;
    int rc = subjects_find(names, table, row->subject, &number, fault);
    if (rc == FAULT_NONE && number == s->n_subjects) {
        rc = add_subject(s, row->subject, table->path, fault);
    }
    if (rc != FAULT_NONE) {
        return rc;
    }
    struct standings_subject *subject = &s->subjects[number];
    const model_status_session_info info = {.protocol = model_criteria_protocol_of(row->task),
                                            .is_ephys_rig = row->ephys_rig == 1,
                                            .delay_s = row->delay_s};
    const model_status_trial trial = {.contrast = row->stimulus,
                                      .reward = row->reward,
                                      .rt_s = row->rt_s,
                                      .p_left = row->p_left,
                                      .choice = row->choice};
    rc = enter(subject, "", row->session, &info, table->path, fault);
    if (rc == FAULT_NONE) {
        model_status_tracker_push(&subject->tracker, &trial);
    }
    return rc;
}

static int read_rows(struct standings *s, struct subjects *names, struct table *table,
                     const char *only, struct fault *fault)
{
    struct progress progress;
    struct table_row row;
    int rc = FAULT_NONE;
    int got;
    int64_t n = 0;
    progress_start(&progress, "status", 0);
    while (rc == FAULT_NONE && (got = table_next(table, &row, fault)) != 0) {
        if (got < 0) {
            rc = FAULT_INPUT;
        } else if (only == NULL || strcmp(only, row.subject) == 0) {
            rc = take_row(s, names, table, &row, fault);
        }
        if (++n % ROWS_A_LOOK == 0) {
            progress_update(&progress, n);
            rc = rc == FAULT_NONE && progress_interrupted()
                     ? fault_set(fault, FAULT_WORK, "%s:%lld: interrupted", table->path,
                                 (long long)table->line)
                     : rc;
        }
    }
    progress_finish(&progress);
    return rc;
}

static int read_table(struct standings *s, const char *path, const char *only, struct fault *fault)
{
    struct table table;
    struct subjects names = {0};
    int rc = table_open(&table, path, fault);
    if (rc == FAULT_NONE) {
        rc = read_rows(s, &names, &table, only, fault);
        rc = rc == FAULT_NONE ? finish_all(s, table.path, fault) : rc;
        if (rc == FAULT_NONE && s->n_subjects == 0) {
            rc = fault_set(fault, FAULT_INPUT, "%s: no trials%s%.64s", table.path,
                           only != NULL ? " of " : "", only != NULL ? only : "");
        }
    }
    subjects_free(&names);
    table_close(&table);
    return rc;
}

/* ---- journals -------------------------------------------------------------------------------- */

enum column { ID, SOURCE, RIG, RAW, SUBJECT, SUBJECT_NAME, SESSION, SESSION_RIG, SESSION_NAME };

#define EVENT_SQL                                                                                  \
    "SELECT e.id, e.source, e.rig, e.raw, e.subject, subject.name, e.session, session.rig,"        \
    " session.name FROM event AS e JOIN subject ON subject.id = e.subject"                         \
    " JOIN session ON session.id = e.session WHERE e.status IN ('taken', 'healed')"                \
    " OR (e.status = 'noted' AND e.kind IN ('session_start', 'stimulus')) ORDER BY e.id"

/* Sessions and subjects of a journal by number, and what was heard of them. */
struct hearing {
    struct standings *standings;
    struct journal_reader journal;
    const char *only;
    uint32_t *subject; /* index in the standings, UINT32_MAX none */
    bool *is_started;  /* sessions that the daemon had entered */
    int64_t n_subjects;
    int64_t n_sessions;
    proto_message heard;
};

static int decode(struct hearing *h, sqlite3_stmt *s, struct fault *fault)
{
    proto_fault why;
    const struct session_event event = {
        .source = session_source_of(journal_reader_text(s, SOURCE)),
        .rig = journal_reader_text(s, RIG), /* these two are read of serial events only */
        .subject = journal_reader_text(s, SUBJECT_NAME),
        .bytes = sqlite3_column_blob(s, RAW),
        .size = (size_t)sqlite3_column_bytes(s, RAW),
    };
    if (event.bytes == NULL || session_decode(&event, &h->heard, &why) != PROTO_OK) {
        return journal_reader_row_fault(&h->journal, "event", sqlite3_column_int64(s, ID), fault);
    }
    return FAULT_NONE;
}

/* As session.c takes it: a session_start that comes again changes nothing. */
static int take_message(struct hearing *h, struct standings_subject *subject, sqlite3_stmt *s,
                        const char *rig, const char *session, struct fault *fault)
{
    proto_message *heard = &h->heard;
    bool *is_started = &h->is_started[sqlite3_column_int64(s, SESSION)];
    model_status_session_info info = standing_unknown();
    int rc = decode(h, s, fault);
    if (rc == FAULT_NONE && heard->kind == PROTO_KIND_SESSION_START) {
        info = standing_info(&heard->as.session_start);
    }
    if (rc == FAULT_NONE && (heard->kind != PROTO_KIND_SESSION_START || !*is_started)) {
        rc = enter(subject, rig, session, &info, h->journal.path, fault);
        *is_started = true;
    }
    if (rc == FAULT_NONE && heard->kind == PROTO_KIND_TRIAL) {
        const model_status_trial trial = standing_trial(&heard->as.trial);
        model_status_tracker_push(&subject->tracker, &trial);
    }
    return rc;
}

static int take_event(struct hearing *h, sqlite3_stmt *s, struct fault *fault)
{
    char name[PROTO_ID_MAX + 1];
    char rig[PROTO_ID_MAX + 1];
    char session[PROTO_ID_MAX + 1];
    const int64_t number = sqlite3_column_int64(s, SUBJECT);
    const int64_t at = sqlite3_column_int64(s, SESSION);
    if (number < 0 || number >= h->n_subjects || at < 0 || at >= h->n_sessions ||
        !journal_reader_id(name, s, SUBJECT_NAME) || !journal_reader_id(rig, s, SESSION_RIG) ||
        !journal_reader_id(session, s, SESSION_NAME)) {
        return journal_reader_row_fault(&h->journal, "event", sqlite3_column_int64(s, ID), fault);
    }
    if (h->only != NULL && strcmp(h->only, name) != 0) {
        return FAULT_NONE;
    }
    if (h->subject[number] == UINT32_MAX) {
        const int rc = add_subject(h->standings, name, h->journal.path, fault);
        if (rc != FAULT_NONE) {
            return rc;
        }
        h->subject[number] = h->standings->n_subjects - 1;
    }
    return take_message(h, &h->standings->subjects[h->subject[number]], s, rig, session, fault);
}

static int hear_events(struct hearing *h, struct fault *fault)
{
    sqlite3_stmt *s = NULL;
    struct progress progress;
    int64_t most = 0;
    int rc =
        journal_reader_whole(&h->journal, "SELECT coalesce(max(id), 0) FROM event", &most, fault);
    rc = rc ? rc : journal_reader_prepare(&h->journal, EVENT_SQL, &s, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    int step = SQLITE_DONE;
    progress_start(&progress, "status", most);
    for (int64_t n = 1; rc == FAULT_NONE && (step = sqlite3_step(s)) == SQLITE_ROW; n++) {
        rc = take_event(h, s, fault);
        if (rc == FAULT_NONE && n % ROWS_A_LOOK == 0) {
            progress_update(&progress, sqlite3_column_int64(s, ID));
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

/* Room for the highest numbers there are; each must have a row, so that they are not many. */
static int make_room(struct hearing *h, struct fault *fault)
{
    int rc =
        journal_reader_whole(&h->journal, "SELECT count(*) FROM subject", &h->n_subjects, fault);
    rc = rc ? rc
            : journal_reader_whole(&h->journal, "SELECT count(*) FROM session", &h->n_sessions,
                                   fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    h->subject = malloc(((size_t)h->n_subjects + 1) * sizeof *h->subject);
    h->is_started = calloc((size_t)h->n_sessions + 1, sizeof *h->is_started);
    for (int64_t i = 0; h->subject != NULL && i < h->n_subjects; i++) {
        h->subject[i] = UINT32_MAX;
    }
    return h->subject != NULL && h->is_started != NULL ? FAULT_NONE
                                                       : no_memory(h->journal.path, fault);
}

static int read_journal(struct standings *s, const char *path, const char *only,
                        struct fault *fault)
{
    struct hearing h = {.standings = s, .only = only};
    int rc = journal_reader_open(&h.journal, path, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (sqlite3_exec(h.journal.db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
        rc = journal_reader_fault(&h.journal, fault);
    }
    rc = rc ? rc : make_room(&h, fault);
    rc = rc ? rc : hear_events(&h, fault);
    rc = rc ? rc : finish_all(s, h.journal.path, fault);
    if (rc == FAULT_NONE && only != NULL && s->n_subjects == 0) {
        rc = fault_set(fault, FAULT_INPUT, "%s: has no trials of %.64s", h.journal.path, only);
    }
    free(h.subject);
    free(h.is_started);
    journal_reader_close(&h.journal);
    return rc;
}

/* ---- either ---------------------------------------------------------------------------------- */

int standings_read(struct standings *s, const char *path, const char *only, struct fault *fault)
{
    *s = (struct standings){0};
    const int rc =
        journal_reader_knows(path) ? read_journal(s, path, only, fault) : read_table(s, path, only, fault);
    if (rc != FAULT_NONE) {
        standings_close(s);
    }
    return rc;
}

void standings_close(struct standings *s)
{
    for (uint32_t i = 0; i < s->n_subjects; i++) {
        free(s->subjects[i].sessions);
    }
    free(s->subjects);
    *s = (struct standings){0};
}
