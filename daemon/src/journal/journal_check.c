#include "journal_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "checksum.h"
#include "journal_schema.h"
#include "log.h"
#include "proto/message.h"

/* ---- rows ------------------------------------------------------------------------------------ */

/* A table, or a part of its columns, whose last column is the checksum of those before. */
struct part {
    const char *name;
    const char *key;
    const char *columns;
    const char *where;    /* beside the key */
    const char *sessions; /* a query for the sessions that a bad row ?1 concerns */
    int64_t recent;       /* so many of the newest keys are checked at a start */
    bool is_chained;
};

#define SESSIONS_RUN     "SELECT session FROM prediction WHERE run = ?1"
#define SESSIONS_SUBJECT "SELECT id FROM session WHERE subject = ?1"
#define SESSIONS_SESSION "SELECT ?1"
#define SESSIONS_EVENT   "SELECT session FROM event WHERE id = ?1"
#define SESSIONS_PREDICTION                                                                        \
    "SELECT session FROM prediction WHERE event = ?1"                                              \
    " UNION SELECT session FROM event WHERE id = ?1"
#define SESSIONS_ALERT                                                                             \
    "SELECT session FROM event WHERE id = (SELECT event FROM alert WHERE id = ?1)"
#define SESSIONS_ADAPTATION                                                                        \
    "SELECT id FROM session WHERE subject = (SELECT subject FROM adaptation WHERE id = ?1)"

