/* The products of fits, cohorts and regressions by the project's own kernel and by BLIS, GFLOP/s of
 * both, and from them the table of model/src/numeric/gemm.c. One core. What BLIS does on lesser
 * processors is measured with BLIS_ARCH_TYPE set: 5 goes with the kernel base. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "gemm.h"

enum { REPEATS = 12, BLOCK_TRIALS = 32, UNITS_MAX = 256, ANIMALS_MAX = 1024, LANES = 64 };

static const size_t UNITS[] = {16, 32, 64, 128, 256};
enum {
    N_UNITS = sizeof UNITS / sizeof UNITS[0],
    LEAST_COLUMNS = 16,
    N_COLUMNS = 6, /* doubled so often: to 512 */
    LEAST_DEPTH = 256,
    N_DEPTHS = 8 /* to 32768 */
};

static const double MOST_LOST = 1.25; /* how much slower a choice may be than the other */

static const double LEAST_GAIN = 0.98; /* what a row of the table takes from any shape */

static const gemm_kernel *own;
static double worst;
static float *x, *w, *out, *bias;

/* How much faster BLIS is, at least, in gradients with so many columns and records; 0: unknown. */
static double gain[N_COLUMNS][N_DEPTHS];

static float *some_floats(size_t n)
{
    float *values = aligned_alloc(64, (n * sizeof *values + 63) / 64 * 64);
    if (values == NULL) {
        bench_die("no memory");
    }
    for (size_t i = 0; i < n; i++) {
        values[i] = (float)(i * 7919 % 1001) / 1000.0F - 0.5F;
    }
    return values;
}

/* What BLIS needs beside its product, for what the own kernel does at once. */
static void by_blis(const gemm_product *p)
{
    for (size_t i = 0; p->bias != NULL && i < p->rows; i++) {
        memcpy(p->out + i * p->out_row, p->bias, p->columns * sizeof(float));
    }
    gemm_add_by_blis(p);
    for (size_t i = 0; p->rectify && i < p->rows; i++) {
        for (size_t j = 0; j < p->columns; j++) {
            float *at = p->out + i * p->out_row + j;
            *at = *at < 0.0F ? 0.0F : *at;
        }
    }
}

static double best_ns(void (*multiply)(const gemm_product *), const gemm_product *p)
{
    const double flop = 2.0 * (double)(p->rows * p->columns) * (double)p->depth;
    const int calls = 1 + (int)(1e7 / flop);
    int64_t best = INT64_MAX;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        const int64_t start = bench_now_ns();
        for (int i = 0; i < calls; i++) {
            multiply(p);
        }
        const int64_t took = bench_now_ns() - start;
        best = took < best ? took : best;
    }
    return (double)best / calls;
}

/* Prints a line, and leaves both times. */
static void compare(const char *what, const gemm_product *p, double *by_own, double *by_other)
{
    const double flop = 2.0 * (double)(p->rows * p->columns) * (double)p->depth;
    const bool is_blis = gemm_is_for_blis(own, p);
    *by_own = best_ns(own->product, p);
    *by_other = best_ns(by_blis, p);
    const double lost = is_blis ? *by_other / *by_own : *by_own / *by_other;
    worst = lost > worst ? lost : worst;
    printf("%-24s %5zu x %5zu x %3zu  own %6.1f  BLIS %6.1f GFLOP/s  used: %s%s\n", what, p->rows,
           p->depth, p->columns, flop / *by_own, flop / *by_other, is_blis ? "BLIS" : "own",
           lost > 1.05 ? " (slower)" : "");
}

/* One trial of so many animals, forward and back: docs/model.md, section fit. */
static void compare_trial(size_t units, size_t animals)
{
    double ns[2];
    const size_t x_ld = (units + 10 + 15) / 16 * 16;
    const size_t a_ld = units + 16;
    const gemm_product products[] = {
        {animals, 2 * units, units + 8, x, x_ld, 1, w, 2 * units, bias, out, 4 * units, false},
        {animals, units, units, x, a_ld, 1, w, units, bias, out, a_ld, true},
        {animals, units, 3 * units, x, 4 * units, 1, w, units, NULL, out, units, false},
    };
    const char *const names[] = {"r and z", "a layer", "back through the gates"};
    for (size_t i = 0; i < sizeof products / sizeof products[0]; i++) {
        compare(names[i], &products[i], &ns[0], &ns[1]);
    }
}

static void compare_gradient(const char *what, size_t rows, size_t columns, size_t depth,
                             size_t x_ld, size_t w_ld)
{
    double ns[2];
    const gemm_product p = {rows, columns, depth, x, 1, x_ld, w, w_ld, NULL, out, columns, false};
    compare(what, &p, &ns[0], &ns[1]);
    for (size_t c = 0; c < N_COLUMNS; c++) {
        for (size_t d = 0; d < N_DEPTHS; d++) {
            if (columns == (size_t)LEAST_COLUMNS << c && depth == (size_t)LEAST_DEPTH << d) {
                const double here = ns[0] / ns[1];
                gain[c][d] = gain[c][d] == 0.0 || here < gain[c][d] ? here : gain[c][d];
            }
        }
    }
}

