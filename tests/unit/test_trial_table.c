/* trial_table.h */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "trial_table.h"

static struct fault fault;
static struct trial_row row;

static int open_bytes(struct trial_table *t, const char *bytes, size_t size)
{
    FILE *f = tmpfile();
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    rewind(f);
    return trial_table_open_file(t, f, "t.csv", TRIAL_TABLE_WARN, &fault);
}

static int open_text(struct trial_table *t, const char *text)
{
    return open_bytes(t, text, strlen(text));
}

#define HEADER "subject,session,trial,stimulus,choice,reward,rt_s,side,repeat,p_left\n"

/* The first fault of a table whose header is fine. */
static const char *fault_of(const char *text)
{
    struct trial_table t;
    assert_int_equal(open_text(&t, text), FAULT_NONE);
    int got = 1;
    while (got == 1) {
        got = trial_table_next(&t, &row, &fault);
    }
    assert_int_equal(got, -1);
    trial_table_close(&t);
    return fault.text;
}

static void a_control_character_in_an_error_is_shown_as_an_escape(void **state)
{
    (void)state;
    assert_non_null(strstr(fault_of(HEADER "m1,s1,1,0.5\t,1,,,,,\n"), "\"0.5\\t\" is not"));
    assert_non_null(
        strstr(fault_of(HEADER "m1,s1,1,\"\x01\x1b[2J\",1,,,,,\n"), "\"\\x01\\x1b[2J\" is not"));
}

static void reads_every_column(void **state)
{
    (void)state;
    struct trial_table t;
    assert_int_equal(open_text(&t, HEADER "m1,s1,7,-0.25,1,0,1.5,0,1,0.8\n"), FAULT_NONE);
    assert_int_equal(trial_table_next(&t, &row, &fault), 1);
    assert_string_equal(row.subject, "m1");
    assert_string_equal(row.session, "s1");
    assert_int_equal(row.trial, 7);
    assert_true(row.stimulus == -0.25);
    assert_int_equal(row.choice, 1);
    assert_true(row.reward == 0.0);
    assert_true(row.rt_s == 1.5);
    assert_int_equal(row.side, 0);
    assert_int_equal(row.repeat, 1);
    assert_true(row.p_left == 0.8);
    assert_int_equal(trial_table_next(&t, &row, &fault), 0);
    trial_table_close(&t);
}

static void takes_any_column_order_and_ignores_others(void **state)
{
    (void)state;
    struct trial_table t;
    assert_int_equal(open_text(&t, "weather,choice,stimulus,trial,session,subject\n"
                                   "rainy,0,1,0,2,m1\n"),
                     FAULT_NONE);
    assert_int_equal(trial_table_next(&t, &row, &fault), 1);
    assert_int_equal(row.choice, 0);
    assert_true(row.stimulus == 1.0);
    assert_string_equal(row.session, "2");
    assert_true(isnan(row.reward));
    assert_int_equal(row.side, -1);
    trial_table_close(&t);
}

static void takes_empty_and_na_as_unknown(void **state)
{
    (void)state;
    struct trial_table t;
    assert_int_equal(open_text(&t, HEADER "m1,1,0,0,,,,,,\nm1,1,1,0,NA,NaN,nan,NA,NA,NA\n"),
                     FAULT_NONE);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(trial_table_next(&t, &row, &fault), 1);
        assert_int_equal(row.choice, -1);
        assert_int_equal(row.side, -1);
        assert_int_equal(row.repeat, -1);
        assert_true(isnan(row.reward) && isnan(row.rt_s) && isnan(row.p_left));
    }
    trial_table_close(&t);
}

static void takes_a_byte_order_mark_carriage_returns_quotes_and_blank_lines(void **state)
{
    (void)state;
    struct trial_table t;
    assert_int_equal(open_text(&t, "\xef\xbb\xbf\"subject\",session,trial,stimulus,choice,\"a, "
                                   "\"\"b\"\"\"\r\n\r\n\"m1\",1,0,\"0.5\",1,\"x,y\"\r\n\n"),
                     FAULT_NONE);
    assert_int_equal(trial_table_next(&t, &row, &fault), 1);
    assert_string_equal(row.subject, "m1");
    assert_true(row.stimulus == 0.5);
    assert_int_equal(t.line, 3);
    assert_int_equal(trial_table_next(&t, &row, &fault), 0);
    trial_table_close(&t);
}

