/* key_table.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "key_table.h"

struct values {
    int64_t whole;
    int64_t wide;
    uint32_t from;
    uint32_t to;
    double real;
    bool flag;
    struct {
        size_t n;
        double v[3];
    } reals;
};

#define AT(member) .offset = offsetof(struct values, member)

static const struct key KEYS[] = {
    {.name = "whole",
     .kind = KEY_INT,
     AT(whole),
     .size = sizeof(int64_t),
     .min = -2,
     .max = 9,
     .fallback = "3",
     .unit = "trials"},
    {.name = "wide",
     .kind = KEY_INT,
     AT(wide),
     .size = sizeof(int64_t),
     .min = -9223372036854775808.0,
     .max = 9223372036854775808.0,
     .fallback = "0",
     .unit = ""},
    {.name = "range",
     .kind = KEY_RANGE,
     AT(from),
     .offset_to = offsetof(struct values, to),
     .size = sizeof(uint32_t),
     .min = 1,
     .max = 9,
     .fallback = "0",
     .unit = ""},
    {.name = "real",
     .kind = KEY_REAL,
     AT(real),
     .digits = KEY_FRACTION_DIGITS,
     .max = 1,
     .fallback = "-1",
     .unit = ""},
    {.name = "flag", .kind = KEY_BOOL, AT(flag), .fallback = "true", .unit = ""},
    {.name = "reals",
     .kind = KEY_REALS,
     AT(reals),
     .count = 3,
     .min = -1,
     .max = 1,
     .fallback = "-1,0.5",
     .unit = ""},
};
static const struct key_table TABLE = {"test", "", KEYS, sizeof KEYS / sizeof KEYS[0], NULL};

static bool put(struct values *values, const char *name, size_t n, const char *text)
{
    return key_put(key_table_find(&TABLE, name), values, n, text, strlen(text));
}

static void defaults_are_set_even_where_a_file_must_state_another(void **state)
{
    (void)state;
    struct values v = {0};
    key_table_set_defaults(&TABLE, &v);
    assert_int_equal(v.whole, 3);
    assert_int_equal(v.from + v.to, 0);
    assert_true(v.real == -1.0 && v.flag);
    assert_int_equal(v.reals.n, 2);
    assert_true(v.reals.v[0] == -1.0 && v.reals.v[1] == 0.5);
}

static void a_value_is_stored_only_if_the_key_takes_it(void **state)
{
    (void)state;
    struct values v = {.whole = 5};
    assert_true(put(&v, "whole", 0, "-2"));
    assert_int_equal(v.whole, -2);
    assert_false(put(&v, "whole", 0, "10") || put(&v, "whole", 0, "1.5") ||
                 put(&v, "whole", 0, "") || put(&v, "whole", 0, "2/1"));
    assert_int_equal(v.whole, -2);
    assert_true(put(&v, "real", 0, "2/8") && v.real == 0.25);
    assert_false(put(&v, "real", 0, "0x1") || put(&v, "real", 0, "1/0") ||
                 put(&v, "real", 0, "nan") || put(&v, "flag", 0, "yes"));
}

static void whole_numbers_are_exact_up_to_the_largest(void **state)
{
    (void)state;
    struct values v = {0};
    assert_true(put(&v, "wide", 0, "9007199254740993"));
    assert_int_equal(v.wide, INT64_C(9007199254740993));
    assert_true(put(&v, "wide", 0, "9223372036854775807"));
    assert_int_equal(v.wide, INT64_MAX);
    assert_true(put(&v, "wide", 0, "-9223372036854775808"));
    assert_int_equal(v.wide, INT64_MIN);
    assert_true(put(&v, "wide", 0, "1e3") && put(&v, "wide", 0, "0x7fff0000"));
    assert_int_equal(v.wide, 0x7fff0000);
    assert_false(put(&v, "wide", 0, "9223372036854775808") || put(&v, "wide", 0, "1e19") ||
                 put(&v, "wide", 0, "-9223372036854775809") || put(&v, "wide", 0, "0.5"));
    assert_int_equal(v.wide, 0x7fff0000);
}

static void a_limit_holds_to_the_unit(void **state)
{
    (void)state;
    struct key seed = *key_table_find(&TABLE, "wide");
    struct values v = {0};
    seed.min = 0.0;
    seed.max = 9007199254740992.0;
    assert_true(key_put(&seed, &v, 0, "9007199254740992", 16));
    assert_false(key_put(&seed, &v, 0, "9007199254740993", 16));
    assert_int_equal(v.wide, INT64_C(9007199254740992));
}

static void a_range_is_one_number_or_two_that_rise(void **state)
{
    (void)state;
    const struct key *range = key_table_find(&TABLE, "range");
    struct values v = {0};
    assert_true(put(&v, "range", 0, "7") && v.from == 7 && v.to == 7);
    assert_true(put(&v, "range", 1, "9") && v.from == 7 && v.to == 9);
    assert_true(key_is_sound(range, &v, 2) && !key_is_sound(range, &v, 0));
    assert_true(put(&v, "range", 1, "2") && !key_is_sound(range, &v, 2));
    assert_false(put(&v, "range", 2, "9"));
}

static void a_list_that_is_refused_leaves_the_one_before(void **state)
{
    (void)state;
    const struct key *reals = key_table_find(&TABLE, "reals");
    struct values v = {.reals = {1, {0.25}}};
    assert_false(key_put_reals(reals, &v, "0,0,0,0") || key_put_reals(reals, &v, "0,,1") ||
                 key_put_reals(reals, &v, "1,") || key_put_reals(reals, &v, "0,2"));
    assert_int_equal(v.reals.n, 1);
    assert_true(v.reals.v[0] == 0.25);
    assert_true(key_put_reals(reals, &v, "1,-1,0") && v.reals.n == 3 && v.reals.v[1] == -1.0);
}

static void words_of_a_list_come_one_by_one(void **state)
{
    (void)state;
    const char *rest = "one,,three";
    size_t n = 0;
    assert_memory_equal(key_word_next(&rest, ',', &n), "one", 3);
    assert_int_equal(n, 3);
    assert_non_null(key_word_next(&rest, ',', &n));
    assert_int_equal(n, 0);
    assert_string_equal(key_word_next(&rest, ',', &n), "three");
    assert_null(key_word_next(&rest, ',', &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_set_even_where_a_file_must_state_another),
        cmocka_unit_test(a_value_is_stored_only_if_the_key_takes_it),
        cmocka_unit_test(whole_numbers_are_exact_up_to_the_largest),
        cmocka_unit_test(a_limit_holds_to_the_unit),
        cmocka_unit_test(a_range_is_one_number_or_two_that_rise),
        cmocka_unit_test(a_list_that_is_refused_leaves_the_one_before),
        cmocka_unit_test(words_of_a_list_come_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
