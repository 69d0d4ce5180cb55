#include "fit_shard.h"

#include <math.h>
#include <string.h>

#include "fit_step.h"

/* The constants of the records are written once: nothing else writes to their places. */
static void fill_constants(fit_shard *shard, const fit_net *net, size_t records)
{
    for (size_t r = 0; r < records; r++) {
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

static void init_net(fit_shard *shard, const fit_net *net, size_t records, arena *a)
{
    const size_t rows = shard->n_rows;
    shard->h = arena_floats(a, rows * net->unit_ld);
    shard->dh = arena_floats(a, rows * net->unit_ld);
    shard->x = arena_floats(a, records * net->x_ld);
    shard->out = arena_floats(a, records * net->weight_ld);
    shard->gradient = arena_floats(a, net->n_packed);
    if (net->shape.is_recurrent) {
        shard->gates = arena_floats(a, records * 4 * net->unit_ld);
        shard->a[0] = arena_floats(a, records * net->a_ld);
    }
    for (uint32_t i = 0; i <= net->shape.n_layers; i++) {
        const size_t columns = net->matrix[FIT_GRU + i].columns;
        shard->delta[i] = arena_floats(a, rows * FIT_BLOCK_TRIALS * columns);
        if (i > 0) {
            shard->a[i] = arena_floats(a, records * net->a_ld);
        }
    }
    if (a->base != NULL) {
        fill_constants(shard, net, records);
    }
}

void fit_shard_init(fit_shard *shard, const fit_plan *plan, arena *a)
{
    const fit_net *net = &plan->net;
    const size_t rows = shard->n_rows;
    const size_t records = rows * plan->truncation;
    shard->animals = arena_take(a, rows * sizeof(shard->animals[0]));
    shard->belief = arena_take(a, rows * sizeof(shard->belief[0]));
    shard->first = arena_take(a, (plan->truncation + 1) * sizeof(size_t));
    shard->dw = arena_floats(a, rows * fit_pad(plan->n_weights));
    shard->error = arena_floats(a, records);
    if (plan->in_filter) {
        shard->by_belief = arena_take(a, rows * sizeof(shard->by_belief[0]));
        shard->filter = arena_take(a, records * sizeof(shard->filter[0]));
    }
    if (plan->has_net) {
        init_net(shard, net, records, a);
    }
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

static void fill_x(fit_shard *s, const fit_plan *plan, size_t trial, size_t rows, float x[],
                   const float h[], size_t h_ld)
{
    const fit_net *net = &plan->net;
    for (size_t row = 0; row < rows; row++) {
        float *to = x + row * net->x_ld + 1;
        for (size_t k = 0; k < plan->n_weights; k++) {
            to[k] = (float)s->belief[row].w[k];
        }
        memcpy(to + plan->n_weights, s->animals[row].x + trial * plan->n_inputs,
               plan->n_inputs * sizeof(float));
        if (net->shape.is_recurrent) {
            memcpy(to + net->shape.n_inputs, h + row * h_ld, net->unit_ld * sizeof(float));
        }
    }
}

static void step_net(fit_shard *s, const fit_plan *plan, size_t trial, size_t rows, size_t record,
                     const float h[], size_t h_ld)
{
    const fit_net *net = &plan->net;
    const size_t n = net->shape.n_inputs;
    const size_t ld = net->unit_ld;
    float *x = s->x + record * net->x_ld;
    fill_x(s, plan, trial, rows, x, h, h_ld);
    const float *input = x + 1;
    size_t input_ld = net->x_ld;
    if (net->shape.is_recurrent) {
        float *gates = s->gates + record * 4 * ld;
        float *a = s->a[0] + record * net->a_ld;
        fit_net_forward(net, FIT_GRU_RZ, rows, x + 1, net->x_ld, gates + ld, 4 * ld, false);
        fit_net_forward(net, FIT_GRU_NI, rows, x + 1, net->x_ld, gates, 4 * ld, false);
        fit_net_forward(net, FIT_GRU_NH, rows, x + 1 + n, net->x_ld, gates + 3 * ld, 4 * ld, false);
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
        fit_net_forward(net, FIT_GRU + (int)i, rows, input, input_ld, to, to_ld, !is_last);
        input = to;
        input_ld = to_ld;
    }
}

/* No step before the first trial: the net's output is 0, and h is 0 or what the animal starts from.
 */
static void undo_step(fit_shard *s, const fit_net *net, size_t rows, size_t record)
{
    memset(s->out + record * net->weight_ld, 0, rows * net->weight_ld * sizeof(float));
    for (size_t row = 0; net->shape.is_recurrent && row < rows; row++) {
        const model_member *from = s->animals[row].start;
        float *h = s->a[0] + (record + row) * net->a_ld;
        memset(h, 0, net->unit_ld * sizeof(float));
        if (from != NULL) {
            memcpy(h, from->rule.h, net->shape.n_hidden * sizeof(float));
        }
    }
}

/* Open loop: the loss of a trial; its derivative by the logit goes to *error. */
static double move_open_loop(const fit_plan *plan, const fit_filter_trial *t, const double said[],
                             fit_belief *b, float *error)
{
    const size_t n = plan->n_weights;
    const float *g = t->animal->g + t->number * n;
    const model_rule_traits *traits = model_rule_of(plan->params.rule.kind);
    double dw[MODEL_WEIGHTS_MAX];
    double logit = 0.0;
    memcpy(dw, said, n * sizeof dw[0]);
    if (traits->is_gain && t->number > 0) {
        double last[MODEL_WEIGHTS_MAX];
        double u[MODEL_WEIGHTS_MAX];
        const model_rule_trial trial = fit_filter_last_trial(t, n, last);
        const rule_rates gains = fit_filter_rates(&plan->params.rule, said);
        rule_ops_step(&gains, n, b->w, last, &trial, b->trace, dw, u);
    }
    for (size_t k = 0; k < n; k++) {
        b->w[k] += traits->sets_offset ? 0.0 : dw[k];
        logit += (traits->sets_offset ? dw[k] : b->w[k]) * (double)g[k];
    }
    return take_up_choice(logit, t->animal->chose_right[t->number] != 0, error);
}

/* What the net said on a trial. */
static void recall_said(const fit_shard *s, const fit_plan *plan, size_t record, double said[])
{
    const float *out = s->out + record * plan->net.weight_ld;
    for (size_t k = 0; k < plan->n_weights; k++) {
        said[k] = (double)(plan->net.scale[k] * out[k]);
    }
}

static void take_trial(fit_shard *s, const fit_plan *plan, size_t trial, size_t row, size_t record)
{
    double said[MODEL_WEIGHTS_MAX] = {0.0};
    const model_fit_animal *animal = &s->animals[row];
    const fit_filter_trial t = {animal, trial, plan->n_inputs};
    if (plan->has_net) {
        recall_said(s, plan, record, said);
    }
    if (plan->in_filter && trial == 0 && animal->start != NULL) {
        memcpy(said, animal->start->rule.offset, plan->n_weights * sizeof said[0]);
    }
    if (plan->in_filter) {
        s->loss += fit_filter_forward(&plan->params, &t, said, &s->belief[row], &s->filter[record]);
    } else {
        s->loss += move_open_loop(plan, &t, said, &s->belief[row], &s->error[record]);
    }
}

/* Open loop: by_said[n], derivatives by the step, become those by the gains that it was made with;
 * dw[n] those by the weights before it, which stand in the net's input. */
static void back_gains(const fit_shard *s, const fit_plan *plan, const fit_filter_trial *t,
                       size_t record, float dw[], double by_said[])
{
    const size_t n = plan->n_weights;
    const float *in = s->x + record * plan->net.x_ld + 1;
    double gain[MODEL_WEIGHTS_MAX];
    double w[MODEL_WEIGHTS_MAX];
    double g[MODEL_WEIGHTS_MAX];
    double by_w[MODEL_WEIGHTS_MAX];
    double trace[MODEL_WEIGHTS_MAX] = {0.0};
    double by_trace[MODEL_WEIGHTS_MAX] = {0.0};
    fit_step_derivatives by = {.u = {0.0}};
    const model_rule_trial trial = fit_filter_last_trial(t, n, g);
    recall_said(s, plan, record, gain);
    for (size_t k = 0; k < n; k++) {
        w[k] = (double)in[k];
        by_w[k] = (double)dw[k];
        by.dw[k] = by_said[k];
    }
    const fit_step step = {fit_filter_rates(&plan->params.rule, gain), n, w, trace, g, &trial};
    fit_step_backward(&step, &by, by_w, by_trace);
    for (size_t k = 0; k < n; k++) {
        dw[k] = (float)by_w[k];
        by_said[k] = by.rate[k];
    }
}

/* dw becomes the derivatives by the weights before the trial, by_said those by what the net said.
 */
static void back_trial(fit_shard *s, const fit_plan *plan, size_t trial, size_t row, size_t record,
                       double by_said[])
{
    const model_fit_animal *animal = &s->animals[row];
    const model_rule_traits *traits = model_rule_of(plan->params.rule.kind);
    const fit_filter_trial t = {animal, trial, plan->n_inputs};
    float *dw = s->dw + row * fit_pad(plan->n_weights);
    if (plan->in_filter) {
        fit_belief *d = &s->by_belief[row];
        for (size_t k = 0; k < plan->n_weights; k++) {
            d->w[k] = (double)dw[k];
        }
        fit_filter_backward(&plan->params, &t, &s->filter[record], d, by_said, s->filter_gradient);
        for (size_t k = 0; k < plan->n_weights; k++) {
            dw[k] = (float)d->w[k];
        }
        return;
    }
    for (size_t k = 0; k < plan->n_weights; k++) {
        const float by_logit = s->error[record] * animal->g[trial * plan->n_weights + k];
        dw[k] += traits->sets_offset ? 0.0F : by_logit;
        by_said[k] = (double)(traits->sets_offset ? by_logit : dw[k]);
    }
    if (traits->is_gain && trial > 0) {
        back_gains(s, plan, &t, record, dw, by_said);
    }
}

/* The net's first delta is set: back through its layers and gates, to h and w. */
static void back_net(fit_shard *s, const fit_net *net, size_t rows, size_t record,
                     size_t delta_record)
{
    const size_t ld = net->unit_ld;
    for (uint32_t i = net->shape.n_layers; i > 0; i--) {
        const size_t delta_ld = net->matrix[FIT_GRU + i].columns;
        float *to = s->delta[i - 1] + delta_record * ld;
        fit_net_backward(net, rows, model_net_layer_outputs(&net->shape, i),
                         s->delta[i] + delta_record * delta_ld, delta_ld, net->back_layer[i], ld,
                         net->zeros, to);
        for (size_t row = 0; row < rows; row++) {
            net->kernel->rectify_back(ld, s->a[i] + (record + row) * net->a_ld, to + row * ld);
        }
    }
    fit_net_backward(net, rows, net->shape.n_hidden, s->delta[0] + delta_record * ld, ld,
                     net->back_layer[0], fit_net_back_columns(net, 0), NULL,
                     net->shape.is_recurrent ? s->dh : s->dw);
    if (net->shape.is_recurrent) {
        float *gates = s->gates + record * 4 * ld;
        for (size_t row = 0; row < rows; row++) {
            const float *x = s->x + (record + row) * net->x_ld;
            net->kernel->gates_back(ld, gates + row * 4 * ld, x + 1 + net->shape.n_inputs,
                                    s->dh + row * ld);
        }
        fit_net_backward(net, rows, 3 * ld, gates + ld, 4 * ld, net->back_h, ld, NULL, s->dh);
        fit_net_backward(net, rows, 3 * ld, gates, 4 * ld, net->back_input, net->weight_ld, NULL,
                         s->dw);
    }
}

/* The step that was undone leaves no derivatives. */
static void skip_net(fit_shard *s, const fit_net *net, size_t rows, size_t record,
                     size_t delta_record)
{
    for (uint32_t i = 0; i <= net->shape.n_layers; i++) {
        const size_t delta_ld = net->matrix[FIT_GRU + i].columns;
        memset(s->delta[i] + delta_record * delta_ld, 0, rows * delta_ld * sizeof(float));
    }
    if (net->shape.is_recurrent) {
        memset(s->gates + record * 4 * net->unit_ld, 0, rows * 4 * net->unit_ld * sizeof(float));
    }
}

static void step_back(fit_shard *s, const fit_plan *plan, size_t trial, size_t rows, size_t record,
                      size_t delta_record)
{
    const fit_net *net = &plan->net;
    const uint32_t last = net->shape.n_layers;
    for (size_t row = 0; row < rows; row++) {
        double by_said[MODEL_WEIGHTS_MAX] = {0.0};
        back_trial(s, plan, trial, row, record + row, by_said);
        if (!plan->has_net) {
            continue;
        }
        const float *out = s->out + (record + row) * net->weight_ld;
        float *delta = s->delta[last] + (delta_record + row) * net->weight_ld;
        memset(delta, 0, net->weight_ld * sizeof(float));
        for (size_t k = 0; k < plan->n_weights; k++) {
            delta[k] = (float)by_said[k] * net->scale[k];
            s->scale_gradient[k] += by_said[k] * (double)out[k];
        }
    }
    if (plan->has_net && plan->stands_first && trial == 0) {
        skip_net(s, net, rows, record, delta_record);
    } else if (plan->has_net) {
        back_net(s, net, rows, record, delta_record);
    }
}

static void add_weight_gradients(fit_shard *s, const fit_net *net, size_t record, size_t records)
{
    const size_t ld = net->unit_ld;
    const float *x = s->x + record * net->x_ld;
    if (net->shape.is_recurrent) {
        const float *gates = s->gates + record * 4 * ld;
        const size_t to_h = 1 + net->shape.n_inputs;
        fit_net_add_gradient(net, FIT_GRU_RZ, records, x, net->x_ld, gates + ld, 4 * ld,
                             s->gradient);
        fit_net_add_gradient(net, FIT_GRU_NI, records, x, net->x_ld, gates, 4 * ld, s->gradient);
        fit_net_add_gradient(net, FIT_GRU_NH, records, x + to_h, net->x_ld, gates + 3 * ld, 4 * ld,
                             s->gradient);
    }
    for (uint32_t i = 0; i <= net->shape.n_layers; i++) {
        const bool sees_x = i == 0 && !net->shape.is_recurrent;
        fit_net_add_gradient(net, FIT_GRU + (int)i, records,
                             sees_x ? x : s->a[i] + record * net->a_ld,
                             sees_x ? net->x_ld : net->a_ld, s->delta[i],
                             net->matrix[FIT_GRU + i].columns, s->gradient);
    }
}

/* Trials from..to-1 of every animal that has them, forward. */
static void run_forward(fit_shard *s, const fit_plan *plan, size_t from, size_t to)
{
    const fit_net *net = &plan->net;
    const float *h = s->h;
    size_t h_ld = net->unit_ld;
    size_t rows = s->n_rows;
    s->first[0] = 0;
    for (size_t t = from; t < to; t++) {
        const size_t record = s->first[t - from];
        while (s->animals[rows - 1].n_trials <= t) {
            rows--;
        }
        if (plan->has_net) {
            step_net(s, plan, t, rows, record, h, h_ld);
            if (plan->stands_first && t == 0) {
                undo_step(s, net, rows, record);
            }
            if (net->shape.is_recurrent) {
                h = s->a[0] + record * net->a_ld;
                h_ld = net->a_ld;
            }
        }
        for (size_t row = 0; row < rows; row++) {
            take_trial(s, plan, t, row, record + row);
        }
        s->first[t - from + 1] = record + rows;
    }
    for (size_t row = 0; plan->has_net && net->shape.is_recurrent && row < rows; row++) {
        memcpy(s->h + row * net->unit_ld, h + row * h_ld, net->unit_ld * sizeof(float));
    }
}

static void run_backward(fit_shard *s, const fit_plan *plan, size_t from, size_t to)
{
    memset(s->dw, 0, s->n_rows * fit_pad(plan->n_weights) * sizeof(float));
    if (plan->has_net) {
        memset(s->dh, 0, s->n_rows * plan->net.unit_ld * sizeof(float));
    }
    if (plan->in_filter) {
        memset(s->by_belief, 0, s->n_rows * sizeof(s->by_belief[0]));
    }
    for (size_t end = to; end > from;) {
        const size_t begin = end - from > FIT_BLOCK_TRIALS ? end - FIT_BLOCK_TRIALS : from;
        const size_t record = s->first[begin - from];
        for (size_t t = end; t-- > begin;) {
            const size_t at = s->first[t - from];
            step_back(s, plan, t, s->first[t - from + 1] - at, at, at - record);
        }
        if (plan->has_net) {
            add_weight_gradients(s, &plan->net, record, s->first[end - from] - record);
        }
        end = begin;
    }
    for (size_t row = 0; plan->in_filter && from == 0 && row < s->first[1]; row++) {
        fit_belief *d = &s->by_belief[row];
        for (size_t k = 0; k < plan->n_weights; k++) {
            d->w[k] = (double)s->dw[row * fit_pad(plan->n_weights) + k];
        }
        if (s->animals[row].start == NULL) {
            fit_filter_finish(&plan->params, d, s->filter_gradient);
        }
    }
}

static void start(fit_shard *s, const fit_plan *plan)
{
    for (size_t row = 0; row < s->n_rows; row++) {
        if (plan->in_filter && s->animals[row].start != NULL) {
            fit_filter_go_on(plan->n_weights, s->animals[row].start, &s->belief[row]);
        } else if (plan->in_filter) {
            fit_filter_start(&plan->params, &s->belief[row]);
        } else {
            memset(&s->belief[row], 0, sizeof s->belief[row]);
        }
    }
    if (plan->has_net) {
        memset(s->h, 0, s->n_rows * plan->net.unit_ld * sizeof(float));
        memset(s->gradient, 0, plan->net.n_packed * sizeof(float));
    }
    memset(s->scale_gradient, 0, sizeof s->scale_gradient);
    memset(s->filter_gradient, 0, sizeof s->filter_gradient);
    s->loss = 0.0;
}

void fit_shard_run(fit_shard *s, const fit_plan *plan, bool with_gradients)
{
    const size_t longest = s->n_rows > 0 ? s->animals[0].n_trials : 0;
    start(s, plan);
    for (size_t from = 0; from < longest; from += plan->truncation) {
        const size_t to = longest - from > plan->truncation ? from + plan->truncation : longest;
        run_forward(s, plan, from, to);
        if (with_gradients) {
            run_backward(s, plan, from, to);
        }
    }
}

static void sum_net_gradients(const fit_net *net, size_t n, const fit_shard shards[], double factor,
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

void fit_shard_sum_gradients(const fit_plan *plan, size_t n, const fit_shard shards[],
                             double factor, float gradient[])
{
    size_t at = 0;
    if (plan->has_net) {
        sum_net_gradients(&plan->net, n, shards, factor, gradient);
        at = plan->net.n_values;
    }
    for (size_t i = 0; plan->in_filter && i < FIT_FILTER_KINDS * plan->n_weights; i++) {
        double sum = 0.0;
        for (size_t s = 0; s < n; s++) {
            sum += shards[s].filter_gradient[i];
        }
        gradient[at + i] = (float)(factor * sum);
    }
}
