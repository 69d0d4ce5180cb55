/* family_separation.h */
#include <math.h>
#include <string.h>

#include "suite.h"

#include "check.h"
#include "family_separation.h"
#include "family_verdict.h"

enum { ANIMALS = 4, TRIALS = 1000 };

#define BIT(TERM) (UINT32_C(1) << MODEL_BASIS_##TERM)

struct mice {
    struct family_animal animal[ANIMALS];
    struct training_set set;
    struct family_comparison c;
};

/* Two families with one weight; the first gains so many nats on the second, by animal. */
static void raise(struct mice *h, uint32_t first, uint32_t second, const double gain[ANIMALS])
{
    memset(h, 0, sizeof *h);
    h->set = (struct training_set){.n = ANIMALS, .n_choices = (size_t)ANIMALS * TRIALS};
    h->c = (struct family_comparison){.training = &h->set, .animal = h->animal, .n_weights = 1};
    h->c.fit.n_families = 2;
    h->c.fit.shared = 1.0;
    h->c.fit.family[0] = (struct fit_basis_family){.terms = second, .posterior = 0.4};
    h->c.fit.family[1] = (struct fit_basis_family){.terms = first, .posterior = 0.6};
    strcpy(h->c.fit.family[0].name, "second");
    strcpy(h->c.fit.family[1].name, "first");
    h->c.order[0] = 1;
    h->c.order[1] = 0;
    h->c.asymmetry = (struct family_interval){0.6, 0.7, 0.8};
    for (size_t i = 0; i < ANIMALS; i++) {
        h->animal[i].n = TRIALS;
        h->animal[i].log_likelihood[1] = gain[i];
    }
}

static struct family_separation found(const struct mice *h)
{
    struct family_separation s;
    struct fault fault;
    assert_int_equal(family_separation_find(&s, &h->c, 1, &fault), FAULT_NONE);
    return s;
}

static void what_gains_in_every_animal_needs_trials_in_proportion(void **state)
{
    (void)state;
    struct mice h;
    raise(&h, BIT(REWARDED), BIT(PREDICT_MAX), (const double[]){1.0, 1.0, 1.0, 1.0});
    struct family_separation s = found(&h);
    assert_int_equal(s.way, FAMILY_SEPARATION_GAIN);
    CHECK_NEAR(s.nats, 1e-3, 1e-15);
    CHECK_NEAR(s.trials, (log(9.0) - log(1.5)) / 1e-3, 1e-6);
    h.c.fit.shared = 2.0; /* what animals share tells half as much */
    CHECK_NEAR(found(&h).trials, 2.0 * s.trials, 1e-6);
}

static void what_loses_in_every_animal_is_overtaken(void **state)
{
    (void)state;
    struct mice h;
    raise(&h, BIT(REWARDED), BIT(PREDICT_MAX), (const double[]){-1.0, -1.0, -1.0, -1.0});
    const struct family_separation s = found(&h);
    assert_int_equal(s.way, FAMILY_SEPARATION_TURN);
    CHECK_NEAR(s.trials, (log(9.0) + log(1.5)) / 1e-3, 1e-6);
}

static void where_animals_disagree_no_number_of_trials_is_known(void **state)
{
    (void)state;
    struct mice h;
    raise(&h, BIT(REWARDED), BIT(PREDICT_MAX), (const double[]){3.0, -2.0, 2.0, -2.0});
    const struct family_separation s = found(&h);
    assert_int_equal(s.way, FAMILY_SEPARATION_UNKNOWN);
    assert_true(isnan(s.trials));
    assert_true(s.lo < 0.0 && s.hi > 0.0);
}

static void a_larger_family_that_adds_nothing_needs_many_times_the_trials(void **state)
{
    (void)state;
    struct mice h;
    const double gain[ANIMALS] = {-0.2, 0.1, -0.1, 0.0};
    raise(&h, BIT(REWARDED), BIT(REWARDED) | BIT(UNREWARDED), gain);
    const struct family_separation s = found(&h);
    assert_int_equal(s.way, FAMILY_SEPARATION_SIMPLICITY);
    /* log odds grow by half the logarithm of the trials */
    CHECK_NEAR(0.5 * log1p(s.trials / (ANIMALS * TRIALS)), log(9.0) - log(1.5), 1e-9);
    raise(&h, BIT(REWARDED) | BIT(UNREWARDED), BIT(REWARDED), gain); /* the larger leads so far */
    CHECK_NEAR(0.5 * log1p(found(&h).trials / (ANIMALS * TRIALS)), log(9.0) + log(1.5), 1e-9);
}

static void what_a_larger_family_gains_by_its_size_is_taken_off(void **state)
{
    (void)state;
    struct mice h;
    raise(&h, BIT(REWARDED) | BIT(UNREWARDED), BIT(REWARDED), (const double[]){1.0, 1.0, 1.0, 1.0});
    const struct family_separation s = found(&h);
    assert_int_equal(s.way, FAMILY_SEPARATION_GAIN);
    CHECK_NEAR(s.nats, (4.0 - 0.5) / (ANIMALS * TRIALS), 1e-15);
}

static void families_that_are_told_apart_need_nothing(void **state)
{
    (void)state;
    struct mice h;
    raise(&h, BIT(REWARDED), BIT(PREDICT_MAX), (const double[]){1.0, 1.0, 1.0, 1.0});
    h.c.fit.family[1].posterior = 0.95;
    assert_int_equal(found(&h).way, FAMILY_SEPARATION_NONE);
}

static void a_verdict_says_no_more_than_the_table_and_mice_without_learning_allow(void **state)
{
    (void)state;
    struct mice h;
    struct family_verdict v;
    struct training_gaps gaps = {0};
    struct family_null null = {.gain = 40.0, .without = 1.0};
    raise(&h, BIT(REWARDED), BIT(PREDICT_MAX), (const double[]){1.0, 1.0, 1.0, 1.0});
    const struct family_separation s = found(&h);
    family_verdict_make(&v, &h.c, &s, &null, &gaps);
    assert_string_equal(v.line[0], "These animals do not tell apart: first (0.60), second (0.40).");
    assert_string_equal(v.line[1], "first gains 0.001 nats/trial on second (0.001 to 0.001 over "
                                   "animals): about 1800 more trials of this kind would tell.");
    assert_non_null(strstr(v.line[3], "Steps after errors are 0.18 of those after correct trials "
                                      "(0.11 to 0.25)."));
    null.without = 30.0;
    family_verdict_make(&v, &h.c, &s, &null, &gaps);
    assert_int_equal(v.n, 1);
    assert_non_null(strstr(v.line[0], "do not show that they learn: first gains 40.0 nats"));
    gaps.n = 1;
    family_verdict_make(&v, &h.c, &s, &null, &gaps);
    assert_int_equal(v.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_gains_in_every_animal_needs_trials_in_proportion),
        cmocka_unit_test(what_loses_in_every_animal_is_overtaken),
        cmocka_unit_test(where_animals_disagree_no_number_of_trials_is_known),
        cmocka_unit_test(a_larger_family_that_adds_nothing_needs_many_times_the_trials),
        cmocka_unit_test(what_a_larger_family_gains_by_its_size_is_taken_off),
        cmocka_unit_test(families_that_are_told_apart_need_nothing),
        cmocka_unit_test(a_verdict_says_no_more_than_the_table_and_mice_without_learning_allow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
