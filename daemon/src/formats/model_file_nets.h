/* model_file_nets.h - the members of a model in memory: the weights of their nets, and the nets
 * made from them.
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

/* Memory for a net's tensors, and each tensor's place in it, in the order of parts[n].
 * FAULT_NONE or FAULT_WORK. */
int model_file_nets_place(struct model_file_member *member, const struct model_file_part parts[],
                          size_t n, const char *place, struct fault *fault);

/* Makes the net of the member's tensors and gives it to the rule. FAULT_NONE, FAULT_INPUT (a weight
 * is not finite) or FAULT_WORK. */
int model_file_nets_finish(struct model_file_member *member, model_rule *rule,
                           const model_net_shape *shape, const char *place, struct fault *fault);

/* Places a copy of the tensors and makes the net of it. Fails as these two do. */
int model_file_nets_copy(const model_net_tensors *tensors, const model_net_shape *shape,
                         struct model_file_member *member, model_rule *rule, const char *place,
                         struct fault *fault);
