#include "proto/text.h"

#include <string.h>

/* RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF. */
size_t proto_text_char_size(const uint8_t *s, size_t n)
{
    const uint8_t a = s[0];
    if (a < 0x80) {
        return 1;
    }
    const size_t size = a >= 0xf0 ? 4 : a >= 0xe0 ? 3 : 2;
    if (a < 0xc2 || a > 0xf4 || n < size) {
        return 0;
    }
    const uint8_t lowest = a == 0xe0 ? 0xa0 : a == 0xf0 ? 0x90 : 0x80;
    const uint8_t highest = a == 0xed ? 0x9f : a == 0xf4 ? 0x8f : 0xbf;
    if (s[1] < lowest || s[1] > highest) {
        return 0;
    }
    for (size_t i = 2; i < size; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return size;
}

static size_t char_write(uint32_t c, uint8_t out[4])
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

static bool hex4(const uint8_t *s, size_t n, uint32_t *x)
{
    *x = 0;
    if (n < 4) {
        return false;
    }
    for (size_t i = 0; i < 4; i++) {
        const uint8_t c = s[i];
        uint32_t digit = 0;
        if (c >= '0' && c <= '9') {
            digit = (uint32_t)c - '0';
        } else if (c >= 'a' && c <= 'f') {
            digit = (uint32_t)c - 'a' + 10;
        } else if (c >= 'A' && c <= 'F') {
            digit = (uint32_t)c - 'A' + 10;
        } else {
            return false;
        }
        *x = *x << 4 | digit;
    }
    return true;
}

size_t proto_text_unescape(const uint8_t *s, size_t n, size_t *used, uint8_t out[4])
{
    static const char FROM[] = "\"\\/bfnrt";
    static const char TO[] = "\"\\/\b\f\n\r\t";
    if (n < 2) {
        return 0;
    }
    if (s[1] != 'u') {
        const char *at = s[1] != 0 ? strchr(FROM, (char)s[1]) : NULL;
        *used = 2;
        out[0] = at != NULL ? (uint8_t)TO[at - FROM] : 0;
        return at != NULL ? 1 : 0;
    }
    uint32_t c = 0;
    uint32_t low = 0;
    if (!hex4(s + 2, n - 2, &c)) {
        return 0;
    }
    *used = 6;
    if (c >= 0xd800 && c <= 0xdbff) {
        if (n < 12 || s[6] != '\\' || s[7] != 'u' || !hex4(s + 8, n - 8, &low) || low < 0xdc00 ||
            low > 0xdfff) {
            return 0;
        }
        *used = 12;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    } else if (c >= 0xdc00 && c <= 0xdfff) {
        return 0;
    }
    return char_write(c, out);
}

bool proto_text_is_clean(const char *s, size_t n)
{
    for (size_t at = 0; at < n;) {
        const uint8_t *c = (const uint8_t *)s + at;
        const size_t size = proto_text_char_size(c, n - at);
        if (size == 0 || c[0] < 0x20 || c[0] == 0x7f) {
            return false;
        }
        at += size;
    }
    return true;
}

size_t proto_text_mark_size(const uint8_t *s, size_t n)
{
    static const uint8_t MARK[] = {0xef, 0xbb, 0xbf};
    return n >= sizeof MARK && memcmp(s, MARK, sizeof MARK) == 0 ? sizeof MARK : 0;
}

bool proto_text_is_utf16(const uint8_t *s, size_t n)
{
    if (n < 2) {
        return false;
    }
    const bool has_mark = (s[0] == 0xff && s[1] == 0xfe) || (s[0] == 0xfe && s[1] == 0xff);
    const uint8_t first = s[0] != 0 ? s[0] : s[1];
    return has_mark || ((s[0] == 0) != (s[1] == 0) && (first == '{' || first == '['));
}
