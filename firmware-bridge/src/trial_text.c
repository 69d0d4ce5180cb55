#include "bridge/trial_text.h"

#include <string.h>

#include "proto/reader.h"

#define TOO_LONG "the value of a column is a list, an object or longer than 63 bytes"

/* A value of JSON as it stands there; -1: it is none of the kind. */
static int value_text(const proto_reader *r, const proto_token *value,
                      char out[BRIDGE_TRIAL_VALUE_MAX])
{
    const size_t size = r->at - value->offset;
    switch (value->type) {
    case PROTO_TOKEN_TEXT:
        return proto_token_text(value, out, BRIDGE_TRIAL_VALUE_MAX);
    case PROTO_TOKEN_NIL:
        return 0;
    case PROTO_TOKEN_BOOL:
    case PROTO_TOKEN_INT:
    case PROTO_TOKEN_REAL:
        if (size >= BRIDGE_TRIAL_VALUE_MAX) {
            return -1;
        }
        memcpy(out, r->bytes + value->offset, size);
        return (int)size;
    case PROTO_TOKEN_END:
    case PROTO_TOKEN_BYTES:
    case PROTO_TOKEN_MAP:
    case PROTO_TOKEN_ARRAY:
    case PROTO_TOKEN_CLOSE:
        break;
    }
    return -1;
}

static const char *read_json(struct bridge_trial_values *v, const struct bridge_trial_map *map,
                             struct bridge_text text, size_t *byte)
{
    proto_reader r;
    proto_reader_init(&r, PROTO_FORMAT_JSON, (const uint8_t *)text.at, text.size);
    (void)proto_reader_next(&r);
    proto_token key = proto_reader_next(&r);
    for (; key.type == PROTO_TOKEN_TEXT; key = proto_reader_next(&r)) {
        char out[BRIDGE_TRIAL_VALUE_MAX];
        const proto_token value = proto_reader_next(&r);
        const int size = value_text(&r, &value, out);
        if (value.type == PROTO_TOKEN_END) {
            break;
        }
        for (size_t i = 0; i < BRIDGE_COLUMNS; i++) {
            if (map->column[i] == NULL || !proto_token_is(&key, map->column[i])) {
                continue;
            }
            *byte = value.offset;
            if (size < 0) {
                return TOO_LONG;
            }
            (void)bridge_trial_values_put(v, (enum bridge_trial_column)i, out, (size_t)size);
        }
        proto_reader_skip(&r, &value);
    }
    *byte = r.at;
    return key.type == PROTO_TOKEN_CLOSE && proto_reader_next(&r).type == PROTO_TOKEN_END &&
                   r.status == PROTO_OK
               ? NULL
               : "the JSON is not complete or not well formed";
}

static bool is_between(char c)
{
    return c == ' ' || c == ',' || c == ';' || c == '|' || c == '\t';
}

/* The value behind KEY: or KEY=; false: it is not there. */
static bool find_value(struct bridge_text text, const char *key, struct bridge_text *value)
{
    const char *const end = text.at + text.size;
    for (struct bridge_text rest = text;;) {
        const char *at = bridge_text_find(rest, key);
        if (at == NULL) {
            return false;
        }
        const char *behind = at + strlen(key);
        if ((at == text.at || is_between(at[-1])) && behind < end &&
            (*behind == ':' || *behind == '=')) {
            *value = bridge_text_trim((struct bridge_text){behind + 1, (size_t)(end - behind - 1)});
            size_t size = 0;
            while (size < value->size && !is_between(value->at[size])) {
                size++;
            }
            value->size = size;
            return true;
        }
        rest = (struct bridge_text){at + 1, (size_t)(end - at - 1)};
    }
}

const char *bridge_trial_text_read(struct bridge_trial_values *v,
                                   const struct bridge_trial_map *map, struct bridge_text text,
                                   size_t *byte)
{
    text = bridge_text_trim(text);
    *byte = 0;
    if (text.size > 0 && text.at[0] == '{') {
        return read_json(v, map, text, byte);
    }
    for (size_t i = 0; i < BRIDGE_COLUMNS; i++) {
        struct bridge_text value = {"", 0};
        if (map->column[i] != NULL && find_value(text, map->column[i], &value) &&
            !bridge_trial_values_put(v, (enum bridge_trial_column)i, value.at, value.size)) {
            *byte = (size_t)(value.at - text.at);
            return TOO_LONG;
        }
    }
    return NULL;
}
