/* model/mouse.h: expected numbers are worked out from the formulas of model/rule.h. Seeds are
 * written out; every test gives the same result on every run. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "model/mouse.h"

static model_params params;
static model_mouse mouse;

static void state_params(const char *features, model_rule_kind kind, double rate)
{
    assert_int_equal(model_params_built_in(&params, features), MODEL_OK);
    memset(&params.noise, 0, sizeof params.noise);
    params.rule.kind = kind;
    for (size_t i = 0; i < MODEL_WEIGHTS_MAX; i++) {
        params.rule.rate[i] = rate;
    }
}

static model_trial trial_of(double contrast, bool right)
{
    return (model_trial){.contrast = contrast,
                         .reward = (contrast > 0.0) == right ? 1.0 : 0.0,
                         .rt_s = (double)NAN,
                         .choice = right,
                         .side = contrast > 0.0};
}

static void chooses_by_its_weights(void **state)
{
    (void)state;
    enum { N = 20000 };
    state_params("stimulus,bias", MODEL_RULE_NONE, 0.0);
    params.noise.prior_mean[0] = 2.0;
    params.noise.prior_mean[1] = -0.5;
    model_mouse_init(&mouse, &params, 11, 0);
    const double x = tanh(5.0 * 0.25) / tanh(5.0);
    const double p = 1.0 / (1.0 + exp(-(2.0 * x - 0.5)));
    assert_true(fabs(model_mouse_predict(&mouse, &params, 0.25) - p) < 1e-12);
    int n_right = 0;
    for (int i = 0; i < N; i++) {
        n_right += model_mouse_choose(&mouse, &params, 0.25);
    }
    assert_true(fabs((double)n_right / N - p) < 5.0 * sqrt(p * (1.0 - p) / N));
}

static void learns_by_its_rule(void **state)
{
    (void)state;
    state_params("stimulus,bias", MODEL_RULE_REINFORCE, 0.1);
    params.noise.prior_mean[1] = 0.4;
    model_mouse_init(&mouse, &params, 12, 0);
    const double x = tanh(5.0 * 0.5) / tanh(5.0);
    const double p = 1.0 / (1.0 + exp(-0.4));
    model_trial trial = trial_of(0.5, true);
    assert_int_equal(model_mouse_learn(&mouse, &params, &trial), MODEL_OK);
    assert_true(fabs(mouse.w[0] - 0.1 * (1.0 - p) * x) < 1e-12);
    assert_true(fabs(mouse.w[1] - (0.4 + 0.1 * (1.0 - p))) < 1e-12);
    /* An error is not rewarded, so REINFORCE moves nothing. */
    const model_mouse before = mouse;
    trial = trial_of(0.5, false);
    assert_int_equal(model_mouse_learn(&mouse, &params, &trial), MODEL_OK);
    assert_memory_equal(mouse.w, before.w, sizeof mouse.w);
}

static void remembers_its_last_choice_within_a_session(void **state)
{
    (void)state;
    state_params("bias,prev_choice", MODEL_RULE_NONE, 0.0);
    params.noise.prior_mean[1] = 1.0;
    model_mouse_init(&mouse, &params, 13, 0);
    assert_true(fabs(model_mouse_predict(&mouse, &params, 1.0) - 0.5) < 1e-12);
    const model_trial trial = trial_of(1.0, true);
    assert_int_equal(model_mouse_learn(&mouse, &params, &trial), MODEL_OK);
    assert_true(fabs(model_mouse_predict(&mouse, &params, 1.0) - 1.0 / (1.0 + exp(-1.0))) < 1e-12);
    model_mouse_start_session(&mouse, &params);
    assert_true(fabs(model_mouse_predict(&mouse, &params, 1.0) - 0.5) < 1e-12);
}

static void its_noise_has_the_stated_variance(void **state)
{
    (void)state;
    enum { MICE = 4000, TRIALS = 20 };
    state_params("stimulus,bias", MODEL_RULE_NONE, 0.0);
    params.noise.prior_var[0] = 0.5;
    params.noise.session_var[0] = 0.25;
    params.noise.drift_var[0] = 0.01;
    double squares = 0.0;
    for (uint64_t i = 0; i < MICE; i++) {
        model_mouse_init(&mouse, &params, 14, i);
        model_mouse_start_session(&mouse, &params);
        for (int t = 0; t < TRIALS; t++) {
            const model_trial trial = trial_of(1.0, true);
            assert_int_equal(model_mouse_learn(&mouse, &params, &trial), MODEL_OK);
        }
        squares += mouse.w[0] * mouse.w[0];
        assert_true(mouse.w[1] == 0.0);
    }
    const double expected = 0.5 + 0.25 + TRIALS * 0.01;
    assert_true(fabs(squares / MICE - expected) < 5.0 * expected * sqrt(2.0 / MICE));
}

static void the_same_seed_and_number_give_the_same_animal(void **state)
{
    (void)state;
    assert_int_equal(model_params_built_in(&params, NULL), MODEL_OK);
    model_mouse other;
    model_mouse_init(&mouse, &params, 15, 3);
    model_mouse_init(&other, &params, 15, 3);
    assert_memory_equal(&mouse, &other, sizeof mouse);
    model_mouse_init(&other, &params, 15, 4);
    assert_memory_not_equal(mouse.w, other.w, sizeof mouse.w);
    model_mouse_init(&other, &params, 16, 3);
    assert_memory_not_equal(mouse.w, other.w, sizeof mouse.w);
}

static void refuses_a_trial_without_a_choice_and_stays_as_it_was(void **state)
{
    (void)state;
    state_params("stimulus,bias", MODEL_RULE_REINFORCE, 0.1);
    model_mouse_init(&mouse, &params, 17, 0);
    const model_mouse before = mouse;
    model_trial trial = trial_of(1.0, true);
    trial.choice = -1;
    assert_int_equal(model_mouse_learn(&mouse, &params, &trial), MODEL_ERR_ARG);
    assert_memory_equal(&mouse, &before, sizeof mouse);
}

static void reacts_faster_when_it_is_sure(void **state)
{
    (void)state;
    enum { N = 2000 };
    state_params("stimulus", MODEL_RULE_NONE, 0.0);
    params.noise.prior_mean[0] = 4.0;
    model_mouse_init(&mouse, &params, 18, 0);
    double sure_s = 0.0;
    double unsure_s = 0.0;
    for (int i = 0; i < N; i++) {
        const double rt_s = model_mouse_draw_rt_s(&mouse, &params, 1.0);
        assert_true(rt_s > 0.2 && rt_s < 60.0);
        sure_s += rt_s;
        unsure_s += model_mouse_draw_rt_s(&mouse, &params, 0.0);
    }
    assert_true(sure_s < unsure_s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chooses_by_its_weights),
        cmocka_unit_test(learns_by_its_rule),
        cmocka_unit_test(remembers_its_last_choice_within_a_session),
        cmocka_unit_test(its_noise_has_the_stated_variance),
        cmocka_unit_test(the_same_seed_and_number_give_the_same_animal),
        cmocka_unit_test(refuses_a_trial_without_a_choice_and_stays_as_it_was),
        cmocka_unit_test(reacts_faster_when_it_is_sure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
