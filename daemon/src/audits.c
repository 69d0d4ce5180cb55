#include "audits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal_reader.h"
#include "progress.h"
#include "session.h"
#include "subjects.h"

enum { ROWS_A_LOOK = 1024 };

static int no_memory(const char *path, struct fault *fault)
{
    return fault_set(fault, FAULT_WORK, "%s: no memory for its animals", path);
}

/* ---- animals --------------------------------------------------------------------------------- */

static bool grow(void **list, uint32_t n, uint32_t *capacity, size_t size)
{
    if (n < *capacity) {
        return true;
    }
    const uint32_t more = *capacity > 0 ? 2 * *capacity : 16;
    void *grown = realloc(*list, more * size);
    if (grown == NULL) {
        return false;
    }
    *list = grown;
    *capacity = more;
    return true;
}

static int add_subject(struct audits *a, const char *name, const char *path, struct fault *fault)
{
    void *list = a->subjects;
    if (!grow(&list, a->n_subjects, &a->capacity, sizeof(void *))) {
        return no_memory(path, fault);
    }
    a->subjects = list;
    struct audits_subject *to = calloc(1, sizeof *to);
    if (to == NULL) {
        return no_memory(path, fault);
    }
    strcpy(to->name, name);
    auditor_init(&to->auditor);
    a->subjects[a->n_subjects++] = to;
    return FAULT_NONE;
}

static int note_alarm(struct audits *a, uint32_t subject, const model_audit_alarm *what,
                      const char *path, struct fault *fault)
{
    void *list = a->alarms;
    if (!grow(&list, a->n_alarms, &a->alarm_capacity, sizeof *a->alarms)) {
        return no_memory(path, fault);
    }
    a->alarms = list;
    const struct audits_subject *s = a->subjects[subject];
    struct audits_alarm *to = &a->alarms[a->n_alarms++];
    *to = (struct audits_alarm){.subject = subject, .trial = s->auditor.last_trial, .what = *what};
    strcpy(to->session, s->session);
    return FAULT_NONE;
}

static int enter(struct audits *a, uint32_t subject, const char *rig, const char *session,
                 const char *path, struct fault *fault)
{
    struct audits_subject *s = a->subjects[subject];
    model_audit_alarm alarm;
    if (s->is_in_session && strcmp(s->session, session) == 0 && strcmp(s->rig, rig) == 0) {
        return FAULT_NONE;
    }
    int rc = FAULT_NONE;
    if (s->is_in_session && auditor_end_session(&s->auditor, a->params, &alarm)) {
        rc = note_alarm(a, subject, &alarm, path, fault);
    }
    (void)auditor_start_session(&s->auditor, a->params, &alarm);
    strcpy(s->session, session);
    strcpy(s->rig, rig);
    s->is_in_session = true;
    s->n_sessions++;
    return rc;
}

static int take_trial(struct audits *a, uint32_t subject, int64_t number,
                      const model_audit_trial *trial, const char *path, struct fault *fault)
{
    struct audits_subject *s = a->subjects[subject];
    model_audit_alarm alarm;
    const bool is_told = auditor_push(&s->auditor, a->params, number, trial, &alarm);
    s->n_trials++;
    for (int i = 0; i < MODEL_AUDIT_RULES; i++) {
        s->most[i] = fmax(s->most[i], model_audit_e_value(&s->auditor.audit, (model_audit_rule)i));
    }
    return is_told ? note_alarm(a, subject, &alarm, path, fault) : FAULT_NONE;
}

static int finish_all(struct audits *a, const char *path, struct fault *fault)
{
    int rc = FAULT_NONE;
    for (uint32_t i = 0; rc == FAULT_NONE && i < a->n_subjects; i++) {
        model_audit_alarm alarm;
        if (auditor_end_session(&a->subjects[i]->auditor, a->params, &alarm)) {
            rc = note_alarm(a, i, &alarm, path, fault);
        }
    }
    return rc;
}

static void note_stage(struct audits *a, const char *stage, int32_t number)
{
    if (stage[0] != '\0' && number < 0) {
        a->n_stages_unknown++;
        (void)snprintf(a->stage_unknown, sizeof a->stage_unknown, "%s", stage);
    }
}

/* ---- tables ---------------------------------------------------------------------------------- */

