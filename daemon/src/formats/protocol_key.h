/* protocol_key.h - the keys of protocol files (protocol_keys.def), a table a part.
 *
 * Threads: any. Memory: the tables are const; values are the caller's.
 */
#pragma once

#include "key_table.h"

enum protocol_part {
#define PART(name, path, type, help) PROTOCOL_PART_##name,
#include "protocol_keys.def"
    PROTOCOL_PARTS
};

/* The keys of kind CUSTOM: their `count`. */
enum protocol_custom {
#define CUSTOM(part, key, shape, help) PROTOCOL_CUSTOM_##part##_##key,
#include "protocol_keys.def"
    PROTOCOL_CUSTOMS
};

extern const struct key_table PROTOCOL_KEYS[PROTOCOL_PARTS];
