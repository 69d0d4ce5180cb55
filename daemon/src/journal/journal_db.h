/* journal_db.h - the journal's file: one SQLite database per data directory, held by one daemon.
 *
 * Threads: one owner at a time; the journal's thread while it runs. Memory: SQLite's.
 * Codes: functions without a struct fault return SQLite's.
 */
#pragma once

#include <sqlite3.h>

#include "config.h"
#include "fault.h"
#include "journal_db_cause.h"
#include "journal_rows.h"

struct journal_db {
    char path[512];
    int lock_fd;
    sqlite3 *db;
    struct journal_rows rows;
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

/* Ends a group of rows whose last call failed: why it did. store->failure says it in words. */
enum journal_db_cause journal_db_roll_back(struct journal_db *store);

/* Moves a long write-ahead log into the database: between groups, so that no trial waits for it to
 * count as safe. */
void journal_db_move_wal(struct journal_db *store);
