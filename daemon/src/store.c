#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "journal_schema.h"
#include "os_lock.h"

/* ---- rows ------------------------------------------------------------------------------------ */

enum statement {
    BEGIN,
    COMMIT,
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
    [INSERT_SUBJECT] = "INSERT OR IGNORE INTO subject VALUES (?,?)",
    [INSERT_SESSION] = "INSERT OR IGNORE INTO session VALUES (?,?,?,?,?,?,NULL)",
    [INSERT_EVENT] =
        "INSERT OR IGNORE INTO event VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [INSERT_PREDICTION] = ("INSERT OR IGNORE INTO prediction VALUES"
                           " (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
    [INSERT_ALERT] = "INSERT INTO alert VALUES (NULL,?,?,?,?,?,?,?)",
    [PUT_CHECKPOINT] = "INSERT OR REPLACE INTO checkpoint VALUES (?,?,?,?,?)",
    [PUT_SESSION_STATE] = "UPDATE session SET state = ? WHERE id = ?",
    [INSERT_ADAPTATION] = "INSERT OR IGNORE INTO adaptation VALUES (?,?,?,?,?,?,?,?,?,?,?)",
    [INSERT_FORECAST] = "INSERT OR IGNORE INTO forecast VALUES (?,?,?,?)",
    [INSERT_SUGGESTION] = "INSERT OR IGNORE INTO suggestion VALUES (?,?,?,?)",
};
enum { N_STATEMENTS = sizeof SQL / sizeof SQL[0] };
_Static_assert(N_STATEMENTS == sizeof((struct store *)0)->statements / sizeof(sqlite3_stmt *),
               "one place for each statement");

const char *record_change_name(enum record_change change)
{
    static const char *const NAMES[] = {
#define RECORD_CHANGE_NAME(NAME, name) #name,
        RECORD_CHANGE_LIST(RECORD_CHANGE_NAME)
#undef RECORD_CHANGE_NAME
    };
    return change < RECORD_CHANGES ? NAMES[change] : NULL;
}

static void bind_whole(sqlite3_stmt *s, int at, int64_t value, int64_t unknown)
{
    if (value == unknown) {
        sqlite3_bind_null(s, at);
    } else {
        sqlite3_bind_int64(s, at, value);
    }
}

/* SQLite stores NaN as NULL by itself. */
static void bind_reals(sqlite3_stmt *s, int at, const double *values, size_t n)
{
    sqlite3_bind_blob(s, at, values, (int)(n * sizeof values[0]), SQLITE_STATIC);
}

static void bind_bin(sqlite3_stmt *s, int *at, const model_coverage_bin *bin)
{
    bind_whole(s, ++*at, bin->n > 0 ? bin->n_covered : -1, -1);
    sqlite3_bind_double(s, ++*at, bin->n > 0 ? bin->found : (double)NAN);
    sqlite3_bind_double(s, ++*at, bin->n > 0 ? bin->claimed : (double)NAN);
}

static void bind_score(sqlite3_stmt *s, int *at, const proto_score *score)
{
    sqlite3_bind_int64(s, ++*at, score->n);
    sqlite3_bind_double(s, ++*at, score->nats);
    sqlite3_bind_double(s, ++*at, score->baseline_nats);
    sqlite3_bind_double(s, ++*at, score->brier);
    sqlite3_bind_double(s, ++*at, score->ece);
    sqlite3_bind_double(s, ++*at, score->coverage);
    sqlite3_bind_double(s, ++*at, score->interval_ratio);
}

static void bind_name(sqlite3_stmt *s, int at, const char *text)
{
    if (text == NULL || text[0] == '\0') {
        sqlite3_bind_null(s, at);
    } else {
        sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
    }
}

