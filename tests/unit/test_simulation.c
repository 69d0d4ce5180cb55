/* simulation.h, simulation_report.h: against animals that are trained one by one, and against
 * themselves with other threads and other numbers of animals. */
#include "suite.h"

#include <string.h>

#include "check.h"
#include "model/virtual_mouse.h"
#include "simulation.h"
#include "simulation_report.h"

static model_protocol protocol;
static model_bank_params bank;
static struct fault fault;

/* Two stages; the second has more contrasts. */
static int setup(void **unused)
{
    (void)unused;
    memset(&protocol, 0, sizeof protocol);
    memset(&bank, 0, sizeof bank);
    strcpy(protocol.name, "two");
    protocol.n_stages = 2;
    protocol.counters_per_session = true;
    protocol.carries_stage = true;
    protocol.trials_min = 100;
    protocol.trials_max = 140;
    for (int i = 0; i < 2; i++) {
        model_protocol_stage *s = &protocol.stage[i];
        strcpy(s->name, i == 0 ? "easy" : "full");
        s->n_contrasts = 2;
        s->contrast[0] = 1.0;
        s->contrast[1] = i == 0 ? 0.5 : 0.0;
        s->probability[0] = s->probability[1] = 0.5;
        s->p_left = 0.5;
        s->p_reward[0][0] = s->p_reward[1][1] = 1.0;
        s->reward_ul = 2.0;
        s->debias = (model_protocol_debias){
            .kind = MODEL_PROTOCOL_DEBIAS_RESAMPLE, .contrast = 0.5, .window = 10, .sd = 0.5};
    }
    model_protocol_move *move = &protocol.stage[0].move[protocol.stage[0].n_moves++];
    move->to = 1;
    move->test[move->n_tests++] = (model_protocol_test){
        .kind = MODEL_PROTOCOL_TEST_ACCURACY, .is_above = true, .window = 50, .limit = 0.7};
    model_params params;
    assert_int_equal(model_params_built_in(&params, "stimulus,bias"), MODEL_OK);
    memset(&params.noise, 0, sizeof params.noise);
    for (size_t i = 0; i < MODEL_WEIGHTS_MAX; i++) {
        params.noise.prior_var[i] = 0.25;
        params.noise.drift_var[i] = 1e-4;
        params.rule.rate[i] = 0.02;
    }
    params.rule.kind = MODEL_RULE_REINFORCE;
    model_bank_single(&bank, &params);
    return 0;
}

static struct simulation_plan plan_of(int64_t mice, int64_t sessions, size_t n_threads)
{
    return (struct simulation_plan){.bank = &bank,
                                    .protocol = &protocol,
                                    .mice = mice,
                                    .sessions = sessions,
                                    .seed = 5,
                                    .n_threads = n_threads};
}

static void run(struct simulation *s, const struct simulation_plan *plan)
{
    assert_int_equal(simulation_open(s, plan, &fault), FAULT_NONE);
    assert_int_equal(simulation_run(s, NULL, "test", &fault), FAULT_NONE);
}

static void threads_change_nothing(void **unused)
{
    (void)unused;
    struct simulation one;
    struct simulation more;
    const struct simulation_plan plan = plan_of(300, 4, 1);
    run(&one, &plan);
    for (size_t n = 2; n <= 5; n += 3) {
        const struct simulation_plan other = plan_of(300, 4, n);
        run(&more, &other);
        assert_memory_equal(one.sessions, more.sessions, 300 * 4 * sizeof *one.sessions);
        assert_memory_equal(one.stage_trials, more.stage_trials,
                            300 * 4 * 2 * sizeof *one.stage_trials);
        assert_memory_equal(one.entries, more.entries, 300 * 2 * sizeof *one.entries);
        simulation_close(&more);
    }
    simulation_close(&one);
}

