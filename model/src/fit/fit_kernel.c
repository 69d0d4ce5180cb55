#include "fit_kernel.h"

#include "exp_fast.h"
#include "kernel_levels.h"

static void gates(size_t ld, float *restrict g, const float *restrict h_before, float *restrict h)
{
    for (size_t j = 0; j < ld; j++) {
        const float r = sigmoid_fast(g[ld + j]);
        const float z = sigmoid_fast(g[2 * ld + j]);
        const float n = tanh_fast(g[j] + r * g[3 * ld + j]);
        g[j] = n;
        g[ld + j] = r;
        g[2 * ld + j] = z;
        h[j] = n + z * (h_before[j] - n);
    }
}

static void gates_back(size_t ld, float *restrict g, const float *restrict h_before,
                       float *restrict dh)
{
    for (size_t j = 0; j < ld; j++) {
        const float n = g[j];
        const float r = g[ld + j];
        const float z = g[2 * ld + j];
        const float dn = dh[j] * (1.0F - z) * (1.0F - n * n);
        g[j] = dn;
        g[ld + j] = dn * g[3 * ld + j] * r * (1.0F - r);
        g[2 * ld + j] = dh[j] * (h_before[j] - n) * z * (1.0F - z);
        g[3 * ld + j] = dn * r;
        dh[j] *= z;
    }
}

static void rectify_back(size_t n, const float *restrict a, float *restrict d)
{
    for (size_t i = 0; i < n; i++) {
        d[i] = a[i] > 0.0F ? d[i] : 0.0F;
    }
}

KERNEL_LEVEL(fit_kernel, gates, gates_back, rectify_back)
