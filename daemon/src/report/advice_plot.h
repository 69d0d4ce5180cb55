/* advice_plot.h - advice as a figure: the expected gain of each change over carrying on.
 *
 * Threads: one owner. Memory: none kept.
 */
#pragma once

#include <stdio.h>

#include "model/curriculum.h"

struct advice_plot {
    const char *title;
    const char *why;
    const model_curriculum_advice *advice;
    const model_protocol *names; /* of the stages */
};

/* Writes the SVG. */
void advice_plot(FILE *to, const struct advice_plot *plot);
