/* model/engagement_sim.h: expected shares are worked out from the parameters of model/engagement.h.
 * Seeds are written out; every test gives the same result on every run. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/engagement_sim.h"

static model_engagement_sim_params params;
static model_engagement_sim sim;

/* Share of n animals that are out on each of the trials first..first+span-1 of a session. */
static double share_out(int n, int first, int span)
{
    int out = 0;
    for (int i = 0; i < n; i++) {
        model_engagement_sim_init(&sim, &params, 31, (uint64_t)i);
        for (int t = 0; t < first + span; t++) {
            const model_engagement_sim_act act = model_engagement_sim_next(&sim, &params, 0.5);
            out += t >= first && act.state != MODEL_ENGAGEMENT_ENGAGED;
        }
    }
    return (double)out / ((double)n * span);
}

static void a_steady_animal_answers_always_and_by_its_policy(void **state)
{
    (void)state;
    enum { N = 20000 };
    model_engagement_sim_steady(&params);
    model_engagement_sim_init(&sim, &params, 32, 0);
    int right = 0;
    for (int i = 0; i < N; i++) {
        const model_engagement_sim_act act = model_engagement_sim_next(&sim, &params, 0.8);
        assert_int_equal(act.state, MODEL_ENGAGEMENT_ENGAGED);
        assert_true(act.p_right == 0.8 && act.p_no_go == 0.0);
        assert_true(act.choice == 0 || act.choice == 1);
        assert_true(act.rt_s > 0.2 && act.rt_s < 60.0);
        right += act.choice;
    }
    assert_true(fabs((double)right / N - 0.8) < 5.0 * sqrt(0.16 / N));
}

static void choices_and_no_gos_come_as_often_as_each_act_says(void **state)
{
    (void)state;
    enum { N = 60000 };
    double expected[3] = {0};
    double variance[3] = {0};
    double seen[3] = {0};
    double no_gos = 0.0;
    double no_gos_expected = 0.0;
    double no_gos_variance = 0.0;
    model_engagement_sim_default(&params);
    model_engagement_sim_init(&sim, &params, 33, 0);
    for (int i = 0; i < N; i++) {
        const model_engagement_sim_act act =
            model_engagement_sim_next(&sim, &params, i % 3 == 0 ? 0.95 : 0.3);
        no_gos += act.choice < 0;
        no_gos_expected += act.p_no_go;
        no_gos_variance += act.p_no_go * (1.0 - act.p_no_go);
        assert_true(isnan(act.rt_s) == (act.choice < 0));
        if (act.choice >= 0) {
            seen[act.state] += act.choice;
            expected[act.state] += act.p_right;
            variance[act.state] += act.p_right * (1.0 - act.p_right);
        }
    }
    assert_true(fabs(no_gos - no_gos_expected) < 5.0 * sqrt(no_gos_variance));
    for (int i = 0; i < 3; i++) {
        assert_true(variance[i] > 100.0);
        assert_true(fabs(seen[i] - expected[i]) < 5.0 * sqrt(variance[i]));
    }
}

static void a_lapsing_animal_does_not_look_and_repeats_itself(void **state)
{
    (void)state;
    enum { N = 40000 };
    model_engagement_sim_steady(&params);
    memcpy(params.play.start, (double[]){0.0, 1.0, 0.0}, sizeof params.play.start);
    memcpy(params.play.move[1], (double[]){0.0, 1.0, 0.0}, sizeof params.play.move[1]);
    model_engagement_sim_init(&sim, &params, 34, 0);
    int right[2] = {0};
    int repeats = 0;
    int last = 0;
    for (int i = 0; i < N; i++) {
        const int choice =
            model_engagement_sim_next(&sim, &params, i % 2 == 0 ? 0.99 : 0.01).choice;
        right[i % 2] += choice;
        repeats += choice == last;
        last = choice;
    }
    assert_true(abs(right[0] - right[1]) < 5.0 * sqrt(N));
    assert_true(repeats > N / 2 + 5 * (int)sqrt(N));
}

