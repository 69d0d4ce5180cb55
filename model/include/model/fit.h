/* model/fit.h - training of learning rules: open loop, as in arXiv:2509.04661, or inside the filter
 * that will run them.
 *
 * Maths and symbols: docs/model.md, section fit. Open loop, the loss is the mean binary
 * cross-entropy of the choices (nats/trial): weights of the policy start at 0 and only the rule
 * moves them. In the filter, it is the one-step-ahead score of the twin, and noise, prior and the
 * classic rules' rates are trained together with the net. Animals may differ in the number of
 * trials. Gradients are truncated to chunks of trials. One step of Adam follows on each pass over
 * the animals of a batch. The animals of a batch are assigned to shards, each of which is one
 * thread's work; results are the same bits whoever runs them in whatever order, on one processor.
 *
 * Threads: model_fit_run() of different shards at once, anything else alone. Memory: the caller
 * supplies it once; nothing allocates. RT-safe: no; a pass may take seconds.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "model/error.h"
#include "model/fit_rows.h"
#include "model/net.h"

enum {
    MODEL_FIT_SHARDS_MAX = 64,
    MODEL_FIT_ANIMALS_MAX = 8192 /* mirror images among them */,
    MODEL_FIT_TRUNCATION_MAX = 1 << 20
};

typedef struct {
    model_params params;   /* policy and rule; in the filter also where noise, prior, rates,
                              baselines and decays start from. Its net is not used */
    model_net_shape shape; /* of a rule with a net: model_fit_inputs() + policy.n inputs, policy.n
                              outputs */
    bool in_filter;        /* false needs a net */
    uint32_t truncation;   /* trials per chunk, 1..MODEL_FIT_TRUNCATION_MAX */
    uint32_t n_batches;    /* for the animals, by seed; one step each, in an order that changes with
                              the epoch */
    uint32_t n_shards;     /* of a batch; changes results in the last bits. n_batches n_shards is
                              1..MODEL_FIT_SHARDS_MAX */
    uint64_t seed;         /* of batches and their order */
    double rate;           /* of Adam's first step, > 0 */
    double rate_factor;    /* the rate is multiplied by this, 0..1, ... */
    uint32_t rate_every;   /* ... after this many steps, >= 1 */
    uint64_t n_cosine;     /* > 0: instead, the rate falls to 0 over this many steps as a cosine */
    double filter_rate;    /* the rate of the filter's parameters, in multiples of the net's, > 0 */
    double decay;          /* decoupled weight decay of the net's matrices, >= 0 */
    double clip;           /* longest gradient; longer ones are shortened */
    const float *anchor; /* (model_fit_parameters()), or NULL; must outlive the fit: the loss gains
                            pull (value - anchor)^2 / 2 for every parameter ... */
    const float *pull;   /* ... of so much pull, >= 0; INFINITY: the value is held where it is */
} model_fit_config;

typedef struct model_fit model_fit;

/* What the papers used: open loop, one batch, chunks of 500, Adam 1e-3, times 0.999 after every 5
 * steps, nothing decays or is clipped; four shards, filter_rate 10. shape NULL: no net. */
void model_fit_config_init(model_fit_config *config, const model_params *params,
                           const model_net_shape *shape);

/* Floats of all that is trained: tensors, then what the filter has. 0 if config is invalid. */
size_t model_fit_parameters(const model_fit_config *config);

/* Initial parameters: tensors drawn from a seed as PyTorch does by default, scale 1e-3; of gains
 * scale 2^-6, with 1 added to the biases of the outputs; the rest as in config->params. */
void model_fit_draw(const model_fit_config *config, uint64_t seed, float values[]);

/* Whether it trains rules of that kind: those whose step it differentiates. Of others it refuses
 * the configuration. */
bool model_fit_trains(model_rule_kind kind);

/* The parameters of a model as they are: the tensors (NULL without a net), then the filter's
 * parameters of config->params. */
void model_fit_encode(const model_fit_config *config, const model_net_tensors *tensors,
                      float values[]);

/* The inverse: noise, prior, rates, baselines and decays of values. */
void model_fit_decode(const model_fit_config *config, const float values[], model_params *out);

/* Bytes model_fit_init() needs; 0 if the configuration is invalid or no animal has a trial. */
size_t model_fit_size(const model_fit_config *config, size_t n_animals,
                      const model_fit_animal animals[]);

/* Builds a fit inside mem (aligned to MODEL_NET_ALIGN; it must outlive *out). MODEL_OK,
 * MODEL_ERR_ARG (also: a parameter or an input is not finite) or MODEL_ERR_SPACE; *out is set only
 * on OK. The list of animals and the parameters are copied. */
int model_fit_init(void *mem, size_t mem_size, const model_fit_config *config, size_t n_animals,
                   const model_fit_animal animals[], const float parameters[], model_fit **out);

/* Forward and backward through the animals of shard 0..n_shards-1 of the current batch. */
void model_fit_run(model_fit *fit, size_t shard);

/* Adds the shards once all have run: the loss in nats/trial, and the gradient. */
double model_fit_sum(model_fit *fit);

/* One step of Adam down that gradient; the next batch becomes current. MODEL_OK, or
 * MODEL_ERR_NUMERIC (the loss, the gradient or a new parameter is not finite) with all as it was.
 */
int model_fit_step(model_fit *fit);

/* The loss over all animals with the present parameters, in nats/trial; no gradient. */
double model_fit_evaluate(model_fit *fit);

/* Takes over the parameters alone. MODEL_OK, or MODEL_ERR_ARG (one is not finite) with all as it
 * was. */
int model_fit_load(model_fit *fit, const float parameters[]);

/* The fitted params: config's, in the filter with all that was trained beside the net. */
void model_fit_params(const model_fit *fit, model_params *out);

/* Steps taken. */
uint64_t model_fit_steps(const model_fit *fit);

/* (model_fit_parameters()), the fit's, until its next call. */
const float *model_fit_gradient(const model_fit *fit);

/* Parameters, Adam's first moments, its second moments: (3, model_fit_parameters()). The fit's. */
const float *model_fit_state(const model_fit *fit);

/* Continues from such a state after `steps` steps. MODEL_OK, or MODEL_ERR_ARG (a value is not
 * finite, or a second moment below 0) with all as it was. */
int model_fit_resume(model_fit *fit, const float state[], uint64_t steps);

/* The same loss of a rule without a net, of one animal, and summed: nats. n weights as in g. Not
 * finite where the rule's parameters are too large for the trials. Any thread. */
double model_fit_loss(const model_rule *rule, size_t n, const model_fit_animal *animal);
