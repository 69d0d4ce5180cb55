/* subject_names.h - the names in a trial table, numbered in the order in which they appear.
 *
 * Threads: one owner. Memory: names on the heap; subject_names_free() frees them.
 */
#pragma once

#include <stdint.h>

#include "fault.h"
#include "trial_table.h"

enum { SUBJECT_NAMES_MAX = 4096 };

struct subject_names {
    char (*name)[PROTO_ID_MAX + 1]; /* by number */
    uint32_t n;
    size_t capacity;
    uint32_t latest; /* rows of one animal mostly come together */
    uint32_t by_name[SUBJECT_NAMES_MAX];
};

/* The number of a row's subject in *out, a new one if it was not seen yet. FAULT_NONE, FAULT_INPUT
 * (too many) or FAULT_WORK (no memory) with nothing changed. */
int subject_names_find(struct subject_names *s, const struct trial_table *table, const char *name,
                       uint32_t *out, struct fault *fault);

void subject_names_free(struct subject_names *s);
