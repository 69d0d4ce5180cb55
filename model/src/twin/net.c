#include "model/net.h"

#include <math.h>
#include <string.h>

#include <blis.h>

#include "arena.h"
#include "net_packed.h"

_Static_assert((int)ARENA_ALIGN == (int)MODEL_NET_ALIGN, "blocks of an arena hold nets");

enum { FLOATS_PER_LINE = MODEL_NET_ALIGN / (int)sizeof(float) };

static size_t pad(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static bool shape_is_valid(const model_net_shape *shape)
{
    return shape->n_inputs >= 1 && shape->n_inputs <= MODEL_NET_INPUTS_MAX &&
           shape->n_hidden >= 1 && shape->n_hidden <= MODEL_HIDDEN_MAX && shape->n_layers >= 1 &&
           shape->n_layers <= MODEL_LAYERS_MAX && shape->n_outputs >= 1 &&
           shape->n_outputs <= MODEL_NET_OUTPUTS_MAX;
}

uint32_t model_net_layer_inputs(const model_net_shape *shape, uint32_t i)
{
    return i == 0 && !shape->is_recurrent ? shape->n_inputs : shape->n_hidden;
}

uint32_t model_net_layer_outputs(const model_net_shape *shape, uint32_t i)
{
    return i == shape->n_layers ? shape->n_outputs : shape->n_hidden;
}

static size_t layer_ld(const model_net_shape *shape, uint32_t i)
{
    return pad(model_net_layer_outputs(shape, i), MODEL_KERNEL_BLOCK);
}

size_t model_net_size(const model_net_shape *shape)
{
    if (!shape_is_valid(shape)) {
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

static bool all_finite(size_t n, const float values[])
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i])) {
            return false;
        }
    }
    return true;
}

