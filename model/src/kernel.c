#include "kernel.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define JOIN2(a, b) a##b
#define JOIN(a, b)  JOIN2(a, b)
#define TEXT2(a)    #a
#define TEXT(a)     TEXT2(a)

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

static void affine(size_t n_in, size_t ld, const float W[], const float bias[], const float x[],
                   float out[], bool rectify)
{
    for (size_t at = 0; at < ld; at += MODEL_KERNEL_BLOCK) {
        float even[MODEL_KERNEL_BLOCK];
        float odd[MODEL_KERNEL_BLOCK] = {0.0F};
        memcpy(even, bias + at, sizeof even);
        const float *row = W + at;
        size_t k = 0;
        for (; k + 1 < n_in; k += 2, row += 2 * ld) {
            for (size_t j = 0; j < MODEL_KERNEL_BLOCK; j++) {
                even[j] += x[k] * row[j];
                odd[j] += x[k + 1] * row[ld + j];
            }
        }
        if (k < n_in) {
            for (size_t j = 0; j < MODEL_KERNEL_BLOCK; j++) {
                even[j] += x[k] * row[j];
            }
        }
        const float least = rectify ? 0.0F : -INFINITY;
        for (size_t j = 0; j < MODEL_KERNEL_BLOCK; j++) {
            const float sum = even[j] + odd[j];
            out[at + j] = sum < least ? least : sum;
        }
    }
}

static void gates(size_t ld, const float *restrict rz, const float *restrict ni,
                  const float *restrict nh, float *restrict h)
{
    for (size_t j = 0; j < ld; j++) {
        const float r = sigmoid_fast(rz[j]);
        const float z = sigmoid_fast(rz[ld + j]);
        const float n = tanh_fast(ni[j] + r * nh[j]);
        h[j] = n + z * (h[j] - n);
    }
}

extern const model_kernel JOIN(model_kernel_, MODEL_KERNEL);
const model_kernel JOIN(model_kernel_, MODEL_KERNEL) = {TEXT(MODEL_KERNEL), affine, gates};
