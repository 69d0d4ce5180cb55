/* exp_exact.h - the logistic function in double precision, of plain sums and products in one fixed
 * order: a loop over it vectorises, and a lane says the same bits as a call for one number, on
 * every processor. Callers must be compiled without contraction. Threads: any. Memory: none.
 */
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

/* exp(x) for x <= 0, relative error below 2e-16; 0 below -708, where it would soon be no normal
 * number. NaN stays NaN. 2^i by the exponent's bits, the rest by the Taylor polynomial of degree 13
 * over |x| <= ln2/2, summed as a tree. The sum with SHIFT rounds to a whole number and leaves it in
 * the lowest bits. */
static inline double exp_exact(double x)
{
    static const double LEAST = -708.0;
    static const double SHIFT = 0x1.8p52;
    const double within = x < LEAST ? LEAST : x;
    const double shifted = within * 0x1.71547652b82fep0 + SHIFT;
    const double whole = shifted - SHIFT;
    const double f = (within - whole * 0x1.62e42feep-1) - whole * 0x1.a39ef35793c76p-33;
    const double f2 = f * f;
    const double f4 = f2 * f2;
    const double c0 = 1.0 / 2.0 + f * (1.0 / 6.0);
    const double c2 = 1.0 / 24.0 + f * (1.0 / 120.0);
    const double c4 = 1.0 / 720.0 + f * (1.0 / 5040.0);
    const double c6 = 1.0 / 40320.0 + f * (1.0 / 362880.0);
    const double c8 = 1.0 / 3628800.0 + f * (1.0 / 39916800.0);
    const double c10 = 1.0 / 479001600.0 + f * (1.0 / 6227020800.0);
    const double high = (c4 + f2 * c6) + f4 * (c8 + f2 * c10);
    const double e = 1.0 + (f + f2 * ((c0 + f2 * c2) + f4 * high));
    uint64_t power;
    uint64_t bits;
    memcpy(&power, &shifted, sizeof power);
    memcpy(&bits, &e, sizeof bits);
    bits += power << 52;
    double scaled;
    memcpy(&scaled, &bits, sizeof scaled);
    return x < LEAST ? 0.0 : scaled;
}

/* 1 / (1 + exp(-a)) without overflow. */
static inline double sigmoid_exact(double a)
{
    const double e = exp_exact(-fabs(a));
    return (a >= 0.0 ? 1.0 : e) / (1.0 + e);
}
