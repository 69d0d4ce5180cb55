#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "model/mouse.h"
#include "options.h"
#include "progress.h"
#include "spec.h"
#include "table.h"

enum { TRIALS_A_LOOK = 1024 };

/* The rig's draws, and what makes animals differ, come from streams far above those of the animals
 * (model/mouse.h). */
static const uint64_t RIG_STREAMS = UINT64_C(1) << 63;
static const uint64_t TALENT_STREAMS = UINT64_C(1) << 62;

struct simulation {
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
static void write_truth(const struct simulation *s, const struct table_row *row,
                        const model_mouse *mouse)
{
    fprintf(s->truth, "%s,%s,%lld,%.9g", row->subject, row->session, (long long)row->trial,
            model_mouse_predict(mouse, &s->params, row->stimulus));
    for (uint32_t i = 0; i < s->params.policy.n; i++) {
        fprintf(s->truth, ",%.9g", mouse->w[i]);
    }
    fprintf(s->truth, ",%.9g\n", s->rate_factor);
}

static int run_trial(struct simulation *s, model_mouse *mouse, model_random *rig,
                     struct table_row *row, struct fault *fault)
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
static void draw_talent(struct simulation *s, int64_t number)
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

static int run_mouse(struct simulation *s, int64_t number, struct fault *fault)
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

static int simulate(struct simulation *s, const char *out_path, const char *truth_path,
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

int cmd_simulate(int argc, char **argv)
{
    struct spec spec;
    struct simulation s = {
        .stimuli = {11, {-1, -0.5, -0.25, -0.125, -0.0625, 0, 0.0625, 0.125, 0.25, 0.5, 1}},
        .mice = 1,
        .sessions = 1,
        .trials = 500,
        .seed = 1};
    const char *model_path = NULL;
    const char *out_path = "-";
    const char *truth_path = NULL;
    spec_init(&spec);
    const struct option own[] = {
        {"model", OPTION_TEXT, &model_path, 0, 0, "M", "model file, instead of the words below",
         NULL},
        {"mice", OPTION_INT, &s.mice, 1, 1000000, "N", "animals (1)", NULL},
        {"sessions", OPTION_INT, &s.sessions, 1, 100000, "N", "sessions of each (1)", NULL},
        {"trials", OPTION_INT, &s.trials, 1, 1000000, "N", "trials of each session (500)", NULL},
        {"rate-spread", OPTION_REAL, &s.rate_spread, 0, 2, "SD",
         "of the animals' log learning rate, so that they differ (0)", NULL},
        {"stimuli", OPTION_REALS, &s.stimuli, -1, 1, "LIST",
         "signed contrasts, drawn with equal chance", NULL},
        {"seed", OPTION_INT, &s.seed, 0, 9007199254740992.0, "N",
         "the same seed gives the same animals (1)", NULL},
        {"o", OPTION_TEXT, &out_path, 0, 0, "FILE.csv", "trial table (standard output)", NULL},
        {"truth", OPTION_TEXT, &truth_path, 0, 0, "FILE.csv",
         "also the true weights before each trial, and the rates over the stated ones", NULL},
    };
    struct option list[SPEC_OPTIONS + sizeof own / sizeof own[0]];
    memcpy(list + spec_options(&spec, list), own, sizeof own);
    struct options options = {
        .usage = "simulate [--model M | --rule R --rate A ...] [options]",
        .about =
            "Virtual mice: animals of a stated learning rule and noise play a task whose correct\n"
            "side is that of the stimulus, at zero contrast a coin's. Their trials are written\n"
            "as a table for murid play, eval and fit.",
        .list = list,
        .n = sizeof list / sizeof list[0]};
    int code = 0;
    if (!options_read(&options, argc, argv, &code)) {
        return code;
    }
    struct fault fault;
    struct model_file model = {0};
    if (model_path != NULL && spec.given) {
        fault_set(&fault, FAULT_INPUT,
                  "option model: says all of the animal; no rule, rate, baseline, policy, noise or "
                  "start expected beside it");
        return fault_report(&fault, FAULT_INPUT);
    }
    int rc = model_path != NULL ? model_file_load(model_path, &model, &fault)
                                : spec_build(&spec, &model, &fault);
    if (rc == FAULT_NONE && model_file_is_bank(&model)) {
        rc = fault_set(&fault, FAULT_INPUT, "%s: is a bank; a single model expected", model_path);
    }
    if (rc == FAULT_NONE && s.rate_spread > 0.0 &&
        !model_rule_has_rates(model.bank.member[0].rule.kind)) {
        rc = fault_set(&fault, FAULT_INPUT,
                       "option rate-spread: rule %s has no learning rate to spread",
                       model_rule_name(model.bank.member[0].rule.kind));
    }
    if (rc == FAULT_NONE) {
        s.herd = &model.bank.member[0];
        progress_catch_interrupts();
        rc = simulate(&s, out_path, truth_path, &fault);
    }
    model_file_free(&model);
    if (rc != FAULT_NONE) {
        return fault_report(&fault, rc);
    }
    fprintf(stderr, "simulate: %lld trials of %lld mice, %.1f%% correct\n", (long long)s.n_trials,
            (long long)s.mice, 100.0 * (double)s.n_correct / (double)s.n_trials);
    return 0;
}
