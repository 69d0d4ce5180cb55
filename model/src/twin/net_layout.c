#include "model/net_layout.h"

#include <string.h>

#include "checks.h"

uint32_t model_net_hidden_max(bool is_recurrent)
{
    return is_recurrent ? MODEL_STATE_MAX : MODEL_HIDDEN_MAX;
}

bool model_net_shape_is_valid(const model_net_shape *shape)
{
    return shape->n_inputs >= 1 && shape->n_inputs <= MODEL_NET_INPUTS_MAX &&
           shape->n_hidden >= 1 && shape->n_hidden <= model_net_hidden_max(shape->is_recurrent) &&
           shape->n_layers >= 1 && shape->n_layers <= MODEL_LAYERS_MAX && shape->n_outputs >= 1 &&
           shape->n_outputs <= MODEL_NET_OUTPUTS_MAX;
}

uint32_t model_net_layer_inputs(const model_net_shape *shape, uint32_t i)
{
    return i == 0 && !shape->is_recurrent ? shape->n_inputs : shape->n_hidden;
}

uint32_t model_net_layer_outputs(const model_net_shape *shape, uint32_t i)
{
    return i == shape->n_layers ? shape->n_outputs : shape->n_hidden;
}

/* A tensor and how many floats it has. */
struct slot {
    const float **at;
    size_t n;
};

enum { SLOTS_MAX = 5 + 2 * (MODEL_LAYERS_MAX + 1) };

/* In PyTorch's order. Returns how many there are. */
static size_t list_slots(const model_net_shape *shape, model_net_tensors *t,
                         struct slot slots[SLOTS_MAX])
{
    const size_t gates = 3 * (size_t)shape->n_hidden;
    size_t n = 0;
    slots[n++] = (struct slot){&t->scale, shape->n_outputs};
    if (shape->is_recurrent) {
        slots[n++] = (struct slot){&t->gru_weight_ih, gates * shape->n_inputs};
        slots[n++] = (struct slot){&t->gru_weight_hh, gates * shape->n_hidden};
        slots[n++] = (struct slot){&t->gru_bias_ih, gates};
        slots[n++] = (struct slot){&t->gru_bias_hh, gates};
    }
    for (uint32_t i = 0; i <= shape->n_layers; i++) {
        const size_t n_out = model_net_layer_outputs(shape, i);
        slots[n++] = (struct slot){&t->weight[i], n_out * model_net_layer_inputs(shape, i)};
        slots[n++] = (struct slot){&t->bias[i], n_out};
    }
    return n;
}

/* Points the tensors into values and returns how many floats they are; values NULL only counts. */
static size_t place(const model_net_shape *shape, const float *values, model_net_tensors *out)
{
    struct slot slots[SLOTS_MAX];
    size_t used = 0;
    memset(out, 0, sizeof *out);
    const size_t n = list_slots(shape, out, slots);
    for (size_t i = 0; i < n; i++) {
        *slots[i].at = values != NULL ? values + used : NULL;
        used += slots[i].n;
    }
    return used;
}

size_t model_net_tensors_count(const model_net_shape *shape)
{
    model_net_tensors tensors;
    return model_net_shape_is_valid(shape) ? place(shape, NULL, &tensors) : 0;
}

void model_net_tensors_place(const model_net_shape *shape, const float values[],
                             model_net_tensors *out)
{
    (void)place(shape, values, out);
}

void model_net_tensors_copy(const model_net_shape *shape, const model_net_tensors *tensors,
                            float values[])
{
    struct slot slots[SLOTS_MAX];
    model_net_tensors from = *tensors;
    const size_t n = list_slots(shape, &from, slots);
    for (size_t i = 0; i < n; i++) {
        memcpy(values, *slots[i].at, slots[i].n * sizeof values[0]);
        values += slots[i].n;
    }
}

bool model_net_tensors_are_finite(const model_net_shape *shape, const model_net_tensors *tensors)
{
    struct slot slots[SLOTS_MAX];
    model_net_tensors from = *tensors;
    const size_t n = list_slots(shape, &from, slots);
    for (size_t i = 0; i < n; i++) {
        if (!all_finite(slots[i].n, *slots[i].at)) {
            return false;
        }
    }
    return true;
}
