#include "model/fit.h"

#include <math.h>
#include <string.h>

#include "checks.h"
#include "fit_shard.h"
#include "model/random.h"

struct model_fit {
    model_fit_config config;
    fit_plan plan;
    size_t n_parameters;
    size_t n_trials;
    uint64_t n_steps;
    double loss;
    float *state;       /* parameters, first moments, second moments */
    float *trial_state; /* the next one, until it is known to be finite */
    float *gradient;
    fit_shard shard[MODEL_FIT_SHARDS_MAX]; /* batch by batch */
};

void model_fit_config_init(model_fit_config *config, const model_params *params,
                           const model_net_shape *shape)
{
    *config = (model_fit_config){.params = *params,
                                 .truncation = 500,
                                 .n_batches = 1,
                                 .n_shards = 4,
                                 .rate = 1e-3,
                                 .rate_factor = 0.999,
                                 .rate_every = 5,
                                 .filter_rate = 10.0,
                                 .clip = (double)INFINITY};
    if (shape != NULL) {
        config->shape = *shape;
    }
}

bool model_fit_trains(model_rule_kind kind)
{
    return !model_rule_of(kind)->has_terms;
}

static bool shape_is_valid(const model_fit_config *c)
{
    const model_rule_kind rule = c->params.rule.kind;
    if (!model_rule_of(rule)->has_net) {
        return c->in_filter && model_fit_trains(rule);
    }
    return model_net_size(&c->shape) > 0 && c->shape.n_outputs == c->params.policy.n &&
           c->shape.n_inputs == c->params.policy.n + model_rule_of(rule)->n_inputs &&
           c->shape.is_recurrent == model_rule_of(rule)->is_recurrent;
}

static bool config_is_valid(const model_fit_config *c)
{
    return model_policy_is_valid(&c->params.policy) && shape_is_valid(c) && c->truncation >= 1 &&
           c->truncation <= MODEL_FIT_TRUNCATION_MAX && c->n_shards >= 1 && c->n_batches >= 1 &&
           c->n_shards <= MODEL_FIT_SHARDS_MAX && c->n_batches <= MODEL_FIT_SHARDS_MAX &&
           c->n_shards * c->n_batches <= MODEL_FIT_SHARDS_MAX && c->rate > 0.0 &&
           isfinite(c->rate) && c->rate_factor >= 0.0 && c->rate_factor <= 1.0 &&
           c->rate_every >= 1 && c->filter_rate > 0.0 && isfinite(c->filter_rate) &&
           c->decay >= 0.0 && isfinite(c->decay) && c->clip > 0.0;
}

static size_t count_tensors(const model_fit_config *config)
{
    return model_rule_of(config->params.rule.kind)->has_net
               ? model_net_tensors_count(&config->shape)
               : 0;
}

size_t model_fit_parameters(const model_fit_config *config)
{
    if (!config_is_valid(config)) {
        return 0;
    }
    return count_tensors(config) +
           (config->in_filter ? (size_t)FIT_FILTER_KINDS * config->params.policy.n : 0);
}

/* PyTorch: a linear layer's weights and biases are uniform within 1 / sqrt(inputs), a GRU's within
 * 1 / sqrt(units). Gains are then raised by their scale: they start about where the rates of the
 * classic rules do, and not about 0, where their signs would be drawn. */
static void draw_tensors(const model_net_shape *shape, bool is_gain, uint64_t seed, float values[])
{
    model_random random;
    model_random_seed(&random, seed, 0);
    size_t at = 0;
    for (; at < shape->n_outputs; at++) {
        values[at] = is_gain ? 0x1p-6F : 1e-3F;
    }
    const size_t h = shape->n_hidden;
    const size_t gru = shape->is_recurrent ? 3 * h * (shape->n_inputs + h + 2) : 0;
    for (const size_t end = at + gru; at < end; at++) {
        values[at] = (float)((2.0 * model_random_uniform(&random) - 1.0) / sqrt((double)h));
    }
    for (uint32_t i = 0; i <= shape->n_layers; i++) {
        const size_t n_in = model_net_layer_inputs(shape, i);
        const size_t end = at + (n_in + 1) * model_net_layer_outputs(shape, i);
        for (; at < end; at++) {
            values[at] = (float)((2.0 * model_random_uniform(&random) - 1.0) / sqrt((double)n_in));
        }
    }
    for (size_t i = at - shape->n_outputs; is_gain && i < at; i++) {
        values[i] += 1.0F;
    }
}

