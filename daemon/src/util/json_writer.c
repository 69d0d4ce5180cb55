#include "json_writer.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>

static void put_string(FILE *to, const char *text)
{
    fputc('"', to);
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c < 0x20) {
            fprintf(to, "\\u%04x", (unsigned)c);
            continue;
        }
        if (c == '"' || c == '\\') {
            fputc('\\', to);
        }
        fputc(c, to);
    }
    fputc('"', to);
}

/* What stands before a value. */
static void put_key(struct json_writer *w, const char *key)
{
    const uint32_t here = UINT32_C(1) << w->depth;
    const bool is_next = (w->has_item & here) != 0;
    if (w->starts_line) {
        fprintf(w->to, "%s\n%*s", is_next ? "," : "", w->indent, "");
    } else if (is_next) {
        fputs(w->is_compact ? "," : ", ", w->to);
    }
    w->starts_line = false;
    w->has_item |= here;
    if (key != NULL) {
        put_string(w->to, key);
        fputs(w->is_compact ? ":" : ": ", w->to);
    }
}

static void open_level(struct json_writer *w, const char *key, bool is_array)
{
    put_key(w, key);
    assert(w->depth < 31);
    const uint32_t inside = UINT32_C(1) << ++w->depth;
    w->has_item &= ~inside;
    w->is_array = is_array ? w->is_array | inside : w->is_array & ~inside;
    fputc(is_array ? '[' : '{', w->to);
}

void json_object(struct json_writer *w, const char *key)
{
    open_level(w, key, false);
}

void json_array(struct json_writer *w, const char *key)
{
    open_level(w, key, true);
}

void json_end(struct json_writer *w)
{
    assert(w->depth > 0);
    fputc((w->is_array >> w->depth & 1U) != 0 ? ']' : '}', w->to);
    if (--w->depth == 0 && !w->is_compact) {
        fputc('\n', w->to);
    }
}

void json_line(struct json_writer *w, int indent)
{
    w->starts_line = true;
    w->indent = indent;
}

void json_text(struct json_writer *w, const char *key, const char *text)
{
    put_key(w, key);
    if (text != NULL) {
        put_string(w->to, text);
    } else {
        fputs("null", w->to);
    }
}

void json_bool(struct json_writer *w, const char *key, bool value)
{
    put_key(w, key);
    fputs(value ? "true" : "false", w->to);
}

void json_int(struct json_writer *w, const char *key, int64_t value)
{
    put_key(w, key);
    fprintf(w->to, "%" PRId64, value);
}

void json_real(struct json_writer *w, const char *key, double value)
{
    json_digits(w, key, 10, value);
}

void json_digits(struct json_writer *w, const char *key, int digits, double value)
{
    if (isfinite(value)) {
        put_key(w, key);
        fprintf(w->to, "%.*g", digits, value);
    } else {
        json_text(w, key, NULL);
    }
}

void json_int_members(struct json_writer *w, const struct json_int_member list[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        json_int(w, list[i].key, list[i].value);
    }
}

void json_real_members(struct json_writer *w, const struct json_real_member list[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        json_real(w, list[i].key, list[i].value);
    }
}

void json_reals(struct json_writer *w, const char *key, int digits, const double values[], size_t n)
{
    json_array(w, key);
    for (size_t i = 0; i < n; i++) {
        json_digits(w, NULL, digits, values[i]);
    }
    json_end(w);
}
