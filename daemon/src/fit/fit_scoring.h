/* fit_scoring.h - a rule without a net, its noise and its prior, fitted in the filter to the
 * animals of a table by Fisher scoring (model/scoring.h).
 *
 * Animals are divided into shards by their number alone, and sums are made in their order: the same
 * bits on any number of threads. Threads: the caller's pool. Memory: the heap, freed by close.
 */
#pragma once

#include "model/scoring.h"
#include "thread_pool.h"
#include "training_set.h"

struct fit_scoring {
    const struct training_set_view *view;
    struct thread_pool *team;                 /* NULL: this thread alone */
    bool (*tell)(void *context, double done); /* as in struct fitter_run */
    void *context;
    model_params params; /* of the evaluation at hand: rule and policy */
    uint32_t n_shards;
    struct fit_scoring_shard *shards;
    bool is_stopped;
    uint32_t n_passes;
    uint32_t n_expected; /* passes, for the progress that is told */
};

/* view must outlive *f. FAULT_NONE, or FAULT_WORK with *f closed. */
int fit_scoring_open(struct fit_scoring *f, const struct training_set_view *view,
                     struct thread_pool *team, bool (*tell)(void *context, double done),
                     void *context, struct fault *fault);

/* A zeroed one is fine. */
void fit_scoring_close(struct fit_scoring *f);

/* From *params uphill until no step is worth it; *params becomes the end, *out says what is known
 * there. FAULT_NONE, also when told to stop (f->is_stopped), or FAULT_WORK: not finite at the
 * start. */
int fit_scoring_climb(struct fit_scoring *f, model_params *params,
                      const model_scoring_config *config, model_scoring *out, struct fault *fault);

/* By how much the animals' scores vary more together, trial by trial, than the information says: 1
 * for animals whose choices are independent, more where they share random draws. The mean over the
 * parameters, at *params. NaN when stopped. */
double fit_scoring_shared(struct fit_scoring *f, const model_params *params);
