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
static const char BANK[] = "bank"; /* the rule of a file that holds several models */
static const char PRIOR[] = "bank.prior";

enum {
    NET_PARTS_MAX = 5 + 2 * (MODEL_LAYERS_MAX + 1),
    VECTORS = 12,
    PART_NAME_BYTES = 32,
    PREFIX_BYTES = 12,
    ABOUT_TEXTS = 4,
    HASH_HEX = MODEL_FILE_HASH_MAX
};

/* A file that is read. What belongs to member i of a bank is named "i." and the name that it has in
 * a file of its own. */
struct source {
    const struct safetensors *st;
    const char *place;
    struct fault *fault;
    char prefix[PREFIX_BYTES];
};

/* A file that is made; the first failure sticks. */
struct draft {
    struct safetensors *st;
    struct fault *fault;
    int rc;
    char prefix[PREFIX_BYTES];
};

_Static_assert(1 + MODEL_BANK_MAX * (NET_PARTS_MAX + VECTORS) <= SAFETENSORS_TENSORS_MAX,
               "the largest bank is a file");
_Static_assert(8 + ABOUT_TEXTS + MODEL_BANK_MAX * (3 + ABOUT_TEXTS) <= SAFETENSORS_META_MAX,
               "the largest bank is a file");

/* One tensor of a net: its name in a PyTorch state_dict, its shape, where its pointer goes. */
struct net_part {
    char name[PART_NAME_BYTES];
    uint32_t n_dims;
    uint64_t dims[2];
    const float **slot;
};

/* One vector over the policy's weights, or over the inputs of a net. Those of a range are there
 * together or not at all. */
