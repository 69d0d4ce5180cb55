#include "model/posterior.h"

#include <math.h>
#include <string.h>

#include "cholesky.h"
#include "model/error.h"
#include "model/random.h"
#include "vectors.h"

enum { MAX = MODEL_LIKELIHOOD_MAX, LEFT_OUT = 300, APART = 10 };

typedef struct {
    const model_posterior *p;
    model_random random;
    size_t n_normal;
    size_t n_variances;
    size_t normal[MAX];
    size_t variance[MAX];
    double L[MAX * MAX];      /* (n_normal, n_normal) */
    double middle[MAX];       /* (n_normal): L^-1 of the linear part, all variances 0 */
    double across[MAX * MAX]; /* (n_variances, n_normal): L^-1 of normal against variance */
    double schur[MAX * MAX];  /* (n_variances, n_variances): the rest integrated out */
    double pull[MAX];         /* (n_variances) */
    double x[MAX];
} sampler;

static double information(const model_posterior *p, size_t i, size_t j)
{
    return i >= j ? p->information[i * p->m + j] : p->information[j * p->m + i];
}

/* The normal of what is no variance. */
static bool factor_normal(sampler *g)
{
    const model_posterior *p = g->p;
    const size_t n = g->n_normal;
    for (size_t a = 0; a < n; a++) {
        const size_t i = g->normal[a];
        const double precision = 1.0 / (p->sd[i] * p->sd[i]);
        for (size_t b = 0; b <= a; b++) {
            g->L[a * n + b] = information(p, i, g->normal[b]);
        }
        g->L[a * n + a] += precision;
        g->middle[a] = p->linear[i] + precision * p->mean[i];
    }
    if (!cholesky_factor(n, n, g->L)) {
        return false;
    }
    cholesky_forward(n, n, g->L, g->middle);
    return true;
}

/* What that leaves of the variances. */
static void integrate_normal(sampler *g)
{
    const model_posterior *p = g->p;
    const size_t n = g->n_normal;
    for (size_t k = 0; k < g->n_variances; k++) {
        double *row = &g->across[k * n];
        for (size_t a = 0; a < n; a++) {
            row[a] = information(p, g->normal[a], g->variance[k]);
        }
        cholesky_forward(n, n, g->L, row);
        g->pull[k] = p->linear[g->variance[k]] - dot(n, row, g->middle);
        for (size_t l = 0; l <= k; l++) {
            const double h =
                information(p, g->variance[k], g->variance[l]) - dot(n, row, &g->across[l * n]);
            g->schur[k * g->n_variances + l] = h;
            g->schur[l * g->n_variances + k] = h;
        }
    }
}

/* Standard normal above a: where that is far out, Robert 1995. */
static double normal_above(model_random *r, double a)
{
    static const double NEAR = 0.5;
    double z;
    if (a < NEAR) {
        do {
            z = model_random_normal(r);
        } while (z < a);
        return z;
    }
    const double rate = 0.5 * (a + sqrt(a * a + 4.0));
    double accepted;
    do {
        z = a - log(1.0 - model_random_uniform(r)) / rate;
        accepted = exp(-0.5 * (z - rate) * (z - rate));
    } while (model_random_uniform(r) >= accepted);
    return z;
}

/* log of the standard normal's chance to be below z. */
static double log_below(double z)
{
    static const double FAR = -30.0;
    static const double SQRT_HALF = 0.70710678118654752;
    static const double LOG_SQRT_2PI = 0.91893853320467274;
    return z > FAR ? log(0.5 * erfc(-z * SQRT_HALF)) : -0.5 * z * z - log(-z) - LOG_SQRT_2PI;
}

/* exp(pull v - h v^2 / 2) for v >= 0, under a prior that is half a point at 0 and half exponential:
 * the exponential adds -1 / mean to the pull. */
static double draw_variance(model_random *r, double h, double pull, double mean)
{
    static const double LOG_SQRT_2PI = 0.91893853320467274;
    const double sd = 1.0 / sqrt(h);
    const double z = (pull - 1.0 / mean) * sd;
    const double log_odds = LOG_SQRT_2PI + log(sd / mean) + 0.5 * z * z + log_below(z);
    if (model_random_uniform(r) >= 1.0 / (1.0 + exp(-log_odds))) {
        return 0.0;
    }
    return fmax(sd * (z + normal_above(r, -z)), 0.0);
}

static void draw_variances(sampler *g)
{
    static const double RIDGE = 1e-6;
    for (size_t k = 0; k < g->n_variances; k++) {
        const size_t i = g->variance[k];
        const double h = fmax(g->schur[k * g->n_variances + k], RIDGE * information(g->p, i, i));
        double pull = g->pull[k];
        for (size_t l = 0; l < g->n_variances; l++) {
            pull -= l != k ? g->schur[k * g->n_variances + l] * g->x[g->variance[l]] : 0.0;
        }
        g->x[i] = draw_variance(&g->random, h, pull, g->p->mean[i]);
    }
}

static void draw_normal(sampler *g)
{
    const size_t n = g->n_normal;
    double x[MAX];
    for (size_t a = 0; a < n; a++) {
        x[a] = g->middle[a] + model_random_normal(&g->random);
        for (size_t k = 0; k < g->n_variances; k++) {
            x[a] -= g->across[k * n + a] * g->x[g->variance[k]];
        }
    }
    cholesky_back(n, n, g->L, x);
    for (size_t a = 0; a < n; a++) {
        g->x[g->normal[a]] = x[a];
    }
}

int model_posterior_draw(const model_posterior *p, uint64_t seed, size_t n_draws, double draws[])
{
    sampler g = {.p = p};
    model_random_seed(&g.random, seed, 0);
    for (size_t i = 0; i < p->m; i++) {
        if (p->is_variance[i]) {
            g.variance[g.n_variances++] = i;
        } else {
            g.normal[g.n_normal++] = i;
        }
    }
    if (!factor_normal(&g)) {
        return MODEL_ERR_NUMERIC;
    }
    integrate_normal(&g);
    for (size_t k = 0; k < LEFT_OUT + n_draws * APART; k++) {
        draw_variances(&g);
        if (k >= LEFT_OUT && (k - LEFT_OUT) % APART == APART - 1) {
            draw_normal(&g);
            memcpy(&draws[(k - LEFT_OUT) / APART * p->m], g.x, p->m * sizeof g.x[0]);
        }
    }
    return MODEL_OK;
}

double model_posterior_log_volume(size_t m, size_t n_draws, const double draws[], size_t n,
                                  const size_t which[])
{
    static const double RIDGE = 1e-9; /* of the diagonal */
    double covariance[MAX * MAX] = {0.0};
    double mean[MAX] = {0.0};
    double sum = 0.0;
    for (size_t k = 0; k < n_draws; k++) {
        for (size_t a = 0; a < n; a++) {
            mean[a] += draws[k * m + which[a]] / (double)n_draws;
        }
    }
    for (size_t k = 0; k < n_draws; k++) {
        for (size_t a = 0; a < n; a++) {
            for (size_t b = 0; b <= a; b++) {
                covariance[a * n + b] += (draws[k * m + which[a]] - mean[a]) *
                                         (draws[k * m + which[b]] - mean[b]) / (double)n_draws;
            }
        }
    }
    for (size_t a = 0; a < n; a++) {
        covariance[a * n + a] *= 1.0 + RIDGE;
    }
    if (!cholesky_factor(n, n, covariance)) {
        return -(double)INFINITY;
    }
    for (size_t a = 0; a < n; a++) {
        sum += log(covariance[a * n + a]);
    }
    return sum;
}
