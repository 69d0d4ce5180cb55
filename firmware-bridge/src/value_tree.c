#include "bridge/value_tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PATH_MAX_BYTES = 256, TEXT_VALUE_MAX = 4 * BRIDGE_VALUE_MAX };

struct tree {
    proto_reader reader;
    const struct bridge_trial_fields *fields;
    struct bridge_values *values;
    uint64_t *slots;
    struct bridge_value_tree_fault *fault;
    char path[PATH_MAX_BYTES];
};

static int fail(struct tree *t, size_t byte, const char *expected, const char *what)
{
    t->fault->byte = byte;
    t->fault->expected = expected;
    (void)snprintf(t->fault->found, sizeof t->fault->found, "%.100s%s%s", t->path,
                   t->path[0] != '\0' ? " " : "", what);
    return -1;
}

static int fail_syntax(struct tree *t)
{
    const int status = t->reader.status;
    t->path[0] = '\0';
    return fail(t, t->reader.at, "a map of keys and values, as JSON or msgpack",
                status == PROTO_ERR_TRUNCATED ? "it is not complete"
                : status == PROTO_ERR_DEPTH   ? "it is nested too deeply"
                                              : "it is not well formed");
}

/* Puts the value whose token was read. */
static int put(struct tree *t, const proto_token *token)
{
    const uint64_t slots = bridge_trial_fields_slots(t->fields, t->path, strlen(t->path));
    char text[TEXT_VALUE_MAX];
    int size = 0;
    if (slots == 0) {
        return 0;
    }
    *t->slots |= slots;
    if (token->type == PROTO_TOKEN_TEXT) {
        size = proto_token_text(token, text, sizeof text);
    } else if (token->type == PROTO_TOKEN_INT) {
        size = snprintf(text, sizeof text, "%" PRId64, token->integer);
    } else if (token->type == PROTO_TOKEN_REAL) {
        size = snprintf(text, sizeof text, "%.17g", token->real);
    } else if (token->type == PROTO_TOKEN_BOOL) {
        size = snprintf(text, sizeof text, "%s", token->boolean ? "true" : "false");
    } else if (token->type == PROTO_TOKEN_BYTES) {
        return fail(t, token->offset, "a text, a number, true or false", "is bytes");
    }
    return size >= 0 && bridge_values_put(t->values, slots, text, (size_t)size)
               ? 0
               : fail(t, token->offset, "at most 127 bytes of UTF-8", "is too long a text");
}

/* Adds a name to the path; false: no field is so deep. */
static bool go_down(struct tree *t, size_t size, const char *name, size_t name_size)
{
    const size_t dot = size > 0 ? 1 : 0;
    if (size + dot + name_size >= sizeof t->path) {
        return false;
    }
    memcpy(t->path + size, ".", dot);
    memcpy(t->path + size + dot, name, name_size);
    t->path[size + dot + name_size] = '\0';
    return true;
}

static int read_value(struct tree *t, const proto_token *first);

static int read_list(struct tree *t)
{
    const size_t size = strlen(t->path);
    for (int64_t i = 0;; i++) {
        const proto_token value = proto_reader_next(&t->reader);
        char name[24];
        const int n = snprintf(name, sizeof name, "%" PRId64, i);
        if (value.type == PROTO_TOKEN_CLOSE) {
            return 0;
        }
        if (value.type == PROTO_TOKEN_END) {
            return fail_syntax(t);
        }
        const int rc = go_down(t, size, name, (size_t)n)
                           ? read_value(t, &value)
                           : (proto_reader_skip(&t->reader, &value), 0);
        t->path[size] = '\0';
        if (rc != 0) {
            return rc;
        }
    }
}

static int read_map(struct tree *t)
{
    const size_t size = strlen(t->path);
    for (;;) {
        const proto_token key = proto_reader_next(&t->reader);
        char name[PATH_MAX_BYTES];
        if (key.type == PROTO_TOKEN_CLOSE) {
            return 0;
        }
        const int n = key.type == PROTO_TOKEN_TEXT ? proto_token_text(&key, name, sizeof name) : -1;
        const proto_token value = proto_reader_next(&t->reader);
        if (value.type == PROTO_TOKEN_END) {
            return fail_syntax(t);
        }
        const int rc = n >= 0 && go_down(t, size, name, (size_t)n)
                           ? read_value(t, &value)
                           : (proto_reader_skip(&t->reader, &value), 0);
        t->path[size] = '\0';
        if (rc != 0) {
            return rc;
        }
    }
}

/* Does the mapping name the path? */
static bool is_stated(const struct tree *t)
{
    const uint64_t slots = bridge_trial_fields_slots(t->fields, t->path, strlen(t->path));
    return (slots & bridge_trial_fields_stated(t->fields)) != 0;
}

/* At most PROTO_DEPTH_MAX deep. */
static int read_value(struct tree *t, const proto_token *first)
{
    const bool is_list = first->type == PROTO_TOKEN_ARRAY;
    if ((is_list || first->type == PROTO_TOKEN_MAP) && is_stated(t)) {
        return fail(t, first->offset, "the path of one value in it, as KEY.0 or KEY.NAME",
                    is_list ? "is a list" : "is a map");
    }
    return first->type == PROTO_TOKEN_MAP     ? read_map(t)
           : first->type == PROTO_TOKEN_ARRAY ? read_list(t)
                                              : put(t, first);
}

int bridge_value_tree_read(proto_format format, const uint8_t *bytes, size_t size,
                           const struct bridge_trial_fields *fields, struct bridge_values *values,
                           uint64_t *slots, struct bridge_value_tree_fault *fault)
{
    struct tree t = {.fields = fields, .values = values, .slots = slots, .fault = fault};
    proto_reader_init(&t.reader, format, bytes, size);
    *slots = 0;
    const proto_token first = proto_reader_next(&t.reader);
    if (first.type != PROTO_TOKEN_MAP) {
        return fail_syntax(&t);
    }
    if (read_map(&t) != 0) {
        return -1;
    }
    return proto_reader_next(&t.reader).type == PROTO_TOKEN_END && t.reader.status == PROTO_OK
               ? 0
               : fail_syntax(&t);
}
