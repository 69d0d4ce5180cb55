/* filter.h - estimates the policy's weights from the choices: a filter that approximates what is
 * known of them by a normal distribution.
 *
 * Maths and symbols: docs/model.md, section filter. w is the mean (n), P the covariance (n, n),
 * row-major, symmetric and positive definite; n is 1..FILTER_MAX; g is (n).
 * Threads: any, on different objects. Memory: the caller's; nothing allocates. RT-safe: all of it.
 */
#pragma once

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "exp_exact.h"
#include "model/filter_kind.h"
#include "model/policy.h"

enum { FILTER_MAX = 12 };

/* pi / 8: how a logistic flattens under a normal logit (MacKay 1992). */
#define FILTER_PI_OVER_8 0.39269908169872414

/* Sets w = mean, P = diag(var). O(n^2). */
void filter_init(size_t n, double w[], double P[], const double mean[], const double var[]);

/* Time passes: P += diag(var). */
void filter_diffuse(size_t n, double P[], const double var[]);

/* A choice was seen whose logit was w . g + shift. EKF: w is the posterior's mode and P the Laplace
 * covariance there; at most 8 Newton steps. MOMENTS: its mean and covariance, with the choice's
 * chance as filter_forecast() has it. MODEL_OK, or MODEL_ERR_NUMERIC with w and P as they were.
 * O(n^2). */
int filter_update(model_filter filter, size_t n, double w[], double P[], const double g[],
                  double shift, bool chose_right);

/* What a choice does: w += residual P g, P -= gain (P g)(P g)'. */
typedef struct {
    double residual;
    double gain;
} filter_pull;

/* The same with its derivatives by the mean of the logit before the choice, and by its variance,
 * var >= 0. */
typedef struct {
    filter_pull pull;
    filter_pull by_mean;
    filter_pull by_var;
} filter_slopes;

filter_slopes filter_slopes_of(model_filter filter, double mean, double var, bool chose_right);

/* The weights moved by a known amount: w += dw, P = A P A' with A = I - diag f + u g'. u NULL: A =
 * I; f NULL: it is 0. O(n^2). */
void filter_move(size_t n, double w[], double P[], const double dw[], const double u[],
                 const double f[], const double g[]);

/* Mean of the logit w . g + shift, and its variance. Reads only. O(n^2). */
double filter_logit(size_t n, const double w[], const double P[], const double g[], double shift,
                    double *var);

/* p(right) with the uncertainty of the logit averaged over. */
static inline double filter_forecast(double mean, double var)
{
    return sigmoid_exact(mean / sqrt(1.0 + FILTER_PI_OVER_8 * var));
}

/* The ends of the 90% credible interval of sigmoid(logit); lo and hi may be NULL. */
void filter_interval(double mean, double var, double *lo, double *hi);

/* The forecast and the interval at once; lo and hi may be NULL. Reads only. O(n^2).
 */
double filter_predict(size_t n, const double w[], const double P[], const double g[], double shift,
                      double *lo, double *hi);

/* Where the posterior of a choice has its mode: sigmoid(-A) at the root A of A = M + v sigmoid(-A).
 * M is the margin of the choice that was made before it was seen, v >= 0 its variance. */
double filter_mode(double M, double v);
