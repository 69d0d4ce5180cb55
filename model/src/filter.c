#include "model/filter.h"

#include <math.h>
#include <string.h>

enum { NEWTON_STEPS_MAX = 8 };

double model_filter_sigmoid(double a)
{
    const double e = exp(-fabs(a));
    return a >= 0.0 ? 1.0 / (1.0 + e) : e / (1.0 + e);
}

static double dot(size_t n, const double a[], const double b[])
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

static void multiply(size_t n, const double P[], const double g[], double Pg[])
{
    for (size_t i = 0; i < n; i++) {
        Pg[i] = dot(n, &P[i * n], g);
    }
}

void model_filter_init(size_t n, double w[], double P[], const double mean[], const double var[])
{
    memset(P, 0, n * n * sizeof P[0]);
    for (size_t i = 0; i < n; i++) {
        w[i] = mean[i];
        P[i * n + i] = var[i];
    }
}

void model_filter_diffuse(size_t n, double P[], const double var[])
{
    for (size_t i = 0; i < n; i++) {
        P[i * n + i] += var[i];
    }
}

/* The mode in one dimension: the root of f(a) = a - m - v (y - sigmoid(a)). f rises with slope at
 * least 1 and the root lies between m and m + v (y - sigmoid(m)), so a Newton step that leaves the
 * bracket is replaced by its middle. Returns the residual y - sigmoid(a) and, in *curvature, p(1-p)
 * there. */
static double find_mode(double m, double v, double y, double *curvature)
{
    double a = m;
    double p = model_filter_sigmoid(a);
    double lo = fmin(m, m + v * (y - p));
    double hi = fmax(m, m + v * (y - p));
    for (int i = 0; i < NEWTON_STEPS_MAX; i++) {
        const double f = a - m - v * (y - p);
        if (fabs(f) <= 1e-13 * (1.0 + fabs(a))) {
            break;
        }
        if (f > 0.0) {
            hi = a;
        } else {
            lo = a;
        }
        a -= f / (1.0 + v * p * (1.0 - p));
        if (!(a >= lo && a <= hi)) {
            a = 0.5 * (lo + hi);
        }
        p = model_filter_sigmoid(a);
    }
    *curvature = p * (1.0 - p);
    return y - p;
}

int model_filter_update(size_t n, double w[], double P[], const double g[], bool chose_right)
{
    double Pg[MODEL_WEIGHTS_MAX];
    multiply(n, P, g, Pg);
    const double m = dot(n, w, g);
    const double v = dot(n, g, Pg);
    if (!isfinite(m) || !isfinite(v) || v < 0.0) {
        return MODEL_ERR_NUMERIC;
    }
    double curvature;
    const double residual = find_mode(m, v, chose_right ? 1.0 : 0.0, &curvature);
    const double gain = curvature / (1.0 + curvature * v);
    for (size_t i = 0; i < n; i++) {
        w[i] += Pg[i] * residual;
        for (size_t j = 0; j <= i; j++) {
            P[i * n + j] -= gain * Pg[i] * Pg[j];
            P[j * n + i] = P[i * n + j];
        }
    }
    return MODEL_OK;
}

void model_filter_move(size_t n, double w[], double P[], const double dw[], const double u[],
                       const double g[])
{
    for (size_t i = 0; i < n; i++) {
        w[i] += dw[i];
    }
    if (u == NULL) {
        return;
    }
    double Pg[MODEL_WEIGHTS_MAX];
    multiply(n, P, g, Pg);
    const double v = dot(n, g, Pg);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            P[i * n + j] += u[i] * Pg[j] + Pg[i] * u[j] + v * u[i] * u[j];
            P[j * n + i] = P[i * n + j];
        }
    }
}

double model_filter_predict(size_t n, const double w[], const double P[], const double g[],
                            double *lo, double *hi)
{
    static const double PI_OVER_8 = 0.39269908169872414;
    double Pg[MODEL_WEIGHTS_MAX];
    multiply(n, P, g, Pg);
    const double m = dot(n, w, g);
    const double v = fmax(dot(n, g, Pg), 0.0);
    if (lo != NULL || hi != NULL) {
        const double half = MODEL_FILTER_Z90 * sqrt(v);
        if (lo != NULL) {
            *lo = model_filter_sigmoid(m - half);
        }
        if (hi != NULL) {
            *hi = model_filter_sigmoid(m + half);
        }
    }
    return model_filter_sigmoid(m / sqrt(1.0 + PI_OVER_8 * v));
}
