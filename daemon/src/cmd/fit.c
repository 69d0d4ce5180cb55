#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "crossval.h"
#include "file_kind.h"
#include "fit_recipe.h"
#include "model/fit.h"
#include "options.h"
#include "progress.h"
#include "ranks.h"
#include "vocabulary.h"

enum { PATH_BYTES = 4096, PROGRESS_STEPS = 10000, DIGEST_HEX = 32 };

static const char BANK[] = "bank";

/* What is asked for; a negative number was not given. */
struct request {
    const char *data;
    const char *out;
    struct option_word rule;
    struct option_word policy;
    struct option_word filter;
    struct option_word preset;
    struct option_word schedule;
    struct option_word mirror;
    const struct output_guard *guard;
    const char *losses;
    const char *table;
    int64_t hidden;
    int64_t layers;
    int64_t truncation;
    int64_t epochs;
    int64_t batch;
    int64_t held_out;
    int64_t patience;
    int64_t seed;
    int64_t seeds;
    int64_t folds;
    int64_t threads;
    double rate;
    double filter_rate;
    double weight_decay;
    double clip;
    double share;
    double temper;
    bool resume;
    bool json;
    bool of_gradient; /* an option was given that only fits by gradient have */
    bool of_net;      /* one that only nets have */
    bool is_strict;
};

struct fit {
    const struct request *request;
    struct fit_recipe recipe;
    struct training_set training;
    struct ranks ranks;
    size_t n_threads;
    char state_path[PATH_BYTES]; /* a file of one fit, a directory of many */
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

static bool is_chosen(const struct option_word *word, const char *name)
{
    return word->chosen != NULL && strcmp(word->chosen, name) == 0;
}

/* Options that a rule without a net, or without a filter, does not have. */
static int check_effect(const struct request *r, model_rule_kind kind, bool in_filter,
                        struct fault *fault)
{
    const bool has_net = model_rule_has_net(kind);
    const char *rule = r->rule.chosen;
    if (kind == MODEL_RULE_NONE && !in_filter) {
        return fault_set(fault, FAULT_INPUT,
                         "rule none without a filter predicts nothing; --filter ekf was expected");
    }
    if (!has_net && !in_filter && r->folds == 0 && r->seeds == 1 && (r->of_gradient || r->resume)) {
        return fault_set(fault, FAULT_INPUT,
                         "rule %s without a filter is fitted at once: hidden, layers, truncation, "
                         "epochs, rate, seed, losses, resume and their like are not for it",
                         rule);
    }
    if (!has_net && r->folds == 0 && r->of_net) {
        return fault_set(
            fault, FAULT_INPUT,
            "rule %s has no net: hidden, layers and weight-decay have no effect on it; "
            "dnn, rnn, gru_policy or bank was expected with them",
            rule);
    }
    if (!has_net && r->seeds > 1) {
        return fault_set(fault, FAULT_INPUT,
                         "option seeds: rule %s has no net, and is the same from every seed; dnn, "
                         "rnn, gru_policy or bank was expected with it",
                         rule);
    }
    return !in_filter && r->filter_rate >= 0.0
               ? fault_set(fault, FAULT_INPUT,
                           "option filter-rate: has no effect without a filter; --filter ekf was "
                           "expected with it")
               : FAULT_NONE;
}

/* What a live twin could not follow is not fitted either. */
static int check_units(const struct request *r, bool is_recurrent, struct fault *fault)
{
    const uint32_t most = model_net_hidden_max(is_recurrent);
    return r->hidden > (int64_t)most
               ? fault_set(fault, FAULT_INPUT,
                           "option hidden: %" PRId64 " units, but of a recurrent net an animal's "
                           "state holds %" PRIu32 "; at most so many, or --rule dnn, was expected",
                           r->hidden, most)
               : FAULT_NONE;
}

static int choose_models(const struct request *r, struct fit_recipe *recipe, struct fault *fault)
{
    model_rule_kind kind = MODEL_RULE_NONE;
    const bool in_filter = r->preset.chosen == NULL && !is_chosen(&r->filter, "none");
    if (is_chosen(&r->rule, BANK)) {
        if (!in_filter) {
            return fault_set(fault, FAULT_INPUT, "a bank is of filters; --filter ekf was expected");
        }
        fit_recipe_bank(recipe);
        return check_units(r, true, fault);
    }
    (void)model_rule_parse(&kind, r->rule.chosen);
    int rc = check_effect(r, kind, in_filter, fault);
    if (rc == FAULT_NONE) {
        rc = check_units(r, model_rule_is_recurrent(kind), fault);
    }
    if (rc == FAULT_NONE) {
        fit_recipe_single(recipe, kind, in_filter);
    }
    return rc;
}

static bool is_many(const struct fit *f)
{
    return f->recipe.n > 1 || f->request->seeds > 1 || f->request->folds > 0;
}

static int check_request(const struct request *r, struct fault *fault)
{
    if (r->out == NULL && r->folds == 0) {
        return fault_set(fault, FAULT_INPUT, "option o: the model file to write was expected");
    }
    return FAULT_NONE;
}

static int check_bank(const struct fit *f, struct fault *fault)
{
    const size_t n = fit_recipe_banked(&f->recipe, (size_t)f->request->seeds);
    return n <= MODEL_BANK_MAX ? FAULT_NONE
                               : fault_set(fault, FAULT_INPUT,
                                           "option seeds: they make a bank of %zu models; at most "
                                           "%d were expected",
                                           n, MODEL_BANK_MAX);
}

/* "" where no tables are wanted. */
static int table_path(const struct request *r, const char *extension, char path[PATH_BYTES],
                      struct fault *fault)
{
    const char *stem = r->table != NULL ? r->table : r->out;
    path[0] = '\0';
    if (stem != NULL && snprintf(path, PATH_BYTES, "%s.cv.%s", stem, extension) >= PATH_BYTES) {
        return fault_set(fault, FAULT_INPUT, "option table: %.100s...: the path is too long", stem);
    }
    return FAULT_NONE;
}

/* The state is written over and removed in the end: what is no state is somebody's. */
static int check_state_path(const struct fit *f, struct fault *fault)
{
    struct output_guard guard = *f->request->guard;
    const enum file_kind kind = file_kind_at(f->state_path);
    const bool is_state = kind == FILE_KIND_MODEL || kind == FILE_KIND_BINARY;
    if (kind == FILE_KIND_DIRECTORY) {
        return FAULT_NONE; /* of many fits, which look into it */
    }
    if (kind != FILE_KIND_NONE && kind != FILE_KIND_EMPTY && !is_state) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: holds %s, but is where the fit would keep its state; another name "
                         "for -o was expected",
                         f->state_path, file_kind_name(kind));
    }
    guard.force = is_state;
    return output_file_check(&guard, f->state_path, fault);
}

