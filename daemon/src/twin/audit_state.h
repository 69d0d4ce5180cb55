/* audit_state.h - one animal's audit in the daemon and in reports: turns trials of a table, a
 * journal or a rig into those of model/audit.h, and detects missing ones.
 *
 * Plain memory without pointers, of which the first audit_state_used() bytes are used.
 * Threads: one owner. Memory: the caller's; nothing allocates.
 */
#pragma once

#include "model/audit.h"
#include "proto/message.h"
#include "trial_table.h"

struct audit_state {
    int64_t last_trial; /* of this session; -1 before its first */
    model_audit audit;  /* last, for what is not used of it */
};

/* What a trial says; is_gap is not filled in. A stage that the protocol does not have is unknown.
 * RT-safe: yes. */
model_audit_trial audit_state_heard(const model_protocol *protocol, const proto_trial *trial);
model_audit_trial audit_state_read(const model_protocol *protocol, const struct trial_row *row);

/* A new animal. RT-safe: yes. */
void audit_state_init(struct audit_state *a);

/* A session starts, another one ends with it. True if something is to be told of that one. RT-safe:
 * yes. */
bool audit_state_start_session(struct audit_state *a, const model_audit_params *params,
                               model_audit_alarm *alarm);

/* True if something is to be told. RT-safe: yes. */
bool audit_state_end_session(struct audit_state *a, const model_audit_params *params,
                             model_audit_alarm *alarm);

/* Takes up a trial by its number in the session, unless a later one was taken up before. True if
 * something is to be told. RT-safe: yes. */
bool audit_state_push(struct audit_state *a, const model_audit_params *params, int64_t number,
                      const model_audit_trial *trial, model_audit_alarm *alarm);

/* Bytes in use; reads them back: their number, or 0 if the first of `size` bytes are none. RT-safe:
 * yes. */
size_t audit_state_used(const struct audit_state *a);
size_t audit_state_unpack(struct audit_state *a, const uint8_t bytes[], size_t size);
