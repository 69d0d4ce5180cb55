/* fit_classic.h - the rates and baselines of a classic rule, fitted open loop to the animals of a
 * table.
 *
 * Maths: docs/model.md, section fit. Threads: the caller's pool. Memory: the heap, temporarily.
 */
#pragma once

#include "model/member.h"
#include "thread_pool.h"
#include "training_set.h"

/* Fills in rate and baseline of params->rule, whose kind is set; *loss in nats/trial. The same on
 * any number of threads; team NULL: on this one. tell as in struct fitter_run; told to stop, *loss
 * is NaN and params are as they were. FAULT_NONE, or FAULT_WORK (no memory, no finite loss) with
 * params as they were. */
int fit_classic_fit(model_params *params, const struct training_set_view *view,
                    struct thread_pool *team, bool (*tell)(void *context, double done),
                    void *context, double *loss, struct fault *fault);
