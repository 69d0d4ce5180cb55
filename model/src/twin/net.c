#include "model/net.h"

#include <math.h>
#include <string.h>

#include "arena.h"
#include "checks.h"
#include "net_packed.h"

_Static_assert((int)ARENA_ALIGN == (int)MODEL_NET_ALIGN, "blocks of an arena hold nets");

static size_t pad(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static size_t layer_ld(const model_net_shape *shape, uint32_t i)
{
    return pad(model_net_layer_outputs(shape, i), MODEL_KERNEL_BLOCK);
}

size_t model_net_size(const model_net_shape *shape)
{
    if (!model_net_shape_is_valid(shape)) {
        return 0;
    }
    size_t floats = 0;
    for (uint32_t i = 0; i <= shape->n_layers; i++) {
        floats += (model_net_layer_inputs(shape, i) + (size_t)1) * layer_ld(shape, i);
    }
    if (shape->is_recurrent) {
        const size_t ld = pad(shape->n_hidden, MODEL_KERNEL_BLOCK);
        floats += 3 * ld * (shape->n_inputs + (size_t)shape->n_hidden) + 4 * ld;
    }
    return pad(sizeof(model_net), MODEL_NET_ALIGN) + floats * sizeof(float);
}

/* Copies W (n_out, n_in) as its transpose into out (n_in, ld). */
static void transpose(size_t n_out, size_t n_in, const float W[], size_t ld, float out[])
{
    for (size_t o = 0; o < n_out; o++) {
        for (size_t i = 0; i < n_in; i++) {
            out[i * ld + o] = W[o * n_in + i];
        }
    }
}

static float *take(float **at, size_t floats)
{
    float *block = *at;
    *at += floats;
    return block;
}

static void pack_gru(model_net *net, const model_net_tensors *t, float **at)
{
    const size_t n = net->shape.n_inputs;
    const size_t h = net->shape.n_hidden;
    const size_t ld = net->hidden_ld;
    float *rz = take(at, (n + h) * 2 * ld);
    float *rz_bias = take(at, 2 * ld);
    float *ni = take(at, n * ld);
    float *ni_bias = take(at, ld);
    float *nh = take(at, h * ld);
    float *nh_bias = take(at, ld);
    for (size_t gate = 0; gate < 2; gate++) {
        transpose(h, n, t->gru_weight_ih + gate * h * n, 2 * ld, rz + gate * ld);
        transpose(h, h, t->gru_weight_hh + gate * h * h, 2 * ld, rz + n * 2 * ld + gate * ld);
        for (size_t i = 0; i < h; i++) {
            rz_bias[gate * ld + i] = t->gru_bias_ih[gate * h + i] + t->gru_bias_hh[gate * h + i];
        }
    }
    transpose(h, n, t->gru_weight_ih + 2 * h * n, ld, ni);
    transpose(h, h, t->gru_weight_hh + 2 * h * h, ld, nh);
    memcpy(ni_bias, t->gru_bias_ih + 2 * h, h * sizeof(float));
    memcpy(nh_bias, t->gru_bias_hh + 2 * h, h * sizeof(float));
    net->rz_weight = rz;
    net->rz_bias = rz_bias;
    net->ni_weight = ni;
    net->ni_bias = ni_bias;
    net->nh_weight = nh;
    net->nh_bias = nh_bias;
}

int model_net_init(void *mem, size_t mem_size, const model_net_shape *shape,
                   const model_net_tensors *tensors, model_net **out)
{
    const size_t size = model_net_size(shape);
    if (size == 0 || !model_net_tensors_are_finite(shape, tensors)) {
        return MODEL_ERR_ARG;
    }
    if (mem_size < size) {
        return MODEL_ERR_SPACE;
    }
    memset(mem, 0, size);
    model_net *net = mem;
    net->shape = *shape;
    net->kernel = model_kernel_at(0);
    net->hidden_ld = pad(shape->n_hidden, MODEL_KERNEL_BLOCK);
    net->outputs_ld = pad(shape->n_outputs, MODEL_KERNEL_BLOCK);
    memcpy(net->scale, tensors->scale, shape->n_outputs * sizeof(float));

    float *at = (float *)mem + pad(sizeof *net, MODEL_NET_ALIGN) / sizeof(float);
    if (shape->is_recurrent) {
        pack_gru(net, tensors, &at);
    }
    for (uint32_t i = 0; i <= shape->n_layers; i++) {
        const size_t n_in = model_net_layer_inputs(shape, i);
        const size_t n_out = model_net_layer_outputs(shape, i);
        const size_t ld = layer_ld(shape, i);
        float *weight = take(&at, n_in * ld);
        float *bias = take(&at, ld);
        transpose(n_out, n_in, tensors->weight[i], ld, weight);
        memcpy(bias, tensors->bias[i], n_out * sizeof(float));
        net->weight[i] = weight;
        net->bias[i] = bias;
    }
    *out = net;
    return MODEL_OK;
}

const model_net_shape *model_net_shape_of(const model_net *net)
{
    return &net->shape;
}

int model_net_step(const model_net *net, const float in[], float h[], float out[])
{
    const model_kernel *kernel = net->kernel;
    const size_t n = net->shape.n_inputs;
    const size_t n_hidden = net->shape.n_hidden;
    const size_t ld = net->hidden_ld;
    _Alignas(MODEL_NET_ALIGN) float a[MODEL_HIDDEN_MAX];
    _Alignas(MODEL_NET_ALIGN) float b[MODEL_HIDDEN_MAX];
    _Alignas(MODEL_NET_ALIGN) float new_h[MODEL_STATE_MAX];
    const float *input = in;
    if (net->shape.is_recurrent) {
        _Alignas(MODEL_NET_ALIGN) float joined[MODEL_NET_INPUTS_MAX + MODEL_STATE_MAX];
        _Alignas(MODEL_NET_ALIGN) float rz[2 * MODEL_STATE_MAX];
        memcpy(joined, in, n * sizeof(float));
        memcpy(joined + n, h, n_hidden * sizeof(float));
        memcpy(new_h, h, n_hidden * sizeof(float));
        memset(new_h + n_hidden, 0, (ld - n_hidden) * sizeof(float));
        kernel->affine(n + n_hidden, 2 * ld, net->rz_weight, net->rz_bias, joined, rz, false);
        kernel->affine(n, ld, net->ni_weight, net->ni_bias, joined, a, false);
        kernel->affine(n_hidden, ld, net->nh_weight, net->nh_bias, joined + n, b, false);
        kernel->gates(ld, rz, a, b, new_h);
        input = new_h;
    }
    for (uint32_t i = 0; i <= net->shape.n_layers; i++) {
        float *to = i % 2 == 0 ? a : b;
        kernel->affine(model_net_layer_inputs(&net->shape, i), layer_ld(&net->shape, i),
                       net->weight[i], net->bias[i], input, to, i < net->shape.n_layers);
        input = to;
    }
    float scaled[MODEL_NET_OUTPUTS_MAX];
    for (size_t i = 0; i < net->shape.n_outputs; i++) {
        scaled[i] = net->scale[i] * input[i];
    }
    if (!all_finite(n, in) || !all_finite(net->shape.n_outputs, scaled) ||
        (net->shape.is_recurrent && !all_finite(n_hidden, new_h))) {
        return MODEL_ERR_NUMERIC;
    }
    memcpy(out, scaled, net->shape.n_outputs * sizeof(float));
    if (net->shape.is_recurrent) {
        memcpy(h, new_h, n_hidden * sizeof(float));
    }
    return MODEL_OK;
}
