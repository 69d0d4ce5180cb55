/* model/rate_grid.h: animals of model/virtual_mouse.h, whose pace is known. Seeds are written out;
 * every test gives the same result on every run. */
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
#include "model/random.h"
#include "model/rate_grid.h"
#include "model/virtual_mouse.h"

static model_bank_params params;
static model_rate_grid pace;

static void state_bank(void)
{
    model_params walk;
    memset(&params, 0, sizeof params);
    assert_int_equal(model_params_built_in(&walk, "stimulus,bias"), MODEL_OK);
    for (size_t i = 0; i < 2; i++) {
        walk.noise.prior_var[i] = 0.5;
        walk.noise.drift_var[i] = 1e-4;
        walk.noise.session_var[i] = 0.0;
        walk.rule.rate[i] = 1.0 / 64.0;
    }
    params.n = 2;
    params.share = 0.001;
    params.temper = 1.0;
    params.prior[0] = params.prior[1] = 0.5;
    params.member[0] = params.member[1] = walk;
    params.member[1].rule.kind = MODEL_RULE_REINFORCE;
    assert_int_equal(model_bank_check(&params), MODEL_OK);
}

static model_trial play(model_virtual_mouse *mouse, const model_params *animal, model_random *rig)
{
    const double c = 2.0 * model_random_uniform(rig) - 1.0;
    const bool right = model_virtual_mouse_choose(mouse, animal, c);
    const model_trial trial = {.contrast = c,
                               .reward = (c > 0.0) == right ? 1.0 : 0.0,
                               .rt_s = (double)NAN,
                               .choice = right,
                               .side = c > 0.0};
    assert_int_equal(model_virtual_mouse_learn(mouse, animal, &trial), MODEL_OK);
    return trial;
}

/* The likeliest pace of REINFORCE, by the sum over animals of `faster` times its rate. */
static double likeliest(double faster)
{
    enum { ANIMALS = 8, TRIALS = 1500 };
    double nats[MODEL_RATE_GRID_COUNT] = {0.0};
    state_bank();
    model_params animal = params.member[1];
    animal.rule.rate[0] *= faster;
    animal.rule.rate[1] *= faster;
    for (uint64_t i = 0; i < ANIMALS; i++) {
        model_virtual_mouse mouse;
        model_random rig;
        model_random_seed(&rig, 70, i);
        model_virtual_mouse_init(&mouse, &animal, 71, i);
        model_rate_grid_init(&pace, &params);
        for (int t = 0; t < TRIALS; t++) {
            const model_trial trial = play(&mouse, &animal, &rig);
            assert_int_equal(model_rate_grid_observe(&pace, &params, &trial), MODEL_OK);
        }
        for (size_t k = 0; k < MODEL_RATE_GRID_COUNT; k++) {
            nats[k] += pace.strand[1 + k].nats;
        }
    }
    size_t best = 0;
    for (size_t k = 1; k < MODEL_RATE_GRID_COUNT; k++) {
        best = nats[k] < nats[best] ? k : best;
    }
    return pace.strand[1 + best].pace;
}

static void tells_how_fast_animals_learn(void **state)
{
    (void)state;
    assert_true(likeliest(0.0) == 0.0);
    assert_true(likeliest(0.5) == 0.5);
    assert_true(likeliest(1.0) == 1.0);
    assert_true(likeliest(2.0) == 2.0);
}

/* Pace 1 is the bank's member, to the bit; pace 0 of a rule is no rule with the same noise. */
static void follows_as_a_bank_does(void **state)
{
    (void)state;
    static model_bank bank;
    state_bank();
    model_random rig;
    model_virtual_mouse mouse;
    model_random_seed(&rig, 72, 0);
    model_virtual_mouse_init(&mouse, &params.member[1], 72, 0);
    model_bank_init(&bank, &params);
    model_rate_grid_init(&pace, &params);
    assert_int_equal(pace.n, 1 + MODEL_RATE_GRID_COUNT);
    for (int t = 0; t < 300; t++) {
        if (t % 100 == 0) {
            model_bank_start_session(&bank, &params);
            model_rate_grid_start_session(&pace, &params);
        }
        model_trial trial = play(&mouse, &params.member[1], &rig);
        trial.choice = (int8_t)(t % 17 == 0 ? -1 : trial.choice);
        assert_int_equal(model_bank_observe(&bank, &params, &trial, NULL), MODEL_OK);
        assert_int_equal(model_rate_grid_observe(&pace, &params, &trial), MODEL_OK);
    }
    assert_memory_equal(&pace.strand[0].twin, &bank.member[0], sizeof(model_member));
    assert_memory_equal(&pace.strand[1].twin, &bank.member[0], sizeof(model_member));
    assert_memory_equal(&pace.strand[3].twin, &bank.member[1], sizeof(model_member));
    assert_true(pace.strand[1].pace == 0.0 && pace.strand[3].pace == 1.0);
    assert_true(pace.strand[0].nats == pace.strand[1].nats);
    assert_int_equal(pace.n_choices, 300 - 18);
}

