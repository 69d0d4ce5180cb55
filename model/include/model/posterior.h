/* model/posterior.h - what the animals leave unknown of a rule's parameters: draws from their
 * posterior, near where the likelihood is largest.
 *
 * The log likelihood is taken as quadratic, linear . x - x' information x / 2. A parameter has a
 * normal prior, or is a variance: 0 as likely as not, else exponential, so that a variance found to
 * be a little above 0 may be none and one found to be 0 may be more, and what that does to the
 * others is seen. Gibbs: each variance given the other ones with the rest integrated out, then the
 * rest. docs/model.md, section posterior.
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
    bool is_variance[MODEL_LIKELIHOOD_MAX];
    double mean[MODEL_LIKELIHOOD_MAX]; /* of the prior: of a variance, where it is not 0 */
    double sd[MODEL_LIKELIHOOD_MAX];   /* of the normal prior of what is no variance */
} model_posterior;

/* Draws n_draws to draws (n_draws, m). The same seed gives the same draws. MODEL_OK, or
 * MODEL_ERR_NUMERIC: the information is not positive. */
int model_posterior_draw(const model_posterior *p, uint64_t seed, size_t n_draws, double draws[]);

/* log of the volume that n of the m parameters vary in, as the normal with the draws' covariance
 * has it: log sqrt(det(covariance)), the 2 pi left out against that of the priors. */
double model_posterior_log_volume(size_t m, size_t n_draws, const double draws[], size_t n,
                                  const size_t which[]);
