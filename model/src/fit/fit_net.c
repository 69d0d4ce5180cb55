#include "fit_net.h"

#include <math.h>
#include <string.h>

size_t fit_pad(size_t n)
{
    return (n + GEMM_BLOCK - 1) / GEMM_BLOCK * GEMM_BLOCK;
}

static void add_matrix(fit_net *net, int i, size_t inputs, size_t columns, bool bias_first)
{
    net->matrix[i] = (fit_matrix){.rows = inputs + 1,
                                  .columns = columns,
                                  .bias = bias_first ? 0 : inputs,
                                  .at = net->n_packed};
    net->n_packed += (inputs + 1) * columns;
}

static void add_piece(fit_net *net, size_t *from, size_t n_out, size_t n_in, int i, size_t row,
                      size_t column)
{
    const fit_matrix *m = &net->matrix[i];
    net->piece[net->n_pieces++] = (fit_piece){.from = *from,
                                              .n_out = n_out,
                                              .n_in = n_in,
                                              .to = m->at + row * m->columns + column,
                                              .ld = m->columns};
    *from += n_out * n_in;
}

static void add_gru(fit_net *net, size_t *from)
{
    const size_t n = net->shape.n_inputs;
    const size_t h = net->shape.n_hidden;
    const size_t ld = net->unit_ld;
    add_matrix(net, FIT_GRU_RZ, n + ld, 2 * ld, true);
    add_matrix(net, FIT_GRU_NI, n, ld, true);
    add_matrix(net, FIT_GRU_NH, ld, ld, false);
    add_piece(net, from, h, n, FIT_GRU_RZ, 1, 0);
    add_piece(net, from, h, n, FIT_GRU_RZ, 1, ld);
    add_piece(net, from, h, n, FIT_GRU_NI, 1, 0);
    add_piece(net, from, h, h, FIT_GRU_RZ, 1 + n, 0);
    add_piece(net, from, h, h, FIT_GRU_RZ, 1 + n, ld);
    add_piece(net, from, h, h, FIT_GRU_NH, 0, 0);
    for (int i = 0; i < 2; i++) { /* of the inputs, then of h: those of r and z are added up */
        add_piece(net, from, h, 1, FIT_GRU_RZ, 0, 0);
        add_piece(net, from, h, 1, FIT_GRU_RZ, 0, ld);
        add_piece(net, from, h, 1, i == 0 ? FIT_GRU_NI : FIT_GRU_NH, i == 0 ? 0 : ld, 0);
    }
}

size_t fit_net_back_columns(const fit_net *net, uint32_t i)
{
    return i == 0 && !net->shape.is_recurrent ? net->weight_ld : net->unit_ld;
}

void fit_net_init(fit_net *net, const model_net_shape *shape, arena *a)
{
    memset(net, 0, sizeof *net);
    net->shape = *shape;
    net->kernel = fit_kernel_at(0);
    net->products = gemm_kernel_at(0);
    net->unit_ld = fit_pad(shape->n_hidden);
    net->weight_ld = fit_pad(shape->n_outputs);
    net->x_ld = fit_pad(2 + shape->n_inputs + (shape->is_recurrent ? net->unit_ld : 0));
    net->a_ld = fit_pad(net->unit_ld + 1);
    size_t from = shape->n_outputs;
    if (shape->is_recurrent) {
        add_gru(net, &from);
    }
    for (uint32_t i = 0; i <= shape->n_layers; i++) {
        const bool sees_x = i == 0 && !shape->is_recurrent;
        const size_t n_in = model_net_layer_inputs(shape, i);
        const size_t n_out = model_net_layer_outputs(shape, i);
        const int at = FIT_GRU + (int)i;
        add_matrix(net, at, sees_x ? n_in : net->unit_ld, fit_pad(n_out), sees_x);
        add_piece(net, &from, n_out, n_in, at, sees_x ? 1 : 0, 0);
        add_piece(net, &from, n_out, 1, at, net->matrix[at].bias, 0);
        net->back_layer[i] = arena_floats(a, n_out * fit_net_back_columns(net, i));
    }
    net->n_values = from;
    net->packed = arena_floats(a, net->n_packed);
    net->back_input = arena_floats(a, 3 * net->unit_ld * net->weight_ld);
    net->back_h = arena_floats(a, 3 * net->unit_ld * net->unit_ld);
    net->zeros = arena_floats(a, net->unit_ld);
}

