/* journal_db_cause.h - why the disk did not take what was to be written, and what to do about it.
 *
 * Threads: any. Memory: constant texts.
 */
#pragma once

#include <sqlite3.h>
#include <stddef.h>

/* X(NAME, text) */
#define JOURNAL_DB_CAUSE_LIST(X)                                                                   \
    X(NONE, "")                                                                                    \
    X(FULL, "its disk is full, or a limit on the size of files is reached: free space on it")      \
    X(READ_ONLY, "it may not be written: look at its rights, and how its disk is mounted")         \
    X(IO, "its disk fails: look at the disk and its cable")                                        \
    X(DAMAGED, "it is damaged: `murid check JOURNAL` says where")                                  \
    X(HELD, "another program holds it: close what has it open for writing")                        \
    X(MOVED, "it was moved or deleted: put it back where it was")                                  \
    X(OTHER, "SQLite cannot go on")

#define JOURNAL_DB_CAUSE_ENUM(NAME, text) JOURNAL_DB_CAUSE_##NAME,
enum journal_db_cause { JOURNAL_DB_CAUSE_LIST(JOURNAL_DB_CAUSE_ENUM) JOURNAL_DB_CAUSES };
#undef JOURNAL_DB_CAUSE_ENUM

/* The cause behind an extended code of SQLite and the system's errno. */
enum journal_db_cause journal_db_cause_of(int code, int system_error);

/* One sentence without its end. */
const char *journal_db_cause_text(enum journal_db_cause cause);

/* Why the last call on a database failed; text[cap]: cause, and what SQLite and the system say. */
enum journal_db_cause journal_db_cause_read(sqlite3 *db, char *text, size_t cap);
