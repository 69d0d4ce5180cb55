/* fit_record.h - what a fit leaves of its animals beside the parameters: the range that the rule
 * was fitted on, weights that the animals had, what their table had, draws of the posterior.
 *
 * Maths: docs/model.md, sections guard, posterior and rule_probe. Threads: any, on different
 * models. Memory: the model's.
 */
#pragma once

#include "fit_basis.h"
#include "model_file.h"
#include "training_set.h"

/* Adds it to a model of one member, fitted to n animals given by their numbers (NULL: to all).
 * Nothing of rule none. seed: of the trials before which weights are taken. is_resampled: the
 * animals were drawn with replacement. basis: of rule basis fitted in the filter; otherwise its
 * draws are NULL. FAULT_NONE or FAULT_WORK. */
int fit_record_take(const struct training_set *training, const uint32_t subjects[], uint32_t n,
                    uint64_t seed, bool is_resampled, const struct fit_basis_result *basis,
                    struct model_file *model, struct fault *fault);
