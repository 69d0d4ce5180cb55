/* runs.h */
#include <math.h>
#include <string.h>

#include "runs.h"
#include "suite.h"

static struct runs runs;
static bool is_new;

/* The run that a row is of; *is_new as runs_find() says. */
static struct run *play(const char *subject, const char *session, int64_t trial, double stimulus)
{
    struct trial_row row = {.trial = trial, .stimulus = stimulus, .choice = 1};
    strcpy(row.subject, subject);
    strcpy(row.session, session);
    struct run *run = runs_find(&runs, &row, &is_new);
    if (!run_has_row(run, &row)) {
        run_note_row(run, &row);
    }
    return run;
}

static int reset(void **state)
{
    (void)state;
    runs_close(&runs);
    return 0;
}

static void numbers_that_go_on_stay_in_their_run(void **state)
{
    (void)state;
    const struct run *run = play("m1", "s", 0, 0.5);
    assert_true(is_new);
    for (int i = 1; i < 300; i++) {
        assert_ptr_equal(play("m1", "s", i, 0.5), run);
        assert_ptr_not_equal(play("m2", "s", i, 0.5), run);
    }
    assert_int_equal(run->number, 1);
    assert_false(run->is_stated);
    assert_int_equal(runs.n, 2);
    assert_int_equal(runs.n_subjects, 2);
}

static void numbers_that_fall_back_begin_the_next_run(void **state)
{
    (void)state;
    struct run *first = play("m1", "s", 0, 0.5);
    (void)play("m1", "s", 1, 0.5);
    (void)play("m1", "t", 0, 0.5);
    struct run *second = play("m1", "s", 0, 0.5); /* the same content as the first began with */
    assert_true(is_new);
    assert_int_equal(second->number, 2);
    assert_true(second->is_stated && first->is_stated);
    assert_ptr_equal(play("m1", "s", 1, 0.25), second);
    assert_int_equal(play("m1", "s", 1, 0.5)->number, 3); /* other content */
    assert_int_equal(runs.n_again, 2);
}

static void late_rows_and_rows_that_stand_there_twice_are_no_new_run(void **state)
{
    (void)state;
    const struct run *run = play("m1", "s", 10, 0.5);
    const int64_t order[] = {12, 11, 12, 9, 8, 14, 13, 14, 13, 11};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        assert_ptr_equal(play("m1", "s", order[i], 0.5), run);
    }
    (void)play("m1", "s", 200, 0.5);
    assert_int_equal(play("m1", "s", 136, 0.5)->number, 2); /* 64 back: too late to be put there */
}

static void a_name_says_which_run_it_is(void **state)
{
    (void)state;
    assert_int_equal(play("m1", "day+3", 0, 0.5)->number, 3);
    assert_string_equal(play("m1", "day+3", 1, 0.5)->session, "day");
    assert_int_equal(play("m1", "day+2", 0, 0.5)->number, 2);
    const struct run *plain = play("m1", "day", 0, 0.5);
    assert_int_equal(plain->number, 4); /* no number of its own: the next */
    assert_true(plain->is_stated);
    assert_int_equal(play("m1", "day+2", 0, 0.25)->number, 5);
    assert_int_equal(play("m1", "day+2", 1, 0.25)->number, 5);
    assert_int_equal(play("m2", "day+1", 0, 0.25)->number, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(numbers_that_go_on_stay_in_their_run, reset),
        cmocka_unit_test_setup(numbers_that_fall_back_begin_the_next_run, reset),
        cmocka_unit_test_setup(late_rows_and_rows_that_stand_there_twice_are_no_new_run, reset),
        cmocka_unit_test_setup(a_name_says_which_run_it_is, reset),
    };
    const int rc = cmocka_run_group_tests(tests, NULL, NULL);
    runs_close(&runs);
    return rc;
}