static int run_statement(sqlite3_stmt *s)
{
    const int rc = sqlite3_step(s);
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int write_event(struct store *store, const struct record_event *r)
{
    int rc = SQLITE_OK;
    if (r->is_new_subject) {
        sqlite3_stmt *s = store->statements[INSERT_SUBJECT];
        sqlite3_bind_int64(s, 1, r->subject);
        bind_name(s, 2, r->subject_name);
        rc = run_statement(s);
    }
    if (rc == SQLITE_OK && r->is_new_session) {
        sqlite3_stmt *s = store->statements[INSERT_SESSION];
        sqlite3_bind_int64(s, 1, r->session);
        bind_name(s, 2, r->rig);
        sqlite3_bind_int64(s, 3, r->subject);
        bind_name(s, 4, r->session_name);
        sqlite3_bind_int(s, 5, r->named_here);
        sqlite3_bind_int64(s, 6, r->t_wall_ns);
        rc = run_statement(s);
    }
    if (rc != SQLITE_OK) {
        return rc;
    }
    sqlite3_stmt *s = store->statements[INSERT_EVENT];
    int at = 0;
    sqlite3_bind_int64(s, ++at, r->id);
    sqlite3_bind_int64(s, ++at, r->t_wall_ns);
    sqlite3_bind_int64(s, ++at, r->head.t_mono_ns);
    bind_whole(s, ++at, r->t_event_ns, PROTO_NIL);
    bind_name(s, ++at, session_source_name((enum session_source)r->source));
    bind_name(s, ++at, r->rig);
    bind_name(s, ++at, proto_kind_name((proto_kind)r->kind));
    bind_name(s, ++at, session_status_name((enum session_status)r->status));
    bind_whole(s, ++at, r->subject, -1);
    bind_whole(s, ++at, r->session, -1);
    bind_whole(s, ++at, r->trial, PROTO_NIL);
    bind_whole(s, ++at, r->seq, PROTO_NIL);
    sqlite3_bind_double(s, ++at, r->stimulus);
    bind_whole(s, ++at, r->choice, PROTO_NIL);
    sqlite3_bind_double(s, ++at, r->reward);
    bind_whole(s, ++at, r->side, PROTO_NIL);
    sqlite3_bind_double(s, ++at, r->rt_s);
    sqlite3_bind_double(s, ++at, r->scored.p_right);
    sqlite3_bind_double(s, ++at, r->scored.nats);
    sqlite3_bind_double(s, ++at, r->scored.baseline_nats);
    sqlite3_bind_double(s, ++at, r->scored.p_disengaged);
    bind_bin(s, &at, &r->scored.bin);
    sqlite3_bind_blob(s, ++at, r->raw, (int)r->raw_size, SQLITE_STATIC);
    return run_statement(s);
}

static int write_prediction(struct store *store, const struct record_prediction *r)
{
    sqlite3_stmt *s = store->statements[INSERT_PREDICTION];
    const double *values = r->values;
    int at = 0;
    sqlite3_bind_int64(s, ++at, r->event);
    sqlite3_bind_int64(s, ++at, r->t_wall_ns);
    sqlite3_bind_int64(s, ++at, r->head.t_mono_ns);
    sqlite3_bind_int64(s, ++at, r->run);
    sqlite3_bind_int64(s, ++at, r->subject);
    sqlite3_bind_int64(s, ++at, r->session);
    sqlite3_bind_int64(s, ++at, r->for_trial);
    for (int i = 0; i < 4; i++) {
        bind_reals(s, ++at, values, r->n_stimuli);
        values += r->n_stimuli;
    }
    for (int i = 0; i < 2; i++) {
        bind_reals(s, ++at, values, r->n_weights);
        values += r->n_weights;
    }
    bind_score(s, &at, &r->score);
    bind_score(s, &at, &r->session_score);
    for (int i = 0; i < SESSION_STAGES; i++) {
        sqlite3_bind_double(s, ++at, r->stage_us[i]);
    }
    return run_statement(s);
}

static int write_alert(struct store *store, const struct record_alert *r)
{
    sqlite3_stmt *s = store->statements[INSERT_ALERT];
    bind_whole(s, 1, r->event, 0);
    sqlite3_bind_int64(s, 2, r->t_wall_ns);
    sqlite3_bind_text(s, 3, r->rig, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 4, r->subject, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 5, proto_alert_name((proto_alert_code)r->code), -1, SQLITE_STATIC);
    sqlite3_bind_double(s, 6, r->evidence);
    sqlite3_bind_text(s, 7, r->text, -1, SQLITE_STATIC);
    return run_statement(s);
}

static int write_checkpoint(struct store *store, const struct record_checkpoint *r)
{
    sqlite3_stmt *s = store->statements[PUT_CHECKPOINT];
    sqlite3_bind_int64(s, 1, r->subject);
    sqlite3_bind_int64(s, 2, r->event);
    sqlite3_bind_int64(s, 3, r->run);
    sqlite3_bind_int64(s, 4, COLONY_LAYOUT);
    sqlite3_bind_blob(s, 5, r->state, (int)r->state_size, SQLITE_STATIC);
    int rc = run_statement(s);
    for (uint32_t i = 0; rc == SQLITE_OK && i < r->n_sessions; i++) {
        s = store->statements[PUT_SESSION_STATE];
        sqlite3_bind_blob(s, 1, &r->session_state[i], (int)sizeof r->session_state[i],
                          SQLITE_STATIC);
        sqlite3_bind_int64(s, 2, r->session[i]);
        rc = run_statement(s);
    }
    return rc;
}

static int write_adaptation(struct store *store, const struct record_adaptation *r)
{
    sqlite3_stmt *s = store->statements[INSERT_ADAPTATION];
    int at = 0;
    sqlite3_bind_int64(s, ++at, r->id);
    sqlite3_bind_int64(s, ++at, r->subject);
    sqlite3_bind_int64(s, ++at, r->run);
    sqlite3_bind_int64(s, ++at, r->t_wall_ns);
    bind_name(s, ++at, record_change_name((enum record_change)r->what));
    sqlite3_bind_int64(s, ++at, r->based_on);
    sqlite3_bind_int64(s, ++at, r->event);
    sqlite3_bind_int64(s, ++at, r->n);
    sqlite3_bind_double(s, ++at, r->nats_before);
    sqlite3_bind_double(s, ++at, r->nats_after);
    if (r->n_values > 0) {
        sqlite3_bind_blob(s, ++at, r->values, (int)(r->n_values * sizeof r->values[0]),
                          SQLITE_STATIC);
    } else {
        sqlite3_bind_null(s, ++at);
    }
    return run_statement(s);
}

static int write_outlook(struct store *store, int statement, const struct record_outlook *r)
{
    sqlite3_stmt *s = store->statements[statement];
    sqlite3_bind_int64(s, 1, r->event);
    sqlite3_bind_int64(s, 2, r->subject);
    sqlite3_bind_int64(s, 3, r->t_wall_ns);
    sqlite3_bind_text(s, 4, (const char *)r->json, (int)r->n_json, SQLITE_STATIC);
    return run_statement(s);
}

int store_write(struct store *store, const struct record *record)
{
    switch ((enum record_type)record->type) {
    case RECORD_EVENT:
        return write_event(store, (const void *)record);
    case RECORD_PREDICTION:
        return write_prediction(store, (const void *)record);
    case RECORD_ALERT:
        return write_alert(store, (const void *)record);
    case RECORD_CHECKPOINT:
        return write_checkpoint(store, (const void *)record);
    case RECORD_ADAPTATION:
        return write_adaptation(store, (const void *)record);
    case RECORD_FORECAST:
        return write_outlook(store, INSERT_FORECAST, (const void *)record);
    case RECORD_SUGGESTION:
        return write_outlook(store, INSERT_SUGGESTION, (const void *)record);
    }
    return SQLITE_MISUSE;
}

int store_begin(struct store *store)
{
    return run_statement(store->statements[BEGIN]);
}

int store_commit(struct store *store)
{
    return run_statement(store->statements[COMMIT]);
}

void store_roll_back(struct store *store)
{
    (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

static int note_wal(void *store, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    ((struct store *)store)->wal_pages = pages;
    return SQLITE_OK;
}

void store_move_wal(struct store *store)
{
    enum { WAL_PAGES = 1000 };
    if (store->wal_pages > WAL_PAGES) {
        (void)sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    }
}

/* ---- opening --------------------------------------------------------------------------------- */

static int db_fault(struct store *store, struct fault *fault)
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
        if (mkdir(path, 0755) != 0 && errno != EEXIST) {
            return fault_set(fault, FAULT_WORK, "%s: cannot be made: %s", path, strerror(errno));
        }
    }
    return FAULT_NONE;
}

static int take_lock(struct store *store, const char *directory, struct fault *fault)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/" JOURNAL_LOCK, directory);
    store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (store->lock_fd < 0) {
        return fault_set(fault, FAULT_WORK, "%s: cannot be written: %s", path, strerror(errno));
    }
    if (os_lock_take(store->lock_fd) != 0) {
        return fault_set(fault, FAULT_WORK,
                         "%s: another murid uses this data directory; stop it, or set "
                         "data.directory",
                         directory);
    }
    return FAULT_NONE;
}

