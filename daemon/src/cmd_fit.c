#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "classic.h"
#include "clock.h"
#include "commands.h"
#include "model/fit.h"
#include "model_file.h"
#include "options.h"
#include "progress.h"
#include "safetensors.h"
#include "team.h"
#include "training.h"

static const int64_t SAVE_EVERY_NS = 30000000000;
static const char STATE_FORMAT[] = "murid-fit";

enum { PATH_BYTES = 4096, TEXT_BYTES = 256, ANIMALS_A_SHARD = 6 };

/* What a fit is asked for. */
struct request {
    const char *data;
    const char *out;
    const char *rule;
    const char *policy;
    const char *filter;
    const char *preset;
    const char *losses;
    int64_t hidden;
    int64_t layers;
    int64_t truncation;
    int64_t epochs;
    int64_t seed;
    int64_t threads;
    double rate;
    bool resume;
    bool of_net; /* an option was given that only nets have */
};

struct fitting {
    const struct request *request;
    struct training training;
    struct training_view view;
    struct team team;
    struct model_file model; /* what is written */
    model_params params;
    model_fit_config config;
    void *memory;
    model_fit *fit;
    FILE *losses;
    char state_path[PATH_BYTES];
    char options[TEXT_BYTES]; /* all that a state depends on beside the data */
};

/* ---- what was asked for ---- */

static int read_request(struct fitting *f, struct fault *fault)
{
    const struct request *r = f->request;
    model_rule_kind kind;
    if (strcmp(r->filter, "none") != 0) {
        return fault_set(fault, FAULT_INPUT, "option filter: \"%.64s\"; none was expected",
                         r->filter);
    }
    if (r->preset != NULL && strcmp(r->preset, "paper") != 0) {
        return fault_set(fault, FAULT_INPUT, "option preset: \"%.64s\"; paper was expected",
                         r->preset);
    }
    if (model_rule_parse(&kind, r->rule) != MODEL_OK || kind == MODEL_RULE_NONE) {
        return fault_set(fault, FAULT_INPUT,
                         "option rule: \"%.64s\"; reinforce, reinforce_base, reward_max, "
                         "predict_max, dnn or rnn was expected",
                         r->rule);
    }
    if (!model_rule_has_net(kind) && (r->of_net || r->resume)) {
        return fault_set(fault, FAULT_INPUT,
                         "rule %s has no net, and is fitted at once: hidden, layers, truncation, "
                         "epochs, rate, seed, losses and resume are not for it",
                         r->rule);
    }
    if (model_params_built_in(&f->params, r->policy) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT,
                         "option policy: \"%.100s\" is not a list of known features", r->policy);
    }
    if (r->out == NULL) {
        return fault_set(fault, FAULT_INPUT, "option o: the model file to write was expected");
    }
    const int n = snprintf(f->state_path, sizeof f->state_path, "%s.fit", r->out);
    if (n < 0 || (size_t)n >= sizeof f->state_path) {
        return fault_set(fault, FAULT_INPUT, "option o: %.100s...: the path is too long", r->out);
    }
    f->params.rule.kind = kind;
    const uint32_t n_weights = f->params.policy.n;
    const model_net_shape shape = {.is_recurrent = kind == MODEL_RULE_RNN,
                                   .n_inputs = n_weights + MODEL_RULE_INPUTS,
                                   .n_hidden = (uint32_t)r->hidden,
                                   .n_layers = (uint32_t)r->layers,
                                   .n_outputs = n_weights};
    model_fit_config_init(&f->config, &shape);
    f->config.truncation = (uint32_t)r->truncation;
    f->config.rate = r->rate;
    return FAULT_NONE;
}

