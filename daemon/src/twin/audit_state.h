/* audit_state.h - one animal's audit in the daemon and in reports: turns trials of a table, a
 * journal or a rig into those of model/audit.h, and detects missing ones.
 *
 * Beside the declared protocol those of known releases of iblrig are followed, until a rule of them
 * is broken: where a stream is not of the declared one, the alarm says of which it is. With
 * `iblrig: recorded` each session is held against the one that its software has. Plain memory
 * without pointers.
 * Threads: one owner. Memory: the caller's; nothing allocates.
 */
#pragma once

#include "audit_protocol.h"
#include "proto/message.h"
#include "trial_table.h"

enum { AUDIT_STATE_SOFTWARE = 72 };

struct audit_state {
    char software[AUDIT_STATE_SOFTWARE]; /* that the session states; "" none */
    int64_t chosen;                      /* by it, of the known protocols; -1: the declared one */
    int64_t last_trial;                  /* of this session; -1 before its first */
    int64_t n_known;   /* known protocols that are tried beside the declared one */
    int64_t is_out;    /* bit mask of those that the stream cannot be of */
    model_audit audit; /* against the declared one, or the chosen ones */
    model_audit known[MODEL_PROTOCOL_RELEASES]; /* last, for what is not used of it */
};

/* What a trial says; is_gap is not filled in. A stage that the protocol does not have is unknown.
 * RT-safe: yes. */
model_audit_trial audit_state_heard(const model_protocol *protocol, const proto_trial *trial);
model_audit_trial audit_state_read(const model_protocol *protocol, const struct trial_row *row);

/* A new animal. RT-safe: yes. */
void audit_state_init(struct audit_state *a, const struct audit_protocol *protocol);

/* The session that it is in states this software, "" none. RT-safe: yes. */
void audit_state_choose(struct audit_state *a, const struct audit_protocol *protocol,
                        const char *software);

/* What the session is held against: the declared protocol, or what its software makes of it. Valid
 * as long as *protocol. RT-safe: yes. */
const model_audit_params *audit_state_params(const struct audit_state *a,
                                             const struct audit_protocol *protocol);

/* A session starts that states this software, another one ends with it. True if something is to be
 * told of that one. RT-safe: yes. */
bool audit_state_start_session(struct audit_state *a, const struct audit_protocol *protocol,
                               const char *software, model_audit_alarm *alarm);

/* True if something is to be told. RT-safe: yes. */
bool audit_state_end_session(struct audit_state *a, const struct audit_protocol *protocol,
                             model_audit_alarm *alarm);

/* Takes up a trial by its number in the session, unless a later one was taken up before. True if
 * something is to be told. RT-safe: yes. */
bool audit_state_push(struct audit_state *a, const struct audit_protocol *protocol, int64_t number,
                      const model_audit_trial *trial, model_audit_alarm *alarm);

/* Bytes that a checkpoint of it takes; writes them; reads them back: their number, or 0 if the
 * first of `size` bytes are none. RT-safe: yes. */
size_t audit_state_size(const struct audit_state *a);
void audit_state_pack(const struct audit_state *a, uint8_t out[]);
size_t audit_state_unpack(struct audit_state *a, const uint8_t bytes[], size_t size);
