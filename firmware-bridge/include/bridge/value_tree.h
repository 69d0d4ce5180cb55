/* bridge/value_tree.h - the values of a map of JSON or msgpack, by the paths of their keys:
 * "data.choice" is the key choice of the map under data, "targets.0" the first of a list.
 *
 * Bytes are not trusted: bounded by what proto/reader.h accepts. Threads: any. Memory: none kept.
 * RT-safe: yes, but for the C library's formatting of numbers.
 */
#pragma once

#include "bridge/trial_fields.h"
#include "proto/reader.h"

struct bridge_value_tree_fault {
    size_t byte;
    char found[160];
    const char *expected;
};

/* Puts all values that the fields ask for; *slots gets a bit for each that was there. 0, or -1 with
 * *fault. */
int bridge_value_tree_read(proto_format format, const uint8_t *bytes, size_t size,
                           const struct bridge_trial_fields *fields, struct bridge_values *values,
                           uint64_t *slots, struct bridge_value_tree_fault *fault);
