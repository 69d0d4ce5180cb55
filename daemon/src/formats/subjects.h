/* subjects.h - the names in a trial table, numbered in the order in which they appear.
 *
 * Threads: one owner. Memory: names on the heap; subjects_free() gives them back.
 */
#ifndef MURID_SUBJECTS_H
#define MURID_SUBJECTS_H

#include <stdint.h>

#include "fault.h"
#include "table.h"

enum { SUBJECTS_MAX = 4096 };

struct subjects {
    char (*name)[PROTO_ID_MAX + 1]; /* by number */
    uint32_t n;
    uint32_t capacity;
    uint32_t latest; /* rows of one animal mostly come together */
    uint32_t by_name[SUBJECTS_MAX];
};

/* The number of a row's subject in *out, a new one if it was not seen yet. FAULT_NONE, FAULT_INPUT
 * (too many) or FAULT_WORK (no memory) with nothing changed. */
int subjects_find(struct subjects *s, const struct table *table, const char *name, uint32_t *out,
                  struct fault *fault);

/* A zeroed one is fine. */
void subjects_free(struct subjects *s);

#endif
