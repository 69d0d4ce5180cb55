#include "model/nelder_mead.h"

#include <string.h>

enum { TRIES = 3 };

typedef struct {
    size_t n;
    double x[MODEL_NELDER_MEAD_MAX + 1][MODEL_NELDER_MEAD_MAX];
    double f[MODEL_NELDER_MEAD_MAX + 1];
} simplex;

static size_t extreme(const simplex *s, double sign)
{
    size_t best = 0;
    for (size_t i = 1; i <= s->n; i++) {
        best = sign * s->f[i] > sign * s->f[best] ? i : best;
    }
    return best;
}

/* centre + factor (x[highest] - centre) */
static double try_at(const simplex *s, const double centre[], size_t highest, double factor,
                     double out[], model_nelder_mead_cost *cost, void *context)
{
    for (size_t k = 0; k < s->n; k++) {
        out[k] = centre[k] + factor * (s->x[highest][k] - centre[k]);
    }
    return cost(context, out);
}

static void shrink(simplex *s, size_t lowest, model_nelder_mead_cost *cost, void *context)
{
    for (size_t i = 0; i <= s->n; i++) {
        for (size_t k = 0; i != lowest && k < s->n; k++) {
            s->x[i][k] = 0.5 * (s->x[i][k] + s->x[lowest][k]);
        }
        s->f[i] = i != lowest ? cost(context, s->x[i]) : s->f[i];
    }
}

static void move(simplex *s, size_t lowest, size_t highest, model_nelder_mead_cost *cost,
                 void *context)
{
    double centre[MODEL_NELDER_MEAD_MAX] = {0.0};
    double tries[TRIES][MODEL_NELDER_MEAD_MAX];
    double second = s->f[lowest];
    for (size_t i = 0; i <= s->n; i++) {
        second = i != highest && s->f[i] > second ? s->f[i] : second;
        for (size_t k = 0; i != highest && k < s->n; k++) {
            centre[k] += s->x[i][k] / (double)s->n;
        }
    }
    size_t chosen = 0;
    double value = try_at(s, centre, highest, -1.0, tries[0], cost, context);
    if (value < s->f[lowest]) {
        const double expanded = try_at(s, centre, highest, -2.0, tries[1], cost, context);
        chosen = expanded < value ? 1 : 0;
        value = expanded < value ? expanded : value;
    } else if (value >= second) {
        const double factor = value < s->f[highest] ? -0.5 : 0.5;
        chosen = 2;
        value = try_at(s, centre, highest, factor, tries[2], cost, context);
    }
    if (value < s->f[highest]) {
        memcpy(s->x[highest], tries[chosen], s->n * sizeof(double));
        s->f[highest] = value;
    } else {
        shrink(s, lowest, cost, context);
    }
}

double model_nelder_mead(size_t n, double x[], const double step[], double tolerance,
                         size_t moves_max, model_nelder_mead_cost *cost, void *context)
{
    simplex s = {.n = n};
    for (size_t i = 0; i <= n; i++) {
        memcpy(s.x[i], x, n * sizeof(double));
        if (i > 0) {
            s.x[i][i - 1] += step[i - 1];
        }
        s.f[i] = cost(context, s.x[i]);
    }
    size_t lowest = extreme(&s, -1.0);
    for (size_t moves = 0; moves < moves_max; moves++) {
        const size_t highest = extreme(&s, 1.0);
        if (s.f[highest] - s.f[lowest] < tolerance) {
            break;
        }
        move(&s, lowest, highest, cost, context);
        lowest = extreme(&s, -1.0);
    }
    memcpy(x, s.x[lowest], n * sizeof(double));
    return s.f[lowest];
}
