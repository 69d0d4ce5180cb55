/* fit_request.h - what `murid fit` is asked for, and whether that goes together.
 *
 * Threads: one owner. Memory: texts are the caller's.
 */
#pragma once

#include "fit_recipe.h"
#include "options.h"

enum { FIT_REQUEST_PATH_MAX = 4096 };

extern const char FIT_REQUEST_BANK[]; /* the rule that stands for the standard bank */

/* A negative number was not given. */
struct fit_request {
    const char *data;
    const char *out;
    struct option_word rule;
    struct option_word policy;
    struct option_word filter;
    struct option_word preset;
    struct option_word schedule;
    struct option_word mirror;
    struct option_reals start;
    struct option_reals start_sd;
    const struct output_guard *guard;
    const char *losses;
    const char *csv;
    const char *plot;
    int64_t hidden;
    int64_t layers;
    int64_t truncation;
    int64_t epochs;
    int64_t batch;
    int64_t held_out;
    int64_t patience;
    int64_t seed;
    int64_t seeds;
    int64_t bootstrap; /* 0: none */
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
    struct trial_table_options table;
};

/* Makes the recipe; FAULT_INPUT where options have no effect or do not go together. state: the path
 * where the work is kept until it is whole, a file of one fit, a directory of many. */
int fit_request_read(const struct fit_request *r, struct fit_recipe *recipe,
                     char state[FIT_REQUEST_PATH_MAX], struct fault *fault);

/* Fits of each member to all animals. */
uint32_t fit_request_copies(const struct fit_request *r);

/* Whether that takes several fits. */
bool fit_request_is_many(const struct fit_request *r, const struct fit_recipe *recipe);
