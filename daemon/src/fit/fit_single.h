/* fit_single.h - the work of a fit of one model.
 *
 * The threads share each pass out. It can be interrupted, and gone on with. Threads: one owner.
 * Memory: the caller's.
 */
#pragma once

#include "fit_request.h"

/* Fits and writes the model, its hash to hash. FAULT_NONE, also when interrupted with something to
 * go on with: result->is_whole tells. */
int fit_single(const struct fit_request *r, const struct fitter_options *options,
               const struct training_set *training, const char *state, size_t n_threads,
               struct fitter_result *result, char hash[MODEL_FILE_HASH_MAX + 1],
               struct fault *fault);
