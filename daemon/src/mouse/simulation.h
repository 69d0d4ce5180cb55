/* simulation.h - virtual mice trained with a protocol: many animals, session by session.
 *
 * Each animal is one member of a bank, drawn by the members' priors, with its own learning-rate
 * multiplier. The animal, and what its rig draws, depend only on the seed and its number: other
 * numbers of animals or threads, or another protocol, do not change them. So two simulations of one
 * seed are paired. Animals of one member are trained together (model/cohort.h).
 * Threads: the owner calls; jobs run on a pool. Memory: the heap; simulation_close() frees it, also
 * of a zeroed one.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fault.h"
#include "model/bank.h"
#include "model/protocol.h"

struct simulation_plan {
    const model_bank_params *bank;  /* must outlive the simulation */
    const model_protocol *protocol; /* the same */
    int64_t mice;                   /* 1..SIMULATION_MICE_MAX */
    int64_t sessions;               /* of each */
    uint64_t seed;
    double rate_spread; /* of the animals' log pace; 0: all alike */
    size_t n_threads;   /* 1..THREAD_POOL_THREADS_MAX */
};

enum { SIMULATION_MICE_MAX = 1000000, SIMULATION_BYTES_MAX = 1 << 30 };

/* One session of one animal. [side]: 0 left, 1 right was correct; trials without contrast are in
 * n and correct, not in shown and shown_correct. */
struct simulation_session {
    uint32_t n[2];
    uint32_t correct[2];
    uint32_t shown[2];
    uint32_t shown_correct[2];
    uint32_t right; /* choices */
    uint32_t repeats;
    uint32_t rewards;
    float reward_ul;
};

/* When an animal first had a trial of a stage: trials and sessions before that one; -1: never. */
struct simulation_entry {
    int64_t trials;
    int64_t sessions;
};

struct simulation {
    struct simulation_plan plan;
    uint32_t *member;                    /* (mice) */
    double *pace;                        /* (mice): steps of the rule are multiplied by it */
    struct simulation_session *sessions; /* (mice, sessions) */
    uint32_t *stage_trials;              /* (mice, sessions, stages) */
    struct simulation_entry *entries;    /* (mice, stages) */
    atomic_llong n_trials;               /* so far */
    atomic_llong n_stuck; /* steps that were not taken: not finite, or beyond the weights' range */
    atomic_bool is_failed;
};

/* Draws the animals. FAULT_NONE; FAULT_INPUT (more than SIMULATION_BYTES_MAX of results) or
 * FAULT_WORK with *s closed. */
int simulation_open(struct simulation *s, const struct simulation_plan *plan, struct fault *fault);

/* Trains them. table: NULL, or every trial goes there as rows of trial_table.h, one animal after
 * the other, those of a member together. what: as progress calls it. FAULT_NONE, or FAULT_WORK: no
 * memory, or interrupted. */
int simulation_run(struct simulation *s, FILE *table, const char *what, struct fault *fault);

void simulation_close(struct simulation *s);

const struct simulation_session *simulation_session(const struct simulation *s, int64_t mouse,
                                                    int64_t session);
const struct simulation_entry *simulation_entry(const struct simulation *s, int64_t mouse,
                                                uint32_t stage);

/* Share of an animal's trials in a session that were of a stage. */
double simulation_occupancy(const struct simulation *s, int64_t mouse, int64_t session,
                            uint32_t stage);
