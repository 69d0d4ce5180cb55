/* model_file_nets.h - the members of a model in memory: the weights of their nets, the nets made
 * from them, and what their fits said.
 *
 * Threads: one owner while they are made. Memory: the heap. The model owns its members, and each
 * member its weights and its net; everything made here, also by a call that fails half-way, is
 * freed by model_file_nets_free().
 */
#pragma once

#include "fault.h"
#include "model_file_schema.h"

/* A zeroed member for each of model->bank. place: what errors call the model, here and below.
 * FAULT_NONE or FAULT_WORK. */
int model_file_nets_init(struct model_file *model, const char *place, struct fault *fault);

/* Memory for tensors, the member's in *memory, and each tensor's place in it, in the order of
 * parts[n]. FAULT_NONE or FAULT_WORK. */
int model_file_nets_place(float **memory, const struct model_file_part parts[], size_t n,
                          const char *place, struct fault *fault);

/* Makes the net of the member's tensors and gives it to the rule. FAULT_NONE, FAULT_INPUT (a weight
 * is not finite) or FAULT_WORK. */
int model_file_nets_finish(struct model_file_member *member, model_rule *rule,
                           const model_net_shape *shape, const char *place, struct fault *fault);

/* Places a copy of what *fit has. params: the member's rule and policy. FAULT_NONE or FAULT_WORK.
 */
int model_file_nets_copy_fit(const struct model_file_fit *fit, const model_params *params,
                             struct model_file_member *member, const char *place,
                             struct fault *fault);

/* Places a copy of the tensors and makes the net of it. Fails as these two do. */
int model_file_nets_copy(const model_net_tensors *tensors, const model_net_shape *shape,
                         struct model_file_member *member, model_rule *rule, const char *place,
                         struct fault *fault);
