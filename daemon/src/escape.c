#include "escape.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Bytes of the well-formed character at s (RFC 3629, control characters apart), 0 if there is none.
 */
static size_t character_size(const char *s)
{
    static const uint32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t first = (uint8_t)s[0];
    if (first < 0x80) {
        return first >= 0x20 && first != 0x7f ? 1 : 0;
    }
    const size_t n = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;
    uint32_t code = n > 0 ? first & (0x7fU >> n) : 0;
    for (size_t i = 1; i < n; i++) {
        const uint8_t next = (uint8_t)s[i];
        if ((next & 0xc0U) != 0x80) {
            return 0;
        }
        code = code << 6 | (next & 0x3fU);
    }
    const bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    const bool is_control = code >= 0x80 && code < 0xa0;
    return n > 0 && code >= LEAST[n] && code <= 0x10ffff && !is_surrogate && !is_control ? n : 0;
}

void escape_clean(char *out, size_t cap, const char *text)
{
    size_t n = 0;
    while (*text != '\0') {
        const size_t size = character_size(text);
        if (n + (size > 0 ? size : 1) + 1 > cap) {
            break;
        }
        if (size == 0) {
            out[n++] = '?';
            text++;
            continue;
        }
        memcpy(&out[n], text, size);
        n += size;
        text += size;
    }
    out[n] = '\0';
}

void escape_html(FILE *to, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", to);
            break;
        case '<':
            fputs("&lt;", to);
            break;
        case '>':
            fputs("&gt;", to);
            break;
        case '"':
            fputs("&quot;", to);
            break;
        case '\'':
            fputs("&#39;", to);
            break;
        default:
            fputc(*text, to);
        }
    }
}

void escape_json(FILE *to, const char *text)
{
    fputc('"', to);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            fputc('\\', to);
        }
        fputc(*text, to);
    }
    fputc('"', to);
}

const char *escape_number(char out[], const char *format, double value)
{
    (void)snprintf(out, ESCAPE_NUMBER_MAX, isfinite(value) ? format : "-", value);
    return out;
}

void escape_json_real(FILE *to, const char *key, double value)
{
    if (isfinite(value)) {
        fprintf(to, "\"%s\": %.10g", key, value);
    } else {
        fprintf(to, "\"%s\": null", key);
    }
}

void escape_json_reals(FILE *to, size_t n, const struct escape_real reals[])
{
    for (size_t i = 0; i < n; i++) {
        fputs(i > 0 ? ", " : "", to);
        escape_json_real(to, reals[i].key, reals[i].value);
    }
}
