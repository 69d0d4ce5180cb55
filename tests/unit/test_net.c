/* model/net.h */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "net_kernel.h"
#include "some_net.h"

static const model_net_shape RNN_32 = {true, 8, 32, 2, 2};

/* The same net in double precision, straight from the tensors: PyTorch's formulas. */
static void reference_step(const some_net *s, const double in[], double h[], double out[])
{
    const model_net_tensors *t = &s->tensors;
    const size_t n = s->shape.n_inputs;
    const size_t n_hidden = s->shape.n_hidden;
    double a[MODEL_HIDDEN_MAX];
    double b[MODEL_HIDDEN_MAX];
    memcpy(a, in, n * sizeof a[0]);
    if (s->shape.is_recurrent) {
        double gate[2][3 * MODEL_STATE_MAX];
        for (size_t o = 0; o < 3 * n_hidden; o++) {
            gate[0][o] = (double)t->gru_bias_ih[o];
            gate[1][o] = (double)t->gru_bias_hh[o];
            for (size_t i = 0; i < n; i++) {
                gate[0][o] += (double)t->gru_weight_ih[o * n + i] * in[i];
            }
            for (size_t i = 0; i < n_hidden; i++) {
                gate[1][o] += (double)t->gru_weight_hh[o * n_hidden + i] * h[i];
            }
        }
        for (size_t i = 0; i < n_hidden; i++) {
            const double r = 1.0 / (1.0 + exp(-gate[0][i] - gate[1][i]));
            const double z = 1.0 / (1.0 + exp(-gate[0][n_hidden + i] - gate[1][n_hidden + i]));
            const double c = tanh(gate[0][2 * n_hidden + i] + r * gate[1][2 * n_hidden + i]);
            h[i] = (1.0 - z) * c + z * h[i];
        }
        memcpy(a, h, n_hidden * sizeof a[0]);
    }
    for (uint32_t layer = 0; layer <= s->shape.n_layers; layer++) {
        const size_t n_in = model_net_layer_inputs(&s->shape, layer);
        const size_t n_out = model_net_layer_outputs(&s->shape, layer);
        for (size_t o = 0; o < n_out; o++) {
            b[o] = (double)t->bias[layer][o];
            for (size_t i = 0; i < n_in; i++) {
                b[o] += (double)t->weight[layer][o * n_in + i] * a[i];
            }
            if (layer < s->shape.n_layers) {
                b[o] = fmax(b[o], 0.0);
            }
        }
        memcpy(a, b, n_out * sizeof a[0]);
    }
    for (size_t i = 0; i < s->shape.n_outputs; i++) {
        out[i] = (double)t->scale[i] * a[i];
    }
}

static const model_net_shape SHAPES[] = {
    {true, 8, 32, 2, 2},  {true, 9, 4, 1, 3},   {true, 14, 128, 4, 8}, {true, 7, 33, 3, 1},
    {false, 8, 32, 2, 2}, {false, 9, 64, 3, 3}, {false, 7, 1, 1, 1},   {false, 32, 256, 4, 16},
};
enum { N_SHAPES = sizeof SHAPES / sizeof SHAPES[0] };

static void steps_as_the_formulas_in_double_precision_do(void **state)
{
    (void)state;
    test_random r = test_random_seeded(21);
    for (int k = 0; k < N_SHAPES; k++) {
        some_net *s = some_net_make(&r, SHAPES[k]);
        float h[MODEL_STATE_MAX] = {0.0F};
        double exact_h[MODEL_STATE_MAX] = {0.0};
        double worst = 0.0;
        for (int step = 0; step < 300; step++) {
            float in[MODEL_NET_INPUTS_MAX];
            double exact_in[MODEL_NET_INPUTS_MAX];
            float out[MODEL_NET_OUTPUTS_MAX];
            double exact[MODEL_NET_OUTPUTS_MAX];
            for (uint32_t i = 0; i < SHAPES[k].n_inputs; i++) {
                in[i] = (float)test_random_normal(&r);
                exact_in[i] = (double)in[i];
            }
            assert_int_equal(model_net_step(s->net, in, h, out), MODEL_OK);
            reference_step(s, exact_in, exact_h, exact);
            for (uint32_t i = 0; i < SHAPES[k].n_outputs; i++) {
                worst = fmax(worst, fabs((double)out[i] - exact[i]));
            }
        }
        printf("shape %d, kernel %s: worst error %.3g\n", k, model_kernel_at(0)->name, worst);
        assert_true(worst < 5e-9); /* outputs are of the order of the scale, 0.01 */
        some_net_free(s);
    }
}

