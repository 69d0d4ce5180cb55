#include "model_file.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char FORMAT[] = "murid-model";
static const char VERSION[] = "1";
static const char BUILT_IN[] = "built-in";

enum {
    NET_PARTS_MAX = 5 + 2 * (MODEL_LAYERS_MAX + 1),
    VECTORS = 7,
    PART_NAME_BYTES = 32,
    HASH_HEX = MODEL_FILE_HASH_MAX
};

/* One tensor of a net: its name in a PyTorch state_dict, its shape, where its pointer goes. */
struct net_part {
    char name[PART_NAME_BYTES];
    uint32_t n_dims;
    uint64_t dims[2];
    const float **slot;
};

/* One vector over the policy's weights. */
struct vector {
    const char *name;
    double *values;
    double least;
    double most;
    bool is_required;
    bool is_allowed;
};

static void add_part(struct net_part parts[], size_t *n, const char *name, uint64_t rows,
                     uint64_t columns, const float **slot)
{
    struct net_part *part = &parts[(*n)++];
    *part = (struct net_part){.n_dims = columns > 0 ? 2 : 1, .dims = {rows, columns}, .slot = slot};
    (void)snprintf(part->name, sizeof part->name, "%s", name);
}

static size_t list_parts(const model_net_shape *shape, model_net_tensors *t,
                         struct net_part parts[NET_PARTS_MAX])
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
        char name[PART_NAME_BYTES];
        const uint64_t n_out = model_net_layer_outputs(shape, i);
        (void)snprintf(name, sizeof name, "dnn.%u.weight", (unsigned)(2 * i));
        add_part(parts, &n, name, n_out, model_net_layer_inputs(shape, i), &t->weight[i]);
        (void)snprintf(name, sizeof name, "dnn.%u.bias", (unsigned)(2 * i));
        add_part(parts, &n, name, n_out, 0, &t->bias[i]);
    }
    return n;
}

static size_t part_values(const struct net_part *part)
{
    return (size_t)(part->n_dims == 2 ? part->dims[0] * part->dims[1] : part->dims[0]);
}

static void list_vectors(model_params *params, struct vector vectors[VECTORS])
{
    const model_rule_kind kind = params->rule.kind;
    const bool is_classic = kind != MODEL_RULE_NONE && !model_rule_has_net(kind);
    const bool has_base = kind == MODEL_RULE_REINFORCE_BASE;
    const bool has_decay = kind == MODEL_RULE_ELIGIBILITY;
    const double mean = MODEL_MEAN_MAX;
    const double var = MODEL_VAR_MAX;
    const double rate = MODEL_RATE_MAX;
    model_noise *noise = &params->noise;
    const struct vector list[VECTORS] = {
        {"rule.rate", params->rule.rate, -rate, rate, is_classic, is_classic},
        {"rule.baseline", params->rule.baseline, -rate, rate, has_base, has_base},
        {"rule.decay", params->rule.decay, 0.0, 1.0, has_decay, has_decay},
        {"filter.prior_mean", noise->prior_mean, -mean, mean, false, true},
        {"filter.prior_var", noise->prior_var, DBL_MIN, var, false, true},
        {"filter.drift_var", noise->drift_var, 0.0, var, false, true},
        {"filter.session_var", noise->session_var, 0.0, var, false, true},
    };
    memcpy(vectors, list, sizeof list);
}

static void print_shape(uint32_t n_dims, const uint64_t dims[], char *out, size_t cap)
{
    size_t used = (size_t)snprintf(out, cap, "(");
    for (uint32_t i = 0; i < n_dims && used < cap; i++) {
        used += (size_t)snprintf(out + used, cap - used, "%s%" PRIu64, i > 0 ? ", " : "", dims[i]);
    }
    if (used < cap) {
        (void)snprintf(out + used, cap - used, ")");
    }
}

