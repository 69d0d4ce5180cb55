/* fit_kernel.h - the inner loops of training: a few animals at a time, in single precision.
 *
 * fit_kernel.c is compiled once a processor level, with relaxed floating point. Rows are animals or
 * inputs, columns are units; columns come in multiples of FIT_BLOCK, padded with zeros. Each number
 * of a result is summed in the same order however many rows there are. Threads: any. Memory: the
 * caller's.
 */
#ifndef FIT_KERNEL_H
#define FIT_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

enum { FIT_BLOCK = 16 };

/* out(i, j) = start + sum over k of x[i x_row + k x_step] w[k w_row + j], row i of out at
 * i out_row. */
typedef struct {
    size_t rows;
    size_t columns; /* a multiple of FIT_BLOCK */
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
} fit_product;

typedef struct {
    const char *name;

    void (*product)(const fit_product *p);

    /* GRU gates of one animal. gates[4 ld] = the sums n_in, r, z, n_h before; n, r, z, n_h after.
     * h[ld] = (1 - z) n + z h_before. */
    void (*gates)(size_t ld, float gates[], const float h_before[], float h[]);

    /* gates[4 ld] as gates() left them; dh[ld] the derivative by h. After: derivatives by the four
     * sums, and dh what reaches h_before past the gates. */
    void (*gates_back)(size_t ld, float gates[], const float h_before[], float dh[]);

    /* d[n] = 0 where a[n], rectified, is 0. */
    void (*rectify_back)(size_t n, const float a[], float d[]);
} fit_kernel;

/* Runs on every processor of the architecture; kernel_levels.h knows the others. */
extern const fit_kernel fit_kernel_base;

/* The kernels that this processor runs, best first; NULL past the last. */
const fit_kernel *fit_kernel_at(size_t i);

#endif
