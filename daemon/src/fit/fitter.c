#include "fitter.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fit_classic.h"
#include "fit_record.h"
#include "fit_rule.h"
#include "fitter_state.h"
#include "fnv.h"
#include "model/fit.h"

static const int64_t SAVE_EVERY_NS = 30000000000;

enum {
    ANIMALS_A_SHARD = 6,
    STREAM_HELD_OUT = 1,
    NAMES_MAX = 300,
    WORDS_MAX = 360,
    WORDS_BESIDE_NAMES = 120
};

struct fitting {
    const struct fitter_options *options;
    const struct fitter_run *run;
    struct training_set_view view;
    struct training_set_view
        plain; /* the same animals without their mirror images, if there are any */
    struct training_set_view held_out;
    char words[FITTER_WORDS_BYTES];
    char data[TRAINING_SET_DIGEST_HEX + 32];
    model_fit_config config;
    void *memory;
    struct fitter_state state;
    void *held_out_memory;
    model_fit *judge; /* of the animals held out */
    bool is_warned;
    struct fit_rule_result found; /* of fit_by_scoring() */
};

static int no_memory(struct fault *fault)
{
    return fault_set(fault, FAULT_WORK, "no memory for the fit");
}

static int open_views(struct fitting *f, const struct training_set *training,
                      const uint32_t subjects[], uint32_t n, struct fault *fault)
{
    const struct fitter_options *o = f->options;
    const uint32_t count = subjects != NULL ? n : training->n;
    if (o->held_out >= count) {
        return fault_set(fault, FAULT_INPUT,
                         "%u animals held out of %u; at least one must remain for training",
                         (unsigned)o->held_out, (unsigned)count);
    }
    uint32_t *numbers = calloc(count, sizeof *numbers);
    if (numbers == NULL) {
        return no_memory(fault);
    }
    for (uint32_t i = 0; i < count; i++) {
        numbers[i] = subjects != NULL ? subjects[i] : i;
    }
    training_set_shuffle(numbers, count, o->held_out, o->seed, STREAM_HELD_OUT);
    const uint32_t learned = count - o->held_out;
    int rc = training_set_view_open(&f->view, training, &o->policy, o->rule, numbers, learned,
                                    o->with_mirrors, fault);
    if (rc == FAULT_NONE && o->with_mirrors) {
        rc = training_set_view_open(&f->plain, training, &o->policy, o->rule, numbers, learned,
                                    false, fault);
    }
    if (rc == FAULT_NONE && o->held_out > 0) {
        rc = training_set_view_open(&f->held_out, training, &o->policy, o->rule, numbers + learned,
                                    o->held_out, false, fault);
    }
    int used = snprintf(f->data, sizeof f->data, "%s", training->fingerprint);
    uint64_t mark = FNV_START; /* of which animals */
    for (uint32_t i = 0; i < count; i++) {
        mark = fnv_word(mark, numbers[i]);
    }
    (void)snprintf(f->data + used, sizeof f->data - (size_t)used, " %016" PRIx64, mark);
    free(numbers);
    if (rc == FAULT_NONE && f->view.n_trials == 0) {
        rc = fault_set(fault, FAULT_INPUT, "these animals made no choices; nothing to learn");
    }
    return rc;
}

/* By the number of animals alone, since results depend on it to rounding; even, for two cores. */
static uint32_t count_shards(uint32_t n_animals)
{
    const uint32_t n = 2 * (n_animals / ANIMALS_A_SHARD > 0 ? n_animals / ANIMALS_A_SHARD : 1);
    const uint32_t most = n_animals < MODEL_FIT_SHARDS_MAX ? n_animals : MODEL_FIT_SHARDS_MAX;
    return n < most ? n : most;
}

static uint32_t count_batches(const struct fitter_options *o, uint32_t n_animals)
{
    const uint32_t n = o->batch > 0 ? (n_animals + o->batch - 1) / o->batch : 1;
    return n < MODEL_FIT_SHARDS_MAX / 2 ? n : MODEL_FIT_SHARDS_MAX / 2;
}

static void start_params(const struct fitter_options *o, model_params *params)
{
    char features[MODEL_POLICY_TEXT_MAX];
    (void)model_policy_print(&o->policy, features, sizeof features);
    (void)model_params_built_in(params, features);
    params->policy = o->policy;
    params->filter = o->filter;
    params->rule.kind = o->rule;
    for (uint32_t i = 0; i < params->policy.n; i++) {
        params->rule.rate[i] = MODEL_FILE_RATE;
        params->rule.decay[i] = MODEL_FILE_DECAY;
        if (o->is_start_stated) {
            params->noise.prior_mean[i] = o->start[i];
        }
        if (o->is_start_sd_stated) {
            params->noise.prior_var[i] = o->start_sd[i] * o->start_sd[i];
        }
    }
}

