/* model_file.h - a model and its metadata: loaded from a safetensors file, built from command-line
 * options, or joined from other models to a bank.
 *
 * Tensors and metadata: docs/model.md, section model files. Files are not trusted: every fault is
 * reported in one line that names the file, the tensor or key, what was found and what was
 * expected. Threads: one owner while it is made; afterwards its bank may be read by all.
 * Memory: struct model_file owns what its bank points to; free it with model_file_free().
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "model_file_data.h"
#include "model_file_encode.h"
#include "output_file.h"

/* A model in a few words, for those without a file. NULL and NaN: the built-in default. */
struct model_spec {
    const char *features; /* comma-separated; NULL: the built-in list */
    const char *rule;     /* one without a net; NULL: none */
    double rate;          /* of every weight; NaN: MODEL_FILE_RATE */
    double baseline;      /* of every weight; NaN: 0 */
    double decay;         /* of every weight's trace; NaN: MODEL_FILE_DECAY */
    double memory;        /* of rewards, its decay; NaN: MODEL_FILE_MEMORY */
    double coefficient[MODEL_BASIS_TERMS][MODEL_WEIGHTS_MAX]; /* of basis: of each weight */
    double drift_var[MODEL_WEIGHTS_MAX];   /* of each weight; NaN: the built-in default */
    double session_var[MODEL_WEIGHTS_MAX]; /* of each weight; NaN: the built-in default */
};

#define MODEL_FILE_RATE   0.015625 /* 2^-6, the start that Ashwood et al. 2020 fit from */
#define MODEL_FILE_DECAY  0.9
#define MODEL_FILE_MEMORY 0.8

/* All defaults. */
void model_spec_init(struct model_spec *spec);

/* Loads a file. FAULT_NONE; FAULT_INPUT (what is in it is wrong) or FAULT_WORK (cannot be read, no
 * memory) with *out zeroed. */
int model_file_load(const char *path, struct model_file *out, struct fault *fault);

/* The same from bytes in memory, which may go afterwards. place: what errors call it. */
int model_file_parse(const char *place, const uint8_t *bytes, size_t size, struct model_file *out,
                     struct fault *fault);

/* Builds a model without nets. FAULT_NONE, FAULT_INPUT or FAULT_WORK. */
int model_file_build(const struct model_spec *spec, struct model_file *out, struct fault *fault);

/* Builds a model without nets around its parameters. FAULT_NONE, FAULT_INPUT (a value, or a rule
 * that needs a net) or FAULT_WORK. */
int model_file_build_params(const model_params *params, struct model_file *out,
                            struct fault *fault);

/* Builds a model around a net. params: policy and noise, and the kind of its rule; tensors are
 * copied. FAULT_NONE, FAULT_INPUT (shape or a value) or FAULT_WORK. */
int model_file_build_net(const model_params *params, const model_net_shape *shape,
                         const model_net_tensors *tensors, struct model_file *out,
                         struct fault *fault);

/* Makes a bank of n single models, 2..MODEL_BANK_MAX, that share one policy; they are copied.
 * places: what errors call them. prior[n]: above 0, their sum 1; NULL: all alike. FAULT_NONE,
 * FAULT_INPUT or FAULT_WORK. */
int model_file_join(const struct model_file members[], const char *const places[], size_t n,
                    double share, double temper, const double prior[], struct model_file *out,
                    struct fault *fault);

/* Writes it whole or not at all, where the guard lets it, and sets its hash. FAULT_NONE,
 * FAULT_INPUT or FAULT_WORK. */
int model_file_save(struct model_file *model, const struct output_guard *guard, const char *path,
                    struct fault *fault);
