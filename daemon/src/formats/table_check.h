/* table_check.h - does a trial table look as it should? What is likely wrong in it, one line each,
 * with the place of the first and how to mend it.
 *
 * Rows are taken up one after the other; trial_table_next() does it. What is wrong is a matter of
 * order (trial_order.h) or of how columns are coded (coding.h). Nothing here changes what a row
 * says. Threads: one owner. Memory: the heap, up to some hundred MiB for a table made to take the
 * most, otherwise 2 bytes a trial, 100 a session and 500 an animal; table_check_close() gives it
 * back. What finds no room is not checked.
 */
#ifndef MURID_TABLE_CHECK_H
#define MURID_TABLE_CHECK_H

#include <stdint.h>

#include "findings.h"
#include "trial_row.h"

enum { TABLE_CHECK_SUBJECTS_MAX = 1 << 16 };

struct table_check;

/* NULL without memory. */
struct table_check *table_check_open(void);

/* Takes up the row on that line. check may be NULL. */
void table_check_push(struct table_check *check, int64_t line, const struct trial_row *row);

/* Adds what is to be said of the rows so far. path: as errors call the table. */
void table_check_say(const struct table_check *check, const char *path, struct findings *findings);

/* True if a row so far is certainly out of order, there twice, or against itself. */
bool table_check_is_doubted(const struct table_check *check);

/* The animals so far: "m1, m2, m3 and 4 others", or "none". Returns out. */
const char *table_check_subjects(const struct table_check *check, char *out, size_t cap);

/* NULL is fine. */
void table_check_close(struct table_check *check);

#endif
