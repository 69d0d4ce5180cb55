#include "filter.h"

#include <math.h>
#include <string.h>

#include "vectors.h"

_Static_assert((int)MODEL_WEIGHTS_MAX <= (int)FILTER_MAX, "a filter for every policy");

enum { NEWTON_STEPS_MAX = 8 };

void filter_init(size_t n, double w[], double P[], const double mean[], const double var[])
{
    memset(P, 0, n * n * sizeof P[0]);
    for (size_t i = 0; i < n; i++) {
        w[i] = mean[i];
        P[i * n + i] = var[i];
    }
}

void filter_diffuse(size_t n, double P[], const double var[])
{
    for (size_t i = 0; i < n; i++) {
        P[i * n + i] += var[i];
    }
}

/* Lambert's W of exp(log_z) to a few percent (Winitzki 2003). */
static double lambert(double log_z)
{
    const double l = log1p(exp(fmin(log_z, 700.0)));
    return l * (1.0 - log1p(l) / (2.0 + l));
}

/* A start for Newton where v is so large that the equation below is a steep step: its two tails
 * are A - M = v exp(-A) and the mirror image of that, its middle sigmoid(A) = (M + v) / v. */
static double guess_margin(double M, double v)
{
    const double upper = M + lambert(log(v) - M);
    const double lower = M + v - lambert(log(v) + M + v);
    const double middle = M < 0.0 && M + v > 0.0 ? log((M + v) / -M) : (M < 0.0 ? lower : upper);
    return fmin(fmax(middle, lower), upper);
}

/* The mode in one dimension: the root of f(A) = A - M - v sigmoid(-A), A = +-a the margin of the
 * choice that was made. f rises with slope at least 1 and the root lies between M and
 * M + v sigmoid(-M), so a Newton step that leaves the bracket is replaced by its middle. What a
 * small step misses goes with its square: sigmoid then follows it along its tangent. Returns
 * sigmoid(-A), the probability of the other choice there. */
double filter_mode(double M, double v)
{
    static const double WIDE = 4.0;
    static const double SMALL = 1e-7;
    double q = sigmoid_exact(-M);
    double lo = M;
    double hi = M + v * q;
    double A = M;
    if (v > WIDE) {
        A = fmin(fmax(guess_margin(M, v), lo), hi);
        q = sigmoid_exact(-A);
    }
    for (int i = 0; i < NEWTON_STEPS_MAX; i++) {
        const double f = A - M - v * q;
        const double step = f / (1.0 + v * q * (1.0 - q));
        if (fabs(step) <= SMALL) {
            return q + q * (1.0 - q) * step;
        }
        if (f > 0.0) {
            hi = A;
        } else {
            lo = A;
        }
        A -= step;
        if (!(A >= lo && A <= hi)) {
            A = 0.5 * (lo + hi);
        }
        q = sigmoid_exact(-A);
    }
    return q;
}

/* At the mode, and by the implicit function theorem about it. */
static inline filter_slopes slopes_of_mode(double mean, double var, double sign)
{
    const double q = filter_mode(sign * mean, var);
    const double c = q * (1.0 - q);
    const double damp = 1.0 / (1.0 + c * var);
    const double gain = c * damp;
    const double bend = damp * damp * (1.0 - 2.0 * q);
    return (filter_slopes){.pull = {sign * q, gain},
                           .by_mean = {-gain, -sign * bend * gain},
                           .by_var = {-sign * gain * q, -bend * gain * q - gain * gain}};
}

/* The derivatives of log Z by the mean, Z = sigmoid(+-mean scale): the first, and less the second.
 */
