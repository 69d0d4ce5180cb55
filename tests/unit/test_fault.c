/* fault.h */
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "suite.h"

static void what_a_message_quotes_cannot_steer_a_terminal(void **state)
{
    (void)state;
    struct fault fault;
    assert_int_equal(fault_set(&fault, FAULT_INPUT, "%s: %s", "j.sqlite", "a\x1b[2J\xc2\x9b\xff\n"),
                     FAULT_INPUT);
    assert_string_equal(fault.text, "j.sqlite: a\\x1b[2J\\xc2\\x9b\\xff\\n");
}

static void a_message_may_quote_the_one_before(void **state)
{
    (void)state;
    struct fault fault;
    fault_set(&fault, FAULT_WORK, "no memory");
    fault_set(&fault, FAULT_WORK, "fold 3: %s", fault.text);
    assert_string_equal(fault.text, "fold 3: no memory");
}

static void a_long_message_is_cut_between_characters(void **state)
{
    (void)state;
    struct fault fault;
    char text[2048];
    memset(text, 'x', sizeof text);
    memcpy(text + sizeof fault.text - 2, "\xc3\xa9", 3);
    fault_set(&fault, FAULT_WORK, "%s", text);
    assert_in_range(strlen(fault.text), sizeof fault.text - 8, sizeof fault.text - 1);
    assert_string_equal(fault.text + strlen(fault.text) - 4, "x...");
}

/* Bytes on standard error. */
static long said_of(int code)
{
    struct fault fault;
    fault_set(&fault, FAULT_INPUT, "four");
    FILE *to = tmpfile();
    const int own = dup(STDERR_FILENO);
    assert_non_null(to);
    assert_int_equal(dup2(fileno(to), STDERR_FILENO), STDERR_FILENO);
    const int back = fault_report(&fault, code);
    assert_int_equal(dup2(own, STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(back, code);
    assert_int_equal(fseek(to, 0, SEEK_END), 0);
    const long n = ftell(to);
    (void)close(own);
    (void)fclose(to);
    return n;
}

static void a_report_says_the_failure_and_nothing_where_none_was(void **state)
{
    (void)state;
    assert_int_equal(said_of(FAULT_INPUT), (long)strlen("murid: four\n"));
    assert_int_equal(said_of(FAULT_NONE), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_message_quotes_cannot_steer_a_terminal),
        cmocka_unit_test(a_message_may_quote_the_one_before),
        cmocka_unit_test(a_long_message_is_cut_between_characters),
        cmocka_unit_test(a_report_says_the_failure_and_nothing_where_none_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
