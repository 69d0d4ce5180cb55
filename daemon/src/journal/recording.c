#include "recording.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "journal_reader.h"
#include "progress.h"
#include "subject_names.h"

enum { EVENTS_A_LOOK = 1024, NAMES_MAX = 320 };

/* ---- tables ---------------------------------------------------------------------------------- */

struct table_reading {
    const struct recording *recording;
    struct subject_names names;
};

static int take_row(void *context, const struct trial_table *table, const struct trial_row *row,
                    struct fault *fault)
{
    struct table_reading *r = context;
    struct recording_step step = {
        .path = table->path, .session = -1, .rig = "", .kind = PROTO_KIND_TRIAL, .row = row};
    const int rc = subject_names_find(&r->names, table, row->subject, &step.subject, fault);
    return rc ? rc : r->recording->take(r->recording->context, &step, fault);
}

static int read_table(const struct recording *recording, struct fault *fault)
{
    struct table_reading r = {.recording = recording};
    const int rc = trial_table_read(recording->path, recording->what, recording->only,
                                    recording->how, take_row, &r, fault);
    subject_names_free(&r.names);
    return rc;
}

/* ---- journals -------------------------------------------------------------------------------- */

enum column { ID, SOURCE, RIG, SUBJECT_NAME, RAW, SUBJECT, SESSION, SESSION_RIG, SESSION_NAME };

#define SELECT                                                                                     \
    "SELECT e.id, e.source, e.rig, subject.name, e.raw, e.subject, e.session, session.rig,"        \
    " session.name FROM event AS e JOIN subject ON subject.id = e.subject"                         \
    " JOIN session ON session.id = e.session WHERE "
#define STARTS "(e.status = 'noted' AND e.kind IN ('session_start', 'stimulus')) ORDER BY e.id"

/* A session_start has no trial, and NULL comes before all numbers. */
static const char *const EVENTS[] = {
    [RECORDING_AS_TAKEN] = SELECT "e.status IN ('taken', 'healed') OR " STARTS,
    [RECORDING_NOT_HEALED] = SELECT "e.status = 'taken' OR " STARTS,
    [RECORDING_BY_TRIAL] = SELECT "(e.status IN ('taken', 'healed') AND e.kind = 'trial')"
                                  " OR (e.status = 'noted' AND e.kind = 'session_start')"
                                  " ORDER BY e.session, e.trial, e.id"};

struct journal_reading {
    const struct recording *recording;
    struct journal_reader journal;
    struct recording_step step;
    struct trial_row row;
    char rig[PROTO_ID_MAX + 1];
    int64_t n_rows; /* of the table subject */
    int64_t n_sessions;
    uint32_t n_subjects; /* that came so far */
    uint32_t *subjects;  /* their numbers by row; UINT32_MAX none yet */
    bool *is_known;      /* by session */
    proto_message heard;
};

static int8_t known(int64_t value)
{
    return (int8_t)(value == PROTO_NIL ? -1 : value);
}

/* What the message says, as a row of a table would; the names stay. */
static void fill_row(struct trial_row *row, const proto_message *heard)
{
    row->trial = heard->env.trial;
    row->stimulus = row->reward = row->rt_s = row->p_left = row->delay_s = (double)NAN;
    row->choice = row->side = row->repeat = row->ephys_rig = -1;
    row->stage[0] = row->task[0] = row->software[0] = '\0';
    if (heard->kind == PROTO_KIND_SESSION_START) {
        const proto_session_start *start = &heard->as.session_start;
        strcpy(row->task, start->task);
        row->ephys_rig = known(start->ephys_rig);
        row->delay_s = start->delay_s;
        strcpy(row->software, start->software);
    } else if (heard->kind == PROTO_KIND_TRIAL) {
        const proto_trial *trial = &heard->as.trial;
        row->stimulus = trial->stimulus;
        row->choice = known(trial->choice);
        row->side = known(trial->side);
        row->repeat = known(trial->repeat);
        row->reward = trial->reward;
        row->rt_s = trial->rt_s;
        row->p_left = trial->p_left;
        strcpy(row->stage, trial->stage);
    }
}

