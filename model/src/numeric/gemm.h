/* gemm.h - matrix products for fits and regressions, by the project's own kernel or by BLIS,
 * whichever is faster at a shape.
 *
 * The choice is a table in gemm.c, made by bench_gemm and never measured at run time: the same
 * shapes give the same bits on one kind of processor. BLIS runs in the caller's thread alone.
 * Threads: any. Memory: the caller's; BLIS fetches buffers of its own at its first calls and keeps
 * them. RT-safe: no.
 */
#pragma once

#include "gemm_kernel.h"

/* Does p go to BLIS where the own kernel is this one? */
bool gemm_is_for_blis(const gemm_kernel *own, const gemm_product *p);

/* The product, by whichever it goes to. */
void gemm_multiply(const gemm_kernel *own, const gemm_product *p);

/* out += x w, by BLIS; bias and rectify are left aside. */
void gemm_add_by_blis(const gemm_product *p);

/* Normal equations: out (n, m) += x' y over so many rows, x (rows, n), y (rows, m), in double
 * precision. By BLIS. */
void gemm_add_normal(size_t rows, size_t n, size_t m, const double x[], const double y[],
                     double out[]);