static int find_tensor(const struct safetensors *st, const char *place, const char *name,
                       uint32_t n_dims, const uint64_t dims[],
                       const struct safetensors_tensor **out, struct fault *fault)
{
    char expected[96];
    print_shape(n_dims, dims, expected, sizeof expected);
    const struct safetensors_tensor *tensor = safetensors_find(st, name);
    if (tensor == NULL) {
        return fault_set(fault, FAULT_INPUT, "%s: tensor \"%s\": missing, shape %s expected", place,
                         name, expected);
    }
    if (tensor->n_dims != n_dims ||
        memcmp(tensor->shape, dims, n_dims * sizeof tensor->shape[0]) != 0) {
        char found[96];
        print_shape(tensor->n_dims, tensor->shape, found, sizeof found);
        return fault_set(fault, FAULT_INPUT, "%s: tensor \"%s\": shape %s, %s expected", place,
                         name, found, expected);
    }
    *out = tensor;
    return FAULT_NONE;
}

static int read_vectors(const struct safetensors *st, const char *place, model_params *params,
                        struct fault *fault)
{
    struct vector vectors[VECTORS];
    list_vectors(params, vectors);
    const uint64_t n = params->policy.n;
    for (int v = 0; v < VECTORS; v++) {
        const struct vector *vector = &vectors[v];
        const struct safetensors_tensor *tensor;
        if (!vector->is_allowed ||
            (!vector->is_required && safetensors_find(st, vector->name) == NULL)) {
            continue;
        }
        const int rc = find_tensor(st, place, vector->name, 1, &n, &tensor, fault);
        if (rc != FAULT_NONE) {
            return rc;
        }
        for (size_t i = 0; i < tensor->n; i++) {
            vector->values[i] = safetensors_value(tensor, i);
            if (!(vector->values[i] >= vector->least && vector->values[i] <= vector->most)) {
                return fault_set(fault, FAULT_INPUT,
                                 "%s: tensor \"%s\": value %zu is %g, %.3g to %.3g expected", place,
                                 vector->name, i, vector->values[i], vector->least, vector->most);
            }
        }
    }
    return FAULT_NONE;
}

static int finish_net(struct model_file *model, const model_net_shape *shape, const char *place,
                      struct fault *fault)
{
    const size_t size = model_net_size(shape);
    model_net *net = NULL;
    model->net = aligned_alloc(MODEL_NET_ALIGN, size);
    if (model->net == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: no memory for a net of %zu bytes", place, size);
    }
    if (model_net_init(model->net, size, shape, &model->tensors, &net) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT, "%s: a weight of the net is not finite", place);
    }
    model->params.rule.net = net;
    return FAULT_NONE;
}

/* Memory for the net's tensors, and each tensor's place in it. */
static int place_weights(struct model_file *model, const struct net_part parts[], size_t n,
                         const char *place, struct fault *fault)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++) {
        total += part_values(&parts[i]);
    }
    model->weights = calloc(total, sizeof model->weights[0]);
    if (model->weights == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: no memory for %zu weights", place, total);
    }
    float *at = model->weights;
    for (size_t i = 0; i < n; i++) {
        *parts[i].slot = at;
        at += part_values(&parts[i]);
    }
    return FAULT_NONE;
}

static int read_net(const struct safetensors *st, const char *place, const model_net_shape *shape,
                    struct model_file *model, struct fault *fault)
{
    struct net_part parts[NET_PARTS_MAX];
    const struct safetensors_tensor *tensors[NET_PARTS_MAX];
    const size_t n = list_parts(shape, &model->tensors, parts);
    int rc = FAULT_NONE;
    for (size_t i = 0; i < n && rc == FAULT_NONE; i++) {
        rc = find_tensor(st, place, parts[i].name, parts[i].n_dims, parts[i].dims, &tensors[i],
                         fault);
    }
    if (rc == FAULT_NONE) {
        rc = place_weights(model, parts, n, place, fault);
    }
    float *to = model->weights;
    for (size_t i = 0; i < n && rc == FAULT_NONE; i++) {
        for (size_t k = 0; k < tensors[i]->n; k++) {
            const double value = safetensors_value(tensors[i], k);
            if (!(fabs(value) <= (double)MODEL_FILE_WEIGHT_MAX)) {
                return fault_set(
                    fault, FAULT_INPUT, "%s: tensor \"%s\": value %zu is %g, -%g to %g expected",
                    place, parts[i].name, k, value, MODEL_FILE_WEIGHT_MAX, MODEL_FILE_WEIGHT_MAX);
            }
            *to++ = (float)value;
        }
    }
    return rc == FAULT_NONE ? finish_net(model, shape, place, fault) : rc;
}

