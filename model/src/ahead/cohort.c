#include "model/cohort.h"

#include <math.h>
#include <string.h>

#include "arena.h"
#include "cohort_kernel.h"
#include "gemm_kernel.h"
#include "model/random.h"
#include "net_packed.h"

/* Units are rows and animals columns, so that what is done animal by animal runs over lanes too.
 * A matrix is (out, 1 + in): the bias stands first and is multiplied by a row of ones. */
typedef struct {
    size_t n_out;
    size_t n_in;
    float *values;
} cohort_matrix;

/* Rows of scratch: [1, inputs, h], [1, a], [1, b], the four sums of the gates. */
typedef struct {
    cohort_row *input;
    cohort_row *layer[2];
    cohort_row *sums;
    cohort_row *zeros;
} cohort_scratch;

struct model_cohort {
    model_params params;
    const cohort_kernel *kernel;
    const gemm_kernel *products;
    size_t n;
    size_t n_blocks;
    size_t capacity;
    model_net_shape shape; /* n_hidden 0: no net */
    cohort_motion motion;
    double session_sd[MODEL_WEIGHTS_MAX];
    cohort_matrix gate_rz;
    cohort_matrix gate_ni;
    cohort_matrix gate_nh;
    cohort_matrix layers[MODEL_LAYERS_MAX + 1];
    cohort_scratch scratch;
    cohort_block *blocks;
    cohort_row *h; /* (n_blocks, n_hidden) */
};

static cohort_matrix take_matrix(arena *a, size_t n_out, size_t n_in)
{
    return (cohort_matrix){n_out, n_in, arena_floats(a, n_out * (1 + n_in))};
}

static void place_net(model_cohort *cohort, arena *a)
{
    const size_t n_in = cohort->shape.n_inputs;
    const size_t h = cohort->shape.n_hidden;
    if (cohort->shape.is_recurrent) {
        cohort->gate_rz = take_matrix(a, 2 * h, n_in + h);
        cohort->gate_ni = take_matrix(a, h, n_in);
        cohort->gate_nh = take_matrix(a, h, h);
    }
    for (uint32_t i = 0; i <= cohort->shape.n_layers; i++) {
        cohort->layers[i] = take_matrix(a, model_net_layer_outputs(&cohort->shape, i),
                                        model_net_layer_inputs(&cohort->shape, i));
    }
}

static void place(model_cohort *cohort, arena *a)
{
    const size_t rows = cohort->params.policy.n;
    const size_t h = cohort->shape.n_hidden;
    const size_t wide = h > rows ? h : rows;
    if (h > 0) {
        place_net(cohort, a);
    }
    cohort->scratch.input = arena_take(a, (1 + MODEL_NET_INPUTS_MAX + 1 + h) * sizeof(cohort_row));
    cohort->scratch.layer[0] = arena_take(a, (1 + wide) * sizeof(cohort_row));
    cohort->scratch.layer[1] = arena_take(a, (1 + wide) * sizeof(cohort_row));
    cohort->scratch.sums = arena_take(a, 4 * h * sizeof(cohort_row));
    cohort->scratch.zeros = arena_take(a, sizeof(cohort_row));
    cohort->blocks = arena_take(a, cohort->n_blocks * sizeof(cohort_block));
    cohort->h = arena_take(a, cohort->n_blocks * h * sizeof(cohort_row));
}

static bool describe(model_cohort *cohort, const model_params *params, size_t n)
{
    memset(cohort, 0, sizeof *cohort);
    if (n < 1 || n > MODEL_COHORT_MAX || model_params_check_animal(params) != MODEL_OK) {
        return false;
    }
    cohort->params = *params;
    cohort->n = n;
    cohort->capacity = n;
    cohort->n_blocks = (n + COHORT_LANES - 1) / COHORT_LANES;
    if (model_rule_of(params->rule.kind)->has_net) {
        cohort->shape = *model_net_shape_of(params->rule.net);
    }
    return true;
}

size_t model_cohort_size(const model_params *params, size_t n)
{
    model_cohort cohort;
    arena count = {0};
    if (!describe(&cohort, params, n)) {
        return 0;
    }
    (void)arena_take(&count, sizeof cohort);
    place(&cohort, &count);
    return count.used;
}

