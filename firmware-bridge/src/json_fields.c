#include "bridge/json_fields.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { KEYS_MAX = 256 };

struct reading {
    const struct bridge_json_field *list;
    size_t n;
    char *base;
    proto_reader reader;
    char path[KEYS_MAX];
    struct bridge_json_fault *fault;
};

static int fail(struct reading *r, size_t byte, const char *expected, const char *found)
{
    r->fault->byte = byte;
    r->fault->expected = expected;
    (void)snprintf(r->fault->found, sizeof r->fault->found, "%s", found);
    return -1;
}

static int fail_value(struct reading *r, const proto_token *t, const struct bridge_json_field *f)
{
    static const char *const TYPES[] = {
        [PROTO_TOKEN_BOOL] = "true or false", [PROTO_TOKEN_INT] = "a number",
        [PROTO_TOKEN_REAL] = "a number",      [PROTO_TOKEN_TEXT] = "a text",
        [PROTO_TOKEN_MAP] = "an object",      [PROTO_TOKEN_ARRAY] = "a list"};
    const size_t n_types = sizeof TYPES / sizeof TYPES[0];
    const char *type =
        (size_t)t->type < n_types && TYPES[t->type] != NULL ? TYPES[t->type] : "no value";
    char found[160];
    (void)snprintf(found, sizeof found, "\"%s\" is %s", f->path, type);
    return fail(r, t->offset, f->expected, found);
}

static int fail_syntax(struct reading *r)
{
    char found[80];
    (void)snprintf(found, sizeof found, "the JSON is %s",
                   r->reader.status == PROTO_ERR_TRUNCATED ? "not complete"
                   : r->reader.status == PROTO_ERR_DEPTH   ? "nested too deeply"
                                                           : "not well formed");
    return fail(r, r->reader.at, "a JSON object", found);
}

/* ---- values ---------------------------------------------------------------------------------- */

static int put_text(struct reading *r, const proto_token *t, const struct bridge_json_field *f)
{
    char *to = r->base + f->offset;
    if (t->type == PROTO_TOKEN_INT) {
        (void)snprintf(to, f->cap, "%" PRId64, t->integer);
        return 0;
    }
    if (t->type != PROTO_TOKEN_TEXT || proto_token_text(t, to, f->cap) < 0) {
        to[0] = '\0';
        return fail_value(r, t, f);
    }
    return 0;
}

/* The first and last number of an array, whose token was read, and of those in it. */
static int put_span(struct reading *r, const proto_token *first, const struct bridge_json_field *f)
{
    double span[2];
    uint32_t depth = 1;
    bool is_any = false;
    if (first->type != PROTO_TOKEN_ARRAY) {
        return fail_value(r, first, f);
    }
    while (depth > 0) {
        const proto_token t = proto_reader_next(&r->reader);
        if (t.type == PROTO_TOKEN_ARRAY) {
            depth++;
        } else if (t.type == PROTO_TOKEN_CLOSE) {
            depth--;
        } else if (t.type == PROTO_TOKEN_INT || t.type == PROTO_TOKEN_REAL) {
            span[0] = is_any ? span[0] : t.real;
            span[1] = t.real;
            is_any = true;
        } else {
            return t.type == PROTO_TOKEN_END ? fail_syntax(r) : fail_value(r, &t, f);
        }
    }
    if (is_any) {
        memcpy(r->base + f->offset, span, sizeof span);
    }
    return 0;
}

static int put_truth(struct reading *r, const proto_token *t, const struct bridge_json_field *f)
{
    const bool is_number = t->type == PROTO_TOKEN_INT || t->type == PROTO_TOKEN_REAL;
    const bool is_one = is_number && t->real >= 1.0 && t->real <= 1.0;
    const bool is_zero = is_number && t->real >= 0.0 && t->real <= 0.0;
    if (t->type != PROTO_TOKEN_BOOL && !is_one && !is_zero) {
        return fail_value(r, t, f);
    }
    r->base[f->offset] = (char)(t->type == PROTO_TOKEN_BOOL ? t->boolean : is_one);
    return 0;
}