struct vector {
    const char *name;
    double *values;
    double least;
    double most;
    bool is_required;
    bool is_allowed;
    bool is_range;
    uint64_t n; /* 0: one a weight */
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
    const double far = MODEL_FILE_RANGE_MAX;
    const bool has_rule = kind != MODEL_RULE_NONE;
    const uint64_t n_inputs = model_rule_inputs(kind);
    const bool has_net = n_inputs > 0;
    model_noise *noise = &params->noise;
    model_range *range = &params->range;
    const struct vector list[VECTORS] = {
        {"rule.rate", params->rule.rate, -rate, rate, is_classic, is_classic, false, 0},
        {"rule.baseline", params->rule.baseline, -rate, rate, has_base, has_base, false, 0},
        {"rule.decay", params->rule.decay, 0.0, 1.0, has_decay, has_decay, false, 0},
        {"filter.prior_mean", noise->prior_mean, -mean, mean, false, true, false, 0},
        {"filter.prior_var", noise->prior_var, DBL_MIN, var, false, true, false, 0},
        {"filter.drift_var", noise->drift_var, 0.0, var, false, true, false, 0},
        {"filter.session_var", noise->session_var, 0.0, var, false, true, false, 0},
        {"range.w_lo", range->w_lo, -far, far, false, has_rule, true, 0},
        {"range.w_hi", range->w_hi, -far, far, false, has_rule, true, 0},
        {"range.step_max", range->step_max, 0.0, far, false, has_rule, true, 0},
        {"range.x_lo", range->x_lo, -far, far, false, has_net, true, n_inputs},
        {"range.x_hi", range->x_hi, -far, far, false, has_net, true, n_inputs},
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

static void set_prefix(char prefix[PREFIX_BYTES], bool is_bank, uint32_t member)
{
    prefix[0] = '\0';
    if (is_bank) {
        (void)snprintf(prefix, PREFIX_BYTES, "%u.", (unsigned)member);
    }
}

struct full_name {
    char text[PREFIX_BYTES + SAFETENSORS_NAME_MAX + 1];
};

static struct full_name with_prefix(const char *prefix, const char *name)
{
    struct full_name full;
    (void)snprintf(full.text, sizeof full.text, "%.*s%.*s", PREFIX_BYTES - 1, prefix,
                   SAFETENSORS_NAME_MAX, name);
    return full;
}

static int find_tensor(const struct source *from, const char *name, uint32_t n_dims,
                       const uint64_t dims[], const struct safetensors_tensor **out)
{
    const struct full_name full = with_prefix(from->prefix, name);
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

static int read_vector(const struct source *from, const struct vector *vector, uint64_t n)
{
    const struct safetensors_tensor *tensor;
    const int rc = find_tensor(from, vector->name, 1, &n, &tensor);
    for (size_t i = 0; rc == FAULT_NONE && i < tensor->n; i++) {
        vector->values[i] = safetensors_value(tensor, i);
        if (!(vector->values[i] >= vector->least && vector->values[i] <= vector->most)) {
            return fault_set(from->fault, FAULT_INPUT,
                             "%s: tensor \"%s\": value %zu is %g, %.3g to %.3g expected",
                             from->place, tensor->name, i, vector->values[i], vector->least,
                             vector->most);
        }
    }
    return rc;
}

static bool is_there(const struct source *from, const struct vector *vector)
{
    return safetensors_find(from->st, with_prefix(from->prefix, vector->name).text) != NULL;
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
    struct vector vectors[VECTORS];
    int rc = FAULT_NONE;
    list_vectors(params, vectors);
    for (int v = 0; v < VECTORS; v++) {
        params->range.is_known =
            params->range.is_known || (vectors[v].is_range && is_there(from, &vectors[v]));
    }
    for (int v = 0; v < VECTORS && rc == FAULT_NONE; v++) {
        const bool is_wanted = vectors[v].is_range
                                   ? params->range.is_known
                                   : vectors[v].is_required || is_there(from, &vectors[v]);
        if (vectors[v].is_allowed && is_wanted) {
            rc = read_vector(from, &vectors[v], vectors[v].n > 0 ? vectors[v].n : params->policy.n);
        }
    }
    return rc == FAULT_NONE ? check_range(from, params) : rc;
}

/* Memory for the net's tensors, and each tensor's place in it. */
static int place_weights(struct model_file_member *member, const struct net_part parts[], size_t n,
                         const char *place, struct fault *fault)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++) {
        total += part_values(&parts[i]);
    }
    member->weights = calloc(total, sizeof member->weights[0]);
    if (member->weights == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: no memory for %zu weights", place, total);
    }
    float *at = member->weights;
    for (size_t i = 0; i < n; i++) {
        *parts[i].slot = at;
        at += part_values(&parts[i]);
    }
    return FAULT_NONE;
}

static int finish_net(struct model_file_member *member, model_rule *rule,
                      const model_net_shape *shape, const char *place, struct fault *fault)
{
    const size_t size = model_net_size(shape);
    model_net *net = NULL;
    member->net = aligned_alloc(MODEL_NET_ALIGN, size);
    if (member->net == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: no memory for a net of %zu bytes", place, size);
    }
    if (model_net_init(member->net, size, shape, &member->tensors, &net) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT, "%s: a weight of the net is not finite", place);
    }
    rule->net = net;
    return FAULT_NONE;
}

