/* bridge/trial_fields.h - trials out of named values, as the columns of a table or the keys of a
 * message hold them, by a mapping. All formats whose values have names make their trials here.
 *
 * Of a mapping it reads the sections columns (which name holds a field), fixed (a field's value
 * where no column has it), coding (how it is coded) and rows (NAME: VALUE,...: only rows where NAME
 * is one of the values), but for keys of rows that the format reads itself. A field without an
 * entry, or whose column of a shipped mapping is not there, is under its own name. What no coding
 * says is read as murid writes it: 1 right, 0 left, also R and L or words; 1 yes, 0 no, also True
 * and False; fractions; seconds. Anything else is refused, never guessed. Empty, NaN, NA, None and
 * null are unknown: of a choice, that there was none.
 *
 * Threads: read-only once open. Memory: one struct, which points into the mapping. RT-safe: all but
 * open, with the C library's conversions of numbers.
 */
#pragma once

#include "bridge/adapter.h"
#include "bridge/values.h"

enum bridge_field {
#define FIELD(NAME, name, kind, help) BRIDGE_FIELD_##NAME,
#include "bridge/trial_fields.def"
    BRIDGE_FIELDS
};

enum {
    BRIDGE_FILTERS_MAX = 8, /* of rows */
    BRIDGE_WATCHED_MAX = 4, /* other names */
};
_Static_assert(2 * BRIDGE_FIELDS + BRIDGE_FILTERS_MAX + BRIDGE_WATCHED_MAX <= BRIDGE_SLOTS_MAX,
               "a slot for each");

/* How trials are found in named values. A slot is a field, then come filters of rows, second
 * columns of fields, and other names that are watched. */
struct bridge_trial_fields {
    size_t n_slots;
    size_t n_filters;
    const char *source[BRIDGE_SLOTS_MAX];      /* the name that fills it */
    bool is_stated[BRIDGE_SLOTS_MAX];          /* by the mapping */
    bool is_required[BRIDGE_SLOTS_MAX];        /* by its own lines: it must be there */
    size_t other[BRIDGE_FIELDS];               /* the slot of its second column; 0: none */
    const char *fixed[BRIDGE_FIELDS];          /* NULL: none */
    struct bridge_text code[BRIDGE_FIELDS][3]; /* words of right, left, none; yes, no */
    double divisor[BRIDGE_FIELDS];
    const char *filter[BRIDGE_FILTERS_MAX]; /* values, with commas between */
    bool has_decimal_comma;                 /* 0,25 is a number */
};

/* What a value lacks. */
struct bridge_value_fault {
    char found[160];
    const char *expected;
    char fix[96];
};

/* Takes a mapping up, that of s or one that the format found. 0, or -1 with s->why. */
int bridge_trial_fields_open(struct bridge_trial_fields *f, struct bridge_source *s,
                             const struct bridge_mapping *map);

/* Has one more name looked for: its slot. At most BRIDGE_WATCHED_MAX of them. */
size_t bridge_trial_fields_watch(struct bridge_trial_fields *f, const char *name);

/* The slots that a name fills, a bit each; 0: nobody asks for it. */
uint64_t bridge_trial_fields_slots(const struct bridge_trial_fields *f, const char *name,
                                   size_t size);

/* The slots of what the mapping itself states, in columns or fixed, a bit each. */
uint64_t bridge_trial_fields_stated(const struct bridge_trial_fields *f);

/* What is missing, given the slots whose names are there: false and *fault; true: trials can be
 * made. */
bool bridge_trial_fields_suffice(const struct bridge_trial_fields *f, uint64_t slots,
                                 struct bridge_value_fault *fault);

/* Puts what is known of a field otherwise, as if it were coded so: 1 right or yes, 0 left or no, or
 * a number. */
void bridge_trial_fields_put(const struct bridge_trial_fields *f, struct bridge_values *values,
                             enum bridge_field field, double value);

/* Is a value of the field there, whatever it is? */
bool bridge_trial_fields_have(const struct bridge_trial_fields *f,
                              const struct bridge_values *values, enum bridge_field field);

/* What the values say of their session into *session, else left as it is: 0, or -1 with *fault. */
int bridge_trial_fields_session(const struct bridge_trial_fields *f,
                                const struct bridge_values *values, struct bridge_session *session,
                                struct bridge_value_fault *fault);

/* A trial of values: 1, with what they say of its session in *session, else left as it is, and
 * event->trial -1 where no number is stated; 0: no row that is asked for; -1 with *fault. */
int bridge_trial_fields_read(const struct bridge_trial_fields *f,
                             const struct bridge_values *values, struct bridge_session *session,
                             struct bridge_event *event, struct bridge_value_fault *fault);
