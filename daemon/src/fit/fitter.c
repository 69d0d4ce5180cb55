#include "fitter.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fit_classic.h"
#include "fnv.h"
#include "model/fit.h"
#include "model/random.h"
#include "output_file.h"
#include "safetensors.h"

static const int64_t SAVE_EVERY_NS = 30000000000;
static const char STATE_FORMAT[] = "murid-fit";
static const char STATE_VERSION[] = "3";
static const char *const NUMBERS[] = {"steps", "best_epoch", "best_loss", "epoch_loss"};

enum {
    ANIMALS_A_SHARD = 6,
    STREAM_HELD_OUT = 1,
    N_NUMBERS = sizeof NUMBERS / sizeof NUMBERS[0],
    CHECKSUM_HEX = 32
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
    model_fit *fit;
    void *held_out_memory;
    model_fit *judge; /* of the animals held out */
    float *best;      /* parameters */
    double best_loss; /* of the animals held out */
    uint64_t best_epoch;
    double epoch_loss; /* of the batches of this epoch that are done */
    bool is_warned;
};

static const char POLICY[] = "stimulus_right,stimulus_left,bias,prev_choice,choice_trace,win_stay,"
                             "prev_stimulus";

static struct fitter_options open_loop(void)
{
    return (struct fitter_options){.hidden = 32,
                                   .layers = 2,
                                   .truncation = 500,
                                   .patience = 20,
                                   .epochs = 1000,
                                   .rate = 1e-3,
                                   .filter_rate = 10.0,
                                   .clip = (double)INFINITY};
}

/* Gradients that end after 500 trials are biased here: the filter remembers for longer. */
static struct fitter_options in_filter(bool has_net)
{
    struct fitter_options o = open_loop();
    o.in_filter = true;
    o.is_cosine = true;
    o.truncation = 10000;
    o.with_mirrors = true;
    o.epochs = has_net ? 100 : 150;
    o.rate = has_net ? 4e-3 : 6e-3;
    if (has_net) {
        o.hidden = 24;
        o.layers = 1;
        o.batch = 6;
        o.weight_decay = 3.0;
    }
    return o;
}

void fitter_options_init(struct fitter_options *o, model_rule_kind rule, bool is_in_filter)
{
    model_params params;
    (void)model_params_built_in(&params, is_in_filter ? POLICY : "stim_bias");
    *o = is_in_filter ? in_filter(model_rule_has_net(rule)) : open_loop();
    o->rule = rule;
    o->policy = params.policy;
}

const char *fitter_options_print(const struct fitter_options *o, char out[FITTER_WORDS_BYTES])
{
    char features[MODEL_POLICY_TEXT_MAX];
    (void)model_policy_print(&o->policy, features, sizeof features);
    const int used =
        snprintf(out, FITTER_WORDS_BYTES,
                 "rule %s, policy %s, filter %s, hidden %u, layers %u, truncation %u, batch %u, "
                 "rate %.17g, filter-rate %.17g, weight-decay %.17g, clip %.17g, schedule %s, "
                 "mirror %s, hold-out %u, patience %u, seed %" PRIu64,
                 model_rule_name(o->rule), features, o->in_filter ? "ekf" : "none", o->hidden,
                 o->layers, o->truncation, o->batch, o->rate, o->filter_rate, o->weight_decay,
                 o->clip, o->is_cosine ? "cosine" : "step", o->with_mirrors ? "on" : "off",
                 o->held_out, o->patience, o->seed);
    if (o->is_cosine) { /* a step's length then depends on how many there will be */
        (void)snprintf(out + used, FITTER_WORDS_BYTES - (size_t)used, ", epochs %" PRIu64,
                       o->epochs);
    }
    return out;
}

static int no_memory(struct fault *fault)
{
    return fault_set(fault, FAULT_WORK, "no memory for the fit");
}

/* ---- animals ---- */

/* Animals held out come last in numbers[n]; which they are follows from the seed. */
static void choose(const struct fitter_options *o, const uint32_t subjects[], uint32_t n,
                   uint32_t numbers[])
{
    model_random random;
    model_random_seed(&random, o->seed, STREAM_HELD_OUT);
    for (uint32_t i = 0; i < n; i++) {
        numbers[i] = subjects != NULL ? subjects[i] : i;
    }
    for (uint32_t i = n; i > n - o->held_out; i--) {
        const uint32_t k = (uint32_t)model_random_below(&random, i);
        const uint32_t held = numbers[i - 1];
        numbers[i - 1] = numbers[k];
        numbers[k] = held;
    }
}