/* By the number of animals alone, since results depend on it to rounding; even, for two cores. */
static uint32_t count_shards(uint32_t n_animals)
{
    const uint32_t n = 2 * (n_animals / ANIMALS_A_SHARD > 0 ? n_animals / ANIMALS_A_SHARD : 1);
    const uint32_t most = n_animals < MODEL_FIT_SHARDS_MAX ? n_animals : MODEL_FIT_SHARDS_MAX;
    return n < most ? n : most;
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

static int open_team(struct fitting *f, size_t n_jobs, struct fault *fault)
{
    const int64_t threads = f->request->threads;
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    const size_t wanted = threads > 0 ? (size_t)threads : online > 0 ? (size_t)online : 1;
    const size_t most = n_jobs < TEAM_THREADS_MAX ? n_jobs : TEAM_THREADS_MAX;
    return team_open(&f->team, wanted < most ? wanted : most, fault);
}

static int prepare(struct fitting *f, struct fault *fault)
{
    const struct request *r = f->request;
    f->config.n_shards = count_shards(f->training.n);
    char features[MODEL_POLICY_TEXT_MAX];
    (void)model_policy_print(&f->params.policy, features, sizeof features);
    (void)snprintf(f->options, sizeof f->options,
                   "rule %s, policy %s, hidden %" PRId64 ", layers %" PRId64 ", truncation %" PRId64
                   ", rate %.17g, seed %" PRId64,
                   model_rule_name(f->params.rule.kind), features, r->hidden, r->layers,
                   r->truncation, r->rate, r->seed);
    const size_t n = model_fit_parameters(&f->config.shape);
    const size_t size = model_fit_size(&f->config, f->training.n, f->view.animals);
    float *parameters = calloc(n, sizeof *parameters);
    f->memory = size > 0 ? aligned_alloc(MODEL_NET_ALIGN, size) : NULL;
    if (parameters == NULL || f->memory == NULL) {
        free(parameters);
        return fault_set(fault, FAULT_WORK, "no memory for a fit of %zu bytes", size);
    }
    model_fit_draw(&f->config.shape, (uint64_t)r->seed, parameters);
    const int status = model_fit_init(f->memory, size, &f->config, f->training.n, f->view.animals,
                                      parameters, &f->fit);
    free(parameters);
    if (status != MODEL_OK) {
        return fault_set(fault, FAULT_WORK, "the fit could not be set up: %s",
                         model_strerror(status));
    }
    return open_team(f, f->config.n_shards, fault);
}

/* ---- the state beside the model ---- */

static int save_state(const struct fitting *f, struct fault *fault)
{
    struct safetensors *st = calloc(1, sizeof *st);
    uint8_t *bytes = NULL;
    size_t size = 0;
    char steps[32];
    if (st == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for the state of the fit");
    }
    const uint64_t shape[2] = {3, model_fit_parameters(&f->config.shape)};
    (void)snprintf(steps, sizeof steps, "%" PRIu64, model_fit_steps(f->fit));
    const char *const meta[][2] = {{"format", STATE_FORMAT},
                                   {"version", "1"},
                                   {"options", f->options},
                                   {"data", f->training.fingerprint},
                                   {"steps", steps}};
    int rc = FAULT_NONE;
    for (size_t i = 0; i < sizeof meta / sizeof meta[0] && rc == FAULT_NONE; i++) {
        rc = safetensors_add_meta(st, meta[i][0], meta[i][1], fault);
    }
    if (rc == FAULT_NONE) {
        rc = safetensors_add_f32(st, "state", 2, shape, model_fit_state(f->fit), fault);
    }
    if (rc == FAULT_NONE) {
        rc = safetensors_encode(st, &bytes, &size, fault);
    }
    if (rc == FAULT_NONE) {
        rc = safetensors_write(f->state_path, bytes, size, fault);
    }
    free(bytes);
    free(st);
    return rc;
}

static int need_same(const struct fitting *f, const struct safetensors *st, const char *key,
                     const char *expected, struct fault *fault)
{
    const char *found = safetensors_meta_find(st, key);
    if (found == NULL || strcmp(found, expected) != 0) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: of another fit, whose %s was \"%.240s\"; \"%.240s\" was expected",
                         f->state_path, key, found != NULL ? found : "", expected);
    }
    return FAULT_NONE;
}

static int take_state(struct fitting *f, const struct safetensors *st, struct fault *fault)
{
    const struct safetensors_tensor *t = safetensors_find(st, "state");
    const size_t n = model_fit_parameters(&f->config.shape);
    const char *text = safetensors_meta_find(st, "steps");
    char *end = NULL;
    errno = 0;
    const unsigned long long steps = text != NULL ? strtoull(text, &end, 10) : 0;
    if (t == NULL || t->n != 3 * n || text == NULL || end == text || *end != '\0' || errno != 0 ||
        steps > (unsigned long long)INT64_MAX) {
        return fault_set(fault, FAULT_INPUT, "%s: not the state of such a fit", f->state_path);
    }
    float *state = calloc(3 * n, sizeof *state);
    if (state == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for the state of the fit");
    }
    for (size_t i = 0; i < 3 * n; i++) {
        state[i] = (float)safetensors_value(t, i);
    }
    const int status = model_fit_resume(f->fit, state, steps);
    free(state);
    return status == MODEL_OK
               ? FAULT_NONE
               : fault_set(fault, FAULT_INPUT, "%s: a value is not finite", f->state_path);
}

