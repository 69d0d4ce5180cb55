/* Animals as hard as they come, followed by the built-in walk, the shipped bank, that bank without
 * its random walk, and one net alone: whatever they do, predictions stay finite, calibrated, and
 * say what is not known. The true p(right) is known where the animal is simulated. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "model_file.h"
#include "seeded.h"
#include "twin.h"

#define MICE MURID_SOURCE_DIR "/configs/models/mice.safetensors"

enum { WALK, SHIPPED, WITHOUT_WALK, ONE_NET, BANKS, N_STIMULI = 9 };

static const char *const BANK_NAMES[BANKS] = {"walk", "shipped", "without walk", "one net"};
static const double STIMULI[N_STIMULI] = {-1.0, -0.5, -0.25, -0.0625, 0.0, 0.0625, 0.25, 0.5, 1.0};

static struct model_file file;
static model_params baseline;
static model_engagement_params engagement;
static model_bank_params banks[BANKS];

/* The members of the shipped bank that are wanted, with like priors. */
static void keep_members(model_bank_params *bank, bool (*is_wanted)(const model_params *),
                         uint32_t most)
{
    *bank = file.bank;
    bank->n = 0;
    for (uint32_t i = 0; i < file.bank.n && bank->n < most; i++) {
        if (is_wanted(&file.bank.member[i])) {
            bank->member[bank->n++] = file.bank.member[i];
        }
    }
    for (uint32_t i = 0; i < bank->n; i++) {
        bank->prior[i] = 1.0 / (double)bank->n;
    }
    assert_true(bank->n > 0);
    assert_int_equal(model_bank_check(bank), MODEL_OK);
}

static bool has_rule(const model_params *params)
{
    return params->rule.kind != MODEL_RULE_NONE;
}

static bool has_net(const model_params *params)
{
    return model_rule_of(params->rule.kind)->has_net;
}

