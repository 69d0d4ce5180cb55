#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "model/virtual_mouse.h"
#include "model_options.h"
#include "options.h"
#include "progress.h"
#include "simulation_pair.h"
#include "thread_pool.h"
#include "trial_table.h"
#include "vocabulary.h"

enum { TRIALS_A_LOOK = 1024 };

/* The rig's draws, and what makes animals differ, come from streams far above those of the animals
 * (model/virtual_mouse.h). */
static const uint64_t RIG_STREAMS = UINT64_C(1) << 63;
static const uint64_t TALENT_STREAMS = UINT64_C(1) << 62;

struct task {
    const model_params *cohort; /* what the animals have in common */
    model_params params;        /* of the animal at hand */
    double rate_factor;         /* its rates over the cohort's */
    double rate_spread;
    struct option_reals stimuli;
    int64_t mice;
    int64_t sessions;
    int64_t trials;
    int64_t seed;
    struct output_file out;
    struct output_file truth; /* zeroed: not wanted */
    struct progress progress;
    int64_t n_trials;
    int64_t n_correct;
};

static void write_truth_header(FILE *to, const model_policy *policy)
{
    fputs("subject,session,trial,p_right", to);
    for (uint32_t i = 0; i < policy->n; i++) {
        fprintf(to, ",%s", model_feature_name(policy->feature[i]));
    }
    fputs(",rate_factor\n", to);
}

/* The weights that the choice is drawn with. */
static void write_truth(const struct task *s, const struct trial_row *row,
                        const model_virtual_mouse *mouse)
{
    fprintf(s->truth.to, "%s,%s,%lld,%.9g", row->subject, row->session, (long long)row->trial,
            model_virtual_mouse_predict(mouse, &s->params, row->stimulus));
    for (uint32_t i = 0; i < s->params.policy.n; i++) {
        fprintf(s->truth.to, ",%.9g", mouse->w[i]);
    }
    fprintf(s->truth.to, ",%.9g\n", s->rate_factor);
}

static int run_trial(struct task *s, model_virtual_mouse *mouse, model_random *rig,
                     struct trial_row *row, struct fault *fault)
{
    const double contrast = s->stimuli.v[model_random_below(rig, s->stimuli.n)];
    const bool coin = model_random_below(rig, 2) == 1;
    row->stimulus = contrast;
    row->side = contrast > 0.0 || (!(contrast < 0.0) && coin);
    if (s->truth.to != NULL) {
        write_truth(s, row, mouse);
    }
    row->rt_s = floor(1000.0 * model_virtual_mouse_draw_rt_s(mouse, &s->params, contrast)) / 1000.0;
    row->choice = model_virtual_mouse_choose(mouse, &s->params, contrast);
    row->reward = row->choice == row->side ? 1.0 : 0.0;
    trial_table_write(s->out.to, row, false);
    s->n_trials++;
    s->n_correct += row->choice == row->side;

    const model_trial trial = {.contrast = contrast,
                               .reward = row->reward,
                               .rt_s = row->rt_s,
                               .choice = row->choice,
                               .side = row->side};
    const int status = model_virtual_mouse_learn(mouse, &s->params, &trial);
    if (status != MODEL_OK) {
        return fault_set(
            fault, FAULT_WORK,
            "%s, session %s, trial %lld: the rule gives no usable weights: %s; a lower "
            "rate or less noise may help",
            row->subject, row->session, (long long)row->trial, model_strerror(status));
    }
    if (s->n_trials % TRIALS_A_LOOK == 0) {
        progress_update(&s->progress, s->n_trials);
        if (progress_interrupted()) {
            return fault_set(fault, FAULT_WORK, "interrupted after %lld trials",
                             (long long)s->n_trials);
        }
    }
    return FAULT_NONE;
}

/* One log-normal factor for all rates of an animal, so that some learn faster than others. */
static void draw_talent(struct task *s, int64_t number)
{
    model_random random;
    model_random_seed(&random, (uint64_t)s->seed, TALENT_STREAMS + (uint64_t)number);
    s->params = *s->cohort;
    s->rate_factor =
        s->rate_spread > 0.0 ? exp(s->rate_spread * model_random_normal(&random)) : 1.0;
    for (uint32_t i = 0; i < s->params.policy.n; i++) {
        s->params.rule.rate[i] *= s->rate_factor;
    }
}

