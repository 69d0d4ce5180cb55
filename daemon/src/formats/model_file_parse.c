#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_file.h"
#include "model_file_nets.h"
#include "model_file_schema.h"

/* A model from the tensors and metadata of a file, none of which is trusted. */

/* A file that is read. */
struct source {
    const struct safetensors *st;
    const char *place;
    struct fault *fault;
    char prefix[MODEL_FILE_PREFIX];
};

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

static int find_tensor(const struct source *from, const char *name, uint32_t n_dims,
                       const uint64_t dims[], const struct safetensors_tensor **out)
{
    const struct model_file_name full = model_file_schema_name(from->prefix, name);
    char expected[96];
    print_shape(n_dims, dims, expected, sizeof expected);
    const struct safetensors_tensor *tensor = safetensors_find(from->st, full.text);
    if (tensor == NULL) {
        return fault_set(from->fault, FAULT_INPUT, "%s: tensor \"%s\": missing, shape %s expected",
                         from->place, full.text, expected);
    }
    if (tensor->n_dims != n_dims ||
        memcmp(tensor->shape, dims, n_dims * sizeof tensor->shape[0]) != 0) {
        char found[96];
        print_shape(tensor->n_dims, tensor->shape, found, sizeof found);
        return fault_set(from->fault, FAULT_INPUT, "%s: tensor \"%s\": shape %s, %s expected",
                         from->place, full.text, found, expected);
    }
    *out = tensor;
    return FAULT_NONE;
}

static int value_fault(const struct source *from, const struct safetensors_tensor *tensor, size_t i,
                       double least, double most)
{
    return fault_set(from->fault, FAULT_INPUT,
                     "%s: tensor \"%s\": value %zu is %g, %.3g to %.3g expected", from->place,
                     tensor->name, i, safetensors_value(tensor, i), least, most);
}

static int read_vector(const struct source *from, const struct model_file_vector *vector,
                       uint64_t n_weights)
{
    const struct safetensors_tensor *tensor;
    uint64_t dims[2];
    const uint32_t n_dims = model_file_schema_shape(vector, n_weights, dims);
    const int rc = find_tensor(from, vector->name, n_dims, dims, &tensor);
    for (size_t i = 0; rc == FAULT_NONE && i < tensor->n; i++) {
        const double value = safetensors_value(tensor, i);
        const size_t row = vector->rows > 0 ? i / (size_t)dims[1] : 0;
        if (!(value >= vector->least && value <= vector->most)) {
            return value_fault(from, tensor, i, vector->least, vector->most);
        }
        vector->values[row * MODEL_WEIGHTS_MAX + i - row * (size_t)dims[1]] = value;
    }
    return rc;
}

/* The part that is forgotten is a row of the coefficients, with bounds of its own. */
static int check_forgetting(const struct source *from, const model_params *params)
{
    const double *forgetting = model_rule_forgetting(&params->rule);
    for (size_t i = 0; forgetting != NULL && i < params->policy.n; i++) {
        if (!(forgetting[i] >= -1.0 && forgetting[i] <= 1.0)) {
            const struct model_file_name name =
                model_file_schema_name(from->prefix, "rule.coefficient");
            return value_fault(from, safetensors_find(from->st, name.text),
                               MODEL_BASIS_FORGETTING * params->policy.n + i, -1.0, 1.0);
        }
    }
    return FAULT_NONE;
}

static bool has_tensor(const struct source *from, const char *name)
{
    return safetensors_find(from->st, model_file_schema_name(from->prefix, name).text) != NULL;
}

static int check_range(const struct source *from, const model_params *params)
{
    if (params->range.is_known &&
        !model_range_is_valid(&params->range, &params->rule, params->policy.n)) {
        return fault_set(from->fault, FAULT_INPUT,
                         "%s: tensors \"%srange...\": a lower end is above its upper end",
                         from->place, from->prefix);
    }
    return FAULT_NONE;
}

static int read_vectors(const struct source *from, model_params *params)
{
    struct model_file_vector vectors[MODEL_FILE_VECTORS];
    int rc = FAULT_NONE;
    model_file_schema_vectors(params, vectors);
    for (int v = 0; v < MODEL_FILE_VECTORS; v++) {
        params->range.is_known =
            params->range.is_known || (vectors[v].is_range && has_tensor(from, vectors[v].name));
    }
    for (int v = 0; v < MODEL_FILE_VECTORS && rc == FAULT_NONE; v++) {
        const bool is_wanted = vectors[v].is_range
                                   ? params->range.is_known
                                   : vectors[v].is_required || has_tensor(from, vectors[v].name);
        if (vectors[v].is_allowed && is_wanted) {
            rc = read_vector(from, &vectors[v], params->policy.n);
        }
    }
    rc = rc ? rc : check_forgetting(from, params);
    return rc ? rc : check_range(from, params);
}