static int set_up(void **state)
{
    (void)state;
    struct fault fault;
    if (model_file_load(MICE, &file, &fault) != FAULT_NONE) {
        fail_msg("%s", fault.text);
    }
    assert_int_equal(model_params_built_in(&baseline, NULL), MODEL_OK);
    model_engagement_default(&engagement);
    model_bank_single(&banks[WALK], &baseline);
    banks[SHIPPED] = file.bank;
    keep_members(&banks[WITHOUT_WALK], has_rule, MODEL_BANK_MAX);
    keep_members(&banks[ONE_NET], has_net, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    model_file_free(&file);
    return 0;
}

/* One animal and all that is asked of its twin. */
struct follower {
    struct twin twin;
    struct twin_models models;
    test_random random;
    int64_t n;      /* choices of which the true p was known */
    int64_t inside; /* of these, it lay in the interval */
};

static struct follower f;

static void meet(int bank, uint64_t seed)
{
    static model_stacking_params stack;
    model_stacking_default(&stack);
    f.models = (struct twin_models){
        .bank = &banks[bank], .baseline = &baseline, .engagement = &engagement, .stack = &stack};
    f.random = test_random_seeded(seed);
    f.n = f.inside = 0;
    twin_init(&f.twin, &f.models);
    twin_start_session(&f.twin, &f.models);
}

static void check_predictions(void)
{
    double p[N_STIMULI];
    double lo[N_STIMULI];
    double hi[N_STIMULI];
    double w[MODEL_WEIGHTS_MAX];
    double w_sd[MODEL_WEIGHTS_MAX];
    const model_bank_params *params = f.models.bank;
    twin_predict(&f.twin, &f.models, N_STIMULI, STIMULI, p, lo, hi);
    for (int i = 0; i < N_STIMULI; i++) {
        assert_true(p[i] > 0.0 && p[i] < 1.0);
        assert_true(lo[i] >= 0.0 && lo[i] <= hi[i] && hi[i] <= 1.0);
    }
    model_bank_weights(&f.twin.bank, params, w, w_sd);
    for (uint32_t i = 0; i < params->member[0].policy.n; i++) {
        assert_true(isfinite(w[i]) && w_sd[i] > 0.0 && isfinite(w_sd[i]));
    }
    double sum = 0.0;
    for (size_t i = 0; i < f.twin.bank.n; i++) {
        sum += f.twin.bank.weight[i];
    }
    CHECK_NEAR(sum, 1.0, 1e-9);
}

/* Width of the interval of the logit. */
static double width(double contrast)
{
    double p;
    double lo;
    double hi;
    twin_predict(&f.twin, &f.models, 1, &contrast, &p, &lo, &hi);
    return log(hi / (1.0 - hi)) - log(lo / (1.0 - lo));
}

static double p_right(double contrast)
{
    double p;
    twin_predict(&f.twin, &f.models, 1, &contrast, &p, NULL, NULL);
    return p;
}

static double draw_stimulus(void)
{
    return STIMULI[test_random_bits(&f.random) % N_STIMULI];
}

/* One trial of an animal that goes right with probability p. */
static void choose(double contrast, double p, double rt_s)
{
    double forecast;
    double lo;
    double hi;
    struct twin_outcome outcome;
    twin_predict(&f.twin, &f.models, 1, &contrast, &forecast, &lo, &hi);
    f.inside += p >= lo && p <= hi;
    f.n++;
    const bool right = test_random_uniform(&f.random) < p;
    const bool is_rewarded =
        contrast == 0.0 ? test_random_uniform(&f.random) < 0.5 : right == (contrast > 0.0);
    const model_trial trial = {contrast, is_rewarded, rt_s, right, -1};
    assert_int_equal(twin_observe(&f.twin, &f.models, &trial, &outcome), MODEL_OK);
    assert_true(isfinite(outcome.nats) && isfinite(outcome.p_disengaged));
    check_predictions();
}

static void no_go(double contrast)
{
    struct twin_outcome outcome;
    const model_trial trial = {contrast, 0.0, (double)NAN, -1, -1};
    assert_int_equal(twin_observe(&f.twin, &f.models, &trial, &outcome), MODEL_OK);
    check_predictions();
}

static double logistic(double a)
{
    return 1.0 / (1.0 + exp(-a));
}

static double x_of(double contrast)
{
    return model_policy_stimulus(&baseline.policy, contrast);
}

static void tell(const char *animal, int bank)
{
    const model_score *s = &f.twin.score;
    printf("%-24s %-12s true p inside %.3f of %lld; nats %.4f, ECE %.4f, covered %.3f of %lld\n",
           animal, BANK_NAMES[bank], f.n > 0 ? (double)f.inside / (double)f.n : (double)NAN,
           (long long)f.n, model_score_mean_nats(s), model_score_ece(s), model_score_coverage(s),
           (long long)s->n_rates);
}

/* Calibration error at most, share of the trials whose interval held the true p, and of the bins
 * whose rate it held at least. */
static void check_calibrated(double ece, double inside, double covered)
{
    const model_score *s = &f.twin.score;
    assert_true(model_score_ece(s) <= ece);
    assert_true((double)f.inside / (double)f.n >= inside);
    assert_true(s->n_rates == 0 || model_score_coverage(s) >= covered);
}

/* Ten sessions; in the sixth night right becomes left. */
static void an_animal_that_switches_its_policy_overnight(void **state)
{
    (void)state;
    for (int bank = 0; bank < BANKS; bank++) {
        double before = 0.0;
        meet(bank, 100);
        for (int session = 0; session < 10; session++) {
            const double w = session < 6 ? 3.0 : -3.0;
            twin_start_session(&f.twin, &f.models);
            if (session == 6) {
                assert_true(width(0.0) > before); /* a night is time to change */
            }
            for (int t = 0; t < 300; t++) {
                const double c = draw_stimulus();
                choose(c, logistic(w * x_of(c) + 0.5), 0.4);
            }
            before = width(0.0);
            assert_true((p_right(1.0) > 0.8) == (session < 6));
            assert_true((p_right(1.0) < 0.2) == (session >= 6));
        }
        tell("switches overnight", bank);
        check_calibrated(0.05, 0.6, 0.85);
    }
}

static void an_animal_that_always_turns_left(void **state)
{
    (void)state;
    for (int bank = 0; bank < BANKS; bank++) {
        meet(bank, 101);
        for (int t = 0; t < 3000; t++) {
            if (t % 300 == 0) {
                twin_start_session(&f.twin, &f.models);
            }
            choose(draw_stimulus(), 0.0, 0.4);
        }
        tell("always left", bank);
        check_calibrated(0.04, 0.0, 0.0); /* a twin is never as sure as that animal */
        /* Outside of what they were fitted on rules lead no further; the choices alone do. */
        for (int i = 0; i < N_STIMULI; i++) {
            assert_true(p_right(STIMULI[i]) < (bank == ONE_NET ? 0.25 : 0.06));
        }
    }
}

static void two_thousand_no_gos(void **state)
{
    (void)state;
    for (int bank = 0; bank < BANKS; bank++) {
        meet(bank, 102);
        for (int t = 0; t < 300; t++) {
            const double c = draw_stimulus();
            choose(c, logistic(3.0 * x_of(c)), 0.4);
        }
        const double before = width(0.25);
        const double p = p_right(0.25);
        for (int t = 0; t < 2000; t++) {
            no_go(draw_stimulus());
        }
        tell("2000 no-gos", bank);
        assert_int_equal(f.twin.score.n, 300);
        assert_true(width(0.25) > 1.2 * before); /* nothing was heard for long */
        assert_true(p_right(0.25) > 0.5 && p_right(0.25) < p + 0.01);
        assert_true(model_engagement_is_out(&f.twin.engagement));
    }
}

static void reaction_times_that_are_0_or_unknown(void **state)
{
    (void)state;
    static const double RT_S[] = {0.0, (double)NAN, 86400.0, 1e-300, 0.4};
    for (int bank = 0; bank < BANKS; bank++) {
        meet(bank, 103);
        for (int t = 0; t < 2000; t++) {
            const double c = draw_stimulus();
            choose(c, logistic(2.0 * x_of(c)), RT_S[t < 1000 ? t % 5 : t / 100 % 2]);
        }
        tell("reaction times", bank);
        check_calibrated(0.04, 0.8, 0.85);
    }
}

static void sessions_of_one_trial(void **state)
{
    (void)state;
    for (int bank = 0; bank < BANKS; bank++) {
        meet(bank, 104);
        for (int t = 0; t < 2400; t++) {
            twin_start_session(&f.twin, &f.models);
            const double c = draw_stimulus();
            choose(c, logistic(2.0 * x_of(c)), 0.4);
        }
        tell("sessions of one trial", bank);
        assert_int_equal(f.twin.session_score.n, 1);
        check_calibrated(0.05, 0.9, 0.0);
    }
}

/* It was never shown more than 0.25, or less than that. */
static void a_stimulus_that_was_never_shown(void **state)
{
    (void)state;
    for (int bank = 0; bank < BANKS; bank++) {
        meet(bank, 105);
        for (int t = 0; t < 1200; t++) {
            const double c = t % 2 == 0 ? 0.25 : -0.25;
            choose(c, logistic(2.0 * fmin((double)t / 600.0, 1.0) * x_of(c)), 0.4);
        }
        tell("never shown", bank);
        check_calibrated(0.08, 0.6, 0.85);
        assert_true(width(1.0) > width(0.25));
        assert_true(width(-1.0) > width(-0.25));
        assert_true(p_right(1.0) > 0.5 && p_right(-1.0) < 0.5);
        for (int t = 0; t < 50; t++) {
            choose(1.0, logistic(2.0), 0.4);
            choose(0.0625, logistic(2.0 * x_of(0.0625)), 0.4);
        }
    }
}

/* The shipped model was fitted on naive mice; this one knew the task when it was met. The score
 * says how wrong the intervals are, and the twin finds the animal within a session. */
static void an_animal_met_in_mid_training(void **state)
{
    (void)state;
    for (int bank = 0; bank < BANKS; bank++) {
        meet(bank, 107);
        for (int session = 0; session < 8; session++) {
            twin_start_session(&f.twin, &f.models);
            for (int t = 0; t < 300; t++) {
                const double c = draw_stimulus();
                choose(c, logistic(4.0 * x_of(c) + 0.5), 0.4);
            }
            if (session == 0) {
                tell("mid-training, first 300", bank);
                assert_true(bank == WALK || model_score_coverage(&f.twin.score) < 0.8);
                f.n = f.inside = 0;
            }
        }
        tell("then", bank);
        check_calibrated(0.06, 0.8, 0.8);
        assert_true(model_score_ece(&f.twin.session_score) < 0.06);
    }
}

/* An animal whose true weights wander: the plain case, for comparison. */
static void an_animal_that_wanders(void **state)
{
    (void)state;
    for (int bank = 0; bank < BANKS; bank++) {
        double w[] = {1.0, 0.0};
        meet(bank, 106);
        for (int t = 0; t < 3000; t++) {
            if (t % 300 == 0) {
                twin_start_session(&f.twin, &f.models);
                w[1] += test_random_normal(&f.random);
            }
            const double c = draw_stimulus();
            choose(c, logistic(w[0] * x_of(c) + w[1]), 0.4);
            w[0] += 0.02 * test_random_normal(&f.random);
            w[1] = 0.999 * w[1] + 0.05 * test_random_normal(&f.random);
        }
        tell("wanders", bank);
        check_calibrated(0.03, 0.8, 0.85);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_animal_that_wanders),
        cmocka_unit_test(an_animal_that_switches_its_policy_overnight),
        cmocka_unit_test(an_animal_that_always_turns_left),
        cmocka_unit_test(two_thousand_no_gos),
        cmocka_unit_test(reaction_times_that_are_0_or_unknown),
        cmocka_unit_test(sessions_of_one_trial),
        cmocka_unit_test(an_animal_met_in_mid_training),
        cmocka_unit_test(a_stimulus_that_was_never_shown),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
