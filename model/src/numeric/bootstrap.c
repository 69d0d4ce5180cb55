#include "model/bootstrap.h"

#include <assert.h>
#include <math.h>

#include "model/percentile.h"

static double resample(size_t k, const double sums[], const double counts[], model_random *random)
{
    double sum = 0.0;
    double count = 0.0;
    for (size_t i = 0; i < k; i++) {
        const uint64_t drawn = model_random_below(random, k);
        sum += sums[drawn];
        count += counts[drawn];
    }
    return sum / count;
}

void model_bootstrap_ratio(size_t k, const double sums[], const double counts[],
                           model_random *random, size_t n, double ratios[], double *lo, double *hi)
{
    assert(n >= 40);
    *lo = *hi = (double)NAN;
    if (k < 2) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        ratios[i] = resample(k, sums, counts, random);
    }
    model_percentile_sort(n, ratios);
    *lo = ratios[n / 40];
    *hi = ratios[n - 1 - n / 40];
}
