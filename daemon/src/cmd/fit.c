#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "fit_many.h"
#include "fit_single.h"
#include "model/fit.h"
#include "progress.h"
#include "thread_pool.h"
#include "training_gaps.h"
#include "vocabulary.h"

struct fit {
    const struct fit_request *request;
    struct fit_recipe recipe;
    struct training_set training;
    struct ranks ranks;
    char state[FIT_REQUEST_PATH_MAX];
};

/* Of what a statement on the rule would take. */
static void warn_of_gaps(const struct training_set *training)
{
    struct training_gaps gaps;
    char gap[TRAINING_GAPS_TEXT_MAX];
    training_gaps_find(&gaps, training);
    for (int i = 0; i < TRAINING_GAPS; i++) {
        if (gaps.is_there[i]) {
            fprintf(stderr, "murid: warning: %s\n",
                    training_gaps_print(&gaps, (enum training_gap)i, gap));
        }
    }
}

static void warn_of_data(const struct fit *f)
{
    bool has_net = false;
    bool has_terms = false;
    for (size_t i = 0; i < f->recipe.n; i++) {
        has_net = has_net || model_rule_of(f->recipe.options[i].rule)->has_net;
        has_terms = has_terms || model_rule_of(f->recipe.options[i].rule)->has_terms;
    }
    if (has_terms) {
        warn_of_gaps(&f->training);
    }
    if (has_net && f->training.n_choices < 1000) {
        fprintf(stderr, "murid: warning: only %zu trials; a net memorises them\n",
                f->training.n_choices);
    }
}

static int report_single(const struct fit *f, const struct fitter_result *result, const char *hash,
                         struct fault *fault)
{
    const struct fitter_options *o = &f->recipe.options[0];
    printf("rule %s, %s, %zu trials of %u animals", model_rule_name(o->rule),
           o->in_filter ? "in the filter" : "open loop", result->n_trials,
           (unsigned)result->n_animals);
    if (result->epochs > 0) {
        printf(", %" PRIu64 " epochs", result->epochs);
    }
    printf(": %.4f nats/trial", result->loss);
    if (!isnan(result->held_out_loss)) {
        printf(" (%u animals held out: %.4f)", (unsigned)o->held_out, result->held_out_loss);
    }
    printf("\n%s %s\n", hash, f->request->out);
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
                                        " epochs; the same command with --resume continues",
                                        result->epochs, o->epochs);
}

static int make_single(struct fit *f, struct fault *fault)
{
    struct fitter_result result = {0};
    char hash[MODEL_FILE_HASH_MAX + 1];
    const int rc = fit_single(f->request, &f->recipe.options[0], &f->training, f->state,
                              thread_pool_count(f->request->threads, JOB_SCHEDULER_THREADS_MAX),
                              &result, hash, fault);
    return rc ? rc : report_single(f, &result, hash, fault);
}

static int make_many(struct fit *f, struct fault *fault)
{
    const struct fit_request *r = f->request;
    struct fit_many many = {.request = r,
                            .recipe = &f->recipe,
                            .training = &f->training,
                            .ranks = &f->ranks,
                            .state = f->state,
                            .n_threads = thread_pool_count(r->threads, JOB_SCHEDULER_THREADS_MAX)};
    const int rc = fit_many(&many, fault);
    if (rc == FAULT_NONE && f->ranks.rank == 0 && r->folds > 0) {
        (r->json ? comparison_json : comparison_text)(stdout, &many.comparison);
    }
    if (rc == FAULT_NONE && many.n_members > 0 && !r->json) {
        printf("%" PRIu32 " %s, %zu trials of %" PRIu32 " animals\n%s %s\n", many.n_members,
               many.n_members == 1 ? "model" : "members", f->training.n_choices, f->training.n,
               many.hash, r->out);
    }
    fit_many_close(&many);
    return rc;
}

