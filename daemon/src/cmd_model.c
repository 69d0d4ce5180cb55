#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "options.h"
#include "spec.h"

/* The tensors and the metadata of a model, as its file holds them. */
static int list_contents(const struct model_file *model, const char *path, uint8_t **bytes,
                         struct safetensors *st, struct fault *fault)
{
    size_t size = 0;
    const int rc = model_file_encode(model, bytes, &size, fault);
    return rc != FAULT_NONE ? rc : safetensors_parse(st, path, *bytes, size, fault);
}

static void print_shape(const struct safetensors_tensor *t, const char *between)
{
    for (uint32_t i = 0; i < t->n_dims; i++) {
        printf("%s%llu", i > 0 ? between : "", (unsigned long long)t->shape[i]);
    }
}

static const char *type_name(enum safetensors_type type)
{
    return type == SAFETENSORS_F32 ? "F32" : "F64";
}

static void print_people(const struct model_file *model, const char *path,
                         const struct safetensors *st)
{
    const model_params *p = &model->params;
    char features[MODEL_POLICY_TEXT_MAX] = "";
    (void)model_policy_print(&p->policy, features, sizeof features);
    printf("file       %s\n", path);
    printf("hash       %s\n", model->hash);
    printf("rule       %s: %s\n", model_rule_name(p->rule.kind), model_rule_formula(p->rule.kind));
    printf("policy     %s\n", features);
    printf("transform  %s\n", model_transform_name(p->policy.transform));
    if (p->rule.net != NULL) {
        const model_net_shape *shape = model_net_shape_of(p->rule.net);
        printf("net        %u inputs, %s%u layers of %u units, %u outputs\n", shape->n_inputs,
               shape->is_recurrent ? "GRU, " : "", shape->n_layers, shape->n_hidden,
               shape->n_outputs);
    }
    printf("\n%-15s %10s %10s %10s %10s %10s %10s %10s\n", "weight", "start", "start sd",
           "noise sd", "session sd", "rate", "baseline", "decay");
    for (uint32_t i = 0; i < p->policy.n; i++) {
        printf("%-15s %10.4g %10.4g %10.4g %10.4g %10.4g %10.4g %10.4g\n",
               model_feature_name(p->policy.feature[i]), p->noise.prior_mean[i],
               sqrt(p->noise.prior_var[i]), sqrt(p->noise.drift_var[i]),
               sqrt(p->noise.session_var[i]), p->rule.rate[i], p->rule.baseline[i],
               p->rule.decay[i]);
    }
    printf("\n%-28s %4s  shape\n", "tensor", "type");
    for (uint32_t i = 0; i < st->n_tensors; i++) {
        printf("%-28s %4s  ", st->tensors[i].name, type_name(st->tensors[i].type));
        print_shape(&st->tensors[i], " x ");
        putchar('\n');
    }
    printf("\nmetadata\n");
    for (uint32_t i = 0; i < st->n_meta; i++) {
        printf("%-28s %s\n", st->meta[i].key, st->meta[i].value);
    }
}

static void print_string(const char *text)
{
    putchar('"');
    for (const char *s = text; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\') {
            printf("\\%c", *s);
        } else if ((unsigned char)*s < 0x20) {
            printf("\\u%04x", (unsigned)*s);
        } else {
            putchar(*s);
        }
    }
    putchar('"');
}

static void print_values(const char *key, const double v[], uint32_t n)
{
    printf("\"%s\": [", key);
    for (uint32_t i = 0; i < n; i++) {
        printf("%s%.17g", i > 0 ? ", " : "", v[i]);
    }
    printf("], ");
}

static void print_json(const struct model_file *model, const struct safetensors *st)
{
    const model_params *p = &model->params;
    const uint32_t n = p->policy.n;
    printf("{\"hash\": \"%s\", \"rule\": \"%s\", \"policy\": [", model->hash,
           model_rule_name(p->rule.kind));
    for (uint32_t i = 0; i < n; i++) {
        printf("%s\"%s\"", i > 0 ? ", " : "", model_feature_name(p->policy.feature[i]));
    }
    printf("], \"transform\": \"%s\", ", model_transform_name(p->policy.transform));
    if (p->rule.net != NULL) {
        const model_net_shape *shape = model_net_shape_of(p->rule.net);
        printf("\"net\": {\"recurrent\": %s, \"inputs\": %u, \"layers\": %u, \"units\": %u, "
               "\"outputs\": %u}, ",
               shape->is_recurrent ? "true" : "false", shape->n_inputs, shape->n_layers,
               shape->n_hidden, shape->n_outputs);
    }
    print_values("prior_mean", p->noise.prior_mean, n);
    print_values("prior_var", p->noise.prior_var, n);
    print_values("drift_var", p->noise.drift_var, n);
    print_values("session_var", p->noise.session_var, n);
    print_values("rate", p->rule.rate, n);
    print_values("baseline", p->rule.baseline, n);
    print_values("decay", p->rule.decay, n);
    printf("\"tensors\": {");
    for (uint32_t i = 0; i < st->n_tensors; i++) {
        printf("%s", i > 0 ? ", " : "");
        print_string(st->tensors[i].name);
        printf(": {\"type\": \"%s\", \"shape\": [", type_name(st->tensors[i].type));
        print_shape(&st->tensors[i], ", ");
        printf("]}");
    }
    printf("}, \"metadata\": {");
    for (uint32_t i = 0; i < st->n_meta; i++) {
        printf("%s", i > 0 ? ", " : "");
        print_string(st->meta[i].key);
        printf(": ");
        print_string(st->meta[i].value);
    }
    printf("}}\n");
}

