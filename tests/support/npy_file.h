/* npy_file.h - arrays in NumPy's format, as a test writes them. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* An array with this header and these values; returns its size. */
static inline size_t npy_file_make(uint8_t *out, size_t cap, const char *header, const void *values,
                                   size_t size)
{
    const size_t length = strlen(header);
    assert_true(10 + length + size <= cap);
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = (uint8_t)(length & 255);
    out[9] = (uint8_t)(length >> 8);
    memcpy(out + 10, header, length);
    if (size > 0) {
        memcpy(out + 10 + length, values, size);
    }
    return 10 + length + size;
}

/* n doubles. */
static inline size_t npy_file_doubles(uint8_t *out, size_t cap, const double *values, size_t n)
{
    char header[96];
    (void)snprintf(header, sizeof header,
                   "{'descr': '<f8', 'fortran_order': False, 'shape': (%zu,), }\n", n);
    return npy_file_make(out, cap, header, values, n * sizeof *values);
}
