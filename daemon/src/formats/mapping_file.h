/* mapping_file.h - how columns, values and states of a rig's file are to be understood: YAML,
 * sections of keys and values, as in "columns: {stimulus: coherence}", "choice: {right: R, left:
 * L}".
 *
 * Which sections and keys there are is the format's to say (bridge/adapter.h). Threads: any.
 * Memory: the heap, mapping_file_free().
 */
#pragma once

#include "bridge/adapter.h"
#include "fault.h"

enum { MAPPING_FILE_BYTES_MAX = 1 << 16, MAPPING_FILE_LINES_MAX = 256, MAPPING_FILE_TEXT_MAX = 64 };

struct mapping_file {
    struct bridge_mapping map; /* of the texts below */
    struct bridge_mapping_line line[MAPPING_FILE_LINES_MAX];
    char text[MAPPING_FILE_LINES_MAX][3][MAPPING_FILE_TEXT_MAX];
};

/* Reads a file. FAULT_NONE with *out, or FAULT_INPUT or FAULT_WORK with *out NULL. */
int mapping_file_load(struct mapping_file **out, const char *path, struct fault *fault);

/* The same of text; name: as errors call it. */
int mapping_file_parse(struct mapping_file **out, const char *name, const uint8_t *text,
                       size_t size, struct fault *fault);

/* NULL is fine. */
void mapping_file_free(struct mapping_file *file);
