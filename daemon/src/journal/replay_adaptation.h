/* replay_adaptation.h - animals' own parameters during a replay: those of the journal are put into
 * force where they were; on request they are recomputed, and must be the same.
 *
 * Threads: one owner. Memory: the heap; replay_adaptation_close().
 */
#pragma once

#include "journal_reader.h"
#include "journal_record.h"
#include "subjects.h"

/* A row of the table adaptation, without its parameters. */
struct replay_change {
    int64_t id, subject, run, based_on, event, n;
    enum journal_record_change what;
    double nats_before, nats_after;
};

struct replay_adaptation {
    const struct journal_reader *journal;
    struct replay_change *changes; /* by id */
    size_t n;
    size_t next_applied;
    size_t next_found;
    bool is_found_anew;
    sqlite3_stmt *values; /* of a change, by id */
    void *scratch;
    size_t scratch_size;
    float *found; /* of the change before next_found */
    size_t found_size;
    size_t found_for; /* the change that `found` is of, plus one; 0 none */
    model_adapt_result result;
    int64_t n_compared;
};

/* Reads the rows. FAULT_NONE, FAULT_INPUT or FAULT_WORK. */
int replay_adaptation_open(struct replay_adaptation *a, const struct journal_reader *journal,
                           struct fault *fault);

void replay_adaptation_close(struct replay_adaptation *a);

/* Brings own parameters to where they stood before event number `event`. FAULT_NONE; FAULT_WORK:
 * found anew they differ, or a row holds what murid never writes. */
int replay_adaptation_advance(struct replay_adaptation *a, struct subjects *subjects, int64_t event,
                              struct fault *fault);

/* Puts the parameters that a checkpoint's head names in place. 0, or -1: the journal does not hold
 * them. */
int replay_adaptation_restore(struct replay_adaptation *a, const struct adaptation_plan *plan,
                              struct adaptation *own);