static bool tensors_are_finite(const model_net_shape *shape, const model_net_tensors *t)
{
    const size_t h3 = 3 * (size_t)shape->n_hidden;
    bool ok = all_finite(shape->n_outputs, t->scale);
    if (shape->is_recurrent) {
        ok = ok && all_finite(h3 * shape->n_inputs, t->gru_weight_ih) &&
             all_finite(h3 * shape->n_hidden, t->gru_weight_hh) && all_finite(h3, t->gru_bias_ih) &&
             all_finite(h3, t->gru_bias_hh);
    }
    for (uint32_t i = 0; ok && i <= shape->n_layers; i++) {
        const size_t n_out = model_net_layer_outputs(shape, i);
        ok = all_finite(n_out * model_net_layer_inputs(shape, i), t->weight[i]) &&
             all_finite(n_out, t->bias[i]);
    }
    return ok;
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
    if (size == 0 || !tensors_are_finite(shape, tensors)) {
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

const char *model_net_kernel(void)
{
    return model_kernel_at(0)->name;
}

int model_net_step(const model_net *net, const float in[], float h[], float out[])
{
    const model_kernel *kernel = net->kernel;
    const size_t n = net->shape.n_inputs;
    const size_t n_hidden = net->shape.n_hidden;
    const size_t ld = net->hidden_ld;
    _Alignas(MODEL_NET_ALIGN) float a[MODEL_HIDDEN_MAX];
    _Alignas(MODEL_NET_ALIGN) float b[MODEL_HIDDEN_MAX];
    _Alignas(MODEL_NET_ALIGN) float new_h[MODEL_HIDDEN_MAX];
    const float *input = in;
    if (net->shape.is_recurrent) {
        _Alignas(MODEL_NET_ALIGN) float joined[MODEL_NET_INPUTS_MAX + MODEL_HIDDEN_MAX];
        _Alignas(MODEL_NET_ALIGN) float rz[2 * MODEL_HIDDEN_MAX];
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

/* c (rows, ld) = bias + a (rows, n_in; row stride a_stride) W (n_in, ld), then max(0, .). */
static void affine_batch(size_t rows, size_t n_in, size_t ld, const float a[], size_t a_stride,
                         const float W[], const float bias[], float c[], bool rectify)
{
    for (size_t row = 0; row < rows; row++) {
        memcpy(c + row * ld, bias, ld * sizeof(float));
    }
    float one = 1.0F;
    bli_sgemm(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, (dim_t)rows, (dim_t)ld, (dim_t)n_in, &one,
              (float *)a, (inc_t)a_stride, 1, (float *)W, (inc_t)ld, 1, &one, c, (inc_t)ld, 1);
    for (size_t i = 0; rectify && i < rows * ld; i++) {
        c[i] = c[i] < 0.0F ? 0.0F : c[i];
    }
}

static size_t batch_row(const model_net *net)
{
    const size_t wide = net->hidden_ld > net->outputs_ld ? net->hidden_ld : net->outputs_ld;
    const size_t joined = net->shape.n_inputs + net->hidden_ld;
    return pad(2 * wide + 2 * net->hidden_ld + joined, FLOATS_PER_LINE);
}

size_t model_net_batch_size(const model_net *net, size_t rows)
{
    return rows * batch_row(net) * sizeof(float);
}

/* joined (rows, n_inputs + hidden_ld) starts as [x, h, 0] and ends with the new h in its place. */
static void gru_batch(const model_net *net, size_t rows, float joined[], float rz[], float ni[],
                      float nh[])
{
    const size_t n = net->shape.n_inputs;
    const size_t n_hidden = net->shape.n_hidden;
    const size_t ld = net->hidden_ld;
    const size_t stride = n + ld;
    affine_batch(rows, n + n_hidden, 2 * ld, joined, stride, net->rz_weight, net->rz_bias, rz,
                 false);
    affine_batch(rows, n, ld, joined, stride, net->ni_weight, net->ni_bias, ni, false);
    affine_batch(rows, n_hidden, ld, joined + n, stride, net->nh_weight, net->nh_bias, nh, false);
    for (size_t row = 0; row < rows; row++) {
        net->kernel->gates(ld, rz + row * 2 * ld, ni + row * ld, nh + row * ld,
                           joined + row * stride + n);
    }
}

int model_net_step_batch(const model_net *net, size_t rows, const float in[], float h[],
                         float out[], void *scratch)
{
    const size_t n = net->shape.n_inputs;
    const size_t n_hidden = net->shape.n_hidden;
    const size_t n_outputs = net->shape.n_outputs;
    const size_t ld = net->hidden_ld;
    const size_t wide = ld > net->outputs_ld ? ld : net->outputs_ld;
    const size_t stride = n + ld;
    float *a = scratch;
    float *b = a + rows * wide;
    float *rz = b + rows * wide;
    float *joined = rz + rows * 2 * ld;

    const float *input = in;
    size_t input_stride = n;
    if (net->shape.is_recurrent) {
        for (size_t row = 0; row < rows; row++) {
            float *to = joined + row * stride;
            memcpy(to, in + row * n, n * sizeof(float));
            memcpy(to + n, h + row * n_hidden, n_hidden * sizeof(float));
            memset(to + n + n_hidden, 0, (ld - n_hidden) * sizeof(float));
        }
        gru_batch(net, rows, joined, rz, a, b);
        for (size_t row = 0; row < rows; row++) {
            memcpy(h + row * n_hidden, joined + row * stride + n, n_hidden * sizeof(float));
        }
        input = joined + n;
        input_stride = stride;
    }
    for (uint32_t i = 0; i <= net->shape.n_layers; i++) {
        float *to = i % 2 == 0 ? a : b;
        const size_t layer = layer_ld(&net->shape, i);
        affine_batch(rows, model_net_layer_inputs(&net->shape, i), layer, input, input_stride,
                     net->weight[i], net->bias[i], to, i < net->shape.n_layers);
        input = to;
        input_stride = layer;
    }
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < n_outputs; i++) {
            out[row * n_outputs + i] = net->scale[i] * input[row * net->outputs_ld + i];
        }
    }
    const bool ok = all_finite(rows * n, in) && all_finite(rows * n_outputs, out) &&
                    (!net->shape.is_recurrent || all_finite(rows * n_hidden, h));
    return ok ? MODEL_OK : MODEL_ERR_NUMERIC;
}
