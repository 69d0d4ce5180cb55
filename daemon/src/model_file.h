/* model_file.h - a model and what is known about it: loaded from a safetensors file, or built from
 * a few words.
 *
 * Tensors and metadata: docs/model.md, section model files. Files are not trusted: whatever is
 * wrong gets one line that names the file, the tensor or key, what was found and what was
 * expected. Threads: one owner while it is made; afterwards params may be read by all.
 * Memory: struct model_file owns what params point to; free it with model_file_free().
 */
#ifndef MURID_MODEL_FILE_H
#define MURID_MODEL_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "model/twin.h"
#include "safetensors.h"

enum { MODEL_FILE_HASH_MAX = 16 };

struct model_file {
    model_params params;
    char hash[MODEL_FILE_HASH_MAX +
              1];  /* first 16 hex digits of the file's SHA-256, or "built-in" */
    char seed[32]; /* metadata; "" where not stated */
    char data_sha256[65];
    char made_by[64];
    char note[SAFETENSORS_VALUE_MAX + 1];
    model_net_tensors tensors; /* dnn, rnn: as in the file, inside weights */
    float *weights;            /* owned */
    void *net;                 /* owned: what params.rule.net is made of */
};

/* A model in a few words, for those without a file. NULL and NaN: the built-in default. */
struct model_spec {
    const char *features;                  /* comma-separated; NULL: the built-in list */
    const char *rule;                      /* one of the classic rules; NULL: none */
    double rate;                           /* of every weight; NaN: MODEL_FILE_RATE */
    double baseline;                       /* of every weight; NaN: 0 */
    double decay;                          /* of every weight's trace; NaN: MODEL_FILE_DECAY */
    double drift_var[MODEL_WEIGHTS_MAX];   /* of each weight; NaN: the built-in default */
    double session_var[MODEL_WEIGHTS_MAX]; /* of each weight; NaN: the built-in default */
};

#define MODEL_FILE_RATE       0.015625 /* 2^-6, the start that Ashwood et al. 2020 fit from */
#define MODEL_FILE_DECAY      0.9
#define MODEL_FILE_WEIGHT_MAX 1e4 /* largest weight of a net that is believed */

/* All defaults. */
void model_spec_init(struct model_spec *spec);

/* Loads a file. FAULT_NONE; FAULT_INPUT (what is in it is wrong) or FAULT_WORK (cannot be read, no
 * memory) with *out zeroed. */
int model_file_load(const char *path, struct model_file *out, struct fault *fault);

/* The same from bytes in memory, which may go afterwards. place: what errors call it. */
int model_file_parse(const char *place, const uint8_t *bytes, size_t size, struct model_file *out,
                     struct fault *fault);

/* Builds a model without nets. FAULT_NONE or FAULT_INPUT. */
int model_file_build(const struct model_spec *spec, struct model_file *out, struct fault *fault);

/* Builds a model of a rule without a net. FAULT_NONE, FAULT_INPUT (a value) or FAULT_WORK. */
int model_file_build_params(const model_params *params, struct model_file *out,
                            struct fault *fault);

/* Builds a model around a net. params: policy and noise, and the kind of its rule; tensors are
 * copied. FAULT_NONE, FAULT_INPUT (shape or a value) or FAULT_WORK. */
int model_file_build_net(const model_params *params, const model_net_shape *shape,
                         const model_net_tensors *tensors, struct model_file *out,
                         struct fault *fault);

/* The file's bytes; *bytes is the caller's to free(). FAULT_NONE or FAULT_WORK. */
int model_file_encode(const struct model_file *model, uint8_t **bytes, size_t *size,
                      struct fault *fault);

/* Writes it whole or not at all, and sets its hash. FAULT_NONE or FAULT_WORK. */
int model_file_save(struct model_file *model, const char *path, struct fault *fault);

/* Gives the memory back and zeroes it; NULL and zeroed are fine. */
void model_file_free(struct model_file *model);

#endif
