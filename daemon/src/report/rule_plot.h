/* rule_plot.h - the figure of a learning rule: small panels of dw against the stimulus, and the
 * indices. A standalone SVG.
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
