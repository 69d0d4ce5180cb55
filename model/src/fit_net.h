/* fit_net.h - forward and backward of a net through chunks of trials, for the animals of a shard.
 *
 * Packed matrices are (in, out), padded to FIT_BLOCK columns, with the bias as a row of their own.
 * A record is what one animal's trial leaves behind for the way back; the records of a trial stand
 * in a row, animals with more trials first, so that those still running are always the first ones.
 * Threads: one a shard; a fit_net may be read by all. Memory: fit.c's.
 */
#ifndef FIT_NET_H
#define FIT_NET_H

#include "fit_kernel.h"
#include "model/fit.h"

/* Blocks of memory taken one after the other; base NULL only counts. */
typedef struct {
    unsigned char *base;
    size_t used;
} fit_arena;

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
    size_t unit_ld;                  /* n_hidden padded */
    size_t weight_ld;                /* n_outputs padded: derivatives by the policy's weights */
    size_t x_ld;                     /* [1, inputs, h, 1] */
    size_t a_ld;                     /* [a, 1] */
    fit_matrix matrix[FIT_MATRICES]; /* forward; GRU's, then the layers' */
    size_t n_packed;                 /* floats of all */
    size_t n_pieces;
    fit_piece piece[FIT_PIECES_MAX];
    float *packed;
    float *back_input;                       /* (3 unit_ld: n r z, weight_ld) */
    float *back_h;                           /* (3 unit_ld: r z n, unit_ld) */
    float *back_layer[MODEL_LAYERS_MAX + 1]; /* (outputs, inputs) of each, padded */
    float *zeros;                            /* (unit_ld) */
    const float *scale;                      /* (n_outputs) */
} fit_net;

typedef struct {
    size_t n_rows;
    model_fit_animal *animals;      /* (n_rows), longest first */
    double *w;                      /* (n_rows, n_outputs) */
    float *h;                       /* (n_rows, unit_ld) */
    float *dw;                      /* (n_rows, weight_ld) */
    float *dh;                      /* (n_rows, unit_ld) */
    size_t *first;                  /* (truncation + 1): the first record of a trial */
    float *x;                       /* records (x_ld) */
    float *gates;                   /* records (4 unit_ld): n r z n_h */
    float *a[MODEL_LAYERS_MAX + 1]; /* records (a_ld): inputs of a layer; a[0] unused without GRU */
    float *out;                     /* records (weight_ld) */
    float *error;                   /* records: p - y */
    float *delta[MODEL_LAYERS_MAX + 1]; /* of FIT_BLOCK_TRIALS: derivatives by a layer's sums */
    float *gradient;                    /* (n_packed), not yet divided by the trials */
    double scale_gradient[MODEL_NET_OUTPUTS_MAX];
    double loss; /* nats, summed */
} fit_shard;

/* Trials whose weight gradients are taken up together: enough for long sums, few enough for L2. */
enum { FIT_BLOCK_TRIALS = 32 };

/* The next so many bytes, aligned to MODEL_NET_ALIGN, as they were; NULL without a base. */
void *fit_take(fit_arena *arena, size_t bytes);

void fit_net_init(fit_net *net, const model_net_shape *shape, fit_arena *arena);

/* Takes over new parameters, in PyTorch's order; they must outlive it. */
void fit_net_pack(fit_net *net, const float values[]);

/* factor times the sum of the shards' gradients, in PyTorch's order. */
void fit_net_sum_gradient(const fit_net *net, size_t n, const fit_shard shards[], double factor,
                          float gradient[]);

/* shard->n_rows is set. */
void fit_shard_init(fit_shard *shard, const fit_net *net, size_t truncation, fit_arena *arena);

/* From the first trial of its animals to the last: loss and gradients anew. */
void fit_shard_run(fit_shard *shard, const fit_net *net, size_t truncation);

#endif
