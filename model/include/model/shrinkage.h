/* model/shrinkage.h - what is known of a rule's parameters after the animals: draws from their
 * posterior, under a prior that shrinks those that need not be there.
 *
 * The log likelihood is taken as quadratic, linear . x - x' information x / 2. A parameter has a
 * normal prior, or the horseshoe's (Carvalho, Polson & Scott 2010): normal about 0 with the sd tau
 * lambda scale, tau and lambda half-Cauchy, cut off at twice the scale. It leaves what the data
 * demand and takes the rest to 0; how strongly, tau says, and the data say tau. Gibbs' sampler with
 * the auxiliary variables of Makalic & Schmidt 2016. docs/model.md, section shrinkage.
 *
 * Threads: any, on different objects. Memory: the caller's; nothing allocates. RT-safe: no.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/likelihood.h"

typedef struct {
    size_t m;                                                        /* parameters */
    double information[MODEL_LIKELIHOOD_MAX * MODEL_LIKELIHOOD_MAX]; /* (m, m), lower triangle */
    double linear[MODEL_LIKELIHOOD_MAX];
    bool is_shrunk[MODEL_LIKELIHOOD_MAX];
    double mean[MODEL_LIKELIHOOD_MAX]; /* of a normal prior */
    double sd[MODEL_LIKELIHOOD_MAX];   /* its sd; of a shrunk parameter, the scale */
} model_shrinkage;

/* Draws n_draws from the posterior to draws (n_draws, m), after some that are left out;
 * precision[m] is the mean 1 / variance of each prior under them. The same seed gives the same
 * draws. MODEL_OK, or MODEL_ERR_NUMERIC: the information is not positive. */
int model_shrinkage_draw(const model_shrinkage *s, uint64_t seed, size_t n_draws, double draws[],
                         double precision[]);