static void the_same_inputs_give_the_same_bits(void **state)
{
    (void)state;
    test_random r = test_random_seeded(23);
    some_net *s = some_net_make(&r, RNN_32);
    /* Different alignment, and stack contents that differ between the calls. */
    _Alignas(MODEL_NET_ALIGN) float room[2][MODEL_STATE_MAX + 16] = {{0.0F}};
    float out[2][MODEL_NET_OUTPUTS_MAX];
    for (int step = 0; step < 200; step++) {
        float in[8];
        for (int i = 0; i < 8; i++) {
            in[i] = (float)test_random_normal(&r);
        }
        assert_int_equal(model_net_step(s->net, in, room[0], out[0]), MODEL_OK);
        assert_int_equal(model_net_step(s->net, in, room[1] + 3, out[1]), MODEL_OK);
        assert_memory_equal(out[0], out[1], 2 * sizeof(float));
        assert_memory_equal(room[0], room[1] + 3, 32 * sizeof(float));
    }
    some_net_free(s);
}

static void a_non_finite_input_is_refused_and_h_stays(void **state)
{
    (void)state;
    test_random r = test_random_seeded(24);
    some_net *s = some_net_make(&r, RNN_32);
    float h[32];
    float before[32];
    float out[2] = {7.0F, 7.0F};
    for (int i = 0; i < 32; i++) {
        h[i] = before[i] = 0.1F;
    }
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (int k = 0; k < 3; k++) {
        const float in[8] = {0.0F, bad[k], 1.0F};
        assert_int_equal(model_net_step(s->net, in, h, out), MODEL_ERR_NUMERIC);
        assert_memory_equal(h, before, sizeof h);
        CHECK_NEAR(out[0], 7.0, 0.0);
    }
    some_net_free(s);
}

static void init_refuses_bad_shapes_short_memory_and_weights_that_are_not_finite(void **state)
{
    (void)state;
    test_random r = test_random_seeded(25);
    some_net *s = some_net_make(&r, RNN_32);
    const size_t size = model_net_size(&RNN_32);
    model_net *net = NULL;
    const model_net_shape bad[] = {
        {true, 0, 32, 2, 2},   {true, 8, 129, 2, 2},       {true, 8, 32, 0, 2},
        {true, 8, 32, 5, 2},   {true, 8, 32, 2, 17},       {true, 33, 32, 2, 2},
        {false, 8, 0, 2, 2},   {true, 8, 32, 2, 0},        {true, 8, 4096, 2, 2},
        {false, 8, 257, 2, 2}, {true, UINT32_MAX, 1, 1, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(model_net_size(&bad[i]), 0);
        assert_int_equal(model_net_init(s->memory, size, &bad[i], &s->tensors, &net),
                         MODEL_ERR_ARG);
    }
    assert_int_equal(model_net_init(s->memory, size - 1, &RNN_32, &s->tensors, &net),
                     MODEL_ERR_SPACE);
    s->values[100] = NAN;
    assert_int_equal(model_net_init(s->memory, size, &RNN_32, &s->tensors, &net), MODEL_ERR_ARG);
    assert_null(net);
    some_net_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_as_the_formulas_in_double_precision_do),
        cmocka_unit_test(the_same_inputs_give_the_same_bits),
        cmocka_unit_test(a_non_finite_input_is_refused_and_h_stays),
        cmocka_unit_test(init_refuses_bad_shapes_short_memory_and_weights_that_are_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