static void takes_whole_numbers_written_as_reals(void **state)
{
    (void)state;
    struct trial_table t;
    assert_int_equal(open_text(&t, HEADER "m1,1,12.0,0.5,1.0,1.0,,0.0,,\n"), FAULT_NONE);
    assert_int_equal(trial_table_next(&t, &row, &fault), 1);
    assert_int_equal(row.trial, 12);
    assert_int_equal(row.choice, 1);
    assert_int_equal(row.side, 0);
    trial_table_close(&t);
}

static void takes_a_last_line_without_its_end(void **state)
{
    (void)state;
    struct trial_table t;
    assert_int_equal(open_text(&t, HEADER "m1,1,0,0.5,1,,,,,"), FAULT_NONE);
    assert_int_equal(trial_table_next(&t, &row, &fault), 1);
    assert_int_equal(trial_table_next(&t, &row, &fault), 0);
    trial_table_close(&t);
}

static void names_file_line_column_and_expectation(void **state)
{
    (void)state;
    assert_string_equal(fault_of(HEADER "m1,1,0,0.5,1,,,,,\nm1,1,1,0.5,7,,,,,\n"),
                        "t.csv:3: column choice: \"7\" is not 0, 1 or empty: write 1 for right, 0 "
                        "for left, nothing for none");
    assert_string_equal(fault_of(HEADER "m1,1,0,1.5,1,,,,,\n"),
                        "t.csv:2: column stimulus: \"1.5\" is not a number from -1 to 1: it looks "
                        "like percent: divide the column by 100");
    assert_string_equal(fault_of(HEADER "m1,1,0,left,1,,,,,\n"),
                        "t.csv:2: column stimulus: \"left\" is not a number from -1 to 1: write "
                        "only a number");
    assert_string_equal(
        fault_of(HEADER "m1,1,0,,1,,,,,\n"),
        "t.csv:2: column stimulus: \"\" is not a number from -1 to 1: every row needs one");
    assert_string_equal(fault_of(HEADER "m 1,1,0,0,1,,,,,\n"),
                        "t.csv:2: column subject: \"m 1\" is not a name: 1 to 64 of A-Z a-z 0-9 . "
                        "_ -: put - or _ for other characters");
    assert_string_equal(fault_of(HEADER "m1,1+x,0,0,1,,,,,\n"),
                        "t.csv:2: column session: \"1+x\" is not a name: 1 to 64 of A-Z a-z 0-9 . "
                        "_ -, or NAME+N for its run N: put - or _ for other characters");
    assert_string_equal(fault_of(HEADER "m1,1,0.5,0,1,,,,,\n"),
                        "t.csv:2: column trial: \"0.5\" is not a whole number from 0 to "
                        "1000000000");
    assert_string_equal(
        fault_of(HEADER "m1,1,0,0,1,2,,,,\n"),
        "t.csv:2: column reward: \"2\" is not a number from 0 to 1, or empty: it looks like a "
        "volume in microlitres: write 1 for a rewarded trial, 0 for one that was not");
    assert_string_equal(fault_of(HEADER "m1,1,0,0,1,,,0.5,,\n"),
                        "t.csv:2: column side: \"0.5\" is not 0, 1 or empty: write 1 for right, 0 "
                        "for left, nothing for none");
    assert_string_equal(fault_of(HEADER "m1,1,0,0\n"), "t.csv:2: 4 fields; the header has 10");
    assert_string_equal(fault_of(HEADER "m1,1,0,0,1,,,,,,\n"),
                        "t.csv:2: 11 fields; the header has 10");
}

static void refuses_numbers_only_a_c_library_would_take(void **state)
{
    (void)state;
    static const char *const BAD[] = {"0x1", "inf", "1e999", " 1", "1 ", "1e", "--1", "0.5.5", "-"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        char text[256];
        (void)snprintf(text, sizeof text, HEADER "m1,1,0,%s,1,,,,,\n", BAD[i]);
        assert_non_null(strstr(fault_of(text), "t.csv:2: column stimulus: "));
    }
}

static void refuses_bytes_that_are_no_table(void **state)
{
    (void)state;
    struct trial_table t;
    static const char NUL[] = HEADER "m1,1,0\0,0.5,1,,,,,\n";
    assert_int_equal(open_bytes(&t, NUL, sizeof NUL - 1), FAULT_NONE);
    assert_int_equal(trial_table_next(&t, &row, &fault), -1);
    assert_string_equal(fault.text, "t.csv:2: a NUL byte; text was expected");
    trial_table_close(&t);

    char *longest = malloc(100000);
    assert_non_null(longest);
    memset(longest, 'x', 100000);
    assert_int_equal(open_bytes(&t, longest, 100000), FAULT_INPUT);
    assert_string_equal(fault.text, "t.csv:1: the line is too long; at most 4095 bytes expected");
    free(longest);

    assert_non_null(strstr(fault_of(HEADER "\"m1,1,0,0,1,,,,,\n"), "a quote is not closed"));
    assert_non_null(strstr(fault_of(HEADER "\"m1\"x,1,0,0,1,,,,,\n"), "after a closing quote"));
    const char *text = fault_of(HEADER "m1,1,0,\x1b[2J\x07,1,,,,,\n");
    assert_null(strchr(text, '\x1b'));
    assert_null(strchr(text, '\x07'));
}