/* What the work writes beside the model; told before the work rather than after it. */
static int check_outputs(const struct fit *f, struct fault *fault)
{
    static const char *const TABLES[] = {"csv", "json", "svg"};
    const struct request *r = f->request;
    int rc = check_state_path(f, fault);
    for (size_t i = 0; rc == FAULT_NONE && r->folds > 0 && i < sizeof TABLES / sizeof TABLES[0];
         i++) {
        char path[PATH_BYTES];
        rc = table_path(r, TABLES[i], path, fault);
        if (rc == FAULT_NONE && path[0] != '\0') {
            rc = output_file_check(r->guard, path, fault);
        }
    }
    return rc;
}

static int read_request(struct fit *f, struct fault *fault)
{
    const struct request *r = f->request;
    model_params params;
    int rc = check_request(r, fault);
    if (rc == FAULT_NONE) {
        rc = choose_models(r, &f->recipe, fault);
    }
    const char *policy = r->policy.chosen;
    if (rc == FAULT_NONE && policy != NULL && model_params_built_in(&params, policy) != MODEL_OK) {
        rc = fault_set(fault, FAULT_INPUT,
                       "option policy: \"%.100s\"; at most %d features, each once, were expected",
                       policy, MODEL_WEIGHTS_MAX);
    }
    for (size_t i = 0; rc == FAULT_NONE && policy != NULL && i < f->recipe.n; i++) {
        f->recipe.options[i].policy = params.policy;
    }
    if (rc == FAULT_NONE && r->folds > 0) {
        fit_recipe_add_references(&f->recipe);
    }
    for (size_t i = 0; rc == FAULT_NONE && i < f->recipe.n; i++) {
        struct fitter_options *o = &f->recipe.options[i];
        take_numbers(r, o);
        o->is_cosine =
            r->schedule.chosen != NULL ? is_chosen(&r->schedule, "cosine") : o->is_cosine;
        o->with_mirrors = r->mirror.chosen != NULL ? is_chosen(&r->mirror, "on") : o->with_mirrors;
    }
    if (rc == FAULT_NONE) {
        rc = check_bank(f, fault);
    }
    if (rc == FAULT_NONE && is_many(f) && r->losses != NULL) {
        rc = fault_set(fault, FAULT_INPUT, "option losses: for a single fit alone");
    }
    const char *base = r->out != NULL ? r->out : r->table;
    if (rc == FAULT_NONE && snprintf(f->state_path, sizeof f->state_path, "%s.fit",
                                     base != NULL ? base : "murid") >= PATH_BYTES) {
        rc = fault_set(fault, FAULT_INPUT, "option o: %.100s...: the path is too long", base);
    }
    return rc == FAULT_NONE ? check_outputs(f, fault) : rc;
}