static int take_event(struct journal_reading *r, sqlite3_stmt *s, struct fault *fault)
{
    struct recording_step *step = &r->step;
    const int64_t subject = sqlite3_column_int64(s, SUBJECT);
    const int64_t session = sqlite3_column_int64(s, SESSION);
    step->event = sqlite3_column_int64(s, ID);
    if (subject < 0 || subject >= r->n_rows || session < 0 || session >= r->n_sessions ||
        !journal_reader_id(r->row.subject, s, SUBJECT_NAME) ||
        !journal_reader_id(r->rig, s, SESSION_RIG) ||
        !journal_reader_session(r->row.session, s, SESSION_NAME)) {
        return journal_reader_row_fault(r->journal.path, "event", step->event, fault);
    }
    if (r->recording->only != NULL && strcmp(r->recording->only, r->row.subject) != 0) {
        return FAULT_NONE;
    }
    if (!journal_reader_message(s, SOURCE, &r->heard)) {
        return journal_reader_row_fault(r->journal.path, "event", step->event, fault);
    }
    if (r->subjects[subject] == UINT32_MAX) {
        r->subjects[subject] = r->n_subjects++;
    }
    fill_row(&r->row, &r->heard);
    step->session = session;
    step->subject = r->subjects[subject];
    step->kind = r->heard.kind;
    step->is_again = r->is_known[session];
    r->is_known[session] = true;
    return r->recording->take(r->recording->context, step, fault);
}

static int read_events(struct journal_reading *r, struct fault *fault)
{
    sqlite3_stmt *s = NULL;
    struct progress progress;
    int64_t most = 0;
    int rc = journal_reader_query_int(&r->journal, "SELECT count(*) FROM event", &most, fault);
    rc = rc ? rc : journal_reader_prepare(&r->journal, EVENTS[r->recording->order], &s, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    int step = SQLITE_DONE;
    progress_start(&progress, r->recording->what, most);
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
static int make_room(struct journal_reading *r, struct fault *fault)
{
    int rc =
        journal_reader_query_int(&r->journal, "SELECT count(*) FROM subject", &r->n_rows, fault);
    rc = rc ? rc
            : journal_reader_query_int(&r->journal, "SELECT count(*) FROM session", &r->n_sessions,
                                       fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    const size_t bytes = ((size_t)r->n_rows + 1) * sizeof *r->subjects;
    r->subjects = malloc(bytes);
    r->is_known = calloc((size_t)r->n_sessions + 1, sizeof *r->is_known);
    if (r->subjects == NULL || r->is_known == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: no memory", r->journal.path);
    }
    memset(r->subjects, 0xff, bytes);
    return FAULT_NONE;
}

static int read_journal(const struct recording *recording, struct fault *fault)
{
    struct journal_reading *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: no memory", recording->path);
    }
    r->recording = recording;
    r->step = (struct recording_step){.path = r->journal.path, .rig = r->rig, .row = &r->row};
    int rc = journal_reader_open(&r->journal, recording->path, fault);
    if (rc == FAULT_NONE && sqlite3_exec(r->journal.db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
        rc = journal_reader_fault(&r->journal, fault);
    }
    rc = rc ? rc : make_room(r, fault);
    rc = rc ? rc : read_events(r, fault);
    free(r->subjects);
    free(r->is_known);
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

int recording_none(const struct recording *recording, struct fault *fault)
{
    struct journal_reader journal;
    char names[NAMES_MAX];
    if (recording->only == NULL) {
        return fault_set(fault, FAULT_INPUT, "%s: no trials", recording->path);
    }
    int rc = journal_reader_open(&journal, recording->path, fault);
    if (rc == FAULT_NONE) {
        name_subjects(&journal, names, sizeof names);
        journal_reader_close(&journal);
        rc = fault_set(fault, FAULT_INPUT, "%s: no trials of %.64s; its animals: %s",
                       recording->path, recording->only, names);
    }
    return rc;
}

/* ---- either ---------------------------------------------------------------------------------- */

int recording_read(const struct recording *recording, struct fault *fault)
{
    if (!journal_reader_is_journal(recording->path)) {
        return read_table(recording, fault);
    }
    if (recording->how.map != NULL) {
        return fault_set(fault, FAULT_INPUT,
                         "--map: has no effect on a journal, %s; a file of a rig was expected",
                         recording->path);
    }
    return recording->how.care == TRIAL_TABLE_STRICT
               ? fault_set(fault, FAULT_INPUT,
                           "--strict: has no effect on a journal, %s; a table was expected",
                           recording->path)
               : read_journal(recording, fault);
}