/* Columns from..from + n_out of a packed matrix (n_in, ld) as rows of ours. */
static void unpack(const cohort_matrix *m, size_t row, size_t n_out, size_t in, size_t n_in,
                   const float packed[], size_t ld)
{
    for (size_t o = 0; o < n_out; o++) {
        for (size_t i = 0; i < n_in; i++) {
            m->values[(row + o) * (1 + m->n_in) + 1 + in + i] = packed[i * ld + o];
        }
    }
}

static void unpack_bias(const cohort_matrix *m, size_t row, size_t n_out, const float bias[])
{
    for (size_t o = 0; o < n_out; o++) {
        m->values[(row + o) * (1 + m->n_in)] = bias[o];
    }
}

static void unpack_net(model_cohort *cohort, const model_net *net)
{
    const size_t n = net->shape.n_inputs;
    const size_t h = net->shape.n_hidden;
    const size_t ld = net->hidden_ld;
    for (size_t gate = 0; net->shape.is_recurrent && gate < 2; gate++) {
        unpack(&cohort->gate_rz, gate * h, h, 0, n + h, net->rz_weight + gate * ld, 2 * ld);
        unpack_bias(&cohort->gate_rz, gate * h, h, net->rz_bias + gate * ld);
    }
    if (net->shape.is_recurrent) {
        unpack(&cohort->gate_ni, 0, h, 0, n, net->ni_weight, ld);
        unpack_bias(&cohort->gate_ni, 0, h, net->ni_bias);
        unpack(&cohort->gate_nh, 0, h, 0, h, net->nh_weight, ld);
        unpack_bias(&cohort->gate_nh, 0, h, net->nh_bias);
    }
    for (uint32_t i = 0; i <= net->shape.n_layers; i++) {
        const cohort_matrix *m = &cohort->layers[i];
        const size_t layer_ld = i == net->shape.n_layers ? net->outputs_ld : ld;
        unpack(m, 0, m->n_out, 0, m->n_in, net->weight[i], layer_ld);
        unpack_bias(m, 0, m->n_out, net->bias[i]);
    }
    memcpy(cohort->motion.scale, net->scale, net->shape.n_outputs * sizeof(float));
}

static void ones(cohort_row *row)
{
    for (size_t i = 0; i < COHORT_LANES; i++) {
        (*row)[i] = 1.0F;
    }
}

int model_cohort_init(void *mem, size_t mem_size, const model_params *params, size_t n,
                      model_cohort **out)
{
    const size_t size = model_cohort_size(params, n);
    if (size == 0) {
        return MODEL_ERR_ARG;
    }
    if (mem_size < size) {
        return MODEL_ERR_SPACE;
    }
    memset(mem, 0, size);
    arena a = {.base = mem};
    model_cohort *cohort = arena_take(&a, sizeof *cohort);
    (void)describe(cohort, params, n);
    cohort->kernel = cohort_kernel_at(0);
    cohort->products = gemm_kernel_at(0);
    place(cohort, &a);
    for (size_t i = 0; i < MODEL_WEIGHTS_MAX; i++) {
        cohort->motion.scale[i] = 1.0F;
    }
    if (cohort->shape.n_hidden > 0) {
        unpack_net(cohort, params->rule.net);
    }
    ones(cohort->scratch.input);
    ones(cohort->scratch.layer[0]);
    ones(cohort->scratch.layer[1]);
    model_cohort_set_noise(cohort, params->noise.drift_var, params->noise.session_var);
    for (size_t i = 0; i < n; i++) {
        model_cohort_found(cohort, i, 0, i);
    }
    *out = cohort;
    return MODEL_OK;
}

void model_cohort_set_count(model_cohort *cohort, size_t n)
{
    if (n >= 1 && n <= cohort->capacity) {
        cohort->n = n;
        cohort->n_blocks = (n + COHORT_LANES - 1) / COHORT_LANES;
    }
}