static int refuse_others(const struct safetensors *st, const char *place, struct model_file *model,
                         const model_net_shape *shape, struct fault *fault)
{
    struct net_part parts[NET_PARTS_MAX];
    struct vector vectors[VECTORS];
    const size_t n = shape != NULL ? list_parts(shape, &model->tensors, parts) : 0;
    list_vectors(&model->params, vectors);
    for (uint32_t i = 0; i < st->n_tensors; i++) {
        const char *name = st->tensors[i].name;
        bool is_known = false;
        for (size_t k = 0; k < n; k++) {
            is_known = is_known || strcmp(name, parts[k].name) == 0;
        }
        for (size_t k = 0; k < VECTORS; k++) {
            is_known = is_known || (vectors[k].is_allowed && strcmp(name, vectors[k].name) == 0);
        }
        if (!is_known) {
            return fault_set(fault, FAULT_INPUT, "%s: tensor \"%s\": not part of such a %s model",
                             place, name, model_rule_name(model->params.rule.kind));
        }
    }
    return FAULT_NONE;
}

static int need_meta(const struct safetensors *st, const char *place, const char *key,
                     const char **value, struct fault *fault)
{
    *value = safetensors_meta_find(st, key);
    if (*value == NULL) {
        return fault_set(fault, FAULT_INPUT, "%s: metadata \"%s\": missing", place, key);
    }
    return FAULT_NONE;
}

/* A metadata string that must be one thing if it is there. */
static int check_meta(const struct safetensors *st, const char *place, const char *key,
                      const char *expected, struct fault *fault)
{
    const char *found = safetensors_meta_find(st, key);
    if (found != NULL && strcmp(found, expected) != 0) {
        return fault_set(fault, FAULT_INPUT, "%s: metadata \"%s\": \"%.64s\", \"%s\" expected",
                         place, key, found, expected);
    }
    return FAULT_NONE;
}

static int read_count(const struct safetensors *st, const char *place, const char *key,
                      uint32_t max, uint32_t *out, struct fault *fault)
{
    const char *text;
    const int rc = need_meta(st, place, key, &text, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    char *end;
    errno = 0;
    const long value = strtol(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value < 1 || value > (long)max) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: metadata \"%s\": \"%.64s\", a whole number 1 to %u expected", place,
                         key, text, (unsigned)max);
    }
    *out = (uint32_t)value;
    return FAULT_NONE;
}

static int copy_meta(const struct safetensors *st, const char *place, const char *key, char *out,
                     size_t cap, struct fault *fault)
{
    const char *value = safetensors_meta_find(st, key);
    if (value == NULL) {
        return FAULT_NONE;
    }
    if (strlen(value) >= cap) {
        return fault_set(fault, FAULT_INPUT, "%s: metadata \"%s\": %zu bytes, at most %zu expected",
                         place, key, strlen(value), cap - 1);
    }
    memcpy(out, value, strlen(value) + 1);
    return FAULT_NONE;
}

static int read_policy(const struct safetensors *st, const char *place, model_params *params,
                       struct fault *fault)
{
    const char *features;
    const int rc = need_meta(st, place, "policy", &features, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (model_params_built_in(params, features) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: metadata \"policy\": \"%.160s\", up to %d different features of "
                         "docs/model.md expected",
                         place, features, MODEL_WEIGHTS_MAX);
    }
    const char *transform = safetensors_meta_find(st, "transform");
    if (transform != NULL &&
        model_transform_parse(&params->policy.transform, transform) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: metadata \"transform\": \"%.64s\", none or tanh5 expected", place,
                         transform);
    }
    return FAULT_NONE;
}

static int read_rule(const struct safetensors *st, const char *place, model_rule_kind *kind,
                     struct fault *fault)
{
    const char *rule;
    const int rc = need_meta(st, place, "rule", &rule, fault);
    if (rc == FAULT_NONE && model_rule_parse(kind, rule) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: metadata \"rule\": \"%.64s\", a rule of docs/model.md expected",
                         place, rule);
    }
    return rc;
}

