/* filter_forecast.h - what a normal logit says of a choice, for filter.c and its kernel alike.
 *
 * Threads: any. Memory: none.
 */
#ifndef FILTER_FORECAST_H
#define FILTER_FORECAST_H

#include <math.h>

#include "exp_exact.h"
#include "model/filter.h"

/* model_filter_forecast() */
static inline double filter_forecast(double mean, double var)
{
    static const double PI_OVER_8 = 0.39269908169872414;
    return sigmoid_exact(mean / sqrt(1.0 + PI_OVER_8 * var));
}

/* Of the 90% credible interval of the logit. */
static inline double filter_half_width(double var)
{
    return MODEL_FILTER_Z90 * sqrt(var);
}

#endif
