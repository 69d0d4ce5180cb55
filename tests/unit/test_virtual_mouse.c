/* model/virtual_mouse.h: expected numbers are worked out from the formulas of model/rule.h. Seeds
 * are written out; every test gives the same result on every run. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "model/virtual_mouse.h"

static model_params params;
static model_virtual_mouse mouse;

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
    model_virtual_mouse_init(&mouse, &params, 11, 0);
    const double x = tanh(5.0 * 0.25) / tanh(5.0);
    const double p = 1.0 / (1.0 + exp(-(2.0 * x - 0.5)));
    assert_true(fabs(model_virtual_mouse_predict(&mouse, &params, 0.25) - p) < 1e-12);
    int n_right = 0;
    for (int i = 0; i < N; i++) {
        n_right += model_virtual_mouse_choose(&mouse, &params, 0.25);
    }
    assert_true(fabs((double)n_right / N - p) < 5.0 * sqrt(p * (1.0 - p) / N));
}

static void learns_by_its_rule(void **state)
{
    (void)state;
    state_params("stimulus,bias", MODEL_RULE_REINFORCE, 0.1);
    params.noise.prior_mean[1] = 0.4;
    model_virtual_mouse_init(&mouse, &params, 12, 0);
    const double x = tanh(5.0 * 0.5) / tanh(5.0);
    const double p = 1.0 / (1.0 + exp(-0.4));
    model_trial trial = trial_of(0.5, true);
    assert_int_equal(model_virtual_mouse_learn(&mouse, &params, &trial), MODEL_OK);
    assert_true(fabs(mouse.w[0] - 0.1 * (1.0 - p) * x) < 1e-12);
    assert_true(fabs(mouse.w[1] - (0.4 + 0.1 * (1.0 - p))) < 1e-12);
    /* An error is not rewarded, so REINFORCE moves nothing. */
    const model_virtual_mouse before = mouse;
    trial = trial_of(0.5, false);
    assert_int_equal(model_virtual_mouse_learn(&mouse, &params, &trial), MODEL_OK);
    assert_memory_equal(mouse.w, before.w, sizeof mouse.w);
}

/* The stated rule, written anew: dw of one weight. trace: eligibility's, of that weight. */
static double stated_dw(const model_rule *rule, size_t i, double p, double g,
                        const model_trial *trial, double *trace)
{
    const double y = trial->choice;
    const double r = trial->reward;
    const double s = trial->side;
    const double a = rule->rate[i];
    const double l = rule->decay[i];
    if (rule->kind == MODEL_RULE_REINFORCE) {
        return a * r * (y - p) * g;
    }
    if (rule->kind == MODEL_RULE_REINFORCE_BASE) {
        return a * (r - rule->baseline[i]) * (y - p) * g;
    }
    if (rule->kind == MODEL_RULE_REWARD_MAX) {
        return 2.0 * a * (2.0 * s - 1.0) * p * (1.0 - p) * g;
    }
    if (rule->kind == MODEL_RULE_PREDICT_MAX) {
        return a * (s - p) * g;
    }
    if (rule->kind == MODEL_RULE_ELIGIBILITY) {
        *trace = l * *trace + (1.0 - l) * (y - p) * g;
        return a * r * *trace;
    }
    return 0.0;
}

enum { LIFE = 4000, HERD = 3 };

/* Lives of animals of params: what is left of each change of weight when the stated dw is taken
 * off, as mean and variance; returns the largest. */
