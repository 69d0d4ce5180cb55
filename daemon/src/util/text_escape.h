/* text_escape.h - makes untrusted text and numbers safe for the format they are written in.
 *
 * Threads: any. Memory: the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { TEXT_ESCAPE_NUMBER_MAX = 32 };

/* The character of UTF-8 at s and its bytes; 0 if the first or one that must follow is none of
 * one. Its form and its value are not judged. */
size_t text_escape_decode(const char *s, uint32_t *code);

/* Copies text, at most cap - 1 bytes: control characters, and bytes that are not UTF-8, become '?'.
 * What it gives can be printed on a terminal. */
void text_escape_clean(char *out, size_t cap, const char *text);

/* Quotes size bytes of outside text for a message: clean text stands as it is, what
 * text_escape_clean() would replace is shown as an escape (\n, \t, \r, otherwise \x1b and the
 * like), and so is a backslash or a double quote. What does not fit ends in "...", after a whole
 * character or escape. cap: at least 8. text may hold NUL bytes. Returns out. */
const char *text_escape_quote(char *out, size_t cap, const char *text, size_t size);

/* The same for a whole message, which may hold quotes and what was escaped before: a backslash or a
 * double quote stays. */
const char *text_escape_show(char *out, size_t cap, const char *text);

/* Writes clean text with what has a meaning in HTML as entities, attributes included. */
void text_escape_html(FILE *to, const char *text);

/* A number as `format`, for one double, has it; "-" where there is none:
 * out[TEXT_ESCAPE_NUMBER_MAX]. Returns out. */
const char *text_escape_number(char out[], const char *format, double value);

/* A comma and, where there is one, the number: a field of a CSV, not the first of its line. */
void text_escape_field(FILE *to, int digits, double value);

/* True without control characters, line ends of Unicode's and byte order marks: what is printed can
 * then be read back, and shown on a terminal. text is UTF-8 with a NUL at [size]. */
bool text_escape_is_printable(const char *text, size_t size);
