/* fitter_options.h - what is fitted, and how: all that a fit's result depends on beside the data.
 *
 * Which values, and why: docs/model.md, section fit in the filter. Threads: any. Memory: none kept.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/member.h"

struct fitter_options {
    model_rule_kind rule;
    model_policy policy;
    bool in_filter;
    model_filter filter; /* which, if in one */
    uint32_t hidden;     /* of nets: units per layer */
    uint32_t layers;
    uint32_t truncation; /* trials per chunk */
    uint32_t batch;      /* animals a step; 0 all */
    uint32_t held_out;   /* animals kept apart to stop early, 0 none */
    uint32_t patience;   /* epochs without a better score of theirs */
    uint64_t epochs;
    double rate;
    double filter_rate; /* in multiples of rate */
    double weight_decay;
    double clip;
    bool is_start_stated; /* of a rule without a net: the prior is stated, and not fitted */
    bool is_start_sd_stated;
    double start[MODEL_WEIGHTS_MAX];
    double start_sd[MODEL_WEIGHTS_MAX];
    bool is_cosine;
    bool with_mirrors; /* each animal's mirror image is learned from too */
    uint64_t seed;
    bool is_resampled; /* the animals were drawn with replacement */
};

/* Open loop as in the papers; in the filter as was found to work best (docs/model.md, section fit
 * in the filter). */
void fitter_options_init(struct fitter_options *options, model_rule_kind rule, bool is_in_filter);

enum { FITTER_WORDS_BYTES = 512 };

/* All that the result depends on beside the data, in words. Returns out. */
const char *fitter_options_print(const struct fitter_options *options,
                                 char out[FITTER_WORDS_BYTES]);
