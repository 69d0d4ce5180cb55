/* model/net_layout.h - the shape of a net, and where its tensors lie.
 *
 * Tensors are PyTorch's, row-major (out, in). One after the other, in PyTorch's order, they are
 * what is trained: scale, those of the GRU, then weight and bias of each layer. Single precision.
 * Threads: any. Memory: the caller's. RT-safe: all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MODEL_STATE_MAX = 128,  /* units of a GRU: an animal's state holds so many */
    MODEL_HIDDEN_MAX = 256, /* units a layer */
    MODEL_LAYERS_MAX = 4,   /* hidden layers of the MLP */
    MODEL_NET_INPUTS_MAX = 32,
    MODEL_NET_OUTPUTS_MAX = 16,
    MODEL_NET_ALIGN = 64 /* alignment of the memory, bytes */
};

typedef struct {
    bool is_recurrent;  /* a GRU of n_hidden units stands before the MLP */
    uint32_t n_inputs;  /* 1..MODEL_NET_INPUTS_MAX */
    uint32_t n_hidden;  /* of the GRU and of every hidden layer: 1..MODEL_HIDDEN_MAX, with a
                           GRU 1..MODEL_STATE_MAX */
    uint32_t n_layers;  /* 1..MODEL_LAYERS_MAX */
    uint32_t n_outputs; /* 1..MODEL_NET_OUTPUTS_MAX */
} model_net_shape;

/* GRU gates are stacked in the order r, z, n. */
typedef struct {
    const float *scale;                        /* (n_outputs) */
    const float *gru_weight_ih;                /* (3 n_hidden, n_inputs); NULL without GRU */
    const float *gru_weight_hh;                /* (3 n_hidden, n_hidden) */
    const float *gru_bias_ih;                  /* (3 n_hidden) */
    const float *gru_bias_hh;                  /* (3 n_hidden) */
    const float *weight[MODEL_LAYERS_MAX + 1]; /* (out, in) of layer i */
    const float *bias[MODEL_LAYERS_MAX + 1];   /* (out) of layer i */
} model_net_tensors;

/* The largest n_hidden. */
uint32_t model_net_hidden_max(bool is_recurrent);

bool model_net_shape_is_valid(const model_net_shape *shape);

/* Inputs of layer i of the MLP, 0..n_layers, and its outputs. */
uint32_t model_net_layer_inputs(const model_net_shape *shape, uint32_t i);
uint32_t model_net_layer_outputs(const model_net_shape *shape, uint32_t i);

/* Floats of all tensors of such a net. 0 if the shape is invalid. */
size_t model_net_tensors_count(const model_net_shape *shape);

/* Points *out into values[model_net_tensors_count()]. */
void model_net_tensors_place(const model_net_shape *shape, const float values[],
                             model_net_tensors *out);

/* Copies them to values[model_net_tensors_count()]. */
void model_net_tensors_copy(const model_net_shape *shape, const model_net_tensors *tensors,
                            float values[]);

bool model_net_tensors_are_finite(const model_net_shape *shape, const model_net_tensors *tensors);
