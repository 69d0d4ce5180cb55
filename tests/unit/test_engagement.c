/* model/engagement.h. The numbers of "as the reference" come from tests/reference/engagement.py,
 * which repeats the formulas in plain Python. */
#include "suite.h"

#include <string.h>

#include "check.h"
#include "model/engagement.h"
#include "seeded.h"

static model_engagement_params params;

static int setup(void **state)
{
    (void)state;
    model_engagement_default(&params);
    return 0;
}

static model_engagement fresh(void)
{
    model_engagement e;
    model_engagement_init(&e, &params);
    return e;
}

static void observe(model_engagement *e, double p_right, double rt_s, int choice)
{
    const model_engagement_trial t = {p_right, rt_s, choice};
    assert_int_equal(model_engagement_observe(e, &params, &t), MODEL_OK);
}

/* An animal that sees its stimulus and answers in about 0.4 s. */
static void play_engaged(model_engagement *e, test_random *r, int n)
{
    for (int i = 0; i < n; i++) {
        const double p = test_random_uniform(r) < 0.5 ? 0.05 : 0.95;
        const double rt_s = 0.4 * exp(0.4 * test_random_normal(r));
        observe(e, p, rt_s, test_random_uniform(r) < p);
    }
}

/* One that does not look, and answers in about 1.2 s. */
static void play_lapsing(model_engagement *e, test_random *r, int n)
{
    for (int i = 0; i < n; i++) {
        const double p = test_random_uniform(r) < 0.5 ? 0.05 : 0.95;
        const double rt_s = 1.2 * exp(0.8 * test_random_normal(r));
        observe(e, p, rt_s, test_random_uniform(r) < 0.5);
    }
}

/* As some_trials() in the reference. */
static void follow_reference(model_engagement *e, int n)
{
    test_random r = test_random_seeded(11);
    for (int t = 0; t < 2 * n; t++) {
        const double p = test_random_uniform(&r);
        const double u = test_random_uniform(&r);
        const double v = test_random_uniform(&r);
        const double w = test_random_uniform(&r);
        const bool is_out = t >= n;
        const int choice = u < (is_out ? 0.7 : p) ? 1 : 0;
        const double rt_s = exp(2.0 * v - 1.0 + (is_out ? 1.5 : 0.0));
        observe(e, p, w > 0.9 ? (double)NAN : rt_s, w < (is_out ? 0.3 : 0.02) ? -1 : choice);
    }
}

static void follows_the_states_as_the_reference(void **state)
{
    (void)state;
    static const struct {
        int n;
        double p[3], no_go, quantile[3], e_value, score[2];
        int64_t stretch[2];
    } EXPECTED[] = {
        {5,
         {0.28350763316319, 0.0554137556605079, 0.661078611176302},
         0.0425774876514044,
         {-1.19469323037303, 0.875224872286572, 2.59600845899667},
         32.3972217600014,
         {1.47242048548298, 2.66561310210077},
         {7, 3}},
        {40,
         {0.134078815069047, 0.652435973528434, 0.213485211402519},
         0.0438170662051945,
         {-0.849476327914918, 0.712033129089782, 1.79156929356552},
         153692940784.733,
         {25.2073313612201, 17.2232305350658},
         {40, 36}},
    };
    params.false_alarms = 1e-14; /* not to be called out, so that nothing starts anew */
    for (size_t k = 0; k < sizeof EXPECTED / sizeof EXPECTED[0]; k++) {
        model_engagement e = fresh();
        follow_reference(&e, EXPECTED[k].n);
        model_engagement_evidence evidence;
        model_engagement_explain(&e, &evidence);
        for (int i = 0; i < 3; i++) {
            CHECK_NEAR(e.p[i], EXPECTED[k].p[i], 1e-12);
            CHECK_NEAR(e.quantile[i == 0 ? 0 : 1 + 2 * i], EXPECTED[k].quantile[i], 1e-12);
        }
        for (int i = 0; i < 2; i++) {
            CHECK_NEAR(e.score[i], EXPECTED[k].score[i], 1e-12);
            assert_int_equal(e.stretch[i], EXPECTED[k].stretch[i]);
        }
        CHECK_NEAR(e.no_go, EXPECTED[k].no_go, 1e-13);
        CHECK_NEAR(evidence.e_value / EXPECTED[k].e_value, 1.0, 1e-12);
    }
}

static void calls_a_lapsing_animal_once_and_takes_it_back_when_it_plays_again(void **state)
{
    (void)state;
    test_random r = test_random_seeded(suite_seed());
    int called = 0;
    int worst = 0;
    double p[3] = {0.0}; /* mean probability: engaged, when called, when taken back */
    for (int animal = 0; animal < 100; animal++) {
        model_engagement e = fresh();
        play_engaged(&e, &r, 300);
        if (model_engagement_is_out(&e)) {
            continue; /* a false alarm that still stands */
        }
        p[0] += model_engagement_p(&e);
        int delay = 0;
        while (!model_engagement_is_out(&e) && delay < 200) {
            play_lapsing(&e, &r, 1);
            delay++;
        }
        assert_true(model_engagement_is_out(&e));
        p[1] += model_engagement_p(&e);
        worst = delay > worst ? delay : worst;
        called++;
        int again = 0;
        while (model_engagement_is_out(&e)) {
            play_engaged(&e, &r, 1);
            assert_true(++again <= 60);
        }
        model_engagement_evidence evidence;
        model_engagement_explain(&e, &evidence);
        CHECK_NEAR(evidence.e_value, 0.0, 0.0);
        p[2] += model_engagement_p(&e);
    }
    printf("called %d of 100, worst delay %d trials\n", called, worst);
    assert_true(called >= 95);
    assert_true(worst <= 60);
    assert_true(p[0] < 0.15 * called && p[1] > 0.8 * called && p[2] < 0.15 * called);
}

