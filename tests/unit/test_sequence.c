/* sequence.h: which numbers of a counter have come. */
#include "sequence.h"

#include <string.h>

#include "model/random.h"
#include "suite.h"

enum { NUMBERS = 2000 };

static bool has_come[NUMBERS];

/* As an owner does that knows which numbers have come. */
static void take(struct sequence *s, int64_t number)
{
    sequence_take(s, number);
    has_come[number] = true;
    while (s->through < s->highest && has_come[s->through + 1]) {
        sequence_pass(s);
    }
}

static void numbers_in_order_are_next_and_none_is_missing(void **state)
{
    (void)state;
    struct sequence s;
    sequence_init(&s, 0);
    assert_true(sequence_is_empty(&s));
    for (int n = 0; n < 1000; n++) {
        assert_int_equal(sequence_check(&s, n), SEQUENCE_NEXT);
        sequence_take(&s, n);
        assert_int_equal(s.through, n);
        assert_int_equal(s.missing, 0);
    }
}

static void no_number_is_ever_given_up(void **state)
{
    (void)state;
    struct sequence s;
    memset(has_come, 0, sizeof has_come);
    sequence_init(&s, 0);
    take(&s, 0);
    for (int n = 300; n < 1500; n++) {
        take(&s, n);
    }
    assert_int_equal(s.through, 0);
    assert_int_equal(s.missing, 299);
    assert_int_equal(sequence_check(&s, 1), SEQUENCE_LATE);
    for (int n = 1; n < 300; n++) {
        take(&s, n);
    }
    assert_int_equal(s.through, 1499);
    assert_int_equal(s.missing, 0);
}

static void a_number_far_ahead_is_a_jump_but_not_the_first_of_all(void **state)
{
    (void)state;
    struct sequence s;
    sequence_init(&s, 0);
    assert_int_equal(sequence_check(&s, 700), SEQUENCE_GAP);
    sequence_take(&s, 700);
    assert_int_equal(sequence_check(&s, 702), SEQUENCE_GAP);
    assert_int_equal(sequence_check(&s, 700 + SEQUENCE_JUMP), SEQUENCE_GAP);
    assert_int_equal(sequence_check(&s, 701 + SEQUENCE_JUMP), SEQUENCE_JUMP_AHEAD);
    assert_int_equal(sequence_check(&s, 1000000000), SEQUENCE_JUMP_AHEAD);
}

static void through_is_what_came_without_a_gap_in_any_order(void **state)
{
    (void)state;
    model_random r;
    model_random_seed(&r, suite_seed(), 0);
    for (int round = 0; round < 50; round++) {
        int order[300];
        struct sequence s;
        const int first = (int)model_random_below(&r, 2);
        memset(has_come, 0, sizeof has_come);
        sequence_init(&s, first);
        for (int i = 0; i < 300; i++) {
            const int j = (int)model_random_below(&r, (uint64_t)i + 1);
            order[i] = order[j];
            order[j] = i + first;
        }
        for (int i = 0; i < 300; i++) {
            take(&s, order[i]);
            int64_t through = first - 1;
            int64_t missing = 0;
            while (has_come[through + 1]) {
                through++;
            }
            for (int64_t n = first; n < s.highest; n++) {
                missing += has_come[n] ? 0 : 1;
            }
            assert_int_equal(s.through, through);
            assert_int_equal(s.missing, missing);
        }
    }
}

static void a_number_below_the_first_moves_the_start(void **state)
{
    (void)state;
    struct sequence s;
    memset(has_come, 0, sizeof has_come);
    sequence_init(&s, 10);
    take(&s, 10);
    take(&s, 11);
    take(&s, 8);
    assert_int_equal(s.through, 8);
    assert_int_equal(s.missing, 1);
    take(&s, 9);
    assert_int_equal(s.through, 11);
}

static void numbers_that_nobody_will_send_are_skipped_at_the_start_alone(void **state)
{
    (void)state;
    struct sequence s;
    memset(has_come, 0, sizeof has_come);
    sequence_init(&s, 1);
    assert_false(sequence_skip(&s, 49)); /* nothing came yet */
    take(&s, 50);
    take(&s, 51);
    take(&s, 60);
    assert_int_equal(s.through, 0);
    assert_false(sequence_skip(&s, 48));
    assert_false(sequence_skip(&s, 50));
    assert_false(sequence_skip(&s, 1000000));
    assert_true(sequence_skip(&s, 49));
    while (has_come[s.through + 1]) {
        sequence_pass(&s);
    }
    assert_int_equal(s.through, 51);
    assert_int_equal(s.missing, 8);
    assert_false(sequence_skip(&s, 59));
    take(&s, 49); /* it came after all */
    assert_int_equal(s.through, 51);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_in_order_are_next_and_none_is_missing),
        cmocka_unit_test(no_number_is_ever_given_up),
        cmocka_unit_test(a_number_far_ahead_is_a_jump_but_not_the_first_of_all),
        cmocka_unit_test(through_is_what_came_without_a_gap_in_any_order),
        cmocka_unit_test(numbers_that_nobody_will_send_are_skipped_at_the_start_alone),
        cmocka_unit_test(a_number_below_the_first_moves_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
