#include "model_file_encode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checksum.h"
#include "model_file_schema.h"

/* The tensors and metadata of a model as a file; what is read back by model_file_parse.c. */

/* A file that is made; the first failure sticks. */
struct draft {
    struct safetensors *st;
    struct fault *fault;
    int rc;
    char prefix[MODEL_FILE_PREFIX];
};

static void add_meta(struct draft *draft, const char *key, const char *value)
{
    if (draft->rc == FAULT_NONE) {
        draft->rc = safetensors_add_meta(draft->st, model_file_schema_name(draft->prefix, key).text,
                                         value, draft->fault);
    }
}

static void add_count(struct draft *draft, const char *key, uint32_t value)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%u", (unsigned)value);
    add_meta(draft, key, number);
}

static void add_real(struct draft *draft, const char *key, double value)
{
    char number[32];
    (void)snprintf(number, sizeof number, "%.17g", value);
    add_meta(draft, key, number);
}

/* The filter that every file had once is not said. */
static void add_member(struct draft *draft, const model_params *params)
{
    if (params->filter != MODEL_FILTER_EKF) {
        add_meta(draft, "filter", model_filter_name(params->filter));
    }
    if (model_rule_of(params->rule.kind)->has_net) {
        const model_net_shape *shape = model_net_shape_of(params->rule.net);
        add_count(draft, "hidden", shape->n_hidden);
        add_count(draft, "layers", shape->n_layers);
    }
}

static void add_about(struct draft *draft, const struct model_file_about *about)
{
    struct model_file_about copy = *about;
    struct model_file_text texts[MODEL_FILE_TEXTS];
    model_file_schema_texts(&copy, texts);
    for (int i = 0; i < MODEL_FILE_TEXTS; i++) {
        if (texts[i].text[0] != '\0') {
            add_meta(draft, texts[i].key, texts[i].text);
        }
    }
}

static void add_metadata(struct draft *draft, const struct model_file *model)
{
    const model_bank_params *bank = &model->bank;
    const model_rule *rule = &bank->member[0].rule;
    const model_policy *policy = &bank->member[0].policy;
    const bool is_bank = model_file_is_bank(model);
    char features[MODEL_POLICY_TEXT_MAX] = "";
    (void)model_policy_print(policy, features, sizeof features);
    add_meta(draft, "format", MODEL_FILE_FORMAT);
    add_meta(draft, "version", MODEL_FILE_VERSION);
    add_meta(draft, "rule", is_bank ? MODEL_FILE_BANK : model_rule_name(rule->kind));
    add_meta(draft, "policy", features);
    add_meta(draft, "transform", model_transform_name(policy->transform));
    if (is_bank) {
        add_count(draft, "members", bank->n);
        add_real(draft, "share", bank->share);
        add_real(draft, "temper", bank->temper);
    } else {
        add_member(draft, &bank->member[0]);
    }
    add_about(draft, &model->about);
    for (uint32_t i = 0; is_bank && i < bank->n; i++) {
        model_file_schema_prefix(draft->prefix, is_bank, i);
        add_meta(draft, "rule", model_rule_name(bank->member[i].rule.kind));
        add_member(draft, &bank->member[i]);
        add_about(draft, &model->members[i].about);
    }
    draft->prefix[0] = '\0';
}

static void add_f64(struct draft *draft, const char *name, uint32_t n_dims, const uint64_t dims[],
                    const double values[])
{
    if (draft->rc == FAULT_NONE) {
        draft->rc = safetensors_add_f64(draft->st, model_file_schema_name(draft->prefix, name).text,
                                        n_dims, dims, values, draft->fault);
    }
}

/* Rows that stood MODEL_WEIGHTS_MAX values apart stand one behind the other. */
static void close_up(double values[], uint64_t rows, uint64_t n)
{
    for (uint64_t i = 1; i < rows; i++) {
        memmove(values + i * n, values + i * MODEL_WEIGHTS_MAX, (size_t)n * sizeof values[0]);
    }
}

