/* recording.h - what animals did, read alike from a trial table and from a journal: trial by trial,
 * and where a session starts.
 *
 * Of a journal the messages are decoded again, under the names that the daemon gave, in a
 * transaction of its own: a daemon may be writing it. Progress is shown; Ctrl-C ends it. Threads:
 * one owner. Memory: the heap, given back before recording_read() returns.
 */
#pragma once

#include "trial_table.h"

/* Which messages of a journal, and in what order. Of tables: all rows as they stand. */
enum recording_order {
    RECORDING_AS_TAKEN,   /* taken up, as they were heard */
    RECORDING_NOT_HEALED, /* the same without those that came after their successors */
    RECORDING_BY_TRIAL    /* late ones where they belong, session by session; no stimuli */
};

struct recording_step {
    const char *path; /* as faults name it */
    int64_t event;    /* in a journal */
    int64_t session;  /* its number in a journal; -1 in a table */
    uint32_t subject; /* number, from 0 in the order in which animals first come */
    const char *rig;  /* "" in a table */
    proto_kind kind;  /* trial; of a journal also session_start, stimulus: the session goes on */
    bool is_again;    /* of its session there was a step before, in a journal */
    const struct trial_row *row; /* what is said: the session's columns by rows and session_starts,
                                    the trial's by trials; what is not said is unknown */
};

/* FAULT_NONE to go on; anything else, with *fault, ends the reading. */
typedef int recording_take(void *context, const struct recording_step *step, struct fault *fault);

/* What is read, and who takes it. */
struct recording {
    const char *path; /* a journal, its data directory, or a table; "-": one on standard input */
    const char *what; /* the word that progress is shown by */
    const char *only; /* one animal; NULL: all */
    struct trial_table_how how;
    enum recording_order order;
    recording_take *take;
    void *context;
};

/* FAULT_NONE, also where a journal has no step; FAULT_INPUT: not a recording, a damaged one, no
 * trials in a table, TRIAL_TABLE_STRICT asked of a journal, whose trials were checked when they
 * were heard; FAULT_WORK: it cannot be read, interrupted. */
int recording_read(const struct recording *recording, struct fault *fault);

/* A journal was read without a trial, of one animal or (only NULL) at all: FAULT_INPUT, naming the
 * animals that are there. */
int recording_none(const struct recording *recording, struct fault *fault);
