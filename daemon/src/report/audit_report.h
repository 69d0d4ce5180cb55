/* audit_report.h - a whole trial table or journal against a declared protocol: the violations of
 * each animal, and the evidence.
 *
 * A journal is read in its own transaction: a daemon may be writing it. Threads: one owner.
 * Memory: the heap; audit_report_close() frees it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "audit_state.h"
#include "fault.h"
#include "trial_table.h"

/* What was called, after which trial. */
struct audit_report_alarm {
    uint32_t subject;
    char session[PROTO_ID_MAX + 1];
    int64_t trial;
    model_audit_alarm what;
};

struct audit_report_subject {
    char name[PROTO_ID_MAX + 1];
    char session[PROTO_ID_MAX + 1]; /* now going on */
    char rig[PROTO_ID_MAX + 1];
    bool is_in_session;
    int64_t n_sessions;
    int64_t n_trials;
    double most[MODEL_AUDIT_RULES]; /* e-value of each rule at its highest */
    struct audit_state audit;
};

struct audit_report {
    const model_audit_params *params;
    struct audit_report_subject **subjects;
    uint32_t n_subjects;
    size_t capacity;
    struct audit_report_alarm *alarms;
    uint32_t n_alarms;
    size_t alarm_capacity;
    int64_t n_stages_unknown; /* trials whose stage the protocol does not have */
    char stage_unknown[PROTO_ID_MAX + 1];
};

/* Reads a journal, its data directory, or otherwise a trial table; "-" is a table on standard
 * input. only: one animal; NULL: all. params must outlive *a. FAULT_NONE, FAULT_INPUT or
 * FAULT_WORK; *a is then closed. */
int audit_report_read(struct audit_report *a, const model_audit_params *params, const char *path,
                      const char *only, struct trial_table_how how, struct fault *fault);
void audit_report_close(struct audit_report *a);
