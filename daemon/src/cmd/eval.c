#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "evaluation.h"
#include "json_writer.h"
#include "progress.h"
#include "text_escape.h"
#include "twin.h"
#include "vocabulary.h"

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

static void print_members(const struct evaluation *e, const model_score *pooled)
{
    printf("\n%-6s %-15s %8s %8s %8s\n", "member", "rule", "nats", "weight", "adds");
    for (uint32_t i = 0; i < e->models.bank->n; i++) {
        char a[3][TEXT_ESCAPE_NUMBER_MAX];
        printf("%-6u %-15s %8s %8s %8s\n", (unsigned)i,
               model_rule_name(e->models.bank->member[i].rule.kind),
               text_escape_number(a[0], "%.4f", e->sums.nats[i] / (double)pooled->n),
               text_escape_number(a[1], "%.4f", e->sums.weight[i] / (double)pooled->n),
               text_escape_number(a[2], "%.5f", evaluation_member_gain(e, pooled->n, i)));
    }
}

static void print_table(const struct evaluation *e, const model_score *pooled)
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

static void print_reliability(struct json_writer *w, const model_score *s)
{
    json_array(w, "reliability");
    for (int i = 0; i < MODEL_SCORE_BINS; i++) {
        if (s->bin_n[i] > 0) {
            const double n = (double)s->bin_n[i];
            json_object(w, NULL);
            json_int(w, "n", s->bin_n[i]);
            json_real(w, "p_right", s->bin_p[i] / n);
            json_real(w, "chose_right", s->bin_y[i] / n);
            json_end(w);
        }
    }
    json_end(w);
}

/* outside: the mean weight of members that were outside of what their rules were fitted on is that
 * sum over n trials. */
static void print_score(struct json_writer *w, const char *key, const model_score *s,
                        double outside, int64_t n)
{
    json_object(w, key);
    JSON_REALS(w, {"nats", model_score_mean_nats(s)}, {"accuracy", model_score_accuracy(s)},
               {"brier", model_score_mean_brier(s)}, {"ece", model_score_ece(s)},
               {"baseline_nats", model_score_mean_baseline_nats(s)});
    json_int(w, "n", s->n);
    json_real(w, "coverage", model_score_coverage(s));
    json_real(w, "interval_ratio", model_score_interval_ratio(s));
    json_int(w, "coverage_bins", s->n_rates);
    print_reliability(w, s);
    json_real(w, "outside", n > 0 ? outside / (double)n : 0.0);
    json_end(w);
}

static void print_member_objects(struct json_writer *w, const struct evaluation *e,
                                 const model_score *pooled)
{
    json_array(w, "members");
    for (uint32_t i = 0; i < e->models.bank->n; i++) {
        json_object(w, NULL);
        json_text(w, "rule", model_rule_name(e->models.bank->member[i].rule.kind));
        JSON_REALS(w, {"nats", e->sums.nats[i] / (double)pooled->n},
                   {"weight", e->sums.weight[i] / (double)pooled->n},
                   {"adds", evaluation_member_gain(e, pooled->n, i)});
        json_end(w);
    }
    json_end(w);
}

static void print_json(const struct evaluation *e, const model_score *pooled)
{
    struct json_writer w = {.to = stdout};
    int64_t n_trials = 0;
    double outside = 0.0;
    for (uint32_t i = 0; i < e->n; i++) {
        n_trials += e->animals[i].n_trials;
        outside += e->animals[i].outside;
    }
    json_object(&w, NULL);
    print_score(&w, "pooled", pooled, outside, n_trials);
    json_object(&w, "subjects");
    for (uint32_t i = 0; i < e->n; i++) {
        const struct evaluation_animal *animal = &e->animals[i];
        print_score(&w, e->subjects.name[i], &animal->twin.score, animal->outside,
                    animal->n_trials);
    }
    json_end(&w);
    if (e->adapts_rules) {
        json_object(&w, "adaptations");
        json_int(&w, "tried", e->n_tried);
        json_int(&w, "taken", e->n_taken);
        json_end(&w);
    }
    if (e->with_members) {
        print_member_objects(&w, e, pooled);
    }
    json_end(&w);
}

