/* status_plot.h - the psychometric curves that training status is judged by, as one SVG: a panel
 * an animal, the last three sessions together.
 *
 * Threads: any. Memory: none kept.
 */
#ifndef MURID_STATUS_PLOT_H
#define MURID_STATUS_PLOT_H

#include <stdio.h>

#include "status_report.h"

void status_plot(FILE *to, const struct status_report *s);

#endif