static int load(struct fit *f, struct fault *fault)
{
    const char *path = f->request->data;
    const struct trial_table_how how = trial_table_how(&f->request->table);
    if (f->ranks.n > 1 && strcmp(path, "-") == 0) {
        return fault_set(
            fault, FAULT_INPUT,
            "standard input reaches one of %d ranks; a file that all of them see was expected",
            f->ranks.n);
    }
    const bool is_first = f->ranks.rank == 0; /* the others read the same, and say nothing */
    const int rc =
        training_set_load(&f->training, path, is_first ? how : trial_table_quietly(how), fault);
    return ranks_agree(&f->ranks, rc, fault);
}

static int work(struct fit *f, struct fault *fault)
{
    const struct fit_request *r = f->request;
    int rc = fit_request_read(r, &f->recipe, f->state, fault);
    rc = rc ? rc : load(f, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (f->ranks.rank == 0) {
        warn_of_data(f);
    }
    return fit_request_is_many(r, &f->recipe)
               ? make_many(f, fault)
               : ranks_agree(&f->ranks, f->ranks.rank == 0 ? make_single(f, fault) : FAULT_NONE,
                             fault);
}

/* rc: of what was read of the command line, FAULT_NONE or with *fault. */
static int run(const struct fit_request *r, int rc, struct fault *fault)
{
    struct fault why;
    struct fit *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory");
    }
    f->request = r;
    const int opened = ranks_open(&f->ranks, &why);
    if (opened != FAULT_NONE) {
        rc = opened;
        *fault = why;
    }
    rc = rc ? rc : work(f, fault);
    /* Before the others may leave: a launcher ends all when one has failed. */
    if (f->ranks.rank == 0) {
        (void)fault_report(fault, rc);
    }
    (void)fflush(stdout);
    ranks_close(&f->ranks);
    training_set_free(&f->training);
    free(f);
    return rc;
}

enum { OPTIONS = 40, USUALS = 16, USUAL_MAX = 2 * MODEL_POLICY_TEXT_MAX + 64 };

/* Help texts with the defaults that fitter_options_init() sets. */
struct usual {
    struct fitter_options net, open_loop;
    char text[USUALS][USUAL_MAX];
    size_t n;
};

static void usual_init(struct usual *u)
{
    u->n = 0;
    fitter_options_init(&u->net, MODEL_RULE_RNN, true);
    fitter_options_init(&u->open_loop, MODEL_RULE_RNN, false);
}

static char *next_text(struct usual *u)
{
    assert(u->n < USUALS);
    return u->text[u->n++];
}

/* "units a layer (default 24; open loop 32)" */
static const char *usual_words(struct usual *u, const char *help, const char *net,
                               const char *open_loop)
{
    char *out = next_text(u);
    if (strcmp(net, open_loop) != 0) {
        (void)snprintf(out, USUAL_MAX, "%s (default %s; open loop %s)", help, net, open_loop);
    } else {
        (void)snprintf(out, USUAL_MAX, "%s (default %s)", help, net);
    }
    return out;
}

static const char *usual_number(struct usual *u, const char *help, double net, double open_loop)
{
    char text[2][32];
    const double values[] = {net, open_loop};
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(text[i], sizeof text[i], isinf(values[i]) ? "no bound" : "%.10g", values[i]);
    }
    return usual_words(u, help, text[0], text[1]);
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

/* Defaults of a member of struct fitter_options. */
#define USUAL(u, help, member)                                                                     \
    usual_number(u, help, (double)(u)->net.member, (double)(u)->open_loop.member)

