#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "family_report.h"
#include "fit_many.h"
#include "nearest.h"
#include "progress.h"
#include "vocabulary.h"

enum { ARGUMENTS_MAX = MODEL_RULES + 1, PROGRESS_STEPS = 10000, REFERENCES = 2, WORDS_MAX = 400 };

struct request {
    const char *argument[ARGUMENTS_MAX]; /* rules, then the table */
    size_t n_arguments;
    struct options *options;
    struct option_word policy;
    const char *csv;
    const char *plot;
    int64_t folds;
    int64_t seed;
    int64_t threads;
    struct trial_table_options table;
    bool is_json;
};

struct comparing {
    const struct request *request;
    uint32_t rules; /* bit k: rule k of model/rule_kind.h */
    model_params params;
    struct training_set training;
    struct family_report report;
};

static bool has(uint32_t rules, int rule)
{
    return (rules >> rule & 1U) == 1U;
}

static bool has_net(int rule)
{
    return model_rule_of((model_rule_kind)rule)->has_net;
}

/* With a cross-validation also rules with a net, but for those that move no weight. */
static uint32_t usual_rules(bool is_held_out)
{
    uint32_t rules = 0;
    for (int i = 0; i < MODEL_RULES; i++) {
        const bool is_usual =
            !has_net(i) || (is_held_out && model_rule_of((model_rule_kind)i)->moves_weights);
        rules |= is_usual ? UINT32_C(1) << i : 0;
    }
    return rules;
}

static int refuse_rule(const char *word, struct fault *fault)
{
    struct nearest nearest;
    char ask[NEAREST_TEXT_MAX];
    char names[WORDS_MAX] = "";
    size_t used = 0;
    nearest_init(&nearest, word);
    for (int i = 0; i < MODEL_RULES; i++) {
        const char *name = model_rule_name((model_rule_kind)i);
        nearest_offer(&nearest, name);
        used +=
            (size_t)snprintf(names + used, sizeof names - used, "%s%s", i > 0 ? ", " : "", name);
    }
    return fault_set(fault, FAULT_INPUT,
                     "\"%.60s\": no rule; some of %s and then one table were "
                     "expected%s",
                     word, names, nearest_ask(&nearest, "", ask));
}

static int read_rules(struct comparing *c, struct fault *fault)
{
    const struct request *r = c->request;
    for (size_t i = 0; i + 1 < r->n_arguments; i++) {
        model_rule_kind kind;
        if (model_rule_parse(&kind, r->argument[i]) != MODEL_OK) {
            return refuse_rule(r->argument[i], fault);
        }
        if (has_net((int)kind) && r->folds == 0) {
            return fault_set(fault, FAULT_INPUT,
                             "rule %s has a net, and is compared on animals that are held out; "
                             "--cv was expected with it",
                             r->argument[i]);
        }
        c->rules |= UINT32_C(1) << kind;
    }
    c->rules = c->rules != 0 ? c->rules : usual_rules(r->folds > 0);
    c->rules |= UINT32_C(1) << MODEL_RULE_NONE;
    if (c->rules == UINT32_C(1) << MODEL_RULE_NONE) {
        return fault_set(fault, FAULT_INPUT,
                         "rule none alone; another rule to compare it with was expected");
    }
    return FAULT_NONE;
}

static int read_policy(struct comparing *c, struct fault *fault)
{
    const char *features = c->request->policy.chosen;
    if (model_params_built_in(&c->params, features) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT,
                         "--policy: \"%.100s\"; at most %d features, each once, were expected",
                         features, MODEL_WEIGHTS_MAX);
    }
    c->params.filter = MODEL_FILTER_MOMENTS;
    (void)model_policy_print(&c->params.policy, c->report.policy, sizeof c->report.policy);
    return FAULT_NONE;
}

static bool tell(void *context, double done)
{
    progress_update(context, (int64_t)(done * PROGRESS_STEPS));
    return !progress_interrupted();
}

static int compare_families(struct comparing *c, struct fault *fault)
{
    const struct request *r = c->request;
    struct training_set_view view = {0};
    struct thread_pool team = {0};
    struct progress progress;
    uint32_t families = 0;
    for (int i = 0; i < MODEL_RULES; i++) {
        families |= has(c->rules, i) && !has_net(i) ? UINT32_C(1) << i : 0;
    }
    const struct fit_scoring_options how = {.view = &view,
                                            .families = families,
                                            .seed = (uint64_t)r->seed,
                                            .team = &team,
                                            .tell = tell,
                                            .context = &progress};
    int rc = training_set_view_open(&view, &c->training, &c->params.policy, MODEL_RULE_BASIS, NULL,
                                    c->training.n, false, fault);
    rc = rc ? rc
            : thread_pool_open(&team, thread_pool_count(r->threads, JOB_SCHEDULER_THREADS_MAX),
                               fault);
    if (rc == FAULT_NONE) {
        progress_start(&progress, "compare", PROGRESS_STEPS);
        rc = family_comparison_open(&c->report.families, &c->training, &c->params, &how, fault);
        progress_finish(&progress);
    }
    if (rc == FAULT_NONE && c->report.gaps.n == 0 && !progress_interrupted()) {
        progress_start(&progress, "simulated mice", PROGRESS_STEPS);
        rc = family_null_find(&c->report.null, &c->report.families, &how, fault);
        progress_finish(&progress);
    }
    if (rc == FAULT_NONE && progress_interrupted()) {
        rc = fault_set(fault, FAULT_WORK, "interrupted; nothing was written");
    }
    thread_pool_close(&team);
    training_set_view_close(&view);
    return rc;
}

