#include "model_file_schema.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

static void add_part(struct model_file_part parts[], size_t *n, const char *name, uint64_t rows,
                     uint64_t columns, const float **slot)
{
    struct model_file_part *part = &parts[(*n)++];
    *part = (struct model_file_part){.n_dims = columns > 0 ? 2 : 1,
                                     .dims = {rows, columns},
                                     .least = -MODEL_FILE_WEIGHT_MAX,
                                     .most = MODEL_FILE_WEIGHT_MAX,
                                     .slot = slot};
    (void)snprintf(part->name, sizeof part->name, "%s", name);
}

size_t model_file_schema_net(const model_net_shape *shape, model_net_tensors *t,
                             struct model_file_part parts[MODEL_FILE_NET_PARTS])
{
    size_t n = 0;
    const uint64_t gates = 3 * (uint64_t)shape->n_hidden;
    add_part(parts, &n, "scaling_factor", shape->n_outputs, 0, &t->scale);
    if (shape->is_recurrent) {
        add_part(parts, &n, "gru.weight_ih_l0", gates, shape->n_inputs, &t->gru_weight_ih);
        add_part(parts, &n, "gru.weight_hh_l0", gates, shape->n_hidden, &t->gru_weight_hh);
        add_part(parts, &n, "gru.bias_ih_l0", gates, 0, &t->gru_bias_ih);
        add_part(parts, &n, "gru.bias_hh_l0", gates, 0, &t->gru_bias_hh);
    }
    for (uint32_t i = 0; i <= shape->n_layers; i++) {
        char name[MODEL_FILE_PART_NAME];
        const uint64_t n_out = model_net_layer_outputs(shape, i);
        (void)snprintf(name, sizeof name, "dnn.%u.weight", (unsigned)(2 * i));
        add_part(parts, &n, name, n_out, model_net_layer_inputs(shape, i), &t->weight[i]);
        (void)snprintf(name, sizeof name, "dnn.%u.bias", (unsigned)(2 * i));
        add_part(parts, &n, name, n_out, 0, &t->bias[i]);
    }
    return n;
}

size_t model_file_schema_fit(const model_params *params, struct model_file_fit *fit,
                             struct model_file_part parts[MODEL_FILE_FIT_PARTS])
{
    const uint64_t n = params->policy.n;
    const double far = MODEL_FILE_RANGE_MAX;
    const double rate = MODEL_RATE_MAX;
    const struct model_file_part list[MODEL_FILE_FIT_PARTS] = {
        {"fit.counts", 1, {MODEL_FILE_COUNTS}, 0.0, MODEL_FILE_COUNT_MAX, &fit->counts},
        {"visited.w", 2, {MODEL_FILE_VISITED, n}, -far, far, &fit->visited},
        {"posterior.coefficient",
         3,
         {MODEL_FILE_DRAWS, MODEL_BASIS_TERMS, n},
         -rate,
         rate,
         &fit->coefficient},
        {"posterior.decay", 1, {MODEL_FILE_DRAWS}, 0.0, 1.0, &fit->decay},
        {"posterior.memory", 1, {MODEL_FILE_DRAWS}, 0.0, 1.0, &fit->memory},
    };
    const model_rule_traits *rule = model_rule_of(params->rule.kind);
    const size_t count = params->rule.kind == MODEL_RULE_NONE ? 0
                         : rule->has_terms                    ? MODEL_FILE_FIT_PARTS
                                                              : MODEL_FILE_FIT_NET_PARTS;
    memcpy(parts, list, count * sizeof list[0]);
    return count;
}

size_t model_file_schema_values(const struct model_file_part *part)
{
    uint64_t n = 1;
    for (uint32_t i = 0; i < part->n_dims; i++) {
        n *= part->dims[i];
    }
    return (size_t)n;
}

bool model_file_schema_is_joint(const struct model_file_part *part)
{
    return strncmp(part->name, "posterior.", strlen("posterior.")) == 0;
}

