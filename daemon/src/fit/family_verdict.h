/* family_verdict.h - what a comparison of families lets one say of the animals' rule, in sentences;
 * and what it does not.
 *
 * Nothing is said where the table has gaps (training_gaps.h). Threads: any. Memory: the caller's.
 */
#pragma once

#include "family_null.h"
#include "family_separation.h"
#include "training_gaps.h"

enum { FAMILY_VERDICT_LINES = 8, FAMILY_VERDICT_BYTES = 400 };

struct family_verdict {
    uint32_t n;
    char line[FAMILY_VERDICT_LINES][FAMILY_VERDICT_BYTES];
};

void family_verdict_make(struct family_verdict *v, const struct family_comparison *c,
                         const struct family_separation *s, const struct family_null *null,
                         const struct training_gaps *gaps);
