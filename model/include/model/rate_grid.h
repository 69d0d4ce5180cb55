/* model/rate_grid.h - whether and how fast an animal learns: every rule of a bank is followed at
 * several multiples of its learning rate (paces), each with its own filter, weighted by its
 * likelihood of all choices so far.
 *
 * A bank's weights forget within a thousand trials, and ask who predicts the next choice: a random
 * walk wide enough to follow learning does that nearly as well as the rule that drives it. Here
 * pace 0 has the noise of its rule and only lacks its steps, so that the evidence is about the
 * steps alone; and nothing is forgotten. Maths: docs/model.md, section rate_grid. model_rate_grid
 * is plain memory without pointers or padding; what n strands (hypotheses) use of it is its first
 * model_rate_grid_used() bytes. Parameters are const and shared by any number of animals.
 * Threads: one owner; parameters may be read by all. Memory: the caller's; nothing allocates.
 * RT-safe: all of it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "model/bank.h"

/* X(pace, prior): multiples of a rule's step. */
#define MODEL_RATE_GRID_LIST(X)                                                                    \
    X(0.0, 0.2)                                                                                    \
    X(0.5, 0.25)                                                                                   \
    X(1.0, 0.35)                                                                                   \
    X(2.0, 0.2)

#define MODEL_RATE_GRID_ONE(pace, prior) +1
enum {
    MODEL_RATE_GRID_COUNT = 0 MODEL_RATE_GRID_LIST(MODEL_RATE_GRID_ONE),
    MODEL_RATE_GRID_STRANDS = MODEL_BANK_MAX * MODEL_RATE_GRID_COUNT
};
#undef MODEL_RATE_GRID_ONE

/* One rule at one pace. Rules that do not learn (none, gru_policy) have one strand, of pace 1. */
typedef struct {
    int64_t member; /* of the bank */
    double pace;
    double prior; /* of its pace within the member */
    double nats;  /* -log p of all choices so far, minus that of the best strand */
    model_member twin;
} model_rate_grid_strand;

typedef struct {
    int64_t n;
    int64_t n_choices; /* observed */
    model_rate_grid_strand strand[MODEL_RATE_GRID_STRANDS];
} model_rate_grid;

/* Number of strands of a bank, and bytes of a model_rate_grid for n strands. */
size_t model_rate_grid_strands(const model_bank_params *params);
size_t model_rate_grid_used(size_t n_strands);

/* A new animal; writes no more than is used. */
void model_rate_grid_init(model_rate_grid *pace, const model_bank_params *params);

void model_rate_grid_start_session(model_rate_grid *pace, const model_bank_params *params);

/* Updates every strand with one trial; one that cannot absorb it skips it and is charged ln 2.
 * MODEL_OK, or MODEL_ERR_ARG (a value of the trial is outside its range) with nothing changed.
 * O(strands), about 0.3 us each without a net. */
int model_rate_grid_observe(model_rate_grid *pace, const model_bank_params *params,
                            const model_trial *trial);
