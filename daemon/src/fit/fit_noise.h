/* fit_noise.h - where the fit of a net begins: with the noise and the prior that explain the
 * animals best under a classic rule.
 *
 * A net's own fit follows the gradient, step by step, and would find them late. Threads: the
 * caller's pool. Memory: the heap while it runs.
 */
#pragma once

#include "fit_scoring.h"

/* *noise: where the search starts; becomes what is found with rule reinforce, with room for animals
 * unlike these (fit_noise_leave_room()). Told to stop, it stays as it was. FAULT_NONE or
 * FAULT_WORK. */
int fit_noise_find(const model_params *params, const struct fit_scoring_options *options,
                   model_noise *noise, struct fault *fault);

/* A twin must be able to follow an animal unlike those of the fit: no weight of n is known for
 * certain before the animal, and none stands still. */
void fit_noise_leave_room(uint32_t n, model_noise *noise);
