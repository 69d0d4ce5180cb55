#include "model/static_glm.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "cholesky.h"
#include "exp_exact.h"
#include "gemm.h"
#include "model/policy.h"
#include "model/score.h"

enum { STEPS_MAX = 100, HALVINGS_MAX = 40, K = MODEL_WEIGHTS_MAX, BLOCK = 256 };

static const double TOLERANCE = 1e-12; /* of the gain of a step, relative to the loss */

static double logit(size_t n, const double w[], const float g[])
{
    double a = 0.0;
    for (size_t i = 0; i < n; i++) {
        a += w[i] * (double)g[i];
    }
    return a;
}

/* -log of the posterior, up to a constant. log(1 + exp(-a)) without overflow. */
static double loss(size_t n, size_t n_animals, const model_fit_animal animals[], const double w[])
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += w[i] * w[i] / (2.0 * MODEL_STATIC_GLM_VAR);
    }
    for (size_t k = 0; k < n_animals; k++) {
        for (size_t t = 0; t < animals[k].n_trials; t++) {
            const double a = logit(n, w, animals[k].g + t * n);
            const double margin = animals[k].chose_right[t] == 1 ? a : -a;
            sum += fmax(-margin, 0.0) + log1p(exp(-fabs(margin)));
        }
    }
    return sum;
}

static void add_block(size_t n, size_t trials, const float g[], const uint8_t chose_right[],
                      const double w[], double sums[])
{
    double x[BLOCK * K];
    double y[BLOCK * (K + 1)];
    for (size_t t = 0; t < trials; t++) {
        const double p = sigmoid_exact(logit(n, w, g + t * n));
        double *row = y + t * (n + 1);
        row[0] = p - (chose_right[t] == 1 ? 1.0 : 0.0);
        for (size_t i = 0; i < n; i++) {
            x[t * n + i] = (double)g[t * n + i];
            row[1 + i] = p * (1.0 - p) * x[t * n + i];
        }
    }
    gemm_add_normal(trials, n, n + 1, x, y, sums);
}

/* Gradient of the loss and its curvature, side by side as X' [error, p (1 - p) X]. */
static void slope(size_t n, size_t n_animals, const model_fit_animal animals[], const double w[],
                  double gradient[K], double curvature[K][K])
{
    double sums[K * (K + 1)] = {0.0};
    for (size_t k = 0; k < n_animals; k++) {
        for (size_t from = 0; from < animals[k].n_trials; from += BLOCK) {
            const size_t left = animals[k].n_trials - from;
            add_block(n, left < BLOCK ? left : BLOCK, animals[k].g + from * n,
                      animals[k].chose_right + from, w, sums);
        }
    }
    for (size_t i = 0; i < n; i++) {
        gradient[i] = w[i] / MODEL_STATIC_GLM_VAR + sums[i * (n + 1)];
        memcpy(curvature[i], sums + i * (n + 1) + 1, n * sizeof sums[0]);
        curvature[i][i] += 1.0 / MODEL_STATIC_GLM_VAR;
    }
}

int model_static_glm_fit(size_t n, size_t n_animals, const model_fit_animal animals[], double w[])
{
    double at[K] = {0.0};
    if (n < 1 || n > K) {
        return MODEL_ERR_ARG;
    }
    double least = loss(n, n_animals, animals, at);
    for (int step = 0; step < STEPS_MAX; step++) {
        double d[K];
        double curvature[K][K];
        double next[K] = {0.0};
        double found = (double)INFINITY;
        slope(n, n_animals, animals, at, d, curvature);
        if (!isfinite(least) || !cholesky_factor(n, K, curvature[0])) {
            return MODEL_ERR_NUMERIC;
        }
        cholesky_forward(n, K, curvature[0], d);
        cholesky_back(n, K, curvature[0], d);
        double length = 1.0; /* a whole step of Newton's may be too far while p is near 0 or 1 */
        for (int half = 0; half < HALVINGS_MAX && !(found <= least); half++) {
            for (size_t i = 0; i < n; i++) {
                next[i] = at[i] - length * d[i];
            }
            found = loss(n, n_animals, animals, next);
            length /= 2.0;
        }
        if (!(found <= least)) {
            break; /* nothing is gained any more but rounding */
        }
        const bool is_there = least - found <= TOLERANCE * (1.0 + least);
        memcpy(at, next, sizeof at);
        least = found;
        if (is_there) {
            break;
        }
    }
    memcpy(w, at, n * sizeof w[0]);
    return MODEL_OK;
}

double model_static_glm_nats(size_t n, const double w[], const model_fit_animal *animal)
{
    double sum = 0.0;
    for (size_t t = 0; t < animal->n_trials; t++) {
        const double p = sigmoid_exact(logit(n, w, animal->g + t * n));
        sum += model_score_nats(p, animal->chose_right[t] == 1);
    }
    return sum;
}