static int read_texts(const struct safetensors *st, const char *place, struct model_file *model,
                      struct fault *fault)
{
    const struct {
        const char *key;
        char *out;
        size_t cap;
    } texts[] = {
        {"seed", model->seed, sizeof model->seed},
        {"data_sha256", model->data_sha256, sizeof model->data_sha256},
        {"made_by", model->made_by, sizeof model->made_by},
        {"note", model->note, sizeof model->note},
    };
    int rc = FAULT_NONE;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && rc == FAULT_NONE; i++) {
        rc = copy_meta(st, place, texts[i].key, texts[i].out, texts[i].cap, fault);
    }
    return rc;
}

static int read_model(const struct safetensors *st, const char *place, struct model_file *model,
                      struct fault *fault)
{
    model_net_shape shape = {0};
    model_rule_kind kind = MODEL_RULE_NONE;
    int rc = check_meta(st, place, "format", FORMAT, fault);
    if (rc == FAULT_NONE) {
        rc = check_meta(st, place, "version", VERSION, fault);
    }
    if (rc == FAULT_NONE) {
        rc = read_rule(st, place, &kind, fault);
    }
    if (rc == FAULT_NONE) {
        rc = read_policy(st, place, &model->params, fault);
    }
    if (rc == FAULT_NONE) {
        rc = read_texts(st, place, model, fault);
    }
    if (rc != FAULT_NONE) {
        return rc;
    }
    model->params.rule.kind = kind;
    const bool has_net = model_rule_has_net(kind);
    if (has_net) {
        shape.is_recurrent = model_rule_is_recurrent(kind);
        shape.n_inputs = model->params.policy.n + (uint32_t)model_rule_inputs(kind);
        shape.n_outputs = model->params.policy.n;
        rc = read_count(st, place, "hidden", MODEL_HIDDEN_MAX, &shape.n_hidden, fault);
        if (rc == FAULT_NONE) {
            rc = read_count(st, place, "layers", MODEL_LAYERS_MAX, &shape.n_layers, fault);
        }
    }
    if (rc == FAULT_NONE) {
        rc = refuse_others(st, place, model, has_net ? &shape : NULL, fault);
    }
    if (rc == FAULT_NONE) {
        rc = read_vectors(st, place, &model->params, fault);
    }
    if (rc == FAULT_NONE && has_net) {
        rc = read_net(st, place, &shape, model, fault);
    }
    return rc;
}

static void set_hash(struct model_file *model, const uint8_t *bytes, size_t size)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256(digest, bytes, size);
    (void)sodium_bin2hex(model->hash, sizeof model->hash, digest, HASH_HEX / 2);
}

int model_file_parse(const char *place, const uint8_t *bytes, size_t size, struct model_file *out,
                     struct fault *fault)
{
    memset(out, 0, sizeof *out);
    struct safetensors *st = malloc(sizeof *st);
    if (st == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: no memory", place);
    }
    int rc = safetensors_parse(st, place, bytes, size, fault);
    if (rc == FAULT_NONE) {
        rc = read_model(st, place, out, fault);
    }
    free(st);
    if (rc != FAULT_NONE) {
        model_file_free(out);
        return rc;
    }
    set_hash(out, bytes, size);
    return FAULT_NONE;
}

int model_file_load(const char *path, struct model_file *out, struct fault *fault)
{
    memset(out, 0, sizeof *out);
    uint8_t *bytes;
    size_t size;
    int rc = safetensors_read(path, &bytes, &size, fault);
    if (rc == FAULT_NONE) {
        rc = model_file_parse(path, bytes, size, out, fault);
        free(bytes);
    }
    return rc;
}

void model_spec_init(struct model_spec *spec)
{
    *spec = (struct model_spec){.rate = (double)NAN, .baseline = (double)NAN, .decay = (double)NAN};
    for (int i = 0; i < MODEL_WEIGHTS_MAX; i++) {
        spec->drift_var[i] = (double)NAN;
        spec->session_var[i] = (double)NAN;
    }
}

static bool is_built_in(const model_params *params)
{
    model_params built_in;
    (void)model_params_built_in(&built_in, NULL);
    return params->rule.kind == MODEL_RULE_NONE &&
           model_policy_equals(&params->policy, &built_in.policy) &&
           memcmp(&params->noise, &built_in.noise, sizeof built_in.noise) == 0;
}