static int open_schema(struct store *store, struct fault *fault)
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
    if (version != 0 && version != JOURNAL_VERSION) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: has schema %" PRId64 ", this murid knows %d: it was written by %s "
                         "murid; set another data.directory",
                         store->path, version, JOURNAL_VERSION,
                         version > JOURNAL_VERSION ? "a newer" : "an older");
    }
    const char *setup = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";
    const char *tables = "BEGIN;" JOURNAL_SCHEMA;
    const char *views = JOURNAL_VIEWS "PRAGMA user_version = 3; COMMIT;";
    _Static_assert(JOURNAL_VERSION == 3, "the text above names the version");
    if (sqlite3_exec(store->db, setup, NULL, NULL, NULL) != SQLITE_OK ||
        (version == 0 && (sqlite3_exec(store->db, tables, NULL, NULL, NULL) != SQLITE_OK ||
                          sqlite3_exec(store->db, views, NULL, NULL, NULL) != SQLITE_OK))) {
        return db_fault(store, fault);
    }
    return FAULT_NONE;
}

static int64_t query_whole(struct store *store, const char *sql)
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

int store_open(struct store *store, const char *directory, struct fault *fault)
{
    *store = (struct store){.lock_fd = -1};
    (void)snprintf(store->path, sizeof store->path, "%s/%s", directory, JOURNAL_FILE);
    int rc = make_directory(directory, fault);
    rc = rc == FAULT_NONE ? take_lock(store, directory, fault) : rc;
    if (rc != FAULT_NONE) {
        store_close(store);
        return rc;
    }
    if (sqlite3_open_v2(store->path, &store->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK) {
        rc = db_fault(store, fault);
    }
    rc = rc == FAULT_NONE ? open_schema(store, fault) : rc;
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
        store_close(store);
    }
    return rc;
}