static void an_animal_does_not_depend_on_the_others(void **unused)
{
    (void)unused;
    struct simulation few;
    struct simulation many;
    struct simulation_plan plan = plan_of(70, 3, 2);
    plan.rate_spread = 0.3;
    run(&few, &plan);
    plan.mice = 400;
    run(&many, &plan);
    assert_memory_equal(few.sessions, many.sessions, 70 * 3 * sizeof *few.sessions);
    assert_memory_equal(few.pace, many.pace, 70 * sizeof *few.pace);
    simulation_close(&few);
    simulation_close(&many);
}

/* Accuracy and repeats of each session, and the trials to the second stage, of animals that are
 * trained one by one with model/virtual_mouse.h: not the same draws, but the same numbers on
 * average. */
static void animals_trained_one_by_one_do_as_well(void **unused)
{
    (void)unused;
    enum { N = 1500, SESSIONS = 4 };
    struct simulation s;
    const struct simulation_plan plan = plan_of(N, SESSIONS, 2);
    double sum[SESSIONS][4] = {{0.0}};
    run(&s, &plan);
    for (uint64_t i = 0; i < N; i++) {
        model_virtual_mouse mouse;
        model_protocol_state state;
        model_protocol_trial t;
        model_virtual_mouse_init(&mouse, &bank.member[0], 77, i);
        model_protocol_init(&state, &protocol, 78, i);
        for (int session = 0; session < SESSIONS; session++) {
            model_protocol_start_session(&state, &protocol);
            model_virtual_mouse_start_session(&mouse, &bank.member[0]);
            double n[3] = {0.0};
            while (model_protocol_next(&state, &protocol, &t)) {
                const bool right = model_virtual_mouse_choose(&mouse, &bank.member[0], t.contrast);
                const double reward =
                    model_protocol_push(&state, &protocol, &t, right, (double)NAN);
                const model_trial trial = {.contrast = t.contrast,
                                           .reward = reward,
                                           .rt_s = (double)NAN,
                                           .choice = right,
                                           .side = t.side};
                assert_int_equal(model_virtual_mouse_learn(&mouse, &bank.member[0], &trial),
                                 MODEL_OK);
                n[0] += 1.0;
                n[1] += right == (t.side == 1);
                n[2] += t.is_repeat;
            }
            sum[session][0] += n[1] / n[0];
            sum[session][1] += n[2] / n[0];
            sum[session][2] += state.stage == 1;
        }
    }
    for (int session = 0; session < SESSIONS; session++) {
        double got[3] = {0.0};
        for (int64_t i = 0; i < N; i++) {
            const struct simulation_session *v = simulation_session(&s, i, session);
            const double n = (double)v->n[0] + v->n[1];
            got[0] += ((double)v->correct[0] + v->correct[1]) / n;
            got[1] += v->repeats / n;
            const struct simulation_entry *e = simulation_entry(&s, i, 1);
            got[2] += e->trials >= 0 && e->sessions <= session;
        }
        /* Standard deviations over animals are below 0.17, 0.15 and 0.5. */
        const double error = 5.0 * sqrt(2.0 / N);
        CHECK_NEAR(got[0] / N, sum[session][0] / N, 0.17 * error);
        CHECK_NEAR(got[1] / N, sum[session][1] / N, 0.15 * error);
        CHECK_NEAR(got[2] / N, sum[session][2] / N, 0.5 * error);
    }
    simulation_close(&s);
}

