#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "model/mouse.h"
#include "options.h"
#include "progress.h"
#include "simulation_pair.h"
#include "spec.h"
#include "table.h"
#include "team.h"

enum { TRIALS_A_LOOK = 1024 };

/* The rig's draws, and what makes animals differ, come from streams far above those of the animals
 * (model/mouse.h). */
static const uint64_t RIG_STREAMS = UINT64_C(1) << 63;
static const uint64_t TALENT_STREAMS = UINT64_C(1) << 62;

struct task {
    const model_params *herd; /* what the animals have in common */
    model_params params;      /* of the animal at hand */
    double rate_factor;       /* its rates over the herd's */
    double rate_spread;
    struct option_reals stimuli;
    int64_t mice;
    int64_t sessions;
    int64_t trials;
    int64_t seed;
    FILE *out;
    FILE *truth; /* NULL: not wanted */
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
static void write_truth(const struct task *s, const struct table_row *row, const model_mouse *mouse)
{
    fprintf(s->truth, "%s,%s,%lld,%.9g", row->subject, row->session, (long long)row->trial,
            model_mouse_predict(mouse, &s->params, row->stimulus));
    for (uint32_t i = 0; i < s->params.policy.n; i++) {
        fprintf(s->truth, ",%.9g", mouse->w[i]);
    }
    fprintf(s->truth, ",%.9g\n", s->rate_factor);
}

static int run_trial(struct task *s, model_mouse *mouse, model_random *rig, struct table_row *row,
                     struct fault *fault)
{
    const double contrast = s->stimuli.v[model_random_below(rig, s->stimuli.n)];
    const bool coin = model_random_below(rig, 2) == 1;
    row->stimulus = contrast;
    row->side = contrast > 0.0 || (!(contrast < 0.0) && coin);
    if (s->truth != NULL) {
        write_truth(s, row, mouse);
    }
    row->rt_s = floor(1000.0 * model_mouse_draw_rt_s(mouse, &s->params, contrast)) / 1000.0;
    row->choice = model_mouse_choose(mouse, &s->params, contrast);
    row->reward = row->choice == row->side ? 1.0 : 0.0;
    table_write(s->out, row, false);
    s->n_trials++;
    s->n_correct += row->choice == row->side;

