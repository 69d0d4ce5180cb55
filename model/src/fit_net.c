#include "fit_net.h"

#include <math.h>
#include <string.h>

static size_t pad(size_t n)
{
    return (n + FIT_BLOCK - 1) / FIT_BLOCK * FIT_BLOCK;
}

void *fit_take(fit_arena *arena, size_t bytes)
{
    void *block = arena->base != NULL ? arena->base + arena->used : NULL;
    arena->used += (bytes + MODEL_NET_ALIGN - 1) / MODEL_NET_ALIGN * MODEL_NET_ALIGN;
    return block;
}

static float *take_floats(fit_arena *arena, size_t n)
{
    return fit_take(arena, n * sizeof(float));
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

/* Columns of what layer i gives back: derivatives by the weights, or by its inputs. */
static size_t back_columns(const fit_net *net, uint32_t i)
{
    return i == 0 && !net->shape.is_recurrent ? net->weight_ld : net->unit_ld;
}

void fit_net_init(fit_net *net, const model_net_shape *shape, fit_arena *arena)
{
    memset(net, 0, sizeof *net);
    net->shape = *shape;
    net->kernel = fit_kernel_at(0);
    net->unit_ld = pad(shape->n_hidden);
    net->weight_ld = pad(shape->n_outputs);
    net->x_ld = pad(2 + shape->n_inputs + (shape->is_recurrent ? net->unit_ld : 0));
    net->a_ld = pad(net->unit_ld + 1);
    size_t from = shape->n_outputs;
    if (shape->is_recurrent) {
        add_gru(net, &from);
    }
    for (uint32_t i = 0; i <= shape->n_layers; i++) {
        const bool sees_x = i == 0 && !shape->is_recurrent;
        const size_t n_in = model_net_layer_inputs(shape, i);
        const size_t n_out = model_net_layer_outputs(shape, i);
        const int at = FIT_GRU + (int)i;
        add_matrix(net, at, sees_x ? n_in : net->unit_ld, pad(n_out), sees_x);
        add_piece(net, &from, n_out, n_in, at, sees_x ? 1 : 0, 0);
        add_piece(net, &from, n_out, 1, at, net->matrix[at].bias, 0);
        net->back_layer[i] = take_floats(arena, n_out * back_columns(net, i));
    }
    net->packed = take_floats(arena, net->n_packed);
    net->back_input = take_floats(arena, 3 * net->unit_ld * net->weight_ld);
    net->back_h = take_floats(arena, 3 * net->unit_ld * net->unit_ld);
    net->zeros = take_floats(arena, net->unit_ld);
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
    model_fit_place(&net->shape, values, &t);
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
        const size_t columns = back_columns(net, i);
        const size_t used = i == 0 && !net->shape.is_recurrent ? n_weights : n_in;
        memset(net->back_layer[i], 0, n_out * columns * sizeof(float));
        for (size_t out = 0; out < n_out; out++) {
            memcpy(net->back_layer[i] + out * columns, t.weight[i] + out * n_in,
                   used * sizeof(float));
        }
    }
}

void fit_net_sum_gradient(const fit_net *net, size_t n, const fit_shard shards[], double factor,
                          float gradient[])
{
    for (size_t k = 0; k < net->shape.n_outputs; k++) {
        double sum = 0.0;
        for (size_t s = 0; s < n; s++) {
            sum += shards[s].scale_gradient[k];
        }
        gradient[k] = (float)(factor * sum);
    }
    for (size_t i = 0; i < net->n_pieces; i++) {
        const fit_piece *p = &net->piece[i];
        for (size_t out = 0; out < p->n_out; out++) {
            for (size_t in = 0; in < p->n_in; in++) {
                double sum = 0.0;
                for (size_t s = 0; s < n; s++) {
                    sum += (double)shards[s].gradient[p->to + in * p->ld + out];
                }
                gradient[p->from + out * p->n_in + in] = (float)(factor * sum);
            }
        }
    }
}

