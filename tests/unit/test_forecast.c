/* model/forecast.h: against animals whose future is worked out. Seeds are written out; every test
 * gives the same result on every run. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "model/forecast.h"
#include "model/rate_grid.h"

enum { ROLLOUTS = 300, STIMULI = 2400 };

static model_bank_params params;
static model_bank bank;
static model_forecast_config config;
static model_rollout_tuning tuning;
static model_forecast_stimulus stimuli[STIMULI];

/* An animal that neither learns nor wanders: p(right) = sigmoid(slope x + bias). */
static void state_animal(double slope, double bias)
{
    model_params animal;
    assert_int_equal(model_params_built_in(&animal, "stimulus,bias"), MODEL_OK);
    memset(&animal.noise, 0, sizeof animal.noise);
    animal.noise.prior_var[0] = animal.noise.prior_var[1] = 1e-12;
    animal.noise.prior_mean[0] = slope;
    animal.noise.prior_mean[1] = bias;
    model_bank_single(&params, &animal);
    model_bank_init(&bank, &params);
    model_forecast_config_init(&config);
    config.n_rollouts = ROLLOUTS;
    model_rollout_tuning_init(&tuning);
    tuning.reversion[1] = 0.0;
    for (size_t i = 0; i < STIMULI; i++) {
        const float c = i % 3 == 0 ? 0.25F : 1.0F;
        stimuli[i] = (model_forecast_stimulus){.contrast = i % 2 == 0 ? c : -c,
                                               .rt_s = 0.5F,
                                               .p_left = 0.5F,
                                               .side = (int8_t)(i % 2 == 0),
                                               .starts_session = i % 400 == 0};
    }
}

static model_forecast *fresh(void)
{
    const size_t size = model_forecast_size(&params, &config);
    assert_true(size > 0);
    void *mem = aligned_alloc(MODEL_NET_ALIGN, size);
    model_forecast *f = NULL;
    assert_non_null(mem);
    assert_int_equal(model_forecast_init(mem, size, &params, &config, &f), MODEL_OK);
    return f;
}

static model_forecast_task shown(void)
{
    return (model_forecast_task){.n_stimuli = STIMULI, .stimuli = stimuli};
}

static void run(model_forecast *f, const model_forecast_task *task, size_t work)
{
    int slices = 0;
    assert_int_equal(model_forecast_start(f, task, NULL, &bank, &tuning, 4), MODEL_OK);
    while (model_forecast_run(f, work) == 1) {
        assert_true(++slices < 1000000);
    }
    assert_true(model_forecast_progress(f) == 1.0);
}

static double sigmoid(double a)
{
    return 1.0 / (1.0 + exp(-a));
}

/* Probability correct by hand, and a band as wide as the binomial's. */
static void says_what_an_animal_that_stands_still_will_do(void **state)
{
    (void)state;
    state_animal(2.0, 0.5);
    model_forecast *f = fresh();
    const model_forecast_task task = shown();
    run(f, &task, SIZE_MAX);
    const model_forecast_result *r = model_forecast_result_of(f);
    const double x = tanh(1.25) / tanh(5.0);
    const double weak = 0.5 * (sigmoid(2.0 * x + 0.5) + sigmoid(2.0 * x - 0.5));
    const double strong = 0.5 * (sigmoid(2.5) + sigmoid(1.5));
    const double p = (weak + 2.0 * strong) / 3.0;
    const double sd = sqrt(p * (1.0 - p) / 100.0);
    assert_int_equal(r->n_windows, 20);
    for (size_t w = 0; w < 20; w++) {
        CHECK_NEAR(r->correct[w].mean, p, 5.0 * sd / sqrt(ROLLOUTS) + 0.005);
        CHECK_NEAR(r->p_correct[w].mean, p, 0.005);
        CHECK_NEAR(r->correct[w].hi90 - r->correct[w].lo90, 2.0 * 1.645 * sd, 0.03);
        assert_true(r->p_correct[w].hi90 - r->p_correct[w].lo90 < 1e-3);
        CHECK_NEAR(r->bias[w].median, sigmoid(0.5), 1e-4);
    }
    CHECK_NEAR(r->share[MODEL_RULE_NONE], 1.0, 0.0);
    assert_int_equal(r->n_still, 0);
    free(f);
}

static void slices_of_any_size_give_the_same(void **state)
{
    (void)state;
    state_animal(1.0, 0.0);
    params.member[0].rule.kind = MODEL_RULE_REINFORCE;
    params.member[0].rule.rate[0] = 0.02;
    params.member[0].noise.drift_var[0] = 1e-4;
    model_bank_init(&bank, &params);
    model_forecast *f = fresh();
    static model_training_status tracker;
    model_training_status_init(&tracker);
    model_forecast_task task = shown();
    task.tracker = &tracker;
    run(f, &task, SIZE_MAX);
    const model_forecast_result whole = *model_forecast_result_of(f);
    run(f, &task, 1);
    assert_memory_equal(&whole, model_forecast_result_of(f), sizeof whole);
    assert_true(whole.correct[19].median > whole.correct[0].median + 0.05);
    free(f);
}