static int load_state(struct fitting *f, struct fault *fault)
{
    struct safetensors *st = calloc(1, sizeof *st);
    uint8_t *bytes = NULL;
    size_t size = 0;
    int rc = st != NULL ? FAULT_NONE : fault_set(fault, FAULT_WORK, "no memory");
    if (rc == FAULT_NONE) {
        rc = safetensors_read(f->state_path, &bytes, &size, fault);
    }
    if (rc == FAULT_NONE) {
        rc = safetensors_parse(st, f->state_path, bytes, size, fault);
    }
    const char *const same[][2] = {{"format", STATE_FORMAT},
                                   {"version", "1"},
                                   {"options", f->options},
                                   {"data", f->training.fingerprint}};
    for (size_t i = 0; i < sizeof same / sizeof same[0] && rc == FAULT_NONE; i++) {
        rc = need_same(f, st, same[i][0], same[i][1], fault);
    }
    if (rc == FAULT_NONE) {
        rc = take_state(f, st, fault);
    }
    free(bytes);
    free(st);
    return rc;
}

/* ---- the work ---- */

static void run_shard(void *context, size_t number)
{
    model_fit_run(context, number);
}

static double pass(struct fitting *f)
{
    team_run(&f->team, run_shard, f->fit, f->config.n_shards);
    return model_fit_sum(f->fit);
}

static int write_loss(struct fitting *f, double loss, struct fault *fault)
{
    if (f->losses != NULL &&
        (fprintf(f->losses, "%" PRIu64 ",%.9g\n", model_fit_steps(f->fit), loss) < 0 ||
         fflush(f->losses) != 0)) {
        return fault_set(fault, FAULT_WORK, "%s: cannot be written: %s", f->request->losses,
                         strerror(errno));
    }
    return FAULT_NONE;
}

/* Until the last epoch or an interrupt. The state is on the disk whenever this fails. */
static int train(struct fitting *f, struct fault *fault)
{
    struct progress progress;
    const uint64_t first = model_fit_steps(f->fit);
    const uint64_t last = (uint64_t)f->request->epochs;
    int64_t saved_ns = clock_mono_ns();
    int rc = FAULT_NONE;
    progress_start(&progress, "fit", last > first ? (int64_t)(last - first) : 0);
    while (rc == FAULT_NONE && model_fit_steps(f->fit) < last && !progress_interrupted()) {
        rc = write_loss(f, pass(f), fault);
        if (rc == FAULT_NONE && model_fit_step(f->fit) != MODEL_OK) {
            rc = fault_set(fault, FAULT_WORK,
                           "epoch %" PRIu64 ": the loss or a gradient is not finite; a smaller "
                           "--rate may help",
                           model_fit_steps(f->fit) + 1);
        }
        if (rc == FAULT_NONE && clock_mono_ns() - saved_ns >= SAVE_EVERY_NS) {
            struct fault ignored; /* the next time may go well; the end will tell */
            (void)save_state(f, &ignored);
            saved_ns = clock_mono_ns();
        }
        progress_update(&progress, (int64_t)(model_fit_steps(f->fit) - first));
    }
    progress_finish(&progress);
    if (rc != FAULT_NONE) {
        struct fault ignored;
        (void)save_state(f, &ignored);
    }
    return rc;
}

static int write_model(struct fitting *f, struct fault *fault)
{
    (void)snprintf(f->model.about.data_sha256, sizeof f->model.about.data_sha256, "%s",
                   f->training.sha256);
    (void)snprintf(f->model.about.made_by, sizeof f->model.about.made_by, "murid %s fit",
                   MURID_VERSION);
    return model_file_save(&f->model, f->request->out, fault);
}