void model_fit_draw(const model_fit_config *config, uint64_t seed, float values[])
{
    const size_t n = count_tensors(config);
    if (n > 0) {
        draw_tensors(&config->shape, model_rule_of(config->params.rule.kind)->is_gain, seed,
                     values);
    }
    if (config->in_filter) {
        fit_filter_encode(&config->params, values + n);
    }
}

void model_fit_encode(const model_fit_config *config, const model_net_tensors *tensors,
                      float values[])
{
    if (tensors != NULL && count_tensors(config) > 0) {
        model_net_tensors_copy(&config->shape, tensors, values);
        values += count_tensors(config);
    }
    if (config->in_filter) {
        fit_filter_encode(&config->params, values);
    }
}

void model_fit_decode(const model_fit_config *config, const float values[], model_params *out)
{
    *out = config->params;
    if (config->in_filter) {
        fit_filter_decode(values + count_tensors(config), out);
    }
}

/* The next animal in the order longest first, as given among equals; n_animals past the last. */
static size_t next_longest(size_t n, const model_fit_animal animals[], size_t before)
{
    size_t best = n;
    for (size_t i = 0; i < n; i++) {
        const size_t trials = animals[i].n_trials;
        const bool is_after = before == n || trials < animals[before].n_trials ||
                              (trials == animals[before].n_trials && i > before);
        if (is_after && (best == n || trials > animals[best].n_trials)) {
            best = i;
        }
    }
    return best;
}

/* order[n]: 0..n-1 shuffled. */
static void shuffle(uint64_t seed, uint64_t stream, size_t n, uint16_t order[])
{
    model_random random;
    model_random_seed(&random, seed, stream);
    for (size_t i = 0; i < n; i++) {
        order[i] = (uint16_t)i;
    }
    for (size_t i = n; i > 1; i--) {
        const size_t k = model_random_below(&random, (uint32_t)i);
        const uint16_t held = order[i - 1];
        order[i - 1] = order[k];
        order[k] = held;
    }
}

enum { STREAM_BATCHES = 1, STREAM_EPOCHS };

/* The shards of the batch at hand. */
static fit_shard *batch_at_hand(model_fit *fit)
{
    const uint32_t n = fit->config.n_batches;
    uint16_t order[MODEL_FIT_SHARDS_MAX];
    shuffle(fit->config.seed, STREAM_EPOCHS + fit->n_steps / n, n, order);
    return &fit->shard[order[fit->n_steps % n] * fit->config.n_shards];
}

/* Measured: a step of a shard takes as long as 2.4 animals beside those it moves. */
enum { TRIAL_COST = 5, STEP_COST = 12 };

/* Each animal, longest first, to the shard of its batch with the least to do. The rows of a shard
 * that has its memory are filled; otherwise they are only counted. */
static void deal_out(model_fit *fit, size_t n, const model_fit_animal animals[], bool fill)
{
    size_t load[MODEL_FIT_SHARDS_MAX] = {0};
    uint16_t place_of[MODEL_FIT_ANIMALS_MAX];
    const uint32_t n_shards = fit->config.n_shards;
    size_t animal = n;
    shuffle(fit->config.seed, STREAM_BATCHES, n, place_of);
    for (size_t i = 0; i < MODEL_FIT_SHARDS_MAX; i++) {
        fit->shard[i].n_rows = 0;
        fit->shard[i].n_trials = 0;
    }
    for (size_t i = 0; i < n; i++) {
        animal = next_longest(n, animals, animal);
        const size_t first = place_of[animal] % fit->config.n_batches * n_shards;
        size_t least = first;
        for (size_t s = first + 1; s < first + n_shards; s++) {
            least = load[s] < load[least] ? s : least;
        }
        fit_shard *shard = &fit->shard[least];
        load[least] += TRIAL_COST * animals[animal].n_trials;
        load[least] += shard->n_rows == 0 ? STEP_COST * animals[animal].n_trials : 0;
        if (fill) {
            shard->animals[shard->n_rows] = animals[animal];
        }
        shard->n_rows++;
        shard->n_trials += animals[animal].n_trials;
    }
}

