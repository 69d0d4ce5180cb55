/* model/bank.h */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bank_predict.h"
#include "check.h"
#include "filter.h"
#include "model/bank.h"
#include "model/score.h"
#include "model/virtual_mouse.h"
#include "some_net.h"

enum { N_STIMULI = 5 };

static const double STIMULI[N_STIMULI] = {-1.0, -0.25, 0.0, 0.25, 1.0};

static model_bank bank;
static model_bank other;
static model_bank_params params;

static model_params member(model_rule_kind kind, double rate, double drift_var)
{
    model_params p;
    assert_int_equal(model_params_built_in(&p, "stimulus,bias,prev_choice"), MODEL_OK);
    p.rule.kind = kind;
    for (int i = 0; i < 3; i++) {
        p.rule.rate[i] = kind == MODEL_RULE_NONE ? 0.0 : rate;
        p.noise.prior_var[i] = 0.25;
        p.noise.drift_var[i] = drift_var;
        p.noise.session_var[i] = 0.0;
    }
    return p;
}

static void start_bank(double share, double temper)
{
    memset(&params, 0, sizeof params);
    params.share = share;
    params.temper = temper;
}

static void add(model_params p)
{
    params.member[params.n++] = p;
    for (uint32_t i = 0; i < params.n; i++) {
        params.prior[i] = 1.0 / params.n;
    }
}

static void add_three(void)
{
    add(member(MODEL_RULE_NONE, 0.0, 1e-3));
    add(member(MODEL_RULE_REINFORCE, 0.05, 1e-5));
    add(member(MODEL_RULE_PREDICT_MAX, 0.02, 1e-4));
}

static model_trial random_trial(test_random *r)
{
    const double c = STIMULI[test_random_bits(r) % N_STIMULI];
    const int8_t choice = (int8_t)((int)(test_random_bits(r) % 9) - 1);
    return (model_trial){
        .contrast = c,
        .reward = c == 0.0 ? (double)NAN : (double)(test_random_bits(r) % 2),
        .rt_s = (double)NAN,
        .choice = choice > 1 ? (int8_t)(choice % 2) : choice,
        .side = -1,
    };
}

static model_trial mouse_trial(model_virtual_mouse *mouse, const model_params *truth,
                               test_random *r)
{
    const double c = STIMULI[test_random_bits(r) % N_STIMULI];
    const bool right = model_virtual_mouse_choose(mouse, truth, c);
    const double reward =
        c == 0.0 ? (double)(test_random_bits(r) % 2) : (double)(right == (c > 0.0));
    return (model_trial){c, reward, (double)NAN, right, -1};
}

static void a_bank_of_one_is_its_twin_to_the_bit(void **state)
{
    (void)state;
    test_random r = test_random_seeded(81);
    some_net *rnn = some_net_make(&r, (model_net_shape){true, 9, 16, 2, 3});
    some_net *gru = some_net_make(&r, (model_net_shape){true, 12, 16, 2, 3});
    const model_rule_kind kinds[] = {MODEL_RULE_NONE, MODEL_RULE_ELIGIBILITY, MODEL_RULE_RNN,
                                     MODEL_RULE_GRU_POLICY};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        model_params p = member(kinds[k], 0.03, 1e-3);
        p.rule.net = kinds[k] == MODEL_RULE_RNN ? rnn->net : gru->net;
        model_member twin;
        model_bank_single(&params, &p);
        params.share = 0.1;
        assert_int_equal(model_bank_check(&params), MODEL_OK);
        model_member_init(&twin, &p);
        model_bank_init(&bank, &params);
        for (int t = 0; t < 400; t++) {
            double ours[3][N_STIMULI];
            double theirs[3][N_STIMULI];
            double w[3];
            double w_sd[3];
            model_bank_mixture said;
            if (t % 100 == 0) {
                model_member_start_session(&twin, &p);
                model_bank_start_session(&bank, &params);
            }
            bank_predict(&bank, &params, N_STIMULI, STIMULI, ours[0], ours[1], ours[2]);
            model_member_predict(&twin, &p, N_STIMULI, STIMULI, theirs[0], theirs[1], theirs[2]);
            assert_memory_equal(ours, theirs, sizeof ours);
            model_bank_weights(&bank, &params, w, w_sd);
            for (int i = 0; i < 3; i++) {
                CHECK_NEAR(w[i], twin.w[i] + twin.rule.offset[i], 0.0);
                CHECK_NEAR(w_sd[i], sqrt(twin.P[i * 3 + i]), 0.0);
            }
            const model_trial trial = random_trial(&r);
            model_member_predict(&twin, &p, 1, &trial.contrast, theirs[0], NULL, NULL);
            assert_int_equal(model_member_observe(&twin, &p, &trial), MODEL_OK);
            assert_int_equal(model_bank_observe(&bank, &params, &trial, &said), MODEL_OK);
            CHECK_NEAR(said.p_right, theirs[0][0], 0.0);
            assert_memory_equal(&bank.member[0], &twin, sizeof twin);
            CHECK_NEAR(model_bank_weight(&bank, 0), 1.0, 0.0);
        }
    }
    some_net_free(rnn);
    some_net_free(gru);
}

