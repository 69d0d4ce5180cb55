/* filter_forecast.h - what a normal logit says of a choice, for filter.c and its kernel alike.
 *
 * Threads: any. Memory: none.
 */
#pragma once

#include <math.h>

#include "exp_exact.h"

/* pi / 8: how a logistic flattens under a normal logit (MacKay 1992). */
#define FILTER_PI_OVER_8 0.39269908169872414

/* model_filter_forecast() */
static inline double filter_forecast(double mean, double var)
{
    return sigmoid_exact(mean / sqrt(1.0 + FILTER_PI_OVER_8 * var));
}
