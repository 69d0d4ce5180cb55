#include "model/scoring.h"

#include <math.h>
#include <string.h>

#include "checks.h"
#include "cholesky.h"
#include "model/error.h"

enum { MAX = MODEL_LIKELIHOOD_MAX, TRIES = 12, BOUND_ROUNDS = 8 };

static const double DAMPING_FIRST = 1e-3;
static const double DAMPING_LEAST = 1e-9;
static const double DAMPING_FACTOR = 6.0;
static const double GROWTH = 10.0; /* a variance grows at most so many times in a step */

void model_scoring_config_init(model_scoring_config *config, const model_params *params)
{
    model_parameter list[MODEL_LIKELIHOOD_MAX];
    memset(config, 0, sizeof *config);
    config->m = model_likelihood_list(params, list);
    config->temper = 1.0;
    config->tolerance = 0.1;
    for (size_t i = 0; i < config->m; i++) {
        model_likelihood_bounds(&list[i], &config->least[i], &config->most[i]);
    }
}

static double log_prior(const model_scoring_config *c, const double values[])
{
    double sum = 0.0;
    for (size_t i = 0; i < c->m; i++) {
        const double away = values[i] - c->mean[i];
        sum -= c->is_held[i] ? 0.0 : 0.5 * c->precision[i] * away * away;
    }
    return sum;
}

static bool evaluate_at(model_scoring *s, const model_scoring_config *c, const double values[],
                        model_scoring_evaluate *evaluate, void *context)
{
    model_likelihood sums = {.score = s->score, .information = s->information};
    memcpy(s->values, values, c->m * sizeof values[0]);
    memset(s->score, 0, sizeof s->score);
    memset(s->information, 0, sizeof s->information);
    if (!evaluate(context, values, &sums)) {
        return false;
    }
    s->log_likelihood = sums.log_likelihood;
    s->objective = c->temper * sums.log_likelihood + log_prior(c, values);
    return isfinite(s->objective);
}

int model_scoring_start(model_scoring *s, const model_scoring_config *config, const double values[],
                        model_scoring_evaluate *evaluate, void *context)
{
    double start[MAX];
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < config->m; i++) {
        start[i] = clamp(values[i], config->least[i], config->most[i]);
    }
    s->damping = DAMPING_FIRST;
    return evaluate_at(s, config, start, evaluate, context) ? MODEL_OK : MODEL_ERR_NUMERIC;
}

/* A step under way: what is free, the system that is solved, and where it leads. */
typedef struct {
    size_t n;          /* free parameters */
    size_t place[MAX]; /* their numbers */
    double gradient[MAX];
    double to[MAX];
    double system[MAX * MAX];
    double delta[MAX];
} motion;

/* Those that may move: not held, informed on, and not pressed against a bound. */
static void find_free(const model_scoring *s, const model_scoring_config *c, motion *m)
{
    m->n = 0;
    for (size_t i = 0; i < c->m; i++) {
        m->gradient[i] = c->temper * s->score[i] - c->precision[i] * (s->values[i] - c->mean[i]);
        m->to[i] = s->values[i];
        const bool is_pressed = (s->values[i] <= c->least[i] && m->gradient[i] < 0.0) ||
                                (s->values[i] >= c->most[i] && m->gradient[i] > 0.0);
        const double informed = c->temper * s->information[i * c->m + i] + c->precision[i];
        if (!c->is_held[i] && !is_pressed && informed > 0.0) {
            m->place[m->n++] = i;
        }
    }
}

static double curvature(const model_scoring *s, const model_scoring_config *c, size_t i, size_t j)
{
    const double h = i >= j ? s->information[i * c->m + j] : s->information[j * c->m + i];
    return c->temper * h + (i == j ? c->precision[i] : 0.0);
}

/* delta of the free ones, given what the others move; false: no system. Scaled to a diagonal of 1,
 * as damping is. */
