/* model_file_hash.h - the name of a model: the hash of its file.
 *
 * Threads: one owner. Memory: none kept.
 */
#ifndef MURID_MODEL_FILE_HASH_H
#define MURID_MODEL_FILE_HASH_H

#include "model_file.h"

/* Of the bytes of its file. */
void model_file_hash_bytes(struct model_file *model, const uint8_t *bytes, size_t size);

/* Of the bytes that a file of it would have; "built-in" if it is the built-in walk. FAULT_NONE or
 * FAULT_WORK. */
int model_file_hash_built(struct model_file *model, struct fault *fault);

#endif
