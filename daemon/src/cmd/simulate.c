#include <math.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "model_options.h"
#include "progress.h"
#include "simulation_pair.h"
#include "task_simulation.h"
#include "thread_pool.h"
#include "vocabulary.h"

struct request {
    const struct options *options;
    struct model_options spec;
    struct task_simulation task;    /* without a protocol */
    struct simulation_request pair; /* with one or two */
    const char *model;
    const char *out;
    const char *protocol;
    const char *compare;
    struct option_word defects;
    int64_t threads;
    bool has_trials;
};

static int check_request(const struct request *r, struct fault *fault)
{
    const int rc = model_options_check(&r->spec, r->model, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (r->compare != NULL && r->pair.path[1] == NULL) {
        return fault_set(
            fault, FAULT_INPUT,
            "--compare: one protocol, %s; two were expected, as in --compare A.yaml B.yaml",
            r->compare);
    }
    if (r->compare == NULL && r->pair.path[1] != NULL) {
        return fault_set(fault, FAULT_INPUT,
                         "\"%.60s\" was not expected; a second protocol is for --compare",
                         r->pair.path[1]);
    }
    if (r->pair.is_json && r->out != NULL && strcmp(r->out, "-") == 0) {
        return fault_set(
            fault, FAULT_INPUT,
            "--json: the table is on standard output already; -o FILE.csv was expected");
    }
    return FAULT_NONE;
}

static int check_spread(const struct request *r, const struct model_file *model,
                        struct fault *fault)
{
    const model_rule_kind kind = model->bank.member[0].rule.kind;
    const bool has_steps = r->protocol != NULL || r->compare != NULL
                               ? model_rule_of(kind)->moves_weights
                               : model_rule_of(kind)->has_rates;
    return r->task.rate_spread > 0.0 && !model_file_is_bank(model) && !has_steps
               ? fault_set(fault, FAULT_INPUT,
                           "--rate-spread: rule %s has no learning rate to spread",
                           model_rule_name(kind))
               : FAULT_NONE;
}

static int run_protocols(struct request *r, const struct model_file *model, struct fault *fault)
{
    struct simulation_request *pair = &r->pair;
    pair->path[0] = r->protocol != NULL ? r->protocol : r->compare;
    pair->guard = &r->options->guard;
    pair->defects = r->defects.chosen;
    pair->trials = r->has_trials ? r->task.trials : 0;
    pair->table = r->out;
    pair->plan = (struct simulation_plan){
        .bank = &model->bank,
        .mice = r->task.mice,
        .sessions = r->task.sessions,
        .seed = (uint64_t)r->task.seed,
        .rate_spread = r->task.rate_spread,
        .n_threads = thread_pool_count(r->threads, THREAD_POOL_THREADS_MAX)};
    return simulation_pair_run(pair, fault);
}

static int run_task(struct request *r, const struct model_file *model, struct fault *fault)
{
    struct task_simulation *s = &r->task;
    if (model_file_is_bank(model)) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: is a bank; a single model expected, or a protocol", r->model);
    }
    s->cohort = &model->bank.member[0];
    s->table = r->out != NULL ? r->out : "-";
    s->guard = &r->options->guard;
    const int rc = task_simulation_run(s, fault);
    if (rc == FAULT_NONE) {
        fprintf(stderr, "simulate: %lld trials of %lld mice, %.1f%% correct\n",
                (long long)s->n_trials, (long long)s->mice,
                100.0 * (double)s->n_correct / (double)s->n_trials);
    }
    return rc;
}

static int work(void *request, struct fault *fault)
{
    struct request *r = request;
    struct model_file model = {0};
    int rc = check_request(r, fault);
    rc = rc ? rc : model_options_load(&r->spec, r->model, &model, fault);
    rc = rc == FAULT_NONE ? check_spread(r, &model, fault) : rc;
    if (rc == FAULT_NONE) {
        progress_catch_interrupts();
        rc = r->protocol != NULL || r->compare != NULL ? run_protocols(r, &model, fault)
                                                       : run_task(r, &model, fault);
    }
    model_file_free(&model);
    return rc;
}

