/* mapping_file.h - a mapping out of YAML, sections of keys and values, as in "columns: {stimulus:
 * coherence}", "coding: {choice: R/L}".
 *
 * Threads: any. Memory: the mapping's. Errors: file, line and section.
 */
#pragma once

#include <stdint.h>

#include "mapping.h"

enum { MAPPING_FILE_BYTES_MAX = 1 << 16 };

/* True if a text is the name of such a file: it ends in .yaml or .yml. */
bool mapping_file_is(const char *text);

/* Adds a text: such a file, or what mapping_add() takes. where: as errors begin, "--map". */
int mapping_file_add(struct mapping *m, const char *where, const char *text, struct fault *fault);

/* Adds what the file states. FAULT_NONE, FAULT_INPUT or FAULT_WORK. */
int mapping_file_load(struct mapping *m, const char *path, struct fault *fault);

/* The same of text; name: as errors call it. */
int mapping_file_parse(struct mapping *m, const char *name, const uint8_t *text, size_t size,
                       struct fault *fault);