static void make_plan(fit_plan *plan, const model_fit_config *config, size_t longest, arena *a)
{
    plan->params = config->params;
    plan->in_filter = config->in_filter;
    plan->has_net = model_rule_of(config->params.rule.kind)->has_net;
    plan->stands_first = config->in_filter || model_rule_of(config->params.rule.kind)->is_gain;
    plan->n_weights = config->params.policy.n;
    plan->n_inputs = model_fit_inputs(config->params.rule.kind);
    plan->truncation = longest < config->truncation ? longest : config->truncation;
    if (plan->has_net) {
        fit_net_init(&plan->net, &config->shape, a);
    }
}

/* Fills *fit in, but for the animals and the parameters. Returns the bytes it needs, or 0. */
static size_t lay_out(model_fit *fit, const model_fit_config *config, size_t n,
                      const model_fit_animal animals[], unsigned char *base)
{
    if (!config_is_valid(config) || n > MODEL_FIT_ANIMALS_MAX) {
        return 0;
    }
    memset(fit, 0, sizeof *fit);
    size_t longest = 0;
    for (size_t i = 0; i < n; i++) {
        longest = animals[i].n_trials > longest ? animals[i].n_trials : longest;
        fit->n_trials += animals[i].n_trials;
    }
    if (longest == 0) {
        return 0;
    }
    fit->config = *config;
    fit->n_parameters = model_fit_parameters(config);
    deal_out(fit, n, animals, false);
    arena a = {.base = base};
    (void)arena_take(&a, sizeof *fit);
    fit->state = arena_floats(&a, 3 * fit->n_parameters);
    fit->trial_state = arena_floats(&a, 3 * fit->n_parameters);
    fit->gradient = arena_floats(&a, fit->n_parameters);
    make_plan(&fit->plan, config, longest, &a);
    for (uint32_t s = 0; s < config->n_batches * config->n_shards; s++) {
        fit_shard_init(&fit->shard[s], &fit->plan, &a);
    }
    return a.used;
}

/* What follows from the parameters. */
static void take_parameters(model_fit *fit)
{
    if (fit->plan.has_net) {
        fit_net_pack(&fit->plan.net, fit->state);
    }
    if (fit->config.in_filter) {
        fit_filter_decode(fit->state + count_tensors(&fit->config), &fit->plan.params);
    }
}

size_t model_fit_size(const model_fit_config *config, size_t n_animals,
                      const model_fit_animal animals[])
{
    model_fit fit;
    return lay_out(&fit, config, n_animals, animals, NULL);
}

static bool animals_are_valid(const model_fit_config *config, size_t n,
                              const model_fit_animal animals[])
{
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        ok = all_finite(animals[i].n_trials * model_fit_inputs(config->params.rule.kind),
                        animals[i].x) &&
             all_finite(animals[i].n_trials * config->params.policy.n, animals[i].g) &&
             (!config->in_filter ||
              (animals[i].starts_session != NULL && animals[i].n_steps != NULL));
    }
    for (size_t i = 0; config->anchor != NULL && i < model_fit_parameters(config); i++) {
        ok = ok && config->pull != NULL && isfinite(config->anchor[i]) && config->pull[i] >= 0.0F;
    }
    return ok;
}