void model_cohort_set_noise(model_cohort *cohort, const double drift_var[],
                            const double session_var[])
{
    for (size_t k = 0; k < cohort->params.policy.n; k++) {
        cohort->motion.drift_sd[k] = (float)sqrt(drift_var[k]);
        cohort->session_sd[k] = sqrt(session_var[k]);
    }
}

void model_cohort_set_reversion(model_cohort *cohort, const double rate[])
{
    for (size_t k = 0; k < cohort->params.policy.n; k++) {
        cohort->motion.rate[k] = (float)rate[k];
    }
}

void model_cohort_set_anchor(model_cohort *cohort, size_t i, const double anchor[])
{
    cohort_block *block = &cohort->blocks[i / COHORT_LANES];
    for (size_t k = 0; k < cohort->params.policy.n; k++) {
        block->anchor[k][i % COHORT_LANES] = (float)anchor[k];
    }
}

void model_cohort_set_pace(model_cohort *cohort, size_t i, double pace)
{
    cohort->blocks[i / COHORT_LANES].pace[i % COHORT_LANES] = (float)pace;
}

static void seed_lane(cohort_random *r, size_t lane, uint64_t seed, uint64_t stream)
{
    model_random start;
    model_random_seed(&start, seed, stream);
    for (size_t j = 0; j < 4; j++) {
        r->s[j][lane] = (uint32_t)(start.s[j] >> 32);
    }
    r->s[0][lane] |= (r->s[1][lane] | r->s[2][lane] | r->s[3][lane]) == 0;
}

/* Standard normal numbers of one animal, from the stream that its drift comes from. */
static void draw_normals(const model_cohort *cohort, cohort_block *block, size_t lane, size_t n,
                         double out[])
{
    uint32_t mask[COHORT_LANES] = {0};
    cohort_row pair[2];
    mask[lane] = ~UINT32_C(0);
    for (size_t k = 0; k < n; k++) {
        if (k % 2 == 0) {
            cohort->kernel->normal(&block->noise, mask, pair[0], pair[1]);
        }
        out[k] = (double)pair[k % 2][lane];
    }
}

static void reset_history(cohort_block *block, size_t lane)
{
    block->last_stimulus[lane] = 0.0F;
    block->last_choice[lane] = 0.0F;
    block->last_reward[lane] = 0.0F;
    block->choice_trace[lane] = 0.0F;
    block->is_start[lane] = 1.0F;
    block->n_session[lane] = 0.0F;
}

static cohort_row *hidden(const model_cohort *cohort, size_t block)
{
    return cohort->h + block * cohort->shape.n_hidden;
}

/* A new animal: its streams, nothing learned, all weights 0. */
static cohort_block *empty(model_cohort *cohort, size_t i, uint64_t seed, uint64_t number)
{
    cohort_block *block = &cohort->blocks[i / COHORT_LANES];
    const size_t lane = i % COHORT_LANES;
    seed_lane(&block->choices, lane, seed, 2 * number);
    seed_lane(&block->noise, lane, seed, 2 * number + 1);
    for (size_t k = 0; k < cohort->params.policy.n; k++) {
        block->w[k][lane] = 0.0;
        block->offset[k][lane] = 0.0F;
        block->trace[k][lane] = 0.0F;
        block->anchor[k][lane] = 0.0F;
    }
    block->memory[lane] = 0.0F;
    block->pace[lane] = 1.0F;
    for (size_t u = 0; u < cohort->shape.n_hidden; u++) {
        hidden(cohort, i / COHORT_LANES)[u][lane] = 0.0F;
    }
    reset_history(block, lane);
    block->n_training[lane] = 0.0F;
    return block;
}

void model_cohort_found(model_cohort *cohort, size_t i, uint64_t seed, uint64_t number)
{
    const size_t n = cohort->params.policy.n;
    const size_t lane = i % COHORT_LANES;
    double z[MODEL_WEIGHTS_MAX];
    cohort_block *block = empty(cohort, i, seed, number);
    draw_normals(cohort, block, lane, n, z);
    for (size_t k = 0; k < n; k++) {
        block->w[k][lane] =
            cohort->params.noise.prior_mean[k] + sqrt(cohort->params.noise.prior_var[k]) * z[k];
    }
}

