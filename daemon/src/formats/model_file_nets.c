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

int model_file_nets_place(float **memory, const struct model_file_part parts[], size_t n,
                          const char *place, struct fault *fault)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++) {
        total += model_file_schema_values(&parts[i]);
    }
    *memory = calloc(total + 1, sizeof **memory);
    if (*memory == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: no memory for %zu weights", place, total);
    }
    float *at = *memory;
    for (size_t i = 0; i < n; i++) {
        *parts[i].slot = at;
        at += model_file_schema_values(&parts[i]);
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

/* The values of all parts, one behind the other. */
static void copy_parts(const struct model_file_part parts[], size_t n, float *to)
{
    for (size_t i = 0; i < n; i++) {
        memcpy(to, *parts[i].slot, model_file_schema_values(&parts[i]) * sizeof(float));
        to += model_file_schema_values(&parts[i]);
    }
}

int model_file_nets_copy_fit(const struct model_file_fit *fit, const model_params *params,
                             struct model_file_member *member, const char *place,
                             struct fault *fault)
{
    struct model_file_fit given = *fit;
    struct model_file_part from[MODEL_FILE_FIT_PARTS];
    struct model_file_part to[MODEL_FILE_FIT_PARTS];
    const size_t n = model_file_schema_fit(params, &given, from);
    size_t kept = 0;
    (void)model_file_schema_fit(params, &member->fit, to);
    for (size_t i = 0; i < n; i++) {
        if (*from[i].slot != NULL) {
            from[kept] = from[i];
            to[kept++] = to[i];
        }
    }
    const int rc = model_file_nets_place(&member->fit_values, to, kept, place, fault);
    if (rc == FAULT_NONE) {
        copy_parts(from, kept, member->fit_values);
    }
    return rc;
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
    const int rc = model_file_nets_place(&member->weights, to, n, place, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    copy_parts(from, n, member->weights);
    return model_file_nets_finish(member, rule, shape, place, fault);
}
