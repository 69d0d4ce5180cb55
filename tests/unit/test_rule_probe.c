/* model/rule_probe.h: expected numbers are the closed forms of model/rule.h. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "model/rule_probe.h"
#include "some_net.h"

enum { N = 2 };

static const double RATE = 0.1;
static const double W[N] = {1.5, -0.4};

static model_params params;
static model_rule_probe probe;

static void state_rule(model_rule_kind kind)
{
    assert_int_equal(model_params_built_in(&params, "stimulus,bias"), MODEL_OK);
    params.rule = (model_rule){.kind = kind};
    for (size_t i = 0; i < N; i++) {
        params.rule.rate[i] = RATE;
    }
}

/* dw of every classic rule for a trial whose reward is 1 if correct, else 0. */
static double closed_form(model_rule_kind kind, double x, bool is_correct, double baseline,
                          size_t weight)
{
    const double p = 1.0 / (1.0 + exp(-(W[0] * x + W[1])));
    const double s = x > 0.0 ? 1.0 : 0.0;
    const double y = is_correct ? s : 1.0 - s;
    const double r = is_correct ? 1.0 : 0.0;
    const double g = weight == 0 ? x : 1.0;
    if (kind == MODEL_RULE_REINFORCE) {
        return RATE * r * (y - p) * g;
    }
    if (kind == MODEL_RULE_REINFORCE_BASE) {
        return RATE * (r - baseline) * (y - p) * g;
    }
    if (kind == MODEL_RULE_REWARD_MAX) {
        return 2.0 * RATE * (2.0 * s - 1.0) * p * (1.0 - p) * g;
    }
    return kind == MODEL_RULE_PREDICT_MAX ? RATE * (s - p) * g : 0.0;
}

static const model_rule_kind MARKOV[] = {MODEL_RULE_NONE, MODEL_RULE_REINFORCE,
                                         MODEL_RULE_REINFORCE_BASE, MODEL_RULE_REWARD_MAX,
                                         MODEL_RULE_PREDICT_MAX};
enum { MARKOVS = sizeof MARKOV / sizeof MARKOV[0] };

static void stimuli_rise_from_left_to_right_without_zero(void **state)
{
    (void)state;
    CHECK_NEAR(model_rule_probe_stimulus(0), -1.0, 0.0);
    CHECK_NEAR(model_rule_probe_stimulus(9), -0.1, 0.0);
    CHECK_NEAR(model_rule_probe_stimulus(10), 0.1, 0.0);
    CHECK_NEAR(model_rule_probe_stimulus(MODEL_RULE_PROBE_STIMULI - 1), 1.0, 0.0);
}

static void classic_rules_say_their_closed_forms(void **state)
{
    (void)state;
    for (size_t k = 0; k < MARKOVS; k++) {
        state_rule(MARKOV[k]);
        params.rule.baseline[0] = params.rule.baseline[1] = 0.3;
        assert_int_equal(model_rule_probe_run(&probe, &params, 1, W, 4), MODEL_OK);
        for (int outcome = 0; outcome < MODEL_RULE_PROBE_OUTCOMES; outcome++) {
            for (size_t x = 0; x < MODEL_RULE_PROBE_STIMULI; x++) {
                for (size_t i = 0; i < N; i++) {
                    const double expected =
                        closed_form(MARKOV[k], model_rule_probe_stimulus(x),
                                    outcome == MODEL_RULE_PROBE_CORRECT, 0.3, i);
                    CHECK_NEAR(probe.dw[MODEL_RULE_PROBE_SETTLED][outcome][x][i], expected, 1e-15);
                    CHECK_NEAR(fabs(probe.along[MODEL_RULE_PROBE_SETTLED][outcome][x][i]),
                               fabs(expected), 1e-15);
                    assert_true(MARKOV[k] != MODEL_RULE_REINFORCE ||
                                probe.along[MODEL_RULE_PROBE_SETTLED][outcome][x][i] >= 0.0);
                }
            }
        }
    }
}

