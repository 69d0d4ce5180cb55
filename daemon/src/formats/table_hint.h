/* table_hint.h - what a file, header or field that is not of a trial table looks like, and how to
 * convert it: the end of an error.
 *
 * Threads: any. Memory: texts are constant or the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "file_kind.h"

enum { TABLE_HINT_MAX = 512 };

/* What to do with a file of that kind; NULL: it may be a table, or may not be there. */
const char *table_hint_kind(enum file_kind kind);

/* A header line without the column of that name: "\"mouse\" looks like it: rename it; ", or "".
 * Returns out. */
const char *table_hint_header(char out[TABLE_HINT_MAX], const char *column, const char *header);

/* A header line without a column that need not be there: the name in it that differs from the
 * column's in case or separators alone, quoted. False: there is none. */
bool table_hint_ignored(char out[TABLE_HINT_MAX], const char *column, const char *header);

/* A field that the column may not hold: ": it looks like percent: divide the column by 100", or "".
 */
const char *table_hint_value(const char *column, const char *text, size_t size);
