#include "fault.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "number.h"

int proto_fault_set(proto_fault *fault, int status, size_t offset, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(fault->text, sizeof fault->text, format, args);
    va_end(args);
    fault->status = status;
    fault->offset = offset;
    fault->n_passed = 0;
    fault->key[0] = '\0';
    return status;
}

int proto_fault_of_reader(proto_fault *fault, const proto_reader *r)
{
    assert(r->status != PROTO_OK);
    return proto_fault_set(fault, r->status, r->at, "%s: byte %zu of %zu of what was read as %s",
                           proto_strerror(r->status), r->at, r->size,
                           r->format == PROTO_FORMAT_JSON ? "JSON" : "msgpack");
}

const char *proto_fault_shown(char out[FAULT_SHOWN_MAX + 4], const char *s, size_t n)
{
    const size_t shown = n < FAULT_SHOWN_MAX ? n : FAULT_SHOWN_MAX;
    for (size_t i = 0; i < shown; i++) {
        out[i] = s[i] < 0x20 || s[i] > 0x7e ? '?' : s[i];
    }
    (void)strcpy(out + shown, n > shown ? "..." : "");
    return out;
}

int proto_fault_type(proto_fault *fault, const char *expected, const proto_token *found)
{
    static const char *const NAMES[] = {
        [PROTO_TOKEN_END] = "the end",    [PROTO_TOKEN_NIL] = "nil",
        [PROTO_TOKEN_BOOL] = "a boolean", [PROTO_TOKEN_INT] = "a whole number",
        [PROTO_TOKEN_REAL] = "a number",  [PROTO_TOKEN_TEXT] = "text",
        [PROTO_TOKEN_BYTES] = "bytes",    [PROTO_TOKEN_MAP] = "a map",
        [PROTO_TOKEN_ARRAY] = "an array", [PROTO_TOKEN_CLOSE] = "the end of a map or array",
    };
    _Static_assert(sizeof NAMES / sizeof NAMES[0] == PROTO_TOKEN_CLOSE + 1, "a name for each");
    return proto_fault_set(fault, PROTO_ERR_TYPE, found->offset, "%s was expected, not %s",
                           expected, NAMES[found->type]);
}

static void write_number(double x, char out[NUMBER_TEXT_MAX])
{
    if (isfinite(x)) {
        (void)proto_number_write(x, out);
    } else {
        (void)strcpy(out, isnan(x) ? "NaN" : x > 0.0 ? "Infinity" : "-Infinity");
    }
}

static void write_range(const proto_field *f, char *out, size_t cap)
{
    char lo[NUMBER_TEXT_MAX];
    char hi[NUMBER_TEXT_MAX];
    bool has_hi = isfinite(f->max);
    if (f->type == PROTO_FIELD_INT) {
        has_hi = f->int_max < INT64_MAX;
        (void)proto_number_write_int(f->int_min, lo);
        (void)proto_number_write_int(f->int_max, hi);
    } else {
        write_number(f->min, lo);
        write_number(f->max, hi);
    }
    if (f->type != PROTO_FIELD_INT && !isfinite(f->min)) {
        (void)snprintf(out, cap, "not a finite number");
    } else if (!has_hi) {
        (void)snprintf(out, cap, "not a number from %s up", lo);
    } else {
        (void)snprintf(out, cap, "outside %s..%s", lo, hi);
    }
}

int proto_fault_range(proto_fault *fault, const proto_field *f, const proto_token *found)
{
    char number[NUMBER_TEXT_MAX];
    char range[NUMBER_TEXT_MAX * 3];
    if (found->type == PROTO_TOKEN_INT) {
        (void)proto_number_write_int(found->integer, number);
    } else {
        write_number(found->real, number);
    }
    write_range(f, range, sizeof range);
    const bool is_percent = strcmp(f->unit, "fraction") == 0 && fabs(found->real) <= 100.0;
    return proto_fault_set(fault, PROTO_ERR_RANGE, found->offset, "%s is %s%s%s (%s)%s", number,
                           range, f->unit[0] != '\0' ? " " : "", f->unit, f->help,
                           is_percent ? ": it looks like percent" : "");
}

void proto_fault_under(proto_fault *fault, const char *key, size_t n, uint32_t i)
{
    char path[sizeof fault->key + FAULT_SHOWN_MAX + 16];
    char shown[FAULT_SHOWN_MAX + 4];
    if (n == 0) {
        (void)snprintf(shown, sizeof shown, "[%u]", (unsigned)i);
    } else {
        (void)proto_fault_shown(shown, key, n);
    }
    const bool needs_dot = fault->key[0] != '\0' && fault->key[0] != '[';
    (void)snprintf(path, sizeof path, "%s%s%s", shown, needs_dot ? "." : "", fault->key);
    path[sizeof fault->key - 1] = '\0';
    memcpy(fault->key, path, sizeof fault->key);
}

int proto_fault_many(proto_fault *fault, const proto_field *f, const proto_token *t)
{
    return proto_fault_set(fault, PROTO_ERR_RANGE, t->offset, "at most %u values were expected",
                           (unsigned)f->capacity);
}
