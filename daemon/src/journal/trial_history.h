/* trial_history.h - all trials of one animal, in the order in which they happened, from a trial
 * table or a journal.
 *
 * Of a journal, the accepted trials, with late ones in their place; it is read in its own
 * transaction: a daemon may be writing it. Threads: one owner. Memory: the heap;
 * trial_history_close() frees it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "model/member.h"
#include "model/training_status.h"
#include "proto/message.h"
#include "trial_table.h"

struct trial_history_trial {
    model_trial trial;
    double p_left; /* NaN unknown */
    bool starts_session;
    model_training_status_session_info info; /* of its session, where it starts one */
};

struct trial_history {
    char subject[PROTO_ID_MAX + 1];
    struct trial_history_trial *trials;
    size_t n;
    size_t capacity;
    char session[PROTO_ID_MAX + 1]; /* of the last trial */
};

/* Reads a journal, its data directory, or otherwise a table; "-" is a table on standard input.
 * only: the animal; NULL: the only one there. FAULT_NONE; FAULT_INPUT (no trials of it, or of
 * several) or FAULT_WORK with *past closed. */
int trial_history_read(struct trial_history *past, const char *path, const char *only,
                       struct trial_table_how how, struct fault *fault);

/* How many of its trials are known with --at: so many, or all of them if it is below 0.
 * FAULT_NONE, or FAULT_INPUT where there are fewer. */
int trial_history_known(const struct trial_history *past, int64_t at, size_t *known,
                        struct fault *fault);

void trial_history_close(struct trial_history *past);