int model_fit_init(void *mem, size_t mem_size, const model_fit_config *config, size_t n_animals,
                   const model_fit_animal animals[], const float parameters[], model_fit **out)
{
    const size_t size = model_fit_size(config, n_animals, animals);
    if (size == 0 || !all_finite(model_fit_parameters(config), parameters) ||
        !animals_are_valid(config, n_animals, animals)) {
        return MODEL_ERR_ARG;
    }
    if (mem_size < size) {
        return MODEL_ERR_SPACE;
    }
    model_fit *fit = mem;
    (void)lay_out(fit, config, n_animals, animals, mem);
    deal_out(fit, n_animals, animals, true);
    memset(fit->state, 0, 3 * fit->n_parameters * sizeof(float));
    memset(fit->gradient, 0, fit->n_parameters * sizeof(float));
    memcpy(fit->state, parameters, fit->n_parameters * sizeof(float));
    take_parameters(fit);
    *out = fit;
    return MODEL_OK;
}

void model_fit_run(model_fit *fit, size_t shard)
{
    fit_shard_run(batch_at_hand(fit) + shard, &fit->plan, true);
}

/* What keeps the parameters near the anchor. */
static void pull_back(model_fit *fit)
{
    const float *pull = fit->config.pull;
    for (size_t i = 0; fit->config.anchor != NULL && i < fit->n_parameters; i++) {
        const double away = (double)fit->state[i] - (double)fit->config.anchor[i];
        if (isinf(pull[i])) {
            fit->gradient[i] = 0.0F;
        } else {
            fit->gradient[i] += (float)((double)pull[i] * away);
            fit->loss += 0.5 * (double)pull[i] * away * away;
        }
    }
}

double model_fit_sum(model_fit *fit)
{
    const fit_shard *shards = batch_at_hand(fit);
    size_t n_trials = 0;
    fit->loss = 0.0;
    for (uint32_t s = 0; s < fit->config.n_shards; s++) {
        fit->loss += shards[s].loss;
        n_trials += shards[s].n_trials;
    }
    const double trials = n_trials > 0 ? (double)n_trials : 1.0;
    fit->loss /= trials;
    fit_shard_sum_gradients(&fit->plan, fit->config.n_shards, shards, 1.0 / trials, fit->gradient);
    pull_back(fit);
    return fit->loss;
}

double model_fit_evaluate(model_fit *fit)
{
    double loss = 0.0;
    for (uint32_t s = 0; s < fit->config.n_batches * fit->config.n_shards; s++) {
        fit_shard_run(&fit->shard[s], &fit->plan, false);
        loss += fit->shard[s].loss;
    }
    return loss / (double)fit->n_trials;
}

static double rate_at(const model_fit_config *c, uint64_t n_steps)
{
    static const double HALF_TURN = 3.14159265358979323846;
    if (c->n_cosine > 0) {
        const double done = fmin((double)n_steps / (double)c->n_cosine, 1.0);
        return c->rate * 0.5 * (1.0 + cos(HALF_TURN * done));
    }
    return c->rate * pow(c->rate_factor, (double)(n_steps / c->rate_every));
}

/* 1, or what shortens the gradient to the longest that is allowed. */
static double clip_factor(const model_fit *fit)
{
    double sum = 0.0;
    for (size_t i = 0; i < fit->n_parameters; i++) {
        sum += (double)fit->gradient[i] * (double)fit->gradient[i];
    }
    return sum > fit->config.clip * fit->config.clip ? fit->config.clip / sqrt(sum) : 1.0;
}

/* Matrices alone, and apart from the gradient (Loshchilov & Hutter 2019). */
static void decay_matrices(model_fit *fit, double rate)
{
    const fit_net *net = &fit->plan.net;
    for (size_t i = 0; fit->plan.has_net && i < net->n_pieces; i++) {
        const fit_piece *p = &net->piece[i];
        for (size_t k = 0; p->n_in > 1 && k < p->n_out * p->n_in; k++) {
            fit->trial_state[p->from + k] -=
                (float)(rate * fit->config.decay) * fit->state[p->from + k];
        }
    }
}

