/* forecast_plot.h - a forecast as a picture: what was, what was forecast with its bands, what came.
 *
 * Threads: one owner. Memory: none kept.
 */
#ifndef MURID_FORECAST_PLOT_H
#define MURID_FORECAST_PLOT_H

#include <stdio.h>

#include "model/forecast.h"

struct forecast_plot {
    const char *title;
    const model_forecast_result *result;
    double accuracy; /* of the criterion; drawn as a line */
    /* Shares correct in windows before and after; NaN where there is none. */
    size_t n_before;
    const double *before;
    size_t n_came;
    const double *came;
};

/* Writes the SVG. */
void forecast_plot(FILE *to, const struct forecast_plot *plot);

#endif
