/* number.h - doubles as decimal text and back, exactly, whatever the locale.
 *
 * Threads: any. Memory: the caller's. RT-safe: all but what says no.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { NUMBER_TEXT_MAX = 40 /* longest text written, with its NUL */ };

/* Writes the shortest of 15, 16 or 17 significant digits that reads back as x, which must be
 * finite. Returns the length. RT-safe: no (C library formatting). */
int proto_number_write(double x, char out[NUMBER_TEXT_MAX]);

/* Writes a whole number. Returns the length. */
int proto_number_write_int(int64_t x, char out[NUMBER_TEXT_MAX]);

/* Value of a NUL-terminated JSON number, infinite if too large. */
double proto_number_read(const char *text);
