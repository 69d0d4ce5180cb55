#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "fitter.h"
#include "options.h"
#include "progress.h"

enum { PATH_BYTES = 4096, PROGRESS_STEPS = 10000 };

/* What is asked for; a negative number was not given. */
struct request {
    const char *data;
    const char *out;
    const char *rule;
    const char *policy;
    const char *filter;
    const char *preset;
    const char *schedule;
    const char *losses;
    int64_t hidden;
    int64_t layers;
    int64_t truncation;
    int64_t epochs;
    int64_t batch;
    int64_t held_out;
    int64_t patience;
    int64_t seed;
    int64_t threads;
    double rate;
    double filter_rate;
    double weight_decay;
    double clip;
    bool resume;
    bool of_net; /* an option was given that only fits by gradient have */
};

/* ---- what was asked for ---- */

static void take_numbers(const struct request *r, struct fitter_options *o)
{
    const struct {
        int64_t given;
        uint32_t *to;
    } counts[] = {{r->hidden, &o->hidden},         {r->layers, &o->layers},
                  {r->truncation, &o->truncation}, {r->batch, &o->batch},
                  {r->held_out, &o->held_out},     {r->patience, &o->patience}};
    const struct {
        double given;
        double *to;
    } reals[] = {{r->rate, &o->rate},
                 {r->filter_rate, &o->filter_rate},
                 {r->weight_decay, &o->weight_decay},
                 {r->clip, &o->clip}};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        if (counts[i].given >= 0) {
            *counts[i].to = (uint32_t)counts[i].given;
        }
    }
    for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
        if (reals[i].given >= 0.0) {
            *reals[i].to = reals[i].given;
        }
    }
    if (r->epochs >= 0) {
        o->epochs = (uint64_t)r->epochs;
    }
    o->seed = (uint64_t)r->seed;
}

static int read_choice(const char *option, const char *given, const char *first, const char *second,
                       bool *is_second, struct fault *fault)
{
    if (given == NULL) {
        return FAULT_NONE;
    }
    *is_second = strcmp(given, second) == 0;
    if (!*is_second && strcmp(given, first) != 0) {
        return fault_set(fault, FAULT_INPUT, "option %s: \"%.64s\"; %s or %s was expected", option,
                         given, first, second);
    }
    return FAULT_NONE;
}

static int read_request(const struct request *r, struct fitter_options *o, struct fault *fault)
{
    model_rule_kind kind;
    bool in_filter = true;
    if (r->out == NULL) {
        return fault_set(fault, FAULT_INPUT, "option o: the model file to write was expected");
    }
    if (r->preset != NULL && strcmp(r->preset, "paper") != 0) {
        return fault_set(fault, FAULT_INPUT, "option preset: \"%.64s\"; paper was expected",
                         r->preset);
    }
    if (r->preset != NULL) {
        in_filter = false;
    }
    int rc = read_choice("filter", r->filter, "none", "ekf", &in_filter, fault);
    if (rc == FAULT_NONE && (model_rule_parse(&kind, r->rule) != MODEL_OK)) {
        rc = fault_set(fault, FAULT_INPUT,
                       "option rule: \"%.64s\"; none, reinforce, reinforce_base, reward_max, "
                       "predict_max, eligibility, dnn, rnn or gru_policy was expected",
                       r->rule);
    }
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (kind == MODEL_RULE_NONE && !in_filter) {
        return fault_set(fault, FAULT_INPUT,
                         "rule none without a filter predicts nothing; --filter ekf was expected");
    }
    if (!model_rule_has_net(kind) && !in_filter && (r->of_net || r->resume)) {
        return fault_set(fault, FAULT_INPUT,
                         "rule %s without a filter is fitted at once: hidden, layers, truncation, "
                         "epochs, rate, seed, losses, resume and their like are not for it",
                         r->rule);
    }
    fitter_options_init(o, kind, in_filter);
    model_params params;
    if (r->policy != NULL && model_params_built_in(&params, r->policy) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT,
                         "option policy: \"%.100s\" is not a list of known features", r->policy);
    }
    if (r->policy != NULL) {
        o->policy = params.policy;
    }
    take_numbers(r, o);
    return read_choice("schedule", r->schedule, "step", "cosine", &o->is_cosine, fault);
}

static void warn_of_data(const struct training *t)
{
    if (t->n_right == 0 || t->n_right == t->n_choices) {
        fprintf(stderr, "murid: warning: every choice is %s; a rule cannot be told from a bias\n",
                t->n_right == 0 ? "left" : "right");
    }
    if (t->n_choices < 1000) {
        fprintf(stderr, "murid: warning: only %zu trials; a net learns them by heart\n",
                t->n_choices);
    }
}

