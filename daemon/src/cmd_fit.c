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
#include "options.h"
#include "progress.h"
#include "ranks.h"
#include "recipe.h"

enum { PATH_BYTES = 4096, PROGRESS_STEPS = 10000, DIGEST_HEX = 32 };

static const char BANK[] = "bank";

/* What is asked for; a negative number was not given. */
struct request {
    const char *data;
    const char *out;
    const char *rule;
    const char *policy;
    const char *filter;
    const char *preset;
    const char *schedule;
    const char *mirror;
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
    bool is_strict;
    bool of_net; /* an option was given that only fits by gradient have */
};

struct fit {
    const struct request *request;
    struct recipe recipe;
    struct training training;
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

static int choose_models(const struct request *r, struct recipe *recipe, struct fault *fault)
{
    model_rule_kind kind;
    bool in_filter = r->preset == NULL;
    const int rc = read_choice("filter", r->filter, "none", "ekf", &in_filter, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (strcmp(r->rule, BANK) == 0) {
        if (!in_filter) {
            return fault_set(fault, FAULT_INPUT, "a bank is of filters; --filter ekf was expected");
        }
        recipe_bank(recipe);
        return FAULT_NONE;
    }
    if (model_rule_parse(&kind, r->rule) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT,
                         "option rule: \"%.64s\"; none, reinforce, reinforce_base, reward_max, "
                         "predict_max, eligibility, dnn, rnn, gru_policy or bank was expected",
                         r->rule);
    }
    if (kind == MODEL_RULE_NONE && !in_filter) {
        return fault_set(fault, FAULT_INPUT,
                         "rule none without a filter predicts nothing; --filter ekf was expected");
    }
    if (!model_rule_has_net(kind) && !in_filter && r->folds == 0 && r->seeds == 1 &&
        (r->of_net || r->resume)) {
        return fault_set(fault, FAULT_INPUT,
                         "rule %s without a filter is fitted at once: hidden, layers, truncation, "
                         "epochs, rate, seed, losses, resume and their like are not for it",
                         r->rule);
    }
    recipe_single(recipe, kind, in_filter);
    return FAULT_NONE;
}

static bool is_many(const struct fit *f)
{
    return f->recipe.n > 1 || f->request->seeds > 1 || f->request->folds > 0;
}

/* Told before the work rather than after it. */
static int check_out(const struct request *r, struct fault *fault)
{
    struct stat info;
    if (r->out != NULL && stat(r->out, &info) == 0 && !S_ISREG(info.st_mode)) {
        return fault_set(fault, FAULT_INPUT, "option o: %.400s: not a file; a model's was expected",
                         r->out);
    }
    return FAULT_NONE;
}

static int check_request(const struct request *r, struct fault *fault)
{
    if (r->out == NULL && r->folds == 0) {
        return fault_set(fault, FAULT_INPUT, "option o: the model file to write was expected");
    }
    if (r->folds == 1) {
        return fault_set(fault, FAULT_INPUT, "option cv: 1 fold; 2 or more were expected");
    }
    if (r->folds == 0 && (r->table != NULL || r->json)) {
        return fault_set(fault, FAULT_INPUT,
                         "options table and json are for what --cv finds; --cv was expected");
    }
    if (r->preset != NULL && strcmp(r->preset, "paper") != 0) {
        return fault_set(fault, FAULT_INPUT, "option preset: \"%.64s\"; paper was expected",
                         r->preset);
    }
    return check_out(r, fault);
}

static int check_bank(const struct fit *f, struct fault *fault)
{
    const size_t n = recipe_banked(&f->recipe, (size_t)f->request->seeds);
    return n <= MODEL_BANK_MAX ? FAULT_NONE
                               : fault_set(fault, FAULT_INPUT,
                                           "option seeds: they make a bank of %zu models; at most "
                                           "%d were expected",
                                           n, MODEL_BANK_MAX);
}

static int read_request(struct fit *f, struct fault *fault)
{
    const struct request *r = f->request;
    model_params params;
    int rc = check_request(r, fault);
    if (rc == FAULT_NONE) {
        rc = choose_models(r, &f->recipe, fault);
    }
    if (rc == FAULT_NONE && r->policy != NULL &&
        model_params_built_in(&params, r->policy) != MODEL_OK) {
        rc = fault_set(fault, FAULT_INPUT,
                       "option policy: \"%.100s\" is not a list of known features", r->policy);
    }
    for (size_t i = 0; rc == FAULT_NONE && r->policy != NULL && i < f->recipe.n; i++) {
        f->recipe.options[i].policy = params.policy;
    }
    if (rc == FAULT_NONE && r->folds > 0) {
        recipe_add_references(&f->recipe);
    }
    for (size_t i = 0; rc == FAULT_NONE && i < f->recipe.n; i++) {
        struct fitter_options *o = &f->recipe.options[i];
        take_numbers(r, o);
        rc = read_choice("schedule", r->schedule, "step", "cosine", &o->is_cosine, fault);
        if (rc == FAULT_NONE) {
            rc = read_choice("mirror", r->mirror, "off", "on", &o->with_mirrors, fault);
        }
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
    return rc;
}

static void warn_of_data(const struct training *t)
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
    if (r->losses == NULL) {
        return FAULT_NONE;
    }
    *out = r->resume ? fopen(r->losses, "r+") : NULL;
    const bool is_new = *out == NULL;
    *out = is_new ? fopen(r->losses, "w+") : *out;
    if (*out == NULL ||
        (is_new && fprintf(*out, "epoch,nats_per_trial%s\n", has_judge ? ",held_out" : "") < 0)) {
        return fault_set(fault, FAULT_WORK, "%s: cannot be written: %s", r->losses,
                         strerror(errno));
    }
    return FAULT_NONE;
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
    struct team team = {0};
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
        rc = team_open(&team, f->n_threads, fault);
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
        rc = model_file_save(&model, f->request->out, fault);
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
    team_close(&team);
    model_file_free(&model);
    return rc;
}

/* ---- many fits ---- */

static bool tell_task(void *context, double done)
{
    return spread_report(context, done);
}

static int fit_member(void *context, size_t member, uint64_t seed, const uint32_t subjects[],
                      uint32_t n, struct spread_task *task, struct model_file *out,
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
        return SPREAD_STOPPED;
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
    (void)snprintf(out, cap, "rule %s, options %s, data %s", f->request->rule, hex,
                   f->training.fingerprint);
}

typedef void comparison_writer(FILE *to, const struct comparison *c);

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

/* A bad place is told now, not at the end. */
static int check_table(const struct request *r, struct fault *fault)
{
    char path[PATH_BYTES];
    const int rc = table_path(r, "csv", path, fault);
    if (rc != FAULT_NONE || path[0] == '\0') {
        return rc;
    }
    const bool is_new = access(path, F_OK) != 0;
    FILE *file = fopen(path, "a");
    if (file == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: cannot be written: %s", path, strerror(errno));
    }
    (void)fclose(file);
    if (is_new) {
        (void)unlink(path);
    }
    return FAULT_NONE;
}

static int write_table(const struct request *r, const char *extension, comparison_writer *write,
                       const struct comparison *c, struct fault *fault)
{
    char path[PATH_BYTES];
    const int rc = table_path(r, extension, path, fault);
    if (rc != FAULT_NONE || path[0] == '\0') {
        return rc;
    }
    FILE *to = fopen(path, "w");
    if (to != NULL) {
        write(to, c);
    }
    const bool failed = to == NULL || ferror(to) != 0;
    if ((to != NULL && fclose(to) != 0) || failed) {
        return fault_set(fault, FAULT_WORK, "%s: cannot be written: %s", path, strerror(errno));
    }
    return FAULT_NONE;
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
        rc = model_file_save(&model, f->request->out, fault);
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
    int rc = check_folds(f, fault);
    if (rc == FAULT_NONE && f->ranks.rank == 0 && f->request->folds > 0) {
        rc = check_table(f->request, fault);
    }
    return ranks_agree(&f->ranks, rc, fault);
}

/* Each thread of each rank makes a fit of its own; the first rank scores and writes. */
static int fit_many(struct fit *f, struct fault *fault)
{
    const struct request *r = f->request;
    char key[JOBDIR_KEY_MAX / 2];
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
            jobdir_remove(f->state_path);
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
    return wanted < SPREAD_THREADS_MAX ? wanted : SPREAD_THREADS_MAX;
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
    const int rc = training_load(&f->training, path,
                                 is_first ? table_care(f->request->is_strict) : TABLE_QUIET, fault);
    return ranks_agree(&f->ranks, rc, fault);
}

static int fit(const struct request *r, struct fault *fault)
{
    struct fit *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory");
    }
    f->request = r;
    f->n_threads = count_threads(r);
    int rc = ranks_open(&f->ranks, fault);
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
    training_free(&f->training);
    free(f);
    return rc;
}

