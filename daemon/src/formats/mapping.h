/* mapping.h - how columns, values and codes of a rig's files and messages are to be understood, as
 * the command line (--map) and the configuration (map:) state it, for bridge/adapter.h.
 *
 * A text is SECTION.KEY=VALUE, or KEY=VALUE of the section columns, or the name of a mapping
 * (mapping_names.def), which stands for several; a later one replaces an earlier one of the same
 * section and key. Sections and keys are those of bridge/mapping_keys.def. Threads: read-only once
 * made. Memory: one struct that holds its texts and points into itself: it must not be moved.
 */
#pragma once

#include <stdio.h>

#include "bridge/adapter.h"
#include "fault.h"

enum { MAPPING_LINES_MAX = 96, MAPPING_BYTES_MAX = 6144 };

struct mapping {
    struct bridge_mapping map;
    struct bridge_mapping_line line[MAPPING_LINES_MAX];
    char text[MAPPING_BYTES_MAX];
    size_t used;
};

/* Adds a text. where: as errors begin, "--map". FAULT_NONE, or FAULT_INPUT with the mapping as it
 * was or with some lines of a name. */
int mapping_add(struct mapping *m, const char *where, const char *text, struct fault *fault);

/* Adds one line. */
int mapping_put(struct mapping *m, const char *where, const char *section, const char *key,
                const char *value, struct fault *fault);

/* What readers take: NULL if there is nothing in it. */
const struct bridge_mapping *mapping_of(const struct mapping *m);

/* The names of mapping_names.def, "a, b and c". Returns out. */
const char *mapping_names(char *out, size_t cap);

/* Prints every section and key as the table of docs/formats.md. */
void mapping_print_markdown(FILE *to);
