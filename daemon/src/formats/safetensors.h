/* safetensors.h - tensors in a file, with names and string metadata: read and write.
 *
 * The bytes read are not trusted: every length, offset, shape and type is checked, and every error
 * names the place, the tensor, what was found and what was expected. Only little-endian F32 and F64
 * are accepted. Threads: one owner. Memory: the struct's; tensors point into the bytes parsed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "fault.h"

enum {
    SAFETENSORS_TENSORS_MAX = 768,
    SAFETENSORS_META_MAX = 256,
    SAFETENSORS_NAME_MAX = 63,   /* bytes */
    SAFETENSORS_VALUE_MAX = 511, /* bytes */
    SAFETENSORS_DIMS_MAX = 4,
    SAFETENSORS_HEADER_MAX = 1 << 18, /* bytes */
    SAFETENSORS_FILE_MAX = 1 << 26    /* bytes */
};

enum safetensors_type { SAFETENSORS_F32, SAFETENSORS_F64 };

struct safetensors_tensor {
    char name[SAFETENSORS_NAME_MAX + 1];
    enum safetensors_type type;
    uint32_t n_dims;
    uint64_t shape[SAFETENSORS_DIMS_MAX];
    size_t n;             /* values: the product of the shape */
    const uint8_t *bytes; /* little endian, not aligned */
};

struct safetensors_meta {
    char key[SAFETENSORS_NAME_MAX + 1];
    char value[SAFETENSORS_VALUE_MAX + 1];
};

struct safetensors {
    uint32_t n_tensors;
    uint32_t n_meta;
    struct safetensors_tensor tensors[SAFETENSORS_TENSORS_MAX];
    struct safetensors_meta meta[SAFETENSORS_META_MAX];
};

/* Reads a whole file's bytes; they must outlive *st. place: what errors call it. FAULT_NONE or
 * FAULT_INPUT. */
int safetensors_parse(struct safetensors *st, const char *place, const uint8_t *bytes, size_t size,
                      struct fault *fault);

/* NULL when there is none. Owned by st. */
const struct safetensors_tensor *safetensors_find(const struct safetensors *st, const char *name);
const char *safetensors_meta_find(const struct safetensors *st, const char *key);

/* Value i < tensor->n. */
double safetensors_value(const struct safetensors_tensor *tensor, size_t i);

/* Adds to a struct that is to be written; it starts zeroed. values must outlive it, in the
 * machine's own byte order. FAULT_NONE, or FAULT_WORK: too many, or a name that is too long. */
int safetensors_add_f32(struct safetensors *st, const char *name, uint32_t n_dims,
                        const uint64_t shape[], const float values[], struct fault *fault);
int safetensors_add_f64(struct safetensors *st, const char *name, uint32_t n_dims,
                        const uint64_t shape[], const double values[], struct fault *fault);
int safetensors_add_meta(struct safetensors *st, const char *key, const char *value,
                         struct fault *fault);

/* Bytes of the file that st would make. */
int safetensors_encode(const struct safetensors *st, uint8_t **bytes, size_t *size,
                       struct fault *fault);

/* Reads a file of at most SAFETENSORS_FILE_MAX bytes; *bytes is the caller's to free(). FAULT_NONE,
 * FAULT_INPUT (cannot be read, too large) or FAULT_WORK (no memory). */
int safetensors_read(const char *path, uint8_t **bytes, size_t *size, struct fault *fault);
