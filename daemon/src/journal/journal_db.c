#include "journal_db.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checksum.h"
#include "clock.h"
#include "journal_check.h"
#include "journal_db_check.h"
#include "journal_schema.h"
#include "log.h"
#include "os_lock.h"

/* ---- rows ------------------------------------------------------------------------------------ */

enum statement {
    BEGIN,
    COMMIT,
    PUT_HEAD,
    INSERT_RUN,
    INSERT_SUBJECT,
    INSERT_SESSION,
    INSERT_EVENT,
    INSERT_PREDICTION,
    INSERT_ALERT,
    PUT_CHECKPOINT,
    PUT_SESSION_STATE,
    INSERT_ADAPTATION,
    INSERT_FORECAST,
    INSERT_SUGGESTION
};

/* OR IGNORE, because a commit that failed after its sync may have reached the disk all the same. */
static const char *const SQL[] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [PUT_HEAD] = "INSERT OR REPLACE INTO head VALUES (?,?,?)",
    [INSERT_RUN] = "INSERT INTO run VALUES (?,?,?,?,?,?,?,?)",
    [INSERT_SUBJECT] = "INSERT OR IGNORE INTO subject VALUES (?,?,?)",
    [INSERT_SESSION] = ("INSERT OR IGNORE INTO session"
                        " (id, rig, subject, name, named_here, started_wall_ns, given, run,"
                        " stated, counts, chain) VALUES (?,?,?,?,?,?,?,?,?,?,?)"),
    [INSERT_EVENT] =
        "INSERT OR IGNORE INTO event VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [INSERT_PREDICTION] = ("INSERT OR IGNORE INTO prediction VALUES"
                           " (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
    [INSERT_ALERT] = "INSERT OR IGNORE INTO alert VALUES (?,?,?,?,?,?,?,?,?)",
    [PUT_CHECKPOINT] = "INSERT OR REPLACE INTO checkpoint VALUES (?,?,?,?,?,?)",
    [PUT_SESSION_STATE] = "UPDATE session SET state = ?2, state_checksum = ?3 WHERE id = ?1",
    [INSERT_ADAPTATION] = "INSERT OR IGNORE INTO adaptation VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
    [INSERT_FORECAST] = "INSERT OR IGNORE INTO forecast VALUES (?,?,?,?,?)",
    [INSERT_SUGGESTION] = "INSERT OR IGNORE INTO suggestion VALUES (?,?,?,?,?)",
};
enum { N_STATEMENTS = sizeof SQL / sizeof SQL[0] };
_Static_assert(N_STATEMENTS == sizeof((struct journal_db *)0)->statements / sizeof(sqlite3_stmt *),
               "one place for each statement");

const char *journal_record_change_name(enum journal_record_change change)
{
    static const char *const NAMES[] = {
#define JOURNAL_RECORD_CHANGE_NAME(NAME, name) #name,
        JOURNAL_RECORD_CHANGE_LIST(JOURNAL_RECORD_CHANGE_NAME)
#undef JOURNAL_RECORD_CHANGE_NAME
    };
    return change < JOURNAL_RECORD_CHANGES ? NAMES[change] : NULL;
}

