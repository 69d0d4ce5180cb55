/* bridge/npy.h - one array in NumPy's format (.npy), read as columns.
 *
 * Versions 1 to 3, any byte order. Booleans, whole numbers, floats, and texts (S and U) become
 * columns: of one dimension, one; of two, NAME, NAME[1], ..., or 0, 1, ... if it has no name; of a
 * structured array, one a field. An array without a dimension is one value for all rows. What else
 * there is, times and complex numbers among it, is passed by. Arrays of Python objects are pickles,
 * which run code when they are read, and are refused. Rows that a cut file holds whole are kept.
 *
 * Threads: any. Memory: into the columns. RT-safe: no.
 */
#pragma once

#include "bridge/adapter.h"
#include "bridge/columns.h"

enum { BRIDGE_NPY_VALUES_MAX = 16 /* columns of an array of two dimensions */ };

/* Adds the columns of the array in bytes. 0; -1 with s->why about path, NULL: the source's: nothing
 * was added, or what the file held before it ended. name: "" or the array's. */
int bridge_npy_read(struct bridge_source *s, const char *path, const char *name,
                    const uint8_t *bytes, size_t size, struct bridge_columns *out);

/* Is it a structured array, or one of two dimensions? Of what a file begins with. */
bool bridge_npy_is_table(const uint8_t *head, size_t size);