/* w + L z with L L' = P; a pivot that rounding left below 0 counts as 0. */
static void draw_posterior(size_t n, const double w[], const double P[], const double z[],
                           double out[])
{
    double L[MODEL_WEIGHTS_MAX * MODEL_WEIGHTS_MAX] = {0.0};
    for (size_t i = 0; i < n; i++) {
        out[i] = w[i];
        for (size_t j = 0; j <= i; j++) {
            double sum = P[i * n + j];
            for (size_t k = 0; k < j; k++) {
                sum -= L[i * n + k] * L[j * n + k];
            }
            if (i == j) {
                L[i * n + i] = sqrt(fmax(sum, 0.0));
            } else {
                L[i * n + j] = L[j * n + j] > 0.0 ? sum / L[j * n + j] : 0.0;
            }
            out[i] += L[i * n + j] * z[j];
        }
    }
}

void model_cohort_enter(model_cohort *cohort, size_t i, const model_member *twin, uint64_t seed,
                        uint64_t number)
{
    const size_t n = cohort->params.policy.n;
    const size_t lane = i % COHORT_LANES;
    double z[MODEL_WEIGHTS_MAX];
    double w[MODEL_WEIGHTS_MAX];
    cohort_block *block = empty(cohort, i, seed, number);
    draw_normals(cohort, block, lane, n, z);
    draw_posterior(n, twin->w, twin->P, z, w);
    for (size_t k = 0; k < n; k++) {
        block->w[k][lane] = w[k];
        block->offset[k][lane] = (float)twin->rule.offset[k];
        block->trace[k][lane] = (float)twin->rule.trace[k];
    }
    block->memory[lane] = twin->rule.h[0];
    for (size_t u = 0; u < cohort->shape.n_hidden; u++) {
        hidden(cohort, i / COHORT_LANES)[u][lane] = twin->rule.h[u];
    }
    block->last_stimulus[lane] = (float)twin->history.stimulus;
    block->last_choice[lane] = (float)twin->history.choice;
    block->last_reward[lane] = (float)twin->history.reward;
    block->choice_trace[lane] = (float)twin->history.trace;
    block->is_start[lane] = twin->at_session_start ? 1.0F : 0.0F;
    block->n_session[lane] = (float)twin->n_session;
    block->n_training[lane] = (float)twin->n_trials;
}

void model_cohort_start_session(model_cohort *cohort, size_t i)
{
    const size_t n = cohort->params.policy.n;
    const size_t lane = i % COHORT_LANES;
    double z[MODEL_WEIGHTS_MAX];
    cohort_block *block = &cohort->blocks[i / COHORT_LANES];
    draw_normals(cohort, block, lane, n, z);
    for (size_t k = 0; k < n; k++) {
        block->w[k][lane] += cohort->session_sd[k] * z[k];
    }
    reset_history(block, lane);
}

static size_t lanes_of(const model_cohort *cohort, size_t block)
{
    const size_t left = cohort->n - block * COHORT_LANES;
    return left < COHORT_LANES ? left : COHORT_LANES;
}

void model_cohort_choose(model_cohort *cohort, const float contrast[], const uint8_t active[],
                         uint8_t chose_right[], float p_right[])
{
    for (size_t b = 0; b < cohort->n_blocks; b++) {
        const size_t from = b * COHORT_LANES;
        const size_t lanes = lanes_of(cohort, b);
        cohort_row shown = {0.0F};
        cohort_row p;
        uint32_t mask[COHORT_LANES] = {0};
        uint8_t chose[COHORT_LANES] = {0};
        memcpy(shown, contrast + from, lanes * sizeof(float));
        for (size_t i = 0; i < lanes; i++) {
            mask[i] = active == NULL || active[from + i] != 0 ? ~UINT32_C(0) : 0;
        }
        cohort->kernel->predict(&cohort->params.policy, &cohort->blocks[b], shown, p);
        memcpy(chose, chose_right + from, lanes);
        cohort->kernel->choose(&cohort->blocks[b].choices, mask, p, chose);
        memcpy(chose_right + from, chose, lanes);
        for (size_t i = 0; p_right != NULL && i < lanes; i++) {
            p_right[from + i] = mask[i] != 0 ? p[i] : p_right[from + i];
        }
    }
}