static int take_row(struct audits *a, struct subjects *names, const struct table *table,
                    const struct table_row *row, struct fault *fault)
{
    uint32_t number;
    int rc = subjects_find(names, table, row->subject, &number, fault);
    if (rc == FAULT_NONE && number == a->n_subjects) {
        rc = add_subject(a, row->subject, table->path, fault);
    }
    rc = rc ? rc : enter(a, number, "", row->session, table->path, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    const model_audit_trial trial = auditor_read(&a->params->protocol, row);
    note_stage(a, row->stage, trial.stage);
    return take_trial(a, number, row->trial, &trial, table->path, fault);
}

static int read_rows(struct audits *a, struct subjects *names, struct table *table,
                     const char *only, struct fault *fault)
{
    struct progress progress;
    struct table_row row;
    int rc = FAULT_NONE;
    int got;
    int64_t n = 0;
    progress_start(&progress, "audit", 0);
    while (rc == FAULT_NONE && (got = table_next(table, &row, fault)) != 0) {
        if (got < 0) {
            rc = FAULT_INPUT;
        } else if (only == NULL || strcmp(only, row.subject) == 0) {
            rc = take_row(a, names, table, &row, fault);
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

static int read_table(struct audits *a, const char *path, const char *only, struct fault *fault)
{
    struct table table;
    struct subjects names = {0};
    int rc = table_open(&table, path, fault);
    if (rc == FAULT_NONE) {
        rc = read_rows(a, &names, &table, only, fault);
        rc = rc == FAULT_NONE ? finish_all(a, table.path, fault) : rc;
        if (rc == FAULT_NONE && a->n_subjects == 0) {
            rc = fault_set(fault, FAULT_INPUT, "%s: no trials%s%.64s", table.path,
                           only != NULL ? " of " : "", only != NULL ? only : "");
        }
    }
    subjects_free(&names);
    table_close(&table);
    return rc;
}

/* ---- journals -------------------------------------------------------------------------------- */

enum column { ID, SOURCE, RIG, RAW, SUBJECT, SUBJECT_NAME, SESSION_RIG, SESSION_NAME };

/* Healed trials came after their successors: the daemon's own audit did not hear them either. */
#define EVENT_SQL                                                                                  \
    "SELECT e.id, e.source, e.rig, e.raw, e.subject, subject.name, session.rig, session.name"      \
    " FROM event AS e JOIN subject ON subject.id = e.subject"                                      \
    " JOIN session ON session.id = e.session WHERE e.status = 'taken'"                             \
    " OR (e.status = 'noted' AND e.kind IN ('session_start', 'stimulus')) ORDER BY e.id"

struct hearing {
    struct audits *audits;
    struct journal_reader journal;
    const char *only;
    uint32_t *subject; /* index in the audits, UINT32_MAX none */
    int64_t n_subjects;
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

static int take_message(struct hearing *h, uint32_t subject, const char *rig, const char *session,
                        struct fault *fault)
{
    const proto_message *heard = &h->heard;
    int rc = enter(h->audits, subject, rig, session, h->journal.path, fault);
    if (rc != FAULT_NONE || heard->kind != PROTO_KIND_TRIAL) {
        return rc;
    }
    const model_audit_trial trial = auditor_heard(&h->audits->params->protocol, &heard->as.trial);
    note_stage(h->audits, heard->as.trial.stage, trial.stage);
    return take_trial(h->audits, subject, heard->env.trial, &trial, h->journal.path, fault);
}

static int take_event(struct hearing *h, sqlite3_stmt *s, struct fault *fault)
{
    char name[PROTO_ID_MAX + 1];
    char rig[PROTO_ID_MAX + 1];
    char session[PROTO_ID_MAX + 1];
    const int64_t number = sqlite3_column_int64(s, SUBJECT);
    if (number < 0 || number >= h->n_subjects || !journal_reader_id(name, s, SUBJECT_NAME) ||
        !journal_reader_id(rig, s, SESSION_RIG) || !journal_reader_id(session, s, SESSION_NAME)) {
        return journal_reader_row_fault(&h->journal, "event", sqlite3_column_int64(s, ID), fault);
    }
    if (h->only != NULL && strcmp(h->only, name) != 0) {
        return FAULT_NONE;
    }
    int rc = decode(h, s, fault);
    if (rc == FAULT_NONE && h->subject[number] == UINT32_MAX) {
        rc = add_subject(h->audits, name, h->journal.path, fault);
        h->subject[number] = h->audits->n_subjects - 1;
    }
    return rc ? rc : take_message(h, h->subject[number], rig, session, fault);
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
    progress_start(&progress, "audit", most);
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

/* Room for the highest number there is; each must have a row, so that they are not many. */
static int make_room(struct hearing *h, struct fault *fault)
{
    const int rc =
        journal_reader_whole(&h->journal, "SELECT count(*) FROM subject", &h->n_subjects, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    h->subject = malloc(((size_t)h->n_subjects + 1) * sizeof *h->subject);
    for (int64_t i = 0; h->subject != NULL && i < h->n_subjects; i++) {
        h->subject[i] = UINT32_MAX;
    }
    return h->subject != NULL ? FAULT_NONE : no_memory(h->journal.path, fault);
}

static int read_journal(struct audits *a, const char *path, const char *only, struct fault *fault)
{
    struct hearing h = {.audits = a, .only = only};
    int rc = journal_reader_open(&h.journal, path, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (sqlite3_exec(h.journal.db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
        rc = journal_reader_fault(&h.journal, fault);
    }
    rc = rc ? rc : make_room(&h, fault);
    rc = rc ? rc : hear_events(&h, fault);
    rc = rc ? rc : finish_all(a, h.journal.path, fault);
    if (rc == FAULT_NONE && a->n_subjects == 0) {
        rc = fault_set(fault, FAULT_INPUT, "%s: no trials%s%.64s", h.journal.path,
                       only != NULL ? " of " : "", only != NULL ? only : "");
    }
    free(h.subject);
    journal_reader_close(&h.journal);
    return rc;
}

/* ---- either ---------------------------------------------------------------------------------- */

int audits_read(struct audits *a, const model_audit_params *params, const char *path,
                const char *only, struct fault *fault)
{
    *a = (struct audits){.params = params};
    const int rc = journal_reader_knows(path) ? read_journal(a, path, only, fault)
                                              : read_table(a, path, only, fault);
    if (rc != FAULT_NONE) {
        audits_close(a);
    }
    return rc;
}

void audits_close(struct audits *a)
{
    for (uint32_t i = 0; i < a->n_subjects; i++) {
        free(a->subjects[i]);
    }
    free(a->subjects);
    free(a->alarms);
    *a = (struct audits){0};
}
