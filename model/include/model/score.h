/* model/score.h - a running score of predictions that were made before the choice.
 *
 * All means are over trials with a choice. Symbols: docs/model.md, section score.
 * Threads: one owner. Memory: plain, without pointers or padding; zeroed is empty. RT-safe: all of
 * it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/coverage.h"

enum { MODEL_SCORE_BINS = 10 };

typedef struct {
    int64_t n;            /* choices scored */
    int64_t n_hits;       /* of these, the more likely choice was made (right at p = 0.5) */
    double nats;          /* sum of -log p(choice) */
    double baseline_nats; /* the same of the baseline */
    double brier;         /* sum of (p_right - y)^2 */
    int64_t bin_n[MODEL_SCORE_BINS]; /* by p_right, equal widths */
    double bin_p[MODEL_SCORE_BINS];  /* sum of p_right */
    double bin_y[MODEL_SCORE_BINS];  /* sum of y */
    int64_t n_rates;                 /* rates of bins of choices, compared with the interval */
    int64_t n_covered;               /* of these, inside its 90% band */
    double found;                    /* sums of model_coverage_bin's */
    double claimed;
} model_score;

/* Empties. */
void model_score_reset(model_score *score);

/* -log p(choice), see model_policy_p_choice(). */
double model_score_nats(double p_right, bool chose_right);

/* Adds one choice that p_right predicted: nats is its -log p, baseline_nats the baseline's. */
void model_score_push_nats(model_score *score, double p_right, double nats, double baseline_nats,
                           bool chose_right);

/* Adds a closed bin of choices; an empty one adds nothing. */
void model_score_push_bin(model_score *score, const model_coverage_bin *bin);

/* Adds the trials of another score: pooling, a mean over trials. */
void model_score_add(model_score *score, const model_score *other);

/* Means over trials; NaN when empty. ECE: sum over bins of n_bin/n |mean y - mean p|. */
double model_score_mean_nats(const model_score *score);
double model_score_mean_baseline_nats(const model_score *score);
double model_score_mean_brier(const model_score *score);
double model_score_accuracy(const model_score *score);
double model_score_ece(const model_score *score);

/* Fraction of the bins' rates within the 90% band of p(right)'s interval; NaN without a bin. */
double model_score_coverage(const model_score *score);

/* Ratio of p's error to the one that the intervals imply: above 1 they are too narrow. NaN without
 * a bin. */
double model_score_interval_ratio(const model_score *score);
