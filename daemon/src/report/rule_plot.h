/* rule_plot.h - the figure of what a learning rule says: small panels of dw against the
 * stimulus, and the indices. SVG, a file by itself.
 *
 * Threads: one owner. Memory: nothing is kept.
 */
#ifndef MURID_RULE_PLOT_H
#define MURID_RULE_PLOT_H

#include <stdio.h>

#include "rule_ensemble.h"

/* Draws a probed ensemble. */
void rule_plot(FILE *to, const struct rule_ensemble *e);

#endif