/* Tensors that must be there, to memory that is the member's. */
static int read_parts(const struct source *from, const struct model_file_part parts[], size_t n,
                      float **memory)
{
    const struct safetensors_tensor *tensors[MODEL_FILE_NET_PARTS];
    int rc = FAULT_NONE;
    for (size_t i = 0; i < n && rc == FAULT_NONE; i++) {
        rc = find_tensor(from, parts[i].name, parts[i].n_dims, parts[i].dims, &tensors[i]);
    }
    rc = rc ? rc : model_file_nets_place(memory, parts, n, from->place, from->fault);
    float *to = *memory;
    for (size_t i = 0; i < n && rc == FAULT_NONE; i++) {
        for (size_t k = 0; k < tensors[i]->n; k++) {
            const double value = safetensors_value(tensors[i], k);
            if (!(value >= parts[i].least && value <= parts[i].most)) {
                return value_fault(from, tensors[i], k, parts[i].least, parts[i].most);
            }
            *to++ = (float)value;
        }
    }
    return rc;
}

/* Draws step as the rule itself does, whose forgetting has bounds of its own. */
static int check_draws(const struct source *from, const model_params *params,
                       const struct model_file_fit *fit)
{
    const size_t n = params->policy.n;
    for (size_t k = 0; fit->coefficient != NULL && k < MODEL_FILE_DRAWS * n; k++) {
        const size_t at = (k / n * MODEL_BASIS_TERMS + MODEL_BASIS_FORGETTING) * n + k % n;
        if (!(fabsf(fit->coefficient[at]) <= 1.0F)) {
            const struct model_file_name name =
                model_file_schema_name(from->prefix, "posterior.coefficient");
            return value_fault(from, safetensors_find(from->st, name.text), at, -1.0, 1.0);
        }
    }
    return FAULT_NONE;
}

static int read_fit(const struct source *from, const model_params *params,
                    struct model_file_member *member)
{
    struct model_file_part parts[MODEL_FILE_FIT_PARTS];
    const size_t n = model_file_schema_fit(params, &member->fit, parts);
    bool has_joint = false;
    size_t there = 0;
    for (size_t i = 0; i < n; i++) {
        has_joint =
            has_joint || (model_file_schema_is_joint(&parts[i]) && has_tensor(from, parts[i].name));
    }
    for (size_t i = 0; i < n; i++) {
        const bool is_joint = model_file_schema_is_joint(&parts[i]);
        if (is_joint ? has_joint : has_tensor(from, parts[i].name)) {
            parts[there++] = parts[i];
        }
    }
    const int rc = read_parts(from, parts, there, &member->fit_values);
    return rc ? rc : check_draws(from, params, &member->fit);
}

static int read_net(const struct source *from, const model_net_shape *shape,
                    struct model_file_member *member, model_rule *rule)
{
    struct model_file_part parts[MODEL_FILE_NET_PARTS];
    const size_t n = model_file_schema_net(shape, &member->tensors, parts);
    const int rc = read_parts(from, parts, n, &member->weights);
    return rc ? rc : model_file_nets_finish(member, rule, shape, from->place, from->fault);
}

static int refuse_others(const struct source *from, const model_bank_params *bank,
                         const model_net_shape shapes[], bool is_bank)
{
    for (uint32_t t = 0; t < from->st->n_tensors; t++) {
        const char *name = from->st->tensors[t].name;
        bool is_known = is_bank && strcmp(name, MODEL_FILE_PRIOR) == 0;
        for (uint32_t i = 0; i < bank->n && !is_known; i++) {
            char prefix[MODEL_FILE_PREFIX];
            model_file_schema_prefix(prefix, is_bank, i);
            is_known = strncmp(name, prefix, strlen(prefix)) == 0 &&
                       model_file_schema_has(&bank->member[i], &shapes[i], name + strlen(prefix));
        }
        if (!is_known) {
            return fault_set(
                from->fault, FAULT_INPUT, "%s: tensor \"%s\": not part of a %s model", from->place,
                name, is_bank ? MODEL_FILE_BANK : model_rule_name(bank->member[0].rule.kind));
        }
    }
    return FAULT_NONE;
}