static int put(struct reading *r, const proto_token *t, const struct bridge_json_field *f)
{
    if (t->type == PROTO_TOKEN_NIL || (t->type == PROTO_TOKEN_REAL && isnan(t->real))) {
        return 0;
    }
    switch (f->kind) {
    case BRIDGE_JSON_TEXT:
        return put_text(r, t, f);
    case BRIDGE_JSON_SPAN:
        return put_span(r, t, f);
    case BRIDGE_JSON_TRUTH:
        return put_truth(r, t, f);
    case BRIDGE_JSON_NUMBER:
        break;
    }
    if (t->type != PROTO_TOKEN_INT && t->type != PROTO_TOKEN_REAL) {
        return fail_value(r, t, f);
    }
    memcpy(r->base + f->offset, &t->real, sizeof t->real);
    return 0;
}

/* ---- objects --------------------------------------------------------------------------------- */

/* The field at r->path, NULL none; *is_above: some are below it. */
static const struct bridge_json_field *field_of(const struct reading *r, bool *is_above)
{
    const struct bridge_json_field *found = NULL;
    const size_t size = strlen(r->path);
    *is_above = false;
    for (size_t i = 0; i < r->n; i++) {
        if (strncmp(r->list[i].path, r->path, size) == 0) {
            found = r->list[i].path[size] == '\0' ? &r->list[i] : found;
            *is_above = *is_above || r->list[i].path[size] == '/';
        }
    }
    return found;
}

/* Adds a key to the path; false: it is of no field. */
static bool go_down(struct reading *r, size_t size, const proto_token *key)
{
    size_t at = size;
    if (at > 0) {
        r->path[at++] = '/';
    }
    const int n = proto_token_text(key, r->path + at, sizeof r->path - at);
    return n > 0 && strchr(r->path + at, '/') == NULL;
}

/* The object whose first token was read; fields are at most PROTO_DEPTH_MAX deep. */
static int read_object(struct reading *r)
{
    const size_t size = strlen(r->path);
    for (;;) {
        const proto_token key = proto_reader_next(&r->reader);
        if (key.type == PROTO_TOKEN_CLOSE) {
            return 0;
        }
        const bool is_key =
            key.type == PROTO_TOKEN_TEXT && size + 2 < sizeof r->path && go_down(r, size, &key);
        const proto_token value = proto_reader_next(&r->reader);
        bool is_above = false;
        const struct bridge_json_field *f = is_key ? field_of(r, &is_above) : NULL;
        int rc = 0;
        if (value.type == PROTO_TOKEN_END) {
            return fail_syntax(r);
        }
        if (is_above && value.type == PROTO_TOKEN_MAP) {
            rc = read_object(r);
        } else if (f != NULL) {
            rc = put(r, &value, f);
        } else {
            proto_reader_skip(&r->reader, &value);
        }
        if (rc != 0) {
            return rc;
        }
        r->path[size] = '\0';
    }
}

int bridge_json_fields_read(const struct bridge_json_field *list, size_t n, void *base,
                            const uint8_t *bytes, size_t size, struct bridge_json_fault *fault)
{
    struct reading r = {.list = list, .n = n, .base = base, .fault = fault};
    proto_reader_init(&r.reader, PROTO_FORMAT_JSON, bytes, size);
    const proto_token first = proto_reader_next(&r.reader);
    if (first.type != PROTO_TOKEN_MAP) {
        return fail_syntax(&r);
    }
    const int rc = read_object(&r);
    if (rc != 0) {
        return rc;
    }
    return proto_reader_next(&r.reader).type == PROTO_TOKEN_END && r.reader.status == PROTO_OK
               ? 0
               : fail_syntax(&r);
}
