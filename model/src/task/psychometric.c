#include "model/psychometric.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "model/error.h"
#include "model/nelder_mead.h"

enum { K = 4, COARSE_MOVES = 400, FINE_MOVES = 1000, ROUNDS = 3 };

static const double COARSE = 1e-4; /* nats between the corners of the simplex */
static const double FINE = 3e-13;
static const double BETTER = 3e-4; /* nats: of curves as likely as each other the first start's */
static const double THRESHOLD_LEAST = 1e-6; /* at 0 the curve is no function of the contrast */
static const double STEP[K] = {5.0, 5.0, 0.02, 0.02};
static const double FIRST[K] = {0.0, 20.0, 0.05, 0.05}; /* bias: the mean contrast instead */

/* Of further starts, where the published code draws them at random. */
static const double THRESHOLDS[] = {1.0, 5.0, 20.0, 60.0};

enum { N_FURTHER = sizeof THRESHOLDS / sizeof THRESHOLDS[0] };

typedef struct {
    size_t n;
    const model_psychometric_point *points;
    double low[K];
    double high[K];
} problem;

double model_psychometric_predict(const model_psychometric *curve, double contrast)
{
    const double z = erf((contrast - curve->bias) / curve->threshold);
    return curve->lapse_low + (1.0 - curve->lapse_low - curve->lapse_high) * (z + 1.0) / 2.0;
}

/* Sum of -log p over all trials of the points. */
static double nats_of(const model_psychometric *curve, size_t n,
                      const model_psychometric_point points[])
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double p = model_psychometric_predict(curve, points[i].contrast);
        const double held = fmin(fmax(p, DBL_EPSILON), 1.0 - DBL_EPSILON);
        sum -= (double)points[i].n_right * log(held) +
               (double)(points[i].n - points[i].n_right) * log1p(-held);
    }
    return sum;
}

static model_psychometric curve_of(const double x[K])
{
    return (model_psychometric){x[0], x[1], x[2], x[3]};
}

static void hold(const problem *p, double x[K])
{
    for (size_t k = 0; k < K; k++) {
        x[k] = fmin(fmax(x[k], p->low[k]), p->high[k]);
    }
}

/* Beyond its bounds the curve stays what it is there: the simplex finds a best one on a bound. */
static double cost(void *context, const double x[])
{
    const problem *p = context;
    double held[K];
    memcpy(held, x, sizeof held);
    hold(p, held);
    const model_psychometric curve = curve_of(held);
    return nats_of(&curve, p->n, p->points);
}

/* Searches from x, which becomes the best that was found. The first steps stay in the bounds. */
static double search(problem *p, double x[K], double tolerance, size_t moves_max)
{
    double step[K];
    for (size_t k = 0; k < K; k++) {
        const double length = fmin(STEP[k], (p->high[k] - p->low[k]) / 4.0);
        step[k] = x[k] + length <= p->high[k] ? length : -length;
    }
    const double found = model_nelder_mead(K, x, step, tolerance, moves_max, cost, p);
    hold(p, x);
    return found;
}

/* False if a point is none. */
static bool pose(problem *p, size_t n, const model_psychometric_point points[], double first[K])
{
    *p = (problem){.n = n,
                   .points = points,
                   .low = {points[0].contrast, THRESHOLD_LEAST, 0.0, 0.0},
                   .high = {points[0].contrast, 100.0, 1.0, 1.0}};
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        const model_psychometric_point *at = &points[i];
        if (!(fabs(at->contrast) <= 100.0) || at->n < 1 || at->n_right < 0 || at->n_right > at->n) {
            return false;
        }
        sum += at->contrast;
        p->low[0] = fmin(p->low[0], at->contrast);
        p->high[0] = fmax(p->high[0], at->contrast);
    }
    memcpy(first, FIRST, sizeof FIRST);
    first[0] = fmin(fmax(sum / (double)n, p->low[0]), p->high[0]); /* rounding may leave them */
    return true;
}

/* Share of choices to the right at contrasts from low to high; `none` where there are no trials. */
static double share_right(const problem *p, double low, double high, double none)
{
    double n = 0.0;
    double n_right = 0.0;
    for (size_t i = 0; i < p->n; i++) {
        if (p->points[i].contrast >= low && p->points[i].contrast <= high) {
            n += (double)p->points[i].n;
            n_right += (double)p->points[i].n_right;
        }
    }
    return n > 0.0 ? n_right / n : none;
}

static void keep_likelier(problem *p, const double at[K], double *least, double x[K])
{
    const double found = cost(p, at);
    if (found < *least) {
        *least = found;
        memcpy(x, at, K * sizeof x[0]);
    }
}

/* A start with that threshold: of the biases halfway between any contrast and another the
 * likeliest, with lapses as at the outermost contrasts, or as at all on that side of the bias. */
static void start_at(problem *p, double threshold, double x[K])
{
    double least = (double)INFINITY;
    const double outer_left = share_right(p, p->low[0], p->low[0], 0.0);
    const double outer_right = share_right(p, p->high[0], p->high[0], 1.0);
    for (size_t i = 0; i < p->n; i++) {
        for (size_t j = 0; j <= i; j++) {
            const double bias = (p->points[i].contrast + p->points[j].contrast) / 2.0;
            const double left = share_right(p, p->low[0], bias, outer_left);
            const double right = share_right(p, bias, p->high[0], outer_right);
            keep_likelier(p, (double[K]){bias, threshold, outer_left, 1.0 - outer_right}, &least,
                          x);
            keep_likelier(p, (double[K]){bias, threshold, left, 1.0 - right}, &least, x);
        }
    }
}

int model_psychometric_fit(size_t n, const model_psychometric_point points[],
                           model_psychometric *curve)
{
    problem p;
    double best[K];
    if (n < 1 || n > MODEL_PSYCHOMETRIC_POINTS_MAX || !pose(&p, n, points, best)) {
        return MODEL_ERR_ARG;
    }
    double least = search(&p, best, COARSE, COARSE_MOVES);
    for (size_t i = 0; i < N_FURTHER; i++) {
        double x[K];
        start_at(&p, THRESHOLDS[i], x);
        const double found = search(&p, x, COARSE, COARSE_MOVES);
        if (found < least - BETTER) {
            least = found;
            memcpy(best, x, sizeof best);
        }
    }
    double gained = (double)INFINITY;
    for (int round = 0; round < ROUNDS && gained > FINE; round++) {
        const double found = search(&p, best, FINE, FINE_MOVES);
        gained = least - found;
        least = found;
    }
    *curve = curve_of(best);
    return MODEL_OK;
}
