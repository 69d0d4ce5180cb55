/* yaml_keys.h - a map of YAML, read by its table of keys: each is known, stands there once, and
 * has a value of its kind.
 *
 * Threads: one owner. Memory: that of the reader.
 */
#pragma once

#include "key_table.h"
#include "yaml_reader.h"

enum { YAML_KEYS_MAX = 32 }; /* of one map */

struct yaml_keys {
    struct yaml_reader *yaml;
    void *with; /* for what follows */
    /* Reads the value of a key, whose first event is the last one. */
    int (*value)(void *with, const struct key *key, void *base);
    /* The last event names no key of the table: a fault, with its remedy. */
    int (*unknown)(void *with, const struct key_table *table);
    /* Says that the value at hand is not what the key takes. found: what stands there. */
    int (*refuse)(void *with, const struct key *key, const char *found);
    size_t line;   /* where the key at hand stands */
    bool has_path; /* a key that stands there twice is said with its path */
};

/* The keys of a map whose start is the last event, up to and with its end. */
int yaml_keys_read(struct yaml_keys *keys, const struct key_table *table, void *base);

/* Stores the value that begins with the last event, or refuses it. Not for CUSTOM. */
int yaml_keys_value(const struct yaml_keys *keys, const struct key *key, void *base);