static void a_markov_rule_has_no_history_to_the_bit(void **state)
{
    (void)state;
    test_random r = test_random_seeded(71);
    some_net *s = some_net_make(&r, (model_net_shape){false, N + MODEL_RULE_INPUTS, 16, 2, N});
    for (size_t k = 0; k <= MARKOVS; k++) {
        state_rule(k < MARKOVS ? MARKOV[k] : MODEL_RULE_DNN);
        params.rule.net = k < MARKOVS ? NULL : s->net;
        assert_int_equal(model_rule_probe_run(&probe, &params, 1, W, 3), MODEL_OK);
        assert_memory_equal(probe.dw[MODEL_RULE_PROBE_REWARDED],
                            probe.dw[MODEL_RULE_PROBE_UNREWARDED], sizeof probe.dw[0]);
        assert_memory_equal(probe.dw[MODEL_RULE_PROBE_REWARDED], probe.dw[MODEL_RULE_PROBE_SETTLED],
                            sizeof probe.dw[0]);
        if (params.rule.kind == MODEL_RULE_NONE) {
            assert_true(isnan(model_rule_probe_contrast(MODEL_RULE_PROBE_MEMORY, 1, &probe, 0, N)));
            assert_true(
                isnan(model_rule_probe_contrast(MODEL_RULE_PROBE_ASYMMETRY, 1, &probe, 0, N)));
        } else {
            CHECK_NEAR(model_rule_probe_contrast(MODEL_RULE_PROBE_MEMORY, 1, &probe, 0, N), 0.0,
                       0.0);
        }
    }
    some_net_free(s);
}

static void asymmetry_is_that_of_the_formula(void **state)
{
    (void)state;
    state_rule(MODEL_RULE_REINFORCE);
    assert_int_equal(model_rule_probe_run(&probe, &params, 1, W, 1), MODEL_OK);
    CHECK_NEAR(model_rule_probe_contrast(MODEL_RULE_PROBE_ASYMMETRY, 1, &probe, 0, N), 1.0, 0.0);
    state_rule(MODEL_RULE_PREDICT_MAX);
    assert_int_equal(model_rule_probe_run(&probe, &params, 1, W, 1), MODEL_OK);
    CHECK_NEAR(model_rule_probe_contrast(MODEL_RULE_PROBE_ASYMMETRY, 1, &probe, 0, 1), 0.0, 0.0);
    /* An unbiased animal's correct choices mirror each other: with baseline b the sizes are
     * (1 - b) sum (1 - q) and b sum q over the chances q of the correct side. */
    const double naive[N] = {1.5, 0.0};
    const double b = 0.3;
    state_rule(MODEL_RULE_REINFORCE_BASE);
    params.rule.baseline[0] = params.rule.baseline[1] = b;
    double correct = 0.0;
    double error = 0.0;
    for (int i = 1; i <= 10; i++) {
        const double q = 1.0 / (1.0 + exp(-0.15 * i));
        correct += (1.0 - b) * (1.0 - q);
        error += b * q;
    }
    assert_int_equal(model_rule_probe_run(&probe, &params, 1, naive, 1), MODEL_OK);
    CHECK_NEAR(model_rule_probe_contrast(MODEL_RULE_PROBE_ASYMMETRY, 1, &probe, 1, 1),
               (correct - error) / (correct + error), 1e-12);
}

/* From w = 0 each rewarded full-contrast trial adds (y - p) x = 0.5 to the trace of stimulus and
 * each unrewarded one -0.5; what is before settles at l^k of itself. */
static void eligibility_remembers_as_its_trace_does(void **state)
{
    (void)state;
    enum { K = 4 };
    const double zero[N] = {0.0, 0.0};
    const double l = 0.6;
    state_rule(MODEL_RULE_ELIGIBILITY);
    params.rule.decay[0] = params.rule.decay[1] = l;
    assert_int_equal(model_rule_probe_run(&probe, &params, 1, zero, K), MODEL_OK);
    const size_t x = MODEL_RULE_PROBE_STIMULI - 1;
    const double fresh = (1.0 - l) * 0.5;
    const double lived = l * 0.5 * (1.0 - pow(l, K));
    const double settled =
        pow(l, K) *
        (probe.dw[MODEL_RULE_PROBE_SETTLED][MODEL_RULE_PROBE_CORRECT][x][0] / RATE - fresh);
    CHECK_NEAR(probe.dw[MODEL_RULE_PROBE_REWARDED][MODEL_RULE_PROBE_CORRECT][x][0],
               RATE * (fresh + lived + settled), 1e-12);
    CHECK_NEAR(probe.dw[MODEL_RULE_PROBE_UNREWARDED][MODEL_RULE_PROBE_CORRECT][x][0],
               RATE * (fresh - lived + settled), 1e-12);
    CHECK_NEAR(probe.dw[MODEL_RULE_PROBE_REWARDED][MODEL_RULE_PROBE_ERROR][x][0], 0.0, 0.0);
    assert_true(model_rule_probe_contrast(MODEL_RULE_PROBE_MEMORY, 1, &probe, 0, 1) > 0.2);
}

