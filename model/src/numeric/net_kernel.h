/* net_kernel.h - the inner loops of the nets, one row at a time, in single precision.
 *
 * kernel.c is compiled once a processor level, with relaxed floating point;
 * tests/unit/test_kernel.c bounds its error against libm in double precision. Matrices are (n_in,
 * ld), ld a multiple of MODEL_KERNEL_BLOCK, padded with zeros, aligned to MODEL_NET_ALIGN. Threads:
 * any. Memory: the caller's. RT-safe: all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { MODEL_KERNEL_BLOCK = 32 };

typedef struct {
    const char *name;

    /* out[ld] = bias + x[n_in] W, then max(0, .) if rectify. NaN stays NaN. */
    void (*affine)(size_t n_in, size_t ld, const float W[], const float bias[], const float x[],
                   float out[], bool rectify);

    /* GRU gates: r and z of rz[2 ld] before their sigmoid; h[ld] <- (1-z) tanh(ni + r nh) + z h. */
    void (*gates)(size_t ld, const float rz[], const float ni[], const float nh[], float h[]);
} model_kernel;

/* Runs on every processor of the architecture; kernel_levels.h knows the others. */
extern const model_kernel model_kernel_base;

/* The kernels that this processor runs, best first; NULL past the last. */
const model_kernel *model_kernel_at(size_t i);