/* Kingma & Ba 2015, with epsilon outside the root of the corrected moment, as PyTorch has it. */
int model_fit_step(model_fit *fit)
{
    static const double BETA_1 = 0.9;
    static const double BETA_2 = 0.999;
    static const double EPSILON = 1e-8;
    const size_t n = fit->n_parameters;
    const size_t n_tensors = count_tensors(&fit->config);
    const double t = (double)(fit->n_steps + 1);
    const double rate = rate_at(&fit->config, fit->n_steps);
    const double factor = clip_factor(fit);
    const double correct_1 = 1.0 - pow(BETA_1, t);
    const double correct_2 = 1.0 - pow(BETA_2, t);
    for (size_t i = 0; i < n; i++) {
        const double d = factor * (double)fit->gradient[i];
        const double m = BETA_1 * (double)fit->state[n + i] + (1.0 - BETA_1) * d;
        const double v = BETA_2 * (double)fit->state[2 * n + i] + (1.0 - BETA_2) * d * d;
        const double own = i < n_tensors ? rate : rate * fit->config.filter_rate;
        const double step = own * (m / correct_1) / (sqrt(v / correct_2) + EPSILON);
        fit->trial_state[i] = (float)((double)fit->state[i] - step);
        fit->trial_state[n + i] = (float)m;
        fit->trial_state[2 * n + i] = (float)v;
    }
    decay_matrices(fit, rate);
    if (!isfinite(fit->loss) || !all_finite(n, fit->gradient) ||
        !all_finite(3 * n, fit->trial_state)) {
        return MODEL_ERR_NUMERIC;
    }
    memcpy(fit->state, fit->trial_state, 3 * n * sizeof(float));
    take_parameters(fit);
    fit->n_steps++;
    return MODEL_OK;
}

int model_fit_load(model_fit *fit, const float parameters[])
{
    if (!all_finite(fit->n_parameters, parameters)) {
        return MODEL_ERR_ARG;
    }
    memcpy(fit->state, parameters, fit->n_parameters * sizeof(float));
    take_parameters(fit);
    return MODEL_OK;
}

void model_fit_params(const model_fit *fit, model_params *out)
{
    *out = fit->config.in_filter ? fit->plan.params : fit->config.params;
}

uint64_t model_fit_steps(const model_fit *fit)
{
    return fit->n_steps;
}

const float *model_fit_gradient(const model_fit *fit)
{
    return fit->gradient;
}

const float *model_fit_state(const model_fit *fit)
{
    return fit->state;
}

int model_fit_resume(model_fit *fit, const float state[], uint64_t steps)
{
    const size_t n = fit->n_parameters;
    if (!all_finite(3 * n, state)) {
        return MODEL_ERR_ARG;
    }
    for (size_t i = 0; i < n; i++) {
        if (state[2 * n + i] < 0.0F) {
            return MODEL_ERR_ARG;
        }
    }
    memcpy(fit->state, state, 3 * n * sizeof(float));
    fit->n_steps = steps;
    take_parameters(fit);
    return MODEL_OK;
}

double model_fit_loss(const model_rule *rule, size_t n, const model_fit_animal *animal)
{
    double w[MODEL_WEIGHTS_MAX] = {0.0};
    double loss = 0.0;
    model_rule_state state;
    model_rule_reset(&state);
    for (size_t t = 0; t < animal->n_trials; t++) {
        double g[MODEL_WEIGHTS_MAX];
        double dw[MODEL_WEIGHTS_MAX];
        double u[MODEL_WEIGHTS_MAX];
        if (t > 0) {
            const fit_filter_trial at = {animal, t, MODEL_RULE_INPUTS};
            const model_rule_trial trial = fit_filter_last_trial(&at, n, g);
            if (model_rule_step(rule, &state, n, w, g, &trial, dw, u) != MODEL_OK) {
                return (double)INFINITY;
            }
            for (size_t i = 0; i < n; i++) {
                w[i] += dw[i];
            }
        }
        double logit = 0.0;
        for (size_t i = 0; i < n; i++) {
            logit += w[i] * (double)animal->g[t * n + i];
        }
        const double margin = animal->chose_right[t] != 0 ? logit : -logit;
        loss += log1p(exp(-fabs(margin))) + (margin < 0.0 ? -margin : 0.0);
    }
    return loss;
}
