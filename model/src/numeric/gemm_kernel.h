/* gemm_kernel.h - products of matrices whose operands stay in the processor's caches, in single
 * precision: nothing is packed or copied.
 *
 * gemm_kernel.c is compiled once a processor level, with relaxed floating point. Columns come in
 * multiples of GEMM_BLOCK, padded with zeros. Each number of a result is summed in the same order
 * however many rows there are. Threads: any. Memory: the caller's. RT-safe: all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { GEMM_BLOCK = 16 };

/* out(i, j) = start + sum over k of x[i x_row + k x_step] w[k w_row + j], row i of out at
 * i out_row. */
typedef struct {
    size_t rows;
    size_t columns; /* a multiple of GEMM_BLOCK */
    size_t depth;
    const float *x;
    size_t x_row;
    size_t x_step;
    const float *w;
    size_t w_row;
    const float *bias; /* (columns): start; NULL: out is added to */
    float *out;
    size_t out_row;
    bool rectify; /* then max(0, .); NaN stays NaN */
} gemm_product;

typedef struct {
    const char *name;
    void (*product)(const gemm_product *p);
} gemm_kernel;

/* Runs on every processor of the architecture; kernel_levels.h knows the others. */
extern const gemm_kernel gemm_kernel_base;

/* The kernels that this processor runs, best first; NULL past the last. */
const gemm_kernel *gemm_kernel_at(size_t i);
