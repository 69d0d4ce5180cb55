#include "model_file_nets.h"

#include <stdlib.h>
#include <string.h>

int model_file_nets_init(struct model_file *model, const char *place, struct fault *fault)
{
    model->members = calloc(model->bank.n, sizeof model->members[0]);
    return model->members != NULL ? FAULT_NONE
                                  : fault_set(fault, FAULT_WORK, "%s: no memory for %u models",
                                              place, (unsigned)model->bank.n);
}

static size_t part_values(const struct model_file_part *part)
{
    return (size_t)(part->n_dims == 2 ? part->dims[0] * part->dims[1] : part->dims[0]);
}

int model_file_nets_place(struct model_file_member *member, const struct model_file_part parts[],
                          size_t n, const char *place, struct fault *fault)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++) {
        total += part_values(&parts[i]);
    }
    member->weights = calloc(total, sizeof member->weights[0]);
    if (member->weights == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: no memory for %zu weights", place, total);
    }
    float *at = member->weights;
    for (size_t i = 0; i < n; i++) {
        *parts[i].slot = at;
        at += part_values(&parts[i]);
    }
    return FAULT_NONE;
}

int model_file_nets_finish(struct model_file_member *member, model_rule *rule,
                           const model_net_shape *shape, const char *place, struct fault *fault)
{
    const size_t size = model_net_size(shape);
    model_net *net = NULL;
    member->net = aligned_alloc(MODEL_NET_ALIGN, size);
    if (member->net == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: no memory for a net of %zu bytes", place, size);
    }
    if (model_net_init(member->net, size, shape, &member->tensors, &net) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT, "%s: a weight of the net is not finite", place);
    }
    rule->net = net;
    return FAULT_NONE;
}

int model_file_nets_copy(const model_net_tensors *tensors, const model_net_shape *shape,
                         struct model_file_member *member, model_rule *rule, const char *place,
                         struct fault *fault)
{
    model_net_tensors given = *tensors;
    struct model_file_part from[MODEL_FILE_NET_PARTS];
    struct model_file_part to[MODEL_FILE_NET_PARTS];
    (void)model_file_schema_net(shape, &given, from);
    const size_t n = model_file_schema_net(shape, &member->tensors, to);
    const int rc = model_file_nets_place(member, to, n, place, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    float *at = member->weights;
    for (size_t i = 0; i < n; i++) {
        memcpy(at, *from[i].slot, part_values(&from[i]) * sizeof(float));
        at += part_values(&from[i]);
    }
    return model_file_nets_finish(member, rule, shape, place, fault);
}