static size_t list_options(struct request *r, struct option list[])
{
    const struct option own[] = {
        {"model", OPTION_IN, &r->model, 0, 0, "M",
         "model file, instead of the words above; a bank: with a protocol only", NULL},
        {"mice", OPTION_INT, &r->task.mice, 1, SIMULATION_MICE_MAX, "N", "animals", NULL},
        {"sessions", OPTION_INT, &r->task.sessions, 1, 100000, "N", "sessions of each", NULL},
        {"trials", OPTION_INT, &r->task.trials, 1, 1000000, "N",
         "trials of each session; with a protocol as it says", &r->has_trials},
        {"rate-spread", OPTION_REAL, &r->task.rate_spread, 0, 2, "SD",
         "of the animals' log learning rate, so that they differ", NULL},
        {"stimuli", OPTION_REALS, &r->task.stimuli, -1, 1, "LIST",
         "signed contrasts, drawn with equal chance", NULL},
        COMMAND_SEED(&r->task.seed, "the same seed gives the same animals"),
        {"o", OPTION_OUT, &r->out, 0, 1, "FILE.csv",
         "trial table (default standard output without a protocol)", NULL},
        {"truth", OPTION_OUT, &r->task.truth, 0, 0, "FILE.csv",
         "also the true weights before each trial, and the rates over the stated ones", NULL},
        {"protocol", OPTION_IN, &r->protocol, 0, 0, "P.yaml",
         "the animals are trained by this protocol (docs/protocols.md)", NULL},
        {"compare", OPTION_IN, &r->compare, 0, 0, "A.yaml B.yaml",
         "the same animals trained by each of two", NULL},
        {"defect", OPTION_WORDS, &r->defects, 0, 0, "NAME,...",
         "known defects, switched on in the protocol, or in B; some of", NULL},
        {"criterion", OPTION_REAL, &r->pair.criterion, 0, 1, "A",
         "fraction correct of a session that counts as learned", NULL},
        {"csv", OPTION_OUT, &r->pair.summary, 0, 0, "FILE.csv",
         "bands over animals, by session and stage", NULL},
        COMMAND_PLOT(&r->pair.plot),
        COMMAND_JSON(&r->pair.is_json),
        {"threads", OPTION_INT, &r->threads, 1, THREAD_POOL_THREADS_MAX, "N",
         "threads, with a protocol (default one a processor); results do not depend on it", NULL},
    };
    const size_t n = model_options_options(&r->spec, list);
    memcpy(list + n, own, sizeof own);
    return n + sizeof own / sizeof own[0];
}

int cmd_simulate(int argc, char **argv)
{
    struct request r = {
        .task = {.stimuli = {11,
                             {-1, -0.5, -0.25, -0.125, -0.0625, 0, 0.0625, 0.125, 0.25, 0.5, 1}},
                 .mice = 1,
                 .sessions = 1,
                 .trials = 500,
                 .seed = 1},
        .defects = vocabulary_defects(),
        .pair.criterion = 0.8};
    struct option list[MODEL_OPTIONS_OPTIONS + 20];
    model_options_init(&r.spec, "none", (double)NAN, NULL);
    static const struct option_rule rules[] = {
        {"protocol", OPTION_EXCLUDES, "compare"},
        {"o", OPTION_EXCLUDES, "compare"},
        {"truth", OPTION_EXCLUDES, "protocol|compare"},
        {"stimuli", OPTION_EXCLUDES, "protocol|compare"},
        {"defect|csv|plot|json|threads|criterion", OPTION_NEEDS, "protocol|compare"}};
    struct options options = {
        .usage = "simulate [--model M | --rule R --rate A ...] [--protocol P.yaml] [options]",
        .about =
            "Virtual mice: animals of a stated learning rule and noise, or of a model, play a task "
            "whose correct side is that of the stimulus, at zero contrast a coin's; their trials "
            "are written as a table for murid play, eval and fit. With a protocol they are trained "
            "by it: what becomes of them, by session and by stage, is reported.",
        .list = list,
        .n = list_options(&r, list),
        COMMAND_RULES(rules),
        .arguments = &r.pair.path[1],
        .arguments_max = 1};
    r.options = &options;
    return command_run(&options, argc, argv, work, &r);
}