static void without_decay_eligibility_is_reinforce(void **state)
{
    (void)state;
    static model_rule_probe other;
    state_rule(MODEL_RULE_ELIGIBILITY);
    assert_int_equal(model_rule_probe_run(&probe, &params, 1, W, 4), MODEL_OK);
    state_rule(MODEL_RULE_REINFORCE);
    assert_int_equal(model_rule_probe_run(&other, &params, 1, W, 4), MODEL_OK);
    for (size_t x = 0; x < MODEL_RULE_PROBE_STIMULI; x++) {
        for (size_t i = 0; i < N; i++) {
            CHECK_NEAR(probe.dw[MODEL_RULE_PROBE_REWARDED][MODEL_RULE_PROBE_CORRECT][x][i],
                       other.dw[MODEL_RULE_PROBE_SETTLED][MODEL_RULE_PROBE_CORRECT][x][i], 1e-15);
        }
    }
    CHECK_NEAR(model_rule_probe_contrast(MODEL_RULE_PROBE_MEMORY, 1, &probe, 0, N), 0.0, 1e-12);
}

/* After an unrewarded trial m is -1, after a rewarded one 1, with no decay; and each step forgets a
 * part of w and of itself. */
static void basis_remembers_rewards_and_forgets(void **state)
{
    (void)state;
    state_rule(MODEL_RULE_BASIS);
    params.rule.coefficient[MODEL_BASIS_REWARDED][0] = RATE;
    params.rule.coefficient[MODEL_BASIS_REWARDED_MEMORY][0] = 0.5 * RATE;
    params.rule.coefficient[MODEL_BASIS_FORGETTING][0] = 0.25;
    assert_int_equal(model_rule_probe_run(&probe, &params, 1, W, 1), MODEL_OK);
    const size_t x = MODEL_RULE_PROBE_STIMULI - 1;
    const double q = 1.0 / (1.0 + exp(W[0] + W[1]));
    for (int past = MODEL_RULE_PROBE_REWARDED; past < MODEL_RULE_PROBE_PASTS; past++) {
        const double m = past == MODEL_RULE_PROBE_REWARDED ? 1.0 : -1.0;
        const double learned = RATE * (1.0 + 0.5 * m) * q;
        CHECK_NEAR(probe.dw[past][MODEL_RULE_PROBE_CORRECT][x][0],
                   learned - 0.25 * (W[0] + learned), 1e-12);
        CHECK_NEAR(probe.dw[past][MODEL_RULE_PROBE_ERROR][x][0], -0.25 * W[0], 1e-12);
        CHECK_NEAR(probe.along[past][MODEL_RULE_PROBE_CORRECT][x][0], learned, 1e-12);
        CHECK_NEAR(probe.along[past][MODEL_RULE_PROBE_ERROR][x][0], 0.0, 1e-12);
    }
}

/* The mean of the states' own answers, for a rule without memory; a rule with memory is asked at
 * every state from a run of its own. */
static void many_states_are_asked_at_and_averaged(void **state)
{
    (void)state;
    enum { STATES = 3 };
    const double w[STATES * N] = {1.5, -0.4, 0.0, 0.0, -0.7, 2.0};
    static model_rule_probe each[STATES];
    state_rule(MODEL_RULE_REINFORCE);
    assert_int_equal(model_rule_probe_run(&probe, &params, STATES, w, 2), MODEL_OK);
    for (size_t k = 0; k < STATES; k++) {
        assert_int_equal(model_rule_probe_run(&each[k], &params, 1, w + k * N, 2), MODEL_OK);
    }
    const size_t x = 3;
    const int correct = MODEL_RULE_PROBE_CORRECT;
    CHECK_NEAR(probe.dw[MODEL_RULE_PROBE_SETTLED][correct][x][0],
               (each[0].dw[MODEL_RULE_PROBE_SETTLED][correct][x][0] +
                each[1].dw[MODEL_RULE_PROBE_SETTLED][correct][x][0] +
                each[2].dw[MODEL_RULE_PROBE_SETTLED][correct][x][0]) /
                   STATES,
               1e-15);
    CHECK_NEAR(model_rule_probe_contrast(MODEL_RULE_PROBE_ASYMMETRY, 1, &probe, 0, N), 1.0, 0.0);
    state_rule(MODEL_RULE_ELIGIBILITY);
    params.rule.decay[0] = params.rule.decay[1] = 0.6;
    assert_int_equal(model_rule_probe_run(&probe, &params, STATES, w, 2), MODEL_OK);
    assert_true(fabs(model_rule_probe_contrast(MODEL_RULE_PROBE_MEMORY, 1, &probe, 0, 1)) > 0.01);
    assert_int_equal(model_rule_probe_run(&probe, &params, 0, w, 2), MODEL_ERR_ARG);
}

