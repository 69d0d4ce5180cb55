/* subject_state.h - what is kept of an animal and of a session: plain memory, checkpointed byte by
 * byte.
 *
 * Threads: one owner. Memory: the caller's; nothing allocates.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit_state.h"
#include "backfill.h"
#include "known_defects.h"
#include "model/training_status.h"
#include "sequence.h"
#include "twin.h"

enum { SUBJECT_STATE_STIMULI_MAX = 32 };

/* What a checkpoint keeps of an animal: the used parts of it, one behind the other. */
struct subject_state {
    int64_t session;    /* number of its current session, -1 before the first */
    int64_t for_trial;  /* the trial the present prediction is about */
    uint64_t n_stimuli; /* 0: the configuration's */
    double stimuli[SUBJECT_STATE_STIMULI_MAX]; /* named by its session: signed contrasts to predict
                                                  for */
    int64_t is_disengaged; /* 1 once the alert was raised, until it plays again */
    int64_t is_over;       /* 1: the session was ended, and has not gone on */
    int64_t
        doubted_session; /* 1 + number of the one on another rig that was last doubted; 0 none */
    int64_t n_audits;    /* protocols of its run */
    int64_t audit_at;    /* number of the one that its session is held against; -1: none */
    struct known_defects_told told; /* of its sessions' software */
    int64_t outside;                /* trials until a bout outside of the model is over; 0 none */
    struct twin twin;
    struct backfill backfill;
    model_training_status tracker;
    struct audit_state audit[PROTOCOL_LIST_MAX]; /* n_audits */
};

/* What a checkpoint keeps of a session. */
struct session_state {
    struct sequence trials;
    struct sequence seqs;
    int64_t counts_since; /* the event with which the present count of seqs began; 0: the first */
    int64_t first_seq; /* a later run that goes on with the count: seqs below are of the run before;
                          PROTO_NIL: it has a count of its own */
    int64_t doubted;   /* a trial far ahead that is not believed yet; PROTO_NIL if none */
    int64_t n_doubted; /* trials that were doubted: some above the highest have come */
    int64_t start_content; /* of its session_start, 0 if none */
    int64_t end_content;   /* of its latest session_end, 0 if none */
    int64_t is_started;    /* 1 once the twin was told of it */
    int64_t last_heard_mono_ns;
    int64_t last_heard_boot; /* of the machine, which that time is of */
    int64_t last_heard_wall_ns;
    int64_t last_t_rig_us; /* PROTO_NIL if unknown */
    char task[72];         /* as its session_start names it; "" unknown */
    char software[72];     /* the same of the program that runs it */
};

/* Names the layout of both states. Raise the number when a member changes its place or meaning:
 * older checkpoints are then passed over, and the animals run again from the start of the journal.
 */
#define SUBJECT_STATE_LAYOUT                                                                       \
    ((int64_t)(11 << 24 | (sizeof(struct subject_state) + sizeof(struct session_state))))

/* A new animal. RT-safe: yes. */
void subject_state_reset(struct subject_state *state, const struct twin_models *models);

/* Bytes that a checkpoint of the state takes. RT-safe: yes. */
size_t subject_state_size(const struct subject_state *state);

/* Writes them to out[subject_state_size()]. RT-safe: yes. */
void subject_state_pack(const struct subject_state *state, uint8_t out[]);

/* Reads them back. False if they are not a state; then *state is in any condition. */
bool subject_state_unpack(struct subject_state *state, const uint8_t bytes[], size_t size);

/* Audits the animal anew against the protocols of these models, if they have any. task, software:
 * of the session that it is in. RT-safe: yes. */
void subject_state_audit_anew(struct subject_state *state, const struct twin_models *models,
                              const char *task, const char *software);
