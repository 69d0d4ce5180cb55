#include "journal_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/discover.h"
#include "file_kind.h"
#include "journal_schema.h"
#include "session_event.h"

enum {
    BUSY_MS = 5000,
    VALUE_BYTES_MAX = 1 << 28 /* longest value believed: a model file */
};

static const char TABLES_SQL[] =
    "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN"
    " ('run', 'model', 'subject', 'session', 'event', 'prediction', 'alert', 'checkpoint',"
    " 'adaptation', 'forecast', 'suggestion', 'head')";
enum { N_TABLES = 12 };

int journal_reader_load_blob(const struct journal_reader *reader, const char *where,
                             const char *hash,
                             int (*take)(void *context, const char *name, const uint8_t *bytes,
                                         size_t size, struct fault *fault),
                             void *context, struct fault *fault)
{
    char name[700];
    sqlite3_stmt *s = NULL;
    (void)snprintf(name, sizeof name, "%s, %.64s", where, hash);
    int rc = journal_reader_prepare(reader, "SELECT file FROM model WHERE hash = ?", &s, fault);
    if (rc == FAULT_NONE) {
        sqlite3_bind_text(s, 1, hash, -1, SQLITE_STATIC);
        const bool is_there = sqlite3_step(s) == SQLITE_ROW && sqlite3_column_bytes(s, 0) > 0;
        rc = is_there ? take(context, name, sqlite3_column_blob(s, 0),
                             (size_t)sqlite3_column_bytes(s, 0), fault)
                      : fault_set(fault, FAULT_INPUT, "%s: is not in the journal", name);
    }
    sqlite3_finalize(s);
    return rc;
}

int journal_reader_fault(const struct journal_reader *reader, struct fault *fault)
{
    return fault_set(fault, FAULT_WORK, "%s: %s", reader->path, sqlite3_errmsg(reader->db));
}

int journal_reader_row_fault(const char *path, const char *table, int64_t row, struct fault *fault)
{
    return fault_set(fault, FAULT_INPUT,
                     "%s: table %s, row %" PRId64
                     ": damaged; `murid check JOURNAL` lists the damage, "
                     "and what to do",
                     path, table, row);
}

int journal_reader_prepare(const struct journal_reader *reader, const char *sql,
                           sqlite3_stmt **statement, struct fault *fault)
{
    *statement = NULL;
    return sqlite3_prepare_v2(reader->db, sql, -1, statement, NULL) == SQLITE_OK
               ? FAULT_NONE
               : journal_reader_fault(reader, fault);
}

int64_t journal_reader_whole(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s = NULL;
    int64_t value = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW) {
        value = sqlite3_column_int64(s, 0);
    }
    sqlite3_finalize(s);
    return value;
}

int journal_reader_query_int(const struct journal_reader *reader, const char *sql, int64_t *value,
                             struct fault *fault)
{
    sqlite3_stmt *s;
    int rc = journal_reader_prepare(reader, sql, &s, fault);
    if (rc == FAULT_NONE && sqlite3_step(s) == SQLITE_ROW) {
        *value = sqlite3_column_int64(s, 0);
    } else
        rc = rc ? rc : journal_reader_fault(reader, fault);
    sqlite3_finalize(s);
    return rc;
}

bool journal_reader_is_journal(const char *path)
{
    const enum file_kind kind = file_kind_at(path);
    return kind == FILE_KIND_JOURNAL || kind == FILE_KIND_DATA_DIRECTORY ||
           (kind == FILE_KIND_DIRECTORY && !bridge_discover_any(path));
}

const char *journal_reader_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text != NULL ? text : "";
}

bool journal_reader_id(char *to, sqlite3_stmt *statement, int column)
{
    const char *text = journal_reader_text(statement, column);
    if (!proto_id_is_valid(text)) {
        return false;
    }
    strcpy(to, text);
    return true;
}

bool journal_reader_session(char *to, sqlite3_stmt *statement, int column)
{
    const char *text = journal_reader_text(statement, column);
    if (!proto_session_is_valid(text)) {
        return false;
    }
    strcpy(to, text);
    return true;
}

bool journal_reader_message(sqlite3_stmt *statement, int first, proto_message *heard)
{
    proto_fault ignored;
    const struct session_event event = {
        .is_recorded = true,
        .source = session_source_of(journal_reader_text(statement, first)),
        .rig = journal_reader_text(statement, first + 1), /* these two are read of serial events */
        .subject = journal_reader_text(statement, first + 2),
        .bytes = sqlite3_column_blob(statement, first + 3),
        .size = (size_t)sqlite3_column_bytes(statement, first + 3),
    };
    return event.bytes != NULL && session_decode(&event, heard, &ignored) == PROTO_OK;
}

static int find_file(struct journal_reader *reader, const char *path, struct fault *fault)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: %s; expected a journal, or the data directory with its %s", path,
                         strerror(errno), JOURNAL_FILE);
    }
    const bool is_directory = S_ISDIR(st.st_mode);
    const int n = snprintf(reader->path, sizeof reader->path, is_directory ? "%s/%s" : "%s", path,
                           JOURNAL_FILE);
    if (n < 0 || (size_t)n >= sizeof reader->path) {
        return fault_set(fault, FAULT_INPUT, "%.100s...: longer than %zu bytes", path,
                         sizeof reader->path - 1);
    }
    if (is_directory ? stat(reader->path, &st) != 0 : false) {
        return fault_set(fault, FAULT_INPUT, "%s: %s; there is no journal of murid", reader->path,
                         strerror(errno));
    }
    if (!S_ISREG(st.st_mode)) {
        return fault_set(fault, FAULT_INPUT, "%s: not a file; expected a journal", reader->path);
    }
    if (access(reader->path, R_OK) != 0) {
        return fault_set(fault, FAULT_WORK, "%s: %s", reader->path, strerror(errno));
    }
    return FAULT_NONE;
}

