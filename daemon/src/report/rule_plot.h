/* rule_plot.h - the figure of a learning rule: small panels of dw against the stimulus, and the
 * indices. A standalone SVG.
 *
 * Threads: one owner. Memory: nothing is kept.
 */
#pragma once

#include <stdio.h>

#include "rule_ensemble.h"

/* Draws a probed ensemble. */
void rule_plot(FILE *to, const struct rule_ensemble *e);
