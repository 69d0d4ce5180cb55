/* model/scoring.h - finds the parameters that explain the animals best: Fisher scoring.
 *
 * Newton's method with Fisher's information for the curvature, damped as Levenberg and Marquardt
 * did, within bounds: a parameter at a bound stays there as long as the score points outwards, so
 * that a variance may become 0, and leave it. A normal prior may be stated for each parameter.
 * docs/model.md, section scoring. Evaluating is the caller's, so that threads are too.
 *
 * Threads: one owner. Memory: the caller's; nothing allocates. RT-safe: no.
 */
#pragma once

#include "model/likelihood.h"

typedef struct {
    size_t m;                           /* parameters, 1..MODEL_LIKELIHOOD_MAX */
    double least[MODEL_LIKELIHOOD_MAX]; /* bounds */
    double most[MODEL_LIKELIHOOD_MAX];
    bool is_held[MODEL_LIKELIHOOD_MAX];     /* stays as it is */
    double mean[MODEL_LIKELIHOOD_MAX];      /* of the prior ... */
    double precision[MODEL_LIKELIHOOD_MAX]; /* ... and 1 / its variance; 0: flat */
    double temper;                          /* power of the likelihood, 0..1 */
    double tolerance;                       /* nats: a step that promises less is not made */
} model_scoring_config;

/* The log likelihood, score and information at values[m], added to sums that are 0. False: not
 * finite there, or stopped. */
typedef bool model_scoring_evaluate(void *context, const double values[], model_likelihood *sums);

/* Where the search stands: plain memory, written out to resume. */
typedef struct {
    double values[MODEL_LIKELIHOOD_MAX];
    double objective; /* temper times the log likelihood, plus the log prior up to a constant */
    double log_likelihood;
    double damping;
    uint32_t n_steps;
    bool is_done;
    double score[MODEL_LIKELIHOOD_MAX]; /* of the log likelihood, untempered */
    double information[MODEL_LIKELIHOOD_MAX * MODEL_LIKELIHOOD_MAX]; /* (m, m), lower triangle */
} model_scoring;

/* No priors, bounds of the parameters of *params, none held, temper 1, tolerance 0.1. */
void model_scoring_config_init(model_scoring_config *config, const model_params *params);

/* Evaluates the start. MODEL_OK, or MODEL_ERR_NUMERIC. */
int model_scoring_start(model_scoring *s, const model_scoring_config *config, const double values[],
                        model_scoring_evaluate *evaluate, void *context);

/* One step; s->is_done where none is worth it. MODEL_OK, or MODEL_ERR_NUMERIC with *s as it was:
 * evaluate said false for every step that was tried. */
int model_scoring_step(model_scoring *s, const model_scoring_config *config,
                       model_scoring_evaluate *evaluate, void *context);