static inline filter_slopes slopes_of_mean(double mean, double var, double sign)
{
    const double scale = 1.0 / sqrt(1.0 + FILTER_PI_OVER_8 * var);
    const double scale_by_var = -0.5 * FILTER_PI_OVER_8 * scale * scale * scale;
    const double q = sigmoid_exact(-sign * mean * scale);
    const double c = q * (1.0 - q);
    const double q_by_mean = -sign * c * scale;
    const double q_by_var = -sign * c * mean * scale_by_var;
    const double bend = scale * scale * (1.0 - 2.0 * q);
    return (filter_slopes){.pull = {sign * scale * q, scale * scale * c},
                           .by_mean = {sign * scale * q_by_mean, bend * q_by_mean},
                           .by_var = {sign * (scale_by_var * q + scale * q_by_var),
                                      2.0 * scale * scale_by_var * c + bend * q_by_var}};
}

/* Inline: where the derivatives are not used, they are not computed. */
static inline filter_slopes find_slopes(model_filter filter, double mean, double var,
                                        bool chose_right)
{
    const double sign = chose_right ? 1.0 : -1.0;
    return filter == MODEL_FILTER_MOMENTS ? slopes_of_mean(mean, var, sign)
                                          : slopes_of_mode(mean, var, sign);
}

filter_slopes filter_slopes_of(model_filter filter, double mean, double var, bool chose_right)
{
    return find_slopes(filter, mean, var, chose_right);
}

int filter_update(model_filter filter, size_t n, double w[], double P[], const double g[],
                  double shift, bool chose_right)
{
    double Pg[FILTER_MAX];
    multiply(n, P, g, Pg);
    const double m = dot(n, w, g) + shift;
    const double v = dot(n, g, Pg);
    if (!isfinite(m) || !isfinite(v) || v < 0.0) {
        return MODEL_ERR_NUMERIC;
    }
    const filter_pull pull = find_slopes(filter, m, v, chose_right).pull;
    for (size_t i = 0; i < n; i++) {
        w[i] += Pg[i] * pull.residual;
        for (size_t j = 0; j <= i; j++) {
            P[i * n + j] -= pull.gain * Pg[i] * Pg[j];
            P[j * n + i] = P[i * n + j];
        }
    }
    return MODEL_OK;
}

/* P = F P F and Pg = F P g, F = I - diag f. */
static void forget(size_t n, double P[], double Pg[], const double f[])
{
    for (size_t i = 0; i < n; i++) {
        Pg[i] *= 1.0 - f[i];
        for (size_t j = 0; j <= i; j++) {
            P[i * n + j] *= (1.0 - f[i]) * (1.0 - f[j]);
            P[j * n + i] = P[i * n + j];
        }
    }
}

void filter_move(size_t n, double w[], double P[], const double dw[], const double u[],
                 const double f[], const double g[])
{
    for (size_t i = 0; i < n; i++) {
        w[i] += dw[i];
    }
    if (u == NULL) {
        return;
    }
    double Pg[FILTER_MAX];
    multiply(n, P, g, Pg);
    const double v = dot(n, g, Pg);
    if (f != NULL) {
        forget(n, P, Pg, f);
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            P[i * n + j] += u[i] * Pg[j] + Pg[i] * u[j] + v * u[i] * u[j];
            P[j * n + i] = P[i * n + j];
        }
    }
}

double filter_logit(size_t n, const double w[], const double P[], const double g[], double shift,
                    double *var)
{
    double Pg[FILTER_MAX];
    multiply(n, P, g, Pg);
    const double v = dot(n, g, Pg);
    *var = v > 0.0 ? v : 0.0;
    return dot(n, w, g) + shift;
}

void filter_interval(double mean, double var, double *lo, double *hi)
{
    const double half = MODEL_Z90 * sqrt(var);
    if (lo != NULL) {
        *lo = sigmoid_exact(mean - half);
    }
    if (hi != NULL) {
        *hi = sigmoid_exact(mean + half);
    }
}

double filter_predict(size_t n, const double w[], const double P[], const double g[], double shift,
                      double *lo, double *hi)
{
    double var;
    const double mean = filter_logit(n, w, P, g, shift, &var);
    filter_interval(mean, var, lo, hi);
    return filter_forecast(mean, var);
}