static int run_mouse(struct task *s, int64_t number, struct fault *fault)
{
    model_virtual_mouse mouse;
    model_random rig;
    struct trial_row row = {.repeat = -1, .p_left = (double)NAN};
    draw_talent(s, number);
    model_virtual_mouse_init(&mouse, &s->params, (uint64_t)s->seed, (uint64_t)number);
    model_random_seed(&rig, (uint64_t)s->seed, RIG_STREAMS + (uint64_t)number);
    (void)snprintf(row.subject, sizeof row.subject, "vm%02lld", (long long)number + 1);
    for (int64_t session = 1; session <= s->sessions; session++) {
        (void)snprintf(row.session, sizeof row.session, "%lld", (long long)session);
        model_virtual_mouse_start_session(&mouse, &s->params);
        for (row.trial = 0; row.trial < s->trials; row.trial++) {
            const int rc = run_trial(s, &mouse, &rig, &row, fault);
            if (rc != FAULT_NONE) {
                return rc;
            }
        }
    }
    return FAULT_NONE;
}

/* What was asked for on the command line. */
struct request {
    struct model_options spec;
    struct task task; /* without a protocol */
    const char *model;
    const char *out;
    const char *truth;
    const char *protocol;
    const char *compare;
    struct option_word defects;
    const struct output_guard *guard;
    const char *summary;
    const char *plot;
    double criterion;
    int64_t threads;
    bool is_json;
    bool has_trials;
};

static int simulate(struct task *s, const struct request *r, struct fault *fault)
{
    int rc = output_file_open(&s->out, r->guard, r->out != NULL ? r->out : "-", fault);
    if (rc == FAULT_NONE && r->truth != NULL) {
        rc = output_file_open(&s->truth, r->guard, r->truth, fault);
    }
    if (rc == FAULT_NONE) {
        trial_table_write_header(s->out.to, false);
        if (s->truth.to != NULL) {
            write_truth_header(s->truth.to, &s->cohort->policy);
        }
        progress_start(&s->progress, "simulate", s->mice * s->sessions * s->trials);
        for (int64_t i = 0; i < s->mice && rc == FAULT_NONE; i++) {
            rc = run_mouse(s, i, fault);
        }
        progress_finish(&s->progress);
    }
    rc = output_file_close(&s->truth, rc, fault);
    return output_file_close(&s->out, rc, fault);
}

/* Options that do not go together. */
static int check_request(const struct request *r, size_t n_arguments, const char *second,
                         struct fault *fault)
{
    const int rc = model_options_check(&r->spec, r->model, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (r->compare != NULL && n_arguments == 0) {
        return fault_set(fault, FAULT_INPUT,
                         "option compare: one protocol, %s; two were expected, as in --compare "
                         "A.yaml B.yaml",
                         r->compare);
    }
    if (r->compare == NULL && n_arguments > 0) {
        return fault_set(fault, FAULT_INPUT,
                         "\"%.60s\" was not expected; a second protocol is for --compare", second);
    }
    if (r->is_json && r->out != NULL && strcmp(r->out, "-") == 0) {
        return fault_set(fault, FAULT_INPUT,
                         "option json: the table is on standard output already; -o FILE.csv was "
                         "expected");
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
                           "option rate-spread: rule %s has no learning rate to spread",
                           model_rule_name(kind))
               : FAULT_NONE;
}

static size_t count_threads(int64_t wanted)
{
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    const size_t n = wanted > 0 ? (size_t)wanted : online > 0 ? (size_t)online : 1;
    return n < THREAD_POOL_THREADS_MAX ? n : THREAD_POOL_THREADS_MAX;
}

static int run_protocols(const struct request *r, const struct model_file *model,
                         const char *second, struct fault *fault)
{
    const struct simulation_request request = {
        .path = {r->protocol != NULL ? r->protocol : r->compare, second},
        .guard = r->guard,
        .defects = r->defects.chosen,
        .trials = r->has_trials ? r->task.trials : 0,
        .plan = {.bank = &model->bank,
                 .mice = r->task.mice,
                 .sessions = r->task.sessions,
                 .seed = (uint64_t)r->task.seed,
                 .rate_spread = r->task.rate_spread,
                 .n_threads = count_threads(r->threads)},
        .criterion = r->criterion,
        .table = r->out,
        .summary = r->summary,
        .plot = r->plot,
        .is_json = r->is_json};
    return simulation_pair_run(&request, fault);
}

static int run_task(struct request *r, const struct model_file *model, struct fault *fault)
{
    struct task *s = &r->task;
    if (model_file_is_bank(model)) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: is a bank; a single model expected, or a protocol", r->model);
    }
    s->cohort = &model->bank.member[0];
    const int rc = simulate(s, r, fault);
    if (rc == FAULT_NONE) {
        fprintf(stderr, "simulate: %lld trials of %lld mice, %.1f%% correct\n",
                (long long)s->n_trials, (long long)s->mice,
                100.0 * (double)s->n_correct / (double)s->n_trials);
    }
    return rc;
}