static void members_filter_as_if_they_were_alone(void **state)
{
    (void)state;
    test_random r = test_random_seeded(82);
    model_member alone[3];
    start_bank(0.01, 1.0);
    add_three();
    model_bank_init(&bank, &params);
    for (int i = 0; i < 3; i++) {
        model_member_init(&alone[i], &params.member[i]);
    }
    for (int t = 0; t < 500; t++) {
        const model_trial trial = random_trial(&r);
        model_bank_mixture m;
        double p;
        model_bank_mix(&bank, &params, 1, &trial.contrast, &m);
        if (t % 200 == 0) {
            model_bank_start_session(&bank, &params);
        }
        for (int i = 0; i < 3; i++) {
            model_member_predict(&alone[i], &params.member[i], 1, &trial.contrast, &p, NULL, NULL);
            CHECK_NEAR(m.each[i], p, 0.0);
            if (t % 200 == 0) {
                model_member_start_session(&alone[i], &params.member[i]);
            }
            assert_int_equal(model_member_observe(&alone[i], &params.member[i], &trial), MODEL_OK);
        }
        assert_int_equal(model_bank_observe(&bank, &params, &trial, NULL), MODEL_OK);
        assert_memory_equal(bank.member, alone, sizeof alone);
    }
}

/* By hand: (1 - a) w p^c / sum + a prior. */
static void weights_follow_the_formula(void **state)
{
    (void)state;
    const double share = 0.1;
    const double temper = 0.5;
    const double prior[3] = {0.5, 0.3, 0.2};
    const double p[3] = {0.9, 0.4, 0.1};
    double w[3] = {0.2, 0.3, 0.5};
    double v[3];
    double sum = 0.0;
    for (int i = 0; i < 3; i++) {
        v[i] = w[i] * sqrt(1.0 - p[i]);
        sum += v[i];
    }
    model_bank_weigh(3, share, temper, prior, p, false, w);
    for (int i = 0; i < 3; i++) {
        CHECK_NEAR(w[i], 0.9 * v[i] / sum + 0.1 * prior[i], 1e-15);
    }
    double failed[3] = {0.5, 0.3, 0.2};
    model_bank_weigh(3, 0.0, 1.0, prior, (double[]){0.6, (double)NAN, 0.6}, true, failed);
    CHECK_NEAR(failed[0], 0.5 / 0.7, 1e-15);
    CHECK_NEAR(failed[1], 0.0, 1e-90);
    CHECK_NEAR(failed[2], 0.2 / 0.7, 1e-15);
}

static void a_no_go_changes_no_weight(void **state)
{
    (void)state;
    start_bank(0.05, 1.0);
    add_three();
    model_bank_init(&bank, &params);
    for (int t = 0; t < 20; t++) {
        const model_trial trial = {0.5, 1.0, (double)NAN, 1, -1};
        assert_int_equal(model_bank_observe(&bank, &params, &trial, NULL), MODEL_OK);
    }
    model_bank_copy(&other, &bank);
    assert_int_equal(
        model_bank_observe(&bank, &params, &(model_trial){0.5, 0.0, (double)NAN, -1, -1}, NULL),
        MODEL_OK);
    assert_memory_equal(bank.weight, other.weight, sizeof bank.weight);
    assert_int_equal(bank.member[2].n_trials, 21);
}

