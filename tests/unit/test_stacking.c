/* model/stacking.h. The numbers of "as the reference" come from tests/reference/stack.py, which
 * repeats the formulas in plain Python. */
#include "suite.h"

#include <string.h>

#include "check.h"
#include "filter.h"
#include "model/score.h"
#include "model/stacking.h"
#include "seeded.h"

enum { MEMBERS = 3, TRIALS = 20000 };

static model_stacking_params params;
static model_bank_params bank;
static model_stacking stack;

/* Two random walks and a reinforce, which is all that a stack reads of a bank. */
static int setup(void **state)
{
    (void)state;
    memset(&bank, 0, sizeof bank);
    bank.n = MEMBERS;
    bank.member[2].rule.kind = MODEL_RULE_REINFORCE;
    for (int i = 0; i < MEMBERS; i++) {
        bank.prior[i] = 1.0 / MEMBERS;
    }
    model_stacking_default(&params);
    model_stacking_init(&stack, &params, &bank);
    return 0;
}

static model_bank_mixture mixture(double p_right, double a, double b, double c)
{
    return (model_bank_mixture){.p_right = p_right,
                                .mean = (a + b + c) / MEMBERS,
                                .var = 0.2,
                                .logit = {a, b, c},
                                .logit_var = {0.1, 0.1, 0.1}};
}

static double predict(const model_bank_mixture *m, double p_disengaged)
{
    double p_right;
    model_stacking_predict(&stack, &bank, 1, m, p_disengaged, &p_right, NULL, NULL);
    return p_right;
}

static void predicts_and_learns_as_the_reference(void **state)
{
    (void)state;
    static const struct {
        double p, logit[MEMBERS], p_disengaged, expected;
        bool chose_right;
    } TRIAL[] = {{0.6, {0.2, 0.5, 0.6}, 0.1, 0.599769759050157, true},
                 {0.3, {-1.0, -0.6, -0.9}, 0.0, 0.299756249115212, true},
                 {0.9, {2.0, 2.2, 9.0}, 0.5, 0.799153475933114, false},
                 {0.5, {0.1, -0.1, 0.3}, 0.9, 0.457010387741241, true},
                 {0.7, {0.8, 1.0, 3.0}, 0.2, 0.623690284656141, true}};
    static const double B[] = {0.029600847378980, -0.390596626825466, -0.060682670805299,
                               0.029026502106206};
    for (size_t i = 0; i < sizeof TRIAL / sizeof TRIAL[0]; i++) {
        const double *logit = TRIAL[i].logit;
        const model_bank_mixture m = mixture(TRIAL[i].p, logit[0], logit[1], logit[2]);
        CHECK_NEAR(predict(&m, TRIAL[i].p_disengaged), TRIAL[i].expected, 1e-12);
        model_stacking_observe(&stack, &params, &bank, &m, TRIAL[i].p_disengaged,
                               TRIAL[i].chose_right);
    }
    CHECK_NEAR(stack.trust, 0.938638030900925, 1e-12);
    for (size_t i = 0; i < sizeof B / sizeof B[0]; i++) {
        CHECK_NEAR(stack.b[i], B[i], 1e-12);
    }
}

static void a_coefficient_for_each_rule_and_two_for_disengagement(void **state)
{
    (void)state;
    static const size_t EXPECTED[MEMBERS] = {0, 1 + MODEL_STACKING_OWN, 2 + MODEL_STACKING_OWN};
    for (uint32_t members = 1; members <= MEMBERS; members++) {
        const size_t n = EXPECTED[members - 1];
        bank.n = members;
        model_stacking_init(&stack, &params, &bank);
        for (size_t i = 0; i < MODEL_STACKING_MAX * MODEL_STACKING_MAX; i++) {
            const bool has_var = i < n * n && i % (n + 1) == 0;
            assert_true((stack.P[i] > 0.0) == has_var);
        }
    }
}

