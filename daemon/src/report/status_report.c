#include "status_report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "list.h"
#include "model/error.h"
#include "recording.h"
#include "status_message.h"

static int no_memory(const char *path, struct fault *fault)
{
    return fault_set(fault, FAULT_WORK, "%s: no memory for its sessions", path);
}

static int add_subject(struct status_report *s, const char *name, const char *path,
                       struct fault *fault)
{
    void *list = list_grow(s->subjects, s->n_subjects, &s->capacity, sizeof *s->subjects);
    if (list == NULL) {
        return no_memory(path, fault);
    }
    s->subjects = list;
    struct status_report_subject *to = &s->subjects[s->n_subjects++];
    memset(to, 0, sizeof *to);
    strcpy(to->name, name);
    model_training_status_init(&to->tracker);
    return FAULT_NONE;
}

/* The row of the session that goes on; a new one if it has none yet. NULL without memory. */
static struct status_report_session *row_of(struct status_report_subject *s, int64_t id)
{
    for (uint32_t i = s->n_sessions; i-- > 0;) {
        if (s->sessions[i].id == id) {
            return &s->sessions[i];
        }
    }
    void *list = list_grow(s->sessions, s->n_sessions, &s->capacity, sizeof *s->sessions);
    if (list == NULL) {
        return NULL;
    }
    s->sessions = list;
    return &s->sessions[s->n_sessions++];
}

static bool holds(const model_training_status *t, int64_t session)
{
    bool is_held = false;
    for (int64_t i = 0; i < t->n; i++) {
        is_held = is_held || t->session[i].id == session;
    }
    return is_held;
}

/* Drops those of sessions that the tracker holds no longer. */
static void keep_held(struct status_report_subject *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_rts; i++) {
        if (holds(&s->tracker, s->rts[i].session)) {
            s->rts[n++] = s->rts[i];
        }
    }
    s->n_rts = n;
}

static int by_rt(const void *a, const void *b)
{
    const double x = ((const struct status_report_rt *)a)->rt_s;
    const double y = ((const struct status_report_rt *)b)->rt_s;
    return (x > y) - (x < y);
}

static double median_rt_s(struct status_report_subject *s)
{
    keep_held(s);
    if (s->n_rts == 0) {
        return (double)NAN;
    }
    qsort(s->rts, s->n_rts, sizeof s->rts[0], by_rt);
    return (s->rts[(s->n_rts - 1) / 2].rt_s + s->rts[s->n_rts / 2].rt_s) / 2.0;
}

static int push(struct status_report_subject *s, const struct trial_row *row, const char *path,
                struct fault *fault)
{
    const model_trial trial = trial_table_trial(row);
    model_training_status_push(&s->tracker, &trial, row->p_left);
    if (s->tracker.current < 0 || fabs(row->stimulus) > 0.0 || isnan(row->rt_s)) {
        return FAULT_NONE;
    }
    void *list = list_grow(s->rts, s->n_rts, &s->rts_capacity, sizeof *s->rts);
    if (list == NULL) {
        return no_memory(path, fault);
    }
    s->rts = list;
    s->rts[s->n_rts++] = (struct status_report_rt){
        .session = s->tracker.session[s->tracker.current].id, .rt_s = row->rt_s};
    return FAULT_NONE;
}

/* Trials of the sessions held whose contrast found no room, in a session or in all together. */
static int64_t count_uncounted(const model_training_status *t)
{
    double seen[MODEL_IBL_CRITERIA_CONTRASTS];
    size_t n_seen = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < t->n; i++) {
        const model_ibl_criteria_session *s = &t->session[i].counts;
        n += s->n_uncounted;
        for (int64_t k = 0; k < s->n_contrasts; k++) {
            const model_ibl_criteria_contrast *c = &s->contrast[k];
            size_t at = 0;
            while (at < n_seen && fabs(seen[at] - c->contrast) > 0.0) {
                at++;
            }
            if (at == MODEL_IBL_CRITERIA_CONTRASTS) {
                n += c->n[MODEL_IBL_CRITERIA_ELSE] + c->n[MODEL_IBL_CRITERIA_20] +
                     c->n[MODEL_IBL_CRITERIA_80];
            } else if (at == n_seen) {
                seen[n_seen++] = c->contrast;
            }
        }
    }
    return n;
}

