/* The log likelihood of a rule without a net, and its derivatives. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "model/likelihood.h"
#include "model/score.h"
#include "seeded.h"
#include "some_params.h"

enum { N = SOME_WEIGHTS, TRIALS = 200, ANIMALS = 40, MAX = MODEL_LIKELIHOOD_MAX };

/* One animal as a twin meets it, and as a fit takes it. */
struct animal {
    model_trial trial[TRIALS];
    bool starts[TRIALS];
    float x[TRIALS * MODEL_RULE_INPUTS_MAX];
    float g[TRIALS * N];
    uint8_t chose_right[TRIALS];
    int8_t side[TRIALS];
    uint8_t starts_session[TRIALS];
    uint16_t n_steps[TRIALS];
    model_fit_animal rows;
};

static void fill(struct animal *a, const model_params *p, test_random *r)
{
    model_fit_cursor cursor;
    const model_fit_rows rows = {.x = a->x,
                                 .g = a->g,
                                 .chose_right = a->chose_right,
                                 .side = a->side,
                                 .starts_session = a->starts_session,
                                 .n_steps = a->n_steps};
    size_t n = 0;
    model_fit_cursor_init(&cursor, &p->policy, p->rule.kind, NULL);
    for (int t = 0; t < TRIALS; t++) {
        const double contrast = 0.25 * ((int)(5.0 * test_random_uniform(r)) - 2);
        const double u = test_random_uniform(r);
        const bool is_right = test_random_uniform(r) < 1.0 / (1.0 + exp(-4.0 * contrast));
        a->starts[t] = t % 60 == 0;
        a->trial[t] = (model_trial){.contrast = contrast,
                                    .reward = u < 0.05 ? (double)NAN : (double)(u < 0.6),
                                    .rt_s = (double)NAN,
                                    .choice = (int8_t)(u < 0.1 ? -1 : is_right),
                                    .side = -1};
        n += model_fit_cursor_push(&cursor, &a->trial[t], a->starts[t], &rows, n) ? 1 : 0;
    }
    a->rows = (model_fit_animal){.n_trials = n,
                                 .x = a->x,
                                 .g = a->g,
                                 .chose_right = a->chose_right,
                                 .side = a->side,
                                 .starts_session = a->starts_session,
                                 .n_steps = a->n_steps};
}

static double value_at(const model_params *p, const struct animal *a, const double values[])
{
    model_params moved = *p;
    model_likelihood sums = {0};
    model_likelihood_decode(values, &moved);
    assert_true(model_likelihood_add(&moved, &a->rows, &sums));
    return sums.log_likelihood;
}

/* The log likelihood of the twin that runs beside a rig. */
static double of_twin(const model_params *p, const struct animal *a)
{
    model_member twin;
    double sum = 0.0;
    model_member_init(&twin, p);
    for (int t = 0; t < TRIALS; t++) {
        double p_right;
        if (a->starts[t]) {
            model_member_start_session(&twin, p);
        }
        model_member_predict(&twin, p, 1, &a->trial[t].contrast, &p_right, NULL, NULL);
        if (a->trial[t].choice >= 0) {
            sum += log(a->trial[t].choice == 1 ? p_right : 1.0 - p_right);
        }
        assert_int_equal(model_member_observe(&twin, p, &a->trial[t]), MODEL_OK);
    }
    return sum;
}

static void the_log_likelihood_is_that_of_the_twin(void **state)
{
    (void)state;
    test_random r = test_random_seeded(11);
    struct animal *a = calloc(1, sizeof *a);
    for (int k = 0; k < SOME_PAIRS; k++) {
        if (model_rule_of(some_rule(k))->has_net) {
            continue;
        }
        const model_params p = some_params(some_rule(k), some_filter(k));
        model_likelihood sums = {0};
        fill(a, &p, &r);
        assert_true(model_likelihood_add(&p, &a->rows, &sums));
        /* Features of a fit are single precision; the twin's memory of rewards is too. */
        CHECK_NEAR(sums.log_likelihood, of_twin(&p, a), 1e-4);
    }
    free(a);
}