static void configure(struct fitting *f)
{
    const struct fitter_options *o = f->options;
    model_params params;
    start_params(o, &params);
    const model_net_shape shape = {.is_recurrent = model_rule_of(o->rule)->is_recurrent,
                                   .n_inputs =
                                       params.policy.n + (uint32_t)model_fit_inputs(o->rule),
                                   .n_hidden = o->hidden,
                                   .n_layers = o->layers,
                                   .n_outputs = params.policy.n};
    model_fit_config *c = &f->config;
    model_fit_config_init(c, &params, model_rule_of(o->rule)->has_net ? &shape : NULL);
    c->in_filter = o->in_filter;
    c->truncation = o->truncation;
    c->n_batches = count_batches(o, f->view.n);
    c->n_shards = count_shards((f->view.n + c->n_batches - 1) / c->n_batches);
    if (c->n_shards * c->n_batches > MODEL_FIT_SHARDS_MAX) {
        c->n_shards = MODEL_FIT_SHARDS_MAX / c->n_batches;
    }
    c->seed = o->seed;
    c->rate = o->rate;
    c->filter_rate = o->filter_rate;
    c->decay = o->weight_decay;
    c->clip = o->clip;
    c->n_cosine = o->is_cosine ? o->epochs * c->n_batches : 0;
    (void)fitter_options_print(o, f->words);
}

static int open_fit(const struct fitting *f, const struct training_set_view *view,
                    const float parameters[], void **memory, model_fit **fit, struct fault *fault)
{
    const size_t size = model_fit_size(&f->config, view->n, view->animals);
    *memory = size > 0 ? aligned_alloc(MODEL_NET_ALIGN, size) : NULL;
    if (size > 0 && *memory == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for a fit of %zu bytes", size);
    }
    const int status = size > 0 ? model_fit_init(*memory, size, &f->config, view->n, view->animals,
                                                 parameters, fit)
                                : MODEL_ERR_ARG;
    return status == MODEL_OK ? FAULT_NONE
                              : fault_set(fault, FAULT_WORK, "the fit could not be set up: %s",
                                          model_strerror(status));
}

static int prepare(struct fitting *f, struct fault *fault)
{
    configure(f);
    const size_t n = model_fit_parameters(&f->config);
    f->state = (struct fitter_state){
        .words = f->words, .data = f->data, .n = n, .best_loss = (double)INFINITY};
    f->state.best = calloc(n + 1, sizeof *f->state.best);
    if (f->state.best == NULL) {
        return no_memory(fault);
    }
    model_fit_draw(&f->config, f->options->seed, f->state.best);
    int rc = open_fit(f, &f->view, f->state.best, &f->memory, &f->state.fit, fault);
    if (rc == FAULT_NONE && f->held_out.n_trials > 0) {
        rc = open_fit(f, &f->held_out, f->state.best, &f->held_out_memory, &f->judge, fault);
    }
    return rc;
}

static uint64_t epochs_done(const struct fitting *f)
{
    return model_fit_steps(f->state.fit) / f->config.n_batches;
}

static void run_shard(void *context, size_t number)
{
    model_fit_run(context, number);
}

/* One pass over a batch: its loss; the gradient stands ready. */
static double pass(struct fitting *f)
{
    if (f->run->team != NULL) {
        thread_pool_run(f->run->team, run_shard, f->state.fit, f->config.n_shards);
    } else {
        for (uint32_t s = 0; s < f->config.n_shards; s++) {
            model_fit_run(f->state.fit, s);
        }
    }
    return model_fit_sum(f->state.fit);
}

static int losses_fault(struct fault *fault)
{
    return fault_set(fault, FAULT_WORK, "the losses cannot be written: %s", strerror(errno));
}

/* A crash leaves lines of epochs that are not in the state. */
static int trim_losses(const struct fitting *f, struct fault *fault)
{
    FILE *file = f->run->losses;
    char line[128];
    long end = 0;
    if (file == NULL) {
        return FAULT_NONE;
    }
    rewind(file);
    while (fgets(line, sizeof line, file) != NULL && strchr(line, '\n') != NULL) {
        char *stop = NULL;
        const uint64_t epoch = strtoull(line, &stop, 10);
        if (stop != line && epoch >= epochs_done(f)) {
            break;
        }
        end = ftell(file);
    }
    return end >= 0 && ftruncate(fileno(file), end) == 0 && fseek(file, end, SEEK_SET) == 0
               ? FAULT_NONE
               : losses_fault(fault);
}

