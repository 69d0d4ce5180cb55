/* key_table.h - keys by name: the kind of value that each takes, where it is stored, its range,
 * unit, words, default and meaning. One engine for configurations (config_options.def), protocols
 * (protocol_keys.def) and command lines (options.h): it reads texts into values, says what was
 * expected instead, and prints values so that they can be read back.
 *
 * Threads: any. Memory: tables are const; values are members of the caller's struct, `base`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "nearest.h"

enum key_kind {
    KEY_BOOL,      /* bool: true or false */
    KEY_INT,       /* int64_t or uint32_t, as its size says */
    KEY_REAL,      /* double */
    KEY_RANGE,     /* two uint32_t: one number for both, or an ascending pair */
    KEY_STRING,    /* char[size]; size 0: const char *, which then points to the text */
    KEY_NAME,      /* char[size]: 1 to size - 1 of A-Z a-z 0-9 . _ - */
    KEY_ENUM,      /* unsigned: the number of one of the words */
    KEY_BOOL_ENUM, /* bool, said in two words; the second is true */
    KEY_REALS,     /* struct { size_t n; double v[count]; } */
    KEY_STRINGS,   /* struct { size_t n; char v[count][size]; } */
    KEY_CUSTOM     /* read and printed by its owner; unit: its shape */
};

struct key {
    const char *name;
    const char *path; /* before the name in errors: "stages.debias." */
    enum key_kind kind;
    size_t offset;    /* from base */
    size_t offset_to; /* RANGE: of the second */
    size_t size;      /* bytes of the value, or of one text of a list */
    size_t count;     /* most entries of a list; CUSTOM: number of its kind */
    double min;
    double max;
    const char *digits;       /* that numbers are made of; NULL: whatever strtod() takes */
    const char *const *words; /* ENUM, BOOL_ENUM; NULL ends them */
    const char *fallback;     /* as text; may lie outside the range: what must then be stated */
    const char *unit;
    const char *help;
};

/* Digits of whole numbers, and of decimal numbers and fractions such as 2/11. */
#define KEY_WHOLE_DIGITS    " \t\n\v\f\r+-0123456789"
#define KEY_FRACTION_DIGITS "0123456789+-.eE/"

/* The keys of one map. */
struct key_table {
    const char *name;
    const char *help;
    const struct key *key;
    size_t n;
    const char *entry; /* what errors call a key; NULL: "a key" */
};

const struct key *key_table_find(const struct key_table *table, const char *name); /* or NULL */
void key_table_set_defaults(const struct key_table *table, void *base);

/* The names of a table, "a, b, c", and which of them may be meant: nearest_ask(). Returns out. */
const char *key_table_names(const struct key_table *table, const char *meant, char *out, size_t cap,
                            char ask[NEAREST_TEXT_MAX]);

/* The next word of "a,b,c", which moves on, and its size; NULL: there are no more. */
const char *key_word_next(const char **words, char between, size_t *n);

/* Number of the word of n bytes; SIZE_MAX: it is none of them. */
size_t key_word_find(const char *const words[], const char *text, size_t n);

/* A finite number made of digits, whole: false if the text is something else. */
bool key_number(const char *digits, const char *text, double *out);

/* Stores a text of `size` bytes with a NUL behind it as entry n of a list or range, 0 of other
 * kinds. False if it is not what the key takes. Not for CUSTOM. */
bool key_put(const struct key *key, void *base, size_t n, const char *text, size_t size);

/* The same of a whole list of numbers with commas between. */
bool key_put_reals(const struct key *key, void *base, const char *text);

/* Empties a list. */
void key_clear(const struct key *key, void *base);

/* After n entries of a list or range: false of a range that falls or is empty. */
bool key_is_sound(const struct key *key, const void *base, size_t n);

/* "a whole number from 1 to 64 trials". */
void key_expected(const struct key *key, char *out, size_t cap);

/* Prints the value as YAML. */
void key_print(const struct key *key, const void *base, FILE *to);

/* The shortest of the usual forms that reads back as the same number. */
void key_print_number(double value, FILE *to);

/* A name as YAML, which reads some of its characters as marks at the start. */
void key_print_name(const char *name, FILE *to);