void fit_shard_init(fit_shard *shard, const fit_net *net, size_t truncation, fit_arena *arena)
{
    const size_t rows = shard->n_rows;
    const size_t records = rows * truncation;
    shard->animals = fit_take(arena, rows * sizeof(shard->animals[0]));
    shard->w = fit_take(arena, rows * net->shape.n_outputs * sizeof(double));
    shard->h = take_floats(arena, rows * net->unit_ld);
    shard->dw = take_floats(arena, rows * net->weight_ld);
    shard->dh = take_floats(arena, rows * net->unit_ld);
    shard->first = fit_take(arena, (truncation + 1) * sizeof(size_t));
    shard->x = take_floats(arena, records * net->x_ld);
    shard->out = take_floats(arena, records * net->weight_ld);
    shard->error = take_floats(arena, records);
    shard->gradient = take_floats(arena, net->n_packed);
    if (net->shape.is_recurrent) {
        shard->gates = take_floats(arena, records * 4 * net->unit_ld);
        shard->a[0] = take_floats(arena, records * net->a_ld);
    }
    for (uint32_t i = 0; i <= net->shape.n_layers; i++) {
        const size_t columns = net->matrix[FIT_GRU + i].columns;
        shard->delta[i] = take_floats(arena, rows * FIT_BLOCK_TRIALS * columns);
        if (i > 0) {
            shard->a[i] = take_floats(arena, records * net->a_ld);
        }
    }
    /* The constants of the records, which nothing writes to later. */
    for (size_t r = 0; arena->base != NULL && r < records; r++) {
        float *x = shard->x + r * net->x_ld;
        memset(x, 0, net->x_ld * sizeof(float));
        x[0] = 1.0F;
        if (net->shape.is_recurrent) {
            x[1 + net->shape.n_inputs + net->unit_ld] = 1.0F;
        }
        for (uint32_t i = 0; i <= net->shape.n_layers; i++) {
            if (shard->a[i] != NULL) {
                memset(shard->a[i] + r * net->a_ld, 0, net->a_ld * sizeof(float));
                shard->a[i][r * net->a_ld + net->unit_ld] = 1.0F;
            }
        }
    }
}