static void the_mixture_is_the_weighted_mean_and_its_interval_matches_the_moments(void **state)
{
    (void)state;
    test_random r = test_random_seeded(83);
    start_bank(0.01, 1.0);
    add_three();
    model_bank_init(&bank, &params);
    for (int t = 0; t < 300; t++) {
        double p[N_STIMULI];
        double lo[N_STIMULI];
        double hi[N_STIMULI];
        double alone[N_STIMULI];
        bank_predict(&bank, &params, N_STIMULI, STIMULI, p, lo, hi);
        bank_predict(&bank, &params, N_STIMULI, STIMULI, alone, NULL, NULL);
        assert_memory_equal(p, alone, sizeof p);
        for (int s = 0; s < N_STIMULI; s++) {
            double expected = 0.0;
            double mean = 0.0;
            double square = 0.0;
            for (int i = 0; i < 3; i++) {
                double one;
                double one_lo;
                double one_hi;
                model_member_predict(&bank.member[i], &params.member[i], 1, &STIMULI[s], &one,
                                     &one_lo, &one_hi);
                const double weight = model_bank_weight(&bank, (size_t)i);
                const double a = log(one_lo / (1.0 - one_lo));
                const double b = log(one_hi / (1.0 - one_hi));
                const double sd = 0.5 * (b - a) / MODEL_Z90;
                expected += weight * one;
                mean += weight * 0.5 * (a + b);
                square += weight * (sd * sd + 0.25 * (a + b) * (a + b));
            }
            const double half = MODEL_Z90 * sqrt(square - mean * mean);
            CHECK_NEAR(p[s], expected, 1e-14);
            CHECK_NEAR(lo[s], sigmoid_exact(mean - half), 1e-9);
            CHECK_NEAR(hi[s], sigmoid_exact(mean + half), 1e-9);
        }
        const model_trial trial = random_trial(&r);
        assert_int_equal(model_bank_observe(&bank, &params, &trial, NULL), MODEL_OK);
    }
}

static void what_is_said_of_a_stimulus_does_not_depend_on_those_beside_it(void **state)
{
    (void)state;
    test_random r = test_random_seeded(92);
    start_bank(0.01, 1.0);
    add_three();
    model_bank_init(&bank, &params);
    for (size_t n = 1; n <= N_STIMULI; n++) {
        double many[3][N_STIMULI];
        double one[3];
        bank_predict(&bank, &params, n, STIMULI, many[0], many[1], many[2]);
        for (size_t s = 0; s < n; s++) {
            bank_predict(&bank, &params, 1, &STIMULI[s], &one[0], &one[1], &one[2]);
            for (int i = 0; i < 3; i++) {
                CHECK_NEAR(many[i][s], one[i], 0.0);
            }
        }
        const model_trial trial = random_trial(&r);
        assert_int_equal(model_bank_observe(&bank, &params, &trial, NULL), MODEL_OK);
    }
}

/* Herbster and Warmuth 1998: with temper 1, after T choices the bank has lost at most -log prior_i
 * - T log(1 - share) nats more than member i. */
static void the_bank_is_never_worse_than_a_member_by_more_than_the_bound(void **state)
{
    (void)state;
    test_random r = test_random_seeded(84);
    const double shares[] = {0.0, 1e-3, 0.02};
    double closest = (double)INFINITY;
    for (size_t s = 0; s < sizeof shares / sizeof shares[0]; s++) {
        start_bank(shares[s], 1.0);
        add_three();
        add(member(MODEL_RULE_REWARD_MAX, 0.02, 1e-2));
        for (int animal = 0; animal < 12; animal++) {
            const model_params *truth = &params.member[animal % 4];
            model_virtual_mouse mouse;
            double nats = 0.0;
            double each_nats[4] = {0.0};
            model_virtual_mouse_init(&mouse, truth, 84, (uint64_t)animal);
            model_bank_init(&bank, &params);
            for (int t = 1; t <= 1500; t++) {
                const model_trial trial = mouse_trial(&mouse, truth, &r);
                model_bank_mixture said;
                assert_int_equal(model_bank_observe(&bank, &params, &trial, &said), MODEL_OK);
                assert_int_equal(model_virtual_mouse_learn(&mouse, truth, &trial), MODEL_OK);
                nats += model_score_nats(said.p_right, trial.choice == 1);
                for (int i = 0; i < 4; i++) {
                    each_nats[i] += model_score_nats(said.each[i], trial.choice == 1);
                    const double bound = log(4.0) - t * log1p(-shares[s]);
                    const double slack = each_nats[i] + bound - nats;
                    assert_true(slack >= -1e-9);
                    closest = fmin(closest, slack);
                }
            }
        }
    }
    printf("closest to the bound: %.3f nats\n", closest);
}

