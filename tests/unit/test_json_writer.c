/* util/json_writer.h: what stands between, around and inside of values. */
#include "json_writer.h"

#include <math.h>
#include <stdlib.h>

#include "suite.h"

static void check_written(void (*write)(struct json_writer *w), bool is_compact,
                          const char *expected)
{
    char *out = NULL;
    size_t size = 0;
    struct json_writer w = {.to = open_memstream(&out, &size), .is_compact = is_compact};
    assert_non_null(w.to);
    write(&w);
    fclose(w.to);
    assert_string_equal(out, expected);
    free(out);
}

static void write_nested(struct json_writer *w)
{
    json_object(w, NULL);
    json_object(w, "empty");
    json_end(w);
    json_array(w, "list");
    json_int(w, NULL, 1);
    json_array(w, NULL);
    json_end(w);
    json_bool(w, NULL, true);
    json_end(w);
    json_text(w, "after", "x");
    json_end(w);
}

static void commas_stand_between_items_alone(void **state)
{
    (void)state;
    check_written(write_nested, false,
                  "{\"empty\": {}, \"list\": [1, [], true], \"after\": \"x\"}\n");
    check_written(write_nested, true, "{\"empty\":{},\"list\":[1,[],true],\"after\":\"x\"}");
}

static void write_lines(struct json_writer *w)
{
    json_array(w, NULL);
    json_line(w, 2);
    json_int(w, NULL, 1);
    json_line(w, 2);
    json_int(w, NULL, 2);
    json_int(w, NULL, 3);
    json_end(w);
}

static void an_item_may_begin_a_line(void **state)
{
    (void)state;
    check_written(write_lines, false, "[\n  1,\n  2, 3]\n");
}

static void write_numbers(struct json_writer *w)
{
    json_array(w, NULL);
    json_real(w, NULL, 1.0 / 3.0);
    json_digits(w, NULL, 17, 0.1);
    json_real(w, NULL, (double)NAN);
    json_real(w, NULL, -(double)INFINITY);
    json_int(w, NULL, INT64_MIN);
    json_end(w);
}

static void json_has_null_where_there_is_no_number(void **state)
{
    (void)state;
    check_written(write_numbers, false,
                  "[0.3333333333, 0.10000000000000001, null, null, -9223372036854775808]\n");
}

static void write_texts(struct json_writer *w)
{
    json_object(w, NULL);
    json_text(w, "a \"b\"", "c \\d\n\x1b");
    json_text(w, "none", NULL);
    json_end(w);
}

static void nothing_in_a_text_ends_it(void **state)
{
    (void)state;
    check_written(write_texts, true, "{\"a \\\"b\\\"\":\"c \\\\d\\u000a\\u001b\",\"none\":null}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_stand_between_items_alone),
        cmocka_unit_test(an_item_may_begin_a_line),
        cmocka_unit_test(json_has_null_where_there_is_no_number),
        cmocka_unit_test(nothing_in_a_text_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
