/* model/psychometric.h - the psychometric curve of the International Brain Laboratory: an error
 * function between two lapse rates, fitted to counts by maximum likelihood.
 *
 * Formula, starts and bounds: docs/model.md, section psychometric. Threads: any. Memory: the stack.
 * RT-safe: all but what says no.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { MODEL_PSYCHOMETRIC_POINTS_MAX = 32 };

/* Trials with one stimulus. */
typedef struct {
    double contrast; /* percent, -100..100, right positive */
    int64_t n;       /* > 0 */
    int64_t n_right; /* of these, right was chosen: a no-go is not a right choice */
} model_psychometric_point;

typedef struct {
    double bias;       /* percent: the contrast in the middle between the lapses */
    double threshold;  /* percent, 0..100: how flat it is */
    double lapse_low;  /* p(right) far on the left */
    double lapse_high; /* p(left) far on the right */
} model_psychometric;

/* p(right) at a contrast in percent. */
double model_psychometric_predict(const model_psychometric *curve, double contrast);

/* The maximum-likelihood curve. Each contrast appears in one point only. The same
 * points in the same order give the same bits. MODEL_OK; MODEL_ERR_ARG (n is 0 or over the maximum,
 * or a point is out of range), *curve is then as before. RT-safe: no, about 0.4 ms with 9
 * points. */
int model_psychometric_fit(size_t n, const model_psychometric_point points[],
                           model_psychometric *curve);