/* ---- the work ---- */

static void tell(void *context, double done)
{
    progress_update(context, (int64_t)(done * PROGRESS_STEPS));
}

static int open_losses(const struct request *r, bool has_judge, FILE **out, struct fault *fault)
{
    if (r->losses == NULL) {
        return FAULT_NONE;
    }
    *out = fopen(r->losses, r->resume ? "a" : "w");
    if (*out == NULL || (!r->resume && fprintf(*out, "epoch,nats_per_trial%s\n",
                                               has_judge ? ",held_out" : "") < 0)) {
        return fault_set(fault, FAULT_WORK, "%s: cannot be written: %s", r->losses,
                         strerror(errno));
    }
    return FAULT_NONE;
}

static int open_team(const struct request *r, struct team *team, struct fault *fault)
{
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    const size_t wanted = r->threads > 0 ? (size_t)r->threads : online > 0 ? (size_t)online : 1;
    return team_open(team, wanted < TEAM_THREADS_MAX ? wanted : TEAM_THREADS_MAX, fault);
}

static int check_state(const struct request *r, const char *path, struct fault *fault)
{
    const bool is_there = access(path, F_OK) == 0;
    if (!r->resume && is_there) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: of an interrupted fit; --resume goes on with it, removing it starts "
                         "anew",
                         path);
    }
    if (r->resume && !is_there) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: no such file; the state of an interrupted fit was expected", path);
    }
    return FAULT_NONE;
}

static int report(const struct request *r, const struct fitter_options *o,
                  const struct fitter_result *result, const struct model_file *model,
                  struct fault *fault)
{
    printf("rule %s, %s, %zu trials of %u animals", model_rule_name(o->rule),
           o->in_filter ? "in the filter" : "open loop", result->n_trials,
           (unsigned)result->n_animals);
    if (result->epochs > 0) {
        printf(", %" PRIu64 " epochs", result->epochs);
    }
    printf(": %.4f nats a trial", result->loss);
    if (!isnan(result->held_out_loss)) {
        printf(" (%u animals held out: %.4f)", (unsigned)o->held_out, result->held_out_loss);
    }
    printf("\n%s %s\n", model->hash, r->out);
    return result->is_whole ? FAULT_NONE
                            : fault_set(fault, FAULT_WORK,
                                        "interrupted after %" PRIu64 " of %" PRIu64
                                        " epochs; the same command with --resume goes on",
                                        result->epochs, o->epochs);
}

static int run_fit(const struct request *r, const struct fitter_options *o,
                   const struct training *training, const char *state_path, struct team *team,
                   struct fault *fault)
{
    const bool by_gradient = o->in_filter || model_rule_has_net(o->rule);
    struct progress progress;
    struct model_file model = {0};
    struct fitter_result result = {0};
    struct fitter_run run = {.team = team,
                             .state_path = by_gradient ? state_path : NULL,
                             .resume = r->resume,
                             .tell = by_gradient ? tell : NULL,
                             .context = &progress};
    int rc = open_losses(r, o->held_out > 0, &run.losses, fault);
    if (rc == FAULT_NONE) {
        progress_start(&progress, "fit", PROGRESS_STEPS);
        rc = fitter_fit(o, training, NULL, 0, &run, &model, &result, fault);
        progress_finish(&progress);
    }
    if (rc == FAULT_NONE) {
        rc = model_file_save(&model, r->out, fault);
    }
    if (rc == FAULT_NONE) {
        if (result.is_whole) {
            (void)unlink(state_path);
        }
        rc = report(r, o, &result, &model, fault);
    }
    if (run.losses != NULL) {
        (void)fclose(run.losses);
    }
    model_file_free(&model);
    return rc;
}

static int fit(const struct request *r, struct fault *fault)
{
    struct fitter_options options;
    struct training training = {0};
    struct team team = {0};
    char state_path[PATH_BYTES];
    int rc = read_request(r, &options, fault);
    if (rc == FAULT_NONE &&
        snprintf(state_path, sizeof state_path, "%s.fit", r->out) >= PATH_BYTES) {
        rc = fault_set(fault, FAULT_INPUT, "option o: %.100s...: the path is too long", r->out);
    }
    if (rc == FAULT_NONE) {
        rc = check_state(r, state_path, fault);
    }
    if (rc == FAULT_NONE) {
        rc = training_load(&training, r->data, fault);
    }
    if (rc == FAULT_NONE) {
        warn_of_data(&training);
        rc = open_team(r, &team, fault);
    }
    if (rc == FAULT_NONE) {
        rc = run_fit(r, &options, &training, state_path, &team, fault);
    }
    team_close(&team);
    training_free(&training);
    return rc;
}