static void the_rule_that_the_animal_follows_gets_the_weight(void **state)
{
    (void)state;
    test_random r = test_random_seeded(85);
    int n_found = 0;
    int n_animals = 0;
    start_bank(1e-4, 1.0);
    add(member(MODEL_RULE_NONE, 0.0, 1e-5));
    add(member(MODEL_RULE_REINFORCE, 0.08, 1e-5));
    add(member(MODEL_RULE_REWARD_MAX, 0.08, 1e-5));
    for (int animal = 0; animal < 30; animal++) {
        const uint32_t truth = (uint32_t)animal % 3;
        model_virtual_mouse mouse;
        model_virtual_mouse_init(&mouse, &params.member[truth], 85, (uint64_t)animal);
        model_bank_init(&bank, &params);
        for (int t = 0; t < 3000; t++) {
            const model_trial trial = mouse_trial(&mouse, &params.member[truth], &r);
            assert_int_equal(model_bank_observe(&bank, &params, &trial, NULL), MODEL_OK);
            assert_int_equal(model_virtual_mouse_learn(&mouse, &params.member[truth], &trial),
                             MODEL_OK);
        }
        double sum = 0.0;
        for (uint32_t i = 0; i < params.n; i++) {
            sum += model_bank_weight(&bank, i);
        }
        CHECK_NEAR(sum, 1.0, 1e-12);
        n_found += model_bank_weight(&bank, truth) > 0.5;
        n_animals++;
    }
    printf("found: %d of %d\n", n_found, n_animals);
    assert_true(n_found >= 27);
}

static void an_animal_that_changes_its_rule_is_followed_faster_with_a_share(void **state)
{
    (void)state;
    double weight[2];
    for (int s = 0; s < 2; s++) {
        const double prior[2] = {0.5, 0.5};
        double w[2] = {0.5, 0.5};
        for (int t = 0; t < 1000; t++) {
            model_bank_weigh(2, s == 0 ? 0.0 : 0.01, 1.0, prior, (double[]){0.8, 0.5}, true, w);
        }
        for (int t = 0; t < 30; t++) {
            model_bank_weigh(2, s == 0 ? 0.0 : 0.01, 1.0, prior, (double[]){0.8, 0.5}, false, w);
        }
        weight[s] = w[1];
    }
    assert_true(weight[0] < 1e-80);
    assert_true(weight[1] > 0.9);
}