static int write_losses(struct fitting *f, uint64_t epoch, double loss, double held_out,
                        struct fault *fault)
{
    FILE *to = f->run->losses;
    if (to == NULL) {
        return FAULT_NONE;
    }
    bool ok = fprintf(to, "%" PRIu64 ",%.9g", epoch, loss) >= 0;
    if (f->judge != NULL) {
        ok = ok && fprintf(to, ",%.9g", held_out) >= 0;
    }
    return ok && fputc('\n', to) != EOF && fflush(to) == 0 ? FAULT_NONE : losses_fault(fault);
}

/* The score of the animals held out; the best parameters so far are kept. */
static double judge(struct fitting *f)
{
    if (f->judge == NULL || model_fit_load(f->judge, model_fit_state(f->state.fit)) != MODEL_OK) {
        return (double)NAN;
    }
    const double loss = model_fit_evaluate(f->judge);
    if (loss < f->state.best_loss) {
        f->state.best_loss = loss;
        f->state.best_epoch = epochs_done(f);
        memcpy(f->state.best, model_fit_state(f->state.fit),
               model_fit_parameters(&f->config) * sizeof(float));
    }
    return loss;
}

static bool is_done(const struct fitting *f)
{
    const uint64_t done = epochs_done(f);
    return done >= f->options->epochs ||
           (f->judge != NULL && done >= f->state.best_epoch + f->options->patience);
}

static bool go_on(const struct fitting *f)
{
    const double steps = (double)(f->options->epochs * f->config.n_batches + 1);
    return f->run->tell == NULL ||
           f->run->tell(f->run->context, (double)model_fit_steps(f->state.fit) / steps);
}

/* A step for each batch. Stops between batches when told to. */
static int run_epoch(struct fitting *f, struct fault *fault)
{
    const uint64_t epoch = epochs_done(f);
    while (epochs_done(f) == epoch) {
        const double loss = pass(f) / (double)f->config.n_batches;
        if (model_fit_step(f->state.fit) != MODEL_OK) {
            return fault_set(fault, FAULT_WORK,
                             "epoch %" PRIu64
                             ": the loss or a gradient is not finite; a smaller --rate may help",
                             epoch + 1);
        }
        f->state.epoch_loss += loss;
        if (!go_on(f)) {
            break;
        }
    }
    if (epochs_done(f) == epoch) {
        return FAULT_NONE;
    }
    const double loss = f->state.epoch_loss;
    f->state.epoch_loss = 0.0;
    return write_losses(f, epoch, loss, judge(f), fault);
}

/* The next time may go well, but whoever waits should know what a crash would cost. */
static void save_now_and_then(struct fitting *f)
{
    struct fault fault;
    if (fitter_state_save(&f->state, f->run->state_path, &fault) != FAULT_NONE && !f->is_warned) {
        f->is_warned = true;
        fprintf(stderr, "murid: warning: %s: the fit continues, and cannot be resumed from here\n",
                fault.text);
    }
}

/* Until the last epoch or until told to stop. The state is on the disk whenever this fails. */
static int train(struct fitting *f, struct fault *fault)
{
    int64_t saved_ns = clock_mono_ns();
    int rc = FAULT_NONE;
    while (rc == FAULT_NONE && !is_done(f) && go_on(f)) {
        rc = run_epoch(f, fault);
        if (rc == FAULT_NONE && clock_mono_ns() - saved_ns >= SAVE_EVERY_NS) {
            save_now_and_then(f);
            saved_ns = clock_mono_ns();
        }
    }
    if (rc != FAULT_NONE) {
        struct fault ignored;
        (void)fitter_state_save(&f->state, f->run->state_path, &ignored);
    }
    return rc;
}

static uint32_t images_of(const struct fitting *f)
{
    return f->options->with_mirrors ? 2 : 1;
}

/* Of the animals that are learned from; no model yet. */
static struct fitter_result start_result(const struct fitting *f)
{
    return (struct fitter_result){.held_out_loss = (double)NAN,
                                  .n_trials = f->view.n_trials / images_of(f),
                                  .n_animals = f->view.n / images_of(f)};
}

/* Without a filter the GRU policy alone predicts: the twin's filter stands still at 0. */
static void still_filter(model_noise *noise)
{
    static const double STILL = 1e-12;
    for (size_t i = 0; i < MODEL_WEIGHTS_MAX; i++) {
        noise->prior_mean[i] = 0.0;
        noise->prior_var[i] = STILL;
        noise->drift_var[i] = 0.0;
        noise->session_var[i] = 0.0;
    }
}

