#include "model/fit.h"

#include <math.h>
#include <string.h>

#include "fit_net.h"
#include "model/random.h"

struct model_fit {
    model_fit_config config;
    fit_net net;
    size_t n_parameters;
    size_t n_trials;
    size_t truncation; /* no more than there are trials */
    uint64_t n_steps;
    double loss;
    float *state;       /* parameters, first moments, second moments */
    float *trial_state; /* the next one, until it is known to be finite */
    float *gradient;
    fit_shard shard[MODEL_FIT_SHARDS_MAX];
};

size_t model_fit_inputs(model_rule_kind rule)
{
    return model_rule_has_net(rule) ? model_rule_inputs(rule) : MODEL_RULE_INPUTS;
}

void model_fit_config_init(model_fit_config *config, const model_net_shape *shape)
{
    *config = (model_fit_config){.shape = *shape,
                                 .truncation = 500,
                                 .n_shards = 4,
                                 .rate = 1e-3,
                                 .rate_factor = 0.999,
                                 .rate_every = 5};
}

static bool config_is_valid(const model_fit_config *c)
{
    return model_net_size(&c->shape) > 0 && c->shape.n_outputs <= MODEL_WEIGHTS_MAX &&
           c->shape.n_inputs == c->shape.n_outputs + MODEL_RULE_INPUTS && c->truncation >= 1 &&
           c->truncation <= MODEL_FIT_TRUNCATION_MAX && c->n_shards >= 1 &&
           c->n_shards <= MODEL_FIT_SHARDS_MAX && c->rate > 0.0 && isfinite(c->rate) &&
           c->rate_factor >= 0.0 && c->rate_factor <= 1.0 && c->rate_every >= 1;
}

/* Points the tensors into values and returns how many floats they are; values NULL only counts. */
static size_t place(const model_net_shape *shape, const float *values, model_net_tensors *out)
{
    const size_t gates = 3 * (size_t)shape->n_hidden;
    size_t used = 0;
    memset(out, 0, sizeof *out);
#define PLACE(slot, n)                                                                             \
    do {                                                                                           \
        (slot) = values != NULL ? values + used : NULL;                                            \
        used += (n);                                                                               \
    } while (0)
    PLACE(out->scale, shape->n_outputs);
    if (shape->is_recurrent) {
        PLACE(out->gru_weight_ih, gates * shape->n_inputs);
        PLACE(out->gru_weight_hh, gates * shape->n_hidden);
        PLACE(out->gru_bias_ih, gates);
        PLACE(out->gru_bias_hh, gates);
    }
    for (uint32_t i = 0; i <= shape->n_layers; i++) {
        const size_t n_out = model_net_layer_outputs(shape, i);
        PLACE(out->weight[i], n_out * model_net_layer_inputs(shape, i));
        PLACE(out->bias[i], n_out);
    }
#undef PLACE
    return used;
}

size_t model_fit_parameters(const model_net_shape *shape)
{
    model_net_tensors tensors;
    return model_net_size(shape) > 0 ? place(shape, NULL, &tensors) : 0;
}

void model_fit_place(const model_net_shape *shape, const float values[], model_net_tensors *out)
{
    (void)place(shape, values, out);
}

/* PyTorch: a linear layer's weights and biases are uniform within 1 / sqrt(inputs), a GRU's within
 * 1 / sqrt(units). */
