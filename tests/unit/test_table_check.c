/* table_check.h, and what it is made of: trial_order.h, coding.h, names.h. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "suite.h"

#include "names.h"
#include "table_check.h"
#include "trial_order.h"
#include "trial_table.h"

static struct table_check *check;
static struct findings findings;
static int64_t line;

static int start(void **state)
{
    (void)state;
    check = table_check_open();
    line = 1;
    return check != NULL ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    table_check_close(check);
    table_check_close(NULL);
    return 0;
}

static struct trial_row row_of(const char *subject, const char *session, int64_t trial)
{
    const double unknown = (double)NAN;
    struct trial_row row = {.trial = trial,
                            .stimulus = trial % 2 == 0 ? 0.25 : -0.25,
                            .choice = trial % 3 != 0 ? 1 : 0,
                            .side = -1,
                            .repeat = -1,
                            .reward = unknown,
                            .rt_s = (double)trial / 100.0,
                            .p_left = unknown};
    (void)snprintf(row.subject, sizeof row.subject, "%s", subject);
    (void)snprintf(row.session, sizeof row.session, "%s", session);
    return row;
}

static void push_row(const struct trial_row *row)
{
    table_check_push(check, ++line, row);
}

static void push(const char *subject, const char *session, int64_t trial)
{
    const struct trial_row row = row_of(subject, session, trial);
    push_row(&row);
}

/* All that is said, a line each. */
static const char *said(void)
{
    static char out[FINDINGS_MAX * 1100];
    out[0] = '\0';
    findings = (struct findings){.n = 0};
    table_check_say(check, "t.csv", &findings);
    for (uint32_t i = 0; i < findings.n; i++) {
        strcat(out, findings.list[i].text);
        strcat(out, "\n");
    }
    return out;
}

static void assert_said(uint32_t n, const char *what)
{
    const char *text = said();
    if (findings.n != n || strstr(text, what) == NULL) {
        fail_msg("%u lines, among them %s, were expected:\n%s", (unsigned)n, what, text);
    }
}

/* ---- order ----------------------------------------------------------------------------------- */

static void says_nothing_of_rows_in_order(void **state)
{
    (void)state;
    for (int session = 0; session < 3000; session++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", session);
        for (int64_t trial = session % 2; trial < 9; trial += 1 + session % 3) {
            push("m0", name, trial);
            push("m1", name, trial); /* animals may be mixed, sessions have the same names */
        }
    }
    assert_string_equal(said(), "");
}

static void names_the_first_row_that_is_there_twice(void **state)
{
    (void)state;
    push("m0", "s1", 0);
    push("m0", "s1", 1);
    push("m1", "s1", 1);
    push("m0", "s1", 1);
    push("m0", "s1", 1);
    push("m0", "s1", 2);
    assert_said(1, "t.csv:5: subject m0, session s1: trial 1 appears twice; each trial once was "
                   "expected (the first of 2 such rows of 6, all with the same contents)");
}

static void names_the_first_trial_that_goes_back(void **state)
{
    (void)state;
    push("m0", "s1", 7);
    push("m0", "s1", 9);
    push("m0", "s1", 2);
    push("m0", "s1", 3);
    push("m0", "s1", 10);
    assert_said(1, "t.csv:4: subject m0, session s1: trial 2 comes after trial 9;");
    assert_said(1, "(the first of 2 such rows of 5)");
}

static void names_the_first_session_that_comes_back(void **state)
{
    (void)state;
    push("m0", "s1", 0);
    push("m0", "s2", 0);
    push("m0", "s1", 1);
    push("m0", "s1", 2);
    assert_said(1, "t.csv:4: subject m0, session s1: trial 1 comes after another session's;");
    assert_said(1, "(the first of 1 such rows of 4)");
}

static void push_day(const char *session, int64_t n, double rt_s)
{
    for (int64_t trial = 0; trial < n; trial++) {
        struct trial_row row = row_of("m0", session, trial);
        row.rt_s += rt_s;
        push_row(&row);
    }
}

