/* model/filter.h - estimates the policy's weights from the choices: a Laplace (extended
 * Kalman) filter.
 *
 * Maths and symbols: docs/model.md, section filter. w is the mean (n), P the covariance (n, n),
 * row-major, symmetric and positive definite; n is 1..MODEL_FILTER_MAX; g is (n).
 * Threads: any, on different objects. Memory: the caller's; nothing allocates.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "model/policy.h"

enum { MODEL_FILTER_MAX = 12 };

/* Half-width of the central 90% of a normal distribution, in standard deviations. */
#define MODEL_FILTER_Z90 1.6448536269514722

/* Sets w = mean, P = diag(var). RT-safe: yes, O(n^2). */
void model_filter_init(size_t n, double w[], double P[], const double mean[], const double var[]);

/* Time passes: P += diag(var). RT-safe: yes, O(n). */
void model_filter_diffuse(size_t n, double P[], const double var[]);

/* A choice was seen whose logit was w . g + shift: the posterior's mode and the Laplace covariance
 * there. MODEL_OK, or MODEL_ERR_NUMERIC with w and P as they were. RT-safe: yes, O(n^2), at most 8
 * Newton steps. */
int model_filter_update(size_t n, double w[], double P[], const double g[], double shift,
                        bool chose_right);

/* The weights moved by a known amount: w += dw, P = A P A' with A = I + u g'. u NULL: A = I.
 * RT-safe: yes, O(n^2). */
void model_filter_move(size_t n, double w[], double P[], const double dw[], const double u[],
                       const double g[]);

/* Mean of the logit w . g + shift, and its variance. Reads only. RT-safe: yes, O(n^2). */
double model_filter_logit(size_t n, const double w[], const double P[], const double g[],
                          double shift, double *var);

/* p(right) with the uncertainty of the logit averaged over. RT-safe: yes. */
double model_filter_forecast(double mean, double var);

/* The ends of the 90% credible interval of sigmoid(logit); lo and hi may be NULL. RT-safe: yes. */
void model_filter_interval(double mean, double var, double *lo, double *hi);

/* The forecast and the interval at once; lo and hi may be NULL. Reads only. RT-safe: yes, O(n^2).
 */
double model_filter_predict(size_t n, const double w[], const double P[], const double g[],
                            double shift, double *lo, double *hi);

/* 1 / (1 + exp(-a)) without overflow. RT-safe: yes. */
double model_filter_sigmoid(double a);