static void a_broken_member_changes_nothing_of_the_others(void **state)
{
    (void)state;
    for (uint32_t broken = 0; broken < 3; broken++) {
        test_random r = test_random_seeded(86 + broken);
        start_bank(0.01, 1.0);
        add_three();
        model_bank_init(&bank, &params);
        for (int t = 0; t < 50; t++) {
            const model_trial trial = random_trial(&r);
            assert_int_equal(model_bank_observe(&bank, &params, &trial, NULL), MODEL_OK);
        }
        bank.member[broken].P[0] = -1e3; /* no covariance: its logit has no variance */
        model_bank_copy(&other, &bank);
        const model_params good = params.member[broken];
        const model_trial trial = {0.5, 1.0, (double)NAN, 1, -1};
        const double held[3] = {other.weight[0], other.weight[1], other.weight[2]};
        model_bank_mixture said;
        assert_int_equal(model_bank_observe(&bank, &params, &trial, &said), MODEL_OK);
        const double *p = said.each;
        double sum = 0.0;
        for (uint32_t i = 0; i < 3; i++) {
            sum += i != broken ? held[i] * p[i] : 0.0;
        }
        for (uint32_t i = 0; i < 3; i++) {
            const double v = i != broken ? held[i] * p[i] / sum : 0.0;
            CHECK_NEAR(bank.weight[i], 0.99 * v + 0.01 / 3.0, 1e-15);
            if (i != broken) {
                assert_int_equal(model_member_observe(&other.member[i], &params.member[i], &trial),
                                 MODEL_OK);
                assert_memory_equal(&bank.member[i], &other.member[i], sizeof(model_member));
            }
        }
        /* It learned nothing, and stands before the same trial as the others. */
        const model_member *twin = &bank.member[broken];
        assert_memory_equal(twin->w, other.member[broken].w, sizeof twin->w);
        assert_memory_equal(&twin->rule, &other.member[broken].rule, sizeof twin->rule);
        CHECK_NEAR(twin->P[4], other.member[broken].P[4] + good.noise.drift_var[1], 1e-15);
        for (uint32_t i = 0; i < 3; i++) {
            assert_memory_equal(&bank.member[i].history, &twin->history, sizeof twin->history);
            assert_int_equal(bank.member[i].n_trials, twin->n_trials);
            assert_int_equal(bank.member[i].n_session, twin->n_session);
            assert_true(bank.member[i].at_session_start == twin->at_session_start);
        }
        bank.member[broken].P[0] = 1.0;
        assert_int_equal(model_bank_observe(&bank, &params, &trial, NULL), MODEL_OK);
        assert_true(isfinite(bank.weight[broken]) && bank.weight[broken] > 0.0);
    }
}

static void failures_leave_all_as_it_was(void **state)
{
    (void)state;
    const model_trial good = {0.5, 1.0, (double)NAN, 1, -1};
    const model_trial bad = {1.5, 1.0, (double)NAN, 1, -1};
    model_bank_mixture said = {.p_right = 7.0};
    start_bank(0.01, 1.0);
    add_three();
    memset(&bank, 0x55, sizeof bank);
    model_bank_init(&bank, &params);
    assert_int_equal(model_bank_observe(&bank, &params, &good, NULL), MODEL_OK);
    for (uint32_t i = 0; i < 3; i++) {
        bank.member[i].P[0] = -1e3;
    }
    model_bank_copy(&other, &bank);
    assert_int_equal(model_bank_observe(&bank, &params, &bad, &said), MODEL_ERR_ARG);
    assert_memory_equal(&bank, &other, model_bank_used(3));
    assert_int_equal(model_bank_observe(&bank, &params, &good, &said), MODEL_ERR_NUMERIC);
    assert_memory_equal(&bank, &other, model_bank_used(3));
    CHECK_NEAR(said.p_right, 7.0, 0.0);
}

/* Nothing beyond the used bytes is read or written. */
static void what_members_use_is_a_prefix(void **state)
{
    (void)state;
    test_random r = test_random_seeded(90);
    for (size_t n = 1; n <= MODEL_BANK_MAX; n++) {
        assert_int_equal(model_bank_used(n) - model_bank_used(n - 1), sizeof(model_member));
    }
    assert_int_equal(model_bank_used(MODEL_BANK_MAX), sizeof bank);
    start_bank(0.01, 1.0);
    add_three();
    const size_t used = model_bank_used(3);
    memset(&bank, 0x11, sizeof bank);
    memset(&other, 0xee, sizeof other);
    model_bank_init(&bank, &params);
    model_bank_copy(&other, &bank);
    for (int t = 0; t < 200; t++) {
        const model_trial trial = random_trial(&r);
        if (t % 50 == 0) {
            model_bank_start_session(&bank, &params);
            model_bank_start_session(&other, &params);
        }
        assert_int_equal(model_bank_observe(&bank, &params, &trial, NULL), MODEL_OK);
        assert_int_equal(model_bank_observe(&other, &params, &trial, NULL), MODEL_OK);
    }
    assert_memory_equal(&bank, &other, used);
    for (size_t i = used; i < sizeof bank; i++) {
        assert_int_equal(((const uint8_t *)&bank)[i], 0x11);
        assert_int_equal(((const uint8_t *)&other)[i], 0xee);
    }
}

