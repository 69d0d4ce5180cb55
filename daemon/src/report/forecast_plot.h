/* forecast_plot.h - a forecast as a figure: the past, the forecast with its bands, and the observed
 * trials.
 *
 * Threads: one owner. Memory: none kept.
 */
#pragma once

#include "forecast_report.h"
#include "svg_plot.h"

void forecast_plot(FILE *to, const struct forecast_report *f);

/* Parts of it, on a plot whose x are choices from now: bands with their median, of windows from now
 * on, and a dot for each share, the first one in window number `first` (< 0: before now). */
void forecast_plot_bands(struct svg_plot *p, uint32_t window, size_t n,
                         const model_forecast_band bands[]);
void forecast_plot_dots(struct svg_plot *p, uint32_t window, size_t n, const double share[],
                        double first, const char *css_class);

/* The legend of these, from x on, on the base line y. */
void forecast_plot_legend(FILE *to, double x, double y);