static int show(const char *path, bool json, struct fault *fault)
{
    struct model_file model = {0};
    struct safetensors *st = calloc(1, sizeof *st);
    uint8_t *bytes = NULL;
    int rc = st != NULL ? FAULT_NONE : fault_set(fault, FAULT_WORK, "no memory");
    if (rc == FAULT_NONE) {
        rc = model_file_load(path, &model, fault);
    }
    if (rc == FAULT_NONE) {
        rc = list_contents(&model, path, &bytes, st, fault);
    }
    if (rc == FAULT_NONE && json) {
        print_json(&model, st);
    } else if (rc == FAULT_NONE) {
        print_people(&model, path, st);
    }
    free(bytes);
    free(st);
    model_file_free(&model);
    return rc;
}

static int make(struct spec *spec, const char *note, const char *out, struct fault *fault)
{
    struct model_file model;
    if (out == NULL) {
        return fault_set(fault, FAULT_INPUT, "option o: the file to write was expected with --new");
    }
    if (note != NULL && strlen(note) >= sizeof model.note) {
        return fault_set(fault, FAULT_INPUT, "option note: %zu bytes; at most %zu expected",
                         strlen(note), sizeof model.note - 1);
    }
    int rc = spec_build(spec, &model, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (model_params_check(&model.params) != MODEL_OK) {
        rc = fault_set(fault, FAULT_INPUT,
                       "option start-sd: a model's must be above 0, so that the twin can learn");
    }
    /* Without the version: the same words give the same bytes. */
    (void)snprintf(model.made_by, sizeof model.made_by, "murid model --new");
    (void)snprintf(model.note, sizeof model.note, "%s", note != NULL ? note : "");
    if (rc == FAULT_NONE) {
        rc = model_file_save(&model, out, fault);
    }
    if (rc == FAULT_NONE) {
        printf("%s %s\n", model.hash, out);
    }
    model_file_free(&model);
    return rc;
}

int cmd_model(int argc, char **argv)
{
    struct spec spec;
    const char *path = NULL;
    const char *out = NULL;
    const char *note = NULL;
    bool json = false;
    bool is_new = false;
    spec_init(&spec);
    const struct option own[] = {
        {"json", OPTION_FLAG, &json, 0, 0, NULL, "show it for programs", NULL},
        {"new", OPTION_FLAG, &is_new, 0, 0, NULL, "write a model of a classic rule", NULL},
        {"note", OPTION_TEXT, &note, 0, 0, "TEXT", "kept in the new file", NULL},
        {"o", OPTION_TEXT, &out, 0, 0, "M.safetensors", "the new file", NULL},
    };
    struct option list[SPEC_OPTIONS + sizeof own / sizeof own[0]];
    memcpy(list + spec_options(&spec, list), own, sizeof own);
    struct options options = {
        .usage = "model M [--json] | model --new [options] -o M.safetensors",
        .about = "Shows what is in a model file, or writes a new one: a filter whose weights are\n"
                 "moved by a classic learning rule with stated parameters.",
        .list = list,
        .n = sizeof list / sizeof list[0],
        .arguments = &path,
        .arguments_min = 0,
        .arguments_max = 1};
    int code = 0;
    if (!options_read(&options, argc, argv, &code)) {
        return code;
    }
    struct fault fault;
    int rc = FAULT_NONE;
    if (is_new == (path != NULL) || (!is_new && (spec.given || note != NULL || out != NULL))) {
        rc = fault_set(&fault, FAULT_INPUT,
                       "a model file to show, or --new and the parameters of one to write, was "
                       "expected; murid model --help says more");
    } else {
        rc = is_new ? make(&spec, note, out, &fault) : show(path, json, &fault);
    }
    return rc == FAULT_NONE ? 0 : fault_report(&fault, rc);
}