static void members_of_a_bank_are_drawn_by_their_prior(void **unused)
{
    (void)unused;
    enum { N = 4000 };
    struct simulation s;
    bank.n = 3;
    bank.member[1] = bank.member[2] = bank.member[0];
    bank.member[1].rule.kind = MODEL_RULE_NONE;
    bank.prior[0] = 0.2;
    bank.prior[1] = 0.5;
    bank.prior[2] = 0.3;
    struct simulation_plan plan = plan_of(N, 2, 2);
    run(&s, &plan);
    double n[3] = {0.0};
    double late[3] = {0.0};
    for (int64_t i = 0; i < N; i++) {
        n[s.member[i]] += 1.0;
        late[s.member[i]] += simulation_entry(&s, i, 1)->trials >= 0;
    }
    for (int k = 0; k < 3; k++) {
        CHECK_NEAR(n[k], N * bank.prior[k], 5.0 * sqrt(N * bank.prior[k] * (1 - bank.prior[k])));
    }
    /* Those that do not learn come to the second stage less often. */
    assert_true(late[1] / n[1] < 0.8 * late[0] / n[0]);
    CHECK_NEAR(late[0] / n[0], late[2] / n[2], 5.0 * sqrt(0.25 / n[0] + 0.25 / n[2]));
    simulation_close(&s);
}

static void sums_of_sessions_and_stages_agree(void **unused)
{
    (void)unused;
    struct simulation s;
    const struct simulation_plan plan = plan_of(50, 3, 1);
    run(&s, &plan);
    long long n = 0;
    for (int64_t i = 0; i < 50; i++) {
        int64_t so_far = 0;
        for (int64_t k = 0; k < 3; k++) {
            const struct simulation_session *v = simulation_session(&s, i, k);
            const int64_t trials = (int64_t)v->n[0] + v->n[1];
            assert_true(trials >= 100 && trials <= 140);
            assert_int_equal(v->rewards, v->correct[0] + v->correct[1]);
            CHECK_NEAR(v->reward_ul, 2.0 * v->rewards, 1e-3);
            CHECK_NEAR(simulation_occupancy(&s, i, k, 0) + simulation_occupancy(&s, i, k, 1), 1.0,
                       1e-12);
            if (simulation_entry(&s, i, 1)->sessions == k) {
                CHECK_NEAR((double)simulation_entry(&s, i, 1)->trials - (double)so_far,
                           (double)trials * simulation_occupancy(&s, i, k, 0), 1e-9);
            }
            so_far += trials;
        }
        n += so_far;
        assert_int_equal(simulation_entry(&s, i, 0)->trials, 0);
    }
    assert_int_equal(atomic_load(&s.n_trials), n);
    simulation_close(&s);
}

static void bands_are_means_and_quantiles(void **unused)
{
    (void)unused;
    double v[] = {5.0, (double)NAN, 1.0, 3.0, 2.0, 4.0};
    const struct simulation_band band = simulation_band_of(v, 6);
    assert_int_equal(band.n, 5);
    CHECK_NEAR(band.mean, 3.0, 1e-12);
    CHECK_NEAR(band.q[0], 1.2, 1e-12);
    CHECK_NEAR(band.q[2], 3.0, 0.0);
    CHECK_NEAR(band.q[4], 4.8, 1e-12);
    double never[] = {2.0, (double)INFINITY, 4.0, (double)INFINITY};
    const struct simulation_band reach = simulation_band_of(never, 4);
    CHECK_NEAR(reach.mean, 3.0, 1e-12);
    CHECK_NEAR(reach.q[1], 3.5, 1e-12);
    assert_true(isinf(reach.q[2]) && isinf(reach.q[4]));
    assert_true(isnan(simulation_band_of(v, 0).q[2]));
}

static void the_same_protocol_gains_nothing_on_itself(void **unused)
{
    (void)unused;
    struct simulation s[2];
    struct simulation_report r[2];
    struct simulation_difference d;
    const struct simulation_plan plan = plan_of(60, 3, 2);
    for (int i = 0; i < 2; i++) {
        run(&s[i], &plan);
        assert_int_equal(simulation_report_open(&r[i], &s[i], "x", 0.8, &fault), FAULT_NONE);
    }
    assert_int_equal(simulation_difference_open(&d, &r[0], &r[1], &fault), FAULT_NONE);
    for (int k = 0; k < SIMULATION_OUTCOMES; k++) {
        CHECK_NEAR(d.outcome[k].band.mean, 0.0, 0.0);
        CHECK_NEAR(d.outcome[k].hi - d.outcome[k].lo, 0.0, 0.0);
    }
    simulation_difference_close(&d);
    for (int i = 0; i < 2; i++) {
        simulation_report_close(&r[i]);
        simulation_close(&s[i]);
    }
}