/* 9 of 10 at full contrast: the criterion of 80% in 20 trials is met with trial 20 or soon after,
 * that of 99% in 500 never. */
static void tells_when_a_criterion_is_met(void **state)
{
    (void)state;
    state_animal(log(9.0), 0.0);
    for (size_t i = 0; i < STIMULI; i++) {
        stimuli[i].contrast = i % 2 == 0 ? 1.0F : -1.0F;
        stimuli[i].starts_session = i % 10 == 0;
    }
    config.criterion = (model_forecast_criterion){0.8, 0.5, 20};
    model_forecast *f = fresh();
    const model_forecast_task task = shown();
    run(f, &task, SIZE_MAX);
    const model_forecast_result *r = model_forecast_result_of(f);
    CHECK_NEAR(r->p_reached, 1.0, 0.0);
    CHECK_NEAR(r->trials.lo90, 20.0, 0.0);
    CHECK_NEAR(r->trials.median, 20.0, 0.0);
    CHECK_NEAR(r->sessions.median, 2.0, 0.0);
    assert_true(r->trials.hi90 >= 20.0 && r->trials.hi90 < 60.0);
    free(f);
    config.criterion = (model_forecast_criterion){0.99, 0.5, 500};
    f = fresh();
    run(f, &task, SIZE_MAX);
    r = model_forecast_result_of(f);
    CHECK_NEAR(r->p_reached, 0.0, 0.0);
    assert_true(isinf(r->trials.lo90) && isinf(r->sessions.median) && isnan(r->trials.mean));
    free(f);
}

/* Sessions of 400 trials of IBL's contrasts. A clear psychometric curve becomes trained_1a when
 * there are three such sessions; a coin never does. */
static void a_criterion_that_was_met_before_is_met_in_no_time(void **state)
{
    (void)state;
    state_animal(0.0, 0.0);
    model_forecast *f = fresh();
    model_forecast_task task = shown();
    task.is_met = true;
    run(f, &task, SIZE_MAX);
    const model_forecast_result *r = model_forecast_result_of(f);
    CHECK_NEAR(r->p_reached, 1.0, 0.0);
    CHECK_NEAR(r->trials.median, 0.0, 0.0);
    CHECK_NEAR(r->trials.hi90, 0.0, 0.0);
    CHECK_NEAR(r->sessions.median, 0.0, 0.0);
    free(f);
}

static void a_tally_is_met_with_the_first_trial_that_brings_its_window_there(void **state)
{
    (void)state;
    const model_forecast_criterion criterion = {0.8, 0.5, 10};
    const model_trial right = {.contrast = -0.5, .choice = 0, .side = -1};
    const model_trial wrong = {.contrast = 0.5, .choice = 0, .side = 1};
    const model_trial not_counted[] = {{.contrast = 0.25, .choice = 1, .side = 1},
                                       {.contrast = 1.0, .choice = -1, .side = 1}};
    model_forecast_tally tally = {0};
    for (int i = 0; i < 9; i++) {
        assert_false(model_forecast_tally_push(&tally, &criterion, i < 3 ? &wrong : &right));
        assert_false(model_forecast_tally_push(&tally, &criterion, &not_counted[i % 2]));
    }
    assert_int_equal(tally.n, 9);
    assert_false(model_forecast_tally_push(&tally, &criterion, &right)); /* 7 of 10 */
    assert_true(model_forecast_tally_push(&tally, &criterion, &right));
}

static void tells_the_chance_of_the_next_status(void **state)
{
    (void)state;
    static const float CONTRASTS[] = {1.0F, 0.5F, 0.25F, 0.125F, 0.0625F, 0.0F};
    static model_training_status tracker;
    static const uint32_t LENGTHS[1] = {400};
    for (int is_coin = 0; is_coin < 2; is_coin++) {
        state_animal(is_coin != 0 ? 0.0 : 6.0, 0.0);
        for (size_t i = 0; i < STIMULI; i++) {
            const float c = CONTRASTS[i / 2 % 6];
            stimuli[i].contrast = i % 2 == 0 ? c : -c;
        }
        model_training_status_init(&tracker);
        config.n_rollouts = 40;
        model_forecast *f = fresh();
        const model_forecast_task task = {.n_stimuli = STIMULI,
                                          .stimuli = stimuli,
                                          .is_pool = true,
                                          .n_sessions = 1,
                                          .session_trials = LENGTHS,
                                          .tracker = &tracker};
        run(f, &task, 5000);
        const model_forecast_result *r = model_forecast_result_of(f);
        assert_int_equal(r->next, MODEL_IBL_CRITERIA_TRAINED_1A);
        CHECK_NEAR(r->p_within[0], 0.0, 0.0);
        assert_true(is_coin != 0 ? r->p_within[2] == 0.0 : r->p_within[1] > 0.9);
        assert_true(r->p_within[2] >= r->p_within[1]);
        free(f);
    }
}

