/* review_plots.h - the plots of one animal on a review's page, each as one SVG.
 *
 * Threads: any. Memory: none kept.
 */
#pragma once

#include <stdio.h>

#include "review.h"

/* Fraction correct over trials, with session starts and alerts. */
void review_plot_learning(FILE *to, const struct review *review, uint32_t subject);

/* The bands of the forecast that is held against what was observed, and that. The animal has one.
 */
void review_plot_forecast(FILE *to, const struct review *review, uint32_t subject);

/* The random walk's nats minus the twin's, summed up. */
void review_plot_gain(FILE *to, const struct review *review, uint32_t subject);

/* The twin's weights with their 90% band. */
void review_plot_weights(FILE *to, const struct review *review, uint32_t subject);

/* p(right) by stimulus, predicted and chosen, for each of the last sessions. */
void review_plot_psychometric(FILE *to, const struct review *review, uint32_t subject);

/* Predicted p(right) against how often right was chosen. */
void review_plot_reliability(FILE *to, const struct review *review, uint32_t subject);
