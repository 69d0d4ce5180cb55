/* journal_check.h - whether a journal is as it was written: its size, its pages, and the checksums
 * of its rows.
 *
 * Only reads. A daemon checks at its start what it resumes from, within a bounded time; `murid
 * check JOURNAL` checks everything. Threads: one owner of the connection. Memory: SQLite's.
 */
#pragma once

#include <stdio.h>

#include "journal_reader.h"

/* The file's size, the pages of a file of at most JOURNAL_CHECK_BYTES, and the newest rows of every
 * chained table (journal_schema.h). *from: events above it were checked. FAULT_NONE; FAULT_WORK:
 * damaged, or cannot be read. */
enum { JOURNAL_CHECK_BYTES = 64 << 20 };
int journal_check_start(sqlite3 *db, const char *path, int64_t *from, struct fault *fault);

/* All events above `from`. */
int journal_check_events(sqlite3 *db, const char *path, int64_t from, struct fault *fault);

/* True if a subject's checkpoint and the states of its sessions are as they were written. */
bool journal_check_states(sqlite3 *db, int64_t subject);

/* Everything; says on `to` what was checked and what was found. FAULT_NONE; FAULT_WORK: damaged,
 * *fault names the first damage. */
int journal_check_all(const struct journal_reader *reader, FILE *to, struct fault *fault);
