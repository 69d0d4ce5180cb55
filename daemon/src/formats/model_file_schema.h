/* model_file_schema.h - the contents of a model file: the names, shapes and bounds of its tensors
 * and the keys of its metadata, listed once for reader and writer.
 *
 * Format: docs/model.md, section model files. What belongs to member i of a bank has the prefix
 * "i." before its name in a file of its own.
 * Threads: any. Memory: lists are the caller's, and point into what they were made from.
 */
#pragma once

#include "model_file_data.h"

#define MODEL_FILE_FORMAT  "murid-model"
#define MODEL_FILE_VERSION "1"
#define MODEL_FILE_BANK    "bank" /* the rule of a file that holds several models */
#define MODEL_FILE_PRIOR   "bank.prior"

enum {
    MODEL_FILE_NET_PARTS = 5 + 2 * (MODEL_LAYERS_MAX + 1),
    MODEL_FILE_VECTORS = 14,
    MODEL_FILE_FIT_PARTS = 5,
    MODEL_FILE_FIT_NET_PARTS = 2, /* of a rule with a net */
    MODEL_FILE_PART_NAME = 32,
    MODEL_FILE_PREFIX = 12,
    MODEL_FILE_TEXTS = 4
};

_Static_assert(1 + MODEL_BANK_MAX *
                           (MODEL_FILE_NET_PARTS + MODEL_FILE_VECTORS + MODEL_FILE_FIT_NET_PARTS) <=
                   SAFETENSORS_TENSORS_MAX,
               "the largest bank is a file");
_Static_assert(9 + MODEL_FILE_TEXTS + MODEL_BANK_MAX * (4 + MODEL_FILE_TEXTS) <=
                   SAFETENSORS_META_MAX,
               "the largest bank is a file");

/* One tensor of F32: its name (of a net: in a PyTorch state_dict), its shape, what its values may
 * be, where its pointer goes. */
struct model_file_part {
    char name[MODEL_FILE_PART_NAME];
    uint32_t n_dims;
    uint64_t dims[3];
    double least;
    double most;
    const float **slot;
};

/* One vector over the policy's weights, or over the inputs of a net; or a matrix, one such vector a
 * row. Those of a range are there together or not at all. */
struct model_file_vector {
    const char *name;
    double *values;
    double least;
    double most;
    bool is_required;
    bool is_allowed;
    bool is_range;
    uint64_t n;    /* 0: one per weight */
    uint64_t rows; /* MODEL_WEIGHTS_MAX values apart; 0: no matrix */
};

/* What says where a model comes from: metadata key, text, its size. */
struct model_file_text {
    const char *key;
    char *text;
    size_t cap;
};

struct model_file_name {
    char text[MODEL_FILE_PREFIX + SAFETENSORS_NAME_MAX + 1];
};

/* The tensors of a net of that shape, whose pointers are in *tensors; how many there are. */
size_t model_file_schema_net(const model_net_shape *shape, model_net_tensors *tensors,
                             struct model_file_part parts[MODEL_FILE_NET_PARTS]);

/* What a fit may say of a model with that rule and policy, whose pointers are in *fit; how many
 * there are. The posterior's are the last. */
size_t model_file_schema_fit(const model_params *params, struct model_file_fit *fit,
                             struct model_file_part parts[MODEL_FILE_FIT_PARTS]);

/* Values of a tensor. */
size_t model_file_schema_values(const struct model_file_part *part);

/* True for those of which a file has all or none: the posterior's. */
bool model_file_schema_is_joint(const struct model_file_part *part);

/* The vectors of parameters; their rule and policy are set. */
void model_file_schema_vectors(model_params *params,
                               struct model_file_vector vectors[MODEL_FILE_VECTORS]);

/* The shape of its tensor for a policy of that many weights; returns how many dimensions. */
uint32_t model_file_schema_shape(const struct model_file_vector *vector, uint64_t n_weights,
                                 uint64_t dims[2]);

/* The texts on where a model comes from. */
void model_file_schema_texts(struct model_file_about *about,
                             struct model_file_text texts[MODEL_FILE_TEXTS]);

/* True if a file of these parameters alone has a tensor of that name. shape: of its net, if the
 * rule has one. */
bool model_file_schema_has(const model_params *params, const model_net_shape *shape,
                           const char *name);

/* What the names of that member begin with; "" where the file is no bank. */
void model_file_schema_prefix(char prefix[MODEL_FILE_PREFIX], bool is_bank, uint32_t member);

/* The name in the file. */
struct model_file_name model_file_schema_name(const char *prefix, const char *name);