/* The vector's values are those of a copy of the model, which the draft may lay out anew. */
static void add_vector(struct draft *draft, const struct model_file_vector *vector,
                       uint64_t n_weights)
{
    uint64_t dims[2];
    const uint32_t n_dims = model_file_schema_shape(vector, n_weights, dims);
    close_up(vector->values, vector->rows, dims[1]);
    add_f64(draft, vector->name, n_dims, dims, vector->values);
}

static void add_f32(struct draft *draft, const struct model_file_part *part)
{
    if (draft->rc == FAULT_NONE) {
        draft->rc =
            safetensors_add_f32(draft->st, model_file_schema_name(draft->prefix, part->name).text,
                                part->n_dims, part->dims, *part->slot, draft->fault);
    }
}

static void add_tensors(struct draft *draft, model_params *params, struct model_file_member *member)
{
    struct model_file_vector vectors[MODEL_FILE_VECTORS];
    model_file_schema_vectors(params, vectors);
    for (int v = 0; v < MODEL_FILE_VECTORS; v++) {
        if (vectors[v].is_allowed && (!vectors[v].is_range || params->range.is_known)) {
            add_vector(draft, &vectors[v], params->policy.n);
        }
    }
    if (model_rule_of(params->rule.kind)->has_net) {
        struct model_file_part parts[MODEL_FILE_NET_PARTS];
        const size_t n =
            model_file_schema_net(model_net_shape_of(params->rule.net), &member->tensors, parts);
        for (size_t i = 0; i < n; i++) {
            add_f32(draft, &parts[i]);
        }
    }
    struct model_file_part said[MODEL_FILE_FIT_PARTS];
    const size_t n_said = model_file_schema_fit(params, &member->fit, said);
    for (size_t i = 0; i < n_said; i++) {
        if (*said[i].slot != NULL) {
            add_f32(draft, &said[i]);
        }
    }
}

int model_file_encode(const struct model_file *model, uint8_t **bytes, size_t *size,
                      struct fault *fault)
{
    const bool is_bank = model_file_is_bank(model);
    model_bank_params bank = model->bank;
    struct draft draft = {.st = calloc(1, sizeof *draft.st), .fault = fault};
    if (draft.st == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for a model file");
    }
    add_metadata(&draft, model);
    if (is_bank) {
        add_f64(&draft, MODEL_FILE_PRIOR, 1, &(uint64_t){bank.n}, bank.prior);
    }
    for (uint32_t i = 0; i < bank.n; i++) {
        model_file_schema_prefix(draft.prefix, is_bank, i);
        add_tensors(&draft, &bank.member[i], &model->members[i]);
    }
    if (draft.rc == FAULT_NONE) {
        draft.rc = safetensors_encode(draft.st, bytes, size, fault);
    }
    free(draft.st);
    return draft.rc;
}

static const char BUILT_IN[] = "built-in";

void model_file_hash_bytes(struct model_file *model, const uint8_t *bytes, size_t size)
{
    _Static_assert(sizeof model->hash == CHECKSUM_NAME, "a hash of that size");
    checksum_name(model->hash, bytes, size);
}

static bool is_built_in(const model_params *params)
{
    model_params built_in;
    (void)model_params_built_in(&built_in, NULL);
    return params->rule.kind == MODEL_RULE_NONE &&
           model_policy_equals(&params->policy, &built_in.policy) &&
           memcmp(&params->noise, &built_in.noise, sizeof built_in.noise) == 0;
}

int model_file_hash_built(struct model_file *model, struct fault *fault)
{
    if (!model_file_is_bank(model) && is_built_in(&model->bank.member[0])) {
        memcpy(model->hash, BUILT_IN, sizeof BUILT_IN);
        return FAULT_NONE;
    }
    uint8_t *bytes;
    size_t size;
    const int rc = model_file_encode(model, &bytes, &size, fault);
    if (rc == FAULT_NONE) {
        model_file_hash_bytes(model, bytes, size);
        free(bytes);
    }
    return rc;
}
