/* model/src/numeric/kernel.h: every variant that this processor runs, against libm in double
 * precision. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "model/net.h"
#include "net_kernel.h"
#include "seeded.h"

enum { LD = 2 * MODEL_KERNEL_BLOCK, N_IN = 37 };

static double sigmoid(double a)
{
    return 1.0 / (1.0 + exp(-a));
}

/* h' = n for r = 1 (rz = +87), z = 0 (rz = -87): the kernel's tanh; z = sigmoid alike with n = 0.
 */
static void gates_stay_within_3e_7_of_double_precision_libm(void **state)
{
    (void)state;
    const model_kernel *kernel;
    for (size_t k = 0; (kernel = model_kernel_at(k)) != NULL; k++) {
        double worst = 0.0;
        for (int i = 0; i < 60000; i++) {
            _Alignas(MODEL_NET_ALIGN) float rz[2 * MODEL_KERNEL_BLOCK];
            _Alignas(MODEL_NET_ALIGN) float ni[MODEL_KERNEL_BLOCK];
            _Alignas(MODEL_NET_ALIGN) float nh[MODEL_KERNEL_BLOCK];
            _Alignas(MODEL_NET_ALIGN) float h[MODEL_KERNEL_BLOCK];
            for (int j = 0; j < MODEL_KERNEL_BLOCK; j++) {
                const double at = -30.0 + 0.001 * i + 1e-5 * j;
                rz[j] = (float)at;
                rz[MODEL_KERNEL_BLOCK + j] = (float)(0.7 * at);
                ni[j] = (float)(0.3 * at);
                nh[j] = (float)(-0.45 * at);
                h[j] = (float)sin(at);
            }
            float before[MODEL_KERNEL_BLOCK];
            memcpy(before, h, sizeof h);
            kernel->gates(MODEL_KERNEL_BLOCK, rz, ni, nh, h);
            for (int j = 0; j < MODEL_KERNEL_BLOCK; j++) {
                const double r = sigmoid((double)rz[j]);
                const double z = sigmoid((double)rz[MODEL_KERNEL_BLOCK + j]);
                const double n = tanh((double)ni[j] + r * (double)nh[j]);
                const double exact = (1.0 - z) * n + z * (double)before[j];
                worst = fmax(worst, fabs((double)h[j] - exact));
            }
        }
        printf("%s: worst error of the gates %.3g\n", kernel->name, worst);
        /* Single precision rounds ni + r nh (up to 13.5 here) by up to 5e-7 where tanh is steep
         * only near 0; what is left is the kernel's own. */
        assert_true(worst < 3e-7);
    }
}

static void gates_saturate_and_let_nan_through(void **state)
{
    (void)state;
    const model_kernel *kernel;
    for (size_t k = 0; (kernel = model_kernel_at(k)) != NULL; k++) {
        _Alignas(MODEL_NET_ALIGN) float rz[2 * MODEL_KERNEL_BLOCK] = {0.0F};
        _Alignas(MODEL_NET_ALIGN) float ni[MODEL_KERNEL_BLOCK] = {0.0F};
        _Alignas(MODEL_NET_ALIGN) float nh[MODEL_KERNEL_BLOCK] = {0.0F};
        _Alignas(MODEL_NET_ALIGN) float h[MODEL_KERNEL_BLOCK] = {0.0F};
        rz[MODEL_KERNEL_BLOCK + 0] = -1e30F;
        ni[0] = 1e30F;
        rz[MODEL_KERNEL_BLOCK + 1] = 1e30F;
        h[1] = 0.25F;
        ni[2] = NAN;
        rz[3] = NAN;
        nh[3] = 1.0F;
        rz[MODEL_KERNEL_BLOCK + 4] = NAN;
        rz[MODEL_KERNEL_BLOCK + 5] = -INFINITY;
        ni[5] = -INFINITY;
        kernel->gates(MODEL_KERNEL_BLOCK, rz, ni, nh, h);
        CHECK_NEAR(h[0], 1.0, 1e-6);
        CHECK_NEAR(h[1], 0.25, 1e-6);
        assert_true(isnan(h[2]));
        assert_true(isnan(h[3]));
        assert_true(isnan(h[4]));
        CHECK_NEAR(h[5], -1.0, 1e-6);
    }
}

static void affine_equals_double_precision_to_rounding(void **state)
{
    (void)state;
    test_random r = test_random_seeded(11);
    _Alignas(MODEL_NET_ALIGN) static float W[N_IN * LD];
    _Alignas(MODEL_NET_ALIGN) float bias[LD];
    _Alignas(MODEL_NET_ALIGN) float out[LD];
    float x[N_IN];
    const model_kernel *kernel;
    for (size_t i = 0; i < N_IN * LD; i++) {
        W[i] = (float)test_random_normal(&r);
    }
    for (size_t i = 0; i < LD; i++) {
        bias[i] = (float)test_random_normal(&r);
    }
    for (size_t i = 0; i < N_IN; i++) {
        x[i] = (float)test_random_normal(&r);
    }
    for (size_t k = 0; (kernel = model_kernel_at(k)) != NULL; k++) {
        for (size_t n_in = 1; n_in <= N_IN; n_in++) {
            for (int rectify = 0; rectify < 2; rectify++) {
                kernel->affine(n_in, LD, W, bias, x, out, rectify == 1);
                for (size_t j = 0; j < LD; j++) {
                    double exact = (double)bias[j];
                    for (size_t i = 0; i < n_in; i++) {
                        exact += (double)x[i] * (double)W[i * LD + j];
                    }
                    CHECK_NEAR(out[j], rectify == 1 ? fmax(exact, 0.0) : exact, 2e-5);
                }
            }
        }
    }
}

static void affine_lets_nan_through_its_rectifier(void **state)
{
    (void)state;
    _Alignas(MODEL_NET_ALIGN) float W[MODEL_KERNEL_BLOCK] = {1.0F, -1.0F};
    _Alignas(MODEL_NET_ALIGN) float bias[MODEL_KERNEL_BLOCK] = {0.0F};
    _Alignas(MODEL_NET_ALIGN) float out[MODEL_KERNEL_BLOCK];
    const model_kernel *kernel;
    for (size_t k = 0; (kernel = model_kernel_at(k)) != NULL; k++) {
        const float x = NAN;
        kernel->affine(1, MODEL_KERNEL_BLOCK, W, bias, &x, out, true);
        assert_true(isnan(out[0]));
        assert_true(isnan(out[1]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gates_stay_within_3e_7_of_double_precision_libm),
        cmocka_unit_test(gates_saturate_and_let_nan_through),
        cmocka_unit_test(affine_equals_double_precision_to_rounding),
        cmocka_unit_test(affine_lets_nan_through_its_rectifier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
