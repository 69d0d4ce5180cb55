/* Fisher scoring, and draws from the posterior about where it ends. */
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
#include "model/posterior.h"
#include "model/scoring.h"

enum { M = 3, DRAWS = 4000 };

/* A log likelihood that is quadratic: -(x - top)' H (x - top) / 2. */
struct hill {
    double top[M];
    double H[M][M];
    int n_looks;
    bool is_broken;
};

static bool look(void *context, const double x[], model_likelihood *sums)
{
    struct hill *h = context;
    h->n_looks++;
    for (int i = 0; i < M; i++) {
        for (int j = 0; j < M; j++) {
            sums->log_likelihood -= 0.5 * (x[i] - h->top[i]) * h->H[i][j] * (x[j] - h->top[j]);
            sums->score[i] -= h->H[i][j] * (x[j] - h->top[j]);
            if (j <= i) {
                sums->information[i * M + j] = h->H[i][j];
            }
        }
    }
    return !h->is_broken;
}

static const struct hill HILL = {.top = {1.0, -2.0, 0.5},
                                 .H = {{4, 1, 0.5}, {1, 3, -1}, {0.5, -1, 2}}};

static model_scoring_config free_config(void)
{
    model_scoring_config c = {.m = M, .temper = 1.0, .tolerance = 1e-9};
    for (int i = 0; i < M; i++) {
        c.least[i] = -100.0;
        c.most[i] = 100.0;
    }
    return c;
}

static model_scoring *climb(const model_scoring_config *config, struct hill *hill)
{
    static model_scoring s;
    const double start[M] = {0.0, 0.0, 0.0};
    assert_int_equal(model_scoring_start(&s, config, start, look, hill), MODEL_OK);
    while (!s.is_done) {
        assert_int_equal(model_scoring_step(&s, config, look, hill), MODEL_OK);
    }
    return &s;
}

static void the_top_of_a_quadratic_is_found_in_a_few_steps(void **state)
{
    (void)state;
    struct hill hill = HILL;
    const model_scoring_config c = free_config();
    const model_scoring *s = climb(&c, &hill);
    for (int i = 0; i < M; i++) {
        CHECK_NEAR(s->values[i], HILL.top[i], 1e-4);
    }
    assert_true(hill.n_looks < 8);
}

static void a_variance_goes_to_0_where_the_likelihood_wants_less(void **state)
{
    (void)state;
    struct hill hill = HILL;
    model_scoring_config c = free_config();
    c.least[1] = 0.0; /* the top has -2 there */
    const model_scoring *s = climb(&c, &hill);
    CHECK_NEAR(s->values[1], 0.0, 0.0);
    /* The others answer: H of the others times their way = H of them with the bound one times 2. */
    const double det = 4.0 * 2.0 - 0.5 * 0.5;
    CHECK_NEAR(s->values[0], 1.0 + (-1.0 * 2.0 * 2.0 - 0.5 * 2.0) / det, 1e-4);
    CHECK_NEAR(s->values[2], 0.5 + (4.0 * 2.0 + 0.5 * 2.0) / det, 1e-4);
}

static void a_variance_at_0_leaves_it_where_the_score_says_so(void **state)
{
    (void)state;
    struct hill hill = HILL;
    model_scoring_config c = free_config();
    c.least[0] = 0.0; /* starts at the bound; the top has 1 there */
    const model_scoring *s = climb(&c, &hill);
    CHECK_NEAR(s->values[0], 1.0, 1e-4);
}

static void what_is_held_stays_and_a_prior_pulls(void **state)
{
    (void)state;
    struct hill hill = {.top = {2.0, 5.0, -1.0}, .H = {{4, 0, 0}, {0, 3, 0}, {0, 0, 2}}};
    model_scoring_config c = free_config();
    c.is_held[1] = true;
    c.mean[0] = -1.0;
    c.precision[0] = 4.0;
    const model_scoring *s = climb(&c, &hill);
    CHECK_NEAR(s->values[1], 0.0, 0.0);
    CHECK_NEAR(s->values[0], 0.5, 1e-4); /* half the way */
    CHECK_NEAR(s->values[2], -1.0, 1e-4);
}

static void a_likelihood_that_is_not_finite_is_an_error(void **state)
{
    (void)state;
    struct hill hill = HILL;
    static model_scoring s;
    const model_scoring_config c = free_config();
    const double start[M] = {0.0, 0.0, 0.0};
    assert_int_equal(model_scoring_start(&s, &c, start, look, &hill), MODEL_OK);
    hill.is_broken = true;
    assert_int_equal(model_scoring_step(&s, &c, look, &hill), MODEL_ERR_NUMERIC);
    assert_int_equal(model_scoring_start(&s, &c, start, look, &hill), MODEL_ERR_NUMERIC);
}