static void another_bank_goes_on_from_the_mixture(void **state)
{
    (void)state;
    test_random r = test_random_seeded(91);
    start_bank(0.01, 1.0);
    add_three();
    const model_bank_params before = params;
    model_bank_init(&bank, &params);
    for (int t = 0; t < 200; t++) {
        const model_trial trial = random_trial(&r);
        assert_int_equal(model_bank_observe(&bank, &params, &trial, NULL), MODEL_OK);
    }
    double w[2][3];
    double w_sd[2][3];
    model_bank_weights(&bank, &before, w[0], w_sd[0]);
    const model_history history = bank.member[0].history;
    start_bank(0.0, 1.0);
    add(member(MODEL_RULE_NONE, 0.0, 1e-4));
    add(member(MODEL_RULE_REWARD_MAX, 0.02, 1e-4));
    model_bank_change(&bank, &before, &params);
    model_bank_weights(&bank, &params, w[1], w_sd[1]);
    assert_int_equal(bank.n, 2);
    CHECK_NEAR(bank.weight[0], 0.5, 0.0);
    for (int i = 0; i < 3; i++) {
        CHECK_NEAR(w[1][i], w[0][i], 1e-12);
        CHECK_NEAR(w_sd[1][i], w_sd[0][i], 1e-12);
    }
    assert_int_equal(bank.member[1].n_trials, 200);

    model_bank_params else_ = params;
    for (uint32_t i = 0; i < else_.n; i++) {
        assert_int_equal(model_policy_parse(&else_.member[i].policy, "bias"), MODEL_OK);
    }
    model_bank_change(&bank, &params, &else_);
    assert_memory_equal(&bank.member[1].history, &history, sizeof history);
    CHECK_NEAR(bank.member[1].w[0], 0.0, 0.0);
    assert_int_equal(bank.member[1].n_trials, 0);
}

static void parameters_out_of_range_are_found(void **state)
{
    (void)state;
    start_bank(0.01, 1.0);
    add_three();
    const model_bank_params good = params;
    assert_int_equal(model_bank_check(&params), MODEL_OK);
    for (int i = 0; i < 9; i++) {
        params = good;
        switch (i) {
        case 0:
            params.n = 0;
            break;
        case 1:
            params.n = MODEL_BANK_MAX + 1;
            break;
        case 2:
            params.share = 0.6;
            break;
        case 3:
            params.share = (double)NAN;
            break;
        case 4:
            params.temper = 0.0;
            break;
        case 5:
            params.prior[1] = 0.5;
            break;
        case 6:
            params.prior[0] = 0.0;
            params.prior[1] += good.prior[0];
            break;
        case 7:
            params.member[2].policy.transform = MODEL_TRANSFORM_NONE;
            break;
        default:
            params.member[2].noise.prior_var[0] = 0.0;
            break;
        }
        assert_int_equal(model_bank_check(&params), MODEL_ERR_ARG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bank_of_one_is_its_twin_to_the_bit),
        cmocka_unit_test(members_filter_as_if_they_were_alone),
        cmocka_unit_test(weights_follow_the_formula),
        cmocka_unit_test(a_no_go_changes_no_weight),
        cmocka_unit_test(the_mixture_is_the_weighted_mean_and_its_interval_matches_the_moments),
        cmocka_unit_test(what_is_said_of_a_stimulus_does_not_depend_on_those_beside_it),
        cmocka_unit_test(the_bank_is_never_worse_than_a_member_by_more_than_the_bound),
        cmocka_unit_test(the_rule_that_the_animal_follows_gets_the_weight),
        cmocka_unit_test(an_animal_that_changes_its_rule_is_followed_faster_with_a_share),
        cmocka_unit_test(a_broken_member_changes_nothing_of_the_others),
        cmocka_unit_test(failures_leave_all_as_it_was),
        cmocka_unit_test(what_members_use_is_a_prefix),
        cmocka_unit_test(another_bank_goes_on_from_the_mixture),
        cmocka_unit_test(parameters_out_of_range_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
