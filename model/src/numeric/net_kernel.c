#include "net_kernel.h"

#include <math.h>
#include <string.h>

#include "exp_fast.h"
#include "kernel_levels.h"

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

KERNEL_LEVEL(model_kernel, affine, gates)