/* out (n_out, lanes) = W [1, in], then max(0, .); in points to the row of ones. */
static void multiply(const model_cohort *cohort, const cohort_matrix *m, cohort_row *in,
                     cohort_row *out, bool rectify)
{
    const gemm_product p = {.rows = m->n_out,
                            .columns = COHORT_LANES,
                            .depth = 1 + m->n_in,
                            .x = m->values,
                            .x_row = 1 + m->n_in,
                            .x_step = 1,
                            .w = in[0],
                            .w_row = COHORT_LANES,
                            .bias = cohort->scratch.zeros[0],
                            .out = out[0],
                            .out_row = COHORT_LANES,
                            .rectify = rectify};
    cohort->products->product(&p);
}

/* The new h of a block, from the inputs in scratch. */
static void step_gru(model_cohort *cohort, size_t b, const cohort_trial *trial)
{
    const cohort_scratch *s = &cohort->scratch;
    const size_t units = cohort->shape.n_hidden;
    cohort_row *h = hidden(cohort, b);
    memcpy(s->input + 1 + cohort->shape.n_inputs, h, units * sizeof(cohort_row));
    memcpy(s->layer[0] + 1, h, units * sizeof(cohort_row));
    multiply(cohort, &cohort->gate_ni, s->input, s->sums, false);
    multiply(cohort, &cohort->gate_rz, s->input, s->sums + units, false);
    multiply(cohort, &cohort->gate_nh, s->layer[0], s->sums + 3 * units, false);
    cohort->kernel->gates(units * COHORT_LANES, s->sums[0], trial->mask, h[0]);
}

/* Returns (k, lanes) before they are scaled. */
static cohort_row *step_net(model_cohort *cohort, size_t b, const cohort_trial *trial)
{
    const cohort_scratch *s = &cohort->scratch;
    cohort_row *in = s->input;
    cohort->kernel->fill(model_rule_of(cohort->params.rule.kind)->n_inputs, cohort->params.policy.n,
                         &cohort->blocks[b], trial, in + 1);
    if (cohort->shape.is_recurrent) {
        step_gru(cohort, b, trial);
        memcpy(s->layer[1] + 1, hidden(cohort, b), cohort->shape.n_hidden * sizeof(cohort_row));
        in = s->layer[1];
    }
    for (uint32_t i = 0; i <= cohort->shape.n_layers; i++) {
        cohort_row *out = s->layer[i % 2];
        multiply(cohort, &cohort->layers[i], in, out + 1, i < cohort->shape.n_layers);
        in = out;
    }
    return in + 1;
}

size_t model_cohort_learn(model_cohort *cohort, const model_cohort_trials *trials)
{
    const model_params *params = &cohort->params;
    const model_rule_traits *rule = model_rule_of(params->rule.kind);
    size_t n_still = 0;
    for (size_t b = 0; b < cohort->n_blocks; b++) {
        cohort_block *block = &cohort->blocks[b];
        cohort_trial trial;
        cohort_row *dw = cohort->scratch.layer[0] + 1;
        cohort->kernel->load(params->policy.transform, trials, b * COHORT_LANES,
                             lanes_of(cohort, b), &trial);
        if (rule->has_net) {
            dw = step_net(cohort, b, &trial);
        }
        if (!rule->has_net || rule->is_gain) {
            cohort->kernel->step(&params->rule, &params->policy, block, &trial, dw);
        }
        n_still += cohort->kernel->finish(&params->policy, rule->sets_offset, &cohort->motion, dw,
                                          block, &trial);
    }
    return n_still;
}

void model_cohort_weights(const model_cohort *cohort, size_t i, double w[])
{
    const cohort_block *block = &cohort->blocks[i / COHORT_LANES];
    const size_t lane = i % COHORT_LANES;
    for (size_t k = 0; k < cohort->params.policy.n; k++) {
        w[k] = block->w[k][lane] + (double)block->offset[k][lane];
    }
}
