#include "fit_many.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

enum { DIGEST_HEX = 32 };

static bool tell_task(void *context, double done)
{
    return job_scheduler_report(context, done);
}

static int fit_member(void *context, size_t member, uint64_t seed, const uint32_t subjects[],
                      uint32_t n, struct job_scheduler_task *task, struct model_file *out,
                      struct fault *fault)
{
    const struct fit_many *f = context;
    struct fitter_options options = f->recipe->options[member];
    struct fitter_result result = {0};
    const struct fitter_run run = {
        .state_path = task->state_path, .resume = true, .tell = tell_task, .context = task};
    options.seed = seed;
    const int rc = fitter_fit(&options, f->training, subjects, n, &run, out, &result, fault);
    if (rc == FAULT_NONE && !result.is_whole) {
        model_file_free(out);
        return JOB_SCHEDULER_STOPPED;
    }
    return rc;
}

static int join(void *context, const struct model_file models[], size_t n, struct model_file *out,
                struct fault *fault)
{
    const struct fit_many *f = context;
    const char *places[MODEL_BANK_MAX];
    assert(n <= MODEL_BANK_MAX); /* check_bank() */
    for (size_t i = 0; i < n; i++) {
        places[i] = models[i].about.note;
    }
    const int rc =
        model_file_join(models, places, n, f->request->share, f->request->temper, NULL, out, fault);
    if (rc == FAULT_NONE) {
        (void)snprintf(out->about.data_sha256, sizeof out->about.data_sha256, "%s",
                       f->training->sha256);
        (void)snprintf(out->about.made_by, sizeof out->about.made_by, "murid %s fit",
                       MURID_VERSION);
        (void)snprintf(out->about.seed, sizeof out->about.seed, "%" PRId64, f->request->seed);
    }
    return rc;
}

/* A digest of every member's options, and the data's. */
static void write_key(const struct fit_many *f, char *out, size_t cap)
{
    unsigned char digest[DIGEST_HEX / 2];
    char hex[DIGEST_HEX + 1];
    crypto_generichash_state state;
    (void)crypto_generichash_init(&state, NULL, 0, sizeof digest);
    for (size_t i = 0; i < f->recipe->n; i++) {
        char words[FITTER_WORDS_BYTES] = "";
        char epochs[32];
        (void)fitter_options_print(&f->recipe->options[i], words);
        (void)snprintf(epochs, sizeof epochs, "%" PRIu64, f->recipe->options[i].epochs);
        (void)crypto_generichash_update(&state, (const unsigned char *)words, sizeof words);
        (void)crypto_generichash_update(&state, (const unsigned char *)epochs, strlen(epochs));
    }
    (void)crypto_generichash_final(&state, digest, sizeof digest);
    (void)sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
    (void)snprintf(out, cap, "rule %s, options %s, data %s", f->request->rule.chosen, hex,
                   f->training->fingerprint);
}

static void put_csv(FILE *to, const void *comparison)
{
    comparison_csv(to, comparison);
}

static void put_plot(FILE *to, const void *comparison)
{
    comparison_svg(to, comparison);
}

static int compare(struct fit_many *f, const struct crossval *cv, struct fault *fault)
{
    const struct fit_request *r = f->request;
    int rc = crossval_score(cv, &f->comparison, fault);
    rc = rc ? rc : output_file_write(r->guard, r->csv, put_csv, &f->comparison, fault);
    return rc ? rc : output_file_write(r->guard, r->plot, put_plot, &f->comparison, fault);
}

static int write_bank(struct fit_many *f, const struct crossval *cv, struct fault *fault)
{
    struct model_file model = {0};
    int rc = crossval_bank(cv, cv->n_sets - 1, &model, fault);
    rc = rc ? rc : model_file_save(&model, f->request->guard, f->request->out, fault);
    f->n_members = model.bank.n;
    strcpy(f->hash, model.hash);
    model_file_free(&model);
    return rc;
}

/* The folds leave fewer animals to hold out from than there are. */
static int check_folds(const struct fit_many *f, struct fault *fault)
{
    const struct fit_request *r = f->request;
    if (r->folds == 0 || r->held_out <= 0 || f->training->n < r->folds) {
        return FAULT_NONE; /* or told where the folds are dealt */
    }
    const int64_t least = f->training->n - (f->training->n + r->folds - 1) / r->folds;
    return r->held_out < least
               ? FAULT_NONE
               : fault_set(fault, FAULT_INPUT,
                           "--hold-out: %" PRId64 " animals held out of %" PRId64
                           " that a fold leaves; at least one to learn from was expected",
                           r->held_out, least);
}

static int finish(struct fit_many *f, const struct crossval *cv, struct fault *fault)
{
    int rc = f->request->folds > 0 ? compare(f, cv, fault) : FAULT_NONE;
    rc = rc == FAULT_NONE && f->request->out != NULL ? write_bank(f, cv, fault) : rc;
    if (rc == FAULT_NONE && f->state != NULL) {
        job_store_remove(f->state);
    }
    return rc;
}

int fit_many(struct fit_many *f, struct fault *fault)
{
    const struct fit_request *r = f->request;
    char key[JOB_STORE_KEY_MAX / 2];
    struct crossval cv = {0};
    write_key(f, key, sizeof key);
    const struct crossval_options options = {.training = f->training,
                                             .members = f->recipe->member,
                                             .n_members = f->recipe->n,
                                             .n_folds = (uint32_t)r->folds,
                                             .with_all = r->out != NULL,
                                             .seed = (uint64_t)r->seed,
                                             .n_seeds = fit_request_copies(r),
                                             .policy = f->recipe->options[0].policy,
                                             .fit = fit_member,
                                             .join = join,
                                             .context = f,
                                             .directory = f->state,
                                             .key = key,
                                             .resume = r->resume,
                                             .n_threads = f->n_threads};
    int rc = ranks_agree(f->ranks, check_folds(f, fault), fault);
    rc = rc ? rc : crossval_open(&cv, &options, fault);
    rc = rc ? rc : crossval_run(&cv, f->ranks, fault);
    if (rc == FAULT_NONE && f->ranks->rank == 0) {
        rc = finish(f, &cv, fault);
    }
    rc = ranks_agree(f->ranks, rc, fault);
    crossval_close(&cv);
    return rc;
}

void fit_many_close(struct fit_many *f)
{
    comparison_close(&f->comparison);
}
