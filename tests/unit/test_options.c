/* options.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "options.h"

static bool json;
static bool rate_given;
static const char *model;
static int64_t mice;
static double rate;
static const char *arguments[2];

static struct option_reals stimuli;

static const struct option LIST[] = {
    {"json", OPTION_FLAG, &json, 0, 0, NULL, "for machines", NULL},
    {"c", OPTION_TEXT, &model, 0, 0, "FILE", "short", NULL},
    {"model", OPTION_TEXT, &model, 0, 0, "M", "model file", NULL},
    {"mice", OPTION_INT, &mice, 1, 100, "N", "how many", NULL},
    {"rate", OPTION_REAL, &rate, 0.0, 1.0, "A", "learning rate", &rate_given},
    {"stimuli", OPTION_REALS, &stimuli, -1.0, 1.0, "LIST", "contrasts", NULL},
};

static struct options options = {.usage = "try DATA [options]",
                                 .about = "Tries.",
                                 .list = LIST,
                                 .n = sizeof LIST / sizeof LIST[0],
                                 .arguments = arguments,
                                 .arguments_min = 1,
                                 .arguments_max = 2};

/* The exit code, or -1 for "go on". */
static int read_words(int n, ...)
{
    char *argv[16] = {"try"};
    va_list words;
    va_start(words, n);
    for (int i = 1; i <= n; i++) {
        argv[i] = va_arg(words, char *);
    }
    va_end(words);
    json = false;
    rate_given = false;
    model = NULL;
    mice = 3;
    rate = 0.5;
    int code = 0;
    return options_read(&options, n + 1, argv, &code) ? -1 : code;
}

static void takes_options_in_both_forms_and_arguments_in_between(void **state)
{
    (void)state;
    assert_int_equal(read_words(6, "a.csv", "--mice", "12", "--rate=0.25", "--json", "-"), -1);
    assert_int_equal(mice, 12);
    assert_true(rate == 0.25);
    assert_true(rate_given);
    assert_true(json);
    assert_int_equal(options.n_arguments, 2);
    assert_string_equal(arguments[0], "a.csv");
    assert_string_equal(arguments[1], "-");
    assert_int_equal(read_words(3, "a.csv", "-c", "x.yaml"), -1);
    assert_string_equal(model, "x.yaml");
    assert_false(rate_given);
    assert_int_equal(read_words(2, "--", "--json"), -1);
    assert_string_equal(arguments[0], "--json");
    assert_false(json);
    assert_int_equal(read_words(4, "a.csv", "--mice=2", "--mice", "2"), -1);
}

static void refuses_what_it_does_not_know_or_lacks(void **state)
{
    (void)state;
    assert_int_equal(read_words(0), 2);
    assert_int_equal(read_words(3, "a", "b", "c"), 2);
    assert_int_equal(read_words(2, "a", "--nonsense"), 2);
    assert_int_equal(read_words(2, "a", "-model=x"), 2);
    assert_int_equal(read_words(2, "a", "--c=x"), 2);
    assert_int_equal(read_words(2, "a", "--mice"), 2);
    assert_int_equal(read_words(2, "a", "--json=1"), 2);
    assert_int_equal(read_words(2, "a", "--mice="), 2);
    assert_int_equal(read_words(2, "a", "--mice=0"), 2);
    assert_int_equal(read_words(2, "a", "--mice=101"), 2);
    assert_int_equal(read_words(2, "a", "--mice=3x"), 2);
    assert_int_equal(read_words(2, "a", "--mice=99999999999999999999"), 2);
    assert_int_equal(read_words(2, "a", "--rate=1.5"), 2);
    assert_int_equal(read_words(2, "a", "--rate=nan"), 2);
    assert_int_equal(read_words(3, "a", "--model", ""), 2);
    assert_int_equal(read_words(3, "a", "--model", "--json"), 2);
    assert_int_equal(read_words(3, "a", "--rate=0.1", "--rate=0.2"), 2);
    assert_int_equal(read_words(2, "a", ""), 2);
    assert_int_equal(read_words(2, "a", "\xe2\x80\x94json"), 2);
    assert_int_equal(mice, 3);
}

static void takes_lists_of_numbers(void **state)
{
    (void)state;
    assert_int_equal(read_words(2, "a", "--stimuli=-1,0.5,0"), -1);
    assert_int_equal(stimuli.n, 3);
    assert_true(stimuli.v[0] == -1.0 && stimuli.v[1] == 0.5 && stimuli.v[2] == 0.0);
    assert_int_equal(read_words(2, "a", "--stimuli=0.25"), -1);
    assert_int_equal(stimuli.n, 1);
    static char *const BAD[] = {"", ",", "1,", "1,,1", "1;0", "2", "nan", "1 ,0"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        assert_int_equal(read_words(3, "a", "--stimuli", BAD[i]), 2);
    }
    char many[2 * OPTION_REALS_MAX + 2] = "0";
    for (int i = 0; i < OPTION_REALS_MAX; i++) {
        strcat(many, ",0");
    }
    assert_int_equal(read_words(3, "a", "--stimuli", many), 2);
    assert_int_equal(stimuli.n, 1);
}

static void help_ends_well(void **state)
{
    (void)state;
    assert_int_equal(read_words(1, "--help"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_options_in_both_forms_and_arguments_in_between),
        cmocka_unit_test(refuses_what_it_does_not_know_or_lacks),
        cmocka_unit_test(takes_lists_of_numbers),
        cmocka_unit_test(help_ends_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
