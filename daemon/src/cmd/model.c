#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "model_options.h"
#include "options.h"

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

static void print_net(const model_net *net)
{
    const model_net_shape *shape = model_net_shape_of(net);
    printf("net        %u inputs, %s%u layers of %u units, %u outputs\n", shape->n_inputs,
           shape->is_recurrent ? "GRU, " : "", shape->n_layers, shape->n_hidden, shape->n_outputs);
}

static void print_heading(const struct model_file *model, const char *path)
{
    const model_bank_params *bank = &model->bank;
    const model_params *p = &bank->member[0];
    char features[MODEL_POLICY_TEXT_MAX] = "";
    (void)model_policy_print(&p->policy, features, sizeof features);
    printf("file       %s\n", path);
    printf("hash       %s\n", model->hash);
    if (model_file_is_bank(model)) {
        printf("rule       bank: %u members, share %g, temper %g\n", (unsigned)bank->n, bank->share,
               bank->temper);
    } else {
        printf("rule       %s: %s\n", model_rule_name(p->rule.kind),
               model_rule_of(p->rule.kind)->formula);
    }
    printf("policy     %s\n", features);
    printf("transform  %s\n", model_transform_name(p->policy.transform));
}

static void print_single(const model_params *p, const struct safetensors *st)
{
    if (p->rule.net != NULL) {
        print_net(p->rule.net);
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

static void print_span(const char *member, const char *rule, const char *what, double lo, double hi)
{
    printf("%-6s %-15s %-15s %10.4g %10.4g", member, rule, what, lo, hi);
}

/* What the rules were fitted on, with the margin. */
static void print_ranges(const struct model_file *model)
{
    const model_bank_params *bank = &model->bank;
    bool is_first = true;
    for (uint32_t i = 0; i < bank->n; i++) {
        const model_params *p = &bank->member[i];
        const char *rule = model_rule_name(p->rule.kind);
        char member[16];
        (void)snprintf(member, sizeof member, "%u", (unsigned)i);
        if (!p->range.is_known) {
            continue;
        }
        if (is_first) {
            printf("\n%-6s %-15s %-15s %10s %10s %10s\n", "member", "rule", "fitted on", "from",
                   "to", "step");
            is_first = false;
        }
        for (uint32_t k = 0; k < p->policy.n; k++) {
            print_span(member, rule, model_feature_name(p->policy.feature[k]), p->range.w_lo[k],
                       p->range.w_hi[k]);
            printf(" %10.4g\n", p->range.step_max[k]);
        }
        for (size_t k = 0; k < model_rule_of(p->rule.kind)->n_inputs; k++) {
            print_span(member, rule, model_rule_input_name(k), p->range.x_lo[k], p->range.x_hi[k]);
            putchar('\n');
        }
    }
}

static void print_members(const struct model_file *model)
{
    const model_bank_params *bank = &model->bank;
    printf("\n%-6s %-15s %6s %6s %-12s %8s  note\n", "member", "rule", "units", "layers", "seed",
           "prior");
    for (uint32_t i = 0; i < bank->n; i++) {
        const model_rule *rule = &bank->member[i].rule;
        const struct model_file_about *about = &model->members[i].about;
        char units[16] = "-";
        char layers[16] = "-";
        if (rule->net != NULL) {
            const model_net_shape *shape = model_net_shape_of(rule->net);
            (void)snprintf(units, sizeof units, "%u", shape->n_hidden);
            (void)snprintf(layers, sizeof layers, "%u", shape->n_layers);
        }
        printf("%-6u %-15s %6s %6s %-12s %8.4f%s%s\n", (unsigned)i, model_rule_name(rule->kind),
               units, layers, about->seed[0] != '\0' ? about->seed : "-", bank->prior[i],
               about->note[0] != '\0' ? "  " : "", about->note);
    }
    if (model->about.note[0] != '\0') {
        printf("\nnote       %s\n", model->about.note);
    }
}

static void print_people(const struct model_file *model, const char *path,
                         const struct safetensors *st)
{
    print_heading(model, path);
    if (model_file_is_bank(model)) {
        print_members(model);
    } else {
        print_single(&model->bank.member[0], st);
    }
    print_ranges(model);
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

static void print_parameters(const model_params *p)
{
    const uint32_t n = p->policy.n;
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
    if (p->range.is_known) {
        const uint32_t n_inputs = (uint32_t)model_rule_of(p->rule.kind)->n_inputs;
        print_values("range_w_lo", p->range.w_lo, n);
        print_values("range_w_hi", p->range.w_hi, n);
        print_values("range_step_max", p->range.step_max, n);
        print_values("range_x_lo", p->range.x_lo, n_inputs);
        print_values("range_x_hi", p->range.x_hi, n_inputs);
    }
}

static void print_member_objects(const struct model_file *model)
{
    const model_bank_params *bank = &model->bank;
    printf("\"share\": %.17g, \"temper\": %.17g, \"members\": [", bank->share, bank->temper);
    for (uint32_t i = 0; i < bank->n; i++) {
        printf("%s{\"rule\": \"%s\", ", i > 0 ? ", " : "",
               model_rule_name(bank->member[i].rule.kind));
        print_parameters(&bank->member[i]);
        printf("\"seed\": ");
        print_string(model->members[i].about.seed);
        printf(", \"prior\": %.17g}", bank->prior[i]);
    }
    printf("], ");
}

static void print_json(const struct model_file *model, const struct safetensors *st)
{
    const model_params *p = &model->bank.member[0];
    const bool is_bank = model_file_is_bank(model);
    printf("{\"hash\": \"%s\", \"rule\": \"%s\", \"policy\": [", model->hash,
           is_bank ? "bank" : model_rule_name(p->rule.kind));
    for (uint32_t i = 0; i < p->policy.n; i++) {
        printf("%s\"%s\"", i > 0 ? ", " : "", model_feature_name(p->policy.feature[i]));
    }
    printf("], \"transform\": \"%s\", ", model_transform_name(p->policy.transform));
    if (is_bank) {
        print_member_objects(model);
    } else {
        print_parameters(p);
    }
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

/* What is written: words for a new model, or models to join. */
struct request {
    struct model_options spec;
    bool is_new, is_join;
    const char *paths[MODEL_BANK_MAX];
    size_t n_paths;
    double share;
    double temper;
    const char *note;
    const char *out;
    const struct output_guard *guard;
};

static int check_request(const struct request *r, struct fault *fault)
{
    const size_t most = sizeof((struct model_file_about *)0)->note - 1;
    if (r->out == NULL) {
        return fault_set(fault, FAULT_INPUT, "option o: the file to write was expected with --%s",
                         r->is_new ? "new" : "join");
    }
    if (r->note != NULL && strlen(r->note) > most) {
        return fault_set(fault, FAULT_INPUT, "option note: %zu bytes; at most %zu expected",
                         strlen(r->note), most);
    }
    return FAULT_NONE;
}

static int build(struct request *r, struct model_file *model, struct fault *fault)
{
    const int rc = model_options_build(&r->spec, model, fault);
    if (rc == FAULT_NONE && model_bank_check(&model->bank) != MODEL_OK) {
        model_file_free(model);
        return fault_set(fault, FAULT_INPUT,
                         "option start-sd: a model's must be above 0, so that the twin can learn");
    }
    return rc;
}

static int join(const struct request *r, struct model_file *model, struct fault *fault)
{
    struct model_file *members = calloc(r->n_paths, sizeof *members);
    if (members == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for %zu models", r->n_paths);
    }
    int rc = FAULT_NONE;
    for (size_t i = 0; i < r->n_paths && rc == FAULT_NONE; i++) {
        rc = model_file_load(r->paths[i], &members[i], fault);
    }
    if (rc == FAULT_NONE) {
        rc =
            model_file_join(members, r->paths, r->n_paths, r->share, r->temper, NULL, model, fault);
    }
    for (size_t i = 0; i < r->n_paths; i++) {
        model_file_free(&members[i]);
    }
    free(members);
    return rc;
}

static int make(struct request *r, struct fault *fault)
{
    struct model_file model;
    int rc = check_request(r, fault);
    if (rc == FAULT_NONE) {
        rc = r->is_new ? build(r, &model, fault) : join(r, &model, fault);
    }
    if (rc != FAULT_NONE) {
        return rc;
    }
    /* Without the version: the same words give the same bytes. */
    (void)snprintf(model.about.made_by, sizeof model.about.made_by, "murid model --%s",
                   r->is_new ? "new" : "join");
    (void)snprintf(model.about.note, sizeof model.about.note, "%s", r->note != NULL ? r->note : "");
    rc = model_file_save(&model, r->guard, r->out, fault);
    if (rc == FAULT_NONE) {
        printf("%s %s\n", model.hash, r->out);
    }
    model_file_free(&model);
    return rc;
}

/* One of three things is asked for; what is for another would have no effect. */
static int check_form(const struct request *r, struct fault *fault)
{
    if (r->is_new && r->n_paths > 0) {
        return fault_set(fault, FAULT_INPUT,
                         "\"%.60s\" was not expected: --new writes a model from its options, to -o "
                         "FILE",
                         r->paths[0]);
    }
    if (r->is_join && r->n_paths < 2) {
        return fault_set(fault, FAULT_INPUT, "option join: %zu models; two or more were expected",
                         r->n_paths);
    }
    if (!r->is_new && model_options_is_given(&r->spec)) {
        return fault_set(
            fault, FAULT_INPUT,
            "rule, rate, baseline, decay, policy, noise and start are for --new, which "
            "was expected with them");
    }
    if (!r->is_new && !r->is_join && r->n_paths != 1) {
        return fault_set(fault, FAULT_INPUT,
                         "%zu model files to show; one was expected, or --join before several, or "
                         "--new",
                         r->n_paths);
    }
    return r->is_new ? model_options_check(&r->spec, NULL, fault) : FAULT_NONE;
}

int cmd_model(int argc, char **argv)
{
    struct request r = {.share = MODEL_FILE_SHARE, .temper = 1.0};
    bool json = false;
    model_options_init(&r.spec, "none", (double)NAN, NULL);
    const struct option own[] = {
        {"json", OPTION_FLAG, &json, 0, 0, NULL, "show it for programs", NULL},
        {"new", OPTION_FLAG, &r.is_new, 0, 0, NULL, "write a model of a classic rule", NULL},
        {"join", OPTION_FLAG, &r.is_join, 0, 0, NULL, "write a bank of the models named", NULL},
        {"share", OPTION_REAL, &r.share, 0, MODEL_BANK_SHARE_MAX, "A",
         "of a bank's weights that each choice gives back", NULL},
        {"temper", OPTION_REAL, &r.temper, MODEL_BANK_TEMPER_MIN, MODEL_BANK_TEMPER_MAX, "B",
         "power of the likelihoods that weigh a bank", NULL},
        {"note", OPTION_TEXT, &r.note, 0, 0, "TEXT", "kept in the new file", NULL},
        {"o", OPTION_OUT, &r.out, 0, 0, "M.safetensors", "the new file", NULL},
    };
    struct option list[MODEL_OPTIONS_OPTIONS + sizeof own / sizeof own[0]];
    memcpy(list + model_options_options(&r.spec, list), own, sizeof own);
    static const struct option_rule rules[] = {{"new", OPTION_EXCLUDES, "join"},
                                               {"json", OPTION_EXCLUDES, "new|join"},
                                               {"share|temper", OPTION_NEEDS, "join"},
                                               {"note|o", OPTION_NEEDS, "new|join"}};
    struct options options = {
        .usage = "model M [--json] | model --new [options] -o M.safetensors | model --join A B... "
                 "-o BANK.safetensors",
        .about = "Shows what is in a model file, or writes a new one: a filter whose weights are\n"
                 "moved by a classic learning rule with stated parameters, or a bank of several\n"
                 "models of one policy, mixed for each animal by how well they predict it.",
        .list = list,
        .n = sizeof list / sizeof list[0],
        .rules = rules,
        .n_rules = sizeof rules / sizeof rules[0],
        .arguments = r.paths,
        .arguments_min = 0,
        .arguments_max = MODEL_BANK_MAX};
    int code = 0;
    if (!options_read(&options, argc, argv, &code)) {
        return code;
    }
    r.n_paths = options.n_arguments;
    r.guard = &options.guard;
    struct fault fault;
    int rc = check_form(&r, &fault);
    if (rc == FAULT_NONE) {
        rc = r.is_new || r.is_join ? make(&r, &fault) : show(r.paths[0], json, &fault);
    }
    return fault_report(&fault, rc);
}
