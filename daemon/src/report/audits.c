#include "audits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hearing.h"
#include "journal_reader.h"
#include "list.h"
#include "rows.h"
#include "subjects.h"

static int no_memory(const char *path, struct fault *fault)
{
    return fault_set(fault, FAULT_WORK, "%s: no memory for its animals", path);
}

/* ---- animals --------------------------------------------------------------------------------- */

static int add_subject(struct audits *a, const char *name, const char *path, struct fault *fault)
{
    void *list = list_grow(a->subjects, a->n_subjects, &a->capacity, sizeof *a->subjects);
    a->subjects = list != NULL ? list : a->subjects;
    struct audits_subject *to = list != NULL ? calloc(1, sizeof *to) : NULL;
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
    void *list = list_grow(a->alarms, a->n_alarms, &a->alarm_capacity, sizeof *a->alarms);
    if (list == NULL) {
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

struct naming {
    struct audits *audits;
    struct subjects names;
};

static int take_row(void *context, const struct table *table, const struct table_row *row,
                    struct fault *fault)
{
    struct naming *naming = context;
    struct audits *a = naming->audits;
    uint32_t number;
    int rc = subjects_find(&naming->names, table, row->subject, &number, fault);
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

static int read_table(struct audits *a, const char *path, const char *only, enum table_care care,
                      struct fault *fault)
{
    struct naming naming = {.audits = a};
    const int rc = rows_read(path, "audit", only, care, take_row, &naming, fault);
    subjects_free(&naming.names);
    return rc;
}

/* ---- journals -------------------------------------------------------------------------------- */

static int take_message(void *context, const struct hearing *h, struct fault *fault)
{
    struct audits *a = context;
    int rc = FAULT_NONE;
    if (*h->subject_index == UINT32_MAX) {
        rc = add_subject(a, h->subject, h->path, fault);
        *h->subject_index = a->n_subjects - 1;
    }
    const uint32_t subject = *h->subject_index;
    rc = rc ? rc : enter(a, subject, h->rig, h->session, h->path, fault);
    if (rc != FAULT_NONE || h->heard.kind != PROTO_KIND_TRIAL) {
        return rc;
    }
    const model_audit_trial trial = auditor_heard(&a->params->protocol, &h->heard.as.trial);
    note_stage(a, h->heard.as.trial.stage, trial.stage);
    return take_trial(a, subject, h->heard.env.trial, &trial, h->path, fault);
}

/* Healed trials came after their successors: the daemon's own audit did not hear them either. */
static int read_journal(struct audits *a, const char *path, const char *only, struct fault *fault)
{
    const int rc = hearing_read(path, "audit", only, HEARING_NOT_HEALED, take_message, a, fault);
    if (rc == FAULT_NONE && a->n_subjects == 0) {
        return hearing_none(path, only, fault);
    }
    return rc;
}

/* ---- either ---------------------------------------------------------------------------------- */

int audits_read(struct audits *a, const model_audit_params *params, const char *path,
                const char *only, enum table_care care, struct fault *fault)
{
    *a = (struct audits){.params = params};
    bool is_journal = false;
    int rc = rows_tell_journal(path, care, &is_journal, fault);
    if (rc == FAULT_NONE) {
        rc = is_journal ? read_journal(a, path, only, fault)
                        : read_table(a, path, only, care, fault);
    }
    rc = rc ? rc : finish_all(a, path, fault);
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
