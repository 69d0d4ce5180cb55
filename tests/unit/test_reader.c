/* proto/reader.h: tokens of both formats, and every way to lie about them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/reader.h"

static void start(proto_reader *r, const char *json)
{
    proto_reader_init(r, PROTO_FORMAT_JSON, (const uint8_t *)json, strlen(json));
}

/* Reads to the end; returns the reader's status. */
static int status_of(proto_format format, const void *bytes, size_t size)
{
    proto_reader r;
    proto_reader_init(&r, format, bytes, size);
    for (size_t i = 0; i <= 2 * size + 2; i++) {
        if (proto_reader_next(&r).type == PROTO_TOKEN_END) {
            assert_int_equal(proto_reader_next(&r).type, PROTO_TOKEN_END);
            return r.status;
        }
    }
    fail_msg("more tokens than bytes");
    return 0;
}

static int json_status(const char *text)
{
    return status_of(PROTO_FORMAT_JSON, text, strlen(text));
}

#define MSGPACK_STATUS(...)                                                                        \
    status_of(PROTO_FORMAT_MSGPACK, (const uint8_t[]){__VA_ARGS__},                                \
              sizeof((const uint8_t[]){__VA_ARGS__}))

static void json_becomes_the_tokens_it_spells(void **state)
{
    (void)state;
    proto_reader r;
    start(&r, " { \"a\" : [1, -2.5e1, true, false, null], \"b\\n\" : {} } \n");
    assert_int_equal(proto_reader_next(&r).type, PROTO_TOKEN_MAP);
    proto_token t = proto_reader_next(&r);
    assert_true(proto_token_is(&t, "a"));
    assert_int_equal(t.offset, 3);
    assert_int_equal(proto_reader_next(&r).type, PROTO_TOKEN_ARRAY);
    t = proto_reader_next(&r);
    assert_int_equal(t.type, PROTO_TOKEN_INT);
    assert_true(t.integer == 1 && t.real == 1.0);
    t = proto_reader_next(&r);
    assert_int_equal(t.type, PROTO_TOKEN_REAL);
    assert_true(t.real == -25.0);
    assert_true(proto_reader_next(&r).boolean);
    t = proto_reader_next(&r);
    assert_true(t.type == PROTO_TOKEN_BOOL && !t.boolean);
    assert_int_equal(proto_reader_next(&r).type, PROTO_TOKEN_NIL);
    assert_int_equal(proto_reader_next(&r).type, PROTO_TOKEN_CLOSE);
    t = proto_reader_next(&r);
    assert_true(proto_token_is(&t, "b\n"));
    assert_false(proto_token_is(&t, "b"));
    assert_false(proto_token_is(&t, "b\nc"));
    assert_int_equal(proto_reader_next(&r).type, PROTO_TOKEN_MAP);
    assert_int_equal(proto_reader_next(&r).type, PROTO_TOKEN_CLOSE);
    assert_int_equal(proto_reader_next(&r).type, PROTO_TOKEN_CLOSE);
    assert_int_equal(proto_reader_next(&r).type, PROTO_TOKEN_END);
    assert_int_equal(r.status, PROTO_OK);
}

static proto_token only_token(const char *json)
{
    proto_reader r;
    start(&r, json);
    const proto_token t = proto_reader_next(&r);
    assert_int_equal(proto_reader_next(&r).type, PROTO_TOKEN_END);
    assert_int_equal(r.status, PROTO_OK);
    return t;
}

static void json_takes_the_bare_words_that_rig_software_writes(void **state)
{
    (void)state;
    assert_true(isnan(only_token("NaN").real));
    assert_true(only_token("Infinity").real == (double)INFINITY);
    assert_true(only_token("-Infinity").real == -(double)INFINITY);
    assert_int_equal(json_status("nan"), PROTO_ERR_SYNTAX);
    assert_int_equal(json_status("-NaN"), PROTO_ERR_SYNTAX);
    assert_int_equal(json_status("Infinit"), PROTO_ERR_TRUNCATED);
    assert_int_equal(json_status("[Infinitx]"), PROTO_ERR_SYNTAX);
}