static int hash_built(struct model_file *model, struct fault *fault)
{
    if (is_built_in(&model->params)) {
        memcpy(model->hash, BUILT_IN, sizeof BUILT_IN);
        return FAULT_NONE;
    }
    uint8_t *bytes;
    size_t size;
    const int rc = model_file_encode(model, &bytes, &size, fault);
    if (rc == FAULT_NONE) {
        set_hash(model, bytes, size);
        free(bytes);
    }
    return rc;
}

int model_file_build(const struct model_spec *spec, struct model_file *out, struct fault *fault)
{
    memset(out, 0, sizeof *out);
    model_params params;
    model_rule_kind kind = MODEL_RULE_NONE;
    if (model_params_built_in(&params, spec->features) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT,
                         "features \"%.160s\": up to %d different features of docs/model.md "
                         "expected",
                         spec->features, MODEL_WEIGHTS_MAX);
    }
    if (spec->rule != NULL && model_rule_parse(&kind, spec->rule) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT, "rule \"%.64s\": a rule of docs/model.md expected",
                         spec->rule);
    }
    if (model_rule_has_net(kind)) {
        return fault_set(fault, FAULT_INPUT, "rule \"%s\": needs a model file with its weights",
                         spec->rule);
    }
    params.rule.kind = kind;
    for (uint32_t i = 0; i < params.policy.n; i++) {
        if (kind != MODEL_RULE_NONE) {
            params.rule.rate[i] = isnan(spec->rate) ? MODEL_FILE_RATE : spec->rate;
        }
        if (kind == MODEL_RULE_REINFORCE_BASE) {
            params.rule.baseline[i] = isnan(spec->baseline) ? 0.0 : spec->baseline;
        }
        if (kind == MODEL_RULE_ELIGIBILITY) {
            params.rule.decay[i] = isnan(spec->decay) ? MODEL_FILE_DECAY : spec->decay;
        }
        if (!isnan(spec->drift_var[i])) {
            params.noise.drift_var[i] = spec->drift_var[i];
        }
        if (!isnan(spec->session_var[i])) {
            params.noise.session_var[i] = spec->session_var[i];
        }
    }
    if (model_params_check(&params) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT,
                         "model: rate and baseline within %g, decay 0 to 1, variances 0 to %g "
                         "expected",
                         MODEL_RATE_MAX, MODEL_VAR_MAX);
    }
    out->params = params;
    return hash_built(out, fault);
}

int model_file_build_params(const model_params *params, struct model_file *out, struct fault *fault)
{
    memset(out, 0, sizeof *out);
    if (model_rule_has_net(params->rule.kind) || model_params_check(params) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT, "model: a parameter is out of its range");
    }
    out->params = *params;
    return hash_built(out, fault);
}

int model_file_build_net(const model_params *params, const model_net_shape *shape,
                         const model_net_tensors *tensors, struct model_file *out,
                         struct fault *fault)
{
    memset(out, 0, sizeof *out);
    const model_policy *policy = &params->policy;
    const uint32_t n_inputs = policy->n + (uint32_t)model_rule_inputs(params->rule.kind);
    if (!model_rule_has_net(params->rule.kind) || model_net_size(shape) == 0 ||
        shape->is_recurrent != model_rule_is_recurrent(params->rule.kind) ||
        shape->n_inputs != n_inputs || shape->n_outputs != policy->n) {
        return fault_set(fault, FAULT_INPUT,
                         "net: %u inputs and %u outputs, %u and %u expected by the policy",
                         (unsigned)shape->n_inputs, (unsigned)shape->n_outputs, (unsigned)n_inputs,
                         (unsigned)policy->n);
    }
    out->params = *params;
    out->params.rule.net = NULL;
    model_net_tensors given = *tensors;
    struct net_part from[NET_PARTS_MAX];
    struct net_part to[NET_PARTS_MAX];
    (void)list_parts(shape, &given, from);
    const size_t n = list_parts(shape, &out->tensors, to);
    int rc = place_weights(out, to, n, "net", fault);
    if (rc == FAULT_NONE) {
        float *at = out->weights;
        for (size_t i = 0; i < n; i++) {
            memcpy(at, *from[i].slot, part_values(&from[i]) * sizeof(float));
            at += part_values(&from[i]);
        }
        rc = finish_net(out, shape, "net", fault);
    }
    if (rc == FAULT_NONE && model_params_check(&out->params) != MODEL_OK) {
        rc = fault_set(fault, FAULT_INPUT, "net: a parameter of the filter is out of its range");
    }
    if (rc == FAULT_NONE) {
        rc = hash_built(out, fault);
    }
    if (rc != FAULT_NONE) {
        model_file_free(out);
    }
    return rc;
}