void fit_net_pack(fit_net *net, const float values[])
{
    memset(net->packed, 0, net->n_packed * sizeof(float));
    for (size_t i = 0; i < net->n_pieces; i++) {
        const fit_piece *p = &net->piece[i];
        for (size_t out = 0; out < p->n_out; out++) {
            for (size_t in = 0; in < p->n_in; in++) {
                net->packed[p->to + in * p->ld + out] += values[p->from + out * p->n_in + in];
            }
        }
    }
    model_net_tensors t;
    model_net_tensors_place(&net->shape, values, &t);
    net->scale = t.scale;
    const size_t n = net->shape.n_inputs;
    const size_t n_weights = net->shape.n_outputs;
    const size_t h = net->shape.n_hidden;
    const size_t ld = net->unit_ld;
    memset(net->zeros, 0, ld * sizeof(float));
    memset(net->back_input, 0, 3 * ld * net->weight_ld * sizeof(float));
    memset(net->back_h, 0, 3 * ld * ld * sizeof(float));
    for (size_t gate = 0; net->shape.is_recurrent && gate < 3; gate++) {
        float *to_input = net->back_input + (gate + 1) % 3 * ld * net->weight_ld;
        float *to_h = net->back_h + gate * ld * ld;
        for (size_t u = 0; u < h; u++) {
            memcpy(to_input + u * net->weight_ld, t.gru_weight_ih + (gate * h + u) * n,
                   n_weights * sizeof(float));
            memcpy(to_h + u * ld, t.gru_weight_hh + (gate * h + u) * h, h * sizeof(float));
        }
    }
    for (uint32_t i = 0; i <= net->shape.n_layers; i++) {
        const size_t n_in = model_net_layer_inputs(&net->shape, i);
        const size_t n_out = model_net_layer_outputs(&net->shape, i);
        const size_t columns = fit_net_back_columns(net, i);
        const size_t used = i == 0 && !net->shape.is_recurrent ? n_weights : n_in;
        memset(net->back_layer[i], 0, n_out * columns * sizeof(float));
        for (size_t out = 0; out < n_out; out++) {
            memcpy(net->back_layer[i] + out * columns, t.weight[i] + out * n_in,
                   used * sizeof(float));
        }
    }
}

void fit_net_forward(const fit_net *net, int matrix, size_t rows, const float *x, size_t x_ld,
                     float *out, size_t out_ld, bool rectify)
{
    const fit_matrix *m = &net->matrix[matrix];
    const float *packed = net->packed + m->at;
    const gemm_product p = {.rows = rows,
                            .columns = m->columns,
                            .depth = m->rows - 1,
                            .x = x,
                            .x_row = x_ld,
                            .x_step = 1,
                            .w = packed + (m->bias == 0 ? m->columns : 0),
                            .w_row = m->columns,
                            .bias = packed + m->bias * m->columns,
                            .out = out,
                            .out_row = out_ld,
                            .rectify = rectify};
    gemm_multiply(net->products, &p);
}

void fit_net_add_gradient(const fit_net *net, int matrix, size_t records, const float *x,
                          size_t x_ld, const float *delta, size_t delta_ld, float *gradient)
{
    const fit_matrix *m = &net->matrix[matrix];
    const gemm_product p = {.rows = m->rows,
                            .columns = m->columns,
                            .depth = records,
                            .x = x,
                            .x_row = 1,
                            .x_step = x_ld,
                            .w = delta,
                            .w_row = delta_ld,
                            .out = gradient + m->at,
                            .out_row = m->columns};
    gemm_multiply(net->products, &p);
}

void fit_net_backward(const fit_net *net, size_t rows, size_t depth, const float *delta,
                      size_t delta_ld, const float *w, size_t columns, const float *start,
                      float *out)
{
    const gemm_product p = {.rows = rows,
                            .columns = columns,
                            .depth = depth,
                            .x = delta,
                            .x_row = delta_ld,
                            .x_step = 1,
                            .w = w,
                            .w_row = columns,
                            .bias = start,
                            .out = out,
                            .out_row = columns};
    gemm_multiply(net->products, &p);
}