void model_file_schema_vectors(model_params *params,
                               struct model_file_vector vectors[MODEL_FILE_VECTORS])
{
    const model_rule_traits *rule = model_rule_of(params->rule.kind);
    const bool is_classic = rule->has_rates;
    const bool has_base = rule->has_baseline;
    const bool has_decay = rule->has_trace;
    const bool has_terms = rule->has_terms;
    const double mean = MODEL_MEAN_MAX;
    const double var = MODEL_VAR_MAX;
    const double rate = MODEL_RATE_MAX;
    const double far = MODEL_FILE_RANGE_MAX;
    const bool has_rule = params->rule.kind != MODEL_RULE_NONE;
    const uint64_t n_inputs = rule->n_inputs;
    const bool has_net = rule->has_net;
    model_noise *noise = &params->noise;
    model_range *range = &params->range;
    const struct model_file_vector list[MODEL_FILE_VECTORS] = {
        {"rule.rate", params->rule.rate, -rate, rate, is_classic, is_classic, false, 0, 0},
        {"rule.baseline", params->rule.baseline, -rate, rate, has_base, has_base, false, 0, 0},
        {"rule.decay", params->rule.decay, 0.0, 1.0, has_decay, has_decay, false, 0, 0},
        {"rule.coefficient", params->rule.coefficient[0], -rate, rate, has_terms, has_terms, false,
         0, MODEL_BASIS_TERMS},
        {"rule.memory", &params->rule.memory, 0.0, 1.0, has_terms, has_terms, false, 1, 0},
        {"filter.prior_mean", noise->prior_mean, -mean, mean, false, true, false, 0, 0},
        {"filter.prior_var", noise->prior_var, DBL_MIN, var, false, true, false, 0, 0},
        {"filter.drift_var", noise->drift_var, 0.0, var, false, true, false, 0, 0},
        {"filter.session_var", noise->session_var, 0.0, var, false, true, false, 0, 0},
        {"range.w_lo", range->w_lo, -far, far, false, has_rule, true, 0, 0},
        {"range.w_hi", range->w_hi, -far, far, false, has_rule, true, 0, 0},
        {"range.step_max", range->step_max, 0.0, far, false, has_rule, true, 0, 0},
        {"range.x_lo", range->x_lo, -far, far, false, has_net, true, n_inputs, 0},
        {"range.x_hi", range->x_hi, -far, far, false, has_net, true, n_inputs, 0},
    };
    memcpy(vectors, list, sizeof list);
}

uint32_t model_file_schema_shape(const struct model_file_vector *vector, uint64_t n_weights,
                                 uint64_t dims[2])
{
    const uint64_t n = vector->n > 0 ? vector->n : n_weights;
    dims[0] = vector->rows > 0 ? vector->rows : n;
    dims[1] = n;
    return vector->rows > 0 ? 2 : 1;
}

void model_file_schema_texts(struct model_file_about *about,
                             struct model_file_text list[MODEL_FILE_TEXTS])
{
    const struct model_file_text texts[MODEL_FILE_TEXTS] = {
        {"seed", about->seed, sizeof about->seed},
        {"data_sha256", about->data_sha256, sizeof about->data_sha256},
        {"made_by", about->made_by, sizeof about->made_by},
        {"note", about->note, sizeof about->note},
    };
    memcpy(list, texts, sizeof texts);
}

void model_file_schema_prefix(char prefix[MODEL_FILE_PREFIX], bool is_bank, uint32_t member)
{
    prefix[0] = '\0';
    if (is_bank) {
        (void)snprintf(prefix, MODEL_FILE_PREFIX, "%u.", (unsigned)member);
    }
}

struct model_file_name model_file_schema_name(const char *prefix, const char *name)
{
    struct model_file_name full;
    (void)snprintf(full.text, sizeof full.text, "%.*s%.*s", MODEL_FILE_PREFIX - 1, prefix,
                   SAFETENSORS_NAME_MAX, name);
    return full;
}

bool model_file_schema_has(const model_params *params, const model_net_shape *shape,
                           const char *name)
{
    struct model_file_part parts[MODEL_FILE_NET_PARTS];
    struct model_file_vector vectors[MODEL_FILE_VECTORS];
    struct model_file_part fit_parts[MODEL_FILE_FIT_PARTS];
    struct model_file_fit fit;
    model_net_tensors tensors;
    model_params list = *params;
    const size_t n = model_rule_of(params->rule.kind)->has_net
                         ? model_file_schema_net(shape, &tensors, parts)
                         : 0;
    bool is_known = false;
    model_file_schema_vectors(&list, vectors);
    for (size_t k = 0; k < n; k++) {
        is_known = is_known || strcmp(name, parts[k].name) == 0;
    }
    for (size_t k = 0; k < model_file_schema_fit(params, &fit, fit_parts); k++) {
        is_known = is_known || strcmp(name, fit_parts[k].name) == 0;
    }
    for (size_t k = 0; k < MODEL_FILE_VECTORS; k++) {
        is_known = is_known || (vectors[k].is_allowed && strcmp(name, vectors[k].name) == 0);
    }
    return is_known;
}
