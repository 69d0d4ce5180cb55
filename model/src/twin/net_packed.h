/* net_packed.h - the weights of a model_net as model_net_init() packs them, for net.c and those
 * that lay them out anew. Threads: read by all. Memory: model_net_init()'s caller's.
 */
#pragma once

#include "model/net_layout.h"
#include "net_kernel.h"

/* Matrices are (in, ld): transposed, so that the inner loop runs over outputs with unit stride, and
 * padded to whole blocks. The r and z gates see [x, h] at once; the n gate needs both parts apart.
 */
struct model_net {
    model_net_shape shape;
    const model_kernel *kernel;
    size_t hidden_ld;
    size_t outputs_ld;
    const float *rz_weight; /* (n_inputs + n_hidden, 2 hidden_ld) */
    const float *rz_bias;   /* (2 hidden_ld) */
    const float *ni_weight; /* (n_inputs, hidden_ld) */
    const float *ni_bias;
    const float *nh_weight; /* (n_hidden, hidden_ld) */
    const float *nh_bias;
    const float *weight[MODEL_LAYERS_MAX + 1]; /* (in of layer, ld of layer) */
    const float *bias[MODEL_LAYERS_MAX + 1];
    float scale[MODEL_NET_OUTPUTS_MAX];
};