static const char *find_meta(const struct source *from, const char *key)
{
    return safetensors_meta_find(from->st, model_file_schema_name(from->prefix, key).text);
}

static int need_meta(const struct source *from, const char *key, const char **value)
{
    *value = find_meta(from, key);
    if (*value == NULL) {
        return fault_set(from->fault, FAULT_INPUT, "%s: metadata \"%s%s\": missing", from->place,
                         from->prefix, key);
    }
    return FAULT_NONE;
}

/* A metadata string that must be one thing if it is there. */
static int check_meta(const struct source *from, const char *key, const char *expected)
{
    const char *found = find_meta(from, key);
    if (found != NULL && strcmp(found, expected) != 0) {
        return fault_set(from->fault, FAULT_INPUT,
                         "%s: metadata \"%s%s\": \"%.64s\", \"%s\" expected", from->place,
                         from->prefix, key, found, expected);
    }
    return FAULT_NONE;
}

static int read_count(const struct source *from, const char *key, uint32_t min, uint32_t max,
                      uint32_t *out)
{
    const char *text;
    const int rc = need_meta(from, key, &text);
    if (rc != FAULT_NONE) {
        return rc;
    }
    char *end;
    errno = 0;
    const long value = strtol(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value < (long)min || value > (long)max) {
        return fault_set(from->fault, FAULT_INPUT,
                         "%s: metadata \"%s%s\": \"%.64s\", a whole number %u to %u expected",
                         from->place, from->prefix, key, text, (unsigned)min, (unsigned)max);
    }
    *out = (uint32_t)value;
    return FAULT_NONE;
}

static int read_real(const struct source *from, const char *key, double min, double max,
                     double *out)
{
    const char *text;
    const int rc = need_meta(from, key, &text);
    if (rc != FAULT_NONE) {
        return rc;
    }
    char *end;
    const double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= min && value <= max)) {
        return fault_set(from->fault, FAULT_INPUT,
                         "%s: metadata \"%s%s\": \"%.64s\", a number %g to %g expected",
                         from->place, from->prefix, key, text, min, max);
    }
    *out = value;
    return FAULT_NONE;
}

static int read_policy(const struct source *from, model_params *params)
{
    const char *features;
    const int rc = need_meta(from, "policy", &features);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (model_params_built_in(params, features) != MODEL_OK) {
        return fault_set(from->fault, FAULT_INPUT,
                         "%s: metadata \"policy\": \"%.160s\", up to %d different features of "
                         "docs/model.md expected",
                         from->place, features, MODEL_WEIGHTS_MAX);
    }
    const char *transform = find_meta(from, "transform");
    if (transform != NULL &&
        model_transform_parse(&params->policy.transform, transform) != MODEL_OK) {
        return fault_set(from->fault, FAULT_INPUT,
                         "%s: metadata \"transform\": \"%.64s\", none or tanh5 expected",
                         from->place, transform);
    }
    return FAULT_NONE;
}

static int read_about(const struct source *from, struct model_file_about *about)
{
    struct model_file_text texts[MODEL_FILE_TEXTS];
    model_file_schema_texts(about, texts);
    for (int i = 0; i < MODEL_FILE_TEXTS; i++) {
        const char *value = find_meta(from, texts[i].key);
        if (value != NULL && strlen(value) >= texts[i].cap) {
            return fault_set(from->fault, FAULT_INPUT,
                             "%s: metadata \"%s%s\": %zu bytes, at most %zu expected", from->place,
                             from->prefix, texts[i].key, strlen(value), texts[i].cap - 1);
        }
        (void)snprintf(texts[i].text, texts[i].cap, "%s", value != NULL ? value : "");
    }
    return FAULT_NONE;
}

