#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "basis_terms.h"
#include "command.h"
#include "json_writer.h"
#include "model_options.h"

/* The tensors and the metadata of a model, as its file holds them. */
static int list_contents(const struct model_file *model, const char *path, uint8_t **bytes,
                         struct safetensors *st, struct fault *fault)
{
    size_t size = 0;
    const int rc = model_file_encode(model, bytes, &size, fault);
    return rc != FAULT_NONE ? rc : safetensors_parse(st, path, *bytes, size, fault);
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
    printf("filter     %s\n", model_filter_name(p->filter));
}

static bool has_term(const model_params *p, size_t term)
{
    bool has = false;
    for (uint32_t i = 0; i < p->policy.n; i++) {
        has = has || fabs(p->rule.coefficient[term][i]) > 0.0;
    }
    return has;
}

/* What rule basis adds up: the terms that are not 0. */
static void print_terms(const model_params *p)
{
    printf("\n%-20s %-16s", "term", "formula");
    for (uint32_t i = 0; i < p->policy.n; i++) {
        printf(" %15s", model_feature_name(p->policy.feature[i]));
    }
    for (size_t k = 0; k < MODEL_BASIS_TERMS; k++) {
        if (has_term(p, k)) {
            printf("\n%-20s %-16s", basis_terms_name(k), basis_terms_formula(k));
            for (uint32_t i = 0; i < p->policy.n; i++) {
                printf(" %15.4g", p->rule.coefficient[k][i]);
            }
        }
    }
    printf("\ndecay of the memory m of rewards: %.4g a trial\n", p->rule.memory);
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
    if (model_rule_of(p->rule.kind)->has_terms) {
        print_terms(p);
    }
    printf("\n%-28s %4s  shape\n", "tensor", "type");
    for (uint32_t i = 0; i < st->n_tensors; i++) {
        printf("%-28s %4s  ", st->tensors[i].name, type_name(st->tensors[i].type));
        for (uint32_t d = 0; d < st->tensors[i].n_dims; d++) {
            printf("%s%" PRIu64, d > 0 ? " x " : "", st->tensors[i].shape[d]);
        }
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

static void json_parameters(struct json_writer *w, const model_params *p)
{
    const uint32_t n = p->policy.n;
    const size_t n_inputs = model_rule_of(p->rule.kind)->n_inputs;
    const struct {
        const char *key;
        const double *values;
        size_t n;
        bool is_range;
    } vectors[] = {{"prior_mean", p->noise.prior_mean, n, false},
                   {"prior_var", p->noise.prior_var, n, false},
                   {"drift_var", p->noise.drift_var, n, false},
                   {"session_var", p->noise.session_var, n, false},
                   {"rate", p->rule.rate, n, false},
                   {"baseline", p->rule.baseline, n, false},
                   {"decay", p->rule.decay, n, false},
                   {"range_w_lo", p->range.w_lo, n, true},
                   {"range_w_hi", p->range.w_hi, n, true},
                   {"range_step_max", p->range.step_max, n, true},
                   {"range_x_lo", p->range.x_lo, n_inputs, true},
                   {"range_x_hi", p->range.x_hi, n_inputs, true}};
    if (p->rule.net != NULL) {
        const model_net_shape *shape = model_net_shape_of(p->rule.net);
        json_object(w, "net");
        json_bool(w, "recurrent", shape->is_recurrent);
        JSON_INTS(w, {"inputs", shape->n_inputs}, {"layers", shape->n_layers},
                  {"units", shape->n_hidden}, {"outputs", shape->n_outputs});
        json_end(w);
    }
    if (model_rule_of(p->rule.kind)->has_terms) {
        json_object(w, "terms");
        for (size_t k = 0; k < MODEL_BASIS_TERMS; k++) {
            json_reals(w, basis_terms_name(k), 17, p->rule.coefficient[k], n);
        }
        json_end(w);
        json_digits(w, "memory", 17, p->rule.memory);
    }
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        if (p->range.is_known || !vectors[i].is_range) {
            json_reals(w, vectors[i].key, 17, vectors[i].values, vectors[i].n);
        }
    }
}

static void json_members(struct json_writer *w, const struct model_file *model)
{
    const model_bank_params *bank = &model->bank;
    json_digits(w, "share", 17, bank->share);
    json_digits(w, "temper", 17, bank->temper);
    json_array(w, "members");
    for (uint32_t i = 0; i < bank->n; i++) {
        json_object(w, NULL);
        json_text(w, "rule", model_rule_name(bank->member[i].rule.kind));
        json_parameters(w, &bank->member[i]);
        json_text(w, "seed", model->members[i].about.seed);
        json_digits(w, "prior", 17, bank->prior[i]);
        json_end(w);
    }
    json_end(w);
}

static void json_contents(struct json_writer *w, const struct safetensors *st)
{
    json_object(w, "tensors");
    for (uint32_t i = 0; i < st->n_tensors; i++) {
        const struct safetensors_tensor *t = &st->tensors[i];
        json_object(w, t->name);
        json_text(w, "type", type_name(t->type));
        json_array(w, "shape");
        for (uint32_t d = 0; d < t->n_dims; d++) {
            json_int(w, NULL, (int64_t)t->shape[d]);
        }
        json_end(w);
        json_end(w);
    }
    json_end(w);
    json_object(w, "metadata");
    for (uint32_t i = 0; i < st->n_meta; i++) {
        json_text(w, st->meta[i].key, st->meta[i].value);
    }
    json_end(w);
}

static void print_json(const struct model_file *model, const struct safetensors *st)
{
    struct json_writer w = {.to = stdout};
    const model_params *p = &model->bank.member[0];
    const bool is_bank = model_file_is_bank(model);
    json_object(&w, NULL);
    json_text(&w, "hash", model->hash);
    json_text(&w, "rule", is_bank ? "bank" : model_rule_name(p->rule.kind));
    json_array(&w, "policy");
    for (uint32_t i = 0; i < p->policy.n; i++) {
        json_text(&w, NULL, model_feature_name(p->policy.feature[i]));
    }
    json_end(&w);
    json_text(&w, "transform", model_transform_name(p->policy.transform));
    json_text(&w, "filter", model_filter_name(p->filter));
    if (is_bank) {
        json_members(&w, model);
    } else {
        json_parameters(&w, p);
    }
    json_contents(&w, st);
    json_end(&w);
}

static int show(const char *path, bool json, struct fault *fault)
{
    struct model_file model = {0};
    struct safetensors *st = calloc(1, sizeof *st);
    uint8_t *bytes = NULL;
    int rc = st != NULL ? FAULT_NONE : fault_set(fault, FAULT_WORK, "no memory");
    rc = rc ? rc : model_file_load(path, &model, fault);
    rc = rc ? rc : list_contents(&model, path, &bytes, st, fault);
    if (rc == FAULT_NONE && json) {
        print_json(&model, st);
    } else if (rc == FAULT_NONE) {
        print_heading(&model, path);
        model_file_is_bank(&model) ? print_members(&model)
                                   : print_single(&model.bank.member[0], st);
        print_ranges(&model);
    }
    free(bytes);
    free(st);
    model_file_free(&model);
    return rc;
}

struct request {
    struct model_options spec;
    bool is_new, is_join, is_json;
    const char *paths[MODEL_BANK_MAX];
    size_t n_paths;
    double share;
    double temper;
    const char *note;
    const char *out;
    const struct options *options;
};

static int check_request(const struct request *r, struct fault *fault)
{
    const size_t most = sizeof((struct model_file_about *)0)->note - 1;
    if (r->out == NULL) {
        return fault_set(fault, FAULT_INPUT, "-o: the file to write was expected with --%s",
                         r->is_new ? "new" : "join");
    }
    if (r->note != NULL && strlen(r->note) > most) {
        return fault_set(fault, FAULT_INPUT, "--note: %zu bytes; at most %zu expected",
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
                         "--start-sd: a model's must be above 0, so that the twin can learn");
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
    rc = rc ? rc
            : model_file_join(members, r->paths, r->n_paths, r->share, r->temper, NULL, model,
                              fault);
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
    rc = model_file_save(&model, &r->options->guard, r->out, fault);
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
        return fault_set(
            fault, FAULT_INPUT,
            "\"%.60s\" was not expected: --new writes a model from its options, to -o FILE",
            r->paths[0]);
    }
    if (r->is_join && r->n_paths < 2) {
        return fault_set(fault, FAULT_INPUT, "--join: %zu models; two or more were expected",
                         r->n_paths);
    }
    if (!r->is_new && model_options_is_given(&r->spec)) {
        return fault_set(fault, FAULT_INPUT,
                         "rule, rate, baseline, decay, terms, memory, policy, noise and start are "
                         "for --new, "
                         "which was expected with them");
    }
    if (!r->is_new && !r->is_join && r->n_paths != 1) {
        return fault_set(
            fault, FAULT_INPUT,
            "%zu model files to show; one was expected, or --join before several, or --new",
            r->n_paths);
    }
    return r->is_new ? model_options_check(&r->spec, NULL, fault) : FAULT_NONE;
}

static int work(void *request, struct fault *fault)
{
    struct request *r = request;
    r->n_paths = r->options->n_arguments;
    const int rc = check_form(r, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    return r->is_new || r->is_join ? make(r, fault) : show(r->paths[0], r->is_json, fault);
}

int cmd_model(int argc, char **argv)
{
    struct request r = {.share = MODEL_FILE_SHARE, .temper = 1.0};
    model_options_init(&r.spec, "none", (double)NAN, NULL);
    const struct option own[] = {
        COMMAND_JSON(&r.is_json),
        {"new", OPTION_FLAG, &r.is_new, 0, 0, NULL, "write a model of a classic rule", NULL},
        {"join", OPTION_FLAG, &r.is_join, 0, 0, NULL, "join the named models to a bank", NULL},
        {"share", OPTION_REAL, &r.share, 0, MODEL_BANK_SHARE_MAX, "A",
         "fraction of a bank's weights that each choice returns to the prior", NULL},
        {"temper", OPTION_REAL, &r.temper, MODEL_BANK_TEMPER_MIN, MODEL_BANK_TEMPER_MAX, "B",
         "power of the likelihoods that weight a bank", NULL},
        {"note", OPTION_TEXT, &r.note, 0, 0, "TEXT", "stored in the new file", NULL},
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
        .about = "Shows what is in a model file, or writes a new one: a filter whose weights are "
                 "moved by a classic learning rule with given parameters, or a bank of several "
                 "models of one policy, mixed for each animal by how well they predict it.",
        COMMAND_OPTIONS(list),
        COMMAND_RULES(rules),
        .arguments = r.paths,
        .arguments_min = 0,
        .arguments_max = MODEL_BANK_MAX};
    r.options = &options;
    return command_run(&options, argc, argv, work, &r);
}
