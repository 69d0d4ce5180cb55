#include "bridge/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool bridge_text_is(struct bridge_text t, const char *word)
{
    return t.size == strlen(word) && memcmp(t.at, word, t.size) == 0;
}

bool bridge_text_begins(struct bridge_text t, const char *word)
{
    return t.size >= strlen(word) && memcmp(t.at, word, strlen(word)) == 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct bridge_text bridge_text_trim(struct bridge_text t)
{
    while (t.size > 0 && is_blank(t.at[0])) {
        t.at++;
        t.size--;
    }
    while (t.size > 0 && is_blank(t.at[t.size - 1])) {
        t.size--;
    }
    return t;
}

void bridge_text_copy(char *out, size_t cap, struct bridge_text t)
{
    const size_t n = t.size < cap - 1 ? t.size : cap - 1;
    memcpy(out, t.at, n);
    out[n] = '\0';
}

struct bridge_text bridge_text_cut(struct bridge_text *rest, char separator)
{
    const char *end = rest->size > 0 ? memchr(rest->at, separator, rest->size) : NULL;
    const size_t size = end != NULL ? (size_t)(end - rest->at) : rest->size;
    const struct bridge_text part = {rest->at, size};
    const size_t used = end != NULL ? size + 1 : size;
    rest->at += used;
    rest->size -= used;
    return part;
}

const char *bridge_text_find(struct bridge_text t, const char *word)
{
    const size_t size = strlen(word);
    for (size_t i = 0; size > 0 && i + size <= t.size; i++) {
        if (t.at[i] == word[0] && memcmp(t.at + i, word, size) == 0) {
            return t.at + i;
        }
    }
    return NULL;
}

bool bridge_text_number(struct bridge_text t, double *to)
{
    char text[40];
    char *end = NULL;
    bridge_text_copy(text, sizeof text, t);
    *to = strtod(text, &end);
    return t.size > 0 && t.size < sizeof text && *end == '\0' && end != text && isfinite(*to);
}
