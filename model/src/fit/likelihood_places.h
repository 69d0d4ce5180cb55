/* likelihood_places.h - where the parameters of each kind stand among all (model/likelihood.h).
 *
 * Threads: any. Memory: the caller's.
 */
#pragma once

#include "model/likelihood.h"

/* Number of the first parameter of a kind; m or more: there are none. */
typedef struct {
    size_t m; /* parameters */
    size_t first[MODEL_PARAMETERS];
    bool has_one_decay; /* for all weights */
} likelihood_places;

void likelihood_places_find(const model_params *params, likelihood_places *places);