/* The quadratic of HILL with its top at `top`, as model_posterior has it. */
static model_posterior *posterior_about(const double top[M])
{
    static model_posterior p;
    memset(&p, 0, sizeof p);
    p.m = M;
    for (int i = 0; i < M; i++) {
        p.sd[i] = 1e6;
        for (int j = 0; j < M; j++) {
            p.information[i * M + j] = HILL.H[i][j];
            p.linear[i] += HILL.H[i][j] * top[j];
        }
    }
    return &p;
}

static double mean_of(const double draws[], int i)
{
    double sum = 0.0;
    for (int k = 0; k < DRAWS; k++) {
        sum += draws[k * M + i];
    }
    return sum / DRAWS;
}

static void draws_have_the_mean_and_the_volume_of_the_normal(void **state)
{
    (void)state;
    static double draws[DRAWS * M];
    const size_t all[M] = {0, 1, 2};
    model_posterior *p = posterior_about(HILL.top);
    assert_int_equal(model_posterior_draw(p, 1, DRAWS, draws), MODEL_OK);
    for (int i = 0; i < M; i++) {
        CHECK_NEAR(mean_of(draws, i), HILL.top[i], 0.05);
    }
    /* det of HILL.H is 4 (3 2 - 1) - 1 (2 + 0.5) + 0.5 (-1 - 1.5) */
    CHECK_NEAR(model_posterior_log_volume(M, DRAWS, draws, M, all), -0.5 * log(16.25), 0.06);
}

/* One variance alone with its top at -1 or 1.2 and information 4: 0 with the chance that the prior,
 * half at 0 and half exponential, leaves it; above 0 with the mean of the product, by a sum over a
 * grid. */
static void a_variance_is_0_or_above_by_what_the_likelihood_says(void **state)
{
    (void)state;
    static double draws[DRAWS * M];
    static model_posterior p;
    static const double TOPS[] = {-1.0, 1.2};
    static const double MEAN = 2.0;
    for (int c = 0; c < 2; c++) {
        memset(&p, 0, sizeof p);
        p.m = M;
        for (int i = 0; i < M; i++) {
            p.sd[i] = 1e6;
            p.information[i * M + i] = 4.0;
        }
        p.is_variance[1] = true;
        p.mean[1] = MEAN;
        p.linear[1] = 4.0 * TOPS[c];
        double above = 0.0;
        double moment = 0.0;
        for (double v = 0.0005; v < 10.0; v += 0.001) {
            const double density = 0.001 / MEAN * exp(-v / MEAN + p.linear[1] * v - 2.0 * v * v);
            above += density;
            moment += density * v;
        }
        assert_int_equal(model_posterior_draw(&p, 2, DRAWS, draws), MODEL_OK);
        double n_at_0 = 0.0;
        for (int k = 0; k < DRAWS; k++) {
            assert_true(draws[k * M + 1] >= 0.0);
            n_at_0 += draws[k * M + 1] == 0.0 ? 1.0 : 0.0;
        }
        CHECK_NEAR(n_at_0 / DRAWS, 1.0 / (1.0 + above), 0.03);
        CHECK_NEAR(mean_of(draws, 1), moment / (1.0 + above), 0.04);
    }
}

static void what_trades_off_with_a_variance_spreads_with_it(void **state)
{
    (void)state;
    static double draws[DRAWS * M];
    const double top[M] = {0.0, 0.0, 0.0};
    model_posterior *p = posterior_about(top);
    p->is_variance[1] = true;
    p->mean[1] = 1.0;
    assert_int_equal(model_posterior_draw(p, 3, DRAWS, draws), MODEL_OK);
    /* Parameter 0 goes down as the variance, above 0 only, goes up: H_01 is above 0. */
    assert_true(mean_of(draws, 1) > 0.05);
    assert_true(mean_of(draws, 0) < -0.01);
    p->information[0] = -1.0;
    assert_int_equal(model_posterior_draw(p, 3, DRAWS, draws), MODEL_ERR_NUMERIC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_top_of_a_quadratic_is_found_in_a_few_steps),
        cmocka_unit_test(a_variance_goes_to_0_where_the_likelihood_wants_less),
        cmocka_unit_test(a_variance_at_0_leaves_it_where_the_score_says_so),
        cmocka_unit_test(what_is_held_stays_and_a_prior_pulls),
        cmocka_unit_test(a_likelihood_that_is_not_finite_is_an_error),
        cmocka_unit_test(draws_have_the_mean_and_the_volume_of_the_normal),
        cmocka_unit_test(a_variance_is_0_or_above_by_what_the_likelihood_says),
        cmocka_unit_test(what_trades_off_with_a_variance_spreads_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