int cmd_fit(int argc, char **argv)
{
    struct request r = {.rule = "rnn",
                        .hidden = -1,
                        .layers = -1,
                        .truncation = -1,
                        .epochs = -1,
                        .batch = -1,
                        .held_out = -1,
                        .patience = -1,
                        .rate = -1.0,
                        .filter_rate = -1.0,
                        .weight_decay = -1.0,
                        .clip = -1.0};
    const struct option list[] = {
        {"o", OPTION_TEXT, &r.out, 0, 0, "M.safetensors", "the model file to write", NULL},
        {"rule", OPTION_TEXT, &r.rule, 0, 0, "RULE",
         "none, reinforce, reinforce_base, reward_max, predict_max, eligibility, dnn, rnn\n"
         "(default) or gru_policy",
         NULL},
        {"filter", OPTION_TEXT, &r.filter, 0, 0, "ekf|none",
         "ekf (default): in the filter that will run it, with noise and prior; none: open\n"
         "loop, the rule alone predicts, from weights of 0",
         NULL},
        {"preset", OPTION_TEXT, &r.preset, 0, 0, "paper",
         "as arXiv:2509.04661: --filter none --policy stim_bias --epochs 1000 --rate 0.001", NULL},
        {"policy", OPTION_TEXT, &r.policy, 0, 0, "FEATURES", "of the policy", NULL},
        {"hidden", OPTION_INT, &r.hidden, 1, MODEL_HIDDEN_MAX, "N", "units a layer (32)",
         &r.of_net},
        {"layers", OPTION_INT, &r.layers, 1, MODEL_LAYERS_MAX, "N", "hidden layers (2)", &r.of_net},
        {"truncation", OPTION_INT, &r.truncation, 1, MODEL_FIT_TRUNCATION_MAX, "N",
         "trials through which gradients flow (500)", &r.of_net},
        {"batch", OPTION_INT, &r.batch, 0, MODEL_FIT_ANIMALS_MAX, "N",
         "animals a step; 0: all of them", &r.of_net},
        {"epochs", OPTION_INT, &r.epochs, 0, 10000000, "N",
         "passes over all animals; 0 writes the initial model", &r.of_net},
        {"rate", OPTION_REAL, &r.rate, 1e-9, 1.0, "X", "Adam's at first", &r.of_net},
        {"filter-rate", OPTION_REAL, &r.filter_rate, 1e-3, 1e4, "X",
         "of noise, prior and classic rules, in multiples of that (10)", &r.of_net},
        {"schedule", OPTION_TEXT, &r.schedule, 0, 0, "step|cosine",
         "of the rate: times 0.999 every 5 steps, or down to 0 at the last", &r.of_net},
        {"weight-decay", OPTION_REAL, &r.weight_decay, 0, 100, "X", "of the nets' matrices",
         &r.of_net},
        {"clip", OPTION_REAL, &r.clip, 1e-12, 1e12, "X", "longest gradient taken as it is",
         &r.of_net},
        {"hold-out", OPTION_INT, &r.held_out, 0, MODEL_FIT_ANIMALS_MAX, "N",
         "animals kept apart to stop early (0)", &r.of_net},
        {"patience", OPTION_INT, &r.patience, 1, 10000000, "N",
         "epochs without a better score of theirs (20)", &r.of_net},
        {"seed", OPTION_INT, &r.seed, 0, (double)INT32_MAX, "N",
         "of initial weights, batches and animals held out (0)", &r.of_net},
        {"threads", OPTION_INT, &r.threads, 1, TEAM_THREADS_MAX, "N",
         "at work (all processors); the result does not depend on it", NULL},
        {"losses", OPTION_TEXT, &r.losses, 0, 0, "FILE.csv", "the loss of each epoch's passes",
         &r.of_net},
        {"resume", OPTION_FLAG, &r.resume, 0, 0, NULL, "go on where Ctrl-C or a crash ended a fit",
         NULL},
    };
    struct options options = {
        .usage = "fit DATA.csv -o M.safetensors [options]",
        .about = "Trains a learning rule on all animals of a table. Ctrl-C writes the model so\n"
                 "far, and beside it M.safetensors.fit, from which --resume goes on to the same\n"
                 "result as without the interrupt. DATA.csv \"-\" is standard input.",
        .list = list,
        .n = sizeof list / sizeof list[0],
        .arguments = &r.data,
        .arguments_min = 1,
        .arguments_max = 1};
    int code = 0;
    if (!options_read(&options, argc, argv, &code)) {
        return code;
    }
    struct fault fault;
    progress_catch_interrupts();
    const int rc = fit(&r, &fault);
    return rc == FAULT_NONE ? 0 : fault_report(&fault, rc);
}
