/* rig_mapping.h - texts "SECTION.KEY=VALUE" as the mapping that an adapter reads
 * (bridge/adapter.h).
 *
 * Threads: any. Memory: one struct that holds its texts; it must not be moved once it is made.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "bridge/adapter.h"

enum { RIG_MAPPING_LINES = 16, RIG_MAPPING_TEXT = 81 };

struct rig_mapping {
    struct bridge_mapping map;
    struct bridge_mapping_line line[RIG_MAPPING_LINES];
    char text[RIG_MAPPING_LINES][RIG_MAPPING_TEXT];
};

/* Is it of that form? */
bool rig_mapping_is_line(const char *text);

/* Makes the mapping of n texts, all of that form. */
void rig_mapping_make(struct rig_mapping *out, const char texts[][RIG_MAPPING_TEXT], size_t n);

/* What a reader takes: NULL if there is nothing in it. */
const struct bridge_mapping *rig_mapping_of(const struct rig_mapping *mapping);