static double residuals(double mean[2], double var[2])
{
    double largest = 0.0;
    memset(mean, 0, 2 * sizeof mean[0]);
    memset(var, 0, 2 * sizeof var[0]);
    for (uint64_t number = 0; number < HERD; number++) {
        double trace[2] = {0.0, 0.0};
        model_random rig;
        model_random_seed(&rig, 90, 7000 + number);
        model_virtual_mouse_init(&mouse, &params, 90, number);
        for (int t = 0; t < LIFE; t++) {
            const double c = model_random_uniform(&rig) * 2.0 - 1.0;
            const model_trial trial = trial_of(c, model_virtual_mouse_choose(&mouse, &params, c));
            const model_virtual_mouse before = mouse;
            const double p = model_virtual_mouse_predict(&before, &params, c);
            const double g[2] = {tanh(5.0 * c) / tanh(5.0), 1.0};
            assert_int_equal(model_virtual_mouse_learn(&mouse, &params, &trial), MODEL_OK);
            for (size_t i = 0; i < 2; i++) {
                const double left = mouse.w[i] - before.w[i] -
                                    stated_dw(&params.rule, i, p, g[i], &trial, &trace[i]);
                mean[i] += left / (HERD * LIFE);
                var[i] += left * left / (HERD * LIFE);
                largest = fmax(largest, fabs(left));
            }
        }
    }
    return largest;
}

static void a_herd_of_every_rule_learns_as_stated_and_its_noise_is_what_is_left(void **state)
{
    (void)state;
    static const model_rule_kind KINDS[] = {MODEL_RULE_NONE,           MODEL_RULE_REINFORCE,
                                            MODEL_RULE_REINFORCE_BASE, MODEL_RULE_REWARD_MAX,
                                            MODEL_RULE_PREDICT_MAX,    MODEL_RULE_ELIGIBILITY};
    const double noise_var[2] = {1e-4, 4e-4};
    for (size_t k = 0; k < sizeof KINDS / sizeof KINDS[0]; k++) {
        double mean[2];
        double var[2];
        state_params("stimulus,bias", KINDS[k], 0.02);
        params.rule.baseline[0] = params.rule.baseline[1] = 0.3;
        params.rule.decay[0] = params.rule.decay[1] = 0.8;
        assert_true(residuals(mean, var) < 1e-12);
        memcpy(params.noise.drift_var, noise_var, sizeof noise_var);
        (void)residuals(mean, var);
        for (size_t i = 0; i < 2; i++) {
            const double n = HERD * LIFE;
            assert_true(fabs(mean[i]) < 5.0 * sqrt(noise_var[i] / n));
            assert_true(fabs(var[i] - noise_var[i]) < 5.0 * noise_var[i] * sqrt(2.0 / n));
        }
    }
}

static void without_a_rule_and_noise_it_stands_still(void **state)
{
    (void)state;
    state_params("stimulus,bias", MODEL_RULE_NONE, 0.0);
    params.noise.prior_mean[0] = 1.25;
    params.noise.prior_mean[1] = -0.5;
    model_virtual_mouse_init(&mouse, &params, 91, 0);
    for (int t = 0; t < 500; t++) {
        const model_trial trial = trial_of(0.5, model_virtual_mouse_choose(&mouse, &params, 0.5));
        assert_int_equal(model_virtual_mouse_learn(&mouse, &params, &trial), MODEL_OK);
        if (t % 100 == 99) {
            model_virtual_mouse_start_session(&mouse, &params);
        }
    }
    assert_true(mouse.w[0] == 1.25 && mouse.w[1] == -0.5);
}