static void tells_days_of_one_name_from_rows_that_are_there_twice(void **state)
{
    (void)state;
    push_day("001", 50, 0.0);
    push_day("001", 40, 1.0);
    push_day("001", 60, 2.0);
    assert_said(1, "t.csv:52: subject m0, session 001: trial 0 comes after trial 49: the numbers "
                   "restart under one name (the first of 2 such places in 150 rows)");
    (void)end(NULL);
    (void)start(NULL);
    push_day("001", 50, 0.0);
    push_day("001", 50, 0.0);
    assert_said(1, "(the first of 50 such rows of 100, all with the same contents)");
}

/* Numbers that come down, and numbers that are far apart: none is taken for another. */
static void remembers_numbers_in_any_order(void **state)
{
    (void)state;
    for (int64_t trial = 4999; trial >= 0; trial--) {
        push("m0", "s1", trial);
    }
    push("m0", "s2", 0);
    push("m0", "s2", 1000000000);
    assert_said(1, "(the first of 4999 such rows of 5002)");
    push("m0", "s1", 17);
    assert_said(2, "trial 17 appears twice; each trial once was expected (the first of 1 such");
}

static void a_session_of_any_numbers_takes_no_more_than_it_may(void **state)
{
    struct trial_order order = {.n = 0};
    uint64_t seed = suite_seed();
    (void)state;
    for (int i = 0; i < 20000; i++) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        const struct trial_row row = row_of("m0", "s1", (int64_t)(seed >> 34) % 1000000001);
        trial_order_push(&order, 0, true, i, &row);
    }
    assert_true(order.n_trials <= 2 * (4096 + 4 * 20000));
    trial_order_close(&order);
    trial_order_close(&order); /* a zeroed one is fine */
}

/* ---- coding ---------------------------------------------------------------------------------- */

static void a_side_that_contradicts_its_stimulus_is_named_with_its_line(void **state)
{
    (void)state;
    for (int64_t trial = 0; trial < 30; trial++) {
        struct trial_row row = row_of("m0", "s1", trial);
        row.side = row.stimulus > 0.0 ? 1 : 0;
        row.side = trial == 7 ? 1 : row.side;
        push_row(&row);
    }
    assert_said(1, "t.csv:9: subject m0: side contradicts the sign of stimulus (1 of 30 rows, 1 of "
                   "1 animals)");
    assert_true(table_check_is_doubted(check));
}

static void no_side_is_wrong_without_contrast(void **state)
{
    (void)state;
    for (int64_t trial = 0; trial < 300; trial++) {
        struct trial_row row = row_of("m0", "s1", trial);
        row.stimulus = 0.0;
        row.side = trial % 2 == 0 ? 1 : 0;
        row.reward = trial % 5 < 2 ? 1.0 : 0.0; /* at random */
        push_row(&row);
    }
    assert_string_equal(said(), "");
    assert_false(table_check_is_doubted(check));
}

/* Of 100 trials at full contrast, right and left in turn, so many right of each. */
static void push_easy(const char *subject, int per_ten, bool is_paid)
{
    for (int64_t trial = 0; trial < 200; trial++) {
        struct trial_row row = row_of(subject, "s1", trial);
        const bool is_right = trial / 2 % 2 == 0;
        row.stimulus = trial % 2 == 0 ? (is_right ? 1.0 : -1.0) : 0.125; /* no corrections */
        row.choice = (int8_t)((trial / 4 % 10 < per_ten) == is_right);
        if (is_paid) {
            row.reward = (row.choice == 1) == (row.stimulus > 0.0) ? 1.0 : 0.0;
        }
        push_row(&row);
    }
}