void model_fit_draw(const model_net_shape *shape, uint64_t seed, float values[])
{
    model_random random;
    model_random_seed(&random, seed, 0);
    size_t at = 0;
    for (; at < shape->n_outputs; at++) {
        values[at] = 1e-3F;
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

/* Measured: a step of a shard takes as long as 2.4 animals beside those it moves. */
enum { TRIAL_COST = 5, STEP_COST = 12 };

/* Each animal, longest first, to the shard with the least to do. The rows of a shard that has its
 * memory are filled; otherwise they are only counted. */
static void deal_out(model_fit *fit, size_t n, const model_fit_animal animals[], bool fill)
{
    size_t load[MODEL_FIT_SHARDS_MAX] = {0};
    size_t rows[MODEL_FIT_SHARDS_MAX] = {0};
    size_t animal = n;
    for (size_t i = 0; i < n; i++) {
        animal = next_longest(n, animals, animal);
        uint32_t least = 0;
        for (uint32_t s = 1; s < fit->config.n_shards; s++) {
            least = load[s] < load[least] ? s : least;
        }
        load[least] += TRIAL_COST * animals[animal].n_trials;
        load[least] += rows[least] == 0 ? STEP_COST * animals[animal].n_trials : 0;
        if (fill) {
            fit->shard[least].animals[rows[least]] = animals[animal];
        }
        rows[least]++;
    }
    for (uint32_t s = 0; s < fit->config.n_shards; s++) {
        fit->shard[s].n_rows = rows[s];
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
    fit->truncation = longest < config->truncation ? longest : config->truncation;
    fit->n_parameters = model_fit_parameters(&config->shape);
    deal_out(fit, n, animals, false);
    fit_arena arena = {.base = base};
    (void)fit_take(&arena, sizeof *fit);
    fit->state = fit_take(&arena, 3 * fit->n_parameters * sizeof(float));
    fit->trial_state = fit_take(&arena, 3 * fit->n_parameters * sizeof(float));
    fit->gradient = fit_take(&arena, fit->n_parameters * sizeof(float));
    fit_net_init(&fit->net, &config->shape, &arena);
    for (uint32_t s = 0; s < config->n_shards; s++) {
        fit_shard_init(&fit->shard[s], &fit->net, fit->truncation, &arena);
    }
    return arena.used;
}

size_t model_fit_size(const model_fit_config *config, size_t n_animals,
                      const model_fit_animal animals[])
{
    model_fit fit;
    return lay_out(&fit, config, n_animals, animals, NULL);
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

static bool inputs_are_finite(const model_fit_config *config, size_t n,
                              const model_fit_animal animals[])
{
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        ok = all_finite(animals[i].n_trials * MODEL_RULE_INPUTS, animals[i].x) &&
             all_finite(animals[i].n_trials * config->shape.n_outputs, animals[i].g);
    }
    return ok;
}

int model_fit_init(void *mem, size_t mem_size, const model_fit_config *config, size_t n_animals,
                   const model_fit_animal animals[], const float parameters[], model_fit **out)
{
    const size_t size = model_fit_size(config, n_animals, animals);
    if (size == 0 || !all_finite(model_fit_parameters(&config->shape), parameters) ||
        !inputs_are_finite(config, n_animals, animals)) {
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
    fit_net_pack(&fit->net, fit->state);
    *out = fit;
    return MODEL_OK;
}

void model_fit_run(model_fit *fit, size_t shard)
{
    fit_shard_run(&fit->shard[shard], &fit->net, fit->truncation);
}

double model_fit_sum(model_fit *fit)
{
    const double trials = (double)fit->n_trials;
    fit->loss = 0.0;
    for (uint32_t s = 0; s < fit->config.n_shards; s++) {
        fit->loss += fit->shard[s].loss;
    }
    fit->loss /= trials;
    fit_net_sum_gradient(&fit->net, fit->config.n_shards, fit->shard, 1.0 / trials, fit->gradient);
    return fit->loss;
}

/* Kingma & Ba 2015, with epsilon outside the root of the corrected moment, as PyTorch has it. */
int model_fit_step(model_fit *fit)
{
    static const double BETA_1 = 0.9;
    static const double BETA_2 = 0.999;
    static const double EPSILON = 1e-8;
    const size_t n = fit->n_parameters;
    const double t = (double)(fit->n_steps + 1);
    const double decays = (double)(fit->n_steps / fit->config.rate_every);
    const double rate = fit->config.rate * pow(fit->config.rate_factor, decays);
    const double correct_1 = 1.0 - pow(BETA_1, t);
    const double correct_2 = 1.0 - pow(BETA_2, t);
    for (size_t i = 0; i < n; i++) {
        const double d = (double)fit->gradient[i];
        const double m = BETA_1 * (double)fit->state[n + i] + (1.0 - BETA_1) * d;
        const double v = BETA_2 * (double)fit->state[2 * n + i] + (1.0 - BETA_2) * d * d;
        const double step = rate * (m / correct_1) / (sqrt(v / correct_2) + EPSILON);
        fit->trial_state[i] = (float)((double)fit->state[i] - step);
        fit->trial_state[n + i] = (float)m;
        fit->trial_state[2 * n + i] = (float)v;
    }
    if (!isfinite(fit->loss) || !all_finite(n, fit->gradient) ||
        !all_finite(3 * n, fit->trial_state)) {
        return MODEL_ERR_NUMERIC;
    }
    memcpy(fit->state, fit->trial_state, 3 * n * sizeof(float));
    fit_net_pack(&fit->net, fit->state);
    fit->n_steps++;
    return MODEL_OK;
}

size_t model_fit_trials(const model_fit *fit)
{
    return fit->n_trials;
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
    fit_net_pack(&fit->net, fit->state);
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
            const float *x = animal->x + t * MODEL_RULE_INPUTS;
            const model_rule_trial trial = {.stimulus = (double)x[0],
                                            .reward = (double)x[4],
                                            .is_session_start = x[2] > 0.5F,
                                            .chose_right = animal->chose_right[t - 1] != 0,
                                            .side = animal->side != NULL ? animal->side[t - 1]
                                                                         : (int8_t)-1};
            for (size_t i = 0; i < n; i++) {
                g[i] = (double)animal->g[(t - 1) * n + i];
            }
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

const char *model_fit_kernel(void)
{
    return fit_kernel_at(0)->name;
}
