/* check.h - near-equality, for cmocka tests. */
#pragma once

#include <math.h>

/* Fails, printing both, unless |a - b| <= tolerance. */
#define CHECK_NEAR(a, b, tolerance)                                                                \
    check_near((double)(a), (double)(b), (double)(tolerance), #a, __FILE__, __LINE__)

static inline void check_near(double a, double b, double tolerance, const char *what,
                              const char *file, int line)
{
    if (!(fabs(a - b) <= tolerance)) {
        print_error("%s is %.17g, expected %.17g within %g\n", what, a, b, tolerance);
        _fail(file, line);
    }
}