static void counts_nats_from_the_best_strand(void **state)
{
    (void)state;
    state_bank();
    model_rate_grid_init(&pace, &params);
    double said[1 + MODEL_RATE_GRID_COUNT] = {0.0};
    for (int t = 0; t < 50; t++) {
        const double c = t % 2 == 0 ? 0.5 : -0.5;
        const model_trial trial = {c, 1.0, (double)NAN, (int8_t)(c > 0.0), (int8_t)(c > 0.0)};
        for (size_t i = 0; i < 1 + MODEL_RATE_GRID_COUNT; i++) {
            double p;
            model_member_predict(&pace.strand[i].twin, &params.member[pace.strand[i].member], 1, &c,
                                 &p, NULL, NULL);
            said[i] -= log(c > 0.0 ? p : 1.0 - p);
        }
        assert_int_equal(model_rate_grid_observe(&pace, &params, &trial), MODEL_OK);
    }
    double least = said[0];
    for (size_t i = 0; i < 1 + MODEL_RATE_GRID_COUNT; i++) {
        least = fmin(least, said[i]);
    }
    for (size_t i = 0; i < 1 + MODEL_RATE_GRID_COUNT; i++) {
        CHECK_NEAR(pace.strand[i].nats, said[i] - least, 1e-9);
    }
}

static void refuses_a_bad_trial_and_stays_as_it_was(void **state)
{
    (void)state;
    static model_rate_grid before;
    state_bank();
    model_rate_grid_init(&pace, &params);
    before = pace;
    const model_trial bad[] = {{2.0, 1.0, (double)NAN, 1, 1},
                               {(double)NAN, 1.0, (double)NAN, 1, 1},
                               {0.5, 7.0, (double)NAN, 1, 1},
                               {0.5, 1.0, -1.0, 1, 1},
                               {0.5, 1.0, (double)NAN, 3, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(model_rate_grid_observe(&pace, &params, &bad[i]), MODEL_ERR_ARG);
        assert_memory_equal(&pace, &before, model_rate_grid_used(1 + MODEL_RATE_GRID_COUNT));
    }
}

/* A rate so high that the rule's steps leave what is believed: those strands fall behind, the
 * others go on. */
static void a_strand_that_cannot_go_on_is_charged_as_a_coin(void **state)
{
    (void)state;
    state_bank();
    params.member[1].rule.kind = MODEL_RULE_PREDICT_MAX;
    params.member[1].rule.rate[0] = params.member[1].rule.rate[1] = -MODEL_RATE_MAX;
    model_rate_grid_init(&pace, &params);
    model_random coin;
    model_random_seed(&coin, 73, 0);
    for (int t = 0; t < 3000; t++) {
        const double c = t % 2 == 0 ? 1.0 : -1.0;
        const int8_t choice = (int8_t)model_random_below(&coin, 2);
        const model_trial trial = {c, 1.0, (double)NAN, choice, (int8_t)(c > 0.0)};
        assert_int_equal(model_rate_grid_observe(&pace, &params, &trial), MODEL_OK);
    }
    for (size_t i = 0; i < 1 + MODEL_RATE_GRID_COUNT; i++) {
        assert_true(isfinite(pace.strand[i].nats) && pace.strand[i].nats >= 0.0);
        assert_true(isfinite(pace.strand[i].twin.w[0]));
    }
    assert_true(pace.strand[0].nats == 0.0);
    assert_true(pace.strand[3].nats > 10.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_how_fast_animals_learn),
        cmocka_unit_test(follows_as_a_bank_does),
        cmocka_unit_test(counts_nats_from_the_best_strand),
        cmocka_unit_test(refuses_a_bad_trial_and_stays_as_it_was),
        cmocka_unit_test(a_strand_that_cannot_go_on_is_charged_as_a_coin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
