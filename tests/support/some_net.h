/* some_net.h - a net with random weights, in memory of its own; PyTorch's default scale. */
#pragma once

#include <stdlib.h>

#include "model/net.h"
#include "seeded.h"

enum { SOME_NET_FLOATS = 220000 };

typedef struct {
    float values[SOME_NET_FLOATS];
    size_t used;
    model_net_shape shape;
    model_net_tensors tensors;
    void *memory;
    model_net *net;
} some_net;

static inline const float *some_floats(some_net *s, test_random *r, size_t n, double scale)
{
    float *block = s->values + s->used;
    s->used += n;
    if (s->used > SOME_NET_FLOATS) {
        abort();
    }
    for (size_t i = 0; i < n; i++) {
        block[i] = (float)(scale * (2.0 * test_random_uniform(r) - 1.0));
    }
    return block;
}

static inline some_net *some_net_make(test_random *r, model_net_shape shape)
{
    some_net *s = calloc(1, sizeof *s);
    if (s == NULL) {
        abort();
    }
    const size_t h = shape.n_hidden;
    const double scale = 1.0 / sqrt((double)h);
    s->shape = shape;
    s->tensors.scale = some_floats(s, r, shape.n_outputs, 0.01);
    if (shape.is_recurrent) {
        s->tensors.gru_weight_ih = some_floats(s, r, 3 * h * shape.n_inputs, scale);
        s->tensors.gru_weight_hh = some_floats(s, r, 3 * h * h, scale);
        s->tensors.gru_bias_ih = some_floats(s, r, 3 * h, scale);
        s->tensors.gru_bias_hh = some_floats(s, r, 3 * h, scale);
    }
    for (uint32_t i = 0; i <= shape.n_layers; i++) {
        const size_t n_out = model_net_layer_outputs(&shape, i);
        s->tensors.weight[i] = some_floats(s, r, n_out * model_net_layer_inputs(&shape, i), scale);
        s->tensors.bias[i] = some_floats(s, r, n_out, scale);
    }
    s->memory = aligned_alloc(MODEL_NET_ALIGN, model_net_size(&shape));
    if (model_net_init(s->memory, model_net_size(&shape), &shape, &s->tensors, &s->net) !=
        MODEL_OK) {
        abort();
    }
    return s;
}

static inline void some_net_free(some_net *s)
{
    free(s->memory);
    free(s);
}