static void warn_of_data(const struct training_set *t)
{
    if (t->n_choices < 1000) {
        fprintf(stderr, "murid: warning: only %zu trials; a net learns them by heart\n",
                t->n_choices);
    }
}

/* ---- one fit ---- */

static bool tell(void *context, double done)
{
    progress_update(context, (int64_t)(done * PROGRESS_STEPS));
    return !progress_interrupted();
}

static int open_losses(const struct request *r, bool has_judge, FILE **out, struct fault *fault)
{
    struct stat info;
    if (r->losses == NULL) {
        return FAULT_NONE;
    }
    const bool keeps = r->resume && stat(r->losses, &info) == 0;
    int rc = output_file_open_record(r->guard, r->losses, keeps, out, fault);
    if (rc == FAULT_NONE && !keeps &&
        fprintf(*out, "epoch,nats_per_trial%s\n", has_judge ? ",held_out" : "") < 0) {
        rc = fault_set(fault, FAULT_WORK, "%s: cannot be written: %s", r->losses, strerror(errno));
    }
    return rc;
}

static int check_state(const struct fit *f, struct fault *fault)
{
    const bool is_there = access(f->state_path, F_OK) == 0;
    if (!f->request->resume && is_there) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: of an interrupted fit; --resume goes on with it, removing it starts "
                         "anew",
                         f->state_path);
    }
    if (f->request->resume && !is_there) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: no such file; the state of an interrupted fit was expected",
                         f->state_path);
    }
    return FAULT_NONE;
}

static int report(const struct fit *f, const struct fitter_result *result,
                  const struct model_file *model, struct fault *fault)
{
    const struct fitter_options *o = &f->recipe.options[0];
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
    printf("\n%s %s\n", model->hash, f->request->out);
    const double chance = log(2.0);
    if (result->loss > chance) {
        fprintf(stderr,
                "murid: warning: a loss above that of chance (%.4f); more --epochs or a smaller "
                "--rate may help\n",
                chance);
    }
    return result->is_whole ? FAULT_NONE
                            : fault_set(fault, FAULT_WORK,
                                        "interrupted after %" PRIu64 " of %" PRIu64
                                        " epochs; the same command with --resume goes on",
                                        result->epochs, o->epochs);
}

