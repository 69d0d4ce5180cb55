/* seeded.h - random numbers that a seed repeats. */
#pragma once

#include <math.h>
#include <stdint.h>
#include <stdio.h>

/* splitmix64 (Steele, Lea & Flood 2014). */
typedef struct {
    uint64_t state;
} test_random;

static inline test_random test_random_seeded(uint64_t seed)
{
    printf("seed %llu\n", (unsigned long long)seed);
    return (test_random){seed};
}

static inline uint64_t test_random_bits(test_random *r)
{
    uint64_t z = (r->state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

/* Uniform in [0, 1). */
static inline double test_random_uniform(test_random *r)
{
    return (double)(test_random_bits(r) >> 11) * 0x1p-53;
}

/* Standard normal, Box and Muller 1958. */
static inline double test_random_normal(test_random *r)
{
    const double u = 1.0 - test_random_uniform(r);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * test_random_uniform(r));
}
