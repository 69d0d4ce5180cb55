/* model/coverage.h - measures from the choices whether the 90% intervals of p(right) are correct.
 *
 * p is not observable. A belief about the policy's weights is frozen while a bin of choices is
 * collected; then two rates of the bin, of right choices and of the choices predicted as more
 * likely, are compared with the bands that the belief's intervals imply. The first is sensitive to
 * bias, the second to sensitivity. Maths: docs/model.md, section coverage.
 * Threads: one owner. Memory: plain, without pointers or padding; zeroed is a bin not begun.
 * RT-safe: all of it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/bank.h"

/* A bin is closed when its number of right choices has this variance by the forecasts: 16 choices
 * at chance, about 40 of an expert. */
#define MODEL_COVERAGE_BIN_VAR 4.0

enum { MODEL_COVERAGE_RATES = 2 };

/* One rate: sums over the bin. a is how a choice's probability follows w. */
typedef struct {
    double error;                          /* choices counted, less their forecasts */
    double slope[MODEL_WEIGHTS_MAX];       /* a */
    double slope_lag[MODEL_WEIGHTS_MAX];   /* a times its trial's number in the bin */
    double slope_drift[MODEL_WEIGHTS_MAX]; /* over pairs: a a' times the lesser number */
} model_coverage_rate;

typedef struct {
    int64_t n_trials;                                /* of the bin, no-gos too; 0: not begun */
    double w[MODEL_WEIGHTS_MAX];                     /* the belief that it began with: mean */
    double P[MODEL_WEIGHTS_MAX * MODEL_WEIGHTS_MAX]; /* covariance, row-major (n, n) */
    double drift[MODEL_WEIGHTS_MAX];                 /* variance that a trial adds */
    model_coverage_rate rate[MODEL_COVERAGE_RATES];
    double spread; /* sum of p (1 - p) */
    double own;    /* sum of the variances of each p alone */
} model_coverage;

/* A bin that a choice has closed. Zeroed: none. */
typedef struct {
    int32_t n;         /* rates: MODEL_COVERAGE_RATES, or 0 */
    int32_t n_covered; /* of these, inside their 90% band */
    double found;      /* squared errors of the sums, less what chance adds to them */
    double claimed;    /* its mean as implied by the intervals */
} model_coverage_bin;

/* Discards the current bin, as when a session starts. */
void model_coverage_reset(model_coverage *coverage);

/* Updates with a trial that the bank has not observed yet. Reads the bank only. O(k^2) and, where a
 * bin begins, O(members k^2). */
void model_coverage_observe(model_coverage *coverage, const model_bank *bank,
                            const model_bank_params *params, const model_trial *trial,
                            model_coverage_bin *bin);
