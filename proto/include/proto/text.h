/* proto/text.h - UTF-8 and the escapes of JSON.
 *
 * Threads: any. Memory: the caller's. RT-safe: all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length of the well-formed UTF-8 character at s[0..n), n > 0; 0 if there is none. */
size_t proto_text_char_size(const uint8_t *s, size_t n);

/* Resolves the JSON escape at s[0..n), s[0] being the backslash. Returns the bytes written to out,
 * 0 if it is malformed or cut short; *used is its length in the input. */
size_t proto_text_unescape(const uint8_t *s, size_t n, size_t *used, uint8_t out[4]);

/* True if s[0..n) is UTF-8 without control characters. */
bool proto_text_is_clean(const char *s, size_t n);

/* Size of the UTF-8 byte order mark that s begins with, 0 if there is none. */
size_t proto_text_mark_size(const uint8_t *s, size_t n);

/* True if s is JSON text in UTF-16: with its byte order mark, or an opening bracket beside a NUL.
 */
bool proto_text_is_utf16(const uint8_t *s, size_t n);
