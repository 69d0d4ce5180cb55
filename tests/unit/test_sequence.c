/* sequence.h, against a model that remembers every number. */
#include <stdbool.h>
#include <string.h>

#include "model/random.h"
#include "sequence.h"
#include "suite.h"

enum { NUMBERS = 6000, W = SEQUENCE_WINDOW };

/* Every number by itself; `through` is what header and code promise, worked out by looking at all
 * of them. */
struct brute {
    bool came[NUMBERS];
    int64_t highest;
    int64_t through;
};

static enum sequence_verdict brute_take(struct brute *b, int64_t number)
{
    if (number <= b->through || b->came[number]) {
        return SEQUENCE_DUPLICATE;
    }
    const enum sequence_verdict verdict = number == b->highest + 1  ? SEQUENCE_NEXT
                                          : number > b->highest + 1 ? SEQUENCE_GAP
                                                                    : SEQUENCE_LATE;
    b->came[number] = true;
    b->highest = number > b->highest ? number : b->highest;
    b->through = b->through < number - W ? number - W : b->through;
    while (b->through + 1 < NUMBERS && b->came[b->through + 1]) {
        b->through++;
    }
    return verdict;
}

static int64_t brute_missing(const struct brute *b)
{
    int64_t missing = 0;
    for (int64_t n = b->through + 1; n < b->highest; n++) {
        missing += b->came[n] ? 0 : 1;
    }
    return missing;
}

static void compare(const struct sequence *s, const struct brute *b)
{
    int64_t came = 0;
    for (int64_t n = 0; n <= b->highest; n++) {
        came += b->came[n] ? 1 : 0;
    }
    assert_int_equal(s->highest, b->highest);
    assert_int_equal(s->through, b->through);
    assert_int_equal(sequence_missing(s), brute_missing(b));
    assert_int_equal(s->given_up, b->highest + 1 - came - brute_missing(b));
}

/* Numbers come in order but for jumps, repeats and steps back of the given sizes. */
static void follow(model_random *r, uint64_t jump, uint64_t back)
{
    static struct brute b;
    struct sequence s;
    memset(&b, 0, sizeof b);
    b.highest = b.through = -1;
    sequence_init(&s, 0);
    while (b.highest < NUMBERS - 1) {
        int64_t number = b.highest + 1;
        switch (model_random_below(r, 8)) {
        case 0:
            number += (int64_t)model_random_below(r, jump);
            break;
        case 1:
        case 2:
        case 3:
            number -= (int64_t)model_random_below(r, back);
            break;
        default:
            break;
        }
        number = number < 0 ? 0 : number < NUMBERS ? number : NUMBERS - 1;
        const enum sequence_verdict expected = brute_take(&b, number);
        assert_int_equal(sequence_check(&s, number), expected);
        assert_int_equal(sequence_take(&s, number), expected);
        compare(&s, &b);
    }
}

static void agrees_with_a_model_that_remembers_all(void **state)
{
    (void)state;
    model_random r;
    model_random_seed(&r, suite_seed(), 0);
    static const uint64_t JUMPS[] = {1, 3, 20, 300, 600, 2000};
    static const uint64_t BACKS[] = {1, 4, 30, 300, 700};
    for (size_t i = 0; i < sizeof JUMPS / sizeof JUMPS[0]; i++) {
        for (size_t j = 0; j < sizeof BACKS / sizeof BACKS[0]; j++) {
            follow(&r, JUMPS[i], BACKS[j]);
        }
    }
}

static void a_shuffled_window_ends_without_gaps(void **state)
{
    (void)state;
    model_random r;
    model_random_seed(&r, suite_seed(), 1);
    for (int round = 0; round < 200; round++) {
        int64_t order[W];
        struct sequence s;
        sequence_init(&s, 0);
        for (int64_t i = 0; i < W; i++) {
            const uint64_t j = model_random_below(&r, (uint64_t)i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        for (int i = 0; i < W; i++) {
            assert_int_not_equal(sequence_take(&s, order[i]), SEQUENCE_DUPLICATE);
        }
        assert_int_equal(s.through, W - 1);
        assert_int_equal(s.given_up, 0);
        for (int i = 0; i < W; i++) {
            assert_int_equal(sequence_take(&s, order[i]), SEQUENCE_DUPLICATE);
        }
    }
}

static void counting_may_start_at_any_number(void **state)
{
    (void)state;
    struct sequence s;
    sequence_init(&s, 1000);
    assert_int_equal(s.highest, 999);
    assert_int_equal(sequence_take(&s, 999), SEQUENCE_DUPLICATE);
    assert_int_equal(sequence_take(&s, 1000), SEQUENCE_NEXT);
    assert_int_equal(sequence_take(&s, 1002), SEQUENCE_GAP);
    assert_int_equal(s.through, 1000);
    assert_int_equal(sequence_take(&s, 1001), SEQUENCE_LATE);
    assert_int_equal(s.through, 1002);
}

static void just_below_a_far_jump_a_number_may_still_come(void **state)
{
    (void)state;
    struct sequence s;
    sequence_init(&s, 0);
    assert_int_equal(sequence_take(&s, 0), SEQUENCE_NEXT);
    assert_int_equal(sequence_take(&s, 1000000000), SEQUENCE_GAP);
    assert_int_equal(sequence_take(&s, 999999999), SEQUENCE_LATE);
    assert_int_equal(sequence_take(&s, 1000000000 - W), SEQUENCE_DUPLICATE);
    assert_int_equal(s.through, 1000000000 - W);
    assert_int_equal(s.given_up, 1000000000 - W);
}

static void the_largest_numbers_of_the_wire_are_taken(void **state)
{
    (void)state;
    static const int64_t MOST = 9007199254740991; /* 2^53 - 1 */
    struct sequence s;
    sequence_init(&s, 1);
    assert_int_equal(sequence_take(&s, MOST), SEQUENCE_GAP);
    assert_int_equal(sequence_take(&s, MOST), SEQUENCE_DUPLICATE);
    assert_int_equal(sequence_take(&s, 1), SEQUENCE_DUPLICATE);
    assert_int_equal(sequence_missing(&s), W - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_model_that_remembers_all),
        cmocka_unit_test(a_shuffled_window_ends_without_gaps),
        cmocka_unit_test(counting_may_start_at_any_number),
        cmocka_unit_test(just_below_a_far_jump_a_number_may_still_come),
        cmocka_unit_test(the_largest_numbers_of_the_wire_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
