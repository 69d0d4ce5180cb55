#include "fit_single.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "progress.h"

enum { PROGRESS_STEPS = 10000 };

static bool tell(void *context, double done)
{
    progress_update(context, (int64_t)(done * PROGRESS_STEPS));
    return !progress_interrupted();
}

static int open_losses(const struct fit_request *r, bool has_judge, FILE **out, struct fault *fault)
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

static int check_state(bool resume, const char *state, struct fault *fault)
{
    const bool is_there = access(state, F_OK) == 0;
    if (!resume && is_there) {
        return fault_set(
            fault, FAULT_INPUT,
            "%s: of an interrupted fit; --resume continues it, removing it starts over", state);
    }
    if (resume && !is_there) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: no such file; the state of an interrupted fit was expected", state);
    }
    return FAULT_NONE;
}

int fit_single(const struct fit_request *r, const struct fitter_options *options,
               const struct training_set *training, const char *state, size_t n_threads,
               struct fitter_result *result, char hash[MODEL_FILE_HASH_MAX + 1],
               struct fault *fault)
{
    const bool by_gradient = model_rule_of(options->rule)->has_net;
    struct thread_pool team = {0};
    struct progress progress;
    struct model_file model = {0};
    struct fitter_run run = {.team = &team,
                             .state_path = by_gradient ? state : NULL,
                             .resume = r->resume,
                             .tell = tell,
                             .context = &progress};
    int rc = check_state(r->resume, state, fault);
    rc = rc ? rc : thread_pool_open(&team, n_threads, fault);
    rc = rc ? rc : open_losses(r, options->held_out > 0, &run.losses, fault);
    if (rc == FAULT_NONE) {
        progress_start(&progress, "fit", PROGRESS_STEPS);
        rc = fitter_fit(options, training, NULL, 0, &run, &model, result, fault);
        progress_finish(&progress);
    }
    if (rc == FAULT_NONE && !result->has_model) {
        rc = fault_set(fault, FAULT_WORK, "interrupted; nothing was written");
    }
    rc = rc ? rc : model_file_save(&model, r->guard, r->out, fault);
    if (rc == FAULT_NONE) {
        strcpy(hash, model.hash);
        if (result->is_whole) {
            (void)unlink(state);
        }
    }
    if (run.losses != NULL) {
        (void)fclose(run.losses);
    }
    thread_pool_close(&team);
    model_file_free(&model);
    return rc;
}