/* Rewards for errors teach them too: the interval of the paired difference is on one side of 0. */
static void a_worse_protocol_loses(void **unused)
{
    (void)unused;
    struct simulation s[2];
    struct simulation_report r[2];
    struct simulation_difference d;
    model_protocol worse = protocol;
    worse.stage[0].p_reward[0][1] = worse.stage[0].p_reward[1][0] = 1.0;
    struct simulation_plan plan = plan_of(200, 4, 2);
    run(&s[0], &plan);
    plan.protocol = &worse;
    run(&s[1], &plan);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(simulation_report_open(&r[i], &s[i], "x", 0.8, &fault), FAULT_NONE);
    }
    assert_int_equal(simulation_difference_open(&d, &r[0], &r[1], &fault), FAULT_NONE);
    assert_true(d.outcome[SIMULATION_FINAL_ACCURACY].hi < 0.0);
    assert_true(d.outcome[SIMULATION_TRIALS_TO_LAST].lo > 0.0);
    assert_true(d.outcome[SIMULATION_REWARDS].lo > 0.0);
    assert_true(r[1].stage[1].n < r[0].stage[1].n);
    simulation_difference_close(&d);
    for (int i = 0; i < 2; i++) {
        simulation_report_close(&r[i]);
        simulation_close(&s[i]);
    }
}

/* The variance over animals of an outcome's difference, with the same animals and with the next. */
static double variance_of_difference(const struct simulation_report r[2], int64_t shift)
{
    const int64_t n = r[0].s->plan.mice;
    double sum = 0.0;
    double squares = 0.0;
    for (int64_t i = 0; i < n; i++) {
        const double d = simulation_outcome_of(&r[1], (i + shift) % n, SIMULATION_REWARDS) -
                         simulation_outcome_of(&r[0], i, SIMULATION_REWARDS);
        sum += d;
        squares += d * d;
    }
    return squares / (double)n - sum / (double)n * (sum / (double)n);
}

static void the_same_animals_make_differences_clearer(void **unused)
{
    (void)unused;
    struct simulation s[2];
    struct simulation_report r[2];
    model_protocol other = protocol;
    other.stage[0].debias.window = 0;
    struct simulation_plan plan = plan_of(300, 4, 2);
    plan.rate_spread = 0.5;
    run(&s[0], &plan);
    plan.protocol = &other;
    run(&s[1], &plan);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(simulation_report_open(&r[i], &s[i], "x", 0.8, &fault), FAULT_NONE);
    }
    const double paired = variance_of_difference(r, 0);
    const double unpaired = variance_of_difference(r, 1);
    print_message("variance of the difference: %.0f paired, %.0f not\n", paired, unpaired);
    assert_true(paired < 0.5 * unpaired);
    for (int i = 0; i < 2; i++) {
        simulation_report_close(&r[i]);
        simulation_close(&s[i]);
    }
}

static void more_results_than_a_gigabyte_are_refused(void **unused)
{
    (void)unused;
    struct simulation s;
    const struct simulation_plan plan = plan_of(1000000, 10000, 1);
    assert_int_equal(simulation_open(&s, &plan, &fault), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "at most 1 expected"));
    simulation_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, setup)
        TEST(threads_change_nothing),
        TEST(an_animal_does_not_depend_on_the_others),
        TEST(animals_trained_one_by_one_do_as_well),
        TEST(members_of_a_bank_are_drawn_by_their_prior),
        TEST(sums_of_sessions_and_stages_agree),
        TEST(bands_are_means_and_quantiles),
        TEST(the_same_protocol_gains_nothing_on_itself),
        TEST(a_worse_protocol_loses),
        TEST(the_same_animals_make_differences_clearer),
        TEST(more_results_than_a_gigabyte_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