static void json_integers_are_exact_to_the_last_of_64_bits(void **state)
{
    (void)state;
    assert_true(only_token("9223372036854775807").integer == INT64_MAX);
    assert_true(only_token("-9223372036854775808").integer == INT64_MIN);
    assert_int_equal(only_token("9223372036854775808").type, PROTO_TOKEN_REAL);
    assert_int_equal(only_token("-9223372036854775809").type, PROTO_TOKEN_REAL);
    assert_true(only_token("9223372036854775808").real == 0x1p63);
    assert_true(signbit(only_token("-0").real));
    assert_true(only_token("0").type == PROTO_TOKEN_INT);
    assert_true(only_token("1e400").real == (double)INFINITY);
    assert_true(only_token("1e-400").real == 0.0);
}

static void malformed_json_is_refused(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "{\"a\" 1}",
        "[1}",
        "{\"a\":1]",
        "[01]",
        "[-]",
        "[1.]",
        "[.5]",
        "[1e]",
        "[+1]",
        "[0x10]",
        "[1-]",
        "[\"\\x\"]",
        "['a']",
        "[\"\x01\"]",
        "[\"a\nb\"]",
        "]",
        "[\"\\ud800\"]",
        "[tru]",
        "[\"\\udc00 \"]",
        "[\"\\ud800\\u0041\"]",
        "[\"\\u12g4\"]",
        "[\"\xff\xff\xff\xff\"]",
        "[\"\xc0\x80  \"]",
        "[\"\xed\xa0\x80  \"]",
        "[\"\xf4\x90\x80\x80 \"]",
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        if (json_status(BAD[i]) != PROTO_ERR_SYNTAX) {
            print_error("%s: %s\n", BAD[i], proto_strerror(json_status(BAD[i])));
        }
        assert_int_equal(json_status(BAD[i]), PROTO_ERR_SYNTAX);
    }
    assert_int_equal(json_status("1 2"), PROTO_ERR_TRAILING);
    assert_int_equal(json_status("{}}"), PROTO_ERR_TRAILING);
    assert_int_equal(json_status(""), PROTO_ERR_TRUNCATED);
    assert_int_equal(json_status("  "), PROTO_ERR_TRUNCATED);
    assert_int_equal(json_status("[\"\\u00"), PROTO_ERR_TRUNCATED);
}

static void a_json_number_of_a_thousand_digits_is_refused(void **state)
{
    (void)state;
    char text[1004];
    memset(text, '1', sizeof text);
    text[0] = '[';
    text[1001] = ']';
    text[1002] = '\0';
    assert_int_equal(json_status(text), PROTO_ERR_SYNTAX);
}

static void escapes_are_resolved_with_their_surrogate_pairs(void **state)
{
    (void)state;
    proto_reader r;
    char out[32];
    start(&r, "\"\\u00e9\\u20ac\\ud83d\\udc2d\\\"\\/\\b\"");
    const proto_token t = proto_reader_next(&r);
    assert_int_equal(proto_token_text(&t, out, sizeof out), 12);
    assert_string_equal(out, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xad\"/\b");
    assert_int_equal(proto_token_text(&t, out, 13), 12);
    assert_int_equal(proto_token_text(&t, out, 12), PROTO_ERR_SPACE);
    assert_int_equal(proto_token_text(&t, out, 0), PROTO_ERR_SPACE);
}

static void a_nul_inside_a_text_is_refused_when_it_is_taken(void **state)
{
    (void)state;
    proto_reader r;
    char out[32];
    start(&r, "\"a\\u0000b\"");
    proto_token t = proto_reader_next(&r);
    assert_int_equal(proto_token_text(&t, out, sizeof out), PROTO_ERR_SYNTAX);

    const uint8_t packed[] = {0xa3, 'a', 0, 'b'};
    proto_reader_init(&r, PROTO_FORMAT_MSGPACK, packed, sizeof packed);
    t = proto_reader_next(&r);
    assert_int_equal(proto_token_text(&t, out, sizeof out), PROTO_ERR_SYNTAX);
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(json_status("[[[[[[[[1]]]]]]]]"), PROTO_OK);
    assert_int_equal(json_status("[[[[[[[[[1]]]]]]]]]"), PROTO_ERR_DEPTH);
    assert_int_equal(MSGPACK_STATUS(0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 1), PROTO_OK);
    assert_int_equal(MSGPACK_STATUS(0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 1),
                     PROTO_ERR_DEPTH);
    static uint8_t deep[10000];
    memset(deep, 0x91, sizeof deep);
    assert_int_equal(status_of(PROTO_FORMAT_MSGPACK, deep, sizeof deep), PROTO_ERR_DEPTH);
    memset(deep, '[', sizeof deep);
    assert_int_equal(status_of(PROTO_FORMAT_JSON, deep, sizeof deep), PROTO_ERR_DEPTH);
}