static void calls_an_animal_away_that_does_not_answer_and_says_that_it_was_the_no_gos(void **state)
{
    (void)state;
    test_random r = test_random_seeded(suite_seed());
    model_engagement e = fresh();
    play_engaged(&e, &r, 200);
    model_engagement_start_session(&e, &params);
    int n = 0;
    while (!model_engagement_is_out(&e) && n < 20) {
        observe(&e, 0.9, (double)NAN, -1);
        n++;
    }
    assert_in_range(n, 2, 8);
    model_engagement_evidence evidence;
    model_engagement_explain(&e, &evidence);
    assert_int_equal(evidence.state, MODEL_ENGAGEMENT_AWAY);
    assert_int_equal(evidence.trials, n);
    assert_true(evidence.nats[MODEL_ENGAGEMENT_NO_GO] > 5.0);
    CHECK_NEAR(evidence.nats[MODEL_ENGAGEMENT_CHOICE], 0.0, 0.0);
    CHECK_NEAR(evidence.nats[MODEL_ENGAGEMENT_RT], 0.0, 0.0);
    assert_true(evidence.e_value >= 1.0 / params.false_alarms);
}

static void uses_choices_and_no_gos_where_reaction_times_are_unknown(void **state)
{
    (void)state;
    test_random r = test_random_seeded(suite_seed());
    model_engagement e = fresh();
    for (int i = 0; i < 200; i++) {
        const double p = test_random_uniform(&r) < 0.5 ? 0.03 : 0.97;
        observe(&e, p, (double)NAN, test_random_uniform(&r) < p);
    }
    assert_int_equal(e.n_rt, 0);
    model_engagement_start_session(&e, &params);
    int n = 0;
    while (!model_engagement_is_out(&e) && n < 200) {
        observe(&e, test_random_uniform(&r) < 0.5 ? 0.03 : 0.97, (double)NAN, 1);
        n++;
    }
    assert_in_range(n, 5, 60);
    model_engagement_evidence evidence;
    model_engagement_explain(&e, &evidence);
    CHECK_NEAR(evidence.nats[MODEL_ENGAGEMENT_RT], 0.0, 0.0);
    assert_true(evidence.nats[MODEL_ENGAGEMENT_CHOICE] > 5.0);
}

static void tells_nothing_from_reaction_times_before_it_knows_the_animal(void **state)
{
    (void)state;
    model_engagement known = fresh();
    model_engagement slow = fresh();
    for (int i = 0; i < 20; i++) {
        observe(&known, 0.5, 0.4, i % 2);
        observe(&slow, 0.5, i < 10 ? 0.4 : 30.0, i % 2);
    }
    assert_memory_equal(known.p, slow.p, sizeof known.p);
    assert_memory_equal(known.detector, slow.detector, sizeof known.detector);
}

static void follows_the_quantiles_of_reaction_times(void **state)
{
    (void)state;
    test_random r = test_random_seeded(suite_seed());
    static const double NORMAL[] = {-1.6449, -0.6745, 0.0, 0.6745, 1.2816, 1.8808};
    double mean[MODEL_ENGAGEMENT_QUANTILES] = {0.0};
    enum { N = 4000 };
    model_engagement e = fresh();
    for (int i = 0; i < N + 500; i++) {
        const double p = 0.05 + 0.9 * (i % 2);
        observe(&e, p, exp(-1.0 + 0.5 * test_random_normal(&r)), test_random_uniform(&r) < p);
        for (int k = 0; i >= 500 && k < MODEL_ENGAGEMENT_QUANTILES; k++) {
            mean[k] += e.quantile[k] / N;
        }
    }
    for (int k = 0; k < MODEL_ENGAGEMENT_QUANTILES; k++) {
        CHECK_NEAR(mean[k], -1.0 + 0.5 * NORMAL[k], 0.08);
    }
}

/* The detector less the number of trials is a supermartingale while the animal is engaged: that is
 * what bounds the rate of false alarms. Its mean after n trials is then at most n. */
