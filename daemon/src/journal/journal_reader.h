/* journal_reader.h - opens a journal for reading: finds the file, checks that it is a journal, and
 * guards against the contents of a hostile file.
 *
 * Works while a daemon writes the journal, and leaves the file unchanged: a write-ahead log left by
 * a crash is read in place.
 * Threads: one owner. Memory: SQLite's; journal_reader_close().
 */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "proto/message.h"

struct journal_reader {
    char path[512]; /* of the file */
    sqlite3 *db;
};

/* True for an SQLite file or a directory, false for all else, as a table or a pipe. */
bool journal_reader_is_journal(const char *path);

/* Opens a journal file, or the one in a data directory. FAULT_NONE; FAULT_INPUT: there is none, it
 * is not a journal, or one of another schema; FAULT_WORK: it cannot be read. */
int journal_reader_open(struct journal_reader *reader, const char *path, struct fault *fault);

void journal_reader_close(struct journal_reader *reader);

/* Prepares a statement, the caller's to sqlite3_finalize(). FAULT_NONE or FAULT_WORK. */
int journal_reader_prepare(const struct journal_reader *reader, const char *sql,
                           sqlite3_stmt **statement, struct fault *fault);

/* The whole number that a query gives; -1 if it cannot be read. */
int64_t journal_reader_whole(sqlite3 *db, const char *sql);

/* The same of one that may be negative: FAULT_NONE or FAULT_WORK. */
int journal_reader_query_int(const struct journal_reader *reader, const char *sql, int64_t *value,
                             struct fault *fault);

/* Hands over what is kept under that hash, a model or a protocol; where: as errors call the place.
 * What take() says; FAULT_INPUT: there is nothing of it; or FAULT_WORK. */
int journal_reader_load_blob(const struct journal_reader *reader, const char *where,
                             const char *hash,
                             int (*take)(void *context, const char *name, const uint8_t *bytes,
                                         size_t size, struct fault *fault),
                             void *context, struct fault *fault);

/* What SQLite says is wrong: FAULT_WORK. */
int journal_reader_fault(const struct journal_reader *reader, struct fault *fault);

/* A row of the journal at that path holds what murid never writes: FAULT_INPUT. */
int journal_reader_row_fault(const char *path, const char *table, int64_t row, struct fault *fault);

/* Text of a column, "" for NULL; SQLite's, until the statement's next step. */
const char *journal_reader_text(sqlite3_stmt *statement, int column);

/* Copies the name of a rig or subject, or of a session as a rig gives it, to to[PROTO_ID_MAX + 1];
 * false if it is none. Names in a journal may have been tampered with: they are used only through
 * here. */
bool journal_reader_id(char *to, sqlite3_stmt *statement, int column);

/* The same for the name of a session with its run. */
bool journal_reader_session(char *to, sqlite3_stmt *statement, int column);

/* Decodes the message of an event, of which source, rig, the subject's name and raw stand in the
 * columns from `first` on; false if it cannot be read. */
bool journal_reader_message(sqlite3_stmt *statement, int first, proto_message *heard);
