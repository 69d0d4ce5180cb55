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

/* Of fit_scoring_shared(): below, animals count as independent. */
#define FIT_SCORING_SHARED_OF_NOTE 1.5

/* The least variances of a fit, unless stated: of weights before the first trial, and of a trial's
 * drift (that of the built-in random walk). A twin must be able to follow an animal unlike those of
 * the fit: no weight is known for certain before the animal, and none stands still. And with none a
 * rule can follow choices so delicately that it fails at the first one that differs. */
#define FIT_SCORING_PRIOR_VAR_LEAST 1e-2
#define FIT_SCORING_DRIFT_VAR_LEAST 1e-6

/* What is fitted, and how it is run. */
struct fit_scoring_options {
    const struct training_set_view *view; /* must outlive the fit */
    uint32_t families;        /* of basis: bit k: those of rule k of model/rule_kind.h; 0: all */
    bool is_start_stated;     /* the prior's mean is stated, and not fitted */
    bool is_start_sd_stated;  /* so is its variance */
    uint64_t seed;            /* of draws from the posterior */
    struct thread_pool *team; /* NULL: this thread alone */
    bool (*tell)(void *context, double done); /* as in struct fitter_run */
    void *context;
};

struct fit_scoring {
    struct fit_scoring_options options;
    model_params params; /* of the evaluation at hand: rule and policy */
    uint32_t n_shards;
    struct fit_scoring_shard *shards;
    const bool *is_held; /* of the climb at hand */
    bool is_plain;       /* the evaluation is of the log likelihood alone */
    bool is_stopped;     /* told to */
    uint32_t n_passes;
    uint32_t n_expected; /* passes, for the progress that is told */
};

/* FAULT_NONE, or FAULT_WORK with *f closed. */
int fit_scoring_open(struct fit_scoring *f, const struct fit_scoring_options *options,
                     uint32_t n_expected, struct fault *fault);

/* A zeroed one is fine. */
void fit_scoring_close(struct fit_scoring *f);

/* The normal prior of a parameter that is no variance: so wide that a few hundred trials outweigh
 * it, it keeps finite what is not told of. */
void fit_scoring_wide_prior(model_parameter_kind kind, double *mean, double *sd);

/* Whether a parameter is stated rather than fitted. */
bool fit_scoring_is_stated(const struct fit_scoring_options *options, model_parameter_kind kind);

/* What a climb of *params goes by: bounds, wide priors, what is stated, the likelihood to the power
 * temper. */
void fit_scoring_configure(const struct fit_scoring_options *options, const model_params *params,
                           double temper, model_scoring_config *config);

/* From *params uphill until no step is worth it; *params becomes the end, *out says what is known
 * there. FAULT_NONE, also when told to stop (f->is_stopped), or FAULT_WORK: not finite at the
 * start. */
int fit_scoring_climb(struct fit_scoring *f, model_params *params,
                      const model_scoring_config *config, model_scoring *out, struct fault *fault);

/* The same, held against a climb from noise of 0, where the likelihood can have a second summit:
 * *params and *out are those of the higher one. *other is scratch. */
int fit_scoring_climb_twice(struct fit_scoring *f, model_params *params,
                            const model_scoring_config *config, model_scoring *out,
                            model_scoring *other, struct fault *fault);

/* The log likelihood at *params, all trials: nats; -infinity where it is not finite. */
double fit_scoring_log_likelihood(struct fit_scoring *f, const model_params *params);

/* By how much the animals' scores vary more together, trial by trial, than the information says: 1
 * for animals whose choices are independent, more where they share random draws. The mean over the
 * parameters, at *params. NaN without memory for it. */
double fit_scoring_shared(struct fit_scoring *f, const model_params *params);
