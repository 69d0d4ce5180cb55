/* curve_nats.h - how unlikely trials are under a psychometric curve. */
#pragma once

#include <float.h>
#include <math.h>

#include "model/psychometric.h"

/* Sum of -log p over all trials of the points, nats. */
static inline double curve_nats(const model_psychometric *curve, size_t n,
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
