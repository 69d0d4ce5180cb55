/* crossval.h - models fitted to some animals and scored on the others, fold by fold.
 *
 * Animals are assigned to folds; for each fold every member is fitted to the animals of the other
 * folds, once per seed, and each animal of the fold is then predicted one step ahead, trial by
 * trial as it would be live (twin.h), by models that never saw it. All fits are jobs of
 * job_scheduler.h, over threads and ranks, stored and resumed; members may also be fitted to all
 * animals, for the final model. Scores go into a struct comparison: columns are the bank of all
 * members, each fit alone, the bank without each member, the references.
 *
 * The caller determines how a fit is made, and how a bank is joined.
 * Threads: one owner; fits and scores on those it is given. Memory: the heap; crossval_close().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "comparison.h"
#include "fault.h"
#include "job_scheduler.h"
#include "model/policy.h"
#include "model_file.h"
#include "ranks.h"
#include "training_set.h"

struct crossval_member {
    const char *name;  /* of its column */
    double cost;       /* of a fit to one trial, relative to other members */
    bool is_seeded;    /* it is fitted once for each seed; otherwise with the first alone */
    bool is_in_bank;   /* false: a reference, scored by itself */
    bool is_resampled; /* fitted to as many animals, drawn with replacement by the fit's seed */
};

/* Fits a member to n animals given by their numbers. Called by many threads at once. FAULT_NONE;
 * JOB_SCHEDULER_STOPPED (job_scheduler_report() said so, and the state is at task->state_path); or
 * what stops all. */
typedef int crossval_fit(void *context, size_t member, uint64_t seed, const uint32_t subjects[],
                         uint32_t n, struct job_scheduler_task *task, struct model_file *out,
                         struct fault *fault);

/* Makes a bank of n >= 2 models, and copies them. FAULT_NONE, or a failure with *out zeroed. */
typedef int crossval_join(void *context, const struct model_file models[], size_t n,
                          struct model_file *out, struct fault *fault);

struct crossval_options {
    const struct training_set *training;
    const struct crossval_member *members;
    size_t n_members;
    uint32_t n_folds;    /* 0: no cross-validation; or 2.. */
    bool with_all;       /* members are fitted to all animals too; always so without folds */
    uint64_t seed;       /* the first; of the folds and the bootstrap as well */
    uint32_t n_seeds;    /* 1.. */
    model_policy policy; /* of the static psychometric column */
    crossval_fit *fit;
    crossval_join *join; /* NULL: there is no bank */
    void *context;
    const char *directory; /* these four as in struct job_scheduler_options */
    const char *key;       /* what is fitted and to what; folds, seeds and members are added */
    bool resume;
    size_t n_threads;
};

struct crossval {
    const struct crossval_options *options; /* the caller's; must outlive this */
    uint32_t *fold;                         /* of each animal, from 0 */
    struct crossval_which {
        size_t member;
        uint64_t seed;
    } * fits; /* (n_fits) of each set of animals */
    size_t n_fits;
    uint32_t n_sets; /* set i < n_folds: all animals but fold i; then: all animals */
    struct job_scheduler_result *results; /* (n_sets, n_fits): model files */
};

/* Deals n animals to folds: numbers in the order of their names are shuffled by the seed (Fisher
 * and Yates, model/random.h), and the animal at place i goes to fold i modulo n_folds, so that
 * sizes differ by at most one, and rows may be in any order. FAULT_INPUT: fewer animals than folds.
 */
int crossval_deal(const struct training_set *training, uint32_t n_folds, uint64_t seed,
                  uint32_t fold[], struct fault *fault);

/* Lists the folds and the fits. FAULT_NONE; FAULT_INPUT (fewer animals than folds, a fold without
 * which there is no choice to learn from, too many fits) or FAULT_WORK with *cv zeroed. */
int crossval_open(struct crossval *cv, const struct crossval_options *options, struct fault *fault);

/* A zeroed one is fine. The directory is left. */
void crossval_close(struct crossval *cv);

/* Does all fits; collective. The same results and failures as job_scheduler_run(). */
int crossval_run(struct crossval *cv, const struct ranks *ranks, struct fault *fault);

/* A model that was fitted, the caller's to free. set: n_sets - 1 is that of all animals, where
 * there is one. FAULT_NONE, or a failure with *out zeroed. */
int crossval_model(const struct crossval *cv, uint32_t set, size_t fit, struct model_file *out,
                   struct fault *fault);

/* The bank of a set's fits, or the model where there is but one in it. */
int crossval_bank(const struct crossval *cv, uint32_t set, struct model_file *out,
                  struct fault *fault);

/* Scores every animal with the models of its fold, on n_threads threads of this rank; the same bits
 * on any number. The first column, which the others are set against, is the bank, or the first fit
 * where there is none. Ends with FAULT_WORK after an interrupt; the fits are kept in the directory.
 */
int crossval_score(const struct crossval *cv, struct comparison *out, struct fault *fault);
