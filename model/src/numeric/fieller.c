#include "model/fieller.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>

#include "model/percentile.h"

enum { STEPS = 200, HALVINGS = 12, MAX = MODEL_FIELLER_DRAWS_MAX };

/* A or B. */
struct side {
    double draws[MAX]; /* the parts' sum, by the signs of their means */
    double mean;
    double spare; /* what its size may be less, by parts whose sign is not known */
};

struct asking {
    size_t n;
    double tail;
    struct side a;
    struct side b;
};

/* Whether by_a a - by_b b may be 0: draws lie on either side of it. */
static bool may_be_0(const struct asking *q, double by_a, double by_b)
{
    const double above = by_a * q->a.spare;
    const double below = -fabs(by_b) * q->b.spare;
    size_t n_below = 0;
    size_t n_above = 0;
    for (size_t k = 0; k < q->n; k++) {
        const double d = by_a * q->a.draws[k] - by_b * q->b.draws[k];
        n_below += d <= above ? 1 : 0;
        n_above += d >= below ? 1 : 0;
    }
    const double least = q->tail * (double)q->n;
    return (double)n_below >= least && (double)n_above >= least;
}

/* With signs of a and b that are alike, or opposite. */
static bool is_left(const struct asking *q, double index)
{
    return may_be_0(q, 1.0 - index, 1.0 + index) || may_be_0(q, 1.0 - index, -1.0 - index);
}

/* The value furthest towards end that is left; that of the means is. */
static double find_end(const struct asking *q, double index, double end)
{
    double out = end;
    double in = index;
    bool is_found = false;
    for (int i = 0; i < STEPS && !is_found; i++) {
        const double at = end + (index - end) * i / STEPS;
        is_found = is_left(q, at);
        out = is_found ? out : at;
        in = is_found ? at : in;
    }
    for (int i = 0; i < HALVINGS && in != end; i++) {
        const double at = 0.5 * (in + out);
        if (is_left(q, at)) {
            in = at;
        } else {
            out = at;
        }
    }
    return in;
}

/* Part i of m, and whether its sign is known. */
static double mean_of(const struct asking *q, size_t m, const double parts[], size_t i,
                      bool *is_known)
{
    double sorted[MAX];
    double sum = 0.0;
    for (size_t k = 0; k < q->n; k++) {
        sorted[k] = parts[k * m + i];
        sum += sorted[k];
    }
    model_percentile_sort(q->n, sorted);
    *is_known = model_percentile(q->n, sorted, q->tail) > 0.0 ||
                model_percentile(q->n, sorted, 1.0 - q->tail) < 0.0;
    return sum / (double)q->n;
}

/* A single part's sign does not matter. */
static void sum_parts(const struct asking *q, size_t m, const double parts[], struct side *side)
{
    for (size_t i = 0; i < m; i++) {
        bool is_known;
        const double mean = mean_of(q, m, parts, i, &is_known);
        side->mean += fabs(mean);
        side->spare += is_known || m == 1 ? 0.0 : 2.0 * fabs(mean);
        for (size_t k = 0; k < q->n; k++) {
            side->draws[k] += mean < 0.0 ? -parts[k * m + i] : parts[k * m + i];
        }
    }
}

model_fieller model_fieller_index(size_t n, size_t m, const double a[], const double b[],
                                  double chance)
{
    assert(n >= 1 && n <= MAX);
    struct asking q = {.n = n, .tail = 0.5 * (1.0 - chance)};
    sum_parts(&q, m, a, &q.a);
    sum_parts(&q, m, b, &q.b);
    if (!(q.a.mean + q.b.mean > 0.0)) {
        return (model_fieller){(double)NAN, (double)NAN, (double)NAN};
    }
    const double index = (q.a.mean - q.b.mean) / (q.a.mean + q.b.mean);
    return (model_fieller){index, find_end(&q, index, -1.0), find_end(&q, index, 1.0)};
}