/* The threads share each pass out. */
static int fit_one(struct fit *f, struct fault *fault)
{
    const struct fitter_options *o = &f->recipe.options[0];
    const bool by_gradient = o->in_filter || model_rule_has_net(o->rule);
    struct thread_pool team = {0};
    struct progress progress;
    struct model_file model = {0};
    struct fitter_result result = {0};
    struct fitter_run run = {.team = &team,
                             .state_path = by_gradient ? f->state_path : NULL,
                             .resume = f->request->resume,
                             .tell = tell,
                             .context = &progress};
    int rc = check_state(f, fault);
    if (rc == FAULT_NONE) {
        rc = thread_pool_open(&team, f->n_threads, fault);
    }
    if (rc == FAULT_NONE) {
        rc = open_losses(f->request, o->held_out > 0, &run.losses, fault);
    }
    if (rc == FAULT_NONE) {
        progress_start(&progress, "fit", PROGRESS_STEPS);
        rc = fitter_fit(o, &f->training, NULL, 0, &run, &model, &result, fault);
        progress_finish(&progress);
    }
    if (rc == FAULT_NONE && !result.has_model) {
        rc = fault_set(fault, FAULT_WORK, "interrupted; nothing was written");
    }
    if (rc == FAULT_NONE) {
        rc = model_file_save(&model, f->request->guard, f->request->out, fault);
    }
    if (rc == FAULT_NONE) {
        if (result.is_whole) {
            (void)unlink(f->state_path);
        }
        rc = report(f, &result, &model, fault);
    }
    if (run.losses != NULL) {
        (void)fclose(run.losses);
    }
    thread_pool_close(&team);
    model_file_free(&model);
    return rc;
}

/* ---- many fits ---- */

static bool tell_task(void *context, double done)
{
    return job_scheduler_report(context, done);
}

static int fit_member(void *context, size_t member, uint64_t seed, const uint32_t subjects[],
                      uint32_t n, struct job_scheduler_task *task, struct model_file *out,
                      struct fault *fault)
{
    const struct fit *f = context;
    struct fitter_options options = f->recipe.options[member];
    struct fitter_result result = {0};
    const struct fitter_run run = {
        .state_path = task->state_path, .resume = true, .tell = tell_task, .context = task};
    options.seed = seed;
    const int rc = fitter_fit(&options, &f->training, subjects, n, &run, out, &result, fault);
    if (rc == FAULT_NONE && !result.is_whole) {
        model_file_free(out);
        return JOB_SCHEDULER_STOPPED;
    }
    return rc;
}

static int join(void *context, const struct model_file models[], size_t n, struct model_file *out,
                struct fault *fault)
{
    const struct fit *f = context;
    const char *places[MODEL_BANK_MAX];
    assert(n <= MODEL_BANK_MAX); /* check_bank() */
    for (size_t i = 0; i < n; i++) {
        places[i] = models[i].about.note;
    }
    const int rc =
        model_file_join(models, places, n, f->request->share, f->request->temper, NULL, out, fault);
    if (rc == FAULT_NONE) {
        (void)snprintf(out->about.data_sha256, sizeof out->about.data_sha256, "%s",
                       f->training.sha256);
        (void)snprintf(out->about.made_by, sizeof out->about.made_by, "murid %s fit",
                       MURID_VERSION);
        (void)snprintf(out->about.seed, sizeof out->about.seed, "%" PRId64, f->request->seed);
    }
    return rc;
}

/* A digest of every member's options, and the data's. */
static void write_key(const struct fit *f, char *out, size_t cap)
{
    unsigned char digest[DIGEST_HEX / 2];
    char hex[DIGEST_HEX + 1];
    crypto_generichash_state state;
    (void)crypto_generichash_init(&state, NULL, 0, sizeof digest);
    for (size_t i = 0; i < f->recipe.n; i++) {
        char words[FITTER_WORDS_BYTES] = "";
        char epochs[32];
        (void)fitter_options_print(&f->recipe.options[i], words);
        (void)snprintf(epochs, sizeof epochs, "%" PRIu64, f->recipe.options[i].epochs);
        (void)crypto_generichash_update(&state, (const unsigned char *)words, sizeof words);
        (void)crypto_generichash_update(&state, (const unsigned char *)epochs, strlen(epochs));
    }
    (void)crypto_generichash_final(&state, digest, sizeof digest);
    (void)sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
    (void)snprintf(out, cap, "rule %s, options %s, data %s", f->request->rule.chosen, hex,
                   f->training.fingerprint);
}

typedef void comparison_writer(FILE *to, const struct comparison *c);

static int write_table(const struct request *r, const char *extension, comparison_writer *write,
                       const struct comparison *c, struct fault *fault)
{
    char path[PATH_BYTES];
    struct output_file file = {0};
    int rc = table_path(r, extension, path, fault);
    if (rc != FAULT_NONE || path[0] == '\0') {
        return rc;
    }
    rc = output_file_open(&file, r->guard, path, fault);
    if (rc == FAULT_NONE) {
        write(file.to, c);
    }
    return output_file_close(&file, rc, fault);
}

