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
    audit_state_init(&to->audit);
    a->subjects[a->n_subjects++] = to;
    return FAULT_NONE;
}

static int note_alarm(struct audit_report *a, uint32_t subject, const model_audit_alarm *what,
                      const char *path, struct fault *fault)
{
    void *list = list_grow(a->alarms, a->n_alarms, &a->alarm_capacity, sizeof *a->alarms);
    if (list == NULL) {
        return no_memory(path, fault);
    }
    a->alarms = list;
    const struct audit_report_subject *s = a->subjects[subject];
    struct audit_report_alarm *to = &a->alarms[a->n_alarms++];
    *to = (struct audit_report_alarm){
        .subject = subject, .trial = s->audit.last_trial, .what = *what};
    strcpy(to->session, s->session);
    return FAULT_NONE;
}

static int enter(struct audit_report *a, uint32_t subject, const char *rig, const char *session,
                 const char *path, struct fault *fault)
{
    struct audit_report_subject *s = a->subjects[subject];
    model_audit_alarm alarm;
    if (s->is_in_session && strcmp(s->session, session) == 0 && strcmp(s->rig, rig) == 0) {
        return FAULT_NONE;
    }
    int rc = FAULT_NONE;
    if (s->is_in_session && audit_state_end_session(&s->audit, a->params, &alarm)) {
        rc = note_alarm(a, subject, &alarm, path, fault);
    }
    (void)audit_state_start_session(&s->audit, a->params, &alarm);
    strcpy(s->session, session);
    strcpy(s->rig, rig);
    s->is_in_session = true;
    s->n_sessions++;
    return rc;
}

static int take_trial(struct audit_report *a, uint32_t subject, int64_t number,
                      const model_audit_trial *trial, const char *path, struct fault *fault)
{
    struct audit_report_subject *s = a->subjects[subject];
    model_audit_alarm alarm;
    const bool is_told = audit_state_push(&s->audit, a->params, number, trial, &alarm);
    s->n_trials++;
    for (int i = 0; i < MODEL_AUDIT_RULES; i++) {
        s->most[i] = fmax(s->most[i], model_audit_e_value(&s->audit.audit, (model_audit_rule)i));
    }
    return is_told ? note_alarm(a, subject, &alarm, path, fault) : FAULT_NONE;
}

static int finish_all(struct audit_report *a, const char *path, struct fault *fault)
{
    int rc = FAULT_NONE;
    for (uint32_t i = 0; rc == FAULT_NONE && i < a->n_subjects; i++) {
        model_audit_alarm alarm;
        if (audit_state_end_session(&a->subjects[i]->audit, a->params, &alarm)) {
            rc = note_alarm(a, i, &alarm, path, fault);
        }
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
    rc = rc ? rc : enter(a, step->subject, step->rig, row->session, step->path, fault);
    if (rc != FAULT_NONE || step->kind != PROTO_KIND_TRIAL) {
        return rc;
    }
    const model_audit_trial trial = audit_state_read(&a->params->protocol, row);
    note_stage(a, row->stage, trial.stage);
    return take_trial(a, step->subject, row->trial, &trial, step->path, fault);
}

int audit_report_read(struct audit_report *a, const model_audit_params *params, const char *path,
                      const char *only, struct trial_table_how how, struct fault *fault)
{
    *a = (struct audit_report){.params = params};
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
    *a = (struct audit_report){0};
}
