/* noise.h - a bad serial line: bytes are dropped, doubled, changed and made up. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct noise {
    uint64_t state; /* splitmix64 */
    double p;       /* chance that a byte is hit */
    uint64_t n_hit;
};

static inline uint64_t noise_random(struct noise *noise)
{
    uint64_t z = (noise->state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* Uniform in [0, 1). */
static inline double noise_uniform(struct noise *noise)
{
    return (double)(noise_random(noise) >> 11) * 0x1.0p-53;
}

/* What becomes of one byte: writes 0, 1 or 2 bytes to out and returns how many. */
static inline size_t noise_pass(struct noise *noise, uint8_t byte, uint8_t out[2])
{
    out[0] = byte;
    if (noise->p <= 0.0 || noise_uniform(noise) >= noise->p) {
        return 1;
    }
    noise->n_hit++;
    switch (noise_random(noise) % 4) {
    case 0:
        return 0;
    case 1:
        out[1] = byte;
        return 2;
    case 2:
        out[0] = (uint8_t)(byte ^ (1U << (noise_random(noise) % 8)));
        return 1;
    default:
        out[1] = (uint8_t)noise_random(noise);
        return 2;
    }
}