/* Of a Markov chain whose odds of being out are those of the mean moves, tilted to 7% and 50%. */
static void is_rested_when_a_session_starts_and_tires(void **state)
{
    (void)state;
    model_engagement_sim_default(&params);
    const double rested = share_out(1000, 60, 40);
    const double middle = share_out(1000, 230, 40);
    const double tired = share_out(1000, 600, 40);
    print_message("out: rested %.3f, middle %.3f, tired %.3f\n", rested, middle, tired);
    assert_true(rested > 0.06 && rested < 0.12);
    assert_true(middle > 0.12 && middle < 0.22);
    assert_true(tired > 0.42 && tired < 0.58);
    model_engagement_sim_init(&sim, &params, 35, 0);
    for (int t = 0; t < 3000; t++) {
        (void)model_engagement_sim_next(&sim, &params, 0.5);
    }
    model_engagement_sim_start_session(&sim, &params);
    assert_int_equal(sim.n_session, 0);
    params.tired_trials = 0.0;
    assert_true(fabs(share_out(1000, 600, 40) - share_out(1000, 60, 40)) < 0.03);
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void slow_reaction_times_fall_where_the_filter_of_engagement_expects_them(void **state)
{
    (void)state;
    enum { N = 40000 };
    static const double LEVEL[] = {0.05, 0.25, 0.5, 0.75, 0.9, 0.97};
    static double engaged[N];
    double share[MODEL_ENGAGEMENT_BINS] = {0};
    int n_out = 0;
    int n = 0;
    model_engagement_sim_default(&params);
    params.tired_trials = 0.0;
    params.play.no_go_away = 0.0;
    params.play.no_go = 0.0;
    for (int pass = 0; pass < 2; pass++) {
        model_engagement_sim_init(&sim, &params, 36, 0);
        for (int i = 0; i < N; i++) {
            const model_engagement_sim_act act =
                model_engagement_sim_next(&sim, &params, 0.05 + 0.09 * (i % 11));
            if (pass == 0 && act.state == MODEL_ENGAGEMENT_ENGAGED) {
                engaged[n++] = act.rt_s;
            } else if (pass == 1 && act.state != MODEL_ENGAGEMENT_ENGAGED) {
                int bin = 0;
                while (bin < 6 && act.rt_s > engaged[(size_t)(LEVEL[bin] * n)]) {
                    bin++;
                }
                share[bin] += 1.0;
                n_out++;
            }
        }
        qsort(engaged, (size_t)n, sizeof engaged[0], by_size);
    }
    assert_true(n > 1000 && n_out > 1000);
    for (int i = 0; i < MODEL_ENGAGEMENT_BINS; i++) {
        print_message("bin %d: %.3f, %.3f expected\n", i, share[i] / n_out, params.play.rt_out[i]);
        assert_true(fabs(share[i] / n_out - params.play.rt_out[i]) < 0.03);
    }
}

static void its_moods_do_not_depend_on_what_it_is_shown(void **state)
{
    (void)state;
    model_engagement_sim other;
    model_engagement_sim_default(&params);
    model_engagement_sim_init(&sim, &params, 37, 2);
    model_engagement_sim_init(&other, &params, 37, 2);
    for (int t = 0; t < 2000; t++) {
        const model_engagement_sim_act a = model_engagement_sim_next(&sim, &params, 0.99);
        const model_engagement_sim_act b = model_engagement_sim_next(&other, &params, 0.4);
        assert_int_equal(a.state, b.state);
        assert_int_equal(a.choice < 0, b.choice < 0);
    }
    model_engagement_sim_init(&other, &params, 37, 3);
    assert_memory_not_equal(sim.random.s, other.random.s, sizeof sim.random.s);
}

/* The filter, told what an experienced animal's twin would say, knows when it is out. */
static void the_filter_of_engagement_sees_it_go_out(void **state)
{
    (void)state;
    enum { N = 20000 };
    model_engagement filter;
    double p_sum[2] = {0};
    int n[2] = {0};
    model_engagement_sim_default(&params);
    params.tired_trials = 0.0;
    model_engagement_sim_init(&sim, &params, 38, 0);
    model_engagement_init(&filter, &params.play);
    for (int i = 0; i < N; i++) {
        const double p = i % 2 == 0 ? 0.97 : 0.03;
        const model_engagement_sim_act act = model_engagement_sim_next(&sim, &params, p);
        const model_engagement_trial trial = {p, act.rt_s, act.choice};
        assert_int_equal(model_engagement_observe(&filter, &params.play, &trial), MODEL_OK);
        const int is_out = act.state != MODEL_ENGAGEMENT_ENGAGED;
        p_sum[is_out] += model_engagement_p(&filter);
        n[is_out]++;
    }
    assert_true(p_sum[0] / n[0] < 0.1);
    assert_true(p_sum[1] / n[1] > 0.6);
    const double said = (p_sum[0] + p_sum[1]) / N;
    assert_true(fabs(said - (double)n[1] / N) < 0.05);
}

static void states_have_names(void **state)
{
    (void)state;
    assert_string_equal(model_engagement_sim_state_name(MODEL_ENGAGEMENT_ENGAGED), "engaged");
    assert_string_equal(model_engagement_sim_state_name(MODEL_ENGAGEMENT_LAPSING), "lapsing");
    assert_string_equal(model_engagement_sim_state_name(MODEL_ENGAGEMENT_AWAY), "away");
    assert_null(model_engagement_sim_state_name(MODEL_ENGAGEMENT_STATES));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_animal_answers_always_and_by_its_policy),
        cmocka_unit_test(choices_and_no_gos_come_as_often_as_each_act_says),
        cmocka_unit_test(a_lapsing_animal_does_not_look_and_repeats_itself),
        cmocka_unit_test(is_rested_when_a_session_starts_and_tires),
        cmocka_unit_test(slow_reaction_times_fall_where_the_filter_of_engagement_expects_them),
        cmocka_unit_test(its_moods_do_not_depend_on_what_it_is_shown),
        cmocka_unit_test(the_filter_of_engagement_sees_it_go_out),
        cmocka_unit_test(states_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
