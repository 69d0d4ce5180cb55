/* model/src/numeric/gemm.h and gemm_kernel.h, against sums in double precision. */
#include <math.h>
#include <stdlib.h>

#include "suite.h"

#include "check.h"
#include "gemm.h"
#include "seeded.h"

static void every_kernel_multiplies_alike_whatever_the_shape(void **state)
{
    (void)state;
    test_random r = test_random_seeded(18);
    static float x[40 * 50];
    static float w[50 * 96];
    static float bias[96];
    for (size_t i = 0; i < 40 * 50; i++) {
        x[i] = (float)test_random_normal(&r);
    }
    for (size_t i = 0; i < 50 * 96; i++) {
        w[i] = (float)test_random_normal(&r);
    }
    for (size_t i = 0; i < 96; i++) {
        bias[i] = (float)test_random_normal(&r);
    }
    for (size_t k = 0; gemm_kernel_at(k) != NULL; k++) {
        const gemm_kernel *kernel = gemm_kernel_at(k);
        double worst = 0.0;
        for (size_t rows = 1; rows <= 40; rows++) {
            for (size_t columns = GEMM_BLOCK; columns <= 96; columns += GEMM_BLOCK) {
                for (int form = 0; form < 4; form++) {
                    static float out[40 * 96];
                    static float start[40 * 96];
                    const size_t depth = (rows * 7 + columns) % 50;
                    for (size_t i = 0; i < 40 * 96; i++) {
                        start[i] = out[i] = (float)(i % 5);
                    }
                    const bool is_transposed = form % 2 == 1;
                    const gemm_product p = {.rows = rows,
                                            .columns = columns,
                                            .depth = depth,
                                            .x = x,
                                            .x_row = is_transposed ? 1 : 50,
                                            .x_step = is_transposed ? 40 : 1,
                                            .w = w,
                                            .w_row = 96,
                                            .bias = form < 2 ? bias : NULL,
                                            .out = out,
                                            .out_row = 96,
                                            .rectify = form == 0};
                    kernel->product(&p);
                    for (size_t i = 0; i < 40; i++) {
                        for (size_t j = 0; j < 96; j++) {
                            double sum = (double)(form < 2 ? bias[j] : start[i * 96 + j]);
                            for (size_t d = 0; d < depth; d++) {
                                sum +=
                                    (double)x[i * p.x_row + d * p.x_step] * (double)w[d * 96 + j];
                            }
                            sum = form == 0 && sum < 0.0 ? 0.0 : sum;
                            const bool is_in = i < rows && j < columns;
                            worst = fmax(worst, fabs((double)out[i * 96 + j] -
                                                     (is_in ? sum : (double)start[i * 96 + j])));
                        }
                    }
                }
            }
        }
        printf("%s: worst difference %.2g\n", kernel->name, worst);
        assert_true(worst < 3e-5);
        float out[GEMM_BLOCK];
        const float nan_x = NAN;
        const gemm_product p = {1, GEMM_BLOCK, 1, &nan_x, 1, 1, w, 96, bias, out, GEMM_BLOCK, true};
        kernel->product(&p);
        assert_true(isnan(out[3]));
    }
}

static float *normal_floats(test_random *r, size_t n)
{
    float *values = malloc(n * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < n; i++) {
        values[i] = (float)test_random_normal(r);
    }
    return values;
}

/* Worst difference from x' w, relative to the spread of such a sum. */
static double gradient_error(const gemm_product *p)
{
    double worst = 0.0;
    for (size_t i = 0; i < p->rows; i += 7) {
        for (size_t j = 0; j < p->columns; j += 5) {
            double sum = 1.0;
            for (size_t k = 0; k < p->depth; k++) {
                sum += (double)p->x[k * p->x_step + i] * (double)p->w[k * p->w_row + j];
            }
            const double error = fabs(sum - (double)p->out[i * p->out_row + j]);
            worst = fmax(worst, error / sqrt((double)p->depth));
        }
    }
    return worst;
}

/* A gradient of 41 inputs and units: x and w stand among other columns. */
static void blis_and_every_kernel_find_the_same_gradient(void **state)
{
    (void)state;
    enum { ROWS = 41, COLUMNS = 64, DEPTH = 3000, X_LD = 48, W_LD = 96 };
    test_random r = test_random_seeded(19);
    float *x = normal_floats(&r, (size_t)DEPTH * X_LD);
    float *w = normal_floats(&r, (size_t)DEPTH * W_LD);
    static float out[ROWS * COLUMNS];
    gemm_product p = {ROWS, COLUMNS, DEPTH, x, 1, X_LD, w, W_LD, NULL, out, COLUMNS, false};
    for (size_t k = 0; k == 0 || gemm_kernel_at(k - 1) != NULL; k++) {
        for (size_t i = 0; i < ROWS * COLUMNS; i++) {
            out[i] = 1.0F;
        }
        if (k == 0) {
            gemm_add_by_blis(&p);
        } else {
            gemm_kernel_at(k - 1)->product(&p);
        }
        assert_true(gradient_error(&p) < 3e-5);
    }
    free(x);
    free(w);
}

/* Small nets keep their bits whatever is done for large ones. */
static void only_deep_gradients_of_wide_nets_go_to_blis(void **state)
{
    (void)state;
    const float bias[512] = {0.0F};
    for (size_t k = 0; gemm_kernel_at(k) != NULL; k++) {
        const gemm_kernel *own = gemm_kernel_at(k);
        gemm_product p = {.rows = 265, .columns = 512, .depth = 8192, .x_row = 1, .x_step = 288};
        assert_true(gemm_is_for_blis(own, &p));
        p.bias = bias;
        assert_false(gemm_is_for_blis(own, &p));
        p = (gemm_product){.rows = 4096, .columns = 512, .depth = 264, .x_row = 288, .x_step = 1};
        assert_false(gemm_is_for_blis(own, &p));
        for (size_t units = 16; units <= 32; units += 16) { /* 32 trials of 24 animals a shard */
            p = (gemm_product){.rows = units + 9,
                               .columns = 2 * units,
                               .depth = 32 * 24,
                               .x_row = 1,
                               .x_step = units + 16};
            assert_false(gemm_is_for_blis(own, &p));
        }
    }
}

static void normal_equations_add_up(void **state)
{
    (void)state;
    enum { ROWS = 301, N = 5, M = 6 };
    static double x[ROWS * N];
    static double y[ROWS * M];
    double out[N * M];
    test_random r = test_random_seeded(20);
    for (size_t i = 0; i < ROWS * N; i++) {
        x[i] = test_random_normal(&r);
    }
    for (size_t i = 0; i < ROWS * M; i++) {
        y[i] = test_random_normal(&r);
    }
    for (size_t i = 0; i < N * M; i++) {
        out[i] = (double)i;
    }
    gemm_add_normal(ROWS, N, M, x, y, out);
    for (size_t i = 0; i < N * M; i++) {
        double sum = (double)i;
        for (size_t t = 0; t < ROWS; t++) {
            sum += x[t * N + i / M] * y[t * M + i % M];
        }
        CHECK_NEAR(out[i], sum, 1e-12);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_multiplies_alike_whatever_the_shape),
        cmocka_unit_test(blis_and_every_kernel_find_the_same_gradient),
        cmocka_unit_test(only_deep_gradients_of_wide_nets_go_to_blis),
        cmocka_unit_test(normal_equations_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