/* The rule of a member and the shape of its net, which say what tensors there must be. */
static int read_rule(const struct source *from, model_params *params, model_net_shape *shape)
{
    const char *rule;
    int rc = need_meta(from, "rule", &rule);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (model_rule_parse(&params->rule.kind, rule) != MODEL_OK) {
        return fault_set(from->fault, FAULT_INPUT,
                         "%s: metadata \"%srule\": \"%.64s\", a rule of docs/model.md expected",
                         from->place, from->prefix, rule);
    }
    const char *filter = find_meta(from, "filter");
    if (filter != NULL && model_filter_parse(&params->filter, filter) != MODEL_OK) {
        return fault_set(from->fault, FAULT_INPUT,
                         "%s: metadata \"%sfilter\": \"%.64s\", ekf or moments expected",
                         from->place, from->prefix, filter);
    }
    if (!model_rule_of(params->rule.kind)->has_net) {
        return FAULT_NONE;
    }
    shape->is_recurrent = model_rule_of(params->rule.kind)->is_recurrent;
    shape->n_inputs = params->policy.n + (uint32_t)model_rule_of(params->rule.kind)->n_inputs;
    shape->n_outputs = params->policy.n;
    rc = read_count(from, "hidden", 1, model_net_hidden_max(shape->is_recurrent), &shape->n_hidden);
    return rc ? rc : read_count(from, "layers", 1, MODEL_LAYERS_MAX, &shape->n_layers);
}

static int read_member(const struct source *from, const model_net_shape *shape,
                       model_params *params, struct model_file_member *member)
{
    int rc = read_vectors(from, params);
    rc = rc ? rc : read_fit(from, params, member);
    return rc == FAULT_NONE && model_rule_of(params->rule.kind)->has_net
               ? read_net(from, shape, member, &params->rule)
               : rc;
}

static int read_mixing(struct source *from, model_bank_params *bank)
{
    int rc = read_count(from, "members", 2, MODEL_BANK_MAX, &bank->n);
    rc = rc ? rc : read_real(from, "share", 0.0, MODEL_BANK_SHARE_MAX, &bank->share);
    rc =
        rc ? rc
           : read_real(from, "temper", MODEL_BANK_TEMPER_MIN, MODEL_BANK_TEMPER_MAX, &bank->temper);
    if (rc == FAULT_NONE) {
        rc = read_vector(from,
                         &(struct model_file_vector){.name = MODEL_FILE_PRIOR,
                                                     .values = bank->prior,
                                                     .least = MODEL_BANK_PRIOR_MIN,
                                                     .most = 1.0},
                         bank->n);
    }
    return rc;
}

static int check_bank(const model_bank_params *bank, const char *place, struct fault *fault)
{
    return model_bank_check(bank) == MODEL_OK
               ? FAULT_NONE
               : fault_set(fault, FAULT_INPUT, "%s: tensor \"%s\": numbers whose sum is 1 expected",
                           place, MODEL_FILE_PRIOR);
}

static int read_members(struct source *from, bool is_bank, const model_params *shared,
                        struct model_file *model)
{
    model_bank_params *bank = &model->bank;
    model_net_shape shapes[MODEL_BANK_MAX] = {{0}};
    int rc = model_file_nets_init(model, from->place, from->fault);
    for (uint32_t i = 0; i < bank->n && rc == FAULT_NONE; i++) {
        model_file_schema_prefix(from->prefix, is_bank, i);
        bank->member[i] = *shared;
        rc = read_rule(from, &bank->member[i], &shapes[i]);
        if (rc == FAULT_NONE && is_bank) {
            rc = read_about(from, &model->members[i].about);
        }
    }
    rc = rc ? rc : refuse_others(from, bank, shapes, is_bank);
    for (uint32_t i = 0; i < bank->n && rc == FAULT_NONE; i++) {
        model_file_schema_prefix(from->prefix, is_bank, i);
        rc = read_member(from, &shapes[i], &bank->member[i], &model->members[i]);
    }
    return rc ? rc : check_bank(bank, from->place, from->fault);
}

static int read_model(struct source *from, struct model_file *model)
{
    model_params shared;
    const char *rule;
    int rc = check_meta(from, "format", MODEL_FILE_FORMAT);
    rc = rc ? rc : check_meta(from, "version", MODEL_FILE_VERSION);
    rc = rc ? rc : need_meta(from, "rule", &rule);
    rc = rc ? rc : read_policy(from, &shared);
    rc = rc ? rc : read_about(from, &model->about);
    if (rc != FAULT_NONE) {
        return rc;
    }
    const bool is_bank = strcmp(rule, MODEL_FILE_BANK) == 0;
    model_bank_single(&model->bank, &shared);
    if (is_bank) {
        rc = read_mixing(from, &model->bank);
    }
    return rc ? rc : read_members(from, is_bank, &shared, model);
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
        rc = read_model(&(struct source){.st = st, .place = place, .fault = fault}, out);
    }
    free(st);
    if (rc != FAULT_NONE) {
        model_file_free(out);
        return rc;
    }
    model_file_hash_bytes(out, bytes, size);
    return FAULT_NONE;
}
