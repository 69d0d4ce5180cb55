/* basis_terms.h */
#include "suite.h"

#include <string.h>

#include "basis_terms.h"
#include "check.h"

enum { N = 3 };

static double coefficient[MODEL_BASIS_TERMS][MODEL_WEIGHTS_MAX];
static struct fault fault;

static int read_terms(const char *text)
{
    memset(&fault, 0, sizeof fault);
    return basis_terms_read(text, N, coefficient, &fault);
}

static void every_term_has_its_name_and_formula(void **state)
{
    (void)state;
    for (size_t k = 0; k < MODEL_BASIS_TERMS; k++) {
        char text[64];
        (void)snprintf(text, sizeof text, "%s=0.5", basis_terms_name(k));
        assert_int_equal(read_terms(text), FAULT_NONE);
        for (size_t i = 0; i < MODEL_BASIS_TERMS; i++) {
            CHECK_NEAR(coefficient[i][N - 1], i == k ? 0.5 : 0.0, 0.0);
        }
        assert_true(strlen(basis_terms_formula(k)) > 0);
        assert_true(basis_terms_has(text, basis_terms_name(k)));
    }
    assert_null(basis_terms_name(MODEL_BASIS_TERMS));
    assert_null(basis_terms_formula(MODEL_BASIS_TERMS));
}

static void a_coefficient_is_for_all_weights_or_one_for_each(void **state)
{
    (void)state;
    assert_int_equal(read_terms("trace=-0.25,rewarded=1:2:-3e-1,forgetting=0:1:0.5"), FAULT_NONE);
    const double expected[3][N] = {{-0.25, -0.25, -0.25}, {1.0, 2.0, -0.3}, {0.0, 1.0, 0.5}};
    for (size_t i = 0; i < N; i++) {
        CHECK_NEAR(coefficient[MODEL_BASIS_TRACE][i], expected[0][i], 0.0);
        CHECK_NEAR(coefficient[MODEL_BASIS_REWARDED][i], expected[1][i], 0.0);
        CHECK_NEAR(coefficient[MODEL_BASIS_FORGETTING][i], expected[2][i], 0.0);
        CHECK_NEAR(coefficient[MODEL_BASIS_UNREWARDED][i], 0.0, 0.0);
    }
}

static void a_name_is_a_whole_word(void **state)
{
    (void)state;
    assert_true(basis_terms_has("rewarded_memory=1,trace=2", "trace"));
    assert_false(basis_terms_has("rewarded_memory=1,trace=2", "rewarded"));
    assert_false(basis_terms_has("unrewarded=1", "rewarded"));
    assert_false(basis_terms_has("trace", "trace"));
}

static void wrong_words_are_named(void **state)
{
    (void)state;
    static const char *const CASES[][2] = {
        {"", "\"\"; a list with commas of rewarded unrewarded "},
        {"rewarde=1", "\"rewarde\"; a list with commas of"},
        {"rewarde=1", "did you mean rewarded?"},
        {"rewarded=1,", "\"\"; a list"},
        {"rewarded=1;trace=2", "rewarded: \"1;trace=2\" is not a number from -100 to 100"},
        {"rewarded", "rewarded: its coefficient, rewarded=C, was expected"},
        {"rewarded=", "rewarded: \"\" is not a number"},
        {"rewarded=,trace=1", "rewarded: \"\" is not a number"},
        {"rewarded=x", "rewarded: \"x\" is not a number"},
        {"rewarded=1x", "rewarded: \"1x\" is not a number"},
        {"rewarded=nan", "\"nan\" is not a number"},
        {"rewarded=101", "\"101\" is not a number from -100 to 100"},
        {"rewarded=-inf", "\"-inf\" is not"},
        {"forgetting=-1.1", "forgetting: \"-1.1\" is not a number from -1 to 1"},
        {"rewarded=1:2", "rewarded: 2 values; one, or one for each of 3 weights expected"},
        {"rewarded=1:2:3:4", "rewarded: 4 values"},
        {"rewarded=1:2:3:4:5:6:7:8:9:10:11:12:13", "rewarded: 13 values"},
        {"rewarded=1::3", "rewarded: \"\" is not a number"},
        {"rewarded=1,trace=2,rewarded=3", "rewarded is given twice"},
        {"=1", "\"\"; a list"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        if (read_terms(CASES[i][0]) != FAULT_INPUT || strstr(fault.text, CASES[i][1]) == NULL ||
            strncmp(fault.text, "--terms: ", 9) != 0) {
            fail_msg("%s: \"%s\", expected \"%s\"", CASES[i][0], fault.text, CASES[i][1]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_term_has_its_name_and_formula),
        cmocka_unit_test(a_coefficient_is_for_all_weights_or_one_for_each),
        cmocka_unit_test(a_name_is_a_whole_word),
        cmocka_unit_test(wrong_words_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
