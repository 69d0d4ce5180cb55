/* known_animal.h - an animal of a table or journal up to some trial: what a forecast or advice goes
 * on from.
 *
 * Threads: one owner. Memory: the heap; known_animal_close() frees it, also of a zeroed one.
 */
#pragma once

#include "model_file.h"
#include "protocol_file.h"
#include "trial_history.h"

struct known_animal_request {
    const char *path;     /* of a table or journal; "-": standard input */
    const char *model;    /* file; NULL: the journal's, or the random walk */
    const char *subject;  /* NULL: the only one */
    const char *protocol; /* file; NULL: none, or the journal's */
    const char *stage;    /* NULL: as the trials lead */
    int64_t at;           /* trials that are known; < 0: all */
    int64_t seed;
    struct trial_table_options table;
};

struct known_animal {
    const struct known_animal_request *request;
    struct model_file model;
    struct trial_history past; /* what came later too */
    size_t at;
    struct protocol_file protocol;
    model_protocol_state rig;
};

/* Reads the model and the trials. FAULT_NONE, or FAULT_INPUT or FAULT_WORK with *a to be closed
 * too.
 */
int known_animal_open(struct known_animal *a, const struct known_animal_request *request,
                      struct fault *fault);

void known_animal_close(struct known_animal *a);

/* take() hears trials 0..at-1 with their number, and returns what the model said: MODEL_OK to go
 * on.
 */
int known_animal_follow(const struct known_animal *a, const char *what,
                        int (*take)(void *context, size_t i, const struct trial_history_trial *t),
                        void *context, struct fault *fault);

/* Puts the rig into the stage that the request names, *stage; FAULT_INPUT: there is none. */
int known_animal_enter(struct known_animal *a, uint32_t *stage, struct fault *fault);