static bool solve(const model_scoring *s, const model_scoring_config *c, double damping, motion *m)
{
    double scale[MAX];
    for (size_t a = 0; a < m->n; a++) {
        scale[a] = 1.0 / sqrt(curvature(s, c, m->place[a], m->place[a]));
    }
    for (size_t a = 0; a < m->n; a++) {
        const size_t i = m->place[a];
        double right = m->gradient[i];
        for (size_t j = 0; j < c->m; j++) {
            const double moved = m->to[j] - s->values[j];
            right -= moved != 0.0 ? curvature(s, c, i, j) * moved : 0.0;
        }
        m->delta[a] = right * scale[a];
        for (size_t b = 0; b < a; b++) {
            m->system[a * m->n + b] = curvature(s, c, i, m->place[b]) * scale[a] * scale[b];
        }
        m->system[a * m->n + a] = 1.0 + damping;
    }
    if (!cholesky_factor(m->n, m->n, m->system)) {
        return false;
    }
    cholesky_forward(m->n, m->n, m->system, m->delta);
    cholesky_back(m->n, m->n, m->system, m->delta);
    for (size_t a = 0; a < m->n; a++) {
        m->delta[a] *= scale[a];
    }
    return true;
}

/* How far one may go from a value: to its bounds, and a variance not far above what it is. */
static double reach(const model_scoring_config *c, size_t i, double from, double to)
{
    const bool is_variance = c->least[i] >= 0.0;
    const double most =
        is_variance && from > c->least[i] ? fmin(c->most[i], GROWTH * from) : c->most[i];
    return clamp(to, c->least[i], most);
}

/* Where a step leads. A parameter that would leave its bounds goes to the bound, and the others
 * answer. */
static bool find_step(const model_scoring *s, const model_scoring_config *c, double damping,
                      motion *m)
{
    find_free(s, c, m);
    for (int round = 0; round < BOUND_ROUNDS && m->n > 0; round++) {
        if (!solve(s, c, damping, m)) {
            return false;
        }
        size_t kept = 0;
        const size_t n = m->n;
        for (size_t a = 0; a < n; a++) {
            const size_t i = m->place[a];
            const double to = s->values[i] + m->delta[a];
            const double reached = reach(c, i, s->values[i], to);
            if (reached != to && round + 1 < BOUND_ROUNDS) {
                m->to[i] = reached;
            } else {
                m->delta[kept] = reached - s->values[i];
                m->place[kept++] = i;
            }
        }
        m->n = kept;
        if (kept == n) {
            break;
        }
    }
    for (size_t a = 0; a < m->n; a++) {
        m->to[m->place[a]] = s->values[m->place[a]] + m->delta[a];
    }
    return true;
}

/* What the quadratic about here promises of a step. */
static double promise(const model_scoring *s, const model_scoring_config *c, const motion *m)
{
    double sum = 0.0;
    for (size_t i = 0; i < c->m; i++) {
        const double moved = m->to[i] - s->values[i];
        sum += m->gradient[i] * moved;
        for (size_t j = 0; moved != 0.0 && j < c->m; j++) {
            const double other = m->to[j] - s->values[j];
            sum -= other != 0.0 ? 0.5 * moved * curvature(s, c, i, j) * other : 0.0;
        }
    }
    return sum;
}

int model_scoring_step(model_scoring *s, const model_scoring_config *c,
                       model_scoring_evaluate *evaluate, void *context)
{
    motion m;
    double damping = s->damping;
    bool was_finite = false;
    for (int i = 0; i < TRIES; i++, damping = fmax(damping * DAMPING_FACTOR, DAMPING_FIRST)) {
        if (!find_step(s, c, damping, &m)) {
            continue;
        }
        if (promise(s, c, &m) < c->tolerance) {
            s->is_done = true;
            return MODEL_OK;
        }
        model_scoring next = *s;
        const bool is_finite = evaluate_at(&next, c, m.to, evaluate, context);
        was_finite = was_finite || is_finite;
        if (is_finite && next.objective > s->objective) {
            next.damping = fmax(damping / DAMPING_FACTOR, DAMPING_LEAST);
            next.n_steps++;
            *s = next;
            return MODEL_OK;
        }
    }
    s->is_done = was_finite;
    return was_finite ? MODEL_OK : MODEL_ERR_NUMERIC;
}
