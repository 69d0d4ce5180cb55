#include "bridge/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct bridge_text bridge_text_of(const char *text)
{
    return (struct bridge_text){text, strlen(text)};
}

bool bridge_text_is(struct bridge_text t, const char *word)
{
    return t.size == strlen(word) && memcmp(t.at, word, t.size) == 0;
}

bool bridge_text_begins(struct bridge_text t, const char *word)
{
    return t.size >= strlen(word) && memcmp(t.at, word, strlen(word)) == 0;
}

bool bridge_text_has_form(struct bridge_text t, const char *form)
{
    bool has = t.size == strlen(form);
    for (size_t i = 0; has && i < t.size; i++) {
        has = form[i] == '0' ? t.at[i] >= '0' && t.at[i] <= '9' : t.at[i] == form[i];
    }
    return has;
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

bool bridge_text_number(struct bridge_text t, bool has_decimal_comma, double *to)
{
    char copy[64];
    char *end = NULL;
    if (t.size == 0 || t.size >= sizeof copy) {
        return false;
    }
    bridge_text_copy(copy, sizeof copy, t);
    char *comma = strchr(copy, ',');
    if (has_decimal_comma && comma != NULL && strchr(copy, '.') == NULL) {
        *comma = '.';
    }
    if (strspn(copy, "+-.0123456789eE") != t.size) {
        return false;
    }
    *to = strtod(copy, &end);
    return *end == '\0' && end != copy && isfinite(*to);
}

static bool is_same(struct bridge_text a, struct bridge_text b)
{
    double x = 0.0;
    double y = 0.0;
    if (bridge_text_number(a, false, &x) && bridge_text_number(b, false, &y)) {
        return x >= y && x <= y;
    }
    return a.size == b.size && strncasecmp(a.at, b.at, a.size) == 0;
}

bool bridge_text_is_among(struct bridge_text t, struct bridge_text words)
{
    bool is = false;
    for (bool more = words.at != NULL; more && !is;) {
        more = words.size > 0 && memchr(words.at, ',', words.size) != NULL;
        is = is_same(t, bridge_text_trim(bridge_text_cut(&words, ',')));
    }
    return is;
}
