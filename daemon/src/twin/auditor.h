/* auditor.h - one animal's audit as the program follows it: what a trial of a table, a journal or a
 * rig says, and which trials are missing.
 *
 * Plain memory without pointers, of which the first auditor_used() bytes are used.
 * Threads: one owner. Memory: the caller's; nothing allocates.
 */
#ifndef MURID_AUDITOR_H
#define MURID_AUDITOR_H

#include "model/audit.h"
#include "proto/message.h"
#include "table.h"

struct auditor {
    int64_t last_trial; /* of this session; -1 before its first */
    model_audit audit;  /* last, for what is not used of it */
};

/* What a trial says; is_gap is not filled in. A stage that the protocol does not have is unknown.
 * RT-safe: yes. */
model_audit_trial auditor_heard(const model_protocol *protocol, const proto_trial *trial);
model_audit_trial auditor_read(const model_protocol *protocol, const struct table_row *row);

/* An animal that was never heard of. RT-safe: yes. */
void auditor_init(struct auditor *a);

/* A session starts, another one ends with it. True if something is to be told of that one. RT-safe:
 * yes. */
bool auditor_start_session(struct auditor *a, const model_audit_params *params,
                           model_audit_alarm *alarm);

/* True if something is to be told. RT-safe: yes. */
bool auditor_end_session(struct auditor *a, const model_audit_params *params,
                         model_audit_alarm *alarm);

/* Takes up a trial by its number in the session, unless a later one was taken up before. True if
 * something is to be told. RT-safe: yes. */
bool auditor_push(struct auditor *a, const model_audit_params *params, int64_t number,
                  const model_audit_trial *trial, model_audit_alarm *alarm);

/* Bytes in use; reads them back: their number, or 0 if the first of `size` bytes are none. RT-safe:
 * yes. */
size_t auditor_used(const struct auditor *a);
size_t auditor_unpack(struct auditor *a, const uint8_t bytes[], size_t size);

#endif
