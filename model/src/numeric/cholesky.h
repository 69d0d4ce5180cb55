/* cholesky.h - small symmetric systems: A = L L'.
 *
 * Matrices are row-major with ld columns; the lower triangle counts, what stands above is neither
 * read nor written. Threads: any, on different objects. Memory: the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A becomes L. False: A is not positive definite; A is then undefined. */
bool cholesky_factor(size_t n, size_t ld, double A[]);

/* x <- L^-1 x */
void cholesky_forward(size_t n, size_t ld, const double L[], double x[]);

/* x <- L'^-1 x */
void cholesky_back(size_t n, size_t ld, const double L[], double x[]);
