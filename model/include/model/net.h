/* model/net.h - the two nets that are learning rules: an MLP, and a GRU followed by an MLP.
 *
 * Maths, tensor shapes and packing: docs/model.md, section net. Weights are const after init and
 * apart from state, so that any number of animals share them; the state of a recurrent net is
 * h (n_hidden), zero at first. Single precision. The same inputs give the same bits on the same
 * machine; a batch agrees with single rows to rounding.
 *
 * Threads: a net may be read by all. Memory: the caller supplies it once; no function allocates,
 * but the first model_net_step_batch() of a shape lets BLIS fetch its own buffers.
 */
#ifndef MODEL_NET_H
#define MODEL_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/error.h"

enum {
    MODEL_HIDDEN_MAX = 128, /* units per layer */
    MODEL_LAYERS_MAX = 4,   /* hidden layers of the MLP */
    MODEL_NET_INPUTS_MAX = 32,
    MODEL_NET_OUTPUTS_MAX = 16,
    MODEL_NET_ALIGN = 64 /* alignment of the memory, bytes */
};

typedef struct {
    bool is_recurrent;  /* a GRU of n_hidden units precedes the MLP */
    uint32_t n_inputs;  /* 1..MODEL_NET_INPUTS_MAX */
    uint32_t n_hidden;  /* 1..MODEL_HIDDEN_MAX, of the GRU and of every hidden layer */
    uint32_t n_layers;  /* 1..MODEL_LAYERS_MAX */
    uint32_t n_outputs; /* 1..MODEL_NET_OUTPUTS_MAX */
} model_net_shape;

/* Weights as PyTorch keeps them: row-major (out, in), GRU gates stacked in the order r, z, n. */
typedef struct {
    const float *scale;                        /* (n_outputs) */
    const float *gru_weight_ih;                /* (3 n_hidden, n_inputs); NULL without GRU */
    const float *gru_weight_hh;                /* (3 n_hidden, n_hidden) */
    const float *gru_bias_ih;                  /* (3 n_hidden) */
    const float *gru_bias_hh;                  /* (3 n_hidden) */
    const float *weight[MODEL_LAYERS_MAX + 1]; /* (out, in) of layer i */
    const float *bias[MODEL_LAYERS_MAX + 1];   /* (out) of layer i */
} model_net_tensors;

typedef struct model_net model_net;

/* Bytes model_net_init() needs, a multiple of MODEL_NET_ALIGN; 0 if the shape is invalid. */
size_t model_net_size(const model_net_shape *shape);

/* Inputs of layer i of the MLP, 0..n_layers, and its outputs. */
uint32_t model_net_layer_inputs(const model_net_shape *shape, uint32_t i);
uint32_t model_net_layer_outputs(const model_net_shape *shape, uint32_t i);

/* Packs the tensors into mem (aligned to MODEL_NET_ALIGN; it must outlive *out; the tensors may go
 * afterwards). MODEL_OK, MODEL_ERR_ARG (shape, a value that is not finite) or MODEL_ERR_SPACE;
 * *out is set only on OK. */
int model_net_init(void *mem, size_t mem_size, const model_net_shape *shape,
                   const model_net_tensors *tensors, model_net **out);

/* The shape it was made with. RT-safe: yes. */
const model_net_shape *model_net_shape_of(const model_net *net);

/* One step of one animal: out[n_outputs] = scale * MLP(GRU(in, h)), or scale * MLP(in). h
 * [n_hidden] is read and replaced; NULL without GRU. MODEL_OK, or MODEL_ERR_NUMERIC (an input or a
 * result is not finite) with h and out as they were. RT-safe: yes, O(weights). */
int model_net_step(const model_net *net, const float in[], float h[], float out[]);

/* Bytes of scratch that model_net_step_batch() needs for rows animals. */
size_t model_net_batch_size(const model_net *net, size_t rows);

/* The same step for many animals at once, through BLIS: in (rows, n_inputs), h (rows, n_hidden),
 * out (rows, n_outputs), row-major. scratch: model_net_batch_size() bytes aligned to
 * MODEL_NET_ALIGN. MODEL_OK, or MODEL_ERR_NUMERIC if any input or result is not finite (all rows
 * are still written). RT-safe: no, see above. */
int model_net_step_batch(const model_net *net, size_t rows, const float in[], float h[],
                         float out[], void *scratch);

/* Name of the kernel variant chosen for this processor: "base", "avx2" or "avx512". */
const char *model_net_kernel(void);

#endif
