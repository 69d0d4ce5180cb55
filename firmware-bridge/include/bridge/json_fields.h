/* bridge/json_fields.h - the values of known keys of one JSON object, read into a struct by a
 * table.
 *
 * Keys that the table does not have are skipped; one that is not there leaves its member as it was.
 * null and a bare NaN are as not there. The bytes are not trusted. Threads: any. Memory: none kept.
 */
#pragma once

#include <stdint.h>

#include "proto/reader.h"

enum bridge_json_kind {
    BRIDGE_JSON_NUMBER, /* into: double */
    BRIDGE_JSON_TRUTH,  /* into: int8_t; true and 1 are 1, false and 0 are 0 */
    BRIDGE_JSON_TEXT,   /* into: char[cap]; a whole number is written out */
    BRIDGE_JSON_SPAN    /* into: double[2]; the first and last number of arrays, NaN too */
};

struct bridge_json_field {
    const char *path; /* of keys from the outermost object, with / between */
    enum bridge_json_kind kind;
    size_t offset; /* of the member */
    size_t cap;    /* TEXT: its size, with the NUL */
    const char *expected;
};

struct bridge_json_fault {
    size_t byte; /* at which reading ended */
    char found[160];
    const char *expected;
};

/* Reads the object that is all of the bytes. 0, or -1 with *fault and what was read before it. */
int bridge_json_fields_read(const struct bridge_json_field *list, size_t n, void *base,
                            const uint8_t *bytes, size_t size, struct bridge_json_fault *fault);
