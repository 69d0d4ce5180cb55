/* fit_net.h - a net's weights laid out for training, and the products of which a pass is made.
 *
 * Packed matrices are (in, out), padded to GEMM_BLOCK columns, with the bias as a row of their own.
 * Records are what trials leave behind: fit_shard.h.
 * Threads: a fit_net may be read by all. Memory: fit.c's.
 */
#pragma once

#include "arena.h"
#include "fit_kernel.h"
#include "gemm.h"
#include "model/net_layout.h"

typedef struct {
    size_t rows; /* with the bias */
    size_t columns;
    size_t bias; /* its row: the first or the last */
    size_t at;   /* floats before it in all of the packed ones */
} fit_matrix;

/* A tensor's block in a packed matrix: element (out, in) goes to (row + in, column + out). */
typedef struct {
    size_t from; /* floats before it in PyTorch's order */
    size_t n_out;
    size_t n_in;
    size_t to; /* floats before its first one in the packed order */
    size_t ld;
} fit_piece;

enum { FIT_PIECES_MAX = 12 + 2 * (MODEL_LAYERS_MAX + 1) };

enum { FIT_GRU_RZ, FIT_GRU_NI, FIT_GRU_NH, FIT_GRU, FIT_MATRICES = FIT_GRU + MODEL_LAYERS_MAX + 1 };

/* A net's weights both ways round. */
typedef struct {
    model_net_shape shape;
    const fit_kernel *kernel;
    const gemm_kernel *products;
    size_t unit_ld;                  /* n_hidden padded */
    size_t weight_ld;                /* n_outputs padded: derivatives by the policy's weights */
    size_t x_ld;                     /* [1, inputs, h, 1] */
    size_t a_ld;                     /* [a, 1] */
    fit_matrix matrix[FIT_MATRICES]; /* forward; GRU's, then the layers' */
    size_t n_packed;                 /* floats of all */
    size_t n_values;                 /* the same in PyTorch's order */
    size_t n_pieces;
    fit_piece piece[FIT_PIECES_MAX];
    float *packed;
    float *back_input;                       /* (3 unit_ld: n r z, weight_ld) */
    float *back_h;                           /* (3 unit_ld: r z n, unit_ld) */
    float *back_layer[MODEL_LAYERS_MAX + 1]; /* (outputs, inputs) of each, padded */
    float *zeros;                            /* (unit_ld) */
    const float *scale;                      /* (n_outputs) */
} fit_net;

/* The next multiple of GEMM_BLOCK. */
size_t fit_pad(size_t n);

void fit_net_init(fit_net *net, const model_net_shape *shape, arena *a);

/* Takes over new parameters, in PyTorch's order; they must outlive it. */
void fit_net_pack(fit_net *net, const float values[]);

/* Columns of what layer i gives back: derivatives by the weights, or by its inputs. */
size_t fit_net_back_columns(const fit_net *net, uint32_t i);

/* out = x W + bias for so many records. x points to the inputs, without the one. */
void fit_net_forward(const fit_net *net, int matrix, size_t rows, const float *x, size_t x_ld,
                     float *out, size_t out_ld, bool rectify);

/* gradient += x' delta over so many records. x points to the inputs and the one beside them;
 * gradient to all of the packed ones. */
void fit_net_add_gradient(const fit_net *net, int matrix, size_t records, const float *x,
                          size_t x_ld, const float *delta, size_t delta_ld, float *gradient);

/* out = start + delta W' for so many records; start NULL: out is added to. */
void fit_net_backward(const fit_net *net, size_t rows, size_t depth, const float *delta,
                      size_t delta_ld, const float *w, size_t columns, const float *start,
                      float *out);