/* A stack is checkpointed: a rule more in the list may not make it larger. */
static void rules_beyond_those_that_it_has_room_for_have_no_coefficient(void **state)
{
    (void)state;
    static const double LOGIT[] = {0.1, 0.4, -0.3, 0.9, 0.2, -0.5, 0.6, 0.3, -0.2, 4.0};
    enum { MANY = MODEL_STACKING_RULES + 1 };
    model_bank_mixture m = {.p_right = 0.6};
    double said[2];
    bank.n = MANY;
    for (uint32_t i = 0; i < MANY; i++) {
        bank.member[i].rule.kind = (model_rule_kind)i;
        bank.prior[i] = 1.0 / MANY;
        m.logit[i] = LOGIT[i];
    }
    model_stacking_init(&stack, &params, &bank);
    for (int t = 0; t < 50; t++) {
        model_stacking_observe(&stack, &params, &bank, &m, 0.1, t % 3 != 0);
    }
    said[0] = predict(&m, 0.1);
    m.logit[MANY - 1] = -4.0;
    said[1] = predict(&m, 0.1);
    CHECK_NEAR(said[0], said[1], 0.0);
    m.logit[MANY - 2] = 1.0;
    assert_true(fabs(predict(&m, 0.1) - said[0]) > 1e-6);
    assert_int_equal(sizeof stack, 1064);
}

static void a_bank_of_one_says_what_it_says_to_the_bit(void **state)
{
    (void)state;
    const model_bank_mixture m = {.p_right = 0.7, .mean = 1.0, .var = 0.3, .logit = {1.0}};
    double lo;
    double hi;
    double expected_lo;
    double expected_hi;
    bank.n = 1;
    model_stacking_init(&stack, &params, &bank);
    const model_stacking before = stack;
    filter_interval(m.mean, m.var, &expected_lo, &expected_hi);
    double p_right;
    model_stacking_predict(&stack, &bank, 1, &m, 0.5, &p_right, &lo, &hi);
    CHECK_NEAR(p_right, 0.7, 0.0);
    CHECK_NEAR(lo, expected_lo, 0.0);
    CHECK_NEAR(hi, expected_hi, 0.0);
    model_stacking_observe(&stack, &params, &bank, &m, 0.5, true);
    assert_memory_equal(&before, &stack, sizeof stack);
}

/* Nats a choice that the stack gains on the bank, over an animal whose logit is that of the
 * reinforce member plus `more` times its distance from the bank, and which answers blindly with
 * p_blind while disengaged. The bank says the members' mean. *trust: the mean over the second half;
 * the last one alone follows the last choices. */
static double gain_on(test_random *r, double more, double p_blind, double *trust)
{
    double gain = 0.0;
    *trust = 0.0;
    for (int t = 0; t < TRIALS; t++) {
        const double a = 2.0 * test_random_normal(r);
        const double c = a + 0.4 * test_random_normal(r);
        const double base = (2.0 * a + c) / MEMBERS;
        const double out = test_random_uniform(r) < 0.2 ? 0.9 : 0.02;
        const model_bank_mixture m = mixture(sigmoid_exact(base), a, a, c);
        const bool is_blind = test_random_uniform(r) < out && p_blind >= 0.0;
        const double p_true = is_blind ? p_blind : sigmoid_exact(base + more * (c - base));
        const bool chose_right = test_random_uniform(r) < p_true;
        gain += model_score_nats(m.p_right, chose_right) -
                model_score_nats(predict(&m, out), chose_right);
        model_stacking_observe(&stack, &params, &bank, &m, out, chose_right);
        *trust += t >= TRIALS / 2 ? stack.trust / (TRIALS - TRIALS / 2) : 0.0;
    }
    return gain / TRIALS;
}

static void finds_the_rule_that_this_animal_follows(void **state)
{
    (void)state;
    test_random r = test_random_seeded(suite_seed());
    double trust;
    const double gain = gain_on(&r, 1.0, -1.0, &trust);
    printf("gain %.4f nats a choice, b %.2f %.2f, trust %.3f\n", gain, stack.b[0], stack.b[1],
           trust);
    assert_true(gain > 0.001);
    assert_true(stack.b[1] - stack.b[0] / 2.0 > 0.4); /* true: 1, as distances are 2 to -1 */
    assert_true(trust > 0.5);
}

static void learns_that_choices_of_a_disengaged_animal_do_not_follow_the_stimulus(void **state)
{
    (void)state;
    test_random r = test_random_seeded(suite_seed());
    double trust;
    const double gain = gain_on(&r, 0.0, 0.2, &trust);
    printf("gain %.4f nats a choice, b %.2f %.2f\n", gain, stack.b[2], stack.b[3]);
    assert_true(gain > 0.01);
    assert_true(stack.b[2] < -0.4 && stack.b[3] < -0.3);
}

static void loses_next_to_nothing_where_the_bank_is_right(void **state)
{
    (void)state;
    test_random r = test_random_seeded(suite_seed());
    double trust;
    const double gain = gain_on(&r, 0.0, -1.0, &trust);
    printf("gain %.5f nats a choice, trust %.3f\n", gain, trust);
    assert_true(gain > -0.002);
}

