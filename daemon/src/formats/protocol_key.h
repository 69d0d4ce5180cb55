/* protocol_key.h - the keys of protocol files (protocol_keys.def): found by name, defaulted,
 * stored, and described.
 *
 * Threads: any. Memory: the list is const; values are the caller's.
 */
#ifndef MURID_PROTOCOL_KEY_H
#define MURID_PROTOCOL_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum protocol_part {
#define PART(name, type, help) PROTOCOL_PART_##name,
#define END_PART(name)
#define TRUTH(part, key, member, fallback, help)
#define WHOLE(part, key, member, fallback, low, high, unit, help)
#define REAL(part, key, member, fallback, low, high, unit, help)
#define RANGE(part, key, from, to, fallback, low, high, unit, help)
#define EITHER(part, key, member, no, yes, fallback, help)
#define WORD(part, key, member, list, fallback, help)
#define NAME(part, key, member, help)
#define OTHER(part, key, shape, help)
#include "protocol_keys.def"
    PROTOCOL_PARTS
};

enum protocol_key_kind {
    PROTOCOL_KEY_TRUTH,
    PROTOCOL_KEY_WHOLE,
    PROTOCOL_KEY_REAL,
    PROTOCOL_KEY_RANGE,
    PROTOCOL_KEY_EITHER,
    PROTOCOL_KEY_WORD,
    PROTOCOL_KEY_NAME,
    PROTOCOL_KEY_OTHER
};

struct protocol_key {
    const char *name;
    enum protocol_part part;
    uint32_t number; /* within its part */
    enum protocol_key_kind kind;
    size_t offset;    /* within the type of its part */
    size_t offset_to; /* RANGE */
    double min;
    double max;
    const char *words; /* WORD, EITHER: "this|that|"; OTHER: its shape */
    const char *fallback;
    const char *unit;
    const char *help;
};

/* The key of that name in a part; NULL: none. */
const struct protocol_key *protocol_key_find(enum protocol_part part, const char *name);

/* Key number i of a part; NULL: there are no more. */
const struct protocol_key *protocol_key_at(enum protocol_part part, uint32_t i);

/* Sentence on a part. */
const char *protocol_key_part_help(enum protocol_part part);

/* "name, task, first" of a part. Returns out. */
const char *protocol_key_names(enum protocol_part part, char *out, size_t cap);

/* "a whole number from 1 to 64 trials". */
void protocol_key_expected(const struct protocol_key *key, char *out, size_t cap);

/* Sets the values of a part that have defaults; base: of its type. */
void protocol_key_set_defaults(void *base, enum protocol_part part);

/* Stores a text as the value of a key that is neither NAME, RANGE nor OTHER. False if it is not
 * what the key takes. */
bool protocol_key_store(const struct protocol_key *key, void *base, const char *text);

/* Reads "0.25", "1e-3" or "2/11"; false if it is not a finite number. */
bool protocol_key_number(const char *text, double *out);

/* The word at hand in base, for WORD and EITHER. out must hold 32 bytes. */
void protocol_key_word(const struct protocol_key *key, const void *base, char *out, size_t cap);

#endif