/* Gathers the first failure of many additions. */
#define ADD(call) (rc = rc == FAULT_NONE ? (call) : rc)

static int add_metadata(const struct model_file *model, struct safetensors *st, struct fault *fault)
{
    const model_params *params = &model->params;
    char features[MODEL_POLICY_TEXT_MAX];
    int rc = FAULT_NONE;
    if (model_policy_print(&params->policy, features, sizeof features) < 0) {
        return fault_set(fault, FAULT_WORK, "model: the policy's names are too long");
    }
    ADD(safetensors_add_meta(st, "format", FORMAT, fault));
    ADD(safetensors_add_meta(st, "version", VERSION, fault));
    ADD(safetensors_add_meta(st, "rule", model_rule_name(params->rule.kind), fault));
    ADD(safetensors_add_meta(st, "policy", features, fault));
    ADD(safetensors_add_meta(st, "transform", model_transform_name(params->policy.transform),
                             fault));
    if (model_rule_has_net(params->rule.kind)) {
        const model_net_shape *shape = model_net_shape_of(params->rule.net);
        char number[16];
        (void)snprintf(number, sizeof number, "%u", (unsigned)shape->n_hidden);
        ADD(safetensors_add_meta(st, "hidden", number, fault));
        (void)snprintf(number, sizeof number, "%u", (unsigned)shape->n_layers);
        ADD(safetensors_add_meta(st, "layers", number, fault));
    }
    const char *const texts[][2] = {{"seed", model->seed},
                                    {"data_sha256", model->data_sha256},
                                    {"made_by", model->made_by},
                                    {"note", model->note}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i][1][0] != '\0') {
            ADD(safetensors_add_meta(st, texts[i][0], texts[i][1], fault));
        }
    }
    return rc;
}

int model_file_encode(const struct model_file *model, uint8_t **bytes, size_t *size,
                      struct fault *fault)
{
    struct safetensors *st = calloc(1, sizeof *st);
    if (st == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for a model file");
    }
    model_params params = model->params;
    struct vector vectors[VECTORS];
    list_vectors(&params, vectors);
    const uint64_t n = params.policy.n;
    int rc = add_metadata(model, st, fault);
    for (int v = 0; v < VECTORS; v++) {
        if (vectors[v].is_allowed) {
            ADD(safetensors_add_f64(st, vectors[v].name, 1, &n, vectors[v].values, fault));
        }
    }
    if (model_rule_has_net(params.rule.kind)) {
        struct net_part parts[NET_PARTS_MAX];
        model_net_tensors tensors = model->tensors;
        const size_t n_parts = list_parts(model_net_shape_of(params.rule.net), &tensors, parts);
        for (size_t i = 0; i < n_parts; i++) {
            ADD(safetensors_add_f32(st, parts[i].name, parts[i].n_dims, parts[i].dims,
                                    *parts[i].slot, fault));
        }
    }
    ADD(safetensors_encode(st, bytes, size, fault));
    free(st);
    return rc;
}

int model_file_save(struct model_file *model, const char *path, struct fault *fault)
{
    uint8_t *bytes;
    size_t size;
    int rc = model_file_encode(model, &bytes, &size, fault);
    if (rc == FAULT_NONE) {
        rc = safetensors_write(path, bytes, size, fault);
        if (rc == FAULT_NONE) {
            set_hash(model, bytes, size);
        }
        free(bytes);
    }
    return rc;
}

void model_file_free(struct model_file *model)
{
    if (model == NULL) {
        return;
    }
    free(model->net);
    free(model->weights);
    memset(model, 0, sizeof *model);
}
