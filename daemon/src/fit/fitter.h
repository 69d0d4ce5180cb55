/* fitter.h - one fit: a rule trained on some of the animals of a table, with its state on disk.
 *
 * Maths: docs/model.md, section fit. The result depends on the options, the animals and the seed,
 * never on threads or interruptions. Threads: one owner; the pool's for the work. Memory: the heap,
 * freed at the end; the model is the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "fault.h"
#include "fitter_options.h"
#include "model_file.h"
#include "thread_pool.h"
#include "training_set.h"

/* How it is run; nothing here changes the result. */
struct fitter_run {
    struct thread_pool *team; /* NULL: on this thread alone */
    const char *state_path;   /* NULL: nothing is kept */
    bool resume;              /* from state_path, if it is there */
    FILE *losses; /* CSV lines, or NULL; to be read too: with resume, lines of epochs that are to be
                     done again are taken off */
    bool (*tell)(void *context, double done); /* 0..1; false: save the state and stop. Any thread */
    void *context;
};

struct fitter_result {
    double loss;          /* of the training animals, nats/trial */
    double held_out_loss; /* NaN without */
    uint64_t epochs;      /* done */
    size_t n_trials;
    uint32_t n_animals;
    bool is_whole;  /* false: stopped */
    bool has_model; /* false: stopped in a search, which leaves neither model nor state */
};

/* Trains on n animals given by their numbers; NULL: on all. FAULT_NONE with *out, also when
 * stopped; FAULT_INPUT or FAULT_WORK with *out zeroed and, where it went well so far, the state
 * on the disk. The state is the caller's to remove, once the model is where it belongs. */
int fitter_fit(const struct fitter_options *options, const struct training_set *training,
               const uint32_t subjects[], uint32_t n, const struct fitter_run *run,
               struct model_file *out, struct fitter_result *result, struct fault *fault);