static const struct part CHAINS[JOURNAL_CHAINS] = {
#define CHAIN_PART(NAME, name, key, columns, recent)                                               \
    {#name, key, columns, "1", SESSIONS_##NAME, recent, true},
    JOURNAL_CHAIN_LIST(CHAIN_PART)
#undef CHAIN_PART
};

/* Rows that stand for themselves. */
static const struct part STATES[] = {
    {"checkpoint", "subject", "*", "1", SESSIONS_SUBJECT, 0, false},
    {"session", "id", "id, state, state_checksum", "state IS NOT NULL", SESSIONS_SESSION, 0, false},
};
static const struct part OUTLOOKS[] = {
    {"forecast", "event", "*", "1", NULL, 0, false},
    {"suggestion", "event", "*", "1", NULL, 0, false},
};

enum { BAD_MAX = 16 };

/* What became of reading a part. */
struct walk {
    int64_t n;
    int64_t n_bad;
    int64_t last;               /* key of the last row that was read */
    int64_t bad_row;            /* the first */
    char why[200];              /* what is wrong with it */
    int64_t concerned[BAD_MAX]; /* rows whose sessions are concerned */
    int n_concerned;
};

static void concern(struct walk *walk, int64_t row)
{
    if (walk->n_concerned < BAD_MAX) {
        walk->concerned[walk->n_concerned++] = row;
    }
}

static void note_bad(struct walk *walk, int64_t row, const char *why)
{
    if (walk->n_bad++ == 0) {
        walk->bad_row = row;
        (void)snprintf(walk->why, sizeof walk->why, "%s", why);
    }
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *format, const char *columns,
                             const struct part *part)
{
    sqlite3_stmt *s = NULL;
    char sql[400];
    (void)snprintf(sql, sizeof sql, format, columns, part->name, part->where, part->key, part->key);
    (void)sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    return s;
}

/* What the first row above `from` is chained to: zeros at the beginning. */
static bool read_seed(sqlite3 *db, const struct part *part, int64_t from,
                      uint8_t seed[CHECKSUM_BYTES])
{
    sqlite3_stmt *s = prepare(
        db, "SELECT %s FROM %s WHERE %s AND %s <= ?1 ORDER BY %s DESC LIMIT 1", "chain", part);
    sqlite3_bind_int64(s, 1, from);
    const int rc = s != NULL ? sqlite3_step(s) : SQLITE_ERROR;
    if (rc == SQLITE_ROW && sqlite3_column_bytes(s, 0) == CHECKSUM_BYTES) {
        memcpy(seed, sqlite3_column_blob(s, 0), CHECKSUM_BYTES);
    }
    sqlite3_finalize(s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

/* A value as a query gives it. */
static void add_column(struct checksum *sum, sqlite3_stmt *s, int column)
{
    switch (sqlite3_column_type(s, column)) {
    case SQLITE_INTEGER:
        checksum_whole(sum, sqlite3_column_int64(s, column));
        break;
    case SQLITE_FLOAT:
        checksum_real(sum, sqlite3_column_double(s, column));
        break;
    case SQLITE_TEXT: {
        const char *text = (const char *)sqlite3_column_text(s, column);
        checksum_text(sum, text, (size_t)sqlite3_column_bytes(s, column));
        break;
    }
    case SQLITE_BLOB: {
        const void *bytes = sqlite3_column_blob(s, column);
        checksum_blob(sum, bytes, (size_t)sqlite3_column_bytes(s, column));
        break;
    }
    default:
        checksum_null(sum);
        break;
    }
}

/* True if the row's last column is the checksum of the others; seed becomes that column. */
static bool is_as_written(sqlite3_stmt *s, bool is_chained, uint8_t seed[CHECKSUM_BYTES])
{
    struct checksum sum;
    uint8_t found[CHECKSUM_BYTES];
    const int last = sqlite3_column_count(s) - 1;
    checksum_init(&sum, is_chained ? seed : NULL);
    for (int i = 0; i < last; i++) {
        add_column(&sum, s, i);
    }
    checksum_final(&sum, found);
    const void *written = sqlite3_column_blob(s, last);
    if (written == NULL || sqlite3_column_bytes(s, last) != CHECKSUM_BYTES) {
        return false;
    }
    memcpy(seed, written, CHECKSUM_BYTES);
    return memcmp(seed, found, CHECKSUM_BYTES) == 0;
}

/* Holds the newest row against the head, which was written with it. */
static void check_head(sqlite3 *db, const struct part *part, const uint8_t seed[CHECKSUM_BYTES],
                       struct walk *walk)
{
    sqlite3_stmt *s = NULL;
    (void)sqlite3_prepare_v2(db, "SELECT last, chain FROM head WHERE name = ?1", -1, &s, NULL);
    sqlite3_bind_text(s, 1, part->name, -1, SQLITE_STATIC);
    const int rc = s != NULL ? sqlite3_step(s) : SQLITE_ERROR;
    if (rc == SQLITE_ROW) {
        const int64_t last = sqlite3_column_int64(s, 0);
        const bool is_gone = walk->last < last;
        if (is_gone || walk->last > last || sqlite3_column_bytes(s, 1) != CHECKSUM_BYTES ||
            memcmp(sqlite3_column_blob(s, 1), seed, CHECKSUM_BYTES) != 0) {
            note_bad(walk, is_gone ? last : walk->last,
                     is_gone ? "is gone" : "is not the newest row that was written");
            concern(walk, walk->last);
        }
    } else if (rc != SQLITE_DONE) {
        note_bad(walk, walk->last, sqlite3_errmsg(db));
    } else if (walk->n > 0) {
        note_bad(walk, walk->last, "the row of table head that names the newest is missing");
    }
    sqlite3_finalize(s);
}

/* Reads all rows of a part above `from`. */
static void walk_rows(sqlite3 *db, const struct part *part, int64_t from, struct walk *walk)
{
    uint8_t seed[CHECKSUM_BYTES] = {0};
    int rc = SQLITE_ERROR;
    *walk = (struct walk){.last = from};
    const bool has_seed = !part->is_chained || read_seed(db, part, from, seed);
    sqlite3_stmt *s =
        prepare(db, "SELECT %s FROM %s WHERE %s AND %s > ?1 ORDER BY %s", part->columns, part);
    sqlite3_bind_int64(s, 1, from);
    while (s != NULL && has_seed && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        const int64_t row = sqlite3_column_int64(s, 0);
        walk->n++;
        walk->last = row;
        if (!is_as_written(s, part->is_chained, seed)) {
            note_bad(walk, row,
                     part->is_chained ? "was changed, or a row before it is missing"
                                      : "was changed");
            concern(walk, row);
        }
    }
    if (rc != SQLITE_DONE) {
        note_bad(walk, walk->last, sqlite3_errmsg(db));
        concern(walk, walk->last);
    } else if (part->is_chained) {
        check_head(db, part, seed, walk);
    }
    sqlite3_finalize(s);
}

/* ---- pages ----------------------------------------------------------------------------------- */

static int damaged(const char *path, struct fault *fault, const char *format, ...)
    FAULT_PRINTF(3, 4);

static int damaged(const char *path, struct fault *fault, const char *format, ...)
{
    char what[400];
    va_list values;
    va_start(values, format);
    (void)vsnprintf(what, sizeof what, format, values);
    va_end(values);
    return fault_set(fault, FAULT_WORK,
                     "%s: %s; `murid check %s` lists the damage. To continue, keep the data "
                     "directory and set another data.directory; to repair it, use a copy that "
                     "is whole",
                     path, what, path);
}

/* A journal that was cut off is shorter than it says itself. What is in the write-ahead log need
 * not be in the file yet. */
static int check_size(sqlite3 *db, const char *path, struct fault *fault)
{
    char log[600];
    struct stat file;
    struct stat wal;
    const int64_t pages = journal_reader_whole(db, "PRAGMA page_count");
    const int64_t page = journal_reader_whole(db, "PRAGMA page_size");
    (void)snprintf(log, sizeof log, "%s-wal", path);
    if (pages < 0 || page < 0 || stat(path, &file) != 0) {
        return damaged(path, fault, "cannot be read: %s", sqlite3_errmsg(db));
    }
    const bool has_log = stat(log, &wal) == 0 && wal.st_size > 0;
    return !has_log && file.st_size < pages * page
               ? damaged(path, fault, "has %" PRId64 " bytes of %" PRId64, (int64_t)file.st_size,
                         pages * page)
               : FAULT_NONE;
}

/* SQLite's own check of the pages; pragma: which. to: NULL, or where every finding is said. */
static int check_pages(sqlite3 *db, const char *path, const char *pragma, FILE *to,
                       struct fault *fault)
{
    sqlite3_stmt *s = NULL;
    int rc = FAULT_NONE;
    int step = sqlite3_prepare_v2(db, pragma, -1, &s, NULL);
    while (step == SQLITE_OK || step == SQLITE_ROW) {
        step = sqlite3_step(s);
        const char *found = step == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : "ok";
        if (found == NULL || strcmp(found, "ok") != 0) {
            struct fault one;
            const int code = damaged(path, &one, "its pages are damaged: %.160s", found);
            if (to != NULL) {
                fprintf(to, "pages: %.200s\n", one.text + strlen(path) + 2);
            }
            *fault = rc == FAULT_NONE ? one : *fault;
            rc = code;
        }
    }
    if (step != SQLITE_DONE && rc == FAULT_NONE) {
        rc = damaged(path, fault, "its pages cannot be read: %s", sqlite3_errmsg(db));
    }
    sqlite3_finalize(s);
    return rc;
}

/* ---- at a start ------------------------------------------------------------------------------ */

static int walk_fault(const char *path, const struct part *part, const struct walk *walk,
                      struct fault *fault)
{
    return walk->n_bad == 0 ? FAULT_NONE
                            : damaged(path, fault, "table %s, row %" PRId64 " %s", part->name,
                                      walk->bad_row, walk->why);
}

static int64_t last_key(sqlite3 *db, const struct part *part)
{
    char sql[240];
    (void)snprintf(sql, sizeof sql,
                   "SELECT max((SELECT coalesce(max(%s), -1) FROM %s),"
                   " coalesce((SELECT last FROM head WHERE name = '%s'), -1))",
                   part->key, part->name, part->name);
    return journal_reader_whole(db, sql);
}

/* Nothing depends on what was said of the future: its damage is told, and refuses no start. */
static void warn_of_outlooks(sqlite3 *db, const char *path)
{
    for (size_t i = 0; i < sizeof OUTLOOKS / sizeof OUTLOOKS[0]; i++) {
        struct walk walk;
        walk_rows(db, &OUTLOOKS[i], -1, &walk);
        if (walk.n_bad > 0) {
            log_warn("%s: table %s, row %" PRId64 " and %" PRId64
                     " more: damaged and skipped; nothing depends on them",
                     path, OUTLOOKS[i].name, walk.bad_row, walk.n_bad - 1);
        }
    }
}

int journal_check_start(sqlite3 *db, const char *path, int64_t *from, struct fault *fault)
{
    int rc = check_size(db, path, fault);
    if (rc == FAULT_NONE &&
        journal_reader_whole(db, "PRAGMA page_count") * journal_reader_whole(db, "PRAGMA page_size") <=
            JOURNAL_CHECK_BYTES) {
        rc = check_pages(db, path, "PRAGMA quick_check(1)", NULL, fault);
        warn_of_outlooks(db, path);
    }
    for (int i = 0; rc == FAULT_NONE && i < JOURNAL_CHAINS; i++) {
        struct walk walk;
        const int64_t oldest = last_key(db, &CHAINS[i]) - CHAINS[i].recent;
        const int64_t after = oldest > -1 ? oldest : -1;
        walk_rows(db, &CHAINS[i], after, &walk);
        rc = walk_fault(path, &CHAINS[i], &walk, fault);
        if (i == JOURNAL_CHAIN_EVENT) {
            *from = after;
        }
    }
    return rc;
}

int journal_check_events(sqlite3 *db, const char *path, int64_t from, struct fault *fault)
{
    struct walk walk;
    walk_rows(db, &CHAINS[JOURNAL_CHAIN_EVENT], from, &walk);
    return walk_fault(path, &CHAINS[JOURNAL_CHAIN_EVENT], &walk, fault);
}

bool journal_check_states(sqlite3 *db, int64_t subject)
{
    static const char *const ROWS[] = {
        "SELECT * FROM checkpoint WHERE subject = ?1",
        "SELECT id, state, state_checksum FROM session WHERE subject = ?1 AND state IS NOT NULL"};
    bool is_sound = true;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        uint8_t seed[CHECKSUM_BYTES];
        sqlite3_stmt *s = NULL;
        int rc = sqlite3_prepare_v2(db, ROWS[i], -1, &s, NULL);
        sqlite3_bind_int64(s, 1, subject);
        while (is_sound && rc != SQLITE_DONE) {
            rc = rc == SQLITE_OK || rc == SQLITE_ROW ? sqlite3_step(s) : rc;
            is_sound = rc == SQLITE_DONE || (rc == SQLITE_ROW && is_as_written(s, false, seed));
        }
        sqlite3_finalize(s);
    }
    return is_sound;
}

/* ---- everything ------------------------------------------------------------------------------ */

struct report {
    const struct journal_reader *reader;
    FILE *to;
    struct fault *fault; /* the first damage */
    int rc;
};

static void keep_first(struct report *r, int rc, const struct fault *fault)
{
    if (rc != FAULT_NONE && r->rc == FAULT_NONE) {
        *r->fault = *fault;
        r->rc = rc;
    }
}

/* Names the sessions that bad rows concern. */
static void print_sessions(const struct report *r, const struct part *part, const struct walk *walk)
{
    char sql[600];
    char last[3 * PROTO_ID_MAX + 8] = "";
    if (part->sessions == NULL) {
        return;
    }
    (void)snprintf(sql, sizeof sql,
                   "SELECT session.rig || '/' || subject.name || '/' || session.name FROM session"
                   " JOIN subject ON subject.id = session.subject WHERE session.id IN (%s)"
                   " ORDER BY session.id",
                   part->sessions);
    for (int i = 0; i < walk->n_concerned; i++) {
        sqlite3_stmt *s = NULL;
        (void)sqlite3_prepare_v2(r->reader->db, sql, -1, &s, NULL);
        sqlite3_bind_int64(s, 1, walk->concerned[i]);
        while (s != NULL && sqlite3_step(s) == SQLITE_ROW) {
            struct fault clean;
            (void)fault_set(&clean, FAULT_NONE, "%.190s", journal_reader_text(s, 0));
            if (strcmp(clean.text, last) != 0) {
                fprintf(r->to, "  session %s\n", clean.text);
            }
            (void)snprintf(last, sizeof last, "%.190s", clean.text);
        }
        sqlite3_finalize(s);
    }
}

static void check_part(struct report *r, const struct part *part, const char *name,
                       const char *advice)
{
    struct walk walk;
    struct fault fault;
    walk_rows(r->reader->db, part, -1, &walk);
    if (walk.n_bad == 0) {
        fprintf(r->to, "%s: %" PRId64 " rows, intact\n", name, walk.n);
        return;
    }
    fprintf(r->to,
            "%s: %" PRId64 " rows, %" PRId64 " damaged; the first is row %" PRId64 ", which %s%s\n",
            name, walk.n, walk.n_bad, walk.bad_row, walk.why, advice);
    print_sessions(r, part, &walk);
    keep_first(r, walk_fault(r->reader->path, part, &walk, &fault), &fault);
}

static void check_models(struct report *r)
{
    sqlite3_stmt *s = NULL;
    int64_t n = 0;
    int rc = sqlite3_prepare_v2(r->reader->db, "SELECT hash, file FROM model", -1, &s, NULL);
    while (rc == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW) {
        const char *hash = journal_reader_text(s, 0);
        n++;
        if (!checksum_names(hash, sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1))) {
            struct fault fault;
            const int code = damaged(r->reader->path, &fault,
                                     "table model, row %.32s is not the file of that hash", hash);
            fprintf(r->to, "model: row %.32s is not the file of that hash\n", hash);
            keep_first(r, code, &fault);
        }
    }
    fprintf(r->to, "model: %" PRId64 " files\n", n);
    sqlite3_finalize(s);
}

int journal_check_all(const struct journal_reader *reader, FILE *to, struct fault *fault)
{
    struct report r = {.reader = reader, .to = to, .fault = fault};
    struct fault found;
    (void)sqlite3_exec(reader->db, "BEGIN", NULL, NULL, NULL); /* one moment of a live journal */
    int rc = check_size(reader->db, reader->path, &found);
    fprintf(to, "size: %s\n", rc == FAULT_NONE ? "ok" : "the file was cut off");
    keep_first(&r, rc, &found);
    rc = check_pages(reader->db, reader->path, "PRAGMA integrity_check", to, &found);
    fprintf(to, "pages: %s\n", rc == FAULT_NONE ? "ok" : "damaged");
    keep_first(&r, rc, &found);
    for (int i = 0; i < JOURNAL_CHAINS; i++) {
        check_part(&r, &CHAINS[i], CHAINS[i].name, "");
    }
    check_models(&r);
    for (size_t i = 0; i < sizeof STATES / sizeof STATES[0]; i++) {
        check_part(&r, &STATES[i], i == 0 ? "checkpoint" : "states of sessions",
                   "; a daemon skips it and replays the events");
    }
    for (size_t i = 0; i < sizeof OUTLOOKS / sizeof OUTLOOKS[0]; i++) {
        check_part(&r, &OUTLOOKS[i], OUTLOOKS[i].name, "; nothing depends on it");
    }
    (void)sqlite3_exec(reader->db, "COMMIT", NULL, NULL, NULL);
    return r.rc;
}
