/* task_simulation.h - virtual mice play a task whose correct side is that of the stimulus, at zero
 * contrast a coin's; their trials are written as a table.
 *
 * Threads: one owner. Memory: none kept.
 */
#pragma once

#include "model/member.h"
#include "options.h"
#include "progress.h"

struct task_simulation {
    const model_params *cohort; /* what the animals have in common */
    double rate_spread;         /* sd of the log of an animal's rates over the cohort's */
    struct option_reals stimuli;
    int64_t mice;
    int64_t sessions;
    int64_t trials;
    int64_t seed;
    const char *table; /* "-": standard output */
    const char *truth; /* the weights that choices were drawn with; NULL: not wanted */
    const struct output_guard *guard;
    int64_t n_trials; /* what came of it */
    int64_t n_correct;
};

int task_simulation_run(struct task_simulation *what, struct fault *fault);
