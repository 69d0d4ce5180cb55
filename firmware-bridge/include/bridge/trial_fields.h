/* bridge/trial_fields.h - trials out of named values, as the columns of a table or the keys of a
 * message hold them, by a mapping.
 *
 * Of a mapping it reads the sections columns (which name holds a field), fixed (a field's value
 * where no column has it), coding (how it is coded) and rows (NAME: VALUE,...: only rows where NAME
 * is one of the values). A field without an entry is under its own name. What no coding says is
 * read as murid writes it: 1 right, 0 left, also R and L or words; 1 yes, 0 no, also True and
 * False; fractions; seconds. Anything else is refused, never guessed. Empty, NaN, NA, None and null
 * are unknown: of a choice, that there was none.
 *
 * Threads: read-only once open. Memory: one struct, which points into the mapping. RT-safe: all but
 * open, with the C library's conversions of numbers.
 */
#pragma once

#include "bridge/adapter.h"

enum bridge_field {
#define FIELD(NAME, name, kind, help) BRIDGE_FIELD_##NAME,
#include "bridge/trial_fields.def"
    BRIDGE_FIELDS
};

enum {
    BRIDGE_FILTERS_MAX = 8, /* of rows */
    BRIDGE_WATCHED_MAX = 4, /* other names */
    BRIDGE_SLOTS_MAX = BRIDGE_FIELDS + BRIDGE_FILTERS_MAX + BRIDGE_WATCHED_MAX,
    BRIDGE_VALUE_MAX = 128
};

/* The text of a value; is_set false: its name was not there. */
struct bridge_value {
    bool is_set;
    size_t size;
    char text[BRIDGE_VALUE_MAX];
};

struct bridge_words {
    const char *at; /* with commas between; NULL: none */
    size_t size;
};

/* How trials are found in named values. A slot is a field, then come filters of
 * rows, then other names that are watched. */
struct bridge_trial_fields {
    size_t n_slots;
    size_t n_filters;
    const char *source[BRIDGE_SLOTS_MAX];       /* the name that fills it */
    bool is_stated[BRIDGE_SLOTS_MAX];           /* by the mapping: it must be there */
    const char *fixed[BRIDGE_FIELDS];           /* NULL: none */
    struct bridge_words code[BRIDGE_FIELDS][3]; /* right, left, none; yes, no */
    double divisor[BRIDGE_FIELDS];
    const char *filter[BRIDGE_FILTERS_MAX]; /* values, with commas between */
    bool has_decimal_comma;                 /* 0,25 is a number */
};

/* One value a slot; zeroed: none. */
struct bridge_values {
    struct bridge_value slot[BRIDGE_SLOTS_MAX];
};

/* What a value lacks. */
struct bridge_value_fault {
    char found[160];
    const char *expected;
    const char *fix;
};

/* The name of a field. */
const char *bridge_field_name(enum bridge_field field);

/* Takes the mapping of s up. 0, or -1 with s->why. */
int bridge_trial_fields_open(struct bridge_trial_fields *f, struct bridge_source *s);

/* Has one more name looked for: its slot. At most BRIDGE_WATCHED_MAX of them. */
size_t bridge_trial_fields_watch(struct bridge_trial_fields *f, const char *name);

/* The slots that a name fills, a bit each; 0: nobody asks for it. */
uint64_t bridge_trial_fields_slots(const struct bridge_trial_fields *f, const char *name,
                                   size_t size);

/* What is missing, given the slots whose names are there: false and *fault; true: trials can be
 * made. */
bool bridge_trial_fields_suffice(const struct bridge_trial_fields *f, uint64_t slots,
                                 struct bridge_value_fault *fault);

/* Puts a value into slots; false: it is longer than BRIDGE_VALUE_MAX - 1. */
bool bridge_values_put(struct bridge_values *values, uint64_t slots, const char *text, size_t size);
void bridge_values_put_number(struct bridge_values *values, uint64_t slots, double number);

/* A trial of values: 1, with what they say of its session in *session, else left as it is, and
 * event->trial -1 where no number is stated; 0: no row that is asked for; -1 with *fault. */
int bridge_trial_fields_read(const struct bridge_trial_fields *f,
                             const struct bridge_values *values, struct bridge_session *session,
                             struct bridge_event *event, struct bridge_value_fault *fault);

/* True if the text is among the words: as numbers, or without regard to case. */
bool bridge_words_have(struct bridge_words words, const char *text, size_t size);

/* A finite number that is all of the text. */
bool bridge_number(const char *text, size_t size, bool has_decimal_comma, double *out);