static size_t list_model(struct fit_request *r, struct usual *u, struct option list[])
{
    const struct option rows[] = {
        {"o", OPTION_OUT, &r->out, 0, 0, "M.safetensors", "the model file to write", NULL},
        {"rule", OPTION_WORD, &r->rule, 0, 0, "RULE",
         "the rule; bank is the standard bank of several", NULL},
        {"filter", OPTION_WORD, &r->filter, 0, 0, "ekf|moments|none",
         "ekf, moments: in the filter that will run it, with noise and prior (default moments, of "
         "a net or a bank ekf); none: open loop, the rule alone predicts, from weights of 0",
         NULL},
        {"preset", OPTION_WORD, &r->preset, 0, 0, "NAME",
         "as arXiv:2509.04661: --filter none with its defaults", NULL},
        {"policy", OPTION_WORDS, &r->policy, 0, 0, "FEATURES", usual_policy(u), NULL},
        {"start", OPTION_REALS, &r->start, -100, 100, "W",
         "of a rule without a net: state the mean of the animals' first weights, one for all or "
         "one for each (default fitted)",
         NULL},
        {"start-sd", OPTION_REALS, &r->start_sd, 0, 100, "SD", "the same of their sd over animals",
         NULL},
        {"hidden", OPTION_INT, &r->hidden, 1, MODEL_HIDDEN_MAX, "N",
         USUAL(u, "units a layer", hidden), &r->of_net},
        {"layers", OPTION_INT, &r->layers, 1, MODEL_LAYERS_MAX, "N",
         USUAL(u, "hidden layers", layers), &r->of_net},
    };
    memcpy(list, rows, sizeof rows);
    return sizeof rows / sizeof rows[0];
}

static size_t list_training(struct fit_request *r, struct usual *u, struct option list[])
{
    const struct option rows[] = {
        {"truncation", OPTION_INT, &r->truncation, 1, MODEL_FIT_TRUNCATION_MAX, "N",
         USUAL(u, "trials through which gradients flow", truncation), &r->of_gradient},
        {"batch", OPTION_INT, &r->batch, 0, SUBJECT_NAMES_MAX, "N",
         USUAL(u, "animals a step; 0: all of them", batch), &r->of_gradient},
        {"epochs", OPTION_INT, &r->epochs, 0, 10000000, "N",
         USUAL(u, "passes over all animals", epochs), &r->of_gradient},
        {"rate", OPTION_REAL, &r->rate, 1e-9, 1.0, "X", USUAL(u, "Adam's at first", rate),
         &r->of_gradient},
        {"filter-rate", OPTION_REAL, &r->filter_rate, 1e-3, 1e4, "X",
         usual_number(u, "of noise and prior, in multiples of that", u->net.filter_rate,
                      u->net.filter_rate),
         &r->of_gradient},
        {"schedule", OPTION_WORD, &r->schedule, 0, 0, "step|cosine",
         usual_words(u, "of the rate: times 0.999 every 5 steps, or down to 0 at the last",
                     u->net.is_cosine ? "cosine" : "step",
                     u->open_loop.is_cosine ? "cosine" : "step"),
         &r->of_gradient},
        {"mirror", OPTION_WORD, &r->mirror, 0, 0, "on|off",
         usual_words(u, "learn from each animal's mirror image too, left and right exchanged",
                     u->net.with_mirrors ? "on" : "off", u->open_loop.with_mirrors ? "on" : "off"),
         NULL},
        {"weight-decay", OPTION_REAL, &r->weight_decay, 0, 100, "X",
         USUAL(u, "of the nets' matrices", weight_decay), &r->of_net},
        {"clip", OPTION_REAL, &r->clip, 1e-12, 1e12, "X",
         USUAL(u, "longest gradient taken as it is", clip), &r->of_gradient},
        {"hold-out", OPTION_INT, &r->held_out, 0, SUBJECT_NAMES_MAX, "N",
         "animals kept apart to stop early (default none)", &r->of_gradient},
        {"patience", OPTION_INT, &r->patience, 1, 10000000, "N",
         USUAL(u, "epochs without a better score of theirs", patience), &r->of_gradient},
        {"seed", OPTION_INT, &r->seed, 0, (double)INT32_MAX, "N",
         "seed of initial weights, batches, folds, animals held out or drawn", NULL},
    };
    memcpy(list, rows, sizeof rows);
    return sizeof rows / sizeof rows[0];
}