static int make_model(const struct fitting *f, struct model_file *out, struct fault *fault)
{
    const float *parameters = model_fit_state(f->state.fit);
    model_params params;
    model_fit_params(f->state.fit, &params);
    if (model_rule_of(params.rule.kind)->sets_offset && !f->config.in_filter) {
        still_filter(&params.noise);
    }
    if (!model_rule_of(params.rule.kind)->has_net) {
        return model_file_build_params(&params, out, fault);
    }
    for (size_t i = 0; i < model_net_tensors_count(&f->config.shape); i++) {
        if (!(fabs((double)parameters[i]) <= MODEL_FILE_WEIGHT_MAX)) {
            return fault_set(fault, FAULT_WORK, "a weight reached %g, outside the range of a model",
                             (double)parameters[i]);
        }
    }
    model_net_tensors tensors;
    model_net_tensors_place(&f->config.shape, parameters, &tensors);
    return model_file_build_net(&params, &f->config.shape, &tensors, out, fault);
}

/* The loss of the animals themselves, without their mirror images. */
static int score(const struct fitting *f, double *loss, struct fault *fault)
{
    if (f->plain.n_trials == 0) {
        *loss = model_fit_evaluate(f->state.fit);
        return FAULT_NONE;
    }
    void *memory = NULL;
    model_fit *fit = NULL;
    const int rc = open_fit(f, &f->plain, model_fit_state(f->state.fit), &memory, &fit, fault);
    if (rc == FAULT_NONE) {
        *loss = model_fit_evaluate(fit);
    }
    free(memory);
    return rc;
}

/* The model, and the state, since a model may yet find no place on the disk. */
static int finish(struct fitting *f, struct model_file *out, struct fitter_result *result,
                  struct fault *fault)
{
    *result = start_result(f);
    result->epochs = epochs_done(f);
    result->is_whole = is_done(f);
    result->has_model = true;
    int rc = fitter_state_save(&f->state, f->run->state_path, fault);
    rc = result->is_whole ? FAULT_NONE : rc; /* the model tells more */
    if (f->judge != NULL && isfinite(f->state.best_loss)) {
        (void)model_fit_load(f->state.fit, f->state.best);
        result->held_out_loss = f->state.best_loss;
    }
    rc = rc ? rc : score(f, &result->loss, fault);
    if (rc == FAULT_NONE && !isfinite(result->loss)) {
        rc = fault_set(fault, FAULT_WORK, "the loss of the last step is not finite");
    }
    return rc ? rc : make_model(f, out, fault);
}

static int fit_by_gradient(struct fitting *f, struct model_file *out, struct fitter_result *result,
                           struct fault *fault)
{
    int rc = prepare(f, fault);
    const bool has_state = f->run->state_path != NULL && access(f->run->state_path, F_OK) == 0;
    if (rc == FAULT_NONE && f->run->resume && has_state) {
        rc = fitter_state_load(&f->state, f->run->state_path, fault);
        rc = rc ? rc : trim_losses(f, fault);
    } else if (rc == FAULT_NONE) {
        rc = fitter_state_save(&f->state, f->run->state_path,
                               fault); /* a bad place is told now, not at the end */
    }
    rc = rc ? rc : train(f, fault);
    return rc ? rc : finish(f, out, result, fault);
}

/* Variances that were stated, too. */
static void leave_room(model_params *params)
{
    for (uint32_t i = 0; i < params->policy.n; i++) {
        params->noise.prior_var[i] = fmax(params->noise.prior_var[i], FIT_SCORING_PRIOR_VAR_LEAST);
        params->noise.drift_var[i] = fmax(params->noise.drift_var[i], FIT_SCORING_DRIFT_VAR_LEAST);
    }
}

/* nats/trial of a rule without a net. */
static double loss_of(const model_params *params, const struct training_set_view *view)
{
    model_likelihood sums = {0};
    for (uint32_t i = 0; i < view->n; i++) {
        (void)model_likelihood_add(params, &view->animals[i], &sums);
    }
    return -sums.log_likelihood / (double)view->n_trials;
}

