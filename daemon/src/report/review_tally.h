/* review_tally.h - what a review counts of trials, and the means and intervals of the sums.
 *
 * Threads: any. Memory: none kept.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "histogram.h"
#include "model/score.h"
#include "proto/message.h"
#include "session.h"

enum { REVIEW_SEED = 1, /* of the bootstrap */ REVIEW_RESAMPLES = 1000 };

/* What one trial adds, wherever it is counted. */
struct review_trial {
    enum session_outcome status;
    int64_t number;
    double stimulus; /* NaN unknown */
    int choice;      /* 1, 0 or -1 */
    double correct;  /* NaN: cannot be told */
    double p_right;  /* NaN: not scored */
    double nats;
    double baseline_nats;
    model_coverage_bin bin;
    int64_t latency_ns; /* -1 unknown */
};

/* What is counted of a session, of an animal and of the whole journal. */
struct review_tally {
    int64_t trials;  /* received: taken up, healed and late */
    int64_t no_gos;  /* of these, without a choice */
    int64_t healed;  /* of these, late but put in their place */
    int64_t late;    /* of these, too late to be taken up */
    int64_t missing; /* trial numbers never received */
    int64_t judged;  /* choices that can be told right or wrong */
    double correct;  /* of these, the rewarded or right ones */
    model_score score;
    struct histogram latency; /* decode + assimilate + predict of a trial */
    int64_t alerts[PROTO_ALERT_COUNT];
};

/* 95% of the bootstrap over sessions; NaN with fewer than two. */
struct review_interval {
    double lo, hi;
};

void review_tally_push(struct review_tally *tally, const struct review_trial *trial);

/* Was a choice correct? The reward if it is known, else the correct side, else the side of the
 * stimulus; NaN: cannot be told. side: 1, 0 or -1 unknown. */
double review_tally_judge(int choice, double reward, int side, double stimulus);

/* Means; NaN without a choice. */
double review_accuracy(const struct review_tally *tally);
double review_gain(const struct review_tally *tally);

/* The interval within which 95% of resampled sets of sessions have their mean gain. gains and
 * choices: sums of each session; k sessions. */
struct review_interval review_bootstrap(const double *gains, const double *choices, size_t k,
                                        uint64_t stream);