static int open_views(struct fitting *f, const struct training_set *training,
                      const uint32_t subjects[], uint32_t n, struct fault *fault)
{
    const struct fitter_options *o = f->options;
    const uint32_t count = subjects != NULL ? n : training->n;
    if (o->held_out >= count) {
        return fault_set(fault, FAULT_INPUT,
                         "%u animals held out of %u; at least one to learn from was expected",
                         (unsigned)o->held_out, (unsigned)count);
    }
    uint32_t *numbers = calloc(count, sizeof *numbers);
    if (numbers == NULL) {
        return no_memory(fault);
    }
    choose(o, subjects, count, numbers);
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

/* ---- setting up ---- */

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
    params->rule.kind = o->rule;
    for (uint32_t i = 0; i < params->policy.n; i++) {
        params->rule.rate[i] = MODEL_FILE_RATE;
        params->rule.decay[i] = MODEL_FILE_DECAY;
    }
}

static void configure(struct fitting *f)
{
    const struct fitter_options *o = f->options;
    model_params params;
    start_params(o, &params);
    const model_net_shape shape = {.is_recurrent = model_rule_is_recurrent(o->rule),
                                   .n_inputs =
                                       params.policy.n + (uint32_t)model_fit_inputs(o->rule),
                                   .n_hidden = o->hidden,
                                   .n_layers = o->layers,
                                   .n_outputs = params.policy.n};
    model_fit_config *c = &f->config;
    model_fit_config_init(c, &params, model_rule_has_net(o->rule) ? &shape : NULL);
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
    f->best = calloc(n + 1, sizeof *f->best);
    if (f->best == NULL) {
        return no_memory(fault);
    }
    f->best_loss = (double)INFINITY;
    model_fit_draw(&f->config, f->options->seed, f->best);
    int rc = open_fit(f, &f->view, f->best, &f->memory, &f->fit, fault);
    if (rc == FAULT_NONE && f->held_out.n_trials > 0) {
        rc = open_fit(f, &f->held_out, f->best, &f->held_out_memory, &f->judge, fault);
    }
    return rc;
}

/* ---- the state beside the model ---- */

static uint64_t epochs_done(const struct fitting *f)
{
    return model_fit_steps(f->fit) / f->config.n_batches;
}

/* Of all that changes from step to step. */
static void checksum(const char *const numbers[N_NUMBERS], size_t n, const float state[],
                     const float best[], char hex[CHECKSUM_HEX + 1])
{
    unsigned char digest[CHECKSUM_HEX / 2];
    crypto_generichash_state sum;
    (void)crypto_generichash_init(&sum, NULL, 0, sizeof digest);
    for (size_t i = 0; i < N_NUMBERS; i++) {
        (void)crypto_generichash_update(&sum, (const unsigned char *)numbers[i],
                                        strlen(numbers[i]) + 1);
    }
    (void)crypto_generichash_update(&sum, (const unsigned char *)state, 3 * n * sizeof *state);
    (void)crypto_generichash_update(&sum, (const unsigned char *)best, n * sizeof *best);
    (void)crypto_generichash_final(&sum, digest, sizeof digest);
    (void)sodium_bin2hex(hex, CHECKSUM_HEX + 1, digest, sizeof digest);
}