static void choices_are_called_reversed_only_far_below_chance(void **state)
{
    (void)state;
    for (int per_ten = 3; per_ten <= 10; per_ten++) {
        char name[16];
        (void)snprintf(name, sizeof name, "m%d", per_ten);
        push_easy(name, per_ten, true);
    }
    assert_null(strstr(said(), "reversed"));
    push_easy("turned", 1, false);
    assert_non_null(strstr(said(), "subject turned: choices look reversed: at easy contrasts they "
                                   "go to the wrong side (90 of 100 rows, 1 of 9 animals)"));
}

static void
an_animal_that_does_the_opposite_of_others_and_is_paid_for_it_less_is_let_be(void **state)
{
    (void)state;
    push_easy("m0", 9, true);
    push_easy("opposite", 0, true);
    assert_string_equal(said(), "");
    push_easy("turned", 0, true);
    assert_non_null(strstr(said(), "subject opposite: choices look reversed"));
    assert_non_null(strstr(said(), "2 of 3 animals"));
}

static void times_are_milliseconds_only_if_most_are(void **state)
{
    (void)state;
    for (int64_t trial = 0; trial < 100; trial++) {
        struct trial_row row = row_of("m0", "s1", trial);
        row.rt_s = trial < 50 ? 350.0 : 0.4;
        push_row(&row);
    }
    assert_string_equal(said(), "");
    struct trial_row row = row_of("m0", "s1", 100);
    row.rt_s = 350.0;
    push_row(&row);
    assert_said(
        1, "t.csv:2: subject m0: rt_s looks like milliseconds, or a clock's time (51 of 101 rows");
}

/* ---- names ----------------------------------------------------------------------------------- */

static void names_are_numbered_as_they_come_up_to_a_bound(void **state)
{
    struct names names;
    uint32_t number = 0;
    (void)state;
    names_open(&names, 1000);
    for (uint32_t i = 0; i < 1000; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%u", (unsigned)i / 2);
        assert_int_equal(names_find(&names, i % 2, name, &number), NAMES_NEW);
        assert_int_equal(number, i);
    }
    assert_int_equal(names_find(&names, 0, "more", &number), NAMES_FULL);
    assert_int_equal(names_find(&names, 1, "3", &number), NAMES_KNOWN);
    assert_int_equal(number, 7);
    names_close(&names);
    names_close(&names); /* a zeroed one is fine */
}

static void subjects_are_listed_as_far_as_there_is_room(void **state)
{
    char out[320];
    (void)state;
    assert_string_equal(table_check_subjects(check, out, sizeof out), "none");
    push("m0", "s1", 0);
    push("m1", "s1", 0);
    assert_string_equal(table_check_subjects(check, out, sizeof out), "m0, m1");
    for (int i = 0; i < 500; i++) {
        char name[PROTO_ID_MAX + 1];
        (void)snprintf(name, sizeof name, "an-animal-with-a-very-long-name-that-hardly-fits-%d", i);
        push(name, "s1", 0);
    }
    assert_non_null(
        strstr(table_check_subjects(check, out, sizeof out), "hardly-fits-4 and 495 others"));
    assert_string_equal(table_check_subjects(NULL, out, sizeof out), "none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
        TEST(says_nothing_of_rows_in_order),
        TEST(names_the_first_row_that_is_there_twice),
        TEST(names_the_first_trial_that_goes_back),
        TEST(names_the_first_session_that_comes_back),
        TEST(tells_days_of_one_name_from_rows_that_are_there_twice),
        TEST(remembers_numbers_in_any_order),
        TEST(a_session_of_any_numbers_takes_no_more_than_it_may),
        TEST(a_side_that_contradicts_its_stimulus_is_named_with_its_line),
        TEST(no_side_is_wrong_without_contrast),
        TEST(choices_are_called_reversed_only_far_below_chance),
        TEST(an_animal_that_does_the_opposite_of_others_and_is_paid_for_it_less_is_let_be),
        TEST(times_are_milliseconds_only_if_most_are),
        TEST(names_are_numbered_as_they_come_up_to_a_bound),
        TEST(subjects_are_listed_as_far_as_there_is_room),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
