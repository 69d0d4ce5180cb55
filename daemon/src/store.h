/* store.h - the journal's file: one SQLite database a data directory, held by one daemon.
 *
 * Threads: one owner at a time; the journal's thread while it runs. Memory: SQLite's.
 * Codes: functions without a struct fault return SQLite's.
 */
#ifndef MURID_STORE_H
#define MURID_STORE_H

#include <sqlite3.h>

#include "config.h"
#include "record.h"

struct store {
    char path[512];
    int lock_fd;
    sqlite3 *db;
    sqlite3_stmt *statements[12];
    int wal_pages;           /* written since the WAL was last moved */
    int64_t last_event;      /* number of the last event when it was opened, 0 none */
    int64_t run;             /* number of the present run */
    int64_t last_adaptation; /* number of the last change of parameters when it was opened */
};

/* Opens or makes the database of a data directory, and takes its lock. FAULT_NONE, or FAULT_WORK /
 * FAULT_INPUT: not writable, used by another daemon, written by a newer murid; *store is then
 * closed. */
int store_open(struct store *store, const char *directory, struct fault *fault);
void store_close(struct store *store);

/* Writes the row of a run: from first_event on this configuration and model are in force.
 * model_path: the file to keep a copy of, NULL for the built-in. FAULT_NONE or FAULT_WORK. */
int store_begin_run(struct store *store, int64_t first_event, const struct config *config,
                    const char *model_hash, const char *model_path, struct fault *fault);

/* One group of records: begun, written one by one, and synced to the disk, or rolled back. */
int store_begin(struct store *store);
int store_write(struct store *store, const struct record *record);
int store_commit(struct store *store);
void store_roll_back(struct store *store);

/* Moves a long write-ahead log into the database: between groups, so that no trial waits for it to
 * count as safe. */
void store_move_wal(struct store *store);

#endif
