#include "gemm.h"

#include <string.h>

#include <blis.h>

/* Gradients of weights, x' w over the records of a block of trials, outgrow the caches with many
 * animals: the own kernel reads both where they stand, BLIS packs them. With fewer records, and in
 * products of other kinds, it is slower. From bench_gemm; base is that of x86-64 without AVX2. */
static const struct {
    const char *kernel;
    size_t columns; /* from so many ... */
    size_t depth;   /* ... and so many records on */
} DEEP[] = {
    /* clang-format off */
    {"avx512", 64, 32768},
    {"avx512", 128, 8192},
    {"avx512", 256, 4096},
    {"avx2", 16, 2048},
    {"avx2", 64, 1024},
    {"avx2", 128, 512},
    {"base", 32, 32768},
    {"base", 64, 1024},
    {"base", 128, 256},
    /* clang-format on */
};

bool gemm_is_for_blis(const gemm_kernel *own, const gemm_product *p)
{
    const bool is_gradient = p->x_row == 1 && p->bias == NULL && !p->rectify;
    for (size_t i = 0; is_gradient && i < sizeof DEEP / sizeof DEEP[0]; i++) {
        if (p->columns >= DEEP[i].columns && p->depth >= DEEP[i].depth &&
            strcmp(own->name, DEEP[i].kernel) == 0) {
            return true;
        }
    }
    return false;
}

void gemm_add_by_blis(const gemm_product *p)
{
    rntm_t one_thread = BLIS_RNTM_INITIALIZER;
    float one = 1.0F;
    bli_sgemm_ex(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, (dim_t)p->rows, (dim_t)p->columns,
                 (dim_t)p->depth, &one, (float *)p->x, (inc_t)p->x_row, (inc_t)p->x_step,
                 (float *)p->w, (inc_t)p->w_row, 1, &one, p->out, (inc_t)p->out_row, 1, NULL,
                 &one_thread);
}

void gemm_multiply(const gemm_kernel *own, const gemm_product *p)
{
    if (gemm_is_for_blis(own, p)) {
        gemm_add_by_blis(p);
    } else {
        own->product(p);
    }
}

void gemm_add_normal(size_t rows, size_t n, size_t m, const double x[], const double y[],
                     double out[])
{
    rntm_t one_thread = BLIS_RNTM_INITIALIZER;
    double one = 1.0;
    bli_dgemm_ex(BLIS_TRANSPOSE, BLIS_NO_TRANSPOSE, (dim_t)n, (dim_t)m, (dim_t)rows, &one,
                 (double *)x, (inc_t)n, 1, (double *)y, (inc_t)m, 1, &one, out, (inc_t)m, 1, NULL,
                 &one_thread);
}
