/* model_options.h - a model described on the command line: the options that `murid model --new`,
 * `murid simulate`, `murid mouse` and `murid audit` share.
 *
 * Noise and start are given as standard deviations, one for all weights or one per weight, and
 * become the variances of model_noise. Threads: one owner. Memory: texts point into argv, and
 * rows of the option table into the struct.
 */
#pragma once

#include "model_file.h"
#include "options.h"

enum { MODEL_OPTIONS_OPTIONS = 11, MODEL_OPTIONS_HELP = 160 };

struct model_options {
    struct model_spec words;
    struct option_reals noise;
    struct option_reals session_noise;
    struct option_reals start;
    struct option_reals start_sd;
    const char *terms; /* NULL: not given */
    struct option_word rule;
    struct option_word features;
    char help[3][MODEL_OPTIONS_HELP]; /* of the options of noise, with what they are by default */
    bool given;                       /* any of the options was there */
    bool given_rate;
    bool given_baseline;
    bool given_decay;
    bool given_memory;
};

/* All defaults: the rule that is meant where none is named, its rate (NaN: the usual one), and the
 * features (NULL: the usual ones). */
void model_options_init(struct model_options *s, const char *rule, double rate,
                        const char *features);

/* Writes the rows of the option table that fill *s to list[MODEL_OPTIONS_OPTIONS]; returns
 * MODEL_OPTIONS_OPTIONS. */
size_t model_options_options(struct model_options *s, struct option list[]);

/* Builds the model that was stated. FAULT_NONE or FAULT_INPUT. */
int model_options_build(struct model_options *s, struct model_file *out, struct fault *fault);

/* Spreads the values of an option, one for all n weights or one for each, over out[n]; an option
 * that was not given changes nothing. FAULT_NONE or FAULT_INPUT. */
int model_options_spread(const char *name, const struct option_reals *from, size_t n, bool squared,
                         double out[], struct fault *fault);

/* Whether any of the options was there. */
bool model_options_is_given(const struct model_options *s);

/* What was given must have an effect: FAULT_NONE, or FAULT_INPUT where a parameter is not the
 * rule's, or where a model file is given too, for commands that take one instead; path NULL: none
 * was. */
int model_options_check(const struct model_options *s, const char *path, struct fault *fault);

/* Loads the file, or builds what was stated where there is none. FAULT_NONE, FAULT_INPUT or
 * FAULT_WORK. */
int model_options_load(struct model_options *s, const char *path, struct model_file *out,
                       struct fault *fault);