/* -log of a mixture is at most the bank's own -log plus -log of its weight, which the share keeps
 * from falling. */
static void never_loses_more_than_its_share_allows_whatever_the_animal_does(void **state)
{
    (void)state;
    test_random r = test_random_seeded(suite_seed());
    double lost = 0.0;
    for (int t = 0; t < TRIALS; t++) {
        const double a = 3.0 * test_random_normal(&r);
        const model_bank_mixture m = mixture(0.5, a, a, -a);
        const double p = predict(&m, 0.0);
        const bool chose_right = p < 0.5; /* always against what the stack says */
        lost += model_score_nats(p, chose_right) - model_score_nats(m.p_right, chose_right);
        model_stacking_observe(&stack, &params, &bank, &m, 0.0, chose_right);
    }
    const double bound = -log(1.0 - params.trust) - TRIALS * log1p(-params.share);
    printf("lost %.2f nats of %.2f\n", lost, bound);
    assert_true(lost <= bound);
}

static void a_wild_member_moves_no_feature_beyond_its_bound(void **state)
{
    (void)state;
    const model_bank_mixture wild = mixture(0.5, 1e6, -1e6, 1e300);
    const model_bank_mixture same = mixture(0.5, 0.0, 0.0, 4.0);
    for (int t = 0; t < 200; t++) {
        CHECK_NEAR(predict(&wild, 0.5), predict(&same, 0.5), 1e-15);
        model_stacking_observe(&stack, &params, &bank, &wild, 0.5, t % 3 == 0);
    }
    const double p = predict(&wild, 1.0);
    assert_true(p > 0.0 && p < 1.0);
}

static void members_outside_of_what_they_were_fitted_on_have_no_say(void **state)
{
    (void)state;
    const model_bank_mixture inside = mixture(0.6, 0.2, 0.2, 1.5);
    for (int t = 0; t < 50; t++) {
        model_stacking_observe(&stack, &params, &bank, &inside, 0.0, true);
    }
    model_bank_mixture outside = inside;
    outside.is_outside[1] = outside.is_outside[2] = true;
    const double p = predict(&outside, 0.0);
    outside.logit[1] = -3.0;
    outside.logit[2] = (double)NAN;
    CHECK_NEAR(predict(&outside, 0.0), p, 0.0);
    assert_true(p < predict(&inside, 0.0));
}

static void what_is_no_number_changes_nothing(void **state)
{
    (void)state;
    const model_bank_mixture bad = mixture((double)NAN, 0.0, (double)NAN, 0.0);
    const model_stacking before = stack;
    model_stacking_observe(&stack, &params, &bank, &bad, (double)NAN, true);
    assert_memory_equal(&before, &stack, sizeof stack);
}

static void the_interval_is_wider_than_that_of_the_bank_alone(void **state)
{
    (void)state;
    const model_bank_mixture m = mixture(0.6, 0.2, 0.5, 0.9);
    double lo;
    double hi;
    double bank_lo;
    double bank_hi;
    double p_right;
    filter_interval(m.mean, m.var, &bank_lo, &bank_hi);
    model_stacking_predict(&stack, &bank, 1, &m, 0.3, &p_right, &lo, &hi);
    assert_true(lo < bank_lo && hi > bank_hi);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(predicts_and_learns_as_the_reference, setup),
        cmocka_unit_test_setup(a_coefficient_for_each_rule_and_two_for_disengagement, setup),
        cmocka_unit_test_setup(rules_beyond_those_that_it_has_room_for_have_no_coefficient, setup),
        cmocka_unit_test_setup(a_bank_of_one_says_what_it_says_to_the_bit, setup),
        cmocka_unit_test_setup(finds_the_rule_that_this_animal_follows, setup),
        cmocka_unit_test_setup(
            learns_that_choices_of_a_disengaged_animal_do_not_follow_the_stimulus, setup),
        cmocka_unit_test_setup(loses_next_to_nothing_where_the_bank_is_right, setup),
        cmocka_unit_test_setup(never_loses_more_than_its_share_allows_whatever_the_animal_does,
                               setup),
        cmocka_unit_test_setup(a_wild_member_moves_no_feature_beyond_its_bound, setup),
        cmocka_unit_test_setup(members_outside_of_what_they_were_fitted_on_have_no_say, setup),
        cmocka_unit_test_setup(what_is_no_number_changes_nothing, setup),
        cmocka_unit_test_setup(the_interval_is_wider_than_that_of_the_bank_alone, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
