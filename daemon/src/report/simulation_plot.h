/* simulation_plot.h - reports of simulated training as one SVG: accuracy, bias and stages by
 * session, and when animals reached the last stage; for two, also what the second gains.
 *
 * Lines are medians; bands enclose 50% and 90% of the animals. Threads: any. Memory: none kept.
 */
#pragma once

#include "simulation_report.h"

/* n reports, 1 or 2; difference: NULL, or of the two. */
void simulation_plot(FILE *to, const struct simulation_report reports[], size_t n,
                     const struct simulation_difference *difference);
