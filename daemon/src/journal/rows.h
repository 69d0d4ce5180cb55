/* rows.h - all rows of a trial table, one after the other, with progress; Ctrl-C ends it.
 *
 * Threads: one owner. Memory: none kept.
 */
#ifndef MURID_ROWS_H
#define MURID_ROWS_H

#include "trial_table.h"

/* FAULT_NONE to go on; anything else, with *fault, ends the reading. */
typedef int rows_take(void *context, const struct trial_table *table, const struct trial_row *row,
                      struct fault *fault);

/* Reads path ("-": standard input). what: the word that progress is shown by. only: one animal's
 * rows; NULL: all. FAULT_INPUT also where there is no such row: the animals that are there are
 * named. */
int rows_read(const char *path, const char *what, const char *only, enum trial_table_care care,
              rows_take *take, void *context, struct fault *fault);

/* A table was read to its end without a trial, of one animal or at all: FAULT_INPUT. */
int rows_none(const struct trial_table *table, const char *only, struct fault *fault);

/* Tells a journal, or its data directory, from a table. FAULT_NONE, or FAULT_INPUT:
 * TRIAL_TABLE_STRICT is asked of a journal, whose trials were checked when they were heard. */
int rows_tell_journal(const char *path, enum trial_table_care care, bool *is_journal,
                      struct fault *fault);

#endif
