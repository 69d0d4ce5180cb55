#include "filter_kernel.h"

#include <string.h>

#include "filter.h"
#include "kernel_levels.h"

/* The pragma keeps the loop from being unrolled before it is made one of vectors. */
#define EACH_LANE(i) _Pragma("omp simd") for (size_t i = 0; i < FILTER_LANES; i++)

static void dot(size_t n, const double w[], const filter_row g[], filter_row *out)
{
    filter_row sum = {{0.0}};
    for (size_t k = 0; k < n; k++) {
        EACH_LANE(i)
        {
            sum.at[i] += w[k] * g[k].at[i];
        }
    }
    *out = sum;
}

static void logit(size_t n, const double w[], const double P[], const filter_row g[],
                  filter_row *restrict mean, filter_row *restrict var)
{
    filter_row v = {{0.0}};
    filter_row m = {{0.0}};
    for (size_t k = 0; k < n; k++) {
        filter_row Pg;
        dot(n, &P[k * n], g, &Pg);
        EACH_LANE(i)
        {
            v.at[i] += g[k].at[i] * Pg.at[i];
            m.at[i] += w[k] * g[k].at[i];
        }
    }
    EACH_LANE(i)
    {
        mean->at[i] = m.at[i] + mean->at[i];
        var->at[i] = v.at[i] > 0.0 ? v.at[i] : 0.0;
    }
}

static void forecast(const filter_row *restrict mean, const filter_row *restrict var,
                     filter_row *restrict p)
{
    EACH_LANE(i)
    {
        p->at[i] = filter_forecast(mean->at[i], var->at[i]);
    }
}

static void interval(size_t n, const filter_row *mean, const filter_row *var, double lo[],
                     double hi[])
{
    filter_row below;
    filter_row above;
    EACH_LANE(i)
    {
        const double half = MODEL_Z90 * sqrt(var->at[i]);
        below.at[i] = sigmoid_exact(mean->at[i] - half);
        above.at[i] = sigmoid_exact(mean->at[i] + half);
    }
    if (lo != NULL) {
        memcpy(lo, below.at, n * sizeof lo[0]);
    }
    if (hi != NULL) {
        memcpy(hi, above.at, n * sizeof hi[0]);
    }
}

KERNEL_LEVEL(filter_kernel, dot, logit, forecast, interval)
