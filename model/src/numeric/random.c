#include "model/random.h"

#include <math.h>

static uint64_t splitmix64(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

void model_random_seed(model_random *r, uint64_t seed, uint64_t stream)
{
    uint64_t state = stream;
    state = seed ^ (stream == 0 ? 0 : splitmix64(&state));
    for (int i = 0; i < 4; i++) {
        r->s[i] = splitmix64(&state);
    }
}

static uint64_t draw_bits(model_random *r)
{
    uint64_t *const s = r->s;
    const uint64_t result = rotate_left(s[0] + s[3], 23) + s[0];
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

double model_random_uniform(model_random *r)
{
    return (double)(draw_bits(r) >> 11) * 0x1p-53;
}

uint64_t model_random_below(model_random *r, uint64_t n)
{
    const uint64_t excess = (0 - n) % n; /* 2^64 mod n */
    uint64_t bits = draw_bits(r);
    while (bits < excess) {
        bits = draw_bits(r);
    }
    return bits % n;
}

double model_random_normal(model_random *r)
{
    const double two_pi = 6.28318530717958647692;
    const double radius = sqrt(-2.0 * log(1.0 - model_random_uniform(r)));
    return radius * cos(two_pi * model_random_uniform(r));
}