static void compare_gradients(size_t units, size_t depth)
{
    const size_t x_ld = (units + 10 + 15) / 16 * 16;
    compare_gradient("gradient of r and z", units + 9, 2 * units, depth, x_ld, 4 * units);
    compare_gradient("gradient of n of h", units + 1, units, depth, x_ld, 4 * units);
    compare_gradient("gradient of a layer", units + 1, units, depth, units + 16, units);
}

/* From which depth on BLIS is faster; a row where it is from fewer on than with fewer columns. */
static void print_table(void)
{
    size_t last = SIZE_MAX;
    printf("The table of gemm.c:\n");
    for (size_t c = 0; c < N_COLUMNS; c++) {
        size_t d = N_DEPTHS;
        while (d > 0 && gain[c][d - 1] > LEAST_GAIN) {
            d--;
        }
        if (d < N_DEPTHS && (size_t)LEAST_DEPTH << d < last) {
            last = (size_t)LEAST_DEPTH << d;
            printf("    {\"%s\", %zu, %zu},\n", own->name, (size_t)LEAST_COLUMNS << c, last);
        }
    }
}

static void compare_cohorts(void)
{
    double ns[2];
    for (size_t i = 0; i < N_UNITS; i++) {
        const size_t n = UNITS[i];
        const gemm_product p = {2 * n, LANES, n + 9, x,   n + 9, 1,
                                w,     LANES, bias,  out, LANES, false};
        printf("a cohort, %zu units\n", n);
        compare("r and z", &p, &ns[0], &ns[1]);
    }
}

/* Normal equations in double precision, against plain loops. */
static void compare_normal(size_t n)
{
    enum { ROWS = 256, MOST = 9 };
    static double a[ROWS * MOST], b[ROWS * MOST], sums[MOST * MOST];
    int64_t best[2] = {INT64_MAX, INT64_MAX};
    for (int repeat = 0; repeat < 40 * REPEATS; repeat++) {
        const int64_t start = bench_now_ns();
        gemm_add_normal(ROWS, n, n + 1, a, b, sums);
        const int64_t between = bench_now_ns();
        for (size_t t = 0; t < ROWS; t++) {
            for (size_t i = 0; i < n; i++) {
                for (size_t j = 0; j <= n; j++) {
                    sums[i * (n + 1) + j] += a[t * n + i] * b[t * (n + 1) + j];
                }
            }
        }
        const int64_t end = bench_now_ns();
        best[0] = end - between < best[0] ? end - between : best[0];
        best[1] = between - start < best[1] ? between - start : best[1];
    }
    const double flop = 2.0 * ROWS * (double)(n * (n + 1));
    printf("%-24s %5zu x %5d x %3zu  loops %4.1f  BLIS %6.1f GFLOP/s, double  used: BLIS\n",
           "normal equations", n, ROWS, n + 1, flop / (double)best[0], flop / (double)best[1]);
}

int main(int argc, char **argv)
{
    double kernel = 0.0;
    const struct bench_option list[] = {
        {"kernel", NULL, &kernel, NULL, "the best but so many of this processor's (default 0)"},
    };
    bench_options(argc, argv, "Matrix products: own kernels against BLIS.", list, 1);
    bench_machine();
    for (size_t i = 0; i <= (size_t)kernel; i++) {
        own = gemm_kernel_at(i);
        if (own == NULL) {
            bench_die("this processor runs %zu kernels", i);
        }
    }
    printf("kernel %s\n", own->name);
    x = some_floats((size_t)BLOCK_TRIALS * ANIMALS_MAX * (UNITS_MAX + 16));
    w = some_floats((size_t)BLOCK_TRIALS * ANIMALS_MAX * 4 * UNITS_MAX);
    out = some_floats((size_t)ANIMALS_MAX * 4 * UNITS_MAX);
    bias = some_floats(2 * UNITS_MAX);
    for (size_t i = 0; i < N_UNITS; i++) {
        printf("a fit, %zu units\n", UNITS[i]);
        for (size_t animals = 4; animals <= ANIMALS_MAX; animals *= 4) {
            compare_trial(UNITS[i], animals);
        }
        for (size_t d = 0; d < N_DEPTHS; d++) {
            compare_gradients(UNITS[i], (size_t)LEAST_DEPTH << d);
        }
    }
    compare_cohorts();
    for (size_t n = 2; n <= 8; n += 2) {
        compare_normal(n);
    }
    print_table();
    free(x);
    free(w);
    free(out);
    free(bias);
    return bench_verdict("slowest choice", worst, "times the faster", true, MOST_LOST);
}