void status_report_no_curve(const struct status_report_session *session, char *out, size_t cap)
{
    out[0] = '\0';
    if (session->n_uncounted > 0) {
        (void)snprintf(out, cap,
                       "more than %d contrasts in the last three sessions; %" PRId64
                       " trials have contrasts beyond the first %d",
                       MODEL_IBL_CRITERIA_CONTRASTS, session->n_uncounted,
                       MODEL_IBL_CRITERIA_CONTRASTS);
    }
}

/* Judges the session that goes on, if it had trials. *latest is what came of it. */
static int finish(struct status_report_subject *s, model_training_status_standing *latest,
                  const char *path, struct fault *fault)
{
    latest->n_pushed = -1;
    if (s->tracker.current < 0 || !s->is_in_session) {
        return FAULT_NONE;
    }
    const model_training_status_session *now = &s->tracker.session[s->tracker.current];
    if (now->is_open == 0) {
        return FAULT_NONE; /* it was gone back to, but not gone on with */
    }
    struct status_report_session *row = row_of(s, now->id);
    if (row == NULL) {
        return no_memory(path, fault);
    }
    const int rc = model_training_status_judge_rt(&s->tracker, median_rt_s(s), latest);
    if (rc != MODEL_OK) {
        return fault_set(fault, FAULT_WORK, "%s: session %s of %s cannot be evaluated: %s", path,
                         s->session, s->name, model_strerror(rc));
    }
    strcpy(row->name, s->session);
    strcpy(row->rig, s->rig);
    row->id = now->id;
    row->protocol = (model_ibl_criteria_protocol)now->counts.protocol;
    row->n_trials = now->counts.n_trials;
    row->easy = now->counts.n_easy > 0
                    ? (double)now->counts.n_easy_correct / (double)now->counts.n_easy
                    : (double)NAN;
    row->standing = *latest;
    row->n_uncounted = count_uncounted(&s->tracker);
    return FAULT_NONE;
}

static int enter(struct status_report_subject *s, const char *rig, const char *session,
                 const model_training_status_session_info *info, const char *path,
                 struct fault *fault)
{
    model_training_status_standing latest;
    if (s->is_in_session && strcmp(s->session, session) == 0 && strcmp(s->rig, rig) == 0) {
        return FAULT_NONE;
    }
    const int rc = finish(s, &latest, path, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    model_training_status_start(&s->tracker, status_message_session_id(rig, session), info,
                                &latest);
    strcpy(s->session, session);
    strcpy(s->rig, rig);
    s->is_in_session = true;
    return FAULT_NONE;
}

static int finish_all(struct status_report *s, const char *path, struct fault *fault)
{
    int rc = FAULT_NONE;
    for (uint32_t i = 0; rc == FAULT_NONE && i < s->n_subjects; i++) {
        model_training_status_standing latest;
        rc = finish(&s->subjects[i], &latest, path, fault);
    }
    return rc;
}

/* As session.c takes it: a session_start that comes again changes nothing. */
static int take(void *context, const struct recording_step *step, struct fault *fault)
{
    struct status_report *s = context;
    const struct trial_row *row = step->row;
    const bool is_start = step->kind == PROTO_KIND_SESSION_START;
    int rc = step->subject == s->n_subjects ? add_subject(s, row->subject, step->path, fault)
                                            : FAULT_NONE;
    if (rc != FAULT_NONE || (is_start && step->is_again)) {
        return rc;
    }
    struct status_report_subject *subject = &s->subjects[step->subject];
    const model_training_status_session_info info = status_message_row_info(row);
    rc = enter(subject, step->rig, row->session, &info, step->path, fault);
    if (rc == FAULT_NONE && step->kind == PROTO_KIND_TRIAL) {
        rc = push(subject, row, step->path, fault);
    }
    return rc;
}

int status_report_read(struct status_report *s, const char *path, const char *only,
                       struct trial_table_how how, struct fault *fault)
{
    *s = (struct status_report){0};
    const struct recording recording = {.path = path,
                                        .what = "status",
                                        .only = only,
                                        .how = how,
                                        .order = RECORDING_AS_TAKEN,
                                        .take = take,
                                        .context = s};
    int rc = recording_read(&recording, fault);
    if (rc == FAULT_NONE && only != NULL && s->n_subjects == 0) {
        rc = recording_none(&recording, fault);
    }
    rc = rc ? rc : finish_all(s, path, fault);
    if (rc != FAULT_NONE) {
        status_report_close(s);
    }
    return rc;
}

void status_report_close(struct status_report *s)
{
    for (uint32_t i = 0; i < s->n_subjects; i++) {
        free(s->subjects[i].sessions);
        free(s->subjects[i].rts);
    }
    free(s->subjects);
    *s = (struct status_report){0};
}
