#include "cholesky.h"

#include <math.h>

#include "vectors.h"

bool cholesky_factor(size_t n, size_t ld, double A[])
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            A[i * ld + j] = (A[i * ld + j] - dot(j, &A[i * ld], &A[j * ld])) / A[j * ld + j];
        }
        const double pivot = A[i * ld + i] - dot(i, &A[i * ld], &A[i * ld]);
        if (!(pivot > 0.0)) {
            return false;
        }
        A[i * ld + i] = sqrt(pivot);
    }
    return true;
}

void cholesky_forward(size_t n, size_t ld, const double L[], double x[])
{
    for (size_t i = 0; i < n; i++) {
        x[i] = (x[i] - dot(i, &L[i * ld], x)) / L[i * ld + i];
    }
}

void cholesky_back(size_t n, size_t ld, const double L[], double x[])
{
    for (size_t i = n; i-- > 0;) {
        x[i] /= L[i * ld + i];
        for (size_t j = 0; j < i; j++) {
            x[j] -= L[i * ld + j] * x[i];
        }
    }
}