static int save_model(struct fitting *f, struct fault *fault)
{
    const float *parameters = model_fit_state(f->fit);
    const size_t n = model_fit_parameters(&f->config.shape);
    model_net_tensors tensors;
    for (size_t i = 0; i < n; i++) {
        if (!(fabs((double)parameters[i]) <= MODEL_FILE_WEIGHT_MAX)) {
            return fault_set(fault, FAULT_WORK, "a weight became %g, more than a model may have",
                             (double)parameters[i]);
        }
    }
    model_fit_place(&f->config.shape, parameters, &tensors);
    const int rc = model_file_build_net(&f->params, &f->config.shape, &tensors, &f->model, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    (void)snprintf(f->model.about.seed, sizeof f->model.about.seed, "%" PRId64, f->request->seed);
    (void)snprintf(f->model.about.note, sizeof f->model.about.note,
                   "open loop, %zu trials of %u animals, %" PRIu64
                   " epochs, truncation %u, rate %g",
                   f->view.n_trials, (unsigned)f->training.n, model_fit_steps(f->fit),
                   (unsigned)f->config.truncation, f->config.rate);
    return write_model(f, fault);
}

/* The model, and the state for as long as there is something to resume. */
static int finish(struct fitting *f, struct fault *fault)
{
    const bool is_whole = model_fit_steps(f->fit) >= (uint64_t)f->request->epochs;
    struct fault second;
    const double loss = pass(f);
    int rc = isfinite(loss)
                 ? save_model(f, fault)
                 : fault_set(fault, FAULT_WORK, "the loss of the last step is not finite");
    if (rc != FAULT_NONE || !is_whole) {
        const int state_rc = save_state(f, rc == FAULT_NONE ? fault : &second);
        if (rc == FAULT_NONE) {
            rc = state_rc;
        }
    } else {
        (void)unlink(f->state_path);
    }
    if (rc != FAULT_NONE) {
        return rc;
    }
    printf("rule %s, %zu trials of %u animals, %" PRIu64 " epochs: %.4f nats a trial\n%s %s\n",
           model_rule_name(f->params.rule.kind), f->view.n_trials, (unsigned)f->training.n,
           model_fit_steps(f->fit), loss, f->model.hash, f->request->out);
    return is_whole ? FAULT_NONE
                    : fault_set(fault, FAULT_WORK,
                                "interrupted after %" PRIu64 " of %" PRId64
                                " epochs; the same command with --resume goes on",
                                model_fit_steps(f->fit), f->request->epochs);
}

static int open_losses(struct fitting *f, struct fault *fault)
{
    const char *path = f->request->losses;
    if (path == NULL) {
        return FAULT_NONE;
    }
    f->losses = fopen(path, f->request->resume ? "a" : "w");
    if (f->losses == NULL ||
        (!f->request->resume && fputs("epoch,nats_per_trial\n", f->losses) < 0)) {
        return fault_set(fault, FAULT_WORK, "%s: cannot be written: %s", path, strerror(errno));
    }
    return FAULT_NONE;
}

static int fit_net(struct fitting *f, struct fault *fault)
{
    if (!f->request->resume && access(f->state_path, F_OK) == 0) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: of an interrupted fit; --resume goes on with it, removing it starts "
                         "anew",
                         f->state_path);
    }
    int rc = prepare(f, fault);
    if (rc == FAULT_NONE && f->request->resume) {
        rc = load_state(f, fault);
    }
    if (rc == FAULT_NONE) {
        rc = open_losses(f, fault);
    }
    if (rc == FAULT_NONE) {
        rc = save_state(f,
                        fault); /* a place that cannot be written to is told now, not at the end */
    }
    if (rc == FAULT_NONE) {
        rc = train(f, fault);
    }
    return rc == FAULT_NONE ? finish(f, fault) : rc;
}

static int fit_classic(struct fitting *f, struct fault *fault)
{
    const struct training *t = &f->training;
    double loss = 0.0;
    int rc = open_team(f, t->n, fault);
    if (rc == FAULT_NONE) {
        rc = classic_fit(&f->params, &f->view, &f->team, &loss, fault);
    }
    if (rc == FAULT_NONE) {
        rc = model_file_build_params(&f->params, &f->model, fault);
    }
    if (rc == FAULT_NONE) {
        (void)snprintf(f->model.about.note, sizeof f->model.about.note,
                       "open loop, %zu trials of %u animals", t->n_choices, (unsigned)t->n);
        rc = write_model(f, fault);
    }
    if (rc == FAULT_NONE) {
        printf("rule %s, %zu trials of %u animals: %.4f nats a trial\n%s %s\n",
               model_rule_name(f->params.rule.kind), t->n_choices, (unsigned)t->n, loss,
               f->model.hash, f->request->out);
    }
    return rc;
}

