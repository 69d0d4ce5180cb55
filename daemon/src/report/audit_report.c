#include "audit_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "list.h"
#include "recording.h"

static int no_memory(const char *path, struct fault *fault)
{
    return fault_set(fault, FAULT_WORK, "%s: no memory for its animals", path);
}

static int add_subject(struct audit_report *a, const char *name, const char *path,
                       struct fault *fault)
{
    void *list = list_grow(a->subjects, a->n_subjects, &a->capacity, sizeof *a->subjects);
    a->subjects = list != NULL ? list : a->subjects;
    struct audit_report_subject *to = list != NULL ? calloc(1, sizeof *to) : NULL;
    if (to == NULL) {
        return no_memory(path, fault);
    }
    strcpy(to->name, name);
    to->at = -1;
    for (uint32_t i = 0; i < a->protocols->n; i++) {
        audit_state_init(&to->audit[i], &a->protocols->v[i]);
    }
    a->subjects[a->n_subjects++] = to;
    return FAULT_NONE;
}

/* Adds a row about the animal's latest trial; NULL without memory. */
static struct audit_report_alarm *add_alarm(struct audit_report *a, uint32_t subject,
                                            const char *path, struct fault *fault)
{
    void *list = list_grow(a->alarms, a->n_alarms, &a->alarm_capacity, sizeof *a->alarms);
    if (list == NULL) {
        (void)no_memory(path, fault);
        return NULL;
    }
    a->alarms = list;
    const struct audit_report_subject *s = a->subjects[subject];
    struct audit_report_alarm *to = &a->alarms[a->n_alarms++];
    *to = (struct audit_report_alarm){
        .subject = subject, .protocol = (uint32_t)s->at, .trial = s->audit[s->at].last_trial};
    strcpy(to->session, s->session);
    strcpy(to->software, s->audit[s->at].software);
    return to;
}

static int note_alarm(struct audit_report *a, uint32_t subject, const model_audit_alarm *what,
                      const char *path, struct fault *fault)
{
    struct audit_report_alarm *to = add_alarm(a, subject, path, fault);
    if (to == NULL) {
        return FAULT_WORK;
    }
    to->what = *what;
    a->n_violations++;
    return FAULT_NONE;
}

/* The animal's session is over for its audit. */
static int leave(struct audit_report *a, uint32_t subject, const char *path, struct fault *fault)
{
    struct audit_report_subject *s = a->subjects[subject];
    model_audit_alarm alarm;
    return s->is_in_session && s->at >= 0 &&
                   audit_state_end_session(&s->audit[s->at], &a->protocols->v[s->at], &alarm)
               ? note_alarm(a, subject, &alarm, path, fault)
               : FAULT_NONE;
}

/* Says what is known of the software that the session states, unless it was said. */
static int note_software(struct audit_report *a, uint32_t subject, const struct trial_row *row,
                         const char *path, struct fault *fault)
{
    struct audit_report_subject *s = a->subjects[subject];
    struct audit_report_notice notice = {.subject = subject};
    if (!known_defects_tell(&s->told, row->software, row->task,
                            s->at >= 0 ? &a->protocols->v[s->at] : NULL, notice.text,
                            sizeof notice.text)) {
        return FAULT_NONE;
    }
    void *list = list_grow(a->notices, a->n_notices, &a->notice_capacity, sizeof *a->notices);
    if (list == NULL) {
        return no_memory(path, fault);
    }
    strcpy(notice.session, row->session);
    a->notices = list;
    a->notices[a->n_notices++] = notice;
    return FAULT_NONE;
}

