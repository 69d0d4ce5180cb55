#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "adaptation.h"
#include "commands.h"
#include "model_file.h"
#include "options.h"
#include "progress.h"
#include "subject_names.h"
#include "text_escape.h"
#include "trial_table.h"
#include "twin.h"
#include "vocabulary.h"

enum { ADAPT_EVERY = 250, ADAPT_WINDOW = 2000 };

/* Row i: what the weights are if member i is left out of the bank. */
typedef double left_out[MODEL_BANK_MAX][MODEL_BANK_MAX];

/* Sums over the choices of all animals. */
struct member_sums {
    double nats[MODEL_BANK_MAX];    /* of each member alone */
    double weight[MODEL_BANK_MAX];  /* of each member, before the choice */
    double without[MODEL_BANK_MAX]; /* nats of the bank without it */
    double whole;                   /* nats of the bank with all, for no animal in particular */
};

struct animal {
    char session[PROTO_ID_MAX + 1];
    struct twin twin;
    int64_t n_trials;
    double outside;         /* sum of the weight of members outside of what they were fitted on */
    left_out *weights;      /* owned; NULL unless members are asked for */
    struct adaptation *own; /* owned; NULL unless rules are adapted */
    int64_t n_since;        /* trials since its parameters were last tried */
};

struct eval {
    model_bank_params
        part; /* of the model that is asked for; the random walk where none is given */
    struct twin_models models;
    model_engagement_params engagement;
    model_stacking_params stack;
    bool with_members;
    left_out priors;
    struct member_sums sums;
    bool adapts_rules;
    struct adaptation_plan plan;
    void *scratch; /* owned: of an adaptation */
    float *values; /* owned: what it finds */
    int64_t n_tried;
    int64_t n_taken;
    struct subject_names subjects;
    struct animal *animals; /* by the subject's number */
    uint32_t n;
    uint32_t capacity;
};

/* Priors of the bank without each of its members. */
static void leave_out(const model_bank_params *params, left_out priors)
{
    for (uint32_t i = 0; i < params->n; i++) {
        for (uint32_t k = 0; k < params->n; k++) {
            priors[i][k] = k != i ? params->prior[k] / (1.0 - params->prior[i]) : 0.0;
        }
    }
}

/* Its memory beyond what the bank uses is never touched. */
static int add_animal(struct eval *e, struct animal *animal, struct fault *fault)
{
    animal->session[0] = '\0';
    animal->weights = NULL;
    animal->n_trials = 0;
    animal->outside = 0.0;
    if (e->with_members) {
        animal->weights = malloc(sizeof *animal->weights);
        if (animal->weights == NULL) {
            return fault_set(fault, FAULT_WORK, "no memory for %u subjects", e->n + 1);
        }
        memcpy(animal->weights, e->priors, sizeof *animal->weights);
    }
    animal->own = NULL;
    animal->n_since = 0;
    if (e->adapts_rules) {
        const size_t size = adaptation_size(&e->plan);
        animal->own = aligned_alloc(MODEL_NET_ALIGN, size);
        if (animal->own == NULL) {
            free(animal->weights);
            return fault_set(fault, FAULT_WORK, "no memory for %u subjects", e->n + 1);
        }
        memset(animal->own, 0, sizeof animal->own->head);
    }
    twin_init(&animal->twin, &e->models);
    e->n++;
    return FAULT_NONE;
}