static void a_count_larger_than_the_bytes_left_is_a_lie(void **state)
{
    (void)state;
    assert_int_equal(MSGPACK_STATUS(0xdd, 0x04, 0x00, 0x00, 0x00), PROTO_ERR_TRUNCATED);
    assert_int_equal(MSGPACK_STATUS(0xdd, 0xff, 0xff, 0xff, 0xff, 1, 1, 1), PROTO_ERR_TRUNCATED);
    assert_int_equal(MSGPACK_STATUS(0xdf, 0xff, 0xff, 0xff, 0xff, 1, 1, 1), PROTO_ERR_TRUNCATED);
    assert_int_equal(MSGPACK_STATUS(0xdf, 0x80, 0x00, 0x00, 0x01, 1, 1, 1), PROTO_ERR_TRUNCATED);
    assert_int_equal(MSGPACK_STATUS(0xdc, 0x00, 0x03, 1, 1), PROTO_ERR_TRUNCATED);
    assert_int_equal(MSGPACK_STATUS(0x82, 0xa0, 1, 1), PROTO_ERR_TRUNCATED);
    assert_int_equal(MSGPACK_STATUS(0xdb, 0xff, 0xff, 0xff, 0xff, 'a'), PROTO_ERR_TRUNCATED);
    assert_int_equal(MSGPACK_STATUS(0xc6, 0xff, 0xff, 0xff, 0xff, 'a'), PROTO_ERR_TRUNCATED);
    assert_int_equal(MSGPACK_STATUS(0xc9, 0xff, 0xff, 0xff, 0xff, 'a'), PROTO_ERR_TRUNCATED);
    assert_int_equal(MSGPACK_STATUS(0xc1), PROTO_ERR_SYNTAX);
    assert_int_equal(MSGPACK_STATUS(0xc0, 0xc0), PROTO_ERR_TRAILING);
    assert_int_equal(MSGPACK_STATUS(0xcb, 0, 0, 0, 0, 0, 0, 0), PROTO_ERR_TRUNCATED);
}

static void every_msgpack_number_has_its_value(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[9];
        size_t size;
        int64_t value;
    } INTEGERS[] = {
        {{0x7f}, 1, 127},
        {{0xe0}, 1, -32},
        {{0xff}, 1, -1},
        {{0xcc, 0xff}, 2, 255},
        {{0xcd, 0x01, 0x00}, 3, 256},
        {{0xce, 0xff, 0xff, 0xff, 0xff}, 5, 4294967295},
        {{0xcf, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 9, INT64_MAX},
        {{0xd0, 0x80}, 2, -128},
        {{0xd1, 0x80, 0x00}, 3, -32768},
        {{0xd2, 0x80, 0x00, 0x00, 0x00}, 5, -2147483648LL},
        {{0xd3, 0x80}, 9, INT64_MIN},
        {{0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe}, 9, -2},
    };
    proto_reader r;
    for (size_t i = 0; i < sizeof INTEGERS / sizeof INTEGERS[0]; i++) {
        proto_reader_init(&r, PROTO_FORMAT_MSGPACK, INTEGERS[i].bytes, INTEGERS[i].size);
        const proto_token t = proto_reader_next(&r);
        assert_int_equal(t.type, PROTO_TOKEN_INT);
        assert_true(t.integer == INTEGERS[i].value);
        assert_int_equal(proto_reader_next(&r).type, PROTO_TOKEN_END);
        assert_int_equal(r.status, PROTO_OK);
    }
    const uint8_t single[] = {0xca, 0x3e, 0x80, 0x00, 0x00};
    proto_reader_init(&r, PROTO_FORMAT_MSGPACK, single, sizeof single);
    assert_true(proto_reader_next(&r).real == 0.25);
    const uint8_t huge[] = {0xcf, 0x80, 0, 0, 0, 0, 0, 0, 0};
    proto_reader_init(&r, PROTO_FORMAT_MSGPACK, huge, sizeof huge);
    const proto_token t = proto_reader_next(&r);
    assert_int_equal(t.type, PROTO_TOKEN_REAL);
    assert_true(t.real == 0x1p63);
}

