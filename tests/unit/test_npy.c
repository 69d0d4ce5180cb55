/* bridge/npy.h: headers as NumPy writes them, and as it does not. Arrays of the real NumPy are read
 * in tests/integration/test_arrays.py. */
#include "suite.h"

#include <math.h>
#include <string.h>

#include "bridge/npy.h"
#include "check.h"
#include "npy_file.h"

static struct bridge_source source = {.path = "x.npy"};
static struct bridge_columns columns;
static uint8_t bytes[4096];

static int read_array(const char *header, const void *values, size_t size)
{
    bridge_columns_free(&columns);
    const size_t n = npy_file_make(bytes, sizeof bytes, header, values, size);
    return bridge_npy_read(&source, NULL, "a", bytes, n, &columns);
}

static int leave(void **state)
{
    (void)state;
    bridge_columns_free(&columns);
    return 0;
}

static void numbers_of_every_size_and_order_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        uint8_t bytes[8];
        size_t size;
        double value;
    } CASES[] = {
        {"|b1", {1}, 1, 1.0},
        {"|i1", {0xFF}, 1, -1.0},
        {"|u1", {0xFF}, 1, 255.0},
        {"<i2", {0xFE, 0xFF}, 2, -2.0},
        {">i2", {0xFF, 0xFE}, 2, -2.0},
        {"<u4", {0, 0, 0, 0x80}, 4, 2147483648.0},
        {"<i4", {0, 0, 0, 0x80}, 4, -2147483648.0},
        {">i8", {0x80, 0, 0, 0, 0, 0, 0, 0}, 8, -9223372036854775808.0},
        {"<i8", {5, 0, 0, 0, 0, 0, 0, 0}, 8, 5.0},
        {"<f2", {0x00, 0xC1}, 2, -2.5},
        {"<f2", {0x01, 0x00}, 2, 5.9604644775390625e-8},
        {">f4", {0x40, 0x20, 0, 0}, 4, 2.5},
        {"<f8", {0, 0, 0, 0, 0, 0, 0x04, 0xC0}, 8, -2.5},
        {"=f8", {0, 0, 0, 0, 0, 0, 0x04, 0xC0}, 8, -2.5},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char header[96];
        (void)snprintf(header, sizeof header,
                       "{'descr': '%s', 'fortran_order': False, 'shape': (1,), }", CASES[i].type);
        assert_int_equal(read_array(header, CASES[i].bytes, CASES[i].size), 0);
        assert_int_equal(columns.n, 1);
        CHECK_NEAR(columns.list[0].number[0], CASES[i].value, 0.0);
    }
}

static void texts_are_kept_as_ascii(void **state)
{
    (void)state;
    static const uint8_t wide[16] = {'R', 0, 0, 0, 0xE9, 0, 0, 0, 0, 0, 0, 0, 'L', 0, 0, 0};
    char cell[BRIDGE_CELL_MAX];
    assert_int_equal(
        read_array("{'descr': '<U2', 'fortran_order': False, 'shape': (2,), }", wide, sizeof wide),
        0);
    assert_string_equal(bridge_column_text(&columns.list[0], 0, cell), "R?");
    assert_string_equal(bridge_column_text(&columns.list[0], 1, cell), "");
    assert_int_equal(
        read_array("{\"descr\": \"|S3\", \"fortran_order\": False, \"shape\": (2,)}", "abcde\0", 6),
        0);
    assert_string_equal(bridge_column_text(&columns.list[0], 0, cell), "abc");
    assert_string_equal(bridge_column_text(&columns.list[0], 1, cell), "de");
}

static void two_dimensions_are_columns_in_either_order(void **state)
{
    (void)state;
    static const uint8_t values[6] = {1, 2, 3, 4, 5, 6};
    assert_int_equal(
        read_array("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }", values, 6), 0);
    assert_int_equal(columns.n, 3);
    assert_string_equal(columns.list[0].name, "a");
    assert_string_equal(columns.list[2].name, "a[2]");
    CHECK_NEAR(columns.list[1].number[1], 5.0, 0.0);
    assert_int_equal(
        read_array("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", values, 6), 0);
    CHECK_NEAR(columns.list[1].number[1], 4.0, 0.0);
}

