/* likelihood_kernel.h - the filter of one animal and its derivatives by all parameters, from its
 * first trial to its last.
 *
 * likelihood_kernel.c is compiled once a processor level. Threads: any. Memory: the stack, some 100
 * kB.
 */
#pragma once

#include "likelihood_places.h"

typedef struct {
    const char *name;
    bool (*add)(const model_params *params, const likelihood_places *places,
                const model_fit_animal *animal, model_likelihood *sums);
} likelihood_kernel;

/* Runs on every processor of the architecture; kernel_levels.h knows the others. */
extern const likelihood_kernel likelihood_kernel_base;

/* The kernels that this processor runs, best first; NULL past the last. */
const likelihood_kernel *likelihood_kernel_at(size_t i);