static int enter(struct audit_report *a, uint32_t subject, const char *rig,
                 const struct trial_row *row, const char *path, struct fault *fault)
{
    struct audit_report_subject *s = a->subjects[subject];
    model_audit_alarm alarm;
    if (s->is_in_session && strcmp(s->session, row->session) == 0 && strcmp(s->rig, rig) == 0) {
        return FAULT_NONE;
    }
    int rc = leave(a, subject, path, fault);
    s->at = audit_protocols_find(a->protocols, row->task);
    if (s->at >= 0) {
        (void)audit_state_start_session(&s->audit[s->at], &a->protocols->v[s->at], row->software,
                                        &alarm);
        s->n_sessions++;
    } else {
        a->n_sessions_aside++;
        (void)snprintf(a->task_aside, sizeof a->task_aside, "%s", row->task);
    }
    strcpy(s->session, row->session);
    strcpy(s->rig, rig);
    s->is_in_session = true;
    return rc ? rc : note_software(a, subject, row, path, fault);
}

static int take_trial(struct audit_report *a, uint32_t subject, int64_t number,
                      const model_audit_trial *trial, const char *path, struct fault *fault)
{
    struct audit_report_subject *s = a->subjects[subject];
    struct audit_state *audit = &s->audit[s->at];
    model_audit_alarm alarm;
    model_audit_set set;
    const bool is_told = audit_state_push(audit, &a->protocols->v[s->at], number, trial, &alarm);
    s->n_trials++;
    for (int i = 0; i < MODEL_AUDIT_RULES; i++) {
        s->most[i] = fmax(s->most[i], model_audit_e_value(&audit->audit, (model_audit_rule)i));
    }
    if (model_audit_take_set(&audit->audit, &set)) {
        struct audit_report_alarm *to = add_alarm(a, subject, path, fault);
        if (to == NULL) {
            return FAULT_WORK;
        }
        to->is_set = true;
        to->set = set;
    }
    return is_told ? note_alarm(a, subject, &alarm, path, fault) : FAULT_NONE;
}

static int finish_all(struct audit_report *a, const char *path, struct fault *fault)
{
    int rc = FAULT_NONE;
    for (uint32_t i = 0; rc == FAULT_NONE && i < a->n_subjects; i++) {
        rc = leave(a, i, path, fault);
    }
    return rc;
}

static void note_stage(struct audit_report *a, const char *stage, int32_t number)
{
    if (stage[0] != '\0' && number < 0) {
        a->n_stages_unknown++;
        (void)snprintf(a->stage_unknown, sizeof a->stage_unknown, "%s", stage);
    }
}

static int take(void *context, const struct recording_step *step, struct fault *fault)
{
    struct audit_report *a = context;
    const struct trial_row *row = step->row;
    int rc = step->subject == a->n_subjects ? add_subject(a, row->subject, step->path, fault)
                                            : FAULT_NONE;
    rc = rc ? rc : enter(a, step->subject, step->rig, row, step->path, fault);
    if (rc != FAULT_NONE || step->kind != PROTO_KIND_TRIAL || a->subjects[step->subject]->at < 0) {
        return rc;
    }
    const model_audit_trial trial =
        audit_state_read(&a->protocols->v[a->subjects[step->subject]->at].declared.protocol, row);
    note_stage(a, row->stage, trial.stage);
    return take_trial(a, step->subject, row->trial, &trial, step->path, fault);
}

int audit_report_read(struct audit_report *a, const struct audit_protocols *protocols,
                      const char *path, const char *only, struct trial_table_how how,
                      struct fault *fault)
{
    *a = (struct audit_report){.protocols = protocols};
    /* Healed trials came after their successors: the daemon's own audit did not hear them either.
     */
    const struct recording recording = {.path = path,
                                        .what = "audit",
                                        .only = only,
                                        .how = how,
                                        .order = RECORDING_NOT_HEALED,
                                        .take = take,
                                        .context = a};
    int rc = recording_read(&recording, fault);
    if (rc == FAULT_NONE && a->n_subjects == 0) {
        rc = recording_none(&recording, fault);
    }
    rc = rc ? rc : finish_all(a, path, fault);
    if (rc != FAULT_NONE) {
        audit_report_close(a);
    }
    return rc;
}

void audit_report_close(struct audit_report *a)
{
    for (uint32_t i = 0; i < a->n_subjects; i++) {
        free(a->subjects[i]);
    }
    free(a->subjects);
    free(a->alarms);
    free(a->notices);
    *a = (struct audit_report){0};
}
