/* status_plot.h - the psychometric curves behind the training status, as one SVG: a panel per
 * animal, the last three sessions together.
 *
 * Threads: any. Memory: none kept.
 */
#pragma once

#include <stdio.h>

#include "status_report.h"

void status_plot(FILE *to, const struct status_report *s);
