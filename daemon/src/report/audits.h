/* audits.h - a whole trial table or journal against a declared protocol: what is called of each
 * animal, and how much evidence there was.
 *
 * A journal is read in a transaction of its own: a daemon may be writing it. Threads: one owner.
 * Memory: the heap; audits_close() gives it back.
 */
#ifndef MURID_AUDITS_H
#define MURID_AUDITS_H

#include <stdbool.h>
#include <stdint.h>

#include "auditor.h"
#include "fault.h"
#include "table.h"

/* What was called, after which trial. */
struct audits_alarm {
    uint32_t subject;
    char session[PROTO_ID_MAX + 1];
    int64_t trial;
    model_audit_alarm what;
};

struct audits_subject {
    char name[PROTO_ID_MAX + 1];
    char session[PROTO_ID_MAX + 1]; /* now going on */
    char rig[PROTO_ID_MAX + 1];
    bool is_in_session;
    int64_t n_sessions;
    int64_t n_trials;
    double most[MODEL_AUDIT_RULES]; /* e-value of each rule at its highest */
    struct auditor auditor;
};

struct audits {
    const model_audit_params *params;
    struct audits_subject **subjects;
    uint32_t n_subjects;
    size_t capacity;
    struct audits_alarm *alarms;
    uint32_t n_alarms;
    size_t alarm_capacity;
    int64_t n_stages_unknown; /* trials whose stage the protocol does not have */
    char stage_unknown[PROTO_ID_MAX + 1];
};

/* Reads a journal, its data directory, or otherwise a trial table; "-" is a table on standard
 * input. only: one animal; NULL: all. params must outlive *a. FAULT_NONE, FAULT_INPUT or
 * FAULT_WORK; *a is then closed. */
int audits_read(struct audits *a, const model_audit_params *params, const char *path,
                const char *only, enum table_care care, struct fault *fault);
void audits_close(struct audits *a);

#endif