static int run_statement(sqlite3_stmt *s)
{
    const int rc = sqlite3_step(s);
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* A row on its way: each value is bound and goes into the checksum, in the order of the columns. */
struct row {
    sqlite3_stmt *s;
    int at;
    struct checksum sum;
};

static void row_begin(struct row *row, struct journal_db *store, enum statement statement,
                      const uint8_t *seed)
{
    row->s = store->statements[statement];
    row->at = 0;
    checksum_init(&row->sum, seed);
}

static void put_null(struct row *row)
{
    sqlite3_bind_null(row->s, ++row->at);
    checksum_null(&row->sum);
}

static void put_whole(struct row *row, int64_t value)
{
    sqlite3_bind_int64(row->s, ++row->at, value);
    checksum_whole(&row->sum, value);
}

static void put_whole_or_null(struct row *row, int64_t value, int64_t unknown)
{
    if (value == unknown) {
        put_null(row);
    } else {
        put_whole(row, value);
    }
}

/* SQLite stores NaN as NULL by itself. */
static void put_real(struct row *row, double value)
{
    sqlite3_bind_double(row->s, ++row->at, value);
    checksum_real(&row->sum, value);
}

/* What is put must stay until the row is written. */
static void put_text(struct row *row, const char *text, size_t size)
{
    sqlite3_bind_text(row->s, ++row->at, text, (int)size, SQLITE_STATIC);
    checksum_text(&row->sum, text, size);
}

static void put_blob(struct row *row, const void *bytes, size_t size)
{
    sqlite3_bind_blob(row->s, ++row->at, bytes, (int)size, SQLITE_STATIC);
    checksum_blob(&row->sum, bytes, size);
}

static void put_name(struct row *row, const char *text)
{
    if (text == NULL || text[0] == '\0') {
        put_null(row);
    } else {
        put_text(row, text, strlen(text));
    }
}

static void put_reals(struct row *row, const double *values, size_t n)
{
    put_blob(row, values, n * sizeof values[0]);
}

static void put_bin(struct row *row, const model_coverage_bin *bin)
{
    put_whole_or_null(row, bin->n > 0 ? bin->n_covered : -1, -1);
    put_real(row, bin->n > 0 ? bin->found : (double)NAN);
    put_real(row, bin->n > 0 ? bin->claimed : (double)NAN);
}

static void put_score(struct row *row, const proto_score *score)
{
    put_whole(row, score->n);
    put_real(row, score->nats);
    put_real(row, score->baseline_nats);
    put_real(row, score->brier);
    put_real(row, score->ece);
    put_real(row, score->coverage);
    put_real(row, score->interval_ratio);
}

/* Writes a row whose last column is the checksum of the others. */
static int row_write(struct row *row)
{
    uint8_t checksum[CHECKSUM_BYTES];
    checksum_final(&row->sum, checksum);
    sqlite3_bind_blob(row->s, ++row->at, checksum, sizeof checksum, SQLITE_STATIC);
    return run_statement(row->s);
}

/* The next row of a chained table. False: it stands there already, and nothing is to be done. */
static bool link_begin(struct row *row, struct journal_db *store, enum statement statement,
                       enum journal_chain chain, int64_t key)
{
    if (key <= store->heads[chain].last) {
        return false;
    }
    row_begin(row, store, statement, store->heads[chain].chain);
    put_whole(row, key);
    return true;
}

static int link_write(struct row *row, struct journal_db *store, enum journal_chain chain,
                      int64_t key)
{
    struct journal_db_head *head = &store->heads[chain];
    uint8_t next[CHECKSUM_BYTES];
    checksum_final(&row->sum, next);
    sqlite3_bind_blob(row->s, ++row->at, next, sizeof next, SQLITE_STATIC);
    const int rc = run_statement(row->s);
    if (rc == SQLITE_OK) {
        head->last = key;
        head->is_changed = true;
        memcpy(head->chain, next, sizeof next);
    }
    return rc;
}

static int write_subject(struct journal_db *store, const struct journal_record_event *r)
{
    struct row row;
    if (!link_begin(&row, store, INSERT_SUBJECT, JOURNAL_CHAIN_SUBJECT, r->subject)) {
        return SQLITE_OK;
    }
    put_name(&row, r->subject_name);
    return link_write(&row, store, JOURNAL_CHAIN_SUBJECT, r->subject);
}

static int write_session(struct journal_db *store, const struct journal_record_event *r)
{
    struct row row;
    if (!link_begin(&row, store, INSERT_SESSION, JOURNAL_CHAIN_SESSION, r->session)) {
        return SQLITE_OK;
    }
    put_name(&row, r->rig);
    put_whole(&row, r->subject);
    put_name(&row, r->session_name);
    put_whole(&row, r->named_here);
    put_whole(&row, r->t_wall_ns);
    put_name(&row, r->given_name);
    put_whole(&row, r->session_run);
    put_whole(&row, r->is_stated);
    put_whole(&row, r->session_counts);
    return link_write(&row, store, JOURNAL_CHAIN_SESSION, r->session);
}

static int write_event(struct journal_db *store, const struct journal_record_event *r)
{
    struct row row;
    int rc = r->is_new_subject ? write_subject(store, r) : SQLITE_OK;
    rc = rc == SQLITE_OK && r->is_new_session ? write_session(store, r) : rc;
    if (rc != SQLITE_OK || !link_begin(&row, store, INSERT_EVENT, JOURNAL_CHAIN_EVENT, r->id)) {
        return rc;
    }
    put_whole(&row, r->t_wall_ns);
    put_whole(&row, r->head.t_mono_ns);
    put_whole_or_null(&row, r->t_event_ns, PROTO_NIL);
    put_name(&row, session_source_name((enum session_source)r->source));
    put_name(&row, r->rig);
    put_name(&row, proto_kind_name((proto_kind)r->kind));
    put_name(&row, session_outcome_name((enum session_outcome)r->status));
    put_whole_or_null(&row, r->subject, -1);
    put_whole_or_null(&row, r->session, -1);
    put_whole_or_null(&row, r->trial, PROTO_NIL);
    put_whole_or_null(&row, r->seq, PROTO_NIL);
    put_real(&row, r->stimulus);
    put_whole_or_null(&row, r->choice, PROTO_NIL);
    put_real(&row, r->reward);
    put_whole_or_null(&row, r->side, PROTO_NIL);
    put_real(&row, r->rt_s);
    put_real(&row, r->scored.p_right);
    put_real(&row, r->scored.nats);
    put_real(&row, r->scored.baseline_nats);
    put_real(&row, r->scored.p_disengaged);
    put_bin(&row, &r->scored.bin);
    put_blob(&row, r->raw, r->raw_size);
    return link_write(&row, store, JOURNAL_CHAIN_EVENT, r->id);
}

static int write_prediction(struct journal_db *store, const struct journal_record_prediction *r)
{
    struct row row;
    const double *values = r->values;
    if (!link_begin(&row, store, INSERT_PREDICTION, JOURNAL_CHAIN_PREDICTION, r->event)) {
        return SQLITE_OK;
    }
    put_whole(&row, r->t_wall_ns);
    put_whole(&row, r->head.t_mono_ns);
    put_whole(&row, r->run);
    put_whole(&row, r->subject);
    put_whole(&row, r->session);
    put_whole(&row, r->for_trial);
    for (int i = 0; i < 4; i++) {
        put_reals(&row, values, r->n_stimuli);
        values += r->n_stimuli;
    }
    for (int i = 0; i < 2; i++) {
        put_reals(&row, values, r->n_weights);
        values += r->n_weights;
    }
    put_score(&row, &r->score);
    put_score(&row, &r->session_score);
    for (int i = 0; i < SESSION_STAGES; i++) {
        put_real(&row, r->stage_us[i]);
    }
    return link_write(&row, store, JOURNAL_CHAIN_PREDICTION, r->event);
}

static int write_alert(struct journal_db *store, const struct journal_record_alert *r)
{
    struct row row;
    const int64_t id = store->heads[JOURNAL_CHAIN_ALERT].last + 1;
    (void)link_begin(&row, store, INSERT_ALERT, JOURNAL_CHAIN_ALERT, id);
    put_whole_or_null(&row, r->event, 0);
    put_whole(&row, r->t_wall_ns);
    put_text(&row, r->rig, strlen(r->rig));
    put_text(&row, r->subject, strlen(r->subject));
    put_name(&row, proto_alert_name((proto_alert_code)r->code));
    put_real(&row, r->evidence);
    put_text(&row, r->text, strlen(r->text));
    return link_write(&row, store, JOURNAL_CHAIN_ALERT, id);
}

static int write_checkpoint(struct journal_db *store, const struct journal_record_checkpoint *r)
{
    struct row row;
    row_begin(&row, store, PUT_CHECKPOINT, NULL);
    put_whole(&row, r->subject);
    put_whole(&row, r->event);
    put_whole(&row, r->run);
    put_whole(&row, SUBJECTS_LAYOUT);
    put_blob(&row, r->state, r->state_size);
    int rc = row_write(&row);
    for (uint32_t i = 0; rc == SQLITE_OK && i < r->n_sessions; i++) {
        row_begin(&row, store, PUT_SESSION_STATE, NULL);
        put_whole(&row, r->session[i]);
        put_blob(&row, &r->session_state[i], sizeof r->session_state[i]);
        rc = row_write(&row);
    }
    return rc;
}

static int write_adaptation(struct journal_db *store, const struct journal_record_adaptation *r)
{
    struct row row;
    if (!link_begin(&row, store, INSERT_ADAPTATION, JOURNAL_CHAIN_ADAPTATION, r->id)) {
        return SQLITE_OK;
    }
    put_whole(&row, r->subject);
    put_whole(&row, r->run);
    put_whole(&row, r->t_wall_ns);
    put_name(&row, journal_record_change_name((enum journal_record_change)r->what));
    put_whole(&row, r->based_on);
    put_whole(&row, r->event);
    put_whole(&row, r->n);
    put_real(&row, r->nats_before);
    put_real(&row, r->nats_after);
    if (r->n_values > 0) {
        put_blob(&row, r->values, r->n_values * sizeof r->values[0]);
    } else {
        put_null(&row);
    }
    return link_write(&row, store, JOURNAL_CHAIN_ADAPTATION, r->id);
}

static int write_outlook(struct journal_db *store, enum statement statement,
                         const struct journal_record_outlook *r)
{
    struct row row;
    row_begin(&row, store, statement, NULL);
    put_whole(&row, r->event);
    put_whole(&row, r->subject);
    put_whole(&row, r->t_wall_ns);
    put_text(&row, (const char *)r->json, r->n_json);
    return row_write(&row);
}

int journal_db_write(struct journal_db *store, const struct journal_record *record)
{
    switch ((enum journal_record_type)record->type) {
    case JOURNAL_RECORD_EVENT:
        return write_event(store, (const void *)record);
    case JOURNAL_RECORD_PREDICTION:
        return write_prediction(store, (const void *)record);
    case JOURNAL_RECORD_ALERT:
        return write_alert(store, (const void *)record);
    case JOURNAL_RECORD_CHECKPOINT:
        return write_checkpoint(store, (const void *)record);
    case JOURNAL_RECORD_ADAPTATION:
        return write_adaptation(store, (const void *)record);
    case JOURNAL_RECORD_FORECAST:
        return write_outlook(store, INSERT_FORECAST, (const void *)record);
    case JOURNAL_RECORD_SUGGESTION:
        return write_outlook(store, INSERT_SUGGESTION, (const void *)record);
    }
    return SQLITE_MISUSE;
}

static const char *const CHAIN_NAMES[] = {
#define CHAIN_NAME(NAME, name, key, columns, recent) #name,
    JOURNAL_CHAIN_LIST(CHAIN_NAME)
#undef CHAIN_NAME
};

static int put_heads(struct journal_db *store)
{
    int rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && i < JOURNAL_CHAINS; i++) {
        const struct journal_db_head *head = &store->heads[i];
        if (head->is_changed) {
            sqlite3_stmt *s = store->statements[PUT_HEAD];
            sqlite3_bind_text(s, 1, CHAIN_NAMES[i], -1, SQLITE_STATIC);
            sqlite3_bind_int64(s, 2, head->last);
            sqlite3_bind_blob(s, 3, head->chain, sizeof head->chain, SQLITE_STATIC);
            rc = run_statement(s);
        }
    }
    return rc;
}

