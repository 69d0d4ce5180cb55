/* model/static_glm.h: the weights of the third test are those of tests/reference/psychometric.py.
 */
#include <math.h>
#include <string.h>

#include "suite.h"

#include "check.h"
#include "filter.h"
#include "model/static_glm.h"

enum { TRIALS = 400 };

/* Features g (n_trials, 2): x of -1 or 1 and the constant; k of n chosen right at each x. */
static model_fit_animal sides(float g[], uint8_t y[], const size_t n[2], const size_t k[2])
{
    size_t t = 0;
    for (size_t side = 0; side < 2; side++) {
        for (size_t i = 0; i < n[side]; i++, t++) {
            g[2 * t] = side == 0 ? -1.0F : 1.0F;
            g[2 * t + 1] = 1.0F;
            y[t] = i < k[side] ? 1 : 0;
        }
    }
    return (model_fit_animal){.n_trials = t, .g = g, .chose_right = y};
}

/* As many weights as stimuli: the logits of the shares, but for the prior. */
static void two_stimuli_give_the_logits_of_their_shares(void **state)
{
    (void)state;
    static float g[2 * TRIALS];
    static uint8_t y[TRIALS];
    double w[2];
    const model_fit_animal a = sides(g, y, (const size_t[]){200, 200}, (const size_t[]){40, 150});
    const double left = log(40.0 / 160.0);
    const double right = log(150.0 / 50.0);
    assert_int_equal(model_static_glm_fit(2, 1, &a, w), MODEL_OK);
    CHECK_NEAR(w[0], (right - left) / 2.0, 1e-3);
    CHECK_NEAR(w[1], (right + left) / 2.0, 1e-3);
    CHECK_NEAR(model_static_glm_nats(2, w, &a) / 400.0,
               -(40 * log(0.2) + 160 * log(0.8) + 150 * log(0.75) + 50 * log(0.25)) / 400.0, 1e-6);
}

static void choices_without_exception_give_finite_weights(void **state)
{
    (void)state;
    static float g[2 * TRIALS];
    static uint8_t y[TRIALS];
    double w[2];
    const model_fit_animal a = sides(g, y, (const size_t[]){200, 200}, (const size_t[]){0, 200});
    assert_int_equal(model_static_glm_fit(2, 1, &a, w), MODEL_OK);
    assert_true(w[0] > 5.0 && w[0] < 50.0);
    CHECK_NEAR(w[1], 0.0, 1e-9);
    /* Where the derivative of the prior and that of the choices are equal. */
    CHECK_NEAR(w[0] / MODEL_STATIC_GLM_VAR, 400.0 * sigmoid_exact(-w[0]), 1e-9);
}

/* The same trials as in the reference. */
static void matches_the_reference(void **state)
{
    (void)state;
    static float g[3 * TRIALS];
    static uint8_t y[TRIALS];
    uint32_t x = 1;
    double w[3];
    for (size_t t = 0; t < TRIALS; t++) {
        for (size_t i = 0; i < 3; i++) {
            x = x * 1664525U + 1013904223U;
            g[3 * t + i] = i < 2 ? (float)(x >> 8) / 8388608.0F - 1.0F : 1.0F;
        }
        x = x * 1664525U + 1013904223U;
        y[t] = (double)(x >> 8) / 16777216.0 <
                       sigmoid_exact(2.0 * (double)g[3 * t] - (double)g[3 * t + 1] + 0.5)
                   ? 1
                   : 0;
    }
    /* However the trials are shared out to animals. */
    const model_fit_animal animals[] = {
        {.n_trials = 150, .g = g, .chose_right = y},
        {.n_trials = 0, .g = g, .chose_right = y},
        {.n_trials = 250, .g = g + 3 * 150, .chose_right = y + 150},
    };
    assert_int_equal(model_static_glm_fit(3, 3, animals, w), MODEL_OK);
    CHECK_NEAR(w[0], 2.290727316324, 1e-9);
    CHECK_NEAR(w[1], -1.031465660152, 1e-9);
    CHECK_NEAR(w[2], 0.462897062303, 1e-9);
    CHECK_NEAR(model_static_glm_nats(3, w, &animals[0]) + model_static_glm_nats(3, w, &animals[2]),
               201.576843225531, 1e-9);
}

static void nothing_to_learn_from_leaves_even_odds(void **state)
{
    (void)state;
    double w[2] = {7.0, 7.0};
    assert_int_equal(model_static_glm_fit(2, 0, NULL, w), MODEL_OK);
    CHECK_NEAR(w[0], 0.0, 0.0);
    CHECK_NEAR(w[1], 0.0, 0.0);
}

static void refuses_what_is_not_finite_and_leaves_the_weights(void **state)
{
    (void)state;
    double w[1] = {7.0};
    const float g[] = {1.0F, (float)NAN};
    const uint8_t y[] = {1, 0};
    const model_fit_animal a = {.n_trials = 2, .g = g, .chose_right = y};
    assert_int_equal(model_static_glm_fit(1, 1, &a, w), MODEL_ERR_NUMERIC);
    assert_int_equal(model_static_glm_fit(0, 1, &a, w), MODEL_ERR_ARG);
    assert_int_equal(model_static_glm_fit(MODEL_WEIGHTS_MAX + 1, 1, &a, w), MODEL_ERR_ARG);
    CHECK_NEAR(w[0], 7.0, 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_stimuli_give_the_logits_of_their_shares),
        cmocka_unit_test(choices_without_exception_give_finite_weights),
        cmocka_unit_test(matches_the_reference),
        cmocka_unit_test(nothing_to_learn_from_leaves_even_odds),
        cmocka_unit_test(refuses_what_is_not_finite_and_leaves_the_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
