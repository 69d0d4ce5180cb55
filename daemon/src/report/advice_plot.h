/* advice_plot.h - advice as a figure: the expected gain of each change over carrying on.
 *
 * Threads: one owner. Memory: none kept.
 */
#pragma once

#include "advice_report.h"

/* Writes the SVG. */
void advice_plot(FILE *to, const struct advice_report *a);