static int report_folds(const struct fit *f, const struct crossval *cv, struct fault *fault)
{
    const struct request *r = f->request;
    struct comparison c = {0};
    int rc = crossval_score(cv, &c, fault);
    if (rc == FAULT_NONE) {
        (r->json ? comparison_json : comparison_text)(stdout, &c);
        rc = write_table(r, "csv", comparison_csv, &c, fault);
    }
    if (rc == FAULT_NONE) {
        rc = write_table(r, "json", comparison_json, &c, fault);
    }
    if (rc == FAULT_NONE) {
        rc = write_table(r, "svg", comparison_svg, &c, fault);
    }
    comparison_close(&c);
    return rc;
}

static int write_bank(const struct fit *f, const struct crossval *cv, struct fault *fault)
{
    struct model_file model = {0};
    int rc = crossval_bank(cv, cv->n_sets - 1, &model, fault);
    if (rc == FAULT_NONE) {
        rc = model_file_save(&model, f->request->guard, f->request->out, fault);
    }
    if (rc == FAULT_NONE && !f->request->json) {
        printf("%u %s, %zu trials of %u animals\n%s %s\n", (unsigned)model.bank.n,
               model.bank.n == 1 ? "model" : "members", f->training.n_choices,
               (unsigned)f->training.n, model.hash, f->request->out);
    }
    model_file_free(&model);
    return rc;
}

/* The folds leave fewer animals to hold out from than there are. */
static int check_folds(const struct fit *f, struct fault *fault)
{
    const struct request *r = f->request;
    if (r->folds == 0 || r->held_out <= 0 || f->training.n < r->folds) {
        return FAULT_NONE; /* or told where the folds are dealt */
    }
    const int64_t least = f->training.n - (f->training.n + r->folds - 1) / r->folds;
    return r->held_out < least
               ? FAULT_NONE
               : fault_set(fault, FAULT_INPUT,
                           "option hold-out: %" PRId64 " animals held out of %" PRId64
                           " that a fold leaves; at least one to learn from was expected",
                           r->held_out, least);
}

static int check_many(const struct fit *f, struct fault *fault)
{
    return ranks_agree(&f->ranks, check_folds(f, fault), fault);
}

/* Each thread of each rank makes a fit of its own; the first rank scores and writes. */
static int fit_many(struct fit *f, struct fault *fault)
{
    const struct request *r = f->request;
    char key[JOB_STORE_KEY_MAX / 2];
    struct crossval cv = {0};
    write_key(f, key, sizeof key);
    const struct crossval_options options = {.training = &f->training,
                                             .members = f->recipe.member,
                                             .n_members = f->recipe.n,
                                             .n_folds = (uint32_t)r->folds,
                                             .with_all = r->out != NULL,
                                             .seed = (uint64_t)r->seed,
                                             .n_seeds = (uint32_t)r->seeds,
                                             .policy = f->recipe.options[0].policy,
                                             .fit = fit_member,
                                             .join = join,
                                             .context = f,
                                             .directory = f->state_path,
                                             .key = key,
                                             .resume = r->resume,
                                             .n_threads = f->n_threads};
    int rc = check_many(f, fault);
    if (rc == FAULT_NONE) {
        rc = crossval_open(&cv, &options, fault);
    }
    if (rc == FAULT_NONE) {
        rc = crossval_run(&cv, &f->ranks, fault);
    }
    if (rc == FAULT_NONE && f->ranks.rank == 0) {
        rc = r->folds > 0 ? report_folds(f, &cv, fault) : FAULT_NONE;
        if (rc == FAULT_NONE && r->out != NULL) {
            rc = write_bank(f, &cv, fault);
        }
        if (rc == FAULT_NONE) {
            job_store_remove(f->state_path);
        }
    }
    rc = ranks_agree(&f->ranks, rc, fault);
    crossval_close(&cv);
    return rc;
}

static size_t count_threads(const struct request *r)
{
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    const size_t wanted = r->threads > 0 ? (size_t)r->threads : online > 0 ? (size_t)online : 1;
    return wanted < JOB_SCHEDULER_THREADS_MAX ? wanted : JOB_SCHEDULER_THREADS_MAX;
}

