#include "value.h"

#include <math.h>
#include <string.h>

#include "fault.h"
#include "number.h"
#include "proto/text.h"

static int pass_over(proto_decoder *d, const proto_field *f, const proto_token *t)
{
    if (d->remarks != NULL) {
        proto_remark_value(d->remarks, d->map, f, t);
    }
    return PROTO_VALUE_ABSENT;
}

static int out_of_range(proto_decoder *d, const proto_field *f, const proto_token *t)
{
    return (f->flags & OUTSIDE_IS_NIL) == 0 || d->remarks == NULL
               ? proto_fault_range(d->fault, f, t)
               : pass_over(d, f, t);
}

int proto_value_real(proto_decoder *d, const proto_field *f, const proto_token *t, double *x)
{
    switch (t->type) {
    case PROTO_TOKEN_NIL:
        return PROTO_VALUE_ABSENT;
    case PROTO_TOKEN_INT:
    case PROTO_TOKEN_REAL:
        *x = t->real;
        break;
    case PROTO_TOKEN_BOOL:
        if (f->min == 0.0 && f->max == 1.0) {
            *x = t->boolean ? 1.0 : 0.0;
            break;
        }
        return proto_fault_type(d->fault, "a number", t);
    case PROTO_TOKEN_END:
        return proto_fault_of_reader(d->fault, &d->reader);
    case PROTO_TOKEN_TEXT:
    case PROTO_TOKEN_BYTES:
    case PROTO_TOKEN_MAP:
    case PROTO_TOKEN_ARRAY:
    case PROTO_TOKEN_CLOSE:
        return proto_fault_type(d->fault, "a number", t);
    }
    if (isnan(*x) && (f->flags & NAN_IS_NIL) != 0) {
        return PROTO_VALUE_ABSENT;
    }
    return proto_field_takes_real(f, *x) ? PROTO_VALUE_PRESENT : out_of_range(d, f, t);
}

/* MATLAB sends every number as a double, Python may send True for 1. */
int proto_value_int(proto_decoder *d, const proto_field *f, const proto_token *t, int64_t *x)
{
    const double real = t->real;
    if (t->type == PROTO_TOKEN_INT) {
        *x = t->integer;
    } else if (t->type == PROTO_TOKEN_BOOL && f->int_min == 0 && f->int_max == 1) {
        *x = t->boolean ? 1 : 0;
    } else if (t->type != PROTO_TOKEN_REAL) {
        return proto_fault_type(d->fault, "a whole number", t);
    } else if (real >= -0x1p63 && real < 0x1p63 && real == floor(real)) {
        *x = (int64_t)real;
    } else if (isnan(real) && (f->flags & NAN_IS_NIL) != 0) {
        return (f->flags & SAID) != 0 ? pass_over(d, f, t) : PROTO_VALUE_ABSENT;
    } else {
        return isfinite(real) && real != floor(real) && (f->flags & OUTSIDE_IS_NIL) == 0
                   ? proto_fault_type(d->fault, "a whole number", t)
                   : out_of_range(d, f, t);
    }
    return proto_field_takes_int(f, *x) ? PROTO_VALUE_PRESENT : out_of_range(d, f, t);
}

/* Reads text of at most max bytes into out[max + 1]. */
static int read_text(proto_decoder *d, const proto_token *t, char *out, size_t max)
{
    const int n = proto_token_text(t, out, max + 1);
    if (n >= 0) {
        return n;
    }
    if (n == PROTO_ERR_SPACE) {
        return proto_fault_set(d->fault, PROTO_ERR_RANGE, t->offset,
                               "text of at most %zu bytes was expected", max);
    }
    if (n == PROTO_ERR_TYPE) {
        return proto_fault_type(d->fault, "text", t);
    }
    return proto_fault_set(d->fault, n, t->offset, "UTF-8 text without NUL was expected");
}

int proto_value_text(proto_decoder *d, const proto_token *t, char *out, size_t max)
{
    const int n = read_text(d, t, out, max);
    if (n > 0 && !proto_text_is_clean(out, (size_t)n)) {
        return proto_fault_set(d->fault, PROTO_ERR_RANGE, t->offset,
                               "text without control characters was expected");
    }
    return n;
}

