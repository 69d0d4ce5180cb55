/* training_gaps.h */
#include <math.h>
#include <string.h>

#include "suite.h"

#include "training_gaps.h"

enum { ANIMALS = 2, TRIALS = 150 };

struct mice {
    model_trial trials[ANIMALS][TRIALS];
    struct training_set_subject subject[ANIMALS];
    struct training_set set;
};

/* Both choices, three in four of them right, rewarded where they are. */
static void raise(struct mice *h)
{
    memset(h, 0, sizeof *h);
    for (size_t a = 0; a < ANIMALS; a++) {
        for (size_t k = 0; k < TRIALS; k++) {
            const int8_t side = k % 2 == 0 ? 1 : 0;
            const bool is_right = k / 2 % 4 != 0;
            h->trials[a][k] = (model_trial){.contrast = side == 1 ? 0.5 : -0.25,
                                            .reward = is_right ? 1.0 : 0.0,
                                            .rt_s = (double)NAN,
                                            .choice = is_right ? side : (int8_t)(1 - side),
                                            .side = -1};
        }
        h->subject[a] =
            (struct training_set_subject){.n = TRIALS, .n_choices = TRIALS, .trials = h->trials[a]};
    }
    h->set = (struct training_set){.subject = h->subject,
                                   .n = ANIMALS,
                                   .n_choices = (size_t)ANIMALS * TRIALS,
                                   .n_right = TRIALS};
}

static size_t gaps_of(const struct mice *h, enum training_gap gap,
                      char text[TRAINING_GAPS_TEXT_MAX])
{
    struct training_gaps gaps;
    training_gaps_find(&gaps, &h->set);
    assert_true(gaps.is_there[gap]);
    (void)training_gaps_print(&gaps, gap, text);
    return gaps.n;
}

static void a_table_with_all_there_is_has_no_gap(void **state)
{
    (void)state;
    struct mice h;
    struct training_gaps gaps;
    raise(&h);
    training_gaps_find(&gaps, &h.set);
    assert_int_equal(gaps.n, 0);
    assert_int_equal(gaps.n_choices, ANIMALS * TRIALS);
    assert_int_equal(gaps.n_unknown, 0);
}

static void few_choices_of_one_animal_are_two_gaps(void **state)
{
    (void)state;
    struct mice h;
    char text[TRAINING_GAPS_TEXT_MAX];
    raise(&h);
    h.set.n = 1;
    h.set.n_choices = TRIALS;
    h.set.n_right = TRIALS / 2;
    assert_int_equal(gaps_of(&h, TRAINING_GAP_ANIMALS, text), 2);
    assert_int_equal(gaps_of(&h, TRAINING_GAP_CHOICES, text), 2);
    assert_non_null(strstr(text, "only 150 choices; at least 200"));
}

static void rewards_that_do_not_vary_or_are_not_known_are_gaps(void **state)
{
    (void)state;
    struct mice h;
    char text[TRAINING_GAPS_TEXT_MAX];
    const struct {
        double reward;
        enum training_gap gap;
    } cases[] = {{1.0, TRAINING_GAP_ALL_REWARDED},
                 {0.0, TRAINING_GAP_NONE_REWARDED},
                 {(double)NAN, TRAINING_GAP_UNKNOWN_REWARDS}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        raise(&h);
        for (size_t k = 0; k < (size_t)ANIMALS * TRIALS; k++) {
            h.trials[k / TRIALS][k % TRIALS].reward = cases[i].reward;
        }
        assert_int_equal(gaps_of(&h, cases[i].gap, text), 1);
    }
    assert_non_null(strstr(text, "300 of 300 choices"));
}

static void an_animal_that_makes_no_error_and_stimuli_of_one_value_are_gaps(void **state)
{
    (void)state;
    struct mice h;
    char text[TRAINING_GAPS_TEXT_MAX];
    raise(&h);
    for (size_t k = 0; k < (size_t)ANIMALS * TRIALS; k++) {
        model_trial *t = &h.trials[k / TRIALS][k % TRIALS];
        t->choice = model_trial_side(t->side, t->contrast);
    }
    assert_int_equal(gaps_of(&h, TRAINING_GAP_ERRORS, text), 1);
    raise(&h);
    for (size_t k = 0; k < (size_t)ANIMALS * TRIALS; k++) {
        h.trials[k / TRIALS][k % TRIALS].contrast = 0.5;
    }
    assert_int_equal(gaps_of(&h, TRAINING_GAP_STIMULI, text), 1);
    h.set.n_right = h.set.n_choices;
    assert_int_equal(gaps_of(&h, TRAINING_GAP_ONE_SIDE, text), 2);
}

static void trials_without_a_choice_do_not_count(void **state)
{
    (void)state;
    struct mice h;
    struct training_gaps gaps;
    raise(&h);
    for (size_t k = 0; k < TRIALS; k++) {
        h.trials[0][k].choice = -1;
        h.trials[0][k].reward = (double)NAN;
    }
    h.subject[0].n_choices = 0;
    h.set.n_choices = TRIALS;
    h.set.n_right = TRIALS / 2;
    training_gaps_find(&gaps, &h.set);
    assert_true(gaps.is_there[TRAINING_GAP_ANIMALS]);
    assert_int_equal(gaps.n_choices, TRIALS);
    assert_int_equal(gaps.n_unknown, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_with_all_there_is_has_no_gap),
        cmocka_unit_test(few_choices_of_one_animal_are_two_gaps),
        cmocka_unit_test(rewards_that_do_not_vary_or_are_not_known_are_gaps),
        cmocka_unit_test(an_animal_that_makes_no_error_and_stimuli_of_one_value_are_gaps),
        cmocka_unit_test(trials_without_a_choice_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