static int load(struct fit *f, struct fault *fault)
{
    const char *path = f->request->data;
    if (f->ranks.n > 1 && strcmp(path, "-") == 0) {
        return fault_set(fault, FAULT_INPUT,
                         "standard input reaches one of %d ranks; a file that "
                         "all of them see was expected",
                         f->ranks.n);
    }
    const bool is_first = f->ranks.rank == 0; /* the others read the same, and say nothing */
    const int rc = training_set_load(
        &f->training, path, is_first ? trial_table_care(f->request->is_strict) : TRIAL_TABLE_QUIET,
        fault);
    return ranks_agree(&f->ranks, rc, fault);
}

/* rc: of what was read of the command line, FAULT_NONE or with *fault. */
static int fit(const struct request *r, int rc, struct fault *fault)
{
    struct fault why;
    struct fit *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory");
    }
    f->request = r;
    f->n_threads = count_threads(r);
    const int opened = ranks_open(&f->ranks, &why);
    if (opened != FAULT_NONE) {
        rc = opened;
        *fault = why;
    }
    if (rc == FAULT_NONE) {
        rc = read_request(f, fault);
    }
    if (rc == FAULT_NONE) {
        rc = load(f, fault);
    }
    if (rc == FAULT_NONE) {
        if (f->ranks.rank == 0) {
            warn_of_data(&f->training);
        }
        rc = is_many(f) ? fit_many(f, fault) : f->ranks.rank == 0 ? fit_one(f, fault) : FAULT_NONE;
        rc = is_many(f) ? rc : ranks_agree(&f->ranks, rc, fault);
    }
    /* Before the others may leave: a launcher ends all when one has failed. */
    if (rc != FAULT_NONE && f->ranks.rank == 0) {
        (void)fault_report(fault, rc);
    }
    (void)fflush(stdout);
    ranks_close(&f->ranks);
    training_set_free(&f->training);
    free(f);
    return rc;
}

/* ---- what is usual --------------------------------------------------------------------------- */

enum { USUALS = 16, USUAL_MAX = 2 * MODEL_POLICY_TEXT_MAX + 64 };

/* Help texts with the defaults that fitter_options_init() sets. */
struct usual {
    struct fitter_options net, other, open_loop;
    char text[USUALS][USUAL_MAX];
    size_t n;
};

static void usual_init(struct usual *u)
{
    u->n = 0;
    fitter_options_init(&u->net, MODEL_RULE_RNN, true);
    fitter_options_init(&u->other, MODEL_RULE_REINFORCE, true);
    fitter_options_init(&u->open_loop, MODEL_RULE_RNN, false);
}

static char *next_text(struct usual *u)
{
    assert(u->n < USUALS);
    return u->text[u->n++];
}

/* "units a layer (default 24; open loop 32)" */
static const char *usual_words(struct usual *u, const char *help, const char *net,
                               const char *other, const char *open_loop)
{
    char *out = next_text(u);
    if (other != NULL && strcmp(net, other) != 0) {
        (void)snprintf(out, USUAL_MAX, "%s (default %s for nets, %s for other rules; open loop %s)",
                       help, net, other, open_loop);
    } else if (strcmp(net, open_loop) != 0) {
        (void)snprintf(out, USUAL_MAX, "%s (default %s; open loop %s)", help, net, open_loop);
    } else {
        (void)snprintf(out, USUAL_MAX, "%s (default %s)", help, net);
    }
    return out;
}

static const char *usual_number(struct usual *u, const char *help, double net, double other,
                                double open_loop)
{
    char text[3][32];
    const double values[] = {net, other, open_loop};
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(text[i], sizeof text[i], isinf(values[i]) ? "no bound" : "%.10g", values[i]);
    }
    return usual_words(u, help, text[0], text[1], text[2]);
}

static const char *usual_policy(struct usual *u)
{
    char *out = next_text(u);
    char features[MODEL_POLICY_TEXT_MAX] = "";
    char open_loop[MODEL_POLICY_TEXT_MAX] = "";
    (void)model_policy_print(&u->net.policy, features, sizeof features);
    (void)model_policy_print(&u->open_loop.policy, open_loop, sizeof open_loop);
    (void)snprintf(out, USUAL_MAX, "of the policy (default %s; open loop %s), some of", features,
                   open_loop);
    return out;
}

