/* skips.h - cases that cannot be run here, and the code of a program that ran none.
 *
 * A program of which every case was skipped ends with SKIPS_CODE, which ctest shows as skipped; one
 * of which some were says how many, and ends as the others tell. Includes cmocka by suite.h.
 */
#pragma once

#include "suite.h"

enum { SKIPS_CODE = 77 };

static int skips_n;

/* Ends the case; it did not fail, and shows nothing. */
static inline void skips_case(const char *why)
{
    skips_n++;
    printf("skipped: %s\n", why);
    (void)fflush(stdout);
    skip();
}

/* The program's exit code: failed cases as cmocka counts them, of n. */
static inline int skips_end(int failed, size_t n)
{
    if (skips_n > 0) {
        printf("%d of %zu cases skipped\n", skips_n, n);
    }
    return failed == 0 && (size_t)skips_n == n ? SKIPS_CODE : failed;
}
