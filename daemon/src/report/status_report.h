/* status_report.h - the training status of every animal of a trial table or journal, session by
 * session, as the daemon followed it or would have; except that the median reaction time is over
 * all trials, and the daemon's over a subset in long sessions.
 *
 * A journal is read in its own transaction: a daemon may be writing it. Threads: one owner.
 * Memory: the heap; status_report_close() frees it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "fault.h"
#include "model/training_status.h"
#include "proto/message.h"
#include "trial_table.h"

/* One session and where the animal stood at its end. */
struct status_report_session {
    char name[PROTO_ID_MAX + 1];
    char rig[PROTO_ID_MAX + 1]; /* "" in a table */
    int64_t id;                 /* the tracker's */
    model_ibl_criteria_protocol protocol;
    int64_t n_trials;
    double easy; /* fraction correct of easy trials; NaN without any */
    model_training_status_standing standing;
    int64_t
        n_uncounted; /* trials of the last three sessions beyond the contrasts that a curve has */
};

/* Of one trial at zero contrast. */
struct status_report_rt {
    int64_t session; /* the tracker's */
    double rt_s;
};

struct status_report_subject {
    char name[PROTO_ID_MAX + 1];
    char session[PROTO_ID_MAX + 1]; /* now going on */
    char rig[PROTO_ID_MAX + 1];
    bool is_in_session;
    model_training_status tracker; /* its last three sessions */
    struct status_report_rt *rts;  /* of the sessions that the tracker holds: all of them */
    size_t n_rts;
    size_t rts_capacity;
    struct status_report_session *sessions;
    uint32_t n_sessions;
    size_t capacity;
};

struct status_report {
    struct status_report_subject *subjects;
    uint32_t n_subjects;
    size_t capacity;
};

/* Reads a journal, its data directory, or otherwise a trial table; "-" is a table on standard
 * input. only: one animal; NULL: all. FAULT_NONE, FAULT_INPUT or FAULT_WORK; *s is then closed. */
int status_report_read(struct status_report *s, const char *path, const char *only,
                       struct trial_table_how how, struct fault *fault);

/* Why a session has no curve, and of which sessions; "" where it has one: out[cap]. */
void status_report_no_curve(const struct status_report_session *session, char *out, size_t cap);

void status_report_close(struct status_report *s);

/* As one SVG (status_plot.c): a panel per animal, the psychometric curves of its last three
 * sessions together. */
void status_plot(FILE *to, const struct status_report *s);