/* Defaults of a number that only nets have. */
static const char *usual_of_nets(struct usual *u, const char *help, double net, double open_loop)
{
    return usual_number(u, help, net, net, open_loop);
}

int cmd_fit(int argc, char **argv)
{
    struct usual usual;
    usual_init(&usual);
    const struct fitter_options *net = &usual.net;
    const struct fitter_options *other = &usual.other;
    const struct fitter_options *open_loop = &usual.open_loop;
    struct request r = {.rule = vocabulary_with(vocabulary_rules(), BANK, "rnn"),
                        .policy = vocabulary_features(),
                        .filter = vocabulary_either("ekf", "none"),
                        .preset = {.n = 1, .word = {"paper"}},
                        .schedule = vocabulary_either("step", "cosine"),
                        .mirror = vocabulary_either("on", "off"),
                        .seeds = 1,
                        .share = MODEL_FILE_SHARE,
                        .temper = 1.0,
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
        {"o", OPTION_OUT, &r.out, 0, 0, "M.safetensors", "the model file to write", NULL},
        {"rule", OPTION_WORD, &r.rule, 0, 0, "RULE",
         "the rule; bank is the standard bank of several", NULL},
        {"filter", OPTION_WORD, &r.filter, 0, 0, "ekf|none",
         "ekf (default): in the filter that will run it, with noise and prior; none: open loop, "
         "the "
         "rule alone predicts, from weights of 0",
         NULL},
        {"preset", OPTION_WORD, &r.preset, 0, 0, "NAME",
         "as arXiv:2509.04661: --filter none with its defaults", NULL},
        {"policy", OPTION_WORDS, &r.policy, 0, 0, "FEATURES", usual_policy(&usual), NULL},
        {"hidden", OPTION_INT, &r.hidden, 1, MODEL_HIDDEN_MAX, "N",
         usual_of_nets(&usual, "units a layer", net->hidden, open_loop->hidden), &r.of_net},
        {"layers", OPTION_INT, &r.layers, 1, MODEL_LAYERS_MAX, "N",
         usual_of_nets(&usual, "hidden layers", net->layers, open_loop->layers), &r.of_net},
        {"truncation", OPTION_INT, &r.truncation, 1, MODEL_FIT_TRUNCATION_MAX, "N",
         usual_number(&usual, "trials through which gradients flow", net->truncation,
                      other->truncation, open_loop->truncation),
         &r.of_gradient},
        {"batch", OPTION_INT, &r.batch, 0, SUBJECT_NAMES_MAX, "N",
         usual_number(&usual, "animals a step; 0: all of them", net->batch, other->batch,
                      open_loop->batch),
         &r.of_gradient},
        {"epochs", OPTION_INT, &r.epochs, 0, 10000000, "N",
         usual_number(&usual, "passes over all animals", (double)net->epochs, (double)other->epochs,
                      (double)open_loop->epochs),
         &r.of_gradient},
        {"rate", OPTION_REAL, &r.rate, 1e-9, 1.0, "X",
         usual_number(&usual, "Adam's at first", net->rate, other->rate, open_loop->rate),
         &r.of_gradient},
        {"filter-rate", OPTION_REAL, &r.filter_rate, 1e-3, 1e4, "X",
         usual_of_nets(&usual, "of noise, prior and classic rules, in multiples of that",
                       net->filter_rate, net->filter_rate),
         &r.of_gradient},
        {"schedule", OPTION_WORD, &r.schedule, 0, 0, "step|cosine",
         usual_words(&usual, "of the rate: times 0.999 every 5 steps, or down to 0 at the last",
                     net->is_cosine ? "cosine" : "step", NULL,
                     open_loop->is_cosine ? "cosine" : "step"),
         &r.of_gradient},
        {"mirror", OPTION_WORD, &r.mirror, 0, 0, "on|off",
         usual_words(&usual, "learn from each animal's mirror image too, left and right exchanged",
                     net->with_mirrors ? "on" : "off", NULL,
                     open_loop->with_mirrors ? "on" : "off"),
         &r.of_gradient},
        {"weight-decay", OPTION_REAL, &r.weight_decay, 0, 100, "X",
         usual_of_nets(&usual, "of the nets' matrices", net->weight_decay, open_loop->weight_decay),
         &r.of_net},
        {"clip", OPTION_REAL, &r.clip, 1e-12, 1e12, "X",
         usual_number(&usual, "longest gradient taken as it is", net->clip, other->clip,
                      open_loop->clip),
         &r.of_gradient},
        {"hold-out", OPTION_INT, &r.held_out, 0, SUBJECT_NAMES_MAX, "N",
         "animals kept apart to stop early (default none)", &r.of_gradient},
        {"patience", OPTION_INT, &r.patience, 1, 10000000, "N",
         usual_number(&usual, "epochs without a better score of theirs", net->patience,
                      other->patience, open_loop->patience),
         &r.of_gradient},
        {"seed", OPTION_INT, &r.seed, 0, (double)INT32_MAX, "N",
         "of initial weights, batches, folds and animals held out", &r.of_gradient},
        {"seeds", OPTION_INT, &r.seeds, 1, MODEL_BANK_MAX, "N",
         "an ensemble: each net from so many seeds, mixed as a bank", NULL},
        {"share", OPTION_REAL, &r.share, 0, MODEL_BANK_SHARE_MAX, "X",
         "of a bank's weights that each choice gives back to the prior", NULL},
        {"temper", OPTION_REAL, &r.temper, MODEL_BANK_TEMPER_MIN, MODEL_BANK_TEMPER_MAX, "X",
         "power of the likelihoods by which a bank is weighed", NULL},
        {"cv", OPTION_INT, &r.folds, 2, SUBJECT_NAMES_MAX, "K",
         "cross-validation by animal in K folds, against chance, a static psychometric curve, a "
         "random walk and each classic rule",
         NULL},
        {"table", OPTION_TEXT, &r.table, 0, 0, "STEM",
         "its tables: STEM.cv.csv, .cv.json and .cv.svg; without it, by -o's path", NULL},
        {"json", OPTION_FLAG, &r.json, 0, 0, NULL, "prints it for programs", NULL},
        {"threads", OPTION_INT, &r.threads, 1, THREAD_POOL_THREADS_MAX, "N",
         "at work, without it one a processor; the result does not depend on it", NULL},
        {"losses", OPTION_OUT, &r.losses, 0, 0, "FILE.csv", "the loss of each epoch's passes",
         &r.of_gradient},
        TRIAL_TABLE_STRICT_OPTION(&r.is_strict),
        {"resume", OPTION_FLAG, &r.resume, 0, 0, NULL, "go on where Ctrl-C or a crash ended a fit",
         NULL},
    };
    static const struct option_rule rules[] = {{"table|json", OPTION_NEEDS, "cv"},
                                               {"patience", OPTION_NEEDS, "hold-out"},
                                               {"preset", OPTION_EXCLUDES, "filter"},
                                               {"losses", OPTION_EXCLUDES, "cv"}};
    struct options options = {
        .usage = "fit DATA.csv [-o M.safetensors] [options]",
        .about = "Trains a learning rule, or a bank of them, on all animals of a table. Ctrl-C\n"
                 "leaves M.safetensors.fit, from which --resume goes on to the same result as\n"
                 "without the interrupt; a single fit also writes the model so far. DATA.csv\n"
                 "\"-\" is standard input. Many fits are spread over threads and, if built with\n"
                 "MPI, over ranks. -o may be left out with --cv. docs/fit.md is the guide.",
        .list = list,
        .n = sizeof list / sizeof list[0],
        .rules = rules,
        .n_rules = sizeof rules / sizeof rules[0],
        .resumes = &r.resume,
        .arguments = &r.data,
        .arguments_min = 1,
        .arguments_max = 1};
    struct fault fault;
    int code = 0;
    options.fault = &fault; /* of several ranks one reports it */
    if (!options_read(&options, argc, argv, &code) && code == FAULT_NONE) {
        return FAULT_NONE;
    }
    r.guard = &options.guard;
    progress_catch_interrupts();
    return fit(&r, code, &fault);
}