/* Points *out to the animal of that name, a new one if it was not seen yet. */
static int find_animal(struct eval *e, const struct trial_table *table, const char *name,
                       struct animal **out, struct fault *fault)
{
    uint32_t number;
    const int rc = subject_names_find(&e->subjects, table, name, &number, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (number == e->n && e->n == e->capacity) {
        const uint32_t capacity = e->capacity > 0 ? 2 * e->capacity : 16;
        struct animal *animals = realloc(e->animals, capacity * sizeof *animals);
        if (animals == NULL) {
            return fault_set(fault, FAULT_WORK, "no memory for %u subjects", capacity);
        }
        e->animals = animals;
        e->capacity = capacity;
    }
    *out = &e->animals[number];
    return number == e->n ? add_animal(e, *out, fault) : FAULT_NONE;
}

/* As the program has them for this animal. */
static struct twin_models models_of(const struct eval *e, const struct animal *animal)
{
    struct twin_models models = e->models;
    if (animal->own != NULL) {
        models.bank = adaptation_bank(&e->plan, animal->own);
    }
    return models;
}

static void adapt(struct eval *e, struct animal *animal, const model_trial *trial, bool starts)
{
    if (animal->own == NULL) {
        return;
    }
    adaptation_push(&e->plan, animal->own, trial, starts);
    if (++animal->n_since < ADAPT_EVERY) {
        return;
    }
    const model_adapt_window window = adaptation_window(&e->plan, animal->own);
    model_adapt_result result;
    animal->n_since = 0;
    if (model_adapt_run(&e->plan.adapt, &window, e->scratch, NULL, NULL, e->values, &result) ==
        MODEL_OK) {
        e->n_tried++;
        if (result.is_taken && adaptation_take(&e->plan, animal->own, e->values, e->n_tried) == 0) {
            e->n_taken++;
        }
    }
}

/* Adds up what each member says of a choice and what the bank would say without it, before the
 * animal's learner hears of it. */
static void take_members(struct eval *e, struct animal *animal, const model_trial *trial)
{
    const model_bank_params *params = models_of(e, animal).bank;
    const model_bank *bank = &animal->twin.bank;
    const bool chose_right = trial->choice == 1;
    model_bank_mixture said;
    model_bank_mix(bank, params, 1, &trial->contrast, &said);
    e->sums.whole += model_score_nats(said.p_right, chose_right);
    for (uint32_t i = 0; i < params->n; i++) {
        double *weight = (*animal->weights)[i];
        double mixed = 0.0;
        for (uint32_t k = 0; k < params->n; k++) {
            mixed += weight[k] * said.each[k];
        }
        e->sums.nats[i] += model_score_nats(said.each[i], chose_right);
        e->sums.weight[i] += model_bank_weight(bank, i);
        e->sums.without[i] += model_score_nats(mixed, chose_right);
        if (params->n > 1) {
            model_bank_weigh(params->n, params->share, params->temper, e->priors[i], said.each,
                             chose_right, weight);
        }
    }
}

static int take_row(void *context, const struct trial_table *table, const struct trial_row *row,
                    struct fault *fault)
{
    struct eval *e = context;
    struct animal *animal = NULL;
    const int rc = find_animal(e, table, row->subject, &animal, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (strcmp(animal->session, row->session) != 0) {
        memcpy(animal->session, row->session, sizeof animal->session);
        const struct twin_models own = models_of(e, animal);
        twin_start_session(&animal->twin, &own);
    }
    const struct twin_models models = models_of(e, animal);
    const bool starts = animal->twin.baseline.n_session == 0;
    const model_trial trial = trial_table_trial(row);
    if (e->with_members && trial.choice >= 0) {
        take_members(e, animal, &trial);
    }
    if (animal->own != NULL) {
        adaptation_prepare(&e->plan, animal->own, &animal->twin.bank);
    }
    struct twin_outcome outcome;
    const int status = twin_observe(&animal->twin, &models, &trial, &outcome);
    animal->n_trials++;
    animal->outside += model_bank_outside(&animal->twin.bank);
    if (status != MODEL_OK) {
        return fault_set(fault, FAULT_WORK,
                         "%s:%lld: the twin of %s could not take this trial up: %s", table->path,
                         (long long)table->line, row->subject, model_strerror(status));
    }
    adapt(e, animal, &trial, starts);
    return FAULT_NONE;
}

static void print_row(const char *name, int width, const model_score *s)
{
    const struct {
        const char *format;
        double value;
    } cells[] = {{"%.4f", model_score_mean_nats(s)},  {"%.4f", model_score_mean_baseline_nats(s)},
                 {"%.4f", TWIN_CHANCE_NATS},          {"%.4f", model_score_accuracy(s)},
                 {"%.4f", model_score_mean_brier(s)}, {"%.4f", model_score_ece(s)},
                 {"%.3f", model_score_coverage(s)},   {"%.2f", model_score_interval_ratio(s)}};
    printf("%-*s %8lld", width, name, (long long)s->n);
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        char text[TEXT_ESCAPE_NUMBER_MAX];
        printf(" %8s", text_escape_number(text, cells[i].format, cells[i].value));
    }
    printf("\n");
}

/* Nats a trial that the bank would lose without member i; NaN if nothing would be left of it. */
static double member_gain(const struct eval *e, const model_score *pooled, uint32_t i)
{
    return e->models.bank->n > 1 ? (e->sums.without[i] - e->sums.whole) / (double)pooled->n
                                 : (double)NAN;
}

static void print_members(const struct eval *e, const model_score *pooled)
{
    printf("\n%-6s %-15s %8s %8s %8s\n", "member", "rule", "nats", "weight", "adds");
    for (uint32_t i = 0; i < e->models.bank->n; i++) {
        char a[3][TEXT_ESCAPE_NUMBER_MAX];
        printf("%-6u %-15s %8s %8s %8s\n", (unsigned)i,
               model_rule_name(e->models.bank->member[i].rule.kind),
               text_escape_number(a[0], "%.4f", e->sums.nats[i] / (double)pooled->n),
               text_escape_number(a[1], "%.4f", e->sums.weight[i] / (double)pooled->n),
               text_escape_number(a[2], "%.5f", member_gain(e, pooled, i)));
    }
}

static void print_table(const struct eval *e, const model_score *pooled)
{
    int width = 7;
    for (uint32_t i = 0; i < e->n; i++) {
        const int n = (int)strlen(e->subjects.name[i]);
        width = n > width ? n : width;
    }
    printf("%-*s %8s %8s %8s %8s %8s %8s %8s %8s %8s\n", width, "subject", "trials", "nats", "walk",
           "chance", "accuracy", "brier", "ece", "covered", "ratio");
    for (uint32_t i = 0; i < e->n; i++) {
        print_row(e->subjects.name[i], width, &e->animals[i].twin.score);
    }
    print_row("pooled", width, pooled);
    if (pooled->n == 0) {
        printf("-: no trial ended in a choice\n");
    } else if (pooled->n_rates == 0) {
        printf("-: too few choices alike to hold a rate against its interval\n");
    }
    if (e->adapts_rules) {
        printf("\nadapted %lld times of %lld\n", (long long)e->n_taken, (long long)e->n_tried);
    }
    if (e->with_members) {
        print_members(e, pooled);
    }
}

/* An object for each bin of p(right) that holds choices. */
static void print_reliability(const model_score *s)
{
    const char *between = "";
    printf("[");
    for (int i = 0; i < MODEL_SCORE_BINS; i++) {
        if (s->bin_n[i] > 0) {
            const double n = (double)s->bin_n[i];
            printf("%s{\"n\": %lld, ", between, (long long)s->bin_n[i]);
            text_escape_json_real(stdout, "p_right", s->bin_p[i] / n);
            printf(", ");
            text_escape_json_real(stdout, "chose_right", s->bin_y[i] / n);
            printf("}");
            between = ", ";
        }
    }
    printf("]");
}

static void print_score(const model_score *s, double outside)
{
    printf("{");
    text_escape_json_reals(
        stdout, 5,
        (const struct text_escape_real[]){{"nats", model_score_mean_nats(s)},
                                          {"accuracy", model_score_accuracy(s)},
                                          {"brier", model_score_mean_brier(s)},
                                          {"ece", model_score_ece(s)},
                                          {"baseline_nats", model_score_mean_baseline_nats(s)}});
    printf(", \"n\": %lld, ", (long long)s->n);
    text_escape_json_reals(
        stdout, 2,
        (const struct text_escape_real[]){{"coverage", model_score_coverage(s)},
                                          {"interval_ratio", model_score_interval_ratio(s)}});
    printf(", \"coverage_bins\": %lld, \"reliability\": ", (long long)s->n_rates);
    print_reliability(s);
    printf(", ");
    text_escape_json_real(stdout, "outside", outside);
    printf("}");
}

static void print_member_objects(const struct eval *e, const model_score *pooled)
{
    printf(", \"members\": [");
    for (uint32_t i = 0; i < e->models.bank->n; i++) {
        printf("%s{\"rule\": \"%s\", ", i > 0 ? ", " : "",
               model_rule_name(e->models.bank->member[i].rule.kind));
        text_escape_json_reals(
            stdout, 3,
            (const struct text_escape_real[]){{"nats", e->sums.nats[i] / (double)pooled->n},
                                              {"weight", e->sums.weight[i] / (double)pooled->n},
                                              {"adds", member_gain(e, pooled, i)}});
        printf("}");
    }
    printf("]");
}

/* Mean weight of members that were outside of what their rules were fitted on. */
static double mean_outside(double sum, int64_t n)
{
    return n > 0 ? sum / (double)n : 0.0;
}

static void print_json(const struct eval *e, const model_score *pooled)
{
    int64_t n_trials = 0;
    double outside = 0.0;
    for (uint32_t i = 0; i < e->n; i++) {
        n_trials += e->animals[i].n_trials;
        outside += e->animals[i].outside;
    }
    printf("{\"pooled\": ");
    print_score(pooled, mean_outside(outside, n_trials));
    printf(", \"subjects\": {");
    for (uint32_t i = 0; i < e->n; i++) {
        printf("%s\"%s\": ", i > 0 ? ", " : "", e->subjects.name[i]);
        const struct animal *animal = &e->animals[i];
        print_score(&animal->twin.score, mean_outside(animal->outside, animal->n_trials));
    }
    printf("}");
    if (e->adapts_rules) {
        printf(", \"adaptations\": {\"tried\": %lld, \"taken\": %lld}", (long long)e->n_tried,
               (long long)e->n_taken);
    }
    if (e->with_members) {
        print_member_objects(e, pooled);
    }
    printf("}\n");
}

struct request {
    const char *path;
    const char *model;
    struct option_word features;
    struct option_word adapt;
    struct option_word rules; /* none chosen: all members of the bank */
    bool json;
    bool is_strict;
    bool with_members;
    bool adapts_stack;
    bool adapts_rules;
    bool adapts_nets;
};

static int prepare_adaptation(struct eval *e, const struct model_file *twin, bool with_nets,
                              struct fault *fault)
{
    model_adapt_config config;
    model_adapt_config_init(&config);
    config.sd_net = with_nets ? MODEL_ADAPT_SD_NET : 0.0;
    const int rc =
        adaptation_plan_open(&e->plan, &config, e->models.bank, twin, ADAPT_WINDOW, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    const size_t size = model_adapt_scratch(&e->plan.adapt, e->plan.window + ADAPTATION_SPARE);
    e->scratch = aligned_alloc(MODEL_NET_ALIGN, size);
    e->values = calloc(model_adapt_values(&e->plan.adapt) + 1, sizeof e->values[0]);
    if (e->scratch == NULL || e->values == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for an adaptation");
    }
    e->adapts_rules = true;
    return FAULT_NONE;
}

/* The members of a bank whose rules are listed, comma-separated, with priors as they stood to each
 * other. */
static int choose_members(struct eval *e, const struct request *r, const model_bank_params *whole,
                          struct fault *fault)
{
    double sum = 0.0;
    e->part = *whole;
    e->part.n = 0;
    for (uint32_t i = 0; i < whole->n; i++) {
        if (option_word_has(&r->rules, model_rule_name(whole->member[i].rule.kind))) {
            e->part.member[e->part.n] = whole->member[i];
            e->part.prior[e->part.n++] = whole->prior[i];
            sum += whole->prior[i];
        }
    }
    if (e->part.n == 0) {
        return fault_set(fault, FAULT_INPUT, "option bank: %s has no member of these rules",
                         r->model);
    }
    for (uint32_t i = 0; i < e->part.n; i++) {
        e->part.prior[i] /= sum;
    }
    e->models.bank = &e->part;
    return FAULT_NONE;
}

/* The model that is asked for, and the random walk beside it. */
static int choose_models(struct eval *e, const struct request *r, model_params *baseline,
                         struct model_file *twin, struct fault *fault)
{
    if (model_params_built_in(baseline, r->features.chosen) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT,
                         "option policy: \"%.100s\"; at most %d features, each once, were expected",
                         r->features.chosen, MODEL_WEIGHTS_MAX);
    }
    const int rc = r->model != NULL ? model_file_load(r->model, twin, fault) : FAULT_NONE;
    if (rc != FAULT_NONE) {
        return rc;
    }
    model_bank_single(&e->part, baseline);
    e->models.baseline = baseline;
    e->models.bank = r->model != NULL ? &twin->bank : &e->part;
    e->with_members = r->with_members;
    if (r->rules.chosen != NULL && r->adapts_rules) {
        return fault_set(fault, FAULT_INPUT,
                         "option bank: goes not with --adapt %s; --adapt stack or off was expected",
                         r->adapt.chosen);
    }
    if (r->rules.chosen != NULL && choose_members(e, r, &twin->bank, fault) != FAULT_NONE) {
        return FAULT_INPUT;
    }
    model_engagement_default(&e->engagement);
    model_stacking_default(&e->stack);
    e->models.engagement = &e->engagement;
    e->models.stack = r->adapts_stack ? &e->stack : NULL;
    leave_out(e->models.bank, e->priors);
    return r->adapts_rules ? prepare_adaptation(e, twin, r->adapts_nets, fault) : FAULT_NONE;
}

static void print(const struct eval *e, bool json)
{
    model_score pooled;
    model_score_reset(&pooled);
    for (uint32_t i = 0; i < e->n; i++) {
        model_score_add(&pooled, &e->animals[i].twin.score);
    }
    if (json) {
        print_json(e, &pooled);
    } else {
        print_table(e, &pooled);
    }
}

static void eval_free(struct eval *e)
{
    for (uint32_t i = 0; e != NULL && i < e->n; i++) {
        free(e->animals[i].weights);
        free(e->animals[i].own);
    }
    if (e != NULL) {
        free(e->animals);
        subject_names_free(&e->subjects);
        adaptation_plan_close(&e->plan);
        free(e->scratch);
        free(e->values);
    }
    free(e);
}

static int evaluate(const struct request *r, struct fault *fault)
{
    struct model_file twin = {0};
    struct eval *e = calloc(1, sizeof *e);
    model_params baseline;
    int rc = e != NULL ? choose_models(e, r, &baseline, &twin, fault)
                       : fault_set(fault, FAULT_WORK, "no memory");
    rc = rc ? rc
            : trial_table_read(r->path, "eval", NULL, trial_table_care(r->is_strict), take_row, e,
                               fault);
    if (rc == FAULT_NONE) {
        print(e, r->json);
    }
    model_file_free(&twin);
    eval_free(e);
    return rc;
}

/* Tells what the list of the option adapt switches on. */
static int take_adapt(struct request *r, struct fault *fault)
{
    const struct option_word *adapt = &r->adapt;
    const bool is_off = option_word_has(adapt, "off");
    if (is_off && strcmp(adapt->chosen, "off") != 0) {
        return fault_set(fault, FAULT_INPUT, "option adapt: \"%.60s\"; off alone was expected",
                         adapt->chosen);
    }
    r->adapts_nets = option_word_has(adapt, "nets");
    r->adapts_rules = r->adapts_nets || option_word_has(adapt, "rules");
    r->adapts_stack = option_word_has(adapt, "on") || option_word_has(adapt, "stack");
    return FAULT_NONE;
}

int cmd_eval(int argc, char **argv)
{
    struct request r = {.adapt = {"on", 5, {"stack", "rules", "nets", "on", "off"}},
                        .features = vocabulary_features(),
                        .rules = vocabulary_rules()};
    r.features.chosen = MODEL_POLICY_USUAL;
    const struct option list[] = {
        {"model", OPTION_IN, &r.model, 0, 0, "M", "model file; without it, the random walk", NULL},
        {"policy", OPTION_WORDS, &r.features, 0, 0, "FEATURES", "of the random walk, some of",
         NULL},
        {"bank", OPTION_WORDS, &r.rules, 0, 0, "RULES",
         "of a bank only the members of these rules (all, by default); some of", NULL},
        {"members", OPTION_FLAG, &r.with_members, 0, 0, NULL,
         "a bank's members too: nats alone, mean weight, and nats that each adds", NULL},
        {"adapt", OPTION_WORDS, &r.adapt, 0, 0, "LIST",
         "learned of each animal alone: how far it follows each of a bank's rules (stack, or on); "
         "their parameters, every 250 trials (rules); those of nets too (nets); nothing (off); "
         "some of",
         NULL},
        TRIAL_TABLE_STRICT_OPTION(&r.is_strict),
        {"json", OPTION_FLAG, &r.json, 0, 0, NULL, "the same for programs", NULL},
    };
    static const struct option_rule rules[] = {{"bank", OPTION_NEEDS, "model"}};
    struct options options = {
        .usage = "eval DATA.csv [--model M] [--policy FEATURES] [--bank RULES] [--members]\n"
                 "            [--adapt LIST] [--json]",
        .about = "How well each choice is predicted before it is read, trial after trial: nats a\n"
                 "trial of the model, of the built-in random walk and of chance (ln 2), accuracy,\n"
                 "Brier score and calibration error (10 bins), for each subject and over all\n"
                 "trials. DATA.csv \"-\" is standard input.",
        .list = list,
        .n = sizeof list / sizeof list[0],
        .rules = rules,
        .n_rules = sizeof rules / sizeof rules[0],
        .arguments = &r.path,
        .arguments_min = 1,
        .arguments_max = 1};
    int code = 0;
    if (!options_read(&options, argc, argv, &code)) {
        return code;
    }
    struct fault fault;
    progress_catch_interrupts();
    int rc = take_adapt(&r, &fault);
    if (rc == FAULT_NONE) {
        rc = evaluate(&r, &fault);
    }
    return fault_report(&fault, rc);
}