static int copy_net(const model_net_tensors *tensors, const model_net_shape *shape,
                    struct model_file_member *member, model_rule *rule, const char *place,
                    struct fault *fault)
{
    model_net_tensors given = *tensors;
    struct net_part from[NET_PARTS_MAX];
    struct net_part to[NET_PARTS_MAX];
    (void)list_parts(shape, &given, from);
    const size_t n = list_parts(shape, &member->tensors, to);
    const int rc = place_weights(member, to, n, place, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    float *at = member->weights;
    for (size_t i = 0; i < n; i++) {
        memcpy(at, *from[i].slot, part_values(&from[i]) * sizeof(float));
        at += part_values(&from[i]);
    }
    return finish_net(member, rule, shape, place, fault);
}

static int read_net(const struct source *from, const model_net_shape *shape,
                    struct model_file_member *member, model_rule *rule)
{
    struct net_part parts[NET_PARTS_MAX];
    const struct safetensors_tensor *tensors[NET_PARTS_MAX];
    const size_t n = list_parts(shape, &member->tensors, parts);
    int rc = FAULT_NONE;
    for (size_t i = 0; i < n && rc == FAULT_NONE; i++) {
        rc = find_tensor(from, parts[i].name, parts[i].n_dims, parts[i].dims, &tensors[i]);
    }
    if (rc == FAULT_NONE) {
        rc = place_weights(member, parts, n, from->place, from->fault);
    }
    float *to = member->weights;
    for (size_t i = 0; i < n && rc == FAULT_NONE; i++) {
        for (size_t k = 0; k < tensors[i]->n; k++) {
            const double value = safetensors_value(tensors[i], k);
            if (!(fabs(value) <= (double)MODEL_FILE_WEIGHT_MAX)) {
                return fault_set(from->fault, FAULT_INPUT,
                                 "%s: tensor \"%s\": value %zu is %g, -%g to %g expected",
                                 from->place, tensors[i]->name, k, value, MODEL_FILE_WEIGHT_MAX,
                                 MODEL_FILE_WEIGHT_MAX);
            }
            *to++ = (float)value;
        }
    }
    return rc == FAULT_NONE ? finish_net(member, rule, shape, from->place, from->fault) : rc;
}

/* True if a file of these parameters alone has a tensor of that name. */
static bool has_tensor(const model_params *params, const model_net_shape *shape, const char *name)
{
    struct net_part parts[NET_PARTS_MAX];
    struct vector vectors[VECTORS];
    model_net_tensors tensors;
    model_params list = *params;
    const size_t n = model_rule_has_net(params->rule.kind) ? list_parts(shape, &tensors, parts) : 0;
    bool is_known = false;
    list_vectors(&list, vectors);
    for (size_t k = 0; k < n; k++) {
        is_known = is_known || strcmp(name, parts[k].name) == 0;
    }
    for (size_t k = 0; k < VECTORS; k++) {
        is_known = is_known || (vectors[k].is_allowed && strcmp(name, vectors[k].name) == 0);
    }
    return is_known;
}

static int refuse_others(const struct source *from, const model_bank_params *bank,
                         const model_net_shape shapes[], bool is_bank)
{
    for (uint32_t t = 0; t < from->st->n_tensors; t++) {
        const char *name = from->st->tensors[t].name;
        bool is_known = is_bank && strcmp(name, PRIOR) == 0;
        for (uint32_t i = 0; i < bank->n && !is_known; i++) {
            char prefix[PREFIX_BYTES];
            set_prefix(prefix, is_bank, i);
            is_known = strncmp(name, prefix, strlen(prefix)) == 0 &&
                       has_tensor(&bank->member[i], &shapes[i], name + strlen(prefix));
        }
        if (!is_known) {
            return fault_set(from->fault, FAULT_INPUT,
                             "%s: tensor \"%s\": not part of such a %s model", from->place, name,
                             is_bank ? BANK : model_rule_name(bank->member[0].rule.kind));
        }
    }
    return FAULT_NONE;
}

static const char *find_meta(const struct source *from, const char *key)
{
    return safetensors_meta_find(from->st, with_prefix(from->prefix, key).text);
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

/* What says where a model comes from: metadata key, text, its size. */
struct about_text {
    const char *key;
    char *text;
    size_t cap;
};

static void list_about(struct model_file_about *about, struct about_text list[ABOUT_TEXTS])
{
    const struct about_text texts[ABOUT_TEXTS] = {
        {"seed", about->seed, sizeof about->seed},
        {"data_sha256", about->data_sha256, sizeof about->data_sha256},
        {"made_by", about->made_by, sizeof about->made_by},
        {"note", about->note, sizeof about->note},
    };
    memcpy(list, texts, sizeof texts);
}

static int read_about(const struct source *from, struct model_file_about *about)
{
    struct about_text texts[ABOUT_TEXTS];
    list_about(about, texts);
    for (int i = 0; i < ABOUT_TEXTS; i++) {
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
    if (!model_rule_has_net(params->rule.kind)) {
        return FAULT_NONE;
    }
    shape->is_recurrent = model_rule_is_recurrent(params->rule.kind);
    shape->n_inputs = params->policy.n + (uint32_t)model_rule_inputs(params->rule.kind);
    shape->n_outputs = params->policy.n;
    rc = read_count(from, "hidden", 1, MODEL_HIDDEN_MAX, &shape->n_hidden);
    return rc == FAULT_NONE ? read_count(from, "layers", 1, MODEL_LAYERS_MAX, &shape->n_layers)
                            : rc;
}

static int read_member(const struct source *from, const model_net_shape *shape,
                       model_params *params, struct model_file_member *member)
{
    const int rc = read_vectors(from, params);
    return rc == FAULT_NONE && model_rule_has_net(params->rule.kind)
               ? read_net(from, shape, member, &params->rule)
               : rc;
}

static int read_mixing(struct source *from, model_bank_params *bank)
{
    int rc = read_count(from, "members", 2, MODEL_BANK_MAX, &bank->n);
    if (rc == FAULT_NONE) {
        rc = read_real(from, "share", 0.0, MODEL_BANK_SHARE_MAX, &bank->share);
    }
    if (rc == FAULT_NONE) {
        rc = read_real(from, "temper", MODEL_BANK_TEMPER_MIN, MODEL_BANK_TEMPER_MAX, &bank->temper);
    }
    if (rc == FAULT_NONE) {
        rc = read_vector(
            from,
            &(struct vector){
                .name = PRIOR, .values = bank->prior, .least = MODEL_BANK_PRIOR_MIN, .most = 1.0},
            bank->n);
    }
    return rc;
}

static int add_members(struct model_file *model, const char *place, struct fault *fault)
{
    model->members = calloc(model->bank.n, sizeof model->members[0]);
    return model->members != NULL ? FAULT_NONE
                                  : fault_set(fault, FAULT_WORK, "%s: no memory for %u models",
                                              place, (unsigned)model->bank.n);
}

static int check_bank(const model_bank_params *bank, const char *place, struct fault *fault)
{
    return model_bank_check(bank) == MODEL_OK
               ? FAULT_NONE
               : fault_set(fault, FAULT_INPUT, "%s: tensor \"%s\": numbers whose sum is 1 expected",
                           place, PRIOR);
}

static int read_members(struct source *from, bool is_bank, const model_params *shared,
                        struct model_file *model)
{
    model_bank_params *bank = &model->bank;
    model_net_shape shapes[MODEL_BANK_MAX] = {{0}};
    int rc = add_members(model, from->place, from->fault);
    for (uint32_t i = 0; i < bank->n && rc == FAULT_NONE; i++) {
        set_prefix(from->prefix, is_bank, i);
        bank->member[i] = *shared;
        rc = read_rule(from, &bank->member[i], &shapes[i]);
        if (rc == FAULT_NONE && is_bank) {
            rc = read_about(from, &model->members[i].about);
        }
    }
    if (rc == FAULT_NONE) {
        rc = refuse_others(from, bank, shapes, is_bank);
    }
    for (uint32_t i = 0; i < bank->n && rc == FAULT_NONE; i++) {
        set_prefix(from->prefix, is_bank, i);
        rc = read_member(from, &shapes[i], &bank->member[i], &model->members[i]);
    }
    return rc == FAULT_NONE ? check_bank(bank, from->place, from->fault) : rc;
}

static int read_model(struct source *from, struct model_file *model)
{
    model_params shared;
    const char *rule;
    int rc = check_meta(from, "format", FORMAT);
    if (rc == FAULT_NONE) {
        rc = check_meta(from, "version", VERSION);
    }
    if (rc == FAULT_NONE) {
        rc = need_meta(from, "rule", &rule);
    }
    if (rc == FAULT_NONE) {
        rc = read_policy(from, &shared);
    }
    if (rc == FAULT_NONE) {
        rc = read_about(from, &model->about);
    }
    if (rc != FAULT_NONE) {
        return rc;
    }
    const bool is_bank = strcmp(rule, BANK) == 0;
    model_bank_single(&model->bank, &shared);
    if (is_bank) {
        rc = read_mixing(from, &model->bank);
    }
    return rc == FAULT_NONE ? read_members(from, is_bank, &shared, model) : rc;
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
        rc = read_model(&(struct source){.st = st, .place = place, .fault = fault}, out);
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
    if (!model_file_is_bank(model) && is_built_in(&model->bank.member[0])) {
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
    return model_file_build_params(&params, out, fault);
}

int model_file_build_params(const model_params *params, struct model_file *out, struct fault *fault)
{
    memset(out, 0, sizeof *out);
    if (model_rule_has_net(params->rule.kind) || model_params_check(params) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT,
                         "model: rate and baseline within %g, decay 0 to 1, variances 0 to %g "
                         "expected",
                         MODEL_RATE_MAX, MODEL_VAR_MAX);
    }
    model_bank_single(&out->bank, params);
    int rc = add_members(out, "model", fault);
    if (rc == FAULT_NONE) {
        rc = hash_built(out, fault);
    }
    if (rc != FAULT_NONE) {
        model_file_free(out);
    }
    return rc;
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
    model_bank_single(&out->bank, params);
    model_params *own = &out->bank.member[0];
    own->rule.net = NULL;
    int rc = add_members(out, "net", fault);
    if (rc == FAULT_NONE) {
        rc = copy_net(tensors, shape, &out->members[0], &own->rule, "net", fault);
    }
    if (rc == FAULT_NONE && model_params_check(own) != MODEL_OK) {
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

bool model_file_is_bank(const struct model_file *model)
{
    return model->bank.n > 1;
}

static int check_member(const struct model_file *member, const struct model_file *first,
                        const char *place, struct fault *fault)
{
    const model_policy *policy = &member->bank.member[0].policy;
    const model_policy *expected = &first->bank.member[0].policy;
    char features[2][MODEL_POLICY_TEXT_MAX] = {"", ""};
    if (model_file_is_bank(member)) {
        return fault_set(fault, FAULT_INPUT, "%s: is a bank; single models expected", place);
    }
    if (model_policy_equals(policy, expected)) {
        return FAULT_NONE;
    }
    (void)model_policy_print(policy, features[0], sizeof features[0]);
    (void)model_policy_print(expected, features[1], sizeof features[1]);
    return fault_set(fault, FAULT_INPUT,
                     "%s: policy %s, transform %s; %s, %s expected, as the first model's: the "
                     "members of a bank share one policy",
                     place, features[0], model_transform_name(policy->transform), features[1],
                     model_transform_name(expected->transform));
}

static int copy_member(const struct model_file *from, model_params *params,
                       struct model_file_member *member, const char *place, struct fault *fault)
{
    *params = from->bank.member[0];
    member->about = from->about;
    const model_net *net = params->rule.net;
    params->rule.net = NULL;
    return model_rule_has_net(params->rule.kind)
               ? copy_net(&from->members[0].tensors, model_net_shape_of(net), member, &params->rule,
                          place, fault)
               : FAULT_NONE;
}

int model_file_join(const struct model_file members[], const char *const places[], size_t n,
                    double share, double temper, const double prior[], struct model_file *out,
                    struct fault *fault)
{
    memset(out, 0, sizeof *out);
    if (n < 2 || n > MODEL_BANK_MAX) {
        return fault_set(fault, FAULT_INPUT, "bank: %zu models, 2 to %d expected", n,
                         MODEL_BANK_MAX);
    }
    model_bank_params *bank = &out->bank;
    bank->n = (uint32_t)n;
    bank->share = share;
    bank->temper = temper;
    int rc = add_members(out, "bank", fault);
    for (size_t i = 0; i < n && rc == FAULT_NONE; i++) {
        bank->prior[i] = prior != NULL ? prior[i] : 1.0 / (double)n;
        rc = check_member(&members[i], &members[0], places[i], fault);
        if (rc == FAULT_NONE) {
            rc = copy_member(&members[i], &bank->member[i], &out->members[i], places[i], fault);
        }
    }
    if (rc == FAULT_NONE && model_bank_check(bank) != MODEL_OK) {
        rc = fault_set(fault, FAULT_INPUT,
                       "bank: share 0 to %g, temper %g to %g and priors whose sum is 1 expected",
                       MODEL_BANK_SHARE_MAX, MODEL_BANK_TEMPER_MIN, MODEL_BANK_TEMPER_MAX);
    }
    if (rc == FAULT_NONE) {
        rc = hash_built(out, fault);
    }
    if (rc != FAULT_NONE) {
        model_file_free(out);
    }
    return rc;
}

static void add_meta(struct draft *draft, const char *key, const char *value)
{
    if (draft->rc == FAULT_NONE) {
        draft->rc = safetensors_add_meta(draft->st, with_prefix(draft->prefix, key).text, value,
                                         draft->fault);
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

static void add_shape(struct draft *draft, const model_rule *rule)
{
    if (model_rule_has_net(rule->kind)) {
        const model_net_shape *shape = model_net_shape_of(rule->net);
        add_count(draft, "hidden", shape->n_hidden);
        add_count(draft, "layers", shape->n_layers);
    }
}

static void add_about(struct draft *draft, const struct model_file_about *about)
{
    struct model_file_about copy = *about;
    struct about_text texts[ABOUT_TEXTS];
    list_about(&copy, texts);
    for (int i = 0; i < ABOUT_TEXTS; i++) {
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
    add_meta(draft, "format", FORMAT);
    add_meta(draft, "version", VERSION);
    add_meta(draft, "rule", is_bank ? BANK : model_rule_name(rule->kind));
    add_meta(draft, "policy", features);
    add_meta(draft, "transform", model_transform_name(policy->transform));
    if (is_bank) {
        add_count(draft, "members", bank->n);
        add_real(draft, "share", bank->share);
        add_real(draft, "temper", bank->temper);
    } else {
        add_shape(draft, rule);
    }
    add_about(draft, &model->about);
    for (uint32_t i = 0; is_bank && i < bank->n; i++) {
        set_prefix(draft->prefix, is_bank, i);
        add_meta(draft, "rule", model_rule_name(bank->member[i].rule.kind));
        add_shape(draft, &bank->member[i].rule);
        add_about(draft, &model->members[i].about);
    }
    draft->prefix[0] = '\0';
}

static void add_f64(struct draft *draft, const char *name, uint64_t n, const double values[])
{
    if (draft->rc == FAULT_NONE) {
        draft->rc = safetensors_add_f64(draft->st, with_prefix(draft->prefix, name).text, 1, &n,
                                        values, draft->fault);
    }
}

static void add_f32(struct draft *draft, const struct net_part *part)
{
    if (draft->rc == FAULT_NONE) {
        draft->rc = safetensors_add_f32(draft->st, with_prefix(draft->prefix, part->name).text,
                                        part->n_dims, part->dims, *part->slot, draft->fault);
    }
}

static void add_tensors(struct draft *draft, model_params *params, model_net_tensors *tensors)
{
    struct vector vectors[VECTORS];
    list_vectors(params, vectors);
    for (int v = 0; v < VECTORS; v++) {
        if (vectors[v].is_allowed && (!vectors[v].is_range || params->range.is_known)) {
            add_f64(draft, vectors[v].name, vectors[v].n > 0 ? vectors[v].n : params->policy.n,
                    vectors[v].values);
        }
    }
    if (model_rule_has_net(params->rule.kind)) {
        struct net_part parts[NET_PARTS_MAX];
        const size_t n = list_parts(model_net_shape_of(params->rule.net), tensors, parts);
        for (size_t i = 0; i < n; i++) {
            add_f32(draft, &parts[i]);
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
        add_f64(&draft, PRIOR, bank.n, bank.prior);
    }
    for (uint32_t i = 0; i < bank.n; i++) {
        set_prefix(draft.prefix, is_bank, i);
        add_tensors(&draft, &bank.member[i], &model->members[i].tensors);
    }
    if (draft.rc == FAULT_NONE) {
        draft.rc = safetensors_encode(draft.st, bytes, size, fault);
    }
    free(draft.st);
    return draft.rc;
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
    for (uint32_t i = 0; model->members != NULL && i < model->bank.n; i++) {
        free(model->members[i].net);
        free(model->members[i].weights);
    }
    free(model->members);
    memset(model, 0, sizeof *model);
}
