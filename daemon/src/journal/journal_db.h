/* journal_db.h - the journal's file: one SQLite database per data directory, held by one daemon.
 *
 * Threads: one owner at a time; the journal's thread while it runs. Memory: SQLite's.
 * Codes: functions without a struct fault return SQLite's.
 */
#ifndef MURID_JOURNAL_DB_H
#define MURID_JOURNAL_DB_H

#include <sqlite3.h>

#include "checksum.h"
#include "config.h"
#include "journal_record.h"
#include "journal_schema.h"

/* X(NAME, text): why the disk did not take what was to be written, and what to do. */
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

/* The newest row of a chained table. */
struct journal_db_head {
    int64_t last; /* its key */
    uint8_t chain[CHECKSUM_BYTES];
    bool is_changed; /* in the group at hand */
};

struct journal_db {
    char path[512];
    int lock_fd;
    sqlite3 *db;
    sqlite3_stmt *statements[14];
    struct journal_db_head heads[JOURNAL_CHAINS];      /* with the group at hand */
    struct journal_db_head kept_heads[JOURNAL_CHAINS]; /* on disk */
    char failure[512];       /* of the last group: cause, and what SQLite and the system say */
    int64_t checked_event;   /* events above it were found as they were written */
    int wal_pages;           /* written since the WAL was last moved */
    int64_t last_event;      /* number of the last event when it was opened, 0 none */
    int64_t run;             /* number of the present run */
    int64_t last_adaptation; /* number of the last change of parameters when it was opened */
};

/* Opens or makes the database of a data directory, and takes its lock. FAULT_NONE, or FAULT_WORK /
 * FAULT_INPUT: not writable, used by another daemon, written by another murid, damaged; *store is
 * then closed. */
int journal_db_open(struct journal_db *store, const char *directory, struct fault *fault);
void journal_db_close(struct journal_db *store);

/* From first_event on this configuration and model are in force. */
struct journal_db_run {
    int64_t first_event;
    const struct config *config;
    const char *model_hash;
    const char *model_path; /* the file to keep a copy of; NULL for the built-in */
};

/* Writes the row of run number store->run + 1, within a group. FAULT_NONE or FAULT_WORK. */
int journal_db_write_run(struct journal_db *store, const struct journal_db_run *run,
                         struct fault *fault);

/* One group of records: begun, written one by one, and synced to the disk, or rolled back. */
int journal_db_begin(struct journal_db *store);
int journal_db_write(struct journal_db *store, const struct journal_record *record);
int journal_db_commit(struct journal_db *store);

/* Ends a group whose last call failed: why it did. store->failure says it in words. */
enum journal_db_cause journal_db_roll_back(struct journal_db *store);

/* The cause behind an extended code of SQLite and the system's errno. */
enum journal_db_cause journal_db_cause_of(int code, int system_error);

/* One sentence without its end. */
const char *journal_db_cause_text(enum journal_db_cause cause);

/* Moves a long write-ahead log into the database: between groups, so that no trial waits for it to
 * count as safe. */
void journal_db_move_wal(struct journal_db *store);

#endif