static int keep_model(struct store *store, const char *hash, const char *path, struct fault *fault)
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

int store_begin_run(struct store *store, int64_t first_event, const struct config *config,
                    const char *model_hash, const char *model_path, struct fault *fault)
{
    int rc = model_path != NULL ? keep_model(store, model_hash, model_path, fault) : FAULT_NONE;
    if (rc == FAULT_NONE && config->protocol.file[0] != '\0') {
        rc = keep_model(store, config->protocol.hash, config->protocol.file, fault);
    }
    if (rc != FAULT_NONE) {
        return rc;
    }
    sqlite3_stmt *s = NULL;
    char *text = config_text(config);
    if (text == NULL ||
        sqlite3_prepare_v2(store->db, "INSERT INTO run VALUES (?,?,?,?,?,?)", -1, &s, NULL) !=
            SQLITE_OK ||
        sqlite3_bind_int64(s, 1, store->run + 1) != SQLITE_OK ||
        sqlite3_bind_int64(s, 2, first_event) != SQLITE_OK ||
        sqlite3_bind_int64(s, 3, clock_wall_ns()) != SQLITE_OK ||
        sqlite3_bind_text(s, 4, MURID_VERSION, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_bind_text(s, 5, model_hash, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_bind_text(s, 6, text, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_step(s) != SQLITE_DONE) {
        rc = db_fault(store, fault);
    } else {
        store->run++;
    }
    sqlite3_finalize(s);
    free(text);
    return rc;
}

void store_close(struct store *store)
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