int journal_db_begin(struct journal_db *store)
{
    memcpy(store->heads, store->kept_heads, sizeof store->heads);
    return run_statement(store->statements[BEGIN]);
}

int journal_db_commit(struct journal_db *store)
{
    int rc = put_heads(store);
    rc = rc == SQLITE_OK ? run_statement(store->statements[COMMIT]) : rc;
    if (rc == SQLITE_OK) {
        for (int i = 0; i < JOURNAL_CHAINS; i++) {
            store->heads[i].is_changed = false;
        }
        memcpy(store->kept_heads, store->heads, sizeof store->kept_heads);
    }
    return rc;
}

enum journal_db_cause journal_db_cause_of(int code, int system_error)
{
    if (code == SQLITE_READONLY_DBMOVED) {
        return JOURNAL_DB_CAUSE_MOVED;
    }
    switch (code & 0xff) {
    case SQLITE_FULL:
        return JOURNAL_DB_CAUSE_FULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return JOURNAL_DB_CAUSE_DAMAGED;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return JOURNAL_DB_CAUSE_HELD;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return JOURNAL_DB_CAUSE_READ_ONLY;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        break;
    default:
        return JOURNAL_DB_CAUSE_OTHER;
    }
    switch (system_error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return JOURNAL_DB_CAUSE_FULL;
    case EROFS:
    case EACCES:
    case EPERM:
        return JOURNAL_DB_CAUSE_READ_ONLY;
    default:
        return JOURNAL_DB_CAUSE_IO;
    }
}

