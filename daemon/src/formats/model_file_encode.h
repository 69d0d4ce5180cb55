/* model_file_encode.h - a model as the bytes of its file, and the hash of these that it is called
 * by.
 *
 * Threads: one owner. Memory: the caller's.
 */
#pragma once

#include "fault.h"
#include "model_file_data.h"

/* The file's bytes; *bytes is the caller's to free(). FAULT_NONE or FAULT_WORK. */
int model_file_encode(const struct model_file *model, uint8_t **bytes, size_t *size,
                      struct fault *fault);

/* Sets the hash: of the bytes of its file. */
void model_file_hash_bytes(struct model_file *model, const uint8_t *bytes, size_t size);

/* Sets the hash: of the bytes that a file of it would have; "built-in" if it is the built-in walk.
 * FAULT_NONE or FAULT_WORK. */
int model_file_hash_built(struct model_file *model, struct fault *fault);
