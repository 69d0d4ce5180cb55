/* progress.h */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "progress.h"

#define SECOND INT64_C(1000000000)

static char written[4096];

static const char *contents(FILE *f)
{
    rewind(f);
    const size_t n = fread(written, 1, sizeof written - 1, f);
    written[n] = '\0';
    return written;
}

static void estimates_the_time_left(void **state)
{
    (void)state;
    char text[128];
    assert_string_equal(progress_text(text, sizeof text, "eval", 25, 100, 10.0),
                        "eval: 25%, 30 s left");
    assert_string_equal(progress_text(text, sizeof text, "eval", 1, 100, 10.0),
                        "eval: 1%, 16 min 30 s left");
    assert_string_equal(progress_text(text, sizeof text, "fit", 1, 1000, 20.0),
                        "fit: 0%, 5 h 33 min left");
    assert_string_equal(progress_text(text, sizeof text, "eval", 0, 100, 10.0), "eval: 0%");
    assert_string_equal(progress_text(text, sizeof text, "eval", 120, 100, 10.0),
                        "eval: 100%, 0 s left");
    assert_string_equal(progress_text(text, sizeof text, "play", 12000, 0, 3.0),
                        "play: 12000 done in 3 s");
}

static void writes_at_most_ten_times_a_second_on_a_terminal(void **state)
{
    (void)state;
    struct progress p;
    FILE *f = tmpfile();
    assert_non_null(f);
    progress_start_at(&p, "eval", 1000, f, true, 0);
    for (int ms = 1; ms <= 1000; ms++) {
        progress_update_at(&p, ms, ms * (SECOND / 1000));
    }
    progress_finish(&p);
    int lines = 0;
    for (const char *s = contents(f); (s = strstr(s, "\r\x1b[Keval")) != NULL; s++) {
        lines++;
    }
    assert_int_equal(lines, 10);
    assert_null(strchr(written, '\n'));
    assert_string_equal(written + strlen(written) - 4, "\r\x1b[K");
    fclose(f);
}

static void writes_plain_lines_every_ten_seconds_elsewhere(void **state)
{
    (void)state;
    struct progress p;
    FILE *f = tmpfile();
    assert_non_null(f);
    progress_start_at(&p, "eval", 60, f, false, 0);
    for (int s = 1; s <= 25; s++) {
        progress_update_at(&p, s, s * SECOND);
    }
    progress_finish(&p);
    assert_string_equal(contents(f), "eval: 16%, 50 s left\neval: 33%, 40 s left\n");
    fclose(f);
}

static void stays_silent_when_work_is_quick(void **state)
{
    (void)state;
    struct progress p;
    FILE *f = tmpfile();
    assert_non_null(f);
    progress_start_at(&p, "eval", 10, f, true, 0);
    progress_update_at(&p, 10, SECOND / 20);
    progress_finish(&p);
    assert_string_equal(contents(f), "");
    fclose(f);
}

static void an_interrupt_only_sets_the_flag(void **state)
{
    (void)state;
    assert_false(progress_interrupted());
    progress_catch_interrupts();
    assert_false(progress_interrupted());
    assert_int_equal(raise(SIGINT), 0);
    assert_true(progress_interrupted());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(estimates_the_time_left),
        cmocka_unit_test(writes_at_most_ten_times_a_second_on_a_terminal),
        cmocka_unit_test(writes_plain_lines_every_ten_seconds_elsewhere),
        cmocka_unit_test(stays_silent_when_work_is_quick),
        cmocka_unit_test(an_interrupt_only_sets_the_flag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