/* As murid fit --cv does. */
static int hold_out(struct comparing *c, struct fault *fault)
{
    const struct request *r = c->request;
    struct fit_recipe *recipe = calloc(1, sizeof *recipe);
    struct ranks alone = {.n = 1};
    const struct fit_request request = {.rule = {.chosen = "compare"},
                                        .guard = &r->options->guard,
                                        .held_out = -1,
                                        .seed = r->seed,
                                        .seeds = 1,
                                        .folds = r->folds};
    struct fit_many many = {.request = &request,
                            .recipe = recipe,
                            .training = &c->training,
                            .ranks = &alone,
                            .n_threads = thread_pool_count(r->threads, JOB_SCHEDULER_THREADS_MAX)};
    if (recipe == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory to compare rules");
    }
    fit_recipe_rules(recipe, c->rules);
    for (size_t i = 0; i < recipe->n; i++) {
        recipe->options[i].policy = c->params.policy;
    }
    int rc = fit_many(&many, fault);
    rc =
        rc ? rc
           : family_report_take(&c->report, &many.comparison, REFERENCES, (uint64_t)r->seed, fault);
    fit_many_close(&many);
    free(recipe);
    return rc;
}

static void warn_of_shared(const struct comparing *c)
{
    const double shared = c->report.families.fit.shared;
    if (shared > FIT_SCORING_SHARED_OF_NOTE) {
        fprintf(stderr,
                "murid: warning: the animals' choices are not independent: %u animals carry the "
                "information of %.1f; intervals are widened accordingly\n",
                (unsigned)c->training.n, (double)c->training.n / shared);
    }
}

static void put_csv(FILE *to, const void *report)
{
    family_report_csv(to, report);
}

static void put_plot(FILE *to, const void *report)
{
    family_report_svg(to, report);
}

static int compare(struct comparing *c, struct fault *fault)
{
    const struct request *r = c->request;
    struct family_report *report = &c->report;
    training_gaps_find(&report->gaps, &c->training);
    int rc = compare_families(c, fault);
    if (rc == FAULT_WORK && report->gaps.n > 0 && !progress_interrupted()) {
        rc = FAULT_NONE; /* what is missing says more */
    }
    report->families.training = &c->training;
    rc = rc ? rc
            : family_separation_find(&report->separation, &report->families, (uint64_t)r->seed,
                                     fault);
    rc = rc == FAULT_NONE && r->folds > 0 ? hold_out(c, fault) : rc;
    if (rc == FAULT_NONE) {
        family_verdict_make(&report->verdict, &report->families, &report->separation, &report->null,
                            &report->gaps);
        warn_of_shared(c);
    }
    rc = rc ? rc : output_file_write(&r->options->guard, r->csv, put_csv, report, fault);
    rc = rc ? rc : output_file_write(&r->options->guard, r->plot, put_plot, report, fault);
    if (rc == FAULT_NONE) {
        (r->is_json ? family_report_json : family_report_text)(stdout, report);
    }
    return rc;
}

static int work(void *request, struct fault *fault)
{
    struct request *r = request;
    struct comparing *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory");
    }
    progress_catch_interrupts();
    r->n_arguments = r->options->n_arguments;
    c->request = r;
    int rc = read_rules(c, fault);
    rc = rc ? rc : read_policy(c, fault);
    rc = rc ? rc
            : training_set_load(&c->training, r->argument[r->n_arguments - 1],
                                trial_table_how(&r->table), fault);
    rc = rc ? rc : compare(c, fault);
    family_report_close(&c->report);
    training_set_free(&c->training);
    free(c);
    return rc;
}

int cmd_compare(int argc, char **argv)
{
    struct request r = {.policy = vocabulary_features()};
    r.policy.chosen = MODEL_POLICY_USUAL;
    const struct option list[] = {
        {"policy", OPTION_WORDS, &r.policy, 0, 0, "FEATURES", "of the policy, some of", NULL},
        {"cv", OPTION_INT, &r.folds, 2, SUBJECT_NAMES_MAX, "K",
         "also how well each rule predicts animals that are held out, in K folds, as murid fit "
         "--cv does; then with the nets dnn and rnn",
         NULL},
        COMMAND_SEED(&r.seed, "of draws, folds and nets"),
        {"threads", OPTION_INT, &r.threads, 1, THREAD_POOL_THREADS_MAX, "N",
         "threads (default one a processor); the result does not depend on it", NULL},
        {"csv", OPTION_OUT, &r.csv, 0, 0, "FILE.csv", "write the tables", NULL},
        COMMAND_PLOT(&r.plot),
        COMMAND_JSON(&r.is_json),
        TRIAL_TABLE_OPTIONS(r.table),
    };
    struct options options = {
        .usage = "compare [RULE ...] DATA [options]",
        .about = "Which learning rule the animals of a table follow: the evidence for each family "
                 "of rules, all animals together and each alone, and a verdict in words; where "
                 "they do not tell, what would. A family is no rule (none), a classic rule, or of "
                 "basis the best of these with one thing added, and all terms. RULE ... compares "
                 "these, and none. DATA \"-\" is standard input. docs/fit.md shows how to read "
                 "it.",
        COMMAND_OPTIONS(list),
        .arguments = r.argument,
        .arguments_min = 1,
        .arguments_max = ARGUMENTS_MAX};
    r.options = &options;
    return command_run(&options, argc, argv, work, &r);
}
