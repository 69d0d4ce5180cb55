/* model/static_glm.h - choices without learning: one set of weights for all trials of all animals,
 * p(right) = sigmoid(w . g), a logistic regression on the policy's features.
 *
 * The baseline for models of learning. Maths: docs/model.md, section static_glm.
 * Threads: any. Memory: the stack. RT-safe: no, several passes over the trials.
 */
#pragma once

#include <stddef.h>

#include "model/error.h"
#include "model/fit_rows.h"

/* Variance of the weights' prior, N(0, this): weak, but it keeps choices that a stimulus decides
 * without exception from weights without bounds. */
#define MODEL_STATIC_GLM_VAR 100.0

/* Fits w[n], 1..MODEL_WEIGHTS_MAX weights, to g and chose_right of the animals: the mode of the
 * posterior, all 0 without a trial. MODEL_OK, MODEL_ERR_ARG (n) or MODEL_ERR_NUMERIC (a feature is
 * not finite). */
int model_static_glm_fit(size_t n, size_t n_animals, const model_fit_animal animals[], double w[]);

/* Sum of -log p(choice) over an animal's trials, nats. */
double model_static_glm_nats(size_t n, const double w[], const model_fit_animal *animal);
