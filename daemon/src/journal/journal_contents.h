/* journal_contents.h - reads back from the journal the content under a session's numbers, for
 * contents.h.
 *
 * Threads: one owner. Memory: SQLite's; journal_contents_close(). Not RT-safe: some tens of
 * microseconds for cached pages, a disk access for others.
 */
#pragma once

#include "contents.h"
#include "journal_reader.h"

struct journal_contents {
    struct journal_reader journal;
    sqlite3_stmt *find[2]; /* by enum contents_space */
};

/* Opens a journal for reading. FAULT_NONE, FAULT_INPUT or FAULT_WORK. */
int journal_contents_open(struct journal_contents *c, const char *path, struct fault *fault);
void journal_contents_close(struct journal_contents *c);

/* A contents_fetch; context: the struct. */
int journal_contents_fetch(void *context, const struct contents_key *key, int64_t before,
                           uint64_t out[CONTENTS_NUMBERS]);