struct request {
    struct evaluation_request what;
    struct option_word adapt;
    bool is_json;
};

/* Tells what the list of the option adapt switches on. */
static int take_adapt(struct request *r, struct fault *fault)
{
    const struct option_word *adapt = &r->adapt;
    const bool is_off = option_word_has(adapt, "off");
    if (is_off && strcmp(adapt->chosen, "off") != 0) {
        return fault_set(fault, FAULT_INPUT, "--adapt: \"%.60s\"; off alone was expected",
                         adapt->chosen);
    }
    r->what.adapts_nets = option_word_has(adapt, "nets");
    r->what.adapts_rules = r->what.adapts_nets || option_word_has(adapt, "rules");
    if (r->what.adapts_rules && r->what.rules.chosen != NULL) {
        return fault_set(fault, FAULT_INPUT,
                         "--bank: goes not with --adapt %s; --adapt stack or off was expected",
                         adapt->chosen);
    }
    r->what.adapts_stack = option_word_has(adapt, "on") || option_word_has(adapt, "stack");
    return FAULT_NONE;
}

static int work(void *request, struct fault *fault)
{
    struct request *r = request;
    struct evaluation *e = calloc(1, sizeof *e);
    if (e == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory");
    }
    progress_catch_interrupts();
    int rc = take_adapt(r, fault);
    rc = rc ? rc : evaluation_read(e, &r->what, fault);
    if (rc == FAULT_NONE) {
        model_score pooled;
        model_score_reset(&pooled);
        for (uint32_t i = 0; i < e->n; i++) {
            model_score_add(&pooled, &e->animals[i].twin.score);
        }
        (r->is_json ? print_json : print_table)(e, &pooled);
    }
    evaluation_close(e);
    free(e);
    return rc;
}

int cmd_eval(int argc, char **argv)
{
    struct request r = {.adapt = {"on", 5, {"stack", "rules", "nets", "on", "off"}},
                        .what.features = vocabulary_features(),
                        .what.rules = vocabulary_rules()};
    r.what.features.chosen = MODEL_POLICY_USUAL;
    const struct option list[] = {
        {"model", OPTION_IN, &r.what.model, 0, 0, "M", "model file (default the random walk)",
         NULL},
        {"policy", OPTION_WORDS, &r.what.features, 0, 0, "FEATURES", "of the random walk, some of",
         NULL},
        {"bank", OPTION_WORDS, &r.what.rules, 0, 0, "RULES",
         "of a bank only the members of these rules (default all); some of", NULL},
        {"members", OPTION_FLAG, &r.what.with_members, 0, 0, NULL,
         "a bank's members too: nats/trial alone, mean weight, and nats/trial that each adds",
         NULL},
        {"adapt", OPTION_WORDS, &r.adapt, 0, 0, "LIST",
         "learned of each animal alone: how far it follows each of a bank's rules (stack, or on); "
         "their parameters, every 250 trials (rules); those of nets too (nets); nothing (off); "
         "some of",
         NULL},
        TRIAL_TABLE_OPTIONS(r.what.table),
        COMMAND_JSON(&r.is_json),
    };
    static const struct option_rule rules[] = {{"bank", OPTION_NEEDS, "model"}};
    struct options options = {
        .usage = "eval DATA [--model M] [options]",
        .about = "How well each choice is predicted before it is read, trial after trial: "
                 "nats/trial of the model, of the built-in random walk and of chance (ln 2), "
                 "fraction correct, Brier score and calibration error (10 bins), for each subject "
                 "and over all trials. DATA \"-\" is standard input.",
        COMMAND_OPTIONS(list),
        COMMAND_RULES(rules),
        COMMAND_FILE(&r.what.path)};
    return command_run(&options, argc, argv, work, &r);
}
