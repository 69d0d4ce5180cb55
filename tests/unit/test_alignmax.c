/* alignmax.h: expected steps in closed form, and against draws of weights, choices and
 * rewards.
 */
#include "suite.h"

#include <string.h>

#include "alignmax.h"
#include "check.h"
#include "model/random.h"

static model_bank_params params;
static model_rate_grid pace;
static double weight[MODEL_RATE_GRID_STRANDS];
static double honest[2][2] = {{1.0, 0.0}, {0.0, 1.0}};

static void one_member(model_rule_kind kind, double rate, double stimulus, double bias, double var)
{
    model_params p;
    (void)model_params_built_in(&p, "stimulus,bias");
    p.rule.kind = kind;
    p.rule.rate[0] = p.rule.rate[1] = rate;
    p.rule.baseline[0] = p.rule.baseline[1] = 0.2;
    p.noise.prior_mean[0] = stimulus;
    p.noise.prior_mean[1] = bias;
    p.noise.prior_var[0] = p.noise.prior_var[1] = var;
    model_bank_single(&params, &p);
    memset(&pace, 0, sizeof pace);
    memset(weight, 0, sizeof weight);
    model_rate_grid_init(&pace, &params);
    for (int64_t i = 0; i < pace.n; i++) {
        weight[i] = pace.strand[i].pace == 1.0 ? 1.0 : 0.0;
    }
}

static double align(double contrast)
{
    double goal[2];
    double gain;
    model_alignmax_goal(&params.member[0].policy, 5.0, goal);
    model_alignmax(&pace, &params, weight, goal, honest, 1, &contrast, &gain);
    return gain;
}

static double sigmoid(double a)
{
    return 1.0 / (1.0 + exp(-a));
}

static void the_goal_is_a_weight_of_the_stimulus_and_no_bias(void **context)
{
    (void)context;
    double goal[2];
    one_member(MODEL_RULE_NONE, 0.0, 0.0, 0.0, 1.0);
    model_alignmax_goal(&params.member[0].policy, 5.0, goal);
    CHECK_NEAR(goal[0], 5.0, 0.0);
    CHECK_NEAR(goal[1], 0.0, 0.0);
}

/* Right: a p (1 - p) x. Left: the choice is right with 1 - p, and g is (-x, 1). */
static void is_that_of_reinforce_in_closed_form(void **context)
{
    (void)context;
    one_member(MODEL_RULE_REINFORCE, 0.1, 2.0, 0.5, 1e-12);
    const double x = tanh(5.0 * 0.25) / tanh(5.0);
    const double p = sigmoid(2.0 * x + 0.5);
    CHECK_NEAR(align(0.25), 0.1 * p * (1.0 - p) * (x * 3.0 - 0.5), 1e-7);
    const double q = sigmoid(-2.0 * x + 0.5);
    CHECK_NEAR(align(-0.25), 0.1 * (1.0 - q) * -q * (-x * 3.0 - 0.5), 1e-7);
}

static void a_bias_asks_for_the_other_side(void **context)
{
    (void)context;
    one_member(MODEL_RULE_REINFORCE, 0.1, 2.0, 1.0, 1e-12);
    assert_true(align(-0.25) > align(0.25));
    one_member(MODEL_RULE_REINFORCE, 0.1, 2.0, -1.0, 1e-12);
    assert_true(align(-0.25) < align(0.25));
}

/* The curve p (1 - p) x has its top at w x = 1.54: easy stimuli first, harder ones later. */
static void harder_stimuli_teach_more_the_more_is_known(void **context)
{
    (void)context;
    one_member(MODEL_RULE_REINFORCE, 0.1, 0.5, 0.0, 1e-12);
    assert_true(align(1.0) > align(0.125) && align(1.0) > align(0.25));
    one_member(MODEL_RULE_REINFORCE, 0.1, 3.0, 0.0, 1e-12);
    assert_true(align(0.125) > align(0.25) && align(0.25) > align(1.0));
}

static void who_does_not_learn_gains_nothing(void **context)
{
    (void)context;
    one_member(MODEL_RULE_NONE, 0.0, 2.0, 0.0, 1.0);
    CHECK_NEAR(align(0.25), 0.0, 0.0);
}

static void twice_the_pace_is_twice_the_gain(void **context)
{
    (void)context;
    one_member(MODEL_RULE_REINFORCE, 0.1, 2.0, 0.5, 1e-12);
    const double once = align(0.25);
    for (int64_t i = 0; i < pace.n; i++) {
        weight[i] = pace.strand[i].pace == 2.0 ? 1.0 : 0.0;
    }
    CHECK_NEAR(align(0.25), 2.0 * once, 1e-12);
}

static double draw_gain(model_rule_kind kind, double x, model_random *r)
{
    const double g[2] = {x, 1.0};
    const double w[2] = {1.0 + 0.6 * model_random_normal(r), 0.3 + 0.6 * model_random_normal(r)};
    double dw[2];
    double u[2];
    const bool right = model_random_uniform(r) < sigmoid(w[0] * x + w[1]);
    const model_rule_trial trial = {.stimulus = x,
                                    .reward = right == (x > 0.0) ? 1.0 : 0.0,
                                    .rt_s = (double)NAN,
                                    .chose_right = right,
                                    .side = x > 0.0};
    model_rule_state state;
    model_rule_reset(&state);
    assert_int_equal(model_rule_step(&params.member[0].rule, &state, 2, w, g, &trial, dw, u),
                     MODEL_OK);
    (void)kind;
    return dw[0] * (5.0 - w[0]) + dw[1] * (0.0 - w[1]);
}

static void averages_over_the_posterior_as_draws_do(void **context)
{
    (void)context;
    static const model_rule_kind KINDS[] = {MODEL_RULE_REINFORCE, MODEL_RULE_REINFORCE_BASE,
                                            MODEL_RULE_REWARD_MAX, MODEL_RULE_PREDICT_MAX};
    enum { N = 200000 };
    model_random r;
    model_random_seed(&r, 7, 0);
    for (size_t k = 0; k < sizeof KINDS / sizeof KINDS[0]; k++) {
        one_member(KINDS[k], 0.1, 1.0, 0.3, 0.36);
        for (int side = -1; side <= 1; side += 2) {
            double sum = 0.0;
            double squares = 0.0;
            const double x = side * tanh(5.0 * 0.25) / tanh(5.0);
            for (int i = 0; i < N; i++) {
                const double gain = draw_gain(KINDS[k], x, &r);
                sum += gain;
                squares += gain * gain;
            }
            const double mean = sum / N;
            const double error = sqrt((squares / N - mean * mean) / N);
            CHECK_NEAR(align(0.25 * side), mean, 5.0 * error + 0.01 * fabs(mean));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_goal_is_a_weight_of_the_stimulus_and_no_bias),
        cmocka_unit_test(is_that_of_reinforce_in_closed_form),
        cmocka_unit_test(a_bias_asks_for_the_other_side),
        cmocka_unit_test(harder_stimuli_teach_more_the_more_is_known),
        cmocka_unit_test(who_does_not_learn_gains_nothing),
        cmocka_unit_test(twice_the_pace_is_twice_the_gain),
        cmocka_unit_test(averages_over_the_posterior_as_draws_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
