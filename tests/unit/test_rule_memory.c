/* rule_memory.h: draws whose memory is known. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rule_memory.h"
#include "suite.h"

enum { DRAWS = 100 };

static struct rule_ensemble ensemble;
static model_params model;
static model_params draws[DRAWS];

static int set_up(void **state)
{
    (void)state;
    (void)model_params_built_in(&model, "stimulus,bias");
    model.rule = (model_rule){.kind = MODEL_RULE_BASIS, .memory = 0.8};
    memset(&ensemble, 0, sizeof ensemble);
    ensemble.models[0].params = &model;
    ensemble.n_models = 1;
    ensemble.interval = RULE_ENSEMBLE_POSTERIOR;
    ensemble.draws = draws;
    ensemble.n_members = DRAWS;
    for (size_t m = 0; m < DRAWS; m++) {
        draws[m] = model;
        draws[m].rule.memory = 1.0 - 1.0 / (4.0 + 0.02 * (double)m); /* 4 to 6 trials */
        draws[m].rule.coefficient[MODEL_BASIS_REWARDED][0] = 0.2;
        draws[m].rule.coefficient[MODEL_BASIS_REWARDED_MEMORY][0] = 0.1;
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(ensemble.probes);
    return 0;
}

/* Whether the animals show it; asked at one state. */
static bool is_known(const struct rule_ensemble_value *trials)
{
    static const double W[] = {1.0, 0.0};
    struct fault fault;
    free(ensemble.probes);
    ensemble.n_states = ensemble.n_places = 0;
    assert_int_equal(rule_ensemble_state(&ensemble, 2, W, &fault), FAULT_NONE);
    assert_int_equal(rule_ensemble_probe(&ensemble, 4, &fault), FAULT_NONE);
    return rule_memory_is_known(&ensemble, RULE_MEMORY_REWARDS, trials);
}

static void a_length_is_the_median_of_the_draws_and_their_percentiles(void **state)
{
    (void)state;
    const struct rule_ensemble_value v = rule_memory_trials(&ensemble, RULE_MEMORY_REWARDS);
    assert_true(fabs(v.mean - 4.99) < 1e-9);
    assert_true(fabs(v.lo - 4.1) < 0.011);
    assert_true(fabs(v.hi - 5.88) < 0.011);
    assert_true(is_known(&v));
}

static void draws_without_a_memory_do_not_count_until_most_are_so(void **state)
{
    (void)state;
    const size_t at = MODEL_BASIS_REWARDED_MEMORY;
    for (size_t m = 0; m < DRAWS / 2; m++) {
        draws[m].rule.coefficient[at][0] = 0.0;
        draws[m].rule.memory = 0.999;
    }
    struct rule_ensemble_value v = rule_memory_trials(&ensemble, RULE_MEMORY_REWARDS);
    assert_true(v.lo > 4.99 && v.hi < 6.0);
    draws[DRAWS / 2].rule.coefficient[at][0] = 0.0;
    v = rule_memory_trials(&ensemble, RULE_MEMORY_REWARDS);
    assert_true(isnan(v.mean) && isnan(v.lo) && isnan(v.hi));
    assert_false(is_known(&v));
}

static void a_memory_of_little_more_than_a_trial_may_be_of_one(void **state)
{
    (void)state;
    for (size_t m = 0; m < DRAWS; m++) {
        draws[m].rule.memory = 0.03 + 0.001 * (double)m; /* 1.03 to 1.15 trials */
    }
    const struct rule_ensemble_value v = rule_memory_trials(&ensemble, RULE_MEMORY_REWARDS);
    assert_true(v.lo >= 1.0 && v.lo <= 1.0);
    assert_true(v.mean > 1.08 && v.hi > 1.13);
    assert_true(is_known(&v));
}

