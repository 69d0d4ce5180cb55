/* vectors.h - products of short vectors and small matrices, summed in order. Threads: any. */
#pragma once

#include <stddef.h>

static inline double dot(size_t n, const double a[], const double b[])
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

/* out[n] = P g, P (n, n) row-major */
static inline void multiply(size_t n, const double P[], const double g[], double out[])
{
    for (size_t i = 0; i < n; i++) {
        out[i] = dot(n, &P[i * n], g);
    }
}
