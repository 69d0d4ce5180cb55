#include "standings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hearing.h"
#include "journal_reader.h"
#include "list.h"
#include "model/status.h"
#include "rows.h"
#include "standing.h"
#include "subjects.h"

static int no_memory(const char *path, struct fault *fault)
{
    return fault_set(fault, FAULT_WORK, "%s: no memory for its sessions", path);
}

/* ---- animals and sessions -------------------------------------------------------------------- */

static int add_subject(struct standings *s, const char *name, const char *path, struct fault *fault)
{
    void *list = list_grow(s->subjects, s->n_subjects, &s->capacity, sizeof *s->subjects);
    if (list == NULL) {
        return no_memory(path, fault);
    }
    s->subjects = list;
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
    void *list = list_grow(s->sessions, s->n_sessions, &s->capacity, sizeof *s->sessions);
    if (list == NULL) {
        return NULL;
    }
    s->sessions = list;
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

struct naming {
    struct standings *standings;
    struct subjects names;
};

static int take_row(void *context, const struct table *table, const struct table_row *row,
                    struct fault *fault)
{
    struct naming *naming = context;
    struct standings *s = naming->standings;
    uint32_t number;
    int rc = subjects_find(&naming->names, table, row->subject, &number, fault);
    if (rc == FAULT_NONE && number == s->n_subjects) {
        rc = add_subject(s, row->subject, table->path, fault);
    }
    if (rc != FAULT_NONE) {
        return rc;
    }
    struct standings_subject *subject = &s->subjects[number];
    const model_status_session_info info = standing_row_info(row);
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

static int read_table(struct standings *s, const char *path, const char *only, enum table_care care,
                      struct fault *fault)
{
    struct naming naming = {.standings = s};
    const int rc = rows_read(path, "status", only, care, take_row, &naming, fault);
    subjects_free(&naming.names);
    return rc;
}

/* ---- journals -------------------------------------------------------------------------------- */

/* As session.c takes it: a session_start that comes again changes nothing. */
static int take_message(void *context, const struct hearing *h, struct fault *fault)
{
    struct standings *s = context;
    const proto_message *heard = &h->heard;
    model_status_session_info info = standing_unknown();
    int rc = FAULT_NONE;
    if (*h->subject_index == UINT32_MAX) {
        rc = add_subject(s, h->subject, h->path, fault);
        *h->subject_index = s->n_subjects - 1;
    }
    if (rc != FAULT_NONE) {
        return rc;
    }
    struct standings_subject *subject = &s->subjects[*h->subject_index];
    if (heard->kind == PROTO_KIND_SESSION_START) {
        info = standing_info(&heard->as.session_start);
    }
    if (heard->kind != PROTO_KIND_SESSION_START || !*h->session_flag) {
        rc = enter(subject, h->rig, h->session, &info, h->path, fault);
        *h->session_flag = true;
    }
    if (rc == FAULT_NONE && heard->kind == PROTO_KIND_TRIAL) {
        const model_status_trial trial = standing_trial(&heard->as.trial);
        model_status_tracker_push(&subject->tracker, &trial);
    }
    return rc;
}

static int read_journal(struct standings *s, const char *path, const char *only,
                        struct fault *fault)
{
    const int rc = hearing_read(path, "status", only, HEARING_AS_TAKEN, take_message, s, fault);
    if (rc == FAULT_NONE && only != NULL && s->n_subjects == 0) {
        return hearing_none(path, only, fault);
    }
    return rc;
}

/* ---- either ---------------------------------------------------------------------------------- */

int standings_read(struct standings *s, const char *path, const char *only, enum table_care care,
                   struct fault *fault)
{
    *s = (struct standings){0};
    bool is_journal = false;
    int rc = rows_tell_journal(path, care, &is_journal, fault);
    if (rc == FAULT_NONE) {
        rc = is_journal ? read_journal(s, path, only, fault)
                        : read_table(s, path, only, care, fault);
    }
    rc = rc ? rc : finish_all(s, path, fault);
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
