/* exp_fast.h - exp and its kin for the kernels, in single precision; loops over them vectorise.
 * Threads: any. Memory: none. */
#pragma once

#include <stdint.h>
#include <string.h>

/* exp(x) for |x| <= 87, relative error below 2e-7: 2^i by the exponent's bits, the rest by a
 * polynomial (Taylor to x^6 over |x| <= ln2/2). Two clamps: the integer part must not see NaN, the
 * rest must keep it. */
static inline float exp_fast(float x)
{
    const float above = x > -87.0F ? x : -87.0F;
    const float safe = above < 87.0F ? above : 87.0F;
    const float below = x < -87.0F ? -87.0F : x;
    const float kept = below > 87.0F ? 87.0F : below;
    const int32_t i = (int32_t)(safe * 1.44269504F + 128.5F) - 128;
    const float whole = (float)i;
    const float f = (kept - whole * 0.693359375F) + whole * 2.12194440e-4F;
    float e = 1.0F / 720.0F;
    e = e * f + 1.0F / 120.0F;
    e = e * f + 1.0F / 24.0F;
    e = e * f + 1.0F / 6.0F;
    e = e * f + 0.5F;
    e = e * f + 1.0F;
    e = e * f + 1.0F;
    const uint32_t bits = (uint32_t)(i + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return e * power;
}

static inline float sigmoid_fast(float x)
{
    return 1.0F / (1.0F + exp_fast(-x));
}

static inline float tanh_fast(float x)
{
    return 1.0F - 2.0F / (1.0F + exp_fast(2.0F * x));
}