static void rows_that_a_cut_file_holds_are_read(void **state)
{
    (void)state;
    static const uint8_t values[5] = {1, 2, 3, 4, 5};
    assert_int_equal(
        read_array("{'descr': '<u2', 'fortran_order': False, 'shape': (4,), }", values, 5), -1);
    assert_non_null(strstr(source.why.found, "the file ends after row 2"));
    assert_int_equal(columns.n, 1);
    assert_int_equal(columns.list[0].n, 2);
    assert_int_equal(columns.list[0].n_stated, 4);
}

static void headers_that_no_array_has_are_refused_at_their_byte(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        const char *expected;
    } CASES[] = {
        {"", "a dictionary"},
        {"{", "a quoted text"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,)", "a comma"},
        {"{'descr': '<f8', 'fortran_order': False}", "the keys"},
        {"{'descr': '<f8', 'fortran_order': 0, 'shape': (1,)}", "True or False"},
        {"{'descr': 8, 'fortran_order': False, 'shape': (1,)}", "a quoted text"},
        {"{'descr': '<f', 'fortran_order': False, 'shape': (1,)}", "a type such as"},
        {"{'descr': '', 'fortran_order': False, 'shape': (1,)}", "a type such as"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': 1}", "a tuple"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (x,)}", "a whole number"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", "at most 8"},
        {"{'descr': [('a', '<f8'], 'fortran_order': False, 'shape': (1,)}", "a field"},
        {"{'descr': [['a', '<f8']], 'fortran_order': False, 'shape': (1,)}", "parentheses"},
        {"{'descr': [('a', [('b', [('c', [('d', [('e', '<f8')])])])])], 'fortran_order': False, "
         "'shape': (1,)}",
         "a list of fields"},
        {"{'descr': [('a', '|V99999999'), ('b', '<f8')], 'fortran_order': False, 'shape': (1,)}",
         "a type such as"},
        {"{'other': 1}", "the keys"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_int_equal(read_array(CASES[i].header, "12345678", 8), -1);
        if (strstr(source.why.expected, CASES[i].expected) == NULL) {
            fail_msg("%s: %s", CASES[i].header, source.why.expected);
        }
        assert_true(source.why.byte >= 10);
        assert_int_equal(columns.n, 0);
    }
}

static void sizes_that_cannot_be_are_refused_before_anything_is_allocated(void **state)
{
    (void)state;
    static const char *const SHAPES[] = {"(99999999999999999999999,)", "(16777217,)",
                                         "(4294967296, 4294967296)", "(1, 18446744073709551615)"};
    for (size_t i = 0; i < sizeof SHAPES / sizeof SHAPES[0]; i++) {
        char header[128];
        (void)snprintf(header, sizeof header,
                       "{'descr': '<f8', 'fortran_order': False, 'shape': %s}", SHAPES[i]);
        assert_int_equal(read_array(header, "", 0), -1);
        assert_int_equal(columns.n, 0);
    }
}

static void objects_are_refused_and_what_is_neither_number_nor_text_is_passed_by(void **state)
{
    (void)state;
    assert_int_equal(read_array("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "", 0),
                     -1);
    assert_non_null(strstr(source.why.found, "a pickle"));
    assert_int_equal(
        read_array("{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (1,)}", "", 0), -1);
    static const char *const OTHERS[] = {"'<M8[ns]'", "'<c16'", "'|V4'", "'<f16'"};
    for (size_t i = 0; i < 4; i++) {
        char header[128];
        (void)snprintf(header, sizeof header,
                       "{'descr': %s, 'fortran_order': False, 'shape': (1,)}", OTHERS[i]);
        assert_int_equal(read_array(header, "0123456789abcdef", 16), 0);
        assert_int_equal(columns.n, 0);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, leave)
    const struct CMUnitTest tests[] = {
        CASE(numbers_of_every_size_and_order_are_read),
        CASE(texts_are_kept_as_ascii),
        CASE(two_dimensions_are_columns_in_either_order),
        CASE(rows_that_a_cut_file_holds_are_read),
        CASE(headers_that_no_array_has_are_refused_at_their_byte),
        CASE(sizes_that_cannot_be_are_refused_before_anything_is_allocated),
        CASE(objects_are_refused_and_what_is_neither_number_nor_text_is_passed_by),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
