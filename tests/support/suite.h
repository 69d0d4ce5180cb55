/* suite.h - cmocka, with the headers it wants before it, and a seed for random tests: from the
 * variable SEED if it is set, always printed. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static inline uint64_t suite_seed(void)
{
    const char *set = getenv("SEED");
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    const uint64_t seed = set != NULL ? strtoull(set, NULL, 0) : (uint64_t)t.tv_nsec;
    printf("SEED=%llu\n", (unsigned long long)seed);
    return seed;
}
