/* review_curves.h - the data for the plots of one animal, gathered trial by trial in fixed memory:
 * a curve that gets too long is downsampled by half.
 *
 * Threads: one owner. Memory: review_curves_new(), free().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"
#include "review_runs.h"

enum {
    REVIEW_MARKS = 64,        /* latest alerts that are placed on the curves */
    REVIEW_BIN_TRIALS = 50,   /* of the learning curve, before it is made coarser */
    REVIEW_BINS_MAX = 160,    /* an even number */
    REVIEW_POINTS_MAX = 400,  /* an even number */
    REVIEW_LAST_SESSIONS = 4, /* whose psychometric curves are kept */
    REVIEW_STIMULI_MAX = 24   /* different ones in a psychometric curve */
};

struct review_mark {
    int64_t event;
    int64_t trial; /* of the animal, from 0; -1: before its first */
    proto_alert_code code;
};

struct review_bin {
    int64_t n;
    double correct;
};

/* Where the animal stood after a trial; NaN where not known. */
struct review_point {
    float gain; /* cumulated, nats */
    float w[MODEL_FEATURES];
    float w_sd[MODEL_FEATURES];
};

struct review_choice {
    double stimulus;
    int64_t n;
    int64_t n_right;
    double p_right; /* sum of what was predicted */
};

struct review_psychometric {
    uint32_t session;
    uint32_t n;
    bool is_binned; /* too many different stimuli: equal bins of them */
    struct review_choice stimuli[REVIEW_STIMULI_MAX];
};

struct review_curves {
    int64_t bin_trials;
    size_t n_bins;
    struct review_bin bins[REVIEW_BINS_MAX];
    int64_t point_trials; /* point i stands after trial (i + 1) * point_trials of the animal */
    size_t n_points;
    struct review_point points[REVIEW_POINTS_MAX];
    int64_t n_psychometric; /* ring: number i of all stands at i % REVIEW_LAST_SESSIONS */
    struct review_psychometric psychometric[REVIEW_LAST_SESSIONS];
    int64_t n_marks;  /* ring */
    int64_t n_placed; /* of these, at a trial */
    struct review_mark marks[REVIEW_MARKS];
};

struct review_curves_trial {
    int64_t event;
    uint32_t session;
    int64_t number; /* trials of the animal with this one */
    double stimulus;
    int choice;     /* 1, 0 or -1 */
    double correct; /* NaN: cannot be told */
    double p_right; /* NaN: not scored */
    double gain;    /* cumulated with this one */
};

/* The weights predicted with after a trial, as they stand in the journal: not trusted. */
struct review_weights {
    const struct review_run *run; /* NULL unknown */
    const void *w;
    const void *w_sd;
    size_t w_size; /* bytes */
    size_t w_sd_size;
};

/* Empty ones, to be given to free(); NULL without memory. */
struct review_curves *review_curves_new(void);

/* Notes an alert about an event; in order, before the trials. */
void review_curves_alert(struct review_curves *c, int64_t event, proto_alert_code code);

void review_curves_push(struct review_curves *c, const struct review_curves_trial *t);

/* True if review_curves_point() is to be called after that many trials. */
bool review_curves_wants_point(const struct review_curves *c, int64_t number);
void review_curves_point(struct review_curves *c, const struct review_curves_trial *t,
                         const struct review_weights *weights);

/* All trials were taken up. */
void review_curves_finish(struct review_curves *c, int64_t trials);
