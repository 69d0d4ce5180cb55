/* model/random.h - reproducible random numbers, state passed in.
 *
 * xoshiro256++ (Blackman & Vigna, "Scrambled linear pseudorandom number generators", 2021), seeded
 * by splitmix64 as its authors advise. The same seed gives the same bits on every machine; normal
 * numbers go through log and cos and agree to rounding. Not for secrets.
 * Threads: one owner a state. Memory: plain. RT-safe: all of it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t s[4];
} model_random;

/* Starts stream number `stream` of a seed: each has numbers of its own. */
void model_random_seed(model_random *r, uint64_t seed, uint64_t stream);

/* Uniform in [0, 1), a multiple of 2^-53. */
double model_random_uniform(model_random *r);

/* Uniform in 0..n-1; n > 0. Without bias; draws again with a chance below n / 2^64. */
uint64_t model_random_below(model_random *r, uint64_t n);

/* Standard normal (Box & Muller, the cosine branch: two draws a number). */
double model_random_normal(model_random *r);