static void extensions_and_bytes_are_one_token(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[20];
        size_t size;
    } VALUES[] = {
        {{0xc4, 2, 1, 2}, 4}, {{0xc5, 0, 1, 1}, 4},    {{0xc6, 0, 0, 0, 1, 9}, 6},
        {{0xc7, 1, 5, 9}, 4}, {{0xc8, 0, 1, 5, 9}, 5}, {{0xc9, 0, 0, 0, 1, 5, 9}, 7},
        {{0xd4, 5, 9}, 3},    {{0xd5, 5, 9, 9}, 4},    {{0xd6, 5, 9, 9, 9, 9}, 6},
        {{0xd7, 5}, 10},      {{0xd8, 5}, 18},
    };
    proto_reader r;
    for (size_t i = 0; i < sizeof VALUES / sizeof VALUES[0]; i++) {
        proto_reader_init(&r, PROTO_FORMAT_MSGPACK, VALUES[i].bytes, VALUES[i].size);
        assert_int_equal(proto_reader_next(&r).type, PROTO_TOKEN_BYTES);
        assert_int_equal(proto_reader_next(&r).type, PROTO_TOKEN_END);
        assert_int_equal(r.status, PROTO_OK);
    }
}

static void a_value_is_skipped_whole(void **state)
{
    (void)state;
    proto_reader r;
    start(&r, "[[1,{\"a\":[2,3]},[]],7]");
    (void)proto_reader_next(&r);
    proto_token t = proto_reader_next(&r);
    proto_reader_skip(&r, &t);
    assert_true(proto_reader_next(&r).integer == 7);

    const uint8_t packed[] = {0x92, 0x82, 0xa1, 'a', 0x91, 0x01, 0xa1, 'b', 0x80, 0x07};
    proto_reader_init(&r, PROTO_FORMAT_MSGPACK, packed, sizeof packed);
    (void)proto_reader_next(&r);
    t = proto_reader_next(&r);
    proto_reader_skip(&r, &t);
    assert_true(proto_reader_next(&r).integer == 7);
    t = proto_reader_next(&r);
    assert_int_equal(t.type, PROTO_TOKEN_CLOSE);
}

static void the_first_error_stays(void **state)
{
    (void)state;
    proto_reader r;
    start(&r, "[1,?]");
    (void)proto_reader_next(&r);
    (void)proto_reader_next(&r);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(proto_reader_next(&r).type, PROTO_TOKEN_END);
        assert_int_equal(r.status, PROTO_ERR_SYNTAX);
        assert_int_equal(r.at, 3);
    }
}

/* strtod() rounds correctly; so does what is read without it. */
static void numbers_of_any_length_are_read_as_strtod_reads_them(void **state)
{
    (void)state;
    uint64_t draw = 1;
    for (int i = 0; i < 200000; i++) {
        char text[64] = "[";
        char *to = text + 1;
        draw = draw * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const int before = 1 + (int)(draw >> 60) / 2;
        const int after = (int)(draw >> 56 & 15);
        *to = '-';
        to += draw >> 55 & 1;
        for (int k = 0; k < before + after; k++) {
            draw = draw * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            const char digit = (char)('0' + (int)(draw >> 40) % 10);
            if (k == before) {
                *to++ = '.';
            }
            *to++ = k == 0 && before > 1 && digit == '0' ? '1' : digit;
        }
        memcpy(to, "]", 2);
        proto_reader r;
        start(&r, text);
        (void)proto_reader_next(&r);
        const proto_token t = proto_reader_next(&r);
        const double expected = strtod(text + 1, NULL);
        assert_true(t.type == PROTO_TOKEN_REAL || t.type == PROTO_TOKEN_INT);
        assert_memory_equal(&t.real, &expected, sizeof expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_any_length_are_read_as_strtod_reads_them),
        cmocka_unit_test(json_becomes_the_tokens_it_spells),
        cmocka_unit_test(json_takes_the_bare_words_that_rig_software_writes),
        cmocka_unit_test(json_integers_are_exact_to_the_last_of_64_bits),
        cmocka_unit_test(malformed_json_is_refused),
        cmocka_unit_test(a_json_number_of_a_thousand_digits_is_refused),
        cmocka_unit_test(escapes_are_resolved_with_their_surrogate_pairs),
        cmocka_unit_test(a_nul_inside_a_text_is_refused_when_it_is_taken),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(a_count_larger_than_the_bytes_left_is_a_lie),
        cmocka_unit_test(every_msgpack_number_has_its_value),
        cmocka_unit_test(extensions_and_bytes_are_one_token),
        cmocka_unit_test(a_value_is_skipped_whole),
        cmocka_unit_test(the_first_error_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
