#include "model/shrinkage.h"

#include <math.h>
#include <string.h>

#include "cholesky.h"
#include "model/error.h"
#include "model/random.h"

enum { MAX = MODEL_LIKELIHOOD_MAX, LEFT_OUT = 200 };

static const double TAU_SCALE = 0.3; /* of tau's half-Cauchy prior */
static const double SLAB = 2.0;      /* times the scale: sd of what is not shrunk */

typedef struct {
    const model_shrinkage *s;
    model_random random;
    double lambda_var[MAX];
    double lambda_aid[MAX];
    double tau_var;
    double tau_aid;
    double precision[MAX];
    double L[MAX * MAX];
    double x[MAX];
} sampler;

/* Inverse gamma of shape 1: rate / Exp(1). */
static double inverse_exponential(model_random *r, double rate)
{
    return rate / -log(1.0 - model_random_uniform(r));
}

/* Gamma of shape n / 2, scale 1. */
static double gamma_halves(model_random *r, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n / 2; i++) {
        sum -= log(1.0 - model_random_uniform(r));
    }
    const double z = n % 2 == 1 ? model_random_normal(r) : 0.0;
    return sum + 0.5 * z * z;
}

static void set_precisions(sampler *g)
{
    const model_shrinkage *s = g->s;
    for (size_t i = 0; i < s->m; i++) {
        const double var = s->sd[i] * s->sd[i];
        g->precision[i] = s->is_shrunk[i] ? 1.0 / (g->tau_var * g->lambda_var[i] * var) +
                                                1.0 / (SLAB * SLAB * var)
                                          : 1.0 / var;
    }
}

/* x from the normal that the quadratic and the priors make. */
static bool draw_x(sampler *g)
{
    const model_shrinkage *s = g->s;
    const size_t m = s->m;
    double noise[MAX];
    set_precisions(g);
    memcpy(g->L, s->information, m * m * sizeof g->L[0]);
    for (size_t i = 0; i < m; i++) {
        g->L[i * m + i] += g->precision[i];
        g->x[i] = s->linear[i] + (s->is_shrunk[i] ? 0.0 : g->precision[i] * s->mean[i]);
        noise[i] = model_random_normal(&g->random);
    }
    if (!cholesky_factor(m, m, g->L)) {
        return false;
    }
    cholesky_forward(m, m, g->L, g->x);
    for (size_t i = 0; i < m; i++) {
        g->x[i] += noise[i];
    }
    cholesky_back(m, m, g->L, g->x);
    return true;
}

static void draw_scales(sampler *g)
{
    static const double LEAST = 1e-8; /* keeps precisions finite */
    static const double MOST = 1e6;
    const model_shrinkage *s = g->s;
    size_t n = 0;
    double sum = 0.0;
    for (size_t i = 0; i < s->m; i++) {
        if (!s->is_shrunk[i]) {
            continue;
        }
        const double z = g->x[i] / s->sd[i];
        const double var =
            inverse_exponential(&g->random, 1.0 / g->lambda_aid[i] + z * z / (2.0 * g->tau_var));
        g->lambda_var[i] = fmin(fmax(var, LEAST), MOST);
        g->lambda_aid[i] = inverse_exponential(&g->random, 1.0 + 1.0 / g->lambda_var[i]);
        sum += z * z / g->lambda_var[i];
        n++;
    }
    if (n > 0) {
        const double rate = 1.0 / g->tau_aid + 0.5 * sum;
        g->tau_var = fmax(rate / gamma_halves(&g->random, n + 1), LEAST);
        g->tau_aid =
            inverse_exponential(&g->random, 1.0 / (TAU_SCALE * TAU_SCALE) + 1.0 / g->tau_var);
    }
}

int model_shrinkage_draw(const model_shrinkage *s, uint64_t seed, size_t n_draws, double draws[],
                         double precision[])
{
    sampler g = {.s = s, .tau_var = 0.1, .tau_aid = 1.0};
    model_random_seed(&g.random, seed, 0);
    for (size_t i = 0; i < s->m; i++) {
        g.lambda_var[i] = 1.0;
        g.lambda_aid[i] = 1.0;
        precision[i] = 0.0;
    }
    for (size_t k = 0; k < LEFT_OUT + n_draws; k++) {
        if (!draw_x(&g)) {
            return MODEL_ERR_NUMERIC;
        }
        if (k >= LEFT_OUT) {
            memcpy(&draws[(k - LEFT_OUT) * s->m], g.x, s->m * sizeof g.x[0]);
            for (size_t i = 0; i < s->m; i++) {
                precision[i] += g.precision[i] / (double)n_draws;
            }
        }
        draw_scales(&g);
    }
    return MODEL_OK;
}
