/* checks.h - numbers and their ranges. NaN is in none. Threads: any. Memory: none. */
#pragma once

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

static inline bool is_within(double value, double least, double most)
{
    return value >= least && value <= most;
}

static inline double clamp(double value, double least, double most)
{
    return fmin(fmax(value, least), most);
}

static inline bool all_finite(size_t n, const float values[])
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i])) {
            return false;
        }
    }
    return true;
}