static int run(struct request *r, const char *second, struct fault *fault)
{
    struct model_file model = {0};
    int rc = model_options_load(&r->spec, r->model, &model, fault);
    rc = rc == FAULT_NONE ? check_spread(r, &model, fault) : rc;
    if (rc == FAULT_NONE) {
        progress_catch_interrupts();
        rc = r->protocol != NULL || r->compare != NULL ? run_protocols(r, &model, second, fault)
                                                       : run_task(r, &model, fault);
    }
    r->task.cohort = NULL;
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
        {"seed", OPTION_INT, &r->task.seed, 0, 9007199254740992.0, "N",
         "the same seed gives the same animals", NULL},
        {"o", OPTION_OUT, &r->out, 0, 1, "FILE.csv",
         "trial table; without a protocol by default to standard output", NULL},
        {"truth", OPTION_OUT, &r->truth, 0, 0, "FILE.csv",
         "also the true weights before each trial, and the rates over the stated ones", NULL},
        {"protocol", OPTION_IN, &r->protocol, 0, 0, "P.yaml",
         "the animals are trained by this protocol (docs/protocols.md)", NULL},
        {"compare", OPTION_IN, &r->compare, 0, 0, "A.yaml B.yaml",
         "the same animals trained by each of two", NULL},
        {"defect", OPTION_WORDS, &r->defects, 0, 0, "NAME,...",
         "known defects, switched on in the protocol, or in B; some of", NULL},
        {"criterion", OPTION_REAL, &r->criterion, 0, 1, "A",
         "accuracy of a session that counts as learned", NULL},
        {"summary", OPTION_OUT, &r->summary, 0, 0, "FILE.csv",
         "bands over animals, by session and stage", NULL},
        {"plot", OPTION_OUT, &r->plot, 0, 0, "FILE.svg", "the same as a figure", NULL},
        {"json", OPTION_FLAG, &r->is_json, 0, 0, NULL, "the report as JSON", NULL},
        {"threads", OPTION_INT, &r->threads, 1, THREAD_POOL_THREADS_MAX, "N",
         "with a protocol (one a processor); results do not depend on it", NULL},
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
        .criterion = 0.8};
    struct option list[MODEL_OPTIONS_OPTIONS + 20];
    const char *second = NULL;
    model_options_init(&r.spec, "none", (double)NAN, NULL);
    static const struct option_rule rules[] = {
        {"protocol", OPTION_EXCLUDES, "compare"},
        {"o", OPTION_EXCLUDES, "compare"},
        {"truth", OPTION_EXCLUDES, "protocol|compare"},
        {"stimuli", OPTION_EXCLUDES, "protocol|compare"},
        {"defect|summary|plot|json|threads|criterion", OPTION_NEEDS, "protocol|compare"}};
    struct options options = {
        .usage = "simulate [--model M | --rule R --rate A ...] [--protocol P.yaml] [options]",
        .about =
            "Virtual mice: animals of a stated learning rule and noise, or of a model, play a "
            "task\n"
            "whose correct side is that of the stimulus, at zero contrast a coin's; their trials\n"
            "are written as a table for murid play, eval and fit. With a protocol they are "
            "trained\n"
            "by it: what becomes of them, by session and by stage, is reported.",
        .list = list,
        .n = list_options(&r, list),
        .rules = rules,
        .n_rules = sizeof rules / sizeof rules[0],
        .arguments = &second,
        .arguments_max = 1};
    int code = 0;
    if (!options_read(&options, argc, argv, &code)) {
        return code;
    }
    struct fault fault;
    r.guard = &options.guard;
    int rc = check_request(&r, options.n_arguments, second, &fault);
    rc = rc == FAULT_NONE ? run(&r, second, &fault) : rc;
    return fault_report(&fault, rc);
}