static void remembers_its_last_choice_within_a_session(void **state)
{
    (void)state;
    state_params("bias,prev_choice", MODEL_RULE_NONE, 0.0);
    params.noise.prior_mean[1] = 1.0;
    model_virtual_mouse_init(&mouse, &params, 13, 0);
    assert_true(fabs(model_virtual_mouse_predict(&mouse, &params, 1.0) - 0.5) < 1e-12);
    const model_trial trial = trial_of(1.0, true);
    assert_int_equal(model_virtual_mouse_learn(&mouse, &params, &trial), MODEL_OK);
    assert_true(fabs(model_virtual_mouse_predict(&mouse, &params, 1.0) - 1.0 / (1.0 + exp(-1.0))) <
                1e-12);
    model_virtual_mouse_start_session(&mouse, &params);
    assert_true(fabs(model_virtual_mouse_predict(&mouse, &params, 1.0) - 0.5) < 1e-12);
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
        model_virtual_mouse_init(&mouse, &params, 14, i);
        model_virtual_mouse_start_session(&mouse, &params);
        for (int t = 0; t < TRIALS; t++) {
            const model_trial trial = trial_of(1.0, true);
            assert_int_equal(model_virtual_mouse_learn(&mouse, &params, &trial), MODEL_OK);
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
    model_virtual_mouse other;
    model_virtual_mouse_init(&mouse, &params, 15, 3);
    model_virtual_mouse_init(&other, &params, 15, 3);
    assert_memory_equal(&mouse, &other, sizeof mouse);
    model_virtual_mouse_init(&other, &params, 15, 4);
    assert_memory_not_equal(mouse.w, other.w, sizeof mouse.w);
    model_virtual_mouse_init(&other, &params, 16, 3);
    assert_memory_not_equal(mouse.w, other.w, sizeof mouse.w);
}

static void refuses_a_trial_without_a_choice_and_stays_as_it_was(void **state)
{
    (void)state;
    state_params("stimulus,bias", MODEL_RULE_REINFORCE, 0.1);
    model_virtual_mouse_init(&mouse, &params, 17, 0);
    const model_virtual_mouse before = mouse;
    model_trial trial = trial_of(1.0, true);
    trial.choice = -1;
    assert_int_equal(model_virtual_mouse_learn(&mouse, &params, &trial), MODEL_ERR_ARG);
    assert_memory_equal(&mouse, &before, sizeof mouse);
}

static void a_trial_without_a_choice_counts_and_drifts_but_teaches_nothing(void **state)
{
    (void)state;
    state_params("stimulus,bias", MODEL_RULE_REINFORCE, 0.1);
    params.noise.drift_var[0] = 0.01;
    model_virtual_mouse_init(&mouse, &params, 19, 0);
    model_virtual_mouse before = mouse;
    model_virtual_mouse_pass(&mouse, &params);
    assert_true(mouse.w[0] != before.w[0] && mouse.w[1] == before.w[1]);
    assert_int_equal(mouse.n_session, 1);
    assert_int_equal(mouse.n_trials, 1);
    assert_true(mouse.at_session_start);
    assert_memory_equal(&mouse.history, &before.history, sizeof mouse.history);
}

static void reacts_faster_when_it_is_sure(void **state)
{
    (void)state;
    enum { N = 2000 };
    state_params("stimulus", MODEL_RULE_NONE, 0.0);
    params.noise.prior_mean[0] = 4.0;
    model_virtual_mouse_init(&mouse, &params, 18, 0);
    double sure_s = 0.0;
    double unsure_s = 0.0;
    for (int i = 0; i < N; i++) {
        const double rt_s = model_virtual_mouse_draw_rt_s(&mouse, &params, 1.0);
        assert_true(rt_s > 0.2 && rt_s < 60.0);
        sure_s += rt_s;
        unsure_s += model_virtual_mouse_draw_rt_s(&mouse, &params, 0.0);
    }
    assert_true(sure_s < unsure_s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chooses_by_its_weights),
        cmocka_unit_test(learns_by_its_rule),
        cmocka_unit_test(a_herd_of_every_rule_learns_as_stated_and_its_noise_is_what_is_left),
        cmocka_unit_test(without_a_rule_and_noise_it_stands_still),
        cmocka_unit_test(remembers_its_last_choice_within_a_session),
        cmocka_unit_test(its_noise_has_the_stated_variance),
        cmocka_unit_test(the_same_seed_and_number_give_the_same_animal),
        cmocka_unit_test(refuses_a_trial_without_a_choice_and_stays_as_it_was),
        cmocka_unit_test(a_trial_without_a_choice_counts_and_drifts_but_teaches_nothing),
        cmocka_unit_test(reacts_faster_when_it_is_sure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