static void a_length_between_a_trial_and_a_hundred_is_not_known(void **state)
{
    (void)state;
    for (size_t m = 0; m < DRAWS; m++) {
        draws[m].rule.memory = m < DRAWS / 2 ? 0.1 : 0.99;
    }
    const struct rule_ensemble_value v = rule_memory_trials(&ensemble, RULE_MEMORY_REWARDS);
    assert_false(is_known(&v));
}

static void a_length_of_a_memory_that_may_not_be_there_is_not_known(void **state)
{
    (void)state;
    for (size_t m = 0; m < DRAWS; m += 10) {
        draws[m].rule.coefficient[MODEL_BASIS_REWARDED_MEMORY][0] = -0.1;
    }
    const struct rule_ensemble_value v = rule_memory_trials(&ensemble, RULE_MEMORY_REWARDS);
    assert_true(v.lo > 4.0 && v.hi < 6.0);
    assert_false(is_known(&v));
}

static void one_model_says_its_length_without_an_interval(void **state)
{
    (void)state;
    model.rule.coefficient[MODEL_BASIS_TRACE][1] = -0.3;
    model.rule.decay[0] = 0.9;
    ensemble.draws = NULL;
    ensemble.n_members = 1;
    ensemble.interval = RULE_ENSEMBLE_NONE;
    struct rule_ensemble_value v = rule_memory_trials(&ensemble, RULE_MEMORY_CHOICES);
    assert_true(fabs(v.mean - 10.0) < 1e-9);
    assert_true(isnan(v.lo) && isnan(v.hi));
    assert_true(rule_memory_is_known(&ensemble, RULE_MEMORY_CHOICES, &v));
    v = rule_memory_trials(&ensemble, RULE_MEMORY_REWARDS);
    assert_true(isnan(v.mean));
}

static void the_part_of_earlier_choices_has_their_sign_and_goes_over_all_weights(void **state)
{
    (void)state;
    double(*c)[MODEL_WEIGHTS_MAX] = model.rule.coefficient;
    c[MODEL_BASIS_TRACE][0] = 0.3;
    c[MODEL_BASIS_REWARDED][0] = 0.05;
    c[MODEL_BASIS_PREDICT_MAX][0] = 0.05;
    c[MODEL_BASIS_TRACE][1] = -0.2;
    for (size_t m = 0; m < DRAWS; m++) {
        memcpy(draws[m].rule.coefficient, c, sizeof model.rule.coefficient);
        draws[m].rule.coefficient[MODEL_BASIS_REWARDED][0] = m < DRAWS / 2 ? 0.05 : -0.15;
    }
    const struct rule_ensemble_value stimulus = rule_memory_part(&ensemble, 0);
    const struct rule_ensemble_value bias = rule_memory_part(&ensemble, 1);
    const struct rule_ensemble_value all = rule_memory_part(&ensemble, 2);
    assert_true(fabs(stimulus.mean - 0.75) < 1e-12);
    assert_true(fabs(stimulus.lo - 0.75) < 1e-12 && fabs(stimulus.hi - 0.75) < 1e-12);
    assert_true(fabs(bias.mean + 1.0) < 1e-12);
    assert_true(fabs(all.mean - 0.1 / 0.6) < 1e-12);
}

static void where_nothing_moves_the_part_may_be_any(void **state)
{
    (void)state;
    const struct rule_ensemble_value v = rule_memory_part(&ensemble, 1);
    assert_true(isnan(v.mean));
    assert_false(rule_ensemble_is_known(&v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_length_is_the_median_of_the_draws_and_their_percentiles,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(draws_without_a_memory_do_not_count_until_most_are_so,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_memory_of_little_more_than_a_trial_may_be_of_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_length_between_a_trial_and_a_hundred_is_not_known, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_length_of_a_memory_that_may_not_be_there_is_not_known,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_model_says_its_length_without_an_interval, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            the_part_of_earlier_choices_has_their_sign_and_goes_over_all_weights, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(where_nothing_moves_the_part_may_be_any, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
