#include "journal_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "input_file.h"
#include "journal_check.h"
#include "journal_db_check.h"
#include "log.h"
#include "os_lock.h"
#include "output_file.h"
#include "protocol_list.h"

enum { FILE_BYTES_MAX = (1 << 28) - 1 };

enum journal_db_cause journal_db_roll_back(struct journal_db *store)
{
    const enum journal_db_cause cause =
        journal_db_cause_read(store->db, store->failure, sizeof store->failure);
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
            (void)output_file_sync_directory(path); /* there are file systems that cannot */
        } else if (errno != EEXIST) {
            return fault_set(fault, FAULT_WORK, "%s: cannot be created: %s", path, strerror(errno));
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
        log_warn("%s: locked, but the owner cannot be written there: %s", path, strerror(errno));
    }
    return FAULT_NONE;
}

static int open_schema(struct journal_db *store, struct fault *fault)
{
    const int64_t version = journal_reader_whole(store->db, "PRAGMA user_version");
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

int journal_db_open(struct journal_db *store, const char *directory, struct fault *fault)
{
    enum { BUSY_MS = 1000 };
    *store = (struct journal_db){.lock_fd = -1};
    (void)snprintf(store->path, sizeof store->path, "%s/%s", directory, JOURNAL_FILE);
    int rc = make_directory(directory, fault);
    rc = rc ? rc : take_lock(store, directory, fault);
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
    rc = rc ? rc : open_schema(store, fault);
    rc = rc ? rc : journal_check_start(store->db, store->path, &store->checked_event, fault);
    if (rc == FAULT_NONE && journal_rows_open(&store->rows, store->db) != SQLITE_OK) {
        rc = db_fault(store, fault);
    }
    if (rc == FAULT_NONE) {
        (void)sqlite3_wal_hook(store->db, note_wal,
                               store); /* takes the place of automatic checkpoints */
        store->last_event =
            journal_reader_whole(store->db, "SELECT coalesce(max(id), 0) FROM event");
        store->run = journal_reader_whole(store->db, "SELECT coalesce(max(id), 0) FROM run");
        store->last_adaptation =
            journal_reader_whole(store->db, "SELECT coalesce(max(id), 0) FROM adaptation");
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
    FILE *f;
    sqlite3_stmt *s = NULL;
    uint8_t *bytes = NULL;
    size_t size = 0;
    int rc = input_file_open(&f, path, NULL, fault);
    rc = rc ? rc : input_file_read(f, path, FILE_BYTES_MAX, "", &bytes, &size, fault);
    if (rc != FAULT_NONE || size == 0) {
        rc = fault_set(fault, FAULT_WORK, "%s: cannot be reread for the journal", path);
    } else if (!checksum_names(hash, bytes, size)) {
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
    int rc = run->model_path != NULL ? keep_file(store, run->model_hash, run->model_path, fault)
                                     : FAULT_NONE;
    for (size_t i = 0; rc == FAULT_NONE && i < protocol_list_n(&config->protocol); i++) {
        struct protocol_entry entry;
        rc = protocol_list_at(&config->protocol, i, &entry, fault);
        rc = rc ? rc : keep_file(store, entry.hash, entry.file, fault);
    }
    char *text = rc == FAULT_NONE ? config_text(config) : NULL;
    if (rc != FAULT_NONE) {
        return rc;
    }
    const struct journal_rows_run row = {.id = store->run + 1,
                                         .first_event = run->first_event,
                                         .model_hash = run->model_hash,
                                         .config = text};
    if (text == NULL) {
        rc = fault_set(fault, FAULT_WORK, "%s: no memory for the configuration", store->path);
    } else if (journal_rows_write_run(&store->rows, &row) != SQLITE_OK) {
        rc = db_fault(store, fault);
    }
    free(text);
    return rc;
}

void journal_db_close(struct journal_db *store)
{
    journal_rows_close(&store->rows);
    sqlite3_close(store->db);
    store->db = NULL;
    if (store->lock_fd > 0) {
        close(store->lock_fd);
    }
    store->lock_fd = -1;
}