static void the_score_is_its_derivative_by_every_parameter(void **state)
{
    (void)state;
    test_random r = test_random_seeded(12);
    struct animal *a = calloc(1, sizeof *a);
    static double information[MAX * MAX];
    for (int k = 0; k < SOME_PAIRS; k++) {
        if (model_rule_of(some_rule(k))->has_net) {
            continue;
        }
        const model_params p = some_params(some_rule(k), some_filter(k));
        model_parameter list[MAX];
        double values[MAX];
        double score[MAX] = {0.0};
        const size_t m = model_likelihood_list(&p, list);
        model_likelihood sums = {.score = score, .information = information};
        memset(information, 0, sizeof information);
        fill(a, &p, &r);
        model_likelihood_encode(&p, values);
        assert_true(model_likelihood_add(&p, &a->rows, &sums));
        assert_true(m >= 4 * N);
        for (size_t i = 0; i < m; i++) {
            const double e = 1e-5;
            const double at = values[i];
            values[i] = at + e;
            const double up = value_at(&p, a, values);
            values[i] = at - e;
            const double down = value_at(&p, a, values);
            values[i] = at;
            CHECK_NEAR(score[i], (up - down) / (2.0 * e), 1e-4 * (1.0 + fabs(score[i])));
        }
    }
    free(a);
}

static void what_is_held_is_left_out_and_changes_nothing_else(void **state)
{
    (void)state;
    test_random r = test_random_seeded(14);
    struct animal *a = calloc(1, sizeof *a);
    static double information[2][MAX * MAX];
    for (int k = 0; k < SOME_PAIRS; k++) {
        if (model_rule_of(some_rule(k))->has_net) {
            continue;
        }
        const model_params p = some_params(some_rule(k), some_filter(k));
        model_parameter list[MAX];
        bool is_held[MAX];
        double score[2][MAX] = {{0.0}};
        size_t place[MAX];
        size_t n = 0;
        const size_t m = model_likelihood_list(&p, list);
        for (size_t i = 0; i < m; i++) {
            is_held[i] = test_random_uniform(&r) < 0.5;
            place[n] = i;
            n += is_held[i] ? 0 : 1;
        }
        model_likelihood all = {.score = score[0], .information = information[0]};
        model_likelihood some = {
            .score = score[1], .information = information[1], .is_held = is_held};
        memset(information, 0, sizeof information);
        fill(a, &p, &r);
        assert_true(model_likelihood_add(&p, &a->rows, &all));
        assert_true(model_likelihood_add(&p, &a->rows, &some));
        CHECK_NEAR(some.log_likelihood, all.log_likelihood, 0.0);
        for (size_t i = 0; i < n; i++) {
            CHECK_NEAR(score[1][i], score[0][place[i]], 0.0);
            for (size_t j = 0; j <= i; j++) {
                CHECK_NEAR(information[1][i * n + j], information[0][place[i] * m + place[j]], 0.0);
            }
        }
    }
    free(a);
}

/* E[score score'] over animals that choose as the filter predicts is the information. Choices drawn
 * from one's own forecasts are such animals. */