/* Whole numbers are taken as their decimal text: sessions and rigs are often just counted. */
int proto_value_id(proto_decoder *d, const proto_token *t, char *out)
{
    if (t->type == PROTO_TOKEN_INT || t->type == PROTO_TOKEN_REAL) {
        if (!(t->real >= 0.0 && t->real <= 0x1p53 && t->real == floor(t->real))) {
            return proto_fault_type(d->fault, "a name or a whole number from 0 up", t);
        }
        (void)proto_number_write_int((int64_t)t->real, out);
        return PROTO_VALUE_PRESENT;
    }
    const int n = read_text(d, t, out, PROTO_ID_MAX);
    if (n == PROTO_ERR_TYPE) {
        return n;
    }
    if (n >= 0 && proto_id_is_valid(out)) {
        return PROTO_VALUE_PRESENT;
    }
    char shown[FAULT_SHOWN_MAX + 4];
    return proto_fault_set(d->fault, PROTO_ERR_RANGE, t->offset,
                           "\"%s\" is not a name: 1 to 64 of A-Z a-z 0-9 . _ - were expected",
                           proto_fault_shown(shown, (const char *)t->text, t->text_size));
}

/* A lone number is an array of one: so MATLAB writes it. */
int proto_value_reals(proto_decoder *d, const proto_field *f, const proto_token *t, uint32_t *n,
                      double v[])
{
    if (t->type != PROTO_TOKEN_ARRAY) {
        if (t->type != PROTO_TOKEN_INT && t->type != PROTO_TOKEN_REAL) {
            return proto_fault_type(d->fault, "an array of numbers", t);
        }
        const int rc = proto_value_real(d, f, t, &v[0]);
        *n = rc == PROTO_VALUE_PRESENT ? 1 : 0;
        return rc;
    }
    for (;;) {
        const proto_token item = proto_reader_next(&d->reader);
        if (item.type == PROTO_TOKEN_CLOSE) {
            return PROTO_VALUE_PRESENT;
        }
        if (*n == f->capacity && item.type != PROTO_TOKEN_END) {
            return proto_fault_many(d->fault, f, &item);
        }
        double x = 0.0;
        int rc = proto_value_real(d, f, &item, &x);
        if (rc == PROTO_VALUE_ABSENT) {
            rc = proto_fault_type(d->fault, "a number", &item);
        }
        if (rc < 0) {
            proto_fault_under(d->fault, "", 0, *n);
            return rc;
        }
        v[*n] = x;
        ++*n;
    }
}

static bool is_named(const proto_named v[], uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(v[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static int read_name(proto_decoder *d, const proto_token *key, const proto_named v[], uint32_t n,
                     char name[PROTO_NAME_MAX + 1])
{
    if (key->type == PROTO_TOKEN_END) {
        return proto_fault_of_reader(d->fault, &d->reader);
    }
    const int rc = proto_value_text(d, key, name, PROTO_NAME_MAX);
    if (rc == 0) {
        return proto_fault_set(d->fault, PROTO_ERR_RANGE, key->offset, "a name was expected");
    }
    if (rc > 0 && is_named(v, n, name)) {
        return proto_fault_set(d->fault, PROTO_ERR_SYNTAX, key->offset, "the name is there twice");
    }
    return rc;
}

int proto_value_named(proto_decoder *d, const proto_field *f, const proto_token *t, uint32_t *n,
                      proto_named v[])
{
    if (t->type != PROTO_TOKEN_MAP) {
        return proto_fault_type(d->fault, "a map of names to numbers", t);
    }
    for (;;) {
        char name[PROTO_NAME_MAX + 1];
        const proto_token key = proto_reader_next(&d->reader);
        if (key.type == PROTO_TOKEN_CLOSE) {
            return PROTO_VALUE_PRESENT;
        }
        int rc = read_name(d, &key, v, *n, name);
        if (rc < 0) {
            return rc;
        }
        const proto_token item = proto_reader_next(&d->reader);
        double x = 0.0;
        rc = proto_value_real(d, f, &item, &x);
        if (rc == PROTO_VALUE_PRESENT && *n == f->capacity) {
            return proto_fault_many(d->fault, f, &key);
        }
        if (rc < 0) {
            proto_fault_under(d->fault, name, strlen(name), 0);
            return rc;
        }
        if (rc == PROTO_VALUE_PRESENT) {
            memcpy(v[*n].name, name, strlen(name) + 1);
            v[*n].value = x;
            ++*n;
        }
    }
}