static int save_state(const struct fitting *f, struct fault *fault)
{
    if (f->run->state_path == NULL) {
        return FAULT_NONE;
    }
    struct safetensors *st = calloc(1, sizeof *st);
    uint8_t *bytes = NULL;
    size_t size = 0;
    char steps[32];
    char best_epoch[32];
    char best_loss[32];
    char epoch_loss[32];
    char sum[CHECKSUM_HEX + 1];
    if (st == NULL) {
        return no_memory(fault);
    }
    const uint64_t n = model_fit_parameters(&f->config);
    const uint64_t shape[2] = {3, n};
    const char *const numbers[N_NUMBERS] = {steps, best_epoch, best_loss, epoch_loss};
    (void)snprintf(steps, sizeof steps, "%" PRIu64, model_fit_steps(f->fit));
    (void)snprintf(best_epoch, sizeof best_epoch, "%" PRIu64, f->best_epoch);
    (void)snprintf(best_loss, sizeof best_loss, "%.17g", f->best_loss);
    (void)snprintf(epoch_loss, sizeof epoch_loss, "%.17g", f->epoch_loss);
    checksum(numbers, n, model_fit_state(f->fit), f->best, sum);
    const char *const meta[][2] = {
        {"format", STATE_FORMAT}, {"version", STATE_VERSION}, {"options", f->words},
        {"data", f->data},        {NUMBERS[0], numbers[0]},   {NUMBERS[1], numbers[1]},
        {NUMBERS[2], numbers[2]}, {NUMBERS[3], numbers[3]},   {"checksum", sum}};
    int rc = FAULT_NONE;
    for (size_t i = 0; i < sizeof meta / sizeof meta[0] && rc == FAULT_NONE; i++) {
        rc = safetensors_add_meta(st, meta[i][0], meta[i][1], fault);
    }
    if (rc == FAULT_NONE) {
        rc = safetensors_add_f32(st, "state", 2, shape, model_fit_state(f->fit), fault);
    }
    if (rc == FAULT_NONE) {
        rc = safetensors_add_f32(st, "best", 1, &n, f->best, fault);
    }
    if (rc == FAULT_NONE) {
        rc = safetensors_encode(st, &bytes, &size, fault);
    }
    if (rc == FAULT_NONE) {
        rc = output_file_write_bytes(NULL, f->run->state_path, bytes, size, fault);
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
                         "%s: of another fit, whose %s was \"%.400s\"; \"%.400s\" was expected",
                         f->run->state_path, key, found != NULL ? found : "", expected);
    }
    return FAULT_NONE;
}

static int damaged(const struct fitting *f, struct fault *fault)
{
    return fault_set(
        fault, FAULT_INPUT,
        "%s: damaged; the state of an interrupted fit was expected. Removing it starts "
        "anew",
        f->run->state_path);
}

static bool is_of_shape(const struct fitting *f, const struct safetensors_tensor *state,
                        const struct safetensors_tensor *best)
{
    const size_t n = model_fit_parameters(&f->config);
    return state != NULL && state->n == 3 * n && best != NULL && best->n == n;
}

/* values: (4, parameters), the state and the best parameters. */
static int take_values(struct fitting *f, const struct safetensors *st, const float values[],
                       struct fault *fault)
{
    const size_t n = model_fit_parameters(&f->config);
    const char *numbers[N_NUMBERS];
    char sum[CHECKSUM_HEX + 1];
    const char *found = safetensors_meta_find(st, "checksum");
    for (size_t i = 0; i < N_NUMBERS; i++) {
        numbers[i] = safetensors_meta_find(st, NUMBERS[i]);
        if (numbers[i] == NULL) {
            return damaged(f, fault);
        }
    }
    checksum(numbers, n, values, values + 3 * n, sum);
    if (found == NULL || strcmp(found, sum) != 0 ||
        model_fit_resume(f->fit, values, strtoull(numbers[0], NULL, 10)) != MODEL_OK) {
        return damaged(f, fault);
    }
    f->best_epoch = strtoull(numbers[1], NULL, 10);
    f->best_loss = strtod(numbers[2], NULL);
    f->epoch_loss = strtod(numbers[3], NULL);
    memcpy(f->best, values + 3 * n, n * sizeof *values);
    return FAULT_NONE;
}

static int take_state(struct fitting *f, const struct safetensors *st, struct fault *fault)
{
    const size_t n = model_fit_parameters(&f->config);
    const struct safetensors_tensor *state = safetensors_find(st, "state");
    const struct safetensors_tensor *best = safetensors_find(st, "best");
    if (!is_of_shape(f, state, best)) {
        return damaged(f, fault);
    }
    float *values = calloc(4 * n, sizeof *values);
    if (values == NULL) {
        return no_memory(fault);
    }
    for (size_t i = 0; i < 4 * n; i++) {
        values[i] =
            (float)(i < 3 * n ? safetensors_value(state, i) : safetensors_value(best, i - 3 * n));
    }
    const int rc = take_values(f, st, values, fault);
    free(values);
    return rc;
}

