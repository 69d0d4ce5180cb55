/* audit_report.h - a whole trial table or journal against declared protocols, by task: the
 * violations of each animal, and the evidence.
 *
 * A journal is read in its own transaction: a daemon may be writing it. Threads: one owner.
 * Memory: the heap; audit_report_close() frees it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "audit_state.h"
#include "fault.h"
#include "known_defects.h"
#include "trial_table.h"

/* What was called, after which trial. */
struct audit_report_alarm {
    uint32_t subject;
    uint32_t protocol; /* by its number */
    bool is_set;       /* a stage that was set, and no violation: `set` instead of `what` */
    char session[PROTO_ID_MAX + 1];
    int64_t trial;
    char software[AUDIT_STATE_SOFTWARE]; /* that the session states; "" none */
    model_audit_alarm what;
    model_audit_set set;
};

/* What is said of the software that a session states, and is no violation. */
struct audit_report_notice {
    uint32_t subject;
    char session[PROTO_ID_MAX + 1];
    char text[KNOWN_DEFECTS_MAX];
};

struct audit_report_subject {
    char name[PROTO_ID_MAX + 1];
    char session[PROTO_ID_MAX + 1]; /* now going on */
    char rig[PROTO_ID_MAX + 1];
    bool is_in_session;
    int64_t at; /* protocol that it is held against; -1: none */
    int64_t n_sessions;
    int64_t n_trials;
    struct known_defects_told told;
    double most[MODEL_AUDIT_RULES]; /* e-value of each rule at its highest */
    struct audit_state audit[PROTOCOL_LIST_MAX];
};

struct audit_report {
    const struct audit_protocols *protocols;
    struct audit_report_subject **subjects;
    uint32_t n_subjects;
    size_t capacity;
    struct audit_report_alarm *alarms;
    uint32_t n_alarms;
    size_t alarm_capacity;
    uint32_t n_violations; /* of the alarms */
    struct audit_report_notice *notices;
    uint32_t n_notices;
    size_t notice_capacity;
    int64_t n_sessions_aside; /* sessions whose task has no protocol */
    char task_aside[TRIAL_TABLE_TASK_MAX + 1];
    int64_t n_stages_unknown; /* trials whose stage the protocol does not have */
    char stage_unknown[PROTO_ID_MAX + 1];
};

/* Reads a journal, its data directory, or otherwise a trial table; "-" is a table on standard
 * input. only: one animal; NULL: all. protocols must outlive *a. FAULT_NONE, FAULT_INPUT or
 * FAULT_WORK; *a is then closed. */
int audit_report_read(struct audit_report *a, const struct audit_protocols *protocols,
                      const char *path, const char *only, struct trial_table_how how,
                      struct fault *fault);
void audit_report_close(struct audit_report *a);