static bool has_log(const struct journal_reader *reader)
{
    char log[sizeof reader->path + 8];
    struct stat st;
    (void)snprintf(log, sizeof log, "%s-wal", reader->path);
    return stat(log, &st) == 0 && st.st_size > 0;
}

/* The file is data: nothing in it may write, call out or exhaust the memory. */
static void set_guards(const struct journal_reader *reader, bool keep_log)
{
    sqlite3 *db = reader->db;
    (void)sqlite3_busy_timeout(db, BUSY_MS);
    (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep_log ? 1 : 0, NULL);
    (void)sqlite3_exec(db, "PRAGMA query_only = 1; PRAGMA cell_size_check = 1;", NULL, NULL, NULL);
}

/* Percent-encodes what has a meaning in a URI. */
static void make_immutable_uri(char *to, size_t cap, const char *path)
{
    size_t n = (size_t)snprintf(to, cap, "file:");
    for (; *path != '\0' && n + 4 < cap; path++) {
        const bool is_plain = strchr("%?#", *path) == NULL;
        n += (size_t)snprintf(to + n, cap - n, is_plain ? "%c" : "%%%02X", (unsigned char)*path);
    }
    (void)snprintf(to + n, cap - n, "?immutable=1");
}

static int open_file(struct journal_reader *reader, int64_t *version)
{
    struct fault ignored;
    /* READWRITE, because a journal that was not closed needs its log read back; SQLite itself falls
     * back to reading only. */
    int rc = sqlite3_open_v2(reader->path, &reader->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                             NULL);
    if (rc == SQLITE_OK) {
        set_guards(reader, has_log(reader));
        if (journal_reader_query_int(reader, "PRAGMA user_version", version, &ignored) ==
            FAULT_NONE) {
            return SQLITE_OK;
        }
        rc = sqlite3_errcode(reader->db);
    }
    if (has_log(reader) || (rc != SQLITE_CANTOPEN && rc != SQLITE_READONLY)) {
        return rc;
    }
    /* A place where no file can be made beside the journal, and nobody writes it. */
    char uri[3 * sizeof reader->path + 32];
    make_immutable_uri(uri, sizeof uri, reader->path);
    sqlite3_close(reader->db);
    rc = sqlite3_open_v2(uri, &reader->db,
                         SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL);
    if (rc == SQLITE_OK) {
        set_guards(reader, true);
        rc =
            journal_reader_query_int(reader, "PRAGMA user_version", version, &ignored) == FAULT_NONE
                ? SQLITE_OK
                : sqlite3_errcode(reader->db);
    }
    return rc;
}

static int check_schema(const struct journal_reader *reader, int64_t version, struct fault *fault)
{
    int64_t tables = 0;
    if (version != JOURNAL_VERSION && version != 0) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: has schema %" PRId64 ", this murid uses %d: it was written by "
                         "another murid, or is not a journal",
                         reader->path, version, JOURNAL_VERSION);
    }
    const int rc = journal_reader_query_int(reader, TABLES_SQL, &tables, fault);
    if (rc == FAULT_NONE && (version == 0 || tables != N_TABLES)) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: not a journal of murid: %" PRId64 " of its %d tables exist",
                         reader->path, tables, N_TABLES);
    }
    return rc;
}

/* What kind of file it is is looked up only now: see file_kind_at(). */
static int refuse_file(const struct journal_reader *reader, int why, struct fault *fault)
{
    const enum file_kind kind =
        why == SQLITE_NOTADB ? file_kind_at(reader->path) : FILE_KIND_BINARY;
    if (kind != FILE_KIND_BINARY && kind != FILE_KIND_JOURNAL) {
        return fault_set(fault, FAULT_INPUT, "%s: is %s; a journal was expected", reader->path,
                         file_kind_name(kind));
    }
    return fault_set(fault,
                     why == SQLITE_NOTADB || why == SQLITE_CORRUPT ? FAULT_INPUT : FAULT_WORK,
                     "%s: cannot be read as a journal: %s", reader->path,
                     reader->db != NULL ? sqlite3_errmsg(reader->db) : sqlite3_errstr(why));
}

int journal_reader_open(struct journal_reader *reader, const char *path, struct fault *fault)
{
    int64_t version = 0;
    *reader = (struct journal_reader){0};
    int rc = find_file(reader, path, fault);
    if (rc == FAULT_NONE) {
        const int db = open_file(reader, &version);
        rc = db != SQLITE_OK ? refuse_file(reader, db, fault) : FAULT_NONE;
    }
    rc = rc ? rc : check_schema(reader, version, fault);
    if (rc != FAULT_NONE) {
        journal_reader_close(reader);
    }
    return rc;
}

void journal_reader_close(struct journal_reader *reader)
{
    sqlite3_close(reader->db);
    *reader = (struct journal_reader){0};
}