static int fit(const struct request *request, struct fault *fault)
{
    struct fitting *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory");
    }
    f->request = request;
    int rc = read_request(f, fault);
    if (rc == FAULT_NONE) {
        rc = training_load(&f->training, request->data, fault);
    }
    if (rc == FAULT_NONE) {
        rc = training_view_open(&f->view, &f->training, &f->params.policy, f->params.rule.kind,
                                NULL, 0, fault);
    }
    if (rc == FAULT_NONE) {
        warn_of_data(&f->training);
        rc = model_rule_has_net(f->params.rule.kind) ? fit_net(f, fault) : fit_classic(f, fault);
    }
    if (f->losses != NULL) {
        (void)fclose(f->losses);
    }
    team_close(&f->team);
    model_file_free(&f->model);
    training_view_close(&f->view);
    training_free(&f->training);
    free(f->memory);
    free(f);
    return rc;
}

int cmd_fit(int argc, char **argv)
{
    struct request r = {.rule = "rnn",
                        .policy = "stim_bias",
                        .filter = "none",
                        .hidden = 32,
                        .layers = 2,
                        .truncation = 500,
                        .epochs = 1000,
                        .rate = 1e-3};
    const struct option list[] = {
        {"o", OPTION_TEXT, &r.out, 0, 0, "M.safetensors", "the model file to write", NULL},
        {"rule", OPTION_TEXT, &r.rule, 0, 0, "RULE",
         "rnn (default), dnn, or a classic rule: reinforce, reinforce_base, reward_max,\n"
         "predict_max",
         NULL},
        {"policy", OPTION_TEXT, &r.policy, 0, 0, "FEATURES", "of the policy (stimulus,bias)", NULL},
        {"filter", OPTION_TEXT, &r.filter, 0, 0, "none",
         "open loop: the rule alone predicts, from weights of 0", NULL},
        {"preset", OPTION_TEXT, &r.preset, 0, 0, "paper",
         "the defaults, which are those of arXiv:2509.04661", NULL},
        {"hidden", OPTION_INT, &r.hidden, 1, MODEL_HIDDEN_MAX, "N", "units a layer (32)",
         &r.of_net},
        {"layers", OPTION_INT, &r.layers, 1, MODEL_LAYERS_MAX, "N", "hidden layers (2)", &r.of_net},
        {"truncation", OPTION_INT, &r.truncation, 1, MODEL_FIT_TRUNCATION_MAX, "N",
         "trials through which gradients flow (500)", &r.of_net},
        {"epochs", OPTION_INT, &r.epochs, 0, 10000000, "N",
         "passes over all animals (1000); 0 writes the initial net", &r.of_net},
        {"rate", OPTION_REAL, &r.rate, 1e-9, 1.0, "X", "Adam's at first (0.001)", &r.of_net},
        {"seed", OPTION_INT, &r.seed, 0, (double)INT32_MAX, "N", "of the initial weights (0)",
         &r.of_net},
        {"threads", OPTION_INT, &r.threads, 1, TEAM_THREADS_MAX, "N",
         "at work (all processors); the result does not depend on it", NULL},
        {"losses", OPTION_TEXT, &r.losses, 0, 0, "FILE.csv", "the loss before each epoch's step",
         &r.of_net},
        {"resume", OPTION_FLAG, &r.resume, 0, 0, NULL, "go on where Ctrl-C or a crash ended a fit",
         NULL},
    };
    struct options options = {
        .usage = "fit DATA.csv -o M.safetensors [options]",
        .about = "Trains a learning rule on all animals of a table: mean cross-entropy of the\n"
                 "choices, Adam, one step an epoch. Ctrl-C writes the model so far, and beside it\n"
                 "M.safetensors.fit, from which --resume goes on to the same result as without\n"
                 "the interrupt. DATA.csv \"-\" is standard input.",
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