/* out = x W + bias for so many records. x points to the inputs, without the one. */
static void forward(const fit_net *net, int matrix, size_t rows, const float *x, size_t x_ld,
                    float *out, size_t out_ld, bool rectify)
{
    const fit_matrix *m = &net->matrix[matrix];
    const float *packed = net->packed + m->at;
    const fit_product p = {.rows = rows,
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
    net->kernel->product(&p);
}

/* gradient += x' delta over so many records. x points to the inputs and the one beside them. */
static void add_weight_gradient(fit_shard *s, const fit_net *net, int matrix, size_t records,
                                const float *x, size_t x_ld, const float *delta, size_t delta_ld)
{
    const fit_matrix *m = &net->matrix[matrix];
    const fit_product p = {.rows = m->rows,
                           .columns = m->columns,
                           .depth = records,
                           .x = x,
                           .x_row = 1,
                           .x_step = x_ld,
                           .w = delta,
                           .w_row = delta_ld,
                           .out = s->gradient + m->at,
                           .out_row = m->columns};
    net->kernel->product(&p);
}

/* out = or += delta W' for so many records. */
static void backward(const fit_net *net, size_t rows, size_t depth, const float *delta,
                     size_t delta_ld, const float *w, size_t columns, const float *start,
                     float *out)
{
    const fit_product p = {.rows = rows,
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
    net->kernel->product(&p);
}

/* log(1 + exp(-margin)), and the derivative by the logit of right. */
static double take_up_choice(double logit, bool chose_right, float *error)
{
    const double e = exp(-fabs(logit));
    const double p_right = (logit > 0.0 ? 1.0 : e) / (1.0 + e);
    *error = (float)(p_right - (chose_right ? 1.0 : 0.0));
    const double margin = chose_right ? logit : -logit;
    return log1p(e) + (margin < 0.0 ? -margin : 0.0);
}

static void fill_x(fit_shard *s, const fit_net *net, size_t trial, size_t rows, float x[],
                   const float h[], size_t h_ld)
{
    const size_t n_weights = net->shape.n_outputs;
    for (size_t row = 0; row < rows; row++) {
        float *to = x + row * net->x_ld + 1;
        for (size_t k = 0; k < n_weights; k++) {
            to[k] = (float)s->w[row * n_weights + k];
        }
        memcpy(to + n_weights, s->animals[row].x + trial * MODEL_RULE_INPUTS,
               MODEL_RULE_INPUTS * sizeof(float));
        if (net->shape.is_recurrent) {
            memcpy(to + net->shape.n_inputs, h + row * h_ld, net->unit_ld * sizeof(float));
        }
    }
}

static void move_weights(fit_shard *s, const fit_net *net, size_t trial, size_t rows, size_t record)
{
    const size_t n_weights = net->shape.n_outputs;
    for (size_t row = 0; row < rows; row++) {
        const model_fit_animal *animal = &s->animals[row];
        const float *out = s->out + (record + row) * net->weight_ld;
        const float *g = animal->g + trial * n_weights;
        double *w = s->w + row * n_weights;
        double logit = 0.0;
        for (size_t k = 0; k < n_weights; k++) {
            w[k] += (double)(net->scale[k] * out[k]);
            logit += w[k] * (double)g[k];
        }
        s->loss += take_up_choice(logit, animal->chose_right[trial] != 0, &s->error[record + row]);
    }
}

static void step_forward(fit_shard *s, const fit_net *net, size_t trial, size_t rows, size_t record,
                         const float h[], size_t h_ld)
{
    const size_t n = net->shape.n_inputs;
    const size_t ld = net->unit_ld;
    float *x = s->x + record * net->x_ld;
    fill_x(s, net, trial, rows, x, h, h_ld);
    const float *input = x + 1;
    size_t input_ld = net->x_ld;
    if (net->shape.is_recurrent) {
        float *gates = s->gates + record * 4 * ld;
        float *a = s->a[0] + record * net->a_ld;
        forward(net, FIT_GRU_RZ, rows, x + 1, net->x_ld, gates + ld, 4 * ld, false);
        forward(net, FIT_GRU_NI, rows, x + 1, net->x_ld, gates, 4 * ld, false);
        forward(net, FIT_GRU_NH, rows, x + 1 + n, net->x_ld, gates + 3 * ld, 4 * ld, false);
        for (size_t row = 0; row < rows; row++) {
            net->kernel->gates(ld, gates + row * 4 * ld, x + row * net->x_ld + 1 + n,
                               a + row * net->a_ld);
        }
        input = a;
        input_ld = net->a_ld;
    }
    for (uint32_t i = 0; i <= net->shape.n_layers; i++) {
        const bool is_last = i == net->shape.n_layers;
        float *to = is_last ? s->out + record * net->weight_ld : s->a[i + 1] + record * net->a_ld;
        const size_t to_ld = is_last ? net->weight_ld : net->a_ld;
        forward(net, FIT_GRU + (int)i, rows, input, input_ld, to, to_ld, !is_last);
        input = to;
        input_ld = to_ld;
    }
    move_weights(s, net, trial, rows, record);
}

static void step_back(fit_shard *s, const fit_net *net, size_t trial, size_t rows, size_t record,
                      size_t delta_record)
{
    const size_t ld = net->unit_ld;
    const uint32_t last = net->shape.n_layers;
    for (size_t row = 0; row < rows; row++) {
        const size_t n_weights = net->shape.n_outputs;
        const float *g = s->animals[row].g + trial * n_weights;
        const float *out = s->out + (record + row) * net->weight_ld;
        float *dw = s->dw + row * net->weight_ld;
        float *delta = s->delta[last] + (delta_record + row) * net->weight_ld;
        memset(delta, 0, net->weight_ld * sizeof(float));
        for (size_t k = 0; k < n_weights; k++) {
            dw[k] += s->error[record + row] * g[k];
            delta[k] = dw[k] * net->scale[k];
            s->scale_gradient[k] += (double)dw[k] * (double)out[k];
        }
    }
    for (uint32_t i = last; i > 0; i--) {
        const size_t delta_ld = net->matrix[FIT_GRU + i].columns;
        float *to = s->delta[i - 1] + delta_record * ld;
        backward(net, rows, model_net_layer_outputs(&net->shape, i),
                 s->delta[i] + delta_record * delta_ld, delta_ld, net->back_layer[i], ld,
                 net->zeros, to);
        for (size_t row = 0; row < rows; row++) {
            net->kernel->rectify_back(ld, s->a[i] + (record + row) * net->a_ld, to + row * ld);
        }
    }
    backward(net, rows, net->shape.n_hidden, s->delta[0] + delta_record * ld, ld,
             net->back_layer[0], back_columns(net, 0), NULL,
             net->shape.is_recurrent ? s->dh : s->dw);
    if (net->shape.is_recurrent) {
        float *gates = s->gates + record * 4 * ld;
        for (size_t row = 0; row < rows; row++) {
            const float *x = s->x + (record + row) * net->x_ld;
            net->kernel->gates_back(ld, gates + row * 4 * ld, x + 1 + net->shape.n_inputs,
                                    s->dh + row * ld);
        }
        backward(net, rows, 3 * ld, gates + ld, 4 * ld, net->back_h, ld, NULL, s->dh);
        backward(net, rows, 3 * ld, gates, 4 * ld, net->back_input, net->weight_ld, NULL, s->dw);
    }
}

static void add_weight_gradients(fit_shard *s, const fit_net *net, size_t record, size_t records)
{
    const size_t ld = net->unit_ld;
    const float *x = s->x + record * net->x_ld;
    if (net->shape.is_recurrent) {
        const float *gates = s->gates + record * 4 * ld;
        const size_t to_h = 1 + net->shape.n_inputs;
        add_weight_gradient(s, net, FIT_GRU_RZ, records, x, net->x_ld, gates + ld, 4 * ld);
        add_weight_gradient(s, net, FIT_GRU_NI, records, x, net->x_ld, gates, 4 * ld);
        add_weight_gradient(s, net, FIT_GRU_NH, records, x + to_h, net->x_ld, gates + 3 * ld,
                            4 * ld);
    }
    for (uint32_t i = 0; i <= net->shape.n_layers; i++) {
        const bool sees_x = i == 0 && !net->shape.is_recurrent;
        add_weight_gradient(
            s, net, FIT_GRU + (int)i, records, sees_x ? x : s->a[i] + record * net->a_ld,
            sees_x ? net->x_ld : net->a_ld, s->delta[i], net->matrix[FIT_GRU + i].columns);
    }
}

/* Trials from..to-1 of every animal that has them. */
static void run_chunk(fit_shard *s, const fit_net *net, size_t from, size_t to)
{
    const size_t ld = net->unit_ld;
    const float *h = s->h;
    size_t h_ld = ld;
    size_t rows = s->n_rows;
    s->first[0] = 0;
    for (size_t t = from; t < to; t++) {
        const size_t record = s->first[t - from];
        while (s->animals[rows - 1].n_trials <= t) {
            rows--;
        }
        step_forward(s, net, t, rows, record, h, h_ld);
        s->first[t - from + 1] = record + rows;
        if (net->shape.is_recurrent) {
            h = s->a[0] + record * net->a_ld;
            h_ld = net->a_ld;
        }
    }
    for (size_t row = 0; net->shape.is_recurrent && row < rows; row++) {
        memcpy(s->h + row * ld, h + row * h_ld, ld * sizeof(float));
    }
    memset(s->dw, 0, s->n_rows * net->weight_ld * sizeof(float));
    memset(s->dh, 0, s->n_rows * ld * sizeof(float));
    for (size_t end = to; end > from;) {
        const size_t begin = end - from > FIT_BLOCK_TRIALS ? end - FIT_BLOCK_TRIALS : from;
        const size_t record = s->first[begin - from];
        for (size_t t = end; t-- > begin;) {
            const size_t at = s->first[t - from];
            step_back(s, net, t, s->first[t - from + 1] - at, at, at - record);
        }
        add_weight_gradients(s, net, record, s->first[end - from] - record);
        end = begin;
    }
}

void fit_shard_run(fit_shard *s, const fit_net *net, size_t truncation)
{
    const size_t longest = s->n_rows > 0 ? s->animals[0].n_trials : 0;
    memset(s->w, 0, s->n_rows * net->shape.n_outputs * sizeof(double));
    memset(s->h, 0, s->n_rows * net->unit_ld * sizeof(float));
    memset(s->gradient, 0, net->n_packed * sizeof(float));
    memset(s->scale_gradient, 0, sizeof s->scale_gradient);
    s->loss = 0.0;
    for (size_t from = 0; from < longest; from += truncation) {
        const size_t to = longest - from > truncation ? from + truncation : longest;
        run_chunk(s, net, from, to);
    }
}
