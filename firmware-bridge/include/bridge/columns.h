/* bridge/columns.h - a table of named columns, as formats of arrays hold their trials.
 *
 * A column holds numbers or texts, one a row. NaN and "" are unknown. Sizes are checked before
 * anything is allocated: rows, columns, and the bytes of a whole table.
 *
 * Threads: one owner. Memory: the heap, bridge_columns_free(). RT-safe: no.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BRIDGE_COLUMNS_MAX = 512,
    BRIDGE_COLUMN_NAME_MAX = 64,
    BRIDGE_ROWS_MAX = 1 << 24,
    BRIDGE_CELL_MAX = 256,          /* bytes of a text, with its NUL */
    BRIDGE_COLUMNS_BYTES = 1 << 29, /* of all columns of a table */
    BRIDGE_COLUMN_FILE_MAX = 256
};

struct bridge_column {
    char name[BRIDGE_COLUMN_NAME_MAX];
    size_t n;        /* rows */
    size_t n_stated; /* rows that the file announces: more than n if it is cut */
    bool is_scalar;  /* one value for all rows; n is 1 */
    double *number;  /* n of them; NULL: texts */
    char *text;      /* n times width, each with a NUL; NULL: numbers */
    size_t width;
};

struct bridge_columns {
    struct bridge_column *list;
    size_t n;
    size_t bytes;
};

/* A new column with room for n rows; width 0: of numbers. NULL: a bound is met, or no memory. The
 * values are NaN or "". Valid until the next one is added. */
struct bridge_column *bridge_columns_add(struct bridge_columns *c, const char *name, size_t n,
                                         size_t width);

/* The column of that name, or NULL. */
const struct bridge_column *bridge_columns_find(const struct bridge_columns *c, const char *name);

/* The value of a row as a text: numbers as short as they can be. "" if it is unknown. Returns out.
 */
const char *bridge_column_text(const struct bridge_column *column, size_t row,
                               char out[BRIDGE_CELL_MAX]);

/* The value of a row as a number, or NaN; a text that is a number is one. */
double bridge_column_number(const struct bridge_column *column, size_t row);

void bridge_columns_free(struct bridge_columns *c);