static void keeps_the_mean_evidence_of_engaged_animals_below_the_number_of_trials(void **state)
{
    (void)state;
    test_random r = test_random_seeded(suite_seed());
    enum { ANIMALS = 20000, TRIALS = 25 };
    double sum = 0.0;
    double squares = 0.0;
    for (int animal = 0; animal < ANIMALS; animal++) {
        model_engagement e = fresh();
        for (int t = 0; t < TRIALS; t++) {
            const double p = 0.02 + 0.96 * test_random_uniform(&r);
            const bool is_no_go = test_random_uniform(&r) < params.no_go;
            observe(&e, p, (double)NAN, is_no_go ? -1 : test_random_uniform(&r) < p);
        }
        model_engagement_evidence evidence;
        model_engagement_explain(&e, &evidence);
        sum += evidence.e_value;
        squares += evidence.e_value * evidence.e_value;
    }
    const double mean = sum / ANIMALS;
    const double se = sqrt((squares / ANIMALS - mean * mean) / ANIMALS);
    printf("mean e-value after %d trials: %.2f (standard error %.2f)\n", TRIALS, mean, se);
    assert_true(mean <= TRIALS + 3.0 * se);
    assert_true(mean > 1.0);
}

static void starts_a_session_engaged_and_keeps_what_it_knows_of_the_animal(void **state)
{
    (void)state;
    test_random r = test_random_seeded(suite_seed());
    model_engagement e = fresh();
    play_engaged(&e, &r, 300);
    play_lapsing(&e, &r, 100);
    assert_true(model_engagement_is_out(&e));
    const model_engagement before = e;
    model_engagement_start_session(&e, &params);
    assert_false(model_engagement_is_out(&e));
    CHECK_NEAR(model_engagement_p(&e), 0.05, 1e-12);
    CHECK_NEAR(e.habit, 0.5, 0.0);
    assert_memory_equal(e.quantile, before.quantile, sizeof e.quantile);
    assert_int_equal(e.n_rt, before.n_rt);
    CHECK_NEAR(e.no_go, before.no_go, 0.0);
    assert_true(e.rt_n < before.rt_n);
}

static void is_equal_to_the_byte_after_equal_trials_and_stays_a_distribution(void **state)
{
    (void)state;
    const uint64_t seed = suite_seed();
    model_engagement e[2];
    for (int k = 0; k < 2; k++) {
        memset(&e[k], k == 0 ? 0xff : 0x00, sizeof e[k]);
        model_engagement_init(&e[k], &params);
        test_random r = test_random_seeded(seed);
        for (int i = 0; i < 20000; i++) {
            const double p =
                test_random_uniform(&r) < 0.2 ? (double)(i % 2) : test_random_uniform(&r);
            const double rt_s = i % 7 == 0    ? (double)NAN
                                : i % 11 == 0 ? 0.0
                                              : exp(20.0 * test_random_uniform(&r) - 8.0);
            const int choice = (int)(test_random_bits(&r) % 3) - 1;
            observe(&e[k], p, rt_s, choice);
            if (test_random_bits(&r) % 500 == 0) {
                model_engagement_start_session(&e[k], &params);
            }
            CHECK_NEAR(e[k].p[0] + e[k].p[1] + e[k].p[2], 1.0, 1e-12);
            assert_true(model_engagement_p(&e[k]) >= 0.0 && model_engagement_p(&e[k]) <= 1.0);
            assert_true(isfinite(e[k].detector[0]) && isfinite(e[k].detector[1]));
            assert_true(e[k].no_go >= 0.0 && e[k].no_go <= 1.0);
        }
    }
    assert_memory_equal(&e[0], &e[1], sizeof e[0]);
}

static void refuses_a_trial_outside_its_range_without_changing_state(void **state)
{
    (void)state;
    static const model_engagement_trial BAD[] = {
        {-0.01, 0.4, 1},
        {1.01, 0.4, 1},
        {(double)NAN, 0.4, 1},
        {0.5, -0.1, 1},
        {0.5, (double)INFINITY, 1},
        {0.5, 0.4, 2},
        {0.5, 0.4, -2},
    };
    model_engagement e = fresh();
    observe(&e, 0.7, 0.4, 1);
    const model_engagement before = e;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        assert_int_equal(model_engagement_observe(&e, &params, &BAD[i]), MODEL_ERR_ARG);
        assert_memory_equal(&e, &before, sizeof e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(follows_the_states_as_the_reference, setup),
        cmocka_unit_test_setup(calls_a_lapsing_animal_once_and_takes_it_back_when_it_plays_again,
                               setup),
        cmocka_unit_test_setup(
            calls_an_animal_away_that_does_not_answer_and_says_that_it_was_the_no_gos, setup),
        cmocka_unit_test_setup(uses_choices_and_no_gos_where_reaction_times_are_unknown, setup),
        cmocka_unit_test_setup(tells_nothing_from_reaction_times_before_it_knows_the_animal, setup),
        cmocka_unit_test_setup(follows_the_quantiles_of_reaction_times, setup),
        cmocka_unit_test_setup(
            keeps_the_mean_evidence_of_engaged_animals_below_the_number_of_trials, setup),
        cmocka_unit_test_setup(starts_a_session_engaged_and_keeps_what_it_knows_of_the_animal,
                               setup),
        cmocka_unit_test_setup(is_equal_to_the_byte_after_equal_trials_and_stays_a_distribution,
                               setup),
        cmocka_unit_test_setup(refuses_a_trial_outside_its_range_without_changing_state, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
