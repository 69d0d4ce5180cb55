/* daemon/text_escape.h. */
#include <math.h>
#include <string.h>

#include "suite.h"
#include "text_escape.h"

static void check_clean(const char *text, const char *expected)
{
    char out[64];
    text_escape_clean(out, sizeof out, text);
    assert_string_equal(out, expected);
}

static void keeps_text_of_any_script(void **state)
{
    (void)state;
    check_clean("rig 1: µs – 鼠 \xf0\x9f\x90\xad", "rig 1: µs – 鼠 \xf0\x9f\x90\xad");
}

static void replaces_what_could_steer_a_terminal(void **state)
{
    (void)state;
    check_clean("a\x1b[2Jb\nc\x7f", "a?[2Jb?c?");
    check_clean("\xc2\x9b", "??"); /* U+009B, the eight-bit CSI */
}

static void replaces_bytes_that_are_not_utf8(void **state)
{
    (void)state;
    check_clean("\xff\xfe", "??");
    check_clean("\xc0\xaf", "??");      /* an overlong '/' */
    check_clean("\xed\xa0\x80", "???"); /* a surrogate */
    check_clean("\xf4\x90\x80\x80", "????");
    check_clean("a\xe2\x82", "a??"); /* cut off */
}

static void cuts_between_characters(void **state)
{
    char out[5];
    (void)state;
    text_escape_clean(out, sizeof out, "abcé");
    assert_string_equal(out, "abc");
    text_escape_clean(out, sizeof out, "abcd");
    assert_string_equal(out, "abcd");
}

static void check_quoted(size_t cap, const char *text, size_t size, const char *expected)
{
    char out[64];
    memset(out, '#', sizeof out);
    assert_ptr_equal(text_escape_quote(out, cap, text, size), out);
    assert_string_equal(out, expected);
    assert_true(strlen(out) < cap);
    assert_int_equal(out[cap], '#');
}

static void a_quoted_text_shows_what_cannot_be_seen_as_an_escape(void **state)
{
    (void)state;
    check_quoted(60, "a\tb\r\n", 5, "a\\tb\\r\\n");
    check_quoted(60, "\x01\x1b[2J\x7f", 6, "\\x01\\x1b[2J\\x7f");
    check_quoted(60, "a\0b", 3, "a\\x00b");
    check_quoted(60, "say \"a\\b\"", 9, "say \\\"a\\\\b\\\"");
    check_quoted(60, "\xc2\x9b", 2, "\\xc2\\x9b"); /* U+009B, the eight-bit CSI */
    check_quoted(60, "0,5\xff", 4, "0,5\\xff");
    check_quoted(60, "µ 鼠", strlen("µ 鼠"), "µ 鼠");
    check_quoted(60, "µ", 1, "\\xc2"); /* only the first of its bytes */
    check_quoted(60, "", 0, "");
}

static void a_quoted_text_is_cut_after_a_whole_character_or_escape(void **state)
{
    (void)state;
    check_quoted(8, "abcdefg", 7, "abcdefg");
    check_quoted(8, "abcdefgh", 8, "abcd...");
    check_quoted(8, "abc\x01\x01", 5, "abc...");
    check_quoted(8, "abcéfgh", strlen("abcéfgh"), "abc...");
    check_quoted(8, "\x01\x01\x01", 3, "\\x01...");
    for (size_t cap = 8; cap < 40; cap++) {
        char out[64];
        (void)text_escape_quote(out, cap, "\x01é\"鼠\t\xff\xf0\x9f\x90\xad....................",
                                33);
        assert_true(strlen(out) < cap);
    }
}

static void check_written(void (*write)(FILE *to, const char *text), const char *text,
                          const char *expected)
{
    char *out = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&out, &size);
    assert_non_null(to);
    write(to, text);
    fclose(to);
    assert_string_equal(out, expected);
    free(out);
}

static void nothing_in_a_text_is_markup(void **state)
{
    (void)state;
    check_written(text_escape_html, "<b class=\"x\" id='y'>&amp;",
                  "&lt;b class=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_text_of_any_script),
        cmocka_unit_test(replaces_what_could_steer_a_terminal),
        cmocka_unit_test(replaces_bytes_that_are_not_utf8),
        cmocka_unit_test(cuts_between_characters),
        cmocka_unit_test(a_quoted_text_shows_what_cannot_be_seen_as_an_escape),
        cmocka_unit_test(a_quoted_text_is_cut_after_a_whole_character_or_escape),
        cmocka_unit_test(nothing_in_a_text_is_markup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