static void refuses_a_header_that_lacks_or_doubles_a_column(void **state)
{
    (void)state;
    struct trial_table t;
    assert_int_equal(open_text(&t, ""), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "t.csv:1: the file is empty"));
    assert_int_equal(open_text(&t, "subject,session,trial,stimulus\n"), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "t.csv:1: no column choice;"));
    assert_int_equal(open_text(&t, "subject,subject,session,trial,stimulus,choice\n"), FAULT_INPUT);
    assert_string_equal(fault.text, "t.csv:1: column subject appears twice");
    char many[TRIAL_TABLE_LINE_MAX] = "subject,session,trial,stimulus,choice";
    for (int i = 0; i < TRIAL_TABLE_COLUMNS_MAX; i++) {
        strcat(many, ",x");
    }
    assert_int_equal(open_text(&t, many), FAULT_INPUT);
    assert_string_equal(fault.text, "t.csv:1: more than 64 columns");
}

static void says_when_a_file_cannot_be_opened_or_read(void **state)
{
    (void)state;
    struct trial_table t;
    assert_int_equal(
        trial_table_open(&t, "/nonexistent/t.csv", trial_table_plain(TRIAL_TABLE_WARN), &fault),
        FAULT_INPUT);
    assert_string_equal(fault.text, "/nonexistent/t.csv: cannot be opened: No such file or "
                                    "directory");
    trial_table_close(&t);
    const char *folder = MURID_SOURCE_DIR "/configs/slurm";
    assert_int_equal(trial_table_open(&t, folder, trial_table_plain(TRIAL_TABLE_WARN), &fault),
                     FAULT_INPUT);
    assert_non_null(
        strstr(fault.text, "/configs/slurm: is a directory; a trial table was expected: "));
    trial_table_close(&t);
}

static void reads_what_is_said_of_the_session(void **state)
{
    (void)state;
    struct trial_table t;
    assert_int_equal(open_text(&t, "subject,session,trial,stimulus,choice,task,ephys_rig,delay_s,"
                                   "software\n"
                                   "m1,s1,0,0,1,\"trainingChoiceWorld, v6\",1,900,iblrig 8.23.1\n"
                                   "m1,s1,1,0,1,,,,\n"
                                   "m1,s1,2,0,1,a\x01"
                                   "b,0,NaN,NA\n"),
                     FAULT_NONE);
    assert_int_equal(trial_table_next(&t, &row, &fault), 1);
    assert_string_equal(row.task, "trainingChoiceWorld, v6");
    assert_int_equal(row.ephys_rig, 1);
    assert_true(row.delay_s == 900.0);
    assert_string_equal(row.software, "iblrig 8.23.1");
    assert_int_equal(trial_table_next(&t, &row, &fault), 1);
    assert_string_equal(row.task, "");
    assert_string_equal(row.software, "");
    assert_int_equal(row.ephys_rig, -1);
    assert_true(isnan(row.delay_s));
    assert_int_equal(trial_table_next(&t, &row, &fault), 1);
    assert_string_equal(row.task, "a?b");
    assert_int_equal(row.ephys_rig, 0);
    assert_true(isnan(row.delay_s));
    trial_table_close(&t);

    char text[TRIAL_TABLE_LINE_MAX];
    const int at = snprintf(text, sizeof text,
                            "subject,session,trial,stimulus,choice,task\n"
                            "m1,s1,0,0,1,");
    memset(text + at, 'x', 200);
    text[at + 200] = '\0';
    assert_int_equal(open_text(&t, text), FAULT_NONE);
    assert_int_equal(trial_table_next(&t, &row, &fault), 1);
    assert_int_equal(strlen(row.task), TRIAL_TABLE_TASK_MAX);
    trial_table_close(&t);
}

static void closing_a_zeroed_table_does_nothing(void **state)
{
    (void)state;
    struct trial_table t = {0};
    trial_table_close(&t);
}

