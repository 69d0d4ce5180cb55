/* findings.h - the findings of a check, one line each, with a place in a table.
 *
 * Threads: one owner. Memory: none kept.
 */
#pragma once

#include <stdint.h>

#include "fault.h"
#include "proto/message.h"

enum { FINDINGS_MAX = 12 };

struct findings {
    uint32_t n;
    struct fault list[FINDINGS_MAX];
};

/* Where the next line is written, by fault_set(); with all taken, the last is written over. */
static inline struct fault *findings_next(struct findings *f)
{
    return &f->list[f->n < FINDINGS_MAX ? f->n++ : FINDINGS_MAX - 1];
}