static int load_state(struct fitting *f, struct fault *fault)
{
    struct safetensors *st = calloc(1, sizeof *st);
    uint8_t *bytes = NULL;
    size_t size = 0;
    int rc = st != NULL ? FAULT_NONE : no_memory(fault);
    if (rc == FAULT_NONE) {
        rc = safetensors_read(f->run->state_path, &bytes, &size, fault);
    }
    if (rc == FAULT_NONE) {
        rc = safetensors_parse(st, f->run->state_path, bytes, size, fault);
    }
    const char *const same[][2] = {{"format", STATE_FORMAT},
                                   {"version", STATE_VERSION},
                                   {"options", f->words},
                                   {"data", f->data}};
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

/* One pass over a batch: its loss; the gradient stands ready. */
static double pass(struct fitting *f)
{
    if (f->run->team != NULL) {
        thread_pool_run(f->run->team, run_shard, f->fit, f->config.n_shards);
    } else {
        for (uint32_t s = 0; s < f->config.n_shards; s++) {
            model_fit_run(f->fit, s);
        }
    }
    return model_fit_sum(f->fit);
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
    if (f->judge == NULL || model_fit_load(f->judge, model_fit_state(f->fit)) != MODEL_OK) {
        return (double)NAN;
    }
    const double loss = model_fit_evaluate(f->judge);
    if (loss < f->best_loss) {
        f->best_loss = loss;
        f->best_epoch = epochs_done(f);
        memcpy(f->best, model_fit_state(f->fit), model_fit_parameters(&f->config) * sizeof(float));
    }
    return loss;
}

static bool is_done(const struct fitting *f)
{
    const uint64_t done = epochs_done(f);
    return done >= f->options->epochs ||
           (f->judge != NULL && done >= f->best_epoch + f->options->patience);
}

static bool go_on(const struct fitting *f)
{
    const double steps = (double)(f->options->epochs * f->config.n_batches + 1);
    return f->run->tell == NULL ||
           f->run->tell(f->run->context, (double)model_fit_steps(f->fit) / steps);
}

/* A step for each batch. Stops between batches when told to. */
static int run_epoch(struct fitting *f, struct fault *fault)
{
    const uint64_t epoch = epochs_done(f);
    while (epochs_done(f) == epoch) {
        const double loss = pass(f) / (double)f->config.n_batches;
        if (model_fit_step(f->fit) != MODEL_OK) {
            return fault_set(fault, FAULT_WORK,
                             "epoch %" PRIu64 ": the loss or a gradient is not finite; a smaller "
                             "--rate may help",
                             epoch + 1);
        }
        f->epoch_loss += loss;
        if (!go_on(f)) {
            break;
        }
    }
    if (epochs_done(f) == epoch) {
        return FAULT_NONE;
    }
    const double loss = f->epoch_loss;
    f->epoch_loss = 0.0;
    return write_losses(f, epoch, loss, judge(f), fault);
}

/* The next time may go well, but whoever waits should know what a crash would cost. */
static void save_now_and_then(struct fitting *f)
{
    struct fault fault;
    if (save_state(f, &fault) != FAULT_NONE && !f->is_warned) {
        f->is_warned = true;
        fprintf(stderr, "murid: warning: %s: the fit goes on, and cannot be resumed from here\n",
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
        (void)save_state(f, &ignored);
    }
    return rc;
}

/* ---- the model ---- */

static uint32_t images_of(const struct fitting *f)
{
    return f->options->with_mirrors ? 2 : 1;
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
    const float *parameters = model_fit_state(f->fit);
    model_params params;
    model_fit_params(f->fit, &params);
    if (params.rule.kind == MODEL_RULE_GRU_POLICY && !f->config.in_filter) {
        still_filter(&params.noise);
    }
    if (!model_rule_has_net(params.rule.kind)) {
        return model_file_build_params(&params, out, fault);
    }
    for (size_t i = 0; i < model_net_tensors_count(&f->config.shape); i++) {
        if (!(fabs((double)parameters[i]) <= MODEL_FILE_WEIGHT_MAX)) {
            return fault_set(fault, FAULT_WORK, "a weight became %g, more than a model may have",
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
        *loss = model_fit_evaluate(f->fit);
        return FAULT_NONE;
    }
    void *memory = NULL;
    model_fit *fit = NULL;
    const int rc = open_fit(f, &f->plain, model_fit_state(f->fit), &memory, &fit, fault);
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
    *result = (struct fitter_result){.held_out_loss = (double)NAN,
                                     .epochs = epochs_done(f),
                                     .n_trials = f->view.n_trials / images_of(f),
                                     .n_animals = f->view.n / images_of(f),
                                     .is_whole = is_done(f),
                                     .has_model = true};
    int rc = save_state(f, fault);
    rc = result->is_whole ? FAULT_NONE : rc; /* the model tells more */
    if (f->judge != NULL && isfinite(f->best_loss)) {
        (void)model_fit_load(f->fit, f->best);
        result->held_out_loss = f->best_loss;
    }
    if (rc == FAULT_NONE) {
        rc = score(f, &result->loss, fault);
    }
    if (rc == FAULT_NONE && !isfinite(result->loss)) {
        rc = fault_set(fault, FAULT_WORK, "the loss of the last step is not finite");
    }
    return rc == FAULT_NONE ? make_model(f, out, fault) : rc;
}

static int fit_by_gradient(struct fitting *f, struct model_file *out, struct fitter_result *result,
                           struct fault *fault)
{
    int rc = prepare(f, fault);
    const bool has_state = f->run->state_path != NULL && access(f->run->state_path, F_OK) == 0;
    if (rc == FAULT_NONE && f->run->resume && has_state) {
        rc = load_state(f, fault);
        rc = rc == FAULT_NONE ? trim_losses(f, fault) : rc;
    } else if (rc == FAULT_NONE) {
        rc = save_state(f, fault); /* a bad place is told now, not at the end */
    }
    if (rc == FAULT_NONE) {
        rc = train(f, fault);
    }
    return rc == FAULT_NONE ? finish(f, out, result, fault) : rc;
}

static int fit_by_search(struct fitting *f, struct model_file *out, struct fitter_result *result,
                         struct fault *fault)
{
    configure(f);
    model_params params = f->config.params;
    *result = (struct fitter_result){.held_out_loss = (double)NAN,
                                     .n_trials = f->view.n_trials / images_of(f),
                                     .n_animals = f->view.n / images_of(f)};
    const int rc = fit_classic_fit(&params, &f->view, f->run->team, f->run->tell, f->run->context,
                                   &result->loss, fault);
    if (rc != FAULT_NONE || isnan(result->loss)) {
        return rc;
    }
    result->is_whole = true;
    result->has_model = true;
    return model_file_build_params(&params, out, fault);
}

/* Where the fitted twin went with one animal or its mirror image. */
static void follow(const struct training_set_subject *animal, const model_params *params,
                   bool is_mirror, model_range *range)
{
    model_member twin;
    model_member_init(&twin, params);
    for (size_t i = 0; i < animal->n; i++) {
        model_trial trial = animal->trials[i];
        if (is_mirror) {
            trial.contrast = -trial.contrast;
            trial.choice = trial.choice >= 0 ? (int8_t)(1 - trial.choice) : trial.choice;
            trial.side = trial.side >= 0 ? (int8_t)(1 - trial.side) : trial.side;
        }
        if (animal->starts_session[i] != 0) {
            model_member_start_session(&twin, params);
        }
        (void)model_member_measure(&twin, params, &trial,
                                   range); /* a trial that fails moves nothing */
    }
}

/* What the rule meets in the animals of the fit, to tell when it meets something else. */
static void measure_range(const struct training_set *training, const uint32_t subjects[],
                          uint32_t n, model_params *params)
{
    model_range range;
    if (params->rule.kind == MODEL_RULE_NONE) {
        return;
    }
    model_range_open(&range);
    for (uint32_t i = 0; i < (subjects != NULL ? n : training->n); i++) {
        const struct training_set_subject *animal =
            &training->subject[subjects != NULL ? subjects[i] : i];
        follow(animal, params, false, &range);
        follow(animal, params, true, &range);
    }
    model_range_close(&range, &params->rule, params->policy.n);
    params->range = range;
}

static void describe(const struct fitting *f, const struct training_set *training,
                     const struct fitter_result *r, struct model_file *out)
{
    (void)snprintf(out->about.data_sha256, sizeof out->about.data_sha256, "%s", training->sha256);
    (void)snprintf(out->about.made_by, sizeof out->about.made_by, "murid %s fit", MURID_VERSION);
    (void)snprintf(out->about.seed, sizeof out->about.seed, "%" PRIu64, f->options->seed);
    (void)snprintf(out->about.note, sizeof out->about.note,
                   "%s, %zu trials of %u animals, %" PRIu64 " epochs; %.360s",
                   f->options->in_filter ? "in the filter" : "open loop", r->n_trials,
                   (unsigned)r->n_animals, r->epochs, f->words);
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
        const bool by_gradient = options->in_filter || model_rule_has_net(options->rule);
        rc = by_gradient ? fit_by_gradient(f, out, result, fault)
                         : fit_by_search(f, out, result, fault);
    }
    if (rc == FAULT_NONE && result->has_model) {
        describe(f, training, result, out);
        measure_range(training, subjects, n, &out->bank.member[0]);
    }
    training_set_view_close(&f->view);
    training_set_view_close(&f->plain);
    training_set_view_close(&f->held_out);
    free(f->memory);
    free(f->held_out_memory);
    free(f->best);
    free(f);
    return rc;
}
