/* journal_rows.h - the rows of the journal's database: each with the checksum of its values,
 * chained to the one before where its table is one that only grows; written in groups.
 *
 * Threads: the owner of the database. Memory: SQLite's. Codes: SQLite's.
 */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "checksum.h"
#include "journal_record.h"
#include "journal_schema.h"

/* The newest row of a chained table. */
struct journal_rows_head {
    int64_t last; /* its key */
    uint8_t chain[CHECKSUM_BYTES];
    bool is_changed; /* in the group at hand */
};

struct journal_rows {
    sqlite3_stmt *statements[14];
    struct journal_rows_head heads[JOURNAL_CHAINS];      /* with the group at hand */
    struct journal_rows_head kept_heads[JOURNAL_CHAINS]; /* on disk */
};

/* Prepares to write to a database that has the journal's tables. Zeroed is fine to close. */
int journal_rows_open(struct journal_rows *rows, sqlite3 *db);
void journal_rows_close(struct journal_rows *rows);

/* One group of records: begun, written one by one, and synced to the disk. */
int journal_rows_begin(struct journal_rows *rows);
int journal_rows_write(struct journal_rows *rows, const struct journal_record *record);
int journal_rows_commit(struct journal_rows *rows);

/* From first_event on this configuration and model are in force. */
struct journal_rows_run {
    int64_t id; /* one more than the last */
    int64_t first_event;
    const char *model_hash;
    const char *config; /* as text */
};

/* Writes the row of a run, within a group. */
int journal_rows_write_run(struct journal_rows *rows, const struct journal_rows_run *run);