    const model_trial trial = {.contrast = contrast,
                               .reward = row->reward,
                               .rt_s = row->rt_s,
                               .choice = row->choice,
                               .side = row->side};
    const int status = model_mouse_learn(mouse, &s->params, &trial);
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
            return fault_set(fault, FAULT_WORK, "interrupted; the first %lld trials are written",
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
    s->params = *s->herd;
    s->rate_factor =
        s->rate_spread > 0.0 ? exp(s->rate_spread * model_random_normal(&random)) : 1.0;
    for (uint32_t i = 0; i < s->params.policy.n; i++) {
        s->params.rule.rate[i] *= s->rate_factor;
    }
}

static int run_mouse(struct task *s, int64_t number, struct fault *fault)
{
    model_mouse mouse;
    model_random rig;
    struct table_row row = {.repeat = -1, .p_left = (double)NAN};
    draw_talent(s, number);
    model_mouse_init(&mouse, &s->params, (uint64_t)s->seed, (uint64_t)number);
    model_random_seed(&rig, (uint64_t)s->seed, RIG_STREAMS + (uint64_t)number);
    (void)snprintf(row.subject, sizeof row.subject, "vm%02lld", (long long)number + 1);
    for (int64_t session = 1; session <= s->sessions; session++) {
        (void)snprintf(row.session, sizeof row.session, "%lld", (long long)session);
        model_mouse_start_session(&mouse, &s->params);
        for (row.trial = 0; row.trial < s->trials; row.trial++) {
            const int rc = run_trial(s, &mouse, &rig, &row, fault);
            if (rc != FAULT_NONE) {
                return rc;
            }
        }
    }
    return FAULT_NONE;
}

static int open_output(FILE **out, const char *path, struct fault *fault)
{
    *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "wb");
    return *out != NULL
               ? FAULT_NONE
               : fault_set(fault, FAULT_WORK, "%s: cannot be written: %s", path, strerror(errno));
}

/* Closes, and says what was lost on the way to the disk if nothing else went wrong before. */
static int close_output(FILE *out, const char *path, int rc, struct fault *fault)
{
    if (out == NULL) {
        return rc;
    }
    errno = 0;
    bool failed = ferror(out) != 0 || fflush(out) != 0;
    if (out != stdout) {
        failed = fclose(out) != 0 || failed;
    }
    return failed && rc == FAULT_NONE
               ? fault_set(fault, FAULT_WORK, "%s: cannot be written: %s", path,
                           errno != 0 ? strerror(errno) : "an earlier write failed")
               : rc;
}

static int simulate(struct task *s, const char *out_path, const char *truth_path,
                    struct fault *fault)
{
    int rc = open_output(&s->out, out_path, fault);
    if (rc == FAULT_NONE && truth_path != NULL) {
        rc = open_output(&s->truth, truth_path, fault);
    }
    if (rc == FAULT_NONE) {
        table_write_header(s->out, false);
        if (s->truth != NULL) {
            write_truth_header(s->truth, &s->herd->policy);
        }
        progress_start(&s->progress, "simulate", s->mice * s->sessions * s->trials);
        for (int64_t i = 0; i < s->mice && rc == FAULT_NONE; i++) {
            rc = run_mouse(s, i, fault);
        }
        progress_finish(&s->progress);
    }
    rc = close_output(s->truth, truth_path, rc, fault);
    return close_output(s->out, out_path, rc, fault);
}

/* What was asked for on the command line. */
struct request {
    struct spec spec;
    struct task task; /* without a protocol */
    const char *model;
    const char *out;
    const char *truth;
    const char *protocol;
    const char *compare;
    const char *defects;
    const char *summary;
    const char *plot;
    double criterion;
    int64_t threads;
    bool is_json;
    bool has_stimuli;
    bool has_trials;
};

static int refuse(struct fault *fault, const char *what)
{
    return fault_set(fault, FAULT_INPUT, "option %s", what);
}

/* Options that do not go together. */
static int check_request(const struct request *r, size_t n_arguments, struct fault *fault)
{
    const bool has_protocol = r->protocol != NULL || r->compare != NULL;
    const int rc = spec_check(&r->spec, r->model, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (r->protocol != NULL && r->compare != NULL) {
        return refuse(fault, "compare: names both protocols; no protocol expected beside it");
    }
    if (n_arguments != (r->compare != NULL ? 1 : 0)) {
        return refuse(fault, "compare: two protocols expected, as in --compare A.yaml B.yaml");
    }
    if (has_protocol && (r->truth != NULL || r->has_stimuli)) {
        return refuse(fault, "protocol: says what is shown; no stimuli and no truth expected "
                             "beside it");
    }
    if (r->compare != NULL && r->out != NULL) {
        return refuse(fault, "compare: no table of trials expected beside it");
    }
    if (r->is_json && r->out != NULL && strcmp(r->out, "-") == 0) {
        return refuse(fault, "json: the table is on standard output already; a file expected");
    }
    if (!has_protocol && (r->defects != NULL || r->summary != NULL || r->plot != NULL ||
                          r->is_json || r->threads > 0)) {
        return refuse(fault, "protocol: expected with defect, summary, plot, json and threads");
    }
    return FAULT_NONE;
}

static int check_spread(const struct request *r, const struct model_file *model,
                        struct fault *fault)
{
    const model_rule_kind kind = model->bank.member[0].rule.kind;
    const bool has_steps = r->protocol != NULL || r->compare != NULL
                               ? kind != MODEL_RULE_NONE && kind != MODEL_RULE_GRU_POLICY
                               : model_rule_has_rates(kind);
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
    return n < TEAM_THREADS_MAX ? n : TEAM_THREADS_MAX;
}

static int run_protocols(const struct request *r, const struct model_file *model,
                         const char *second, struct fault *fault)
{
    const struct simulation_request request = {
        .path = {r->protocol != NULL ? r->protocol : r->compare, second},
        .defects = r->defects,
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
    s->herd = &model->bank.member[0];
    const int rc = simulate(s, r->out != NULL ? r->out : "-", r->truth, fault);
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
    int rc = spec_load(&r->spec, r->model, &model, fault);
    rc = rc == FAULT_NONE ? check_spread(r, &model, fault) : rc;
    if (rc == FAULT_NONE) {
        progress_catch_interrupts();
        rc = r->protocol != NULL || r->compare != NULL ? run_protocols(r, &model, second, fault)
                                                       : run_task(r, &model, fault);
    }
    r->task.herd = NULL;
    model_file_free(&model);
    return rc;
}

static size_t list_options(struct request *r, struct option list[])
{
    const struct option own[] = {
        {"model", OPTION_TEXT, &r->model, 0, 0, "M",
         "model file, instead of the words above; a bank: with a protocol only", NULL},
        {"mice", OPTION_INT, &r->task.mice, 1, SIMULATION_MICE_MAX, "N", "animals (1)", NULL},
        {"sessions", OPTION_INT, &r->task.sessions, 1, 100000, "N", "sessions of each (1)", NULL},
        {"trials", OPTION_INT, &r->task.trials, 1, 1000000, "N",
         "trials of each session (500, or as the protocol says)", &r->has_trials},
        {"rate-spread", OPTION_REAL, &r->task.rate_spread, 0, 2, "SD",
         "of the animals' log learning rate, so that they differ (0)", NULL},
        {"stimuli", OPTION_REALS, &r->task.stimuli, -1, 1, "LIST",
         "signed contrasts, drawn with equal chance", &r->has_stimuli},
        {"seed", OPTION_INT, &r->task.seed, 0, 9007199254740992.0, "N",
         "the same seed gives the same animals (1)", NULL},
        {"o", OPTION_TEXT, &r->out, 0, 0, "FILE.csv",
         "trial table (standard output; with a protocol none)", NULL},
        {"truth", OPTION_TEXT, &r->truth, 0, 0, "FILE.csv",
         "also the true weights before each trial, and the rates over the stated ones", NULL},
        {"protocol", OPTION_TEXT, &r->protocol, 0, 0, "P.yaml",
         "the animals are trained by this protocol (docs/protocols.md)", NULL},
        {"compare", OPTION_TEXT, &r->compare, 0, 0, "A.yaml B.yaml",
         "the same animals trained by each of two", NULL},
        {"defect", OPTION_TEXT, &r->defects, 0, 0, "NAME,...",
         "known defects, switched on in the protocol, or in B", NULL},
        {"criterion", OPTION_REAL, &r->criterion, 0, 1, "A",
         "accuracy of a session that counts as learned (0.8)", NULL},
        {"summary", OPTION_TEXT, &r->summary, 0, 0, "FILE.csv",
         "bands over animals, by session and stage", NULL},
        {"plot", OPTION_TEXT, &r->plot, 0, 0, "FILE.svg", "the same as a figure", NULL},
        {"json", OPTION_FLAG, &r->is_json, 0, 0, NULL, "the report as JSON", NULL},
        {"threads", OPTION_INT, &r->threads, 1, TEAM_THREADS_MAX, "N",
         "with a protocol (one a processor); results do not depend on it", NULL},
    };
    const size_t n = spec_options(&r->spec, list);
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
        .criterion = 0.8};
    struct option list[SPEC_OPTIONS + 20];
    const char *second = NULL;
    spec_init(&r.spec);
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
        .arguments = &second,
        .arguments_max = 1};
    int code = 0;
    if (!options_read(&options, argc, argv, &code)) {
        return code;
    }
    struct fault fault;
    int rc = check_request(&r, options.n_arguments, &fault);
    rc = rc == FAULT_NONE ? run(&r, second, &fault) : rc;
    return fault_report(&fault, rc);
}