static void history_features_see_the_same_trial_before_always(void **state)
{
    (void)state;
    const double w[3] = {1.0, 0.0, 0.5};
    assert_int_equal(model_params_built_in(&params, "stimulus,bias,win_stay"), MODEL_OK);
    params.rule = (model_rule){.kind = MODEL_RULE_REINFORCE, .rate = {RATE, RATE, RATE}};
    assert_int_equal(model_rule_probe_run(&probe, &params, 1, w, 2), MODEL_OK);
    const double p = 1.0 / (1.0 + exp(-(1.0 + 0.5 * 0.5)));
    CHECK_NEAR(probe.dw[MODEL_RULE_PROBE_SETTLED][MODEL_RULE_PROBE_CORRECT]
                       [MODEL_RULE_PROBE_STIMULI - 1][2],
               RATE * (1.0 - p) * 0.5, 1e-15);
    CHECK_NEAR(model_rule_probe_contrast(MODEL_RULE_PROBE_MEMORY, 1, &probe, 0, 3), 0.0, 0.0);
}

static void a_recurrent_net_is_asked_from_where_it_settled(void **state)
{
    (void)state;
    test_random r = test_random_seeded(72);
    some_net *s = some_net_make(&r, (model_net_shape){true, N + MODEL_RULE_INPUTS, 16, 2, N});
    static model_rule_probe again;
    state_rule(MODEL_RULE_RNN);
    params.rule.net = s->net;
    assert_int_equal(model_rule_probe_run(&probe, &params, 1, W, 4), MODEL_OK);
    assert_int_equal(model_rule_probe_run(&again, &params, 1, W, 4), MODEL_OK);
    assert_memory_equal(&probe, &again, sizeof probe);
    const double memory = model_rule_probe_contrast(MODEL_RULE_PROBE_MEMORY, 1, &probe, 0, N);
    assert_true(isfinite(memory) && memory != 0.0 && fabs(memory) < 1.0);
    some_net_free(s);
}

static void the_gru_policy_shows_its_offset(void **state)
{
    (void)state;
    test_random r = test_random_seeded(73);
    some_net *s =
        some_net_make(&r, (model_net_shape){true, N + MODEL_RULE_CONTEXT_INPUTS, 8, 1, N});
    state_rule(MODEL_RULE_GRU_POLICY);
    params.rule.net = s->net;
    assert_int_equal(model_rule_probe_run(&probe, &params, 1, W, 4), MODEL_OK);
    assert_true(probe.along[MODEL_RULE_PROBE_SETTLED][MODEL_RULE_PROBE_CORRECT][0][0] != 0.0);
    some_net_free(s);
}

static void refuses_a_history_or_a_weight_out_of_range(void **state)
{
    (void)state;
    const double bad[N] = {(double)NAN, 0.0};
    state_rule(MODEL_RULE_REINFORCE);
    assert_int_equal(model_rule_probe_run(&probe, &params, 1, W, 0), MODEL_ERR_ARG);
    assert_int_equal(model_rule_probe_run(&probe, &params, 1, W, MODEL_RULE_PROBE_HISTORY_MAX + 1),
                     MODEL_ERR_ARG);
    assert_int_equal(model_rule_probe_run(&probe, &params, 1, bad, 4), MODEL_ERR_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stimuli_rise_from_left_to_right_without_zero),
        cmocka_unit_test(classic_rules_say_their_closed_forms),
        cmocka_unit_test(a_markov_rule_has_no_history_to_the_bit),
        cmocka_unit_test(asymmetry_is_that_of_the_formula),
        cmocka_unit_test(eligibility_remembers_as_its_trace_does),
        cmocka_unit_test(without_decay_eligibility_is_reinforce),
        cmocka_unit_test(basis_remembers_rewards_and_forgets),
        cmocka_unit_test(many_states_are_asked_at_and_averaged),
        cmocka_unit_test(history_features_see_the_same_trial_before_always),
        cmocka_unit_test(a_recurrent_net_is_asked_from_where_it_settled),
        cmocka_unit_test(the_gru_policy_shows_its_offset),
        cmocka_unit_test(refuses_a_history_or_a_weight_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