static size_t list_work(struct fit_request *r, struct option list[])
{
    const struct option rows[] = {
        {"seeds", OPTION_INT, &r->seeds, 1, MODEL_BANK_MAX, "N",
         "an ensemble: each net from so many seeds, mixed as a bank", NULL},
        {"bootstrap", OPTION_INT, &r->bootstrap, 2, MODEL_BANK_MAX, "N",
         "an ensemble: each model fitted N times, to animals drawn with replacement by seeds S, "
         "S+1, ..., mixed as a bank",
         NULL},
        {"share", OPTION_REAL, &r->share, 0, MODEL_BANK_SHARE_MAX, "X",
         "fraction of a bank's weights that each choice returns to the prior", NULL},
        {"temper", OPTION_REAL, &r->temper, MODEL_BANK_TEMPER_MIN, MODEL_BANK_TEMPER_MAX, "X",
         "power of the likelihoods that weight a bank", NULL},
        {"cv", OPTION_INT, &r->folds, 2, SUBJECT_NAMES_MAX, "K",
         "cross-validation by animal in K folds, against chance, a static psychometric curve, a "
         "random walk and each classic rule",
         NULL},
        {"csv", OPTION_OUT, &r->csv, 0, 0, "FILE.csv", "cross-validation: write its table", NULL},
        COMMAND_PLOT(&r->plot),
        COMMAND_JSON(&r->json),
        {"threads", OPTION_INT, &r->threads, 1, THREAD_POOL_THREADS_MAX, "N",
         "threads (default one a processor); the result does not depend on it", NULL},
        {"losses", OPTION_OUT, &r->losses, 0, 0, "FILE.csv", "the loss of each epoch's passes",
         &r->of_gradient},
        TRIAL_TABLE_OPTIONS(r->table),
        {"resume", OPTION_FLAG, &r->resume, 0, 0, NULL, "go on where Ctrl-C or a crash ended a fit",
         NULL},
    };
    memcpy(list, rows, sizeof rows);
    return sizeof rows / sizeof rows[0];
}

/* A negative number: not given. */
static void init(struct fit_request *r)
{
    *r = (struct fit_request){.rule = vocabulary_with(vocabulary_rules(), FIT_REQUEST_BANK, "rnn"),
                              .policy = vocabulary_features(),
                              .filter = vocabulary_with(vocabulary_filters(), "none", NULL),
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
}

int cmd_fit(int argc, char **argv)
{
    struct usual usual;
    struct fit_request r;
    struct option list[OPTIONS];
    usual_init(&usual);
    init(&r);
    size_t n = list_model(&r, &usual, list);
    n += list_training(&r, &usual, list + n);
    n += list_work(&r, list + n);
    static const struct option_rule rules[] = {{"csv|plot|json", OPTION_NEEDS, "cv"},
                                               {"patience", OPTION_NEEDS, "hold-out"},
                                               {"preset", OPTION_EXCLUDES, "filter"},
                                               {"bootstrap", OPTION_EXCLUDES, "seeds|hold-out"},
                                               {"losses", OPTION_EXCLUDES, "cv"}};
    struct options options = {
        .usage = "fit DATA [-o M.safetensors] [options]",
        .about = "Trains a learning rule, or a bank of them, on all animals of a table. Ctrl-C "
                 "leaves M.safetensors.fit, from which --resume continues to the same result as "
                 "without the interrupt; a single fit also writes the model so far. DATA \"-\" "
                 "is standard input. Many fits are spread over threads and, if built with MPI, "
                 "over ranks. -o may be left out with --cv. docs/fit.md is the guide.",
        .list = list,
        .n = n,
        COMMAND_RULES(rules),
        .resumes = &r.resume,
        COMMAND_FILE(&r.data)};
    struct fault fault;
    int code = 0;
    options.fault = &fault; /* of several ranks one reports it */
    if (!options_read(&options, argc, argv, &code) && code == FAULT_NONE) {
        return FAULT_NONE;
    }
    r.guard = &options.guard;
    progress_catch_interrupts();
    return run(&r, code, &fault);
}
