/* order.h */
#include <string.h>

#include "suite.h"

#include "order.h"

static struct table table = {.path = "t.csv"};
static struct order order;
static int64_t n_rows;

static int start(void **state)
{
    (void)state;
    memset(&order, 0, sizeof order);
    n_rows = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    order_close(&order);
    order_close(&order); /* a zeroed one is fine */
    return 0;
}

/* A row as on line n + 1 of the file. */
static void push(uint32_t subject, const char *session, int64_t trial)
{
    struct fault fault;
    struct table_row row = {.trial = trial};
    (void)snprintf(row.subject, sizeof row.subject, "m%u", (unsigned)subject);
    (void)snprintf(row.session, sizeof row.session, "%s", session);
    table.line = ++n_rows + 1;
    assert_int_equal(order_push(&order, subject, &table, &row, &fault), FAULT_NONE);
}

static const char *text(void)
{
    static char out[ORDER_TEXT_MAX];
    return order_print(&order, &table, n_rows, out);
}

static void says_nothing_of_rows_in_order(void **state)
{
    (void)state;
    for (int session = 0; session < 3000; session++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", session);
        for (int64_t trial = session % 2; trial < 9; trial += 1 + session % 3) {
            push(0, name, trial);
            push(1, name, trial); /* animals may be mixed, and sessions may have the same names */
        }
    }
    assert_string_equal(text(), "");
    assert_int_equal(order.n, 6000);
}

static void names_the_first_row_that_is_there_twice(void **state)
{
    (void)state;
    push(0, "s1", 0);
    push(0, "s1", 1);
    push(1, "s1", 1);
    push(0, "s1", 1);
    push(0, "s1", 1);
    push(0, "s1", 2);
    assert_string_equal(
        text(), "t.csv:5: subject m0, session s1: trial 1 is there twice; each trial once and in "
                "the order in which it happened was expected (the first of 2 such rows of 6): "
                "shuffled trials tell nothing of learning");
}

static void names_the_first_trial_that_goes_back(void **state)
{
    (void)state;
    push(0, "s1", 7);
    push(0, "s1", 9);
    push(0, "s1", 2);
    push(0, "s1", 3);
    push(0, "s1", 10);
    assert_non_null(
        strstr(text(), "t.csv:4: subject m0, session s1: trial 2 comes after trial 9;"));
    assert_non_null(strstr(text(), "(the first of 2 such rows of 5)"));
}

static void names_the_first_session_that_comes_back(void **state)
{
    (void)state;
    push(0, "s1", 0);
    push(0, "s2", 0);
    push(0, "s1", 1);
    push(0, "s1", 2);
    assert_non_null(
        strstr(text(), "t.csv:4: subject m0, session s1: trial 1 comes after another session's;"));
    assert_non_null(strstr(text(), "(the first of 1 such rows of 4)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(says_nothing_of_rows_in_order, start, end),
        cmocka_unit_test_setup_teardown(names_the_first_row_that_is_there_twice, start, end),
        cmocka_unit_test_setup_teardown(names_the_first_trial_that_goes_back, start, end),
        cmocka_unit_test_setup_teardown(names_the_first_session_that_comes_back, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
