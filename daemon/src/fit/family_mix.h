/* family_mix.h - several families of rules as one: the chance of each, and draws from all.
 *
 * Threads: any. Memory: the caller's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Logarithms of weights, up to a constant, become chances that sum to 1; n >= 1. */
void family_mix_normalise(uint32_t n, double weight[]);

/* So many draws of each family as its share says, in their order; shares sum to 1. kept[n]: the
 * draws of each, (n_draws, width) as draws is. */
void family_mix_draws(uint32_t n, const double share[], const double *const kept[], size_t n_draws,
                      size_t width, double draws[]);