const char *journal_db_cause_text(enum journal_db_cause cause)
{
    static const char *const TEXTS[] = {
#define CAUSE_TEXT(NAME, text) text,
        JOURNAL_DB_CAUSE_LIST(CAUSE_TEXT)
#undef CAUSE_TEXT
    };
    return cause < JOURNAL_DB_CAUSES ? TEXTS[cause] : "";
}

/* What the system said last of the file, or of its write-ahead log; 0 nothing. SQLite keeps the
 * errno of a commit's write with the file alone. */
static int system_error(sqlite3 *db)
{
    int error = sqlite3_system_errno(db);
    sqlite3_file *log = NULL;
    if (error == 0) {
        (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
        if (log != NULL && log->pMethods != NULL) {
            (void)log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
        }
    }
    if (error == 0) {
        (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &error);
    }
    return error;
}

enum journal_db_cause journal_db_roll_back(struct journal_db *store)
{
    const int code = sqlite3_extended_errcode(store->db);
    const bool has_error = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
    char said[128];
    (void)snprintf(said, sizeof said, "%s",
                   sqlite3_errmsg(store->db)); /* before another call changes it */
    const int error = has_error ? system_error(store->db) : 0;
    const enum journal_db_cause cause = journal_db_cause_of(code, error);
    (void)snprintf(store->failure, sizeof store->failure, "%s (%s%s%s)",
                   journal_db_cause_text(cause), said, error != 0 ? ": " : "",
                   error != 0 ? strerror(error) : "");
    if (sqlite3_get_autocommit(store->db) == 0) {
        (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return cause;
}

static int note_wal(void *store, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    ((struct journal_db *)store)->wal_pages = pages;
    return SQLITE_OK;
}

void journal_db_move_wal(struct journal_db *store)
{
    enum { WAL_PAGES = 1000 };
    if (store->wal_pages > WAL_PAGES) {
        (void)sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    }
}

/* ---- opening --------------------------------------------------------------------------------- */

static int db_fault(struct journal_db *store, struct fault *fault)
{
    return fault_set(fault, FAULT_WORK, "%s: %s", store->path, sqlite3_errmsg(store->db));
}

/* A directory is on disk only when the one that it stands in is. */
static void sync_parent(const char *path)
{
    char parent[512];
    const char *slash = strrchr(path, '/');
    (void)snprintf(parent, sizeof parent, "%.*s", slash != NULL ? (int)(slash - path) + 1 : 1,
                   slash != NULL ? path : ".");
    const int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd); /* there are file systems that cannot */
        (void)close(fd);
    }
}

static int make_directory(const char *directory, struct fault *fault)
{
    char path[512];
    const size_t n = strlen(directory);
    if (n + 1 > sizeof path) {
        return fault_set(fault, FAULT_INPUT, "data.directory: longer than %zu bytes", sizeof path);
    }
    for (size_t i = 1; i <= n; i++) {
        if (directory[i] != '/' && directory[i] != '\0') {
            continue;
        }
        memcpy(path, directory, i);
        path[i] = '\0';
        if (mkdir(path, 0755) == 0) {
            sync_parent(path);
        } else if (errno != EEXIST) {
            return fault_set(fault, FAULT_WORK, "%s: cannot be made: %s", path, strerror(errno));
        }
    }
    return FAULT_NONE;
}

static int take_lock(struct journal_db *store, const char *directory, struct fault *fault)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/" JOURNAL_LOCK, directory);
    store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (store->lock_fd < 0) {
        return fault_set(fault, FAULT_WORK, "%s: cannot be written: %s", path, strerror(errno));
    }
    if (os_lock_take(store->lock_fd) != 0) {
        return journal_db_check_held(store->lock_fd, directory, fault);
    }
    char pid[24];
    const int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(store->lock_fd, 0) != 0 || pwrite(store->lock_fd, pid, (size_t)n, 0) != n) {
        log_warn("%s: held, but who holds it cannot be written there: %s", path, strerror(errno));
    }
    return FAULT_NONE;
}