static void what_is_reached_already_is_sure(void **state)
{
    (void)state;
    static model_training_status tracker;
    state_animal(0.0, 0.0);
    model_training_status_init(&tracker);
    tracker.history.reached = MODEL_IBL_CRITERIA_READY4RECORDING;
    model_forecast *f = fresh();
    model_forecast_task task = shown();
    task.tracker = &tracker;
    run(f, &task, SIZE_MAX);
    const model_forecast_result *r = model_forecast_result_of(f);
    assert_int_equal(r->next, MODEL_IBL_CRITERIA_READY4RECORDING);
    CHECK_NEAR(r->p_within[0], 1.0, 0.0);
    CHECK_NEAR(r->p_within[2], 1.0, 0.0);
    free(f);
}

/* A protocol of one stage with three of four stimuli on the left. */
static void runs_under_a_protocol(void **state)
{
    (void)state;
    static model_protocol protocol;
    static model_protocol_state rig;
    state_animal(2.0, -1.0);
    memset(&protocol, 0, sizeof protocol);
    strcpy(protocol.name, "one");
    protocol.n_stages = 1;
    protocol.trials_min = protocol.trials_max = 100;
    strcpy(protocol.stage[0].name, "only");
    protocol.stage[0].n_contrasts = 1;
    protocol.stage[0].contrast[0] = protocol.stage[0].probability[0] = 1.0;
    protocol.stage[0].p_left = 0.75;
    protocol.stage[0].p_reward[0][0] = protocol.stage[0].p_reward[1][1] = 1.0;
    assert_int_equal(model_protocol_check(&protocol, NULL), MODEL_OK);
    model_protocol_init(&rig, &protocol, 1, 1);
    model_forecast *f = fresh();
    const model_forecast_task task = {.protocol = &protocol, .state = &rig, .rt_s = (double)NAN};
    run(f, &task, 100000);
    const model_forecast_result *r = model_forecast_result_of(f);
    const double p = 0.75 * sigmoid(3.0) + 0.25 * sigmoid(1.0);
    CHECK_NEAR(r->p_correct[0].mean, p, 0.01);
    CHECK_NEAR(r->p_correct[19].mean, p, 0.01);
    free(f);
}

static void trials_without_a_correct_side_are_not_counted(void **state)
{
    (void)state;
    state_animal(2.0, 0.0);
    for (size_t i = 0; i < STIMULI; i++) {
        stimuli[i].contrast = 0.0F;
        stimuli[i].side = -1;
    }
    model_forecast *f = fresh();
    const model_forecast_task task = shown();
    run(f, &task, SIZE_MAX);
    const model_forecast_result *r = model_forecast_result_of(f);
    assert_true(isnan(r->correct[0].median) && isnan(r->p_correct[3].hi90));
    CHECK_NEAR(r->bias[0].median, 0.5, 1e-4);
    free(f);
}

static void ends_where_the_stimuli_end(void **state)
{
    (void)state;
    state_animal(2.0, 0.0);
    model_forecast *f = fresh();
    model_forecast_task task = shown();
    task.n_stimuli = 250;
    run(f, &task, SIZE_MAX);
    assert_int_equal(model_forecast_result_of(f)->n_windows, 2);
    free(f);
}

static void refuses_what_it_cannot_run(void **state)
{
    (void)state;
    state_animal(2.0, 0.0);
    model_forecast *f = fresh();
    model_forecast_task task = {.n_stimuli = 0, .stimuli = stimuli};
    assert_int_equal(model_forecast_start(f, &task, NULL, &bank, &tuning, 1), MODEL_ERR_ARG);
    task = shown();
    task.is_pool = true;
    assert_int_equal(model_forecast_start(f, &task, NULL, &bank, &tuning, 1), MODEL_ERR_ARG);
    task = shown();
    stimuli[7].contrast = NAN;
    assert_int_equal(model_forecast_start(f, &task, NULL, &bank, &tuning, 1), MODEL_ERR_ARG);
    stimuli[7].contrast = 1.0F;
    tuning.trust = -1.0;
    assert_int_equal(model_forecast_start(f, &task, NULL, &bank, &tuning, 1), MODEL_ERR_ARG);
    free(f);
    config.window = 0;
    assert_int_equal(model_forecast_size(&params, &config), 0);
    model_forecast_config_init(&config);
    config.criterion.window = MODEL_FORECAST_CRITERION + 1;
    assert_int_equal(model_forecast_size(&params, &config), 0);
    model_forecast_config_init(&config);
    config.n_rollouts = 0;
    assert_int_equal(model_forecast_size(&params, &config), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_an_animal_that_stands_still_will_do),
        cmocka_unit_test(slices_of_any_size_give_the_same),
        cmocka_unit_test(tells_when_a_criterion_is_met),
        cmocka_unit_test(a_criterion_that_was_met_before_is_met_in_no_time),
        cmocka_unit_test(a_tally_is_met_with_the_first_trial_that_brings_its_window_there),
        cmocka_unit_test(tells_the_chance_of_the_next_status),
        cmocka_unit_test(what_is_reached_already_is_sure),
        cmocka_unit_test(runs_under_a_protocol),
        cmocka_unit_test(trials_without_a_correct_side_are_not_counted),
        cmocka_unit_test(ends_where_the_stimuli_end),
        cmocka_unit_test(refuses_what_it_cannot_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
