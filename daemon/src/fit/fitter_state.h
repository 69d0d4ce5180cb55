/* fitter_state.h - where a fit stands, on the disk: what it goes on from after an interrupt or a
 * crash, with a checksum over all that changes.
 *
 * Threads: one owner. Memory: the caller's.
 */
#pragma once

#include "fault.h"
#include "model/fit.h"

struct fitter_state {
    const char *words; /* the options and the data in words: a state is of the same ones */
    const char *data;
    size_t n; /* parameters */
    model_fit *fit;
    float *best;      /* (n) parameters with which the animals held out scored best */
    double best_loss; /* their loss */
    uint64_t best_epoch;
    double epoch_loss; /* of the batches of this epoch that are done */
};

/* Writes it, whole or not at all; to path NULL nothing. FAULT_NONE or FAULT_WORK. */
int fitter_state_save(const struct fitter_state *s, const char *path, struct fault *fault);

/* Reads it into s->fit and what follows. FAULT_NONE; FAULT_INPUT (of another fit, damaged) or
 * FAULT_WORK. */
int fitter_state_load(struct fitter_state *s, const char *path, struct fault *fault);