static int open_schema(struct journal_db *store, struct fault *fault)
{
    sqlite3_stmt *s = NULL;
    int64_t version = -1;
    if (sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW) {
        version = sqlite3_column_int64(s, 0);
    }
    sqlite3_finalize(s);
    if (version < 0) {
        return db_fault(store, fault);
    }
    const int rc = journal_db_check_version(version, store->path, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    const char *setup = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                        "PRAGMA cell_size_check = 1;";
    const char *tables = "BEGIN;" JOURNAL_SCHEMA;
    const char *views = JOURNAL_VIEWS "PRAGMA user_version = 4; COMMIT;";
    _Static_assert(JOURNAL_VERSION == 4, "the text above names the version");
    if (sqlite3_exec(store->db, setup, NULL, NULL, NULL) != SQLITE_OK ||
        (version == 0 && (sqlite3_exec(store->db, tables, NULL, NULL, NULL) != SQLITE_OK ||
                          sqlite3_exec(store->db, views, NULL, NULL, NULL) != SQLITE_OK))) {
        return db_fault(store, fault);
    }
    return FAULT_NONE;
}

/* Tables without a row have no head. */
static int read_heads(struct journal_db *store, struct fault *fault)
{
    sqlite3_stmt *s = NULL;
    for (int i = 0; i < JOURNAL_CHAINS; i++) {
        store->heads[i].last = i == JOURNAL_CHAIN_ALERT ? 0 : -1; /* alerts count from 1 */
    }
    int rc = sqlite3_prepare_v2(store->db, "SELECT name, last, chain FROM head", -1, &s, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(s, 0);
        for (int i = 0; name != NULL && i < JOURNAL_CHAINS; i++) {
            if (strcmp(name, CHAIN_NAMES[i]) == 0 && sqlite3_column_bytes(s, 2) == CHECKSUM_BYTES) {
                store->heads[i].last = sqlite3_column_int64(s, 1);
                memcpy(store->heads[i].chain, sqlite3_column_blob(s, 2), CHECKSUM_BYTES);
            }
        }
        rc = SQLITE_OK;
    }
    sqlite3_finalize(s);
    memcpy(store->kept_heads, store->heads, sizeof store->kept_heads);
    return rc == SQLITE_DONE ? FAULT_NONE : db_fault(store, fault);
}

static int64_t query_whole(struct journal_db *store, const char *sql)
{
    sqlite3_stmt *s = NULL;
    int64_t value = -1;
    if (sqlite3_prepare_v2(store->db, sql, -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW) {
        value = sqlite3_column_int64(s, 0);
    }
    sqlite3_finalize(s);
    return value;
}

int journal_db_open(struct journal_db *store, const char *directory, struct fault *fault)
{
    enum { BUSY_MS = 1000 };
    *store = (struct journal_db){.lock_fd = -1};
    (void)snprintf(store->path, sizeof store->path, "%s/%s", directory, JOURNAL_FILE);
    int rc = make_directory(directory, fault);
    rc = rc == FAULT_NONE ? take_lock(store, directory, fault) : rc;
    if (rc != FAULT_NONE) {
        journal_db_close(store);
        return rc;
    }
    if (sqlite3_open_v2(store->path, &store->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK) {
        rc = db_fault(store, fault);
    }
    (void)sqlite3_busy_timeout(store->db, BUSY_MS);
    rc = rc == FAULT_NONE ? open_schema(store, fault) : rc;
    rc = rc == FAULT_NONE
             ? journal_check_start(store->db, store->path, &store->checked_event, fault)
             : rc;
    rc = rc == FAULT_NONE ? read_heads(store, fault) : rc;
    for (int i = 0; rc == FAULT_NONE && i < N_STATEMENTS; i++) {
        if (sqlite3_prepare_v3(store->db, SQL[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &store->statements[i], NULL) != SQLITE_OK) {
            rc = db_fault(store, fault);
        }
    }
    if (rc == FAULT_NONE) {
        (void)sqlite3_wal_hook(store->db, note_wal,
                               store); /* takes the place of automatic checkpoints */
        store->last_event = query_whole(store, "SELECT coalesce(max(id), 0) FROM event");
        store->run = query_whole(store, "SELECT coalesce(max(id), 0) FROM run");
        store->last_adaptation = query_whole(store, "SELECT coalesce(max(id), 0) FROM adaptation");
    }
    if (rc == FAULT_NONE &&
        (store->last_event < 0 || store->run < 0 || store->last_adaptation < 0)) {
        rc = db_fault(store, fault);
    }
    if (rc != FAULT_NONE) {
        journal_db_close(store);
    }
    return rc;
}

/* A copy of a file that was read under that hash. */
static int keep_file(struct journal_db *store, const char *hash, const char *path,
                     struct fault *fault)
{
    FILE *f = fopen(path, "rb");
    sqlite3_stmt *s = NULL;
    uint8_t *bytes = NULL;
    int rc = FAULT_NONE;
    long size = -1;
    if (f != NULL && fseek(f, 0, SEEK_END) == 0) {
        size = ftell(f);
        rewind(f);
    }
    bytes = size > 0 && size < (1 << 28) ? malloc((size_t)size) : NULL;
    if (bytes == NULL || fread(bytes, 1, (size_t)size, f) != (size_t)size) {
        rc = fault_set(fault, FAULT_WORK, "%s: cannot be read again to be kept in the journal",
                       path);
    } else if (!checksum_names(hash, bytes, (size_t)size)) {
        rc = fault_set(fault, FAULT_WORK, "%s: was changed while it was read; load it again", path);
    } else if (sqlite3_prepare_v2(store->db, "INSERT OR IGNORE INTO model VALUES (?,?,?)", -1, &s,
                                  NULL) != SQLITE_OK ||
               sqlite3_bind_text(s, 1, hash, -1, SQLITE_STATIC) != SQLITE_OK ||
               sqlite3_bind_text(s, 2, path, -1, SQLITE_STATIC) != SQLITE_OK ||
               sqlite3_bind_blob(s, 3, bytes, (int)size, SQLITE_STATIC) != SQLITE_OK ||
               sqlite3_step(s) != SQLITE_DONE) {
        rc = db_fault(store, fault);
    }
    sqlite3_finalize(s);
    free(bytes);
    if (f != NULL) {
        fclose(f);
    }
    return rc;
}

static char *config_text(const struct config *config)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (f != NULL) {
        config_print(config, f);
        fclose(f);
    }
    return text;
}

int journal_db_write_run(struct journal_db *store, const struct journal_db_run *run,
                         struct fault *fault)
{
    const struct config *config = run->config;
    const int64_t id = store->run + 1;
    struct row row;
    int rc = run->model_path != NULL ? keep_file(store, run->model_hash, run->model_path, fault)
                                     : FAULT_NONE;
    if (rc == FAULT_NONE && config->protocol.file[0] != '\0') {
        rc = keep_file(store, config->protocol.hash, config->protocol.file, fault);
    }
    char *text = rc == FAULT_NONE ? config_text(config) : NULL;
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (text == NULL || !link_begin(&row, store, INSERT_RUN, JOURNAL_CHAIN_RUN, id)) {
        free(text);
        return fault_set(fault, FAULT_WORK, "%s: no row for a run could be made", store->path);
    }
    put_whole(&row, run->first_event);
    put_whole(&row, clock_wall_ns());
    put_name(&row, MURID_VERSION);
    put_name(&row, run->model_hash);
    put_text(&row, text, strlen(text));
    put_whole(&row, clock_boot());
    rc = link_write(&row, store, JOURNAL_CHAIN_RUN, id) == SQLITE_OK ? FAULT_NONE
                                                                     : db_fault(store, fault);
    free(text);
    return rc;
}

void journal_db_close(struct journal_db *store)
{
    for (int i = 0; i < N_STATEMENTS; i++) {
        sqlite3_finalize(store->statements[i]);
        store->statements[i] = NULL;
    }
    sqlite3_close(store->db);
    store->db = NULL;
    if (store->lock_fd > 0) {
        close(store->lock_fd);
    }
    store->lock_fd = -1;
}