static void writes_rows_that_read_back_the_same(void **state)
{
    (void)state;
    FILE *f = tmpfile();
    assert_non_null(f);
    struct trial_row rows[2] = {{.subject = "m1",
                                 .session = "s-1",
                                 .trial = 1000000000,
                                 .stimulus = 0.1 + 0.2,
                                 .choice = 1,
                                 .side = 0,
                                 .repeat = 1,
                                 .reward = 1.0 / 3.0,
                                 .rt_s = 0.25,
                                 .p_left = 0.8,
                                 .stage = "odd, \"stage\""},
                                {.subject = "m2",
                                 .session = "1",
                                 .stimulus = -1.0,
                                 .choice = -1,
                                 .side = -1,
                                 .repeat = -1,
                                 .reward = (double)NAN,
                                 .rt_s = (double)NAN,
                                 .p_left = (double)NAN}};
    trial_table_write_header(f, TRIAL_TABLE_WITH_STAGES);
    trial_table_write(f, &rows[0], TRIAL_TABLE_WITH_STAGES);
    trial_table_write(f, &rows[1], TRIAL_TABLE_WITH_STAGES);
    rewind(f);
    struct trial_table t;
    assert_int_equal(trial_table_open_file(&t, f, "t.csv", TRIAL_TABLE_WARN, &fault), FAULT_NONE);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(trial_table_next(&t, &row, &fault), 1);
        assert_string_equal(row.subject, rows[i].subject);
        assert_string_equal(row.session, rows[i].session);
        assert_int_equal(row.trial, rows[i].trial);
        assert_int_equal(row.choice, rows[i].choice);
        assert_int_equal(row.side, rows[i].side);
        assert_int_equal(row.repeat, rows[i].repeat);
        assert_string_equal(row.stage, rows[i].stage);
        assert_memory_equal(&row.stimulus, &rows[i].stimulus, sizeof row.stimulus);
        assert_int_equal(isnan(row.reward), isnan(rows[i].reward));
        if (!isnan(row.reward)) {
            assert_memory_equal(&row.reward, &rows[i].reward, sizeof row.reward);
            assert_memory_equal(&row.p_left, &rows[i].p_left, sizeof row.p_left);
        }
    }
    trial_table_close(&t);
}

static int count_to_two(void *context, const struct trial_table *table,
                        const struct trial_row *taken, struct fault *why)
{
    (void)table;
    (void)taken;
    return ++*(int *)context == 2 ? fault_set(why, FAULT_WORK, "enough") : FAULT_NONE;
}

static int read_each(const char *text, const char *only, int *n)
{
    char path[] = "/tmp/murid-each-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    *n = 0;
    const int rc = trial_table_read(path, "rows", only, trial_table_plain(TRIAL_TABLE_QUIET),
                                    count_to_two, n, &fault);
    unlink(path);
    return rc;
}

static void each_row_is_taken_until_the_end_or_a_fault(void **state)
{
    (void)state;
    static const char ROWS[] = HEADER "m1,s1,1,0,1,,,,,\nm2,s1,1,0,1,,,,,\nm2,s1,2,0,1,,,,,\n";
    int n = 0;
    assert_int_equal(read_each(ROWS, "m1", &n), FAULT_NONE);
    assert_int_equal(n, 1);
    assert_int_equal(read_each(ROWS, NULL, &n), FAULT_WORK);
    assert_int_equal(n, 2);
    assert_int_equal(read_each(ROWS, "m3", &n), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "no trials of m3; its animals: m1, m2"));
    assert_int_equal(read_each(HEADER, NULL, &n), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "no trials; rows under the header"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_control_character_in_an_error_is_shown_as_an_escape),
        cmocka_unit_test(reads_every_column),
        cmocka_unit_test(takes_any_column_order_and_ignores_others),
        cmocka_unit_test(takes_empty_and_na_as_unknown),
        cmocka_unit_test(takes_a_byte_order_mark_carriage_returns_quotes_and_blank_lines),
        cmocka_unit_test(takes_whole_numbers_written_as_reals),
        cmocka_unit_test(takes_a_last_line_without_its_end),
        cmocka_unit_test(names_file_line_column_and_expectation),
        cmocka_unit_test(refuses_numbers_only_a_c_library_would_take),
        cmocka_unit_test(refuses_bytes_that_are_no_table),
        cmocka_unit_test(refuses_a_header_that_lacks_or_doubles_a_column),
        cmocka_unit_test(says_when_a_file_cannot_be_opened_or_read),
        cmocka_unit_test(reads_what_is_said_of_the_session),
        cmocka_unit_test(closing_a_zeroed_table_does_nothing),
        cmocka_unit_test(each_row_is_taken_until_the_end_or_a_fault),
        cmocka_unit_test(writes_rows_that_read_back_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