int cmd_fit(int argc, char **argv)
{
    struct request r = {.rule = "rnn",
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
        {"o", OPTION_TEXT, &r.out, 0, 0, "M.safetensors", "the model file to write", NULL},
        {"rule", OPTION_TEXT, &r.rule, 0, 0, "RULE",
         "none, reinforce, reinforce_base, reward_max, predict_max, eligibility,\n"
         "dnn, rnn (default), gru_policy, or bank: the standard bank of several",
         NULL},
        {"filter", OPTION_TEXT, &r.filter, 0, 0, "ekf|none",
         "ekf (default): in the filter that will run it, with noise and prior;\n"
         "none: open loop, the rule alone predicts, from weights of 0",
         NULL},
        {"preset", OPTION_TEXT, &r.preset, 0, 0, "paper",
         "as arXiv:2509.04661: --filter none --policy stim_bias --epochs 1000\n"
         "--rate 0.001",
         NULL},
        {"policy", OPTION_TEXT, &r.policy, 0, 0, "FEATURES", "of the policy (docs/model.md)", NULL},
        {"hidden", OPTION_INT, &r.hidden, 1, MODEL_HIDDEN_MAX, "N",
         "units a layer (16; open loop 32)", &r.of_net},
        {"layers", OPTION_INT, &r.layers, 1, MODEL_LAYERS_MAX, "N",
         "hidden layers (1; open loop 2)", &r.of_net},
        {"truncation", OPTION_INT, &r.truncation, 1, MODEL_FIT_TRUNCATION_MAX, "N",
         "trials through which gradients flow (10000; open loop 500)", &r.of_net},
        {"batch", OPTION_INT, &r.batch, 0, SUBJECTS_MAX, "N",
         "animals a step; 0: all of them (3 for nets in the filter, else 0)", &r.of_net},
        {"epochs", OPTION_INT, &r.epochs, 0, 10000000, "N",
         "passes over all animals (nets 100, other rules 150; open loop 1000)", &r.of_net},
        {"rate", OPTION_REAL, &r.rate, 1e-9, 1.0, "X",
         "Adam's at first (nets 0.003, other rules 0.006; open loop 0.001)", &r.of_net},
        {"filter-rate", OPTION_REAL, &r.filter_rate, 1e-3, 1e4, "X",
         "of noise, prior and classic rules, in multiples of that (10)", &r.of_net},
        {"schedule", OPTION_TEXT, &r.schedule, 0, 0, "step|cosine",
         "of the rate: times 0.999 every 5 steps (open loop), or down to 0 at the\n"
         "last (in the filter)",
         &r.of_net},
        {"mirror", OPTION_TEXT, &r.mirror, 0, 0, "on|off",
         "learn from each animal's mirror image too, left and right exchanged (on; open\n"
         "loop off)",
         &r.of_net},
        {"weight-decay", OPTION_REAL, &r.weight_decay, 0, 100, "X",
         "of the nets' matrices (3; open loop 0)", &r.of_net},
        {"clip", OPTION_REAL, &r.clip, 1e-12, 1e12, "X",
         "longest gradient taken as it is (no bound)", &r.of_net},
        {"hold-out", OPTION_INT, &r.held_out, 0, SUBJECTS_MAX, "N",
         "animals kept apart to stop early (0)", &r.of_net},
        {"patience", OPTION_INT, &r.patience, 1, 10000000, "N",
         "epochs without a better score of theirs (20)", &r.of_net},
        {"seed", OPTION_INT, &r.seed, 0, (double)INT32_MAX, "N",
         "of initial weights, batches, folds and animals held out (0)", &r.of_net},
        {"seeds", OPTION_INT, &r.seeds, 1, MODEL_BANK_MAX, "N",
         "an ensemble: each net from so many seeds, mixed as a bank (1)", NULL},
        {"share", OPTION_REAL, &r.share, 0, MODEL_BANK_SHARE_MAX, "X",
         "of a bank's weights that each choice gives back to the prior (0.001)", NULL},
        {"temper", OPTION_REAL, &r.temper, MODEL_BANK_TEMPER_MIN, MODEL_BANK_TEMPER_MAX, "X",
         "power of the likelihoods by which a bank is weighed (1)", NULL},
        {"cv", OPTION_INT, &r.folds, 0, SUBJECTS_MAX, "K",
         "cross-validation by animal in K folds, against chance, a static\n"
         "psychometric curve, a random walk and each classic rule",
         NULL},
        {"table", OPTION_TEXT, &r.table, 0, 0, "STEM",
         "its tables: STEM.cv.csv, .cv.json and .cv.svg (-o's path)", NULL},
        {"json", OPTION_FLAG, &r.json, 0, 0, NULL, "prints it for programs", NULL},
        {"threads", OPTION_INT, &r.threads, 1, TEAM_THREADS_MAX, "N",
         "at work (all processors); the result does not depend on it", NULL},
        {"losses", OPTION_TEXT, &r.losses, 0, 0, "FILE.csv", "the loss of each epoch's passes",
         &r.of_net},
        TABLE_STRICT_OPTION(&r.is_strict),
        {"resume", OPTION_FLAG, &r.resume, 0, 0, NULL, "go on where Ctrl-C or a crash ended a fit",
         NULL},
    };
    struct options options = {
        .usage = "fit DATA.csv [-o M.safetensors] [options]",
        .about = "Trains a learning rule, or a bank of them, on all animals of a table. Ctrl-C\n"
                 "leaves M.safetensors.fit, from which --resume goes on to the same result as\n"
                 "without the interrupt; a single fit also writes the model so far. DATA.csv\n"
                 "\"-\" is standard input. Many fits are spread over threads and, if built with\n"
                 "MPI, over ranks. -o may be left out with --cv. docs/fit.md is the guide.",
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
    return fit(&r, &fault);
}
