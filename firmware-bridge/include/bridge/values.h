/* bridge/values.h - named values of a trial under way as texts, one a slot; which name fills which
 * slot, trial_fields.h says.
 *
 * Threads: any, on different objects. Memory: one struct. RT-safe: yes, but for the C library's
 * formatting of numbers.
 */
#pragma once

#include <stdint.h>

#include "bridge/text.h"

enum { BRIDGE_SLOTS_MAX = 56, BRIDGE_VALUE_MAX = 128 };

/* The text of a value; is_set false: its name was not there. */
struct bridge_value {
    bool is_set;
    size_t size;
    char text[BRIDGE_VALUE_MAX];
};

/* Zeroed: none. */
struct bridge_values {
    struct bridge_value slot[BRIDGE_SLOTS_MAX];
};

/* Puts a value into slots, a bit each; false: it is longer than BRIDGE_VALUE_MAX - 1. */
bool bridge_values_put(struct bridge_values *values, uint64_t slots, const char *text, size_t size);
void bridge_values_put_number(struct bridge_values *values, uint64_t slots, double number);

struct bridge_text bridge_value_text(const struct bridge_value *value);

/* Is it not there, empty, NaN, NA, None or null? */
bool bridge_value_is_unknown(const struct bridge_value *value);