static void the_information_is_the_variance_of_the_score(void **state)
{
    (void)state;
    enum { HERD = 400 };
    test_random r = test_random_seeded(13);
    const model_params p = some_params(MODEL_RULE_REINFORCE, MODEL_FILTER_MOMENTS);
    static double information[MAX * MAX];
    double score[MAX];
    double square[MAX] = {0.0};
    model_parameter list[MAX];
    const size_t m = model_likelihood_list(&p, list);
    struct animal *a = calloc(1, sizeof *a);
    for (int k = 0; k < HERD; k++) {
        model_likelihood sums = {.score = score, .information = information};
        model_member twin;
        model_member_init(&twin, &p);
        fill(a, &p, &r);
        model_fit_cursor cursor;
        const model_fit_rows rows = {a->x,      a->g, a->chose_right, a->side, a->starts_session,
                                     a->n_steps};
        model_fit_cursor_init(&cursor, &p.policy, p.rule.kind, NULL);
        size_t n = 0;
        for (int t = 0; t < TRIALS; t++) {
            model_trial *trial = &a->trial[t];
            double p_right;
            if (a->starts[t]) {
                model_member_start_session(&twin, &p);
            }
            model_member_predict(&twin, &p, 1, &trial->contrast, &p_right, NULL, NULL);
            trial->choice = test_random_uniform(&r) < p_right ? 1 : 0;
            trial->reward = (trial->choice == 1) == (trial->contrast > 0.0) ? 1.0 : 0.0;
            assert_int_equal(model_member_observe(&twin, &p, trial), MODEL_OK);
            n += model_fit_cursor_push(&cursor, trial, a->starts[t], &rows, n) ? 1 : 0;
        }
        a->rows.n_trials = n;
        memset(score, 0, sizeof score);
        assert_true(model_likelihood_add(&p, &a->rows, &sums));
        for (size_t i = 0; i < m; i++) {
            square[i] += score[i] * score[i];
        }
    }
    for (size_t i = 0; i < m; i++) {
        const double ratio = square[i] / information[i * m + i];
        printf("parameter %zu: %.3f\n", i, ratio);
        assert_true(ratio > 0.7 && ratio < 1.4); /* 400 squares: sd 0.07 */
    }
    free(a);
}

static void parameters_go_to_numbers_and_back(void **state)
{
    (void)state;
    for (model_rule_kind kind = MODEL_RULE_NONE; kind < MODEL_RULES; kind++) {
        const model_params p = some_params(kind, MODEL_FILTER_EKF);
        model_params back = p;
        double values[MAX];
        double again[MAX];
        model_parameter list[MAX];
        const size_t m = model_likelihood_list(&p, list);
        assert_true((m == 0) == model_rule_of(kind)->has_net);
        model_likelihood_encode(&p, values);
        model_likelihood_decode(values, &back);
        model_likelihood_encode(&back, again);
        for (size_t i = 0; i < m; i++) {
            CHECK_NEAR(again[i], values[i], 1e-12);
        }
    }
}

static void shared_draws_are_told_from_independent_ones(void **state)
{
    (void)state;
    test_random r = test_random_seeded(14);
    const model_params p = some_params(MODEL_RULE_REINFORCE, MODEL_FILTER_MOMENTS);
    static double information[MAX * MAX];
    static double by_trial[TRIALS * MAX];
    struct animal *a = calloc(1, sizeof *a);
    for (int is_shared = 0; is_shared < 2; is_shared++) {
        bool is_used[MAX];
        double score[MAX] = {0.0};
        model_parameter list[MAX];
        const size_t m = model_likelihood_list(&p, list);
        model_likelihood sums = {
            .score = score, .information = information, .by_trial = by_trial, .n_by_trial = TRIALS};
        memset(information, 0, sizeof information);
        memset(by_trial, 0, sizeof by_trial);
        for (size_t i = 0; i < m; i++) {
            is_used[i] = list[i].kind == MODEL_PARAMETER_RATE;
        }
        for (int k = 0; k < ANIMALS; k++) {
            if (!is_shared || k == 0) {
                fill(a, &p, &r);
            }
            assert_true(model_likelihood_add(&p, &a->rows, &sums));
        }
        const double shared = model_likelihood_shared(m, is_used, &sums);
        printf("%s: %.2f\n", is_shared ? "one animal, again and again" : "independent", shared);
        assert_true(is_shared ? shared > ANIMALS / 3.0 : shared > 0.5 && shared < 2.0);
    }
    free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_likelihood_is_that_of_the_twin),
        cmocka_unit_test(the_score_is_its_derivative_by_every_parameter),
        cmocka_unit_test(what_is_held_is_left_out_and_changes_nothing_else),
        cmocka_unit_test(the_information_is_the_variance_of_the_score),
        cmocka_unit_test(parameters_go_to_numbers_and_back),
        cmocka_unit_test(shared_draws_are_told_from_independent_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