/* A rule without a net, in the filter. */
static int fit_by_scoring(struct fitting *f, struct model_file *out, struct fitter_result *result,
                          struct fault *fault)
{
    configure(f);
    model_params params = f->config.params;
    *result = start_result(f);
    const struct fit_scoring_options how = {.view = &f->view,
                                            .is_start_stated = f->options->is_start_stated,
                                            .is_start_sd_stated = f->options->is_start_sd_stated,
                                            .seed = f->options->seed,
                                            .team = f->run->team,
                                            .tell = f->run->tell,
                                            .context = f->run->context};
    const int rc = fit_rule_fit(&params, &how, &f->found, fault);
    if (rc != FAULT_NONE || f->found.is_stopped) {
        return rc;
    }
    leave_room(&params);
    result->loss = loss_of(&params, &f->view);
    result->is_whole = true;
    result->has_model = true;
    return model_file_build_params(&params, out, fault);
}

static int fit_by_search(struct fitting *f, struct model_file *out, struct fitter_result *result,
                         struct fault *fault)
{
    configure(f);
    model_params params = f->config.params;
    *result = start_result(f);
    const int rc = fit_classic_fit(&params, &f->view, f->run->team, f->run->tell, f->run->context,
                                   &result->loss, fault);
    if (rc != FAULT_NONE || isnan(result->loss)) {
        return rc;
    }
    result->is_whole = true;
    result->has_model = true;
    return model_file_build_params(&params, out, fault);
}

/* "; animals: a x2, b": which were drawn, as far as there is room. */
static void name_animals(const struct training_set *training, const uint32_t subjects[], uint32_t n,
                         char *out, size_t cap)
{
    size_t used = 0;
    for (uint32_t k = 0; k < training->n && used < cap; k++) {
        const uint32_t number = training->subjects.by_name[k];
        uint32_t times = 0;
        for (uint32_t i = 0; i < n; i++) {
            times += subjects[i] == number ? 1 : 0;
        }
        if (times > 0) {
            used +=
                (size_t)snprintf(out + used, cap - used, "%s%s",
                                 used > 0 ? ", " : "; animals: ", training->subjects.name[number]);
        }
        if (times > 1 && used < cap) {
            used += (size_t)snprintf(out + used, cap - used, " x%" PRIu32, times);
        }
    }
}

static void describe(const struct fitting *f, const struct training_set *training,
                     const uint32_t subjects[], uint32_t n, const struct fitter_result *r,
                     struct model_file *out)
{
    char animals[NAMES_MAX] = "";
    char epochs[40] = "";
    if (f->options->is_resampled) {
        name_animals(training, subjects, n, animals, sizeof animals);
    }
    if (model_rule_of(f->options->rule)->has_net) {
        (void)snprintf(epochs, sizeof epochs, ", %" PRIu64 " epochs", r->epochs);
    }
    (void)snprintf(out->about.data_sha256, sizeof out->about.data_sha256, "%s", training->sha256);
    (void)snprintf(out->about.made_by, sizeof out->about.made_by, "murid %s fit", MURID_VERSION);
    (void)snprintf(out->about.seed, sizeof out->about.seed, "%" PRIu64, f->options->seed);
    (void)snprintf(
        out->about.note, sizeof out->about.note, "%s, %zu trials of %u animals%s%s; %.*s",
        f->options->in_filter ? "in the filter" : "open loop", r->n_trials, (unsigned)r->n_animals,
        epochs, animals, f->options->is_resampled ? WORDS_BESIDE_NAMES : WORDS_MAX, f->words);
}

int fitter_fit(const struct fitter_options *options, const struct training_set *training,
               const uint32_t subjects[], uint32_t n, const struct fitter_run *run,
               struct model_file *out, struct fitter_result *result, struct fault *fault)
{
    memset(out, 0, sizeof *out);
    struct fitting *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return no_memory(fault);
    }
    f->options = options;
    f->run = run;
    int rc = open_views(f, training, subjects, n, fault);
    if (rc == FAULT_NONE) {
        const bool has_net = model_rule_of(options->rule)->has_net;
        rc = has_net              ? fit_by_gradient(f, out, result, fault)
             : options->in_filter ? fit_by_scoring(f, out, result, fault)
                                  : fit_by_search(f, out, result, fault);
    }
    if (rc == FAULT_NONE && result->has_model) {
        describe(f, training, subjects, n, result, out);
        rc = fit_record_take(training, subjects, n, options->seed, options->is_resampled,
                             &f->found.basis, out, fault);
        if (rc != FAULT_NONE) {
            model_file_free(out);
        }
    }
    fit_basis_free(&f->found.basis);
    training_set_view_close(&f->view);
    training_set_view_close(&f->plain);
    training_set_view_close(&f->held_out);
    free(f->memory);
    free(f->held_out_memory);
    free(f->state.best);
    free(f);
    return rc;
}
