#include "journal_scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal_reader.h"
#include "progress.h"
#include "session_event.h"
#include "trial_table.h"

enum { EVENTS_A_LOOK = 1024, SQL_MAX = 1024 };

enum column { ID, SOURCE, RIG, RAW, SUBJECT, SUBJECT_NAME, SESSION, SESSION_RIG, SESSION_NAME };

static const char SELECT[] =
    "SELECT e.id, e.source, e.rig, e.raw, e.subject, subject.name, e.session, session.rig,"
    " session.name FROM event AS e JOIN subject ON subject.id = e.subject"
    " JOIN session ON session.id = e.session WHERE ";

struct reading {
    struct journal_scan h; /* first: what takers see */
    struct journal_reader journal;
    const char *only;
    journal_scan_take *take;
    void *context;
    int64_t n_subjects;
    int64_t n_sessions;
    uint32_t *indices;
    bool *flags;
};

int journal_scan_fault(const struct journal_scan *h, struct fault *fault)
{
    return fault_set(fault, FAULT_INPUT, "%s: table event, row %" PRId64 ": damaged", h->path,
                     h->event);
}

static bool decode(struct reading *r, sqlite3_stmt *s)
{
    proto_fault why;
    const struct session_event event = {
        .is_recorded = true,
        .source = session_source_of(journal_reader_text(s, SOURCE)),
        .rig = journal_reader_text(s, RIG), /* these two are read of serial events only */
        .subject = r->h.subject,
        .bytes = sqlite3_column_blob(s, RAW),
        .size = (size_t)sqlite3_column_bytes(s, RAW),
    };
    return event.bytes != NULL && session_decode(&event, &r->h.heard, &why) == PROTO_OK;
}

static int take_event(struct reading *r, sqlite3_stmt *s, struct fault *fault)
{
    struct journal_scan *h = &r->h;
    const int64_t subject = sqlite3_column_int64(s, SUBJECT);
    const int64_t session = sqlite3_column_int64(s, SESSION);
    h->event = sqlite3_column_int64(s, ID);
    if (subject < 0 || subject >= r->n_subjects || session < 0 || session >= r->n_sessions ||
        !journal_reader_id(h->subject, s, SUBJECT_NAME) ||
        !journal_reader_id(h->rig, s, SESSION_RIG) ||
        !journal_reader_session(h->session, s, SESSION_NAME)) {
        return journal_scan_fault(h, fault);
    }
    if (r->only != NULL && strcmp(r->only, h->subject) != 0) {
        return FAULT_NONE;
    }
    h->session_number = session;
    h->subject_index = &r->indices[subject];
    h->session_flag = &r->flags[session];
    return decode(r, s) ? r->take(r->context, h, fault) : journal_scan_fault(h, fault);
}

static int read_events(struct reading *r, const char *what, const char *which, struct fault *fault)
{
    char sql[SQL_MAX];
    sqlite3_stmt *s = NULL;
    struct progress progress;
    int64_t most = 0;
    (void)snprintf(sql, sizeof sql, "%s%s", SELECT, which);
    int rc = journal_reader_query_int(&r->journal, "SELECT count(*) FROM event", &most, fault);
    rc = rc ? rc : journal_reader_prepare(&r->journal, sql, &s, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    int step = SQLITE_DONE;
    progress_start(&progress, what, most);
    for (int64_t n = 1; rc == FAULT_NONE && (step = sqlite3_step(s)) == SQLITE_ROW; n++) {
        rc = take_event(r, s, fault);
        if (rc == FAULT_NONE && n % EVENTS_A_LOOK == 0) {
            progress_update(&progress, n);
            rc = progress_interrupted() ? fault_set(fault, FAULT_WORK, "interrupted") : rc;
        }
    }
    progress_finish(&progress);
    if (rc == FAULT_NONE && step != SQLITE_DONE) {
        rc = journal_reader_fault(&r->journal, fault);
    }
    sqlite3_finalize(s);
    return rc;
}

/* Room for the highest numbers there are; each must have a row, so that they are not many. */
static int make_room(struct reading *r, struct fault *fault)
{
    int rc = journal_reader_query_int(&r->journal, "SELECT count(*) FROM subject", &r->n_subjects,
                                      fault);
    rc = rc ? rc
            : journal_reader_query_int(&r->journal, "SELECT count(*) FROM session", &r->n_sessions,
                                       fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    r->indices = malloc(((size_t)r->n_subjects + 1) * sizeof *r->indices);
    r->flags = calloc((size_t)r->n_sessions + 1, sizeof *r->flags);
    for (int64_t i = 0; r->indices != NULL && i < r->n_subjects; i++) {
        r->indices[i] = UINT32_MAX;
    }
    return r->indices != NULL && r->flags != NULL
               ? FAULT_NONE
               : fault_set(fault, FAULT_WORK, "%s: no memory", r->journal.path);
}

int journal_scan_read(const char *path, const char *what, const char *only, const char *which,
                      journal_scan_take *take, void *context, struct fault *fault)
{
    struct reading *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: no memory", path);
    }
    *r = (struct reading){.only = only, .take = take, .context = context};
    int rc = journal_reader_open(&r->journal, path, fault);
    if (rc != FAULT_NONE) {
        free(r);
        return rc;
    }
    r->h.path = r->journal.path;
    if (sqlite3_exec(r->journal.db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
        rc = journal_reader_fault(&r->journal, fault);
    }
    rc = rc ? rc : make_room(r, fault);
    rc = rc ? rc : read_events(r, what, which, fault);
    free(r->indices);
    free(r->flags);
    journal_reader_close(&r->journal);
    free(r);
    return rc;
}

/* "m1, m2 and 7 others", or "none". */
static void name_subjects(const struct journal_reader *journal, char *out, size_t cap)
{
    struct fault ignored;
    sqlite3_stmt *s = NULL;
    int64_t n = 0;
    int64_t n_named = 0;
    size_t used = (size_t)snprintf(out, cap, "none");
    if (journal_reader_query_int(journal, "SELECT count(*) FROM subject", &n, &ignored) ||
        journal_reader_prepare(journal, "SELECT name FROM subject ORDER BY id", &s, &ignored)) {
        return;
    }
    for (used = 0; sqlite3_step(s) == SQLITE_ROW && used + 2 * PROTO_ID_MAX < cap; n_named++) {
        char name[PROTO_ID_MAX + 1];
        if (!journal_reader_id(name, s, 0)) {
            strcpy(name, "?");
        }
        used += (size_t)snprintf(out + used, cap - used, "%s%s", n_named > 0 ? ", " : "", name);
    }
    if (n_named < n) {
        (void)snprintf(out + used, cap - used, " and %" PRId64 " others", n - n_named);
    }
    sqlite3_finalize(s);
}

int journal_scan_none(const char *path, const char *only, struct fault *fault)
{
    struct journal_reader journal;
    char names[TRIAL_TABLE_NAMES_MAX];
    if (only == NULL) {
        return fault_set(fault, FAULT_INPUT, "%s: no trials", path);
    }
    int rc = journal_reader_open(&journal, path, fault);
    if (rc == FAULT_NONE) {
        name_subjects(&journal, names, sizeof names);
        journal_reader_close(&journal);
        rc = fault_set(fault, FAULT_INPUT, "%s: no trials of %.64s; the animals there: %s", path,
                       only, names);
    }
    return rc;
}
