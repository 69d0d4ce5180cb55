#include "text_escape.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

size_t text_escape_decode(const char *s, uint32_t *code)
{
    const uint8_t first = (uint8_t)s[0];
    const size_t n = first >= 0xf0   ? 4
                     : first >= 0xe0 ? 3
                     : first >= 0xc0 ? 2
                     : first < 0x80  ? 1
                                     : 0;
    *code = n > 1 ? first & (0x7fU >> n) : first;
    for (size_t i = 1; i < n; i++) {
        const uint8_t next = (uint8_t)s[i];
        if ((next & 0xc0U) != 0x80) {
            return 0;
        }
        *code = *code << 6 | (next & 0x3fU);
    }
    return n;
}

/* Bytes of the well-formed character at s (RFC 3629, control characters apart), 0 if there is none.
 */
static size_t character_size(const char *s)
{
    static const uint32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t code = 0;
    const size_t n = text_escape_decode(s, &code);
    const bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    const bool is_control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    return code >= LEAST[n] && code <= 0x10ffff && !is_surrogate && !is_control ? n : 0;
}

void text_escape_clean(char *out, size_t cap, const char *text)
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

/* One byte that cannot be shown as it is; returns the length. */
static size_t show_byte(char out[5], uint8_t byte)
{
    static const char PLAIN[] = "\n\t\r\\\"";
    static const char LETTER[] = "ntr\\\"";
    const char *const at = byte != 0 ? strchr(PLAIN, byte) : NULL;
    return (size_t)(at != NULL ? snprintf(out, 5, "\\%c", LETTER[at - PLAIN])
                               : snprintf(out, 5, "\\x%02x", byte));
}

/* special: characters that are shown as escapes too. */
static const char *show(char *out, size_t cap, const char *text, size_t size, const char *special)
{
    size_t n = 0;
    size_t fits = 0; /* up to here with room for "..." */
    for (size_t i = 0; i < size;) {
        char shown[5];
        char ahead[5] = ""; /* a character may be cut off by the end of the text */
        memcpy(ahead, text + i, size - i < 4 ? size - i : 4);
        size_t taken = character_size(ahead);
        size_t length = taken;
        if (taken == 0 || strchr(special, ahead[0]) != NULL) {
            length = show_byte(shown, (uint8_t)text[i]);
            taken = 1;
        } else {
            memcpy(shown, ahead, taken);
        }
        if (n + length + 1 > cap) {
            memcpy(out + fits, "...", sizeof "...");
            return out;
        }
        memcpy(out + n, shown, length);
        n += length;
        i += taken;
        fits = n + sizeof "..." <= cap ? n : fits;
    }
    out[n] = '\0';
    return out;
}

const char *text_escape_quote(char *out, size_t cap, const char *text, size_t size)
{
    return show(out, cap, text, size, "\\\"");
}

const char *text_escape_show(char *out, size_t cap, const char *text)
{
    return show(out, cap, text, strlen(text), "");
}

void text_escape_html(FILE *to, const char *text)
{
    static const char SPECIAL[] = "&<>\"'";
    static const char *const ENTITY[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (; *text != '\0'; text++) {
        const char *at = strchr(SPECIAL, *text);
        if (at != NULL) {
            fputs(ENTITY[at - SPECIAL], to);
        } else {
            fputc(*text, to);
        }
    }
}

const char *text_escape_number(char out[], const char *format, double value)
{
    (void)snprintf(out, TEXT_ESCAPE_NUMBER_MAX, isfinite(value) ? format : "-", value);
    return out;
}

void text_escape_field(FILE *to, int digits, double value)
{
    fputc(',', to);
    if (isfinite(value)) {
        fprintf(to, "%.*g", digits, value);
    }
}

bool text_escape_is_printable(const char *text, size_t size)
{
    static const char *const NONE[] = {"\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf",
                                       "\xef\xbf\xbe", "\xef\xbf\xbf"};
    for (size_t i = 0; i < size; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)text[i + 1] < 0xa0)) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof NONE / sizeof NONE[0]; i++) {
        if (strstr(text, NONE[i]) != NULL) {
            return false;
        }
    }
    return true;
}
