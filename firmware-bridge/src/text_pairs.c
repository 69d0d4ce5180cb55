#include "bridge/text_pairs.h"

#include <string.h>

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

const char *bridge_text_pairs_read(struct bridge_text text,
                                   const struct bridge_trial_fields *fields,
                                   struct bridge_values *values, uint64_t *slots)
{
    *slots = 0;
    for (size_t i = 0; i < fields->n_slots; i++) {
        const uint64_t slot = (uint64_t)1 << i;
        struct bridge_text value = {"", 0};
        if (!find_value(text, fields->source[i], &value)) {
            continue;
        }
        *slots |= slot;
        if (!bridge_values_put(values, slot, value.at, value.size)) {
            return value.at;
        }
    }
    return NULL;
}
