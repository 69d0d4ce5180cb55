/* model/net.h - the two nets that are learning rules: an MLP, and a GRU followed by an MLP.
 *
 * Maths, tensor shapes and packing: docs/model.md, section net. Weights are const after init and
 * apart from state, so that any number of animals share them; the state of a recurrent net is
 * h (n_hidden), zero at first. Single precision. The same inputs give the same bits on the same
 * machine.
 *
 * Threads: a net may be read by all. Memory: the caller supplies it once; no function allocates.
 * RT-safe: all but init.
 */
#pragma once

#include <stddef.h>

#include "model/error.h"
#include "model/net_layout.h"

typedef struct model_net model_net;

/* Bytes model_net_init() needs, a multiple of MODEL_NET_ALIGN; 0 if the shape is invalid. */
size_t model_net_size(const model_net_shape *shape);

/* Packs the tensors into mem (aligned to MODEL_NET_ALIGN; it must outlive *out; the tensors may go
 * afterwards). MODEL_OK, MODEL_ERR_ARG (shape, a value that is not finite) or MODEL_ERR_SPACE;
 * *out is set only on OK. */
int model_net_init(void *mem, size_t mem_size, const model_net_shape *shape,
                   const model_net_tensors *tensors, model_net **out);

/* The shape it was made with. */
const model_net_shape *model_net_shape_of(const model_net *net);

/* One step of one animal: out[n_outputs] = scale * MLP(GRU(in, h)), or scale * MLP(in). h
 * [n_hidden] is read and replaced; NULL without GRU. MODEL_OK, or MODEL_ERR_NUMERIC (an input or a
 * result is not finite) with h and out as they were. O(weights). */
int model_net_step(const model_net *net, const float in[], float h[], float out[]);
