/* proto_tables: prints the tables of docs/protocol.md section 2, made from the same lists as the
 * code. tests/integration/test_protocol_doc.py compares the two. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "number.h"
#include "schema.h"

static const char *type_of(const proto_field *f, char out[96])
{
    switch ((proto_field_type)f->type) {
    case PROTO_FIELD_INT:
        return "integer";
    case PROTO_FIELD_REAL:
        return "number";
    case PROTO_FIELD_ID:
        return "name";
    case PROTO_FIELD_TEXT:
        (void)snprintf(out, 96, "text, %u bytes", (unsigned)f->capacity);
        return out;
    case PROTO_FIELD_REALS:
        (void)snprintf(out, 96, "array of up to %u numbers", (unsigned)f->capacity);
        return out;
    case PROTO_FIELD_NAMED:
        (void)snprintf(out, 96, "map of up to %u names to numbers", (unsigned)f->capacity);
        return out;
    case PROTO_FIELD_NEST:
        (void)snprintf(out, 96, "map `%s`", f->sub->name);
        return out;
    case PROTO_FIELD_LIST:
        (void)snprintf(out, 96, "array of up to %u maps `%s`", (unsigned)f->capacity, f->sub->name);
        return out;
    }
    return "";
}

static const char *number(double x, char out[NUMBER_TEXT_MAX])
{
    (void)proto_number_write(x, out);
    return out;
}

static const char *range_of(const proto_field *f, char out[96])
{
    char lo[NUMBER_TEXT_MAX];
    char hi[NUMBER_TEXT_MAX];
    out[0] = '\0';
    if (f->type == PROTO_FIELD_INT) {
        (void)proto_number_write_int(f->int_min, lo);
        (void)proto_number_write_int(f->int_max, hi);
        (void)snprintf(out, 96, f->int_max == INT64_MAX ? "%s and up" : "%s to %s", lo, hi);
    } else if ((f->type == PROTO_FIELD_REAL || f->type == PROTO_FIELD_REALS ||
                f->type == PROTO_FIELD_NAMED) &&
               isfinite(f->min)) {
        if (isfinite(f->max)) {
            (void)snprintf(out, 96, "%s to %s", number(f->min, lo), number(f->max, hi));
        } else {
            (void)snprintf(out, 96, "%s and up", number(f->min, lo));
        }
    }
    return out;
}

static const char *must_of(const proto_field *f)
{
    if ((f->flags & SAID) != 0) {
        return " **(required, may be nil)**";
    }
    return (f->flags & REQUIRED) != 0 ? " **(required)**" : "";
}

/* Which numbers say nothing. */
static const char *nil_of(const proto_field *f)
{
    if ((f->flags & OUTSIDE_IS_NIL) != 0) {
        return ", else nil";
    }
    return (f->flags & NAN_IS_NIL) != 0 ? ", NaN is nil" : "";
}

static void print_fields(const proto_schema *s)
{
    printf("| key | type | range | unit | meaning |\n|---|---|---|---|---|\n");
    for (uint32_t i = 0; i < s->n_fields; i++) {
        const proto_field *f = &s->fields[i];
        char type[96];
        char range[96];
        printf("| `%s`%s | %s%s | %s | %s | %s |\n", f->key, must_of(f), type_of(f, type),
               nil_of(f), range_of(f, range), f->unit != NULL ? f->unit : "", f->help);
    }
    printf("\n");
}

static void print_needs(const proto_schema *s)
{
    const proto_schema *envelope = &proto_schemas[SCHEMA_envelope];
    const char *before = "Must carry ";
    for (uint32_t i = 0; i < envelope->n_fields; i++) {
        if ((s->needs >> i & 1) != 0) {
            printf("%s`%s`", before, envelope->fields[i].key);
            before = ", ";
        }
    }
    printf(s->needs != 0 ? ".\n\n" : "");
}

static void print_schema(const proto_schema *s)
{
    if (s->kind != 0) {
        printf("### `%s` (%d)\n\n", s->name, s->kind);
    } else {
        printf("### Map `%s`\n\n", s->name);
    }
    printf("%c%s.\n\n", toupper((unsigned char)s->help[0]), s->help + 1);
    print_needs(s);
    print_fields(s);
}

static void print_code(const char *code, const char *help)
{
    printf("| `%s` | %s |\n", code, help);
}

int main(void)
{
    print_schema(&proto_schemas[SCHEMA_envelope]);
    for (size_t i = 0; i < SCHEMA_COUNT; i++) {
        if (proto_schemas[i].kind != 0) {
            print_schema(&proto_schemas[i]);
        }
    }
    for (size_t i = 0; i < SCHEMA_COUNT; i++) {
        if (proto_schemas[i].kind == 0 && i != SCHEMA_envelope) {
            print_schema(&proto_schemas[i]);
        }
    }
    printf("### Codes of `error`\n\n| code | meaning |\n|---|---|\n");
#define ERROR(NAME, code, help) print_code(#code, help);
#include "proto/errors.def"
#undef ERROR
    printf("\n### Codes of `alert`\n\n| code | meaning |\n|---|---|\n");
#define ALERT(NAME, code, help) print_code(#code, help);
#include "proto/alerts.def"
#undef ALERT
    return 0;
}
