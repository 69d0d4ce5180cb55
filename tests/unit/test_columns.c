/* bridge/columns.h */
#include "suite.h"

#include <math.h>
#include <string.h>

#include "bridge/columns.h"
#include "check.h"

static void a_column_is_empty_until_it_is_filled(void **state)
{
    (void)state;
    struct bridge_columns c = {0};
    char cell[BRIDGE_CELL_MAX];
    const struct bridge_column *numbers = bridge_columns_add(&c, "a", 3, 0);
    assert_non_null(numbers);
    assert_true(isnan(bridge_column_number(numbers, 2)));
    assert_string_equal(bridge_column_text(numbers, 2, cell), "");
    const struct bridge_column *texts = bridge_columns_add(&c, "b", 2, 5);
    assert_string_equal(bridge_column_text(texts, 1, cell), "");
    assert_ptr_equal(bridge_columns_find(&c, "b"), texts);
    assert_null(bridge_columns_find(&c, "c"));
    bridge_columns_free(&c);
}

static void a_value_is_a_number_or_a_text_whichever_is_asked_for(void **state)
{
    (void)state;
    struct bridge_columns c = {0};
    char cell[BRIDGE_CELL_MAX];
    struct bridge_column *numbers = bridge_columns_add(&c, "a", 2, 0);
    numbers->number[0] = -0.0625;
    numbers->number[1] = 20240102.0;
    assert_string_equal(bridge_column_text(numbers, 0, cell), "-0.0625");
    assert_string_equal(bridge_column_text(numbers, 1, cell), "20240102");
    struct bridge_column *texts = bridge_columns_add(&c, "b", 3, 4);
    memcpy(texts->text, "0.5\0R\0\0\0full", 12); /* the last has no NUL of its own */
    CHECK_NEAR(bridge_column_number(texts, 0), 0.5, 0.0);
    assert_true(isnan(bridge_column_number(texts, 1)));
    assert_string_equal(bridge_column_text(texts, 2, cell), "ful");
    bridge_columns_free(&c);
}

static void a_single_value_is_that_of_every_row(void **state)
{
    (void)state;
    struct bridge_columns c = {0};
    struct bridge_column *one = bridge_columns_add(&c, "a", 1, 0);
    one->number[0] = 7.0;
    assert_true(isnan(bridge_column_number(one, 1)));
    one->is_scalar = true;
    CHECK_NEAR(bridge_column_number(one, 1000), 7.0, 0.0);
    bridge_columns_free(&c);
}

static void what_is_beyond_a_bound_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    struct bridge_columns c = {0};
    char name[BRIDGE_COLUMN_NAME_MAX + 1];
    memset(name, 'x', sizeof name);
    name[BRIDGE_COLUMN_NAME_MAX] = '\0';
    assert_null(bridge_columns_add(&c, name, 1, 0));
    assert_null(bridge_columns_add(&c, "a", BRIDGE_ROWS_MAX + 1U, 0));
    assert_null(bridge_columns_add(&c, "a", 1, BRIDGE_CELL_MAX + 1U));
    assert_null(bridge_columns_add(&c, "a", BRIDGE_ROWS_MAX, BRIDGE_CELL_MAX));
    assert_int_equal(c.n, 0);
    for (int i = 0; i < BRIDGE_COLUMNS_MAX; i++) {
        assert_non_null(bridge_columns_add(&c, "a", 0, 0));
    }
    assert_null(bridge_columns_add(&c, "a", 0, 0));
    assert_int_equal(c.n, BRIDGE_COLUMNS_MAX);
    bridge_columns_free(&c);
    assert_int_equal(c.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_column_is_empty_until_it_is_filled),
        cmocka_unit_test(a_value_is_a_number_or_a_text_whichever_is_asked_for),
        cmocka_unit_test(a_single_value_is_that_of_every_row),
        cmocka_unit_test(what_is_beyond_a_bound_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
