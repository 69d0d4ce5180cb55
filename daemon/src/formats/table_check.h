/* table_check.h - checks a trial table for likely mistakes and reports each in one line, with its
 * first place and the remedy.
 *
 * Rows are checked one after the other by trial_table_next(). Mistakes concern the order
 * (trial_order.h) or the coding of columns (coding.h). Nothing here changes a row. Threads: one
 * owner. Memory: the heap, up to some hundred MiB for an adversarial table, otherwise 2 bytes per
 * trial, 100 per session and 500 per animal; table_check_close() frees it. Beyond that, rows are
 * not checked.
 */
#pragma once

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
