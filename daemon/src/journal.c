#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "journal_schema.h"
#include "log.h"

/* ---- what goes through the ring ---------------------------------------------------------------
 */

enum record_type { RECORD_EVENT, RECORD_PREDICTION, RECORD_ALERT, RECORD_CHECKPOINT };

struct event_record {
    int32_t type;
    int32_t source;
    int32_t status;
    int32_t kind;
    int64_t id, t_wall_ns, t_mono_ns, t_event_ns;
    int64_t subject, session; /* -1 unknown */
    int64_t trial, seq, choice, side;
    double stimulus, reward, rt_s;
    struct learner_outcome scored;
    bool is_new_subject, is_new_session, named_here;
    char rig[PROTO_ID_MAX + 1];
    char subject_name[PROTO_ID_MAX + 1];
    char session_name[PROTO_ID_MAX + 1];
    size_t raw_size;
    uint8_t raw[];
};

struct prediction_record {
    int32_t type;
    uint32_t n_stimuli, n_weights;
    int64_t event, t_wall_ns, t_mono_ns, run, subject, session, for_trial;
    proto_score score;
    double stage_us[SESSION_STAGES];
    double values[]; /* stimuli, p_right, lo, hi (n_stimuli each), w, w_sd (n_weights each) */
};

struct alert_record {
    int32_t type;
    int32_t code;
    int64_t event, t_wall_ns, t_mono_ns;
    double evidence;
    char rig[PROTO_ID_MAX + 1];
    char subject[PROTO_ID_MAX + 1];
    char text[256];
};

struct checkpoint_record {
    int32_t type;
    uint32_t subject, n_sessions;
    int64_t event, run, t_mono_ns;
    uint32_t session[COLONY_DIRTY_MAX];
    struct session_state session_state[COLONY_DIRTY_MAX];
    struct subject_state state;
};

_Static_assert(sizeof(struct event_record) + PROTO_BYTES_MAX + sizeof(struct prediction_record) +
                       (4 * 32 + 2 * MODEL_WEIGHTS_MAX) * sizeof(double) +
                       (SESSION_ALERTS_MAX + 2) * sizeof(struct alert_record) +
                       sizeof(struct checkpoint_record) + 512 <=
                   JOURNAL_UNIT_MAX,
               "one message must fit");

/* ---- statements -------------------------------------------------------------------------------
 */

enum statement {
    BEGIN,
    COMMIT,
    INSERT_SUBJECT,
    INSERT_SESSION,
    INSERT_EVENT,
    INSERT_PREDICTION,
    INSERT_ALERT,
    PUT_CHECKPOINT,
    PUT_SESSION_STATE
};

/* OR IGNORE, because a commit that failed after its sync may have reached the disk all the same. */
static const char *const SQL[] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [INSERT_SUBJECT] = "INSERT OR IGNORE INTO subject VALUES (?,?)",
    [INSERT_SESSION] = "INSERT OR IGNORE INTO session VALUES (?,?,?,?,?,?,NULL)",
    [INSERT_EVENT] =
        "INSERT OR IGNORE INTO event VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [INSERT_PREDICTION] =
        "INSERT OR IGNORE INTO prediction VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [INSERT_ALERT] = "INSERT INTO alert VALUES (NULL,?,?,?,?,?,?,?)",
    [PUT_CHECKPOINT] = "INSERT OR REPLACE INTO checkpoint VALUES (?,?,?,?)",
    [PUT_SESSION_STATE] = "UPDATE session SET state = ? WHERE id = ?",
};
enum { N_STATEMENTS = sizeof SQL / sizeof SQL[0] };
_Static_assert(N_STATEMENTS == sizeof((struct journal *)0)->statements / sizeof(sqlite3_stmt *),
               "one place for each statement");

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
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

static int write_event(struct journal *j, const struct event_record *r)
{
    int rc = SQLITE_OK;
    if (r->is_new_subject) {
        sqlite3_stmt *s = j->statements[INSERT_SUBJECT];
        sqlite3_bind_int64(s, 1, r->subject);
        bind_name(s, 2, r->subject_name);
        rc = run_statement(s);
    }
    if (rc == SQLITE_OK && r->is_new_session) {
        sqlite3_stmt *s = j->statements[INSERT_SESSION];
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
    sqlite3_stmt *s = j->statements[INSERT_EVENT];
    int at = 0;
    sqlite3_bind_int64(s, ++at, r->id);
    sqlite3_bind_int64(s, ++at, r->t_wall_ns);
    sqlite3_bind_int64(s, ++at, r->t_mono_ns);
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
    sqlite3_bind_blob(s, ++at, r->raw, (int)r->raw_size, SQLITE_STATIC);
    return run_statement(s);
}

static int write_prediction(struct journal *j, const struct prediction_record *r)
{
    sqlite3_stmt *s = j->statements[INSERT_PREDICTION];
    const double *values = r->values;
    int at = 0;
    sqlite3_bind_int64(s, ++at, r->event);
    sqlite3_bind_int64(s, ++at, r->t_wall_ns);
    sqlite3_bind_int64(s, ++at, r->t_mono_ns);
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
    sqlite3_bind_int64(s, ++at, r->score.n);
    sqlite3_bind_double(s, ++at, r->score.nats);
    sqlite3_bind_double(s, ++at, r->score.baseline_nats);
    sqlite3_bind_double(s, ++at, r->score.brier);
    sqlite3_bind_double(s, ++at, r->score.ece);
    for (int i = 0; i < SESSION_STAGES; i++) {
        sqlite3_bind_double(s, ++at, r->stage_us[i]);
    }
    return run_statement(s);
}

static int write_alert(struct journal *j, const struct alert_record *r)
{
    sqlite3_stmt *s = j->statements[INSERT_ALERT];
    bind_whole(s, 1, r->event, 0);
    sqlite3_bind_int64(s, 2, r->t_wall_ns);
    sqlite3_bind_text(s, 3, r->rig, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 4, r->subject, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 5, proto_alert_name((proto_alert_code)r->code), -1, SQLITE_STATIC);
    sqlite3_bind_double(s, 6, r->evidence);
    sqlite3_bind_text(s, 7, r->text, -1, SQLITE_STATIC);
    return run_statement(s);
}

static int write_checkpoint(struct journal *j, const struct checkpoint_record *r)
{
    sqlite3_stmt *s = j->statements[PUT_CHECKPOINT];
    sqlite3_bind_int64(s, 1, r->subject);
    sqlite3_bind_int64(s, 2, r->event);
    sqlite3_bind_int64(s, 3, r->run);
    sqlite3_bind_blob(s, 4, &r->state, (int)sizeof r->state, SQLITE_STATIC);
    int rc = run_statement(s);
    for (uint32_t i = 0; rc == SQLITE_OK && i < r->n_sessions; i++) {
        s = j->statements[PUT_SESSION_STATE];
        sqlite3_bind_blob(s, 1, &r->session_state[i], (int)sizeof r->session_state[i],
                          SQLITE_STATIC);
        sqlite3_bind_int64(s, 2, r->session[i]);
        rc = run_statement(s);
    }
    return rc;
}

/* ---- the thread -------------------------------------------------------------------------------
 */

struct batch {
    int64_t last_event; /* 0 none */
    int64_t oldest_ns;  /* receipt time of its first record */
    size_t records;
};

static int64_t record_time(const void *record)
{
    switch (*(const int32_t *)record) {
    case RECORD_EVENT:
        return ((const struct event_record *)record)->t_mono_ns;
    case RECORD_PREDICTION:
        return ((const struct prediction_record *)record)->t_mono_ns;
    case RECORD_ALERT:
        return ((const struct alert_record *)record)->t_mono_ns;
    default:
        return ((const struct checkpoint_record *)record)->t_mono_ns;
    }
}

static int write_record(struct journal *j, const void *record, struct batch *batch)
{
    if (batch->records++ == 0) {
        batch->oldest_ns = record_time(record);
    }
    switch (*(const int32_t *)record) {
    case RECORD_EVENT:
        batch->last_event = ((const struct event_record *)record)->id;
        return write_event(j, record);
    case RECORD_PREDICTION:
        return write_prediction(j, record);
    case RECORD_ALERT:
        return write_alert(j, record);
    default:
        return write_checkpoint(j, record);
    }
}

/* What a person should see of a batch that is on disk; printed here, not on the loop's time. */
static void print_record(const void *record)
{
    if (*(const int32_t *)record == RECORD_ALERT) {
        const struct alert_record *a = record;
        log_warn("%s: %s", proto_alert_name((proto_alert_code)a->code), a->text);
    } else if (*(const int32_t *)record == RECORD_EVENT) {
        const struct event_record *e = record;
        if (e->is_new_session) {
            log_info("%s: session %s begins on rig %s", e->subject_name, e->session_name, e->rig);
        }
    }
}

/* Reads the batch once more, and not a record further: what came meanwhile is not on disk. */
static void print_batch(struct journal *j, const struct batch *batch)
{
    size_t size;
    ring_rewind(&j->ring);
    for (size_t i = 0; i < batch->records; i++) {
        print_record(ring_next(&j->ring, &size));
    }
}

/* Writes all that was handed over as one transaction. Returns an SQLite code; on failure everything
 * stays in the ring. */
static int write_batch(struct journal *j, struct batch *batch)
{
    size_t size;
    *batch = (struct batch){0};
    ring_rewind(&j->ring);
    const void *record = ring_next(&j->ring, &size);
    if (record == NULL) {
        return SQLITE_OK;
    }
    atomic_store(&j->oldest_ns, record_time(record));
    int rc = run_statement(j->statements[BEGIN]);
    while (rc == SQLITE_OK && record != NULL) {
        rc = write_record(j, record, batch);
        record = rc == SQLITE_OK ? ring_next(&j->ring, &size) : NULL;
    }
    if (rc == SQLITE_OK) {
        rc = run_statement(j->statements[COMMIT]);
    }
    if (rc != SQLITE_OK) {
        sqlite3_exec(j->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return rc;
}

static void settle_batch(struct journal *j, const struct batch *batch)
{
    if (batch->records == 0) {
        return;
    }
    if (batch->last_event != 0) {
        atomic_store(&j->durable_event, batch->last_event);
    }
    const int64_t lag_ns = clock_ns(CLOCK_MONOTONIC) - batch->oldest_ns;
    if (lag_ns > atomic_load(&j->worst_lag_ns)) {
        atomic_store(&j->worst_lag_ns, lag_ns);
    }
    atomic_store(&j->oldest_ns, 0);
    ring_free(&j->ring);
}

static void sleep_ns(int64_t ns)
{
    const struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    nanosleep(&t, NULL);
}

static bool has_records(struct journal *j)
{
    size_t size;
    ring_rewind(&j->ring);
    const bool has = ring_next(&j->ring, &size) != NULL;
    ring_rewind(&j->ring);
    return has;
}

/* Sleeps without waking up while nothing is heard. */
static void wait_for_records(struct journal *j)
{
    atomic_store(&j->sleeps, 1);
    if (!has_records(j) && !atomic_load(&j->stop)) {
        struct pollfd p = {.fd = j->wake_fd[0], .events = POLLIN};
        (void)poll(&p, 1, -1);
    }
    atomic_store(&j->sleeps, 0);
    char drain[64];
    while (read(j->wake_fd[0], drain, sizeof drain) > 0) {
    }
}

static void *journal_thread(void *argument)
{
    enum { STOP_TRIES = 5 };
    struct journal *j = argument;
    int tries = 0;
    for (;;) {
        if (!has_records(j)) {
            if (atomic_load(&j->stop)) {
                return NULL;
            }
            wait_for_records(j);
        }
        if (!atomic_load(&j->stop)) {
            sleep_ns(j->commit_ns);
        }
        struct batch batch;
        const int rc = write_batch(j, &batch);
        const bool was_failing = atomic_exchange(&j->is_failing, rc != SQLITE_OK);
        if (rc == SQLITE_OK) {
            if (was_failing) {
                log_warn("%s: written again; nothing was lost", j->path);
            }
            print_batch(j, &batch);
            settle_batch(j, &batch);
            continue;
        }
        if (!was_failing) {
            log_error("%s: cannot be written: %s; trials are kept in memory until it can", j->path,
                      sqlite3_errmsg(j->db));
        }
        if (atomic_load(&j->stop) && ++tries == STOP_TRIES) {
            return NULL;
        }
        sleep_ns(200000000);
    }
}

/* ---- opening ----------------------------------------------------------------------------------
 */

static int db_fault(struct journal *j, struct fault *fault)
{
    return fault_set(fault, FAULT_WORK, "%s: %s", j->path, sqlite3_errmsg(j->db));
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

static int take_lock(struct journal *j, const char *directory, struct fault *fault)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/lock", directory);
    j->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (j->lock_fd < 0) {
        return fault_set(fault, FAULT_WORK, "%s: cannot be written: %s", path, strerror(errno));
    }
    const struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(j->lock_fd, F_SETLK, &lock) != 0) {
        return fault_set(fault, FAULT_WORK,
                         "%s: another murid uses this data directory; stop it, or set "
                         "data.directory",
                         directory);
    }
    return FAULT_NONE;
}

static int open_schema(struct journal *j, struct fault *fault)
{
    sqlite3_stmt *s = NULL;
    int64_t version = -1;
    if (sqlite3_prepare_v2(j->db, "PRAGMA user_version", -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW) {
        version = sqlite3_column_int64(s, 0);
    }
    sqlite3_finalize(s);
    if (version < 0) {
        return db_fault(j, fault);
    }
    if (version > JOURNAL_VERSION) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: has schema %" PRId64 ", this murid knows %d: it was written by a "
                         "newer murid",
                         j->path, version, JOURNAL_VERSION);
    }
    const char *setup = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";
    const char *create = "BEGIN;" JOURNAL_SCHEMA "PRAGMA user_version = 1; COMMIT;";
    _Static_assert(JOURNAL_VERSION == 1, "the text above names the version");
    if (sqlite3_exec(j->db, setup, NULL, NULL, NULL) != SQLITE_OK ||
        (version == 0 && sqlite3_exec(j->db, create, NULL, NULL, NULL) != SQLITE_OK)) {
        return db_fault(j, fault);
    }
    return FAULT_NONE;
}

static int64_t query_whole(struct journal *j, const char *sql)
{
    sqlite3_stmt *s = NULL;
    int64_t value = -1;
    if (sqlite3_prepare_v2(j->db, sql, -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW) {
        value = sqlite3_column_int64(s, 0);
    }
    sqlite3_finalize(s);
    return value;
}

int journal_open(struct journal *j, const char *directory, struct fault *fault)
{
    *j = (struct journal){.lock_fd = -1, .wake_fd = {-1, -1}};
    (void)snprintf(j->path, sizeof j->path, "%s/%s", directory, JOURNAL_FILE);
    int rc = make_directory(directory, fault);
    rc = rc == FAULT_NONE ? take_lock(j, directory, fault) : rc;
    if (rc != FAULT_NONE) {
        journal_close(j);
        return rc;
    }
    if (sqlite3_open_v2(j->path, &j->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK) {
        rc = db_fault(j, fault);
    }
    rc = rc == FAULT_NONE ? open_schema(j, fault) : rc;
    for (int i = 0; rc == FAULT_NONE && i < N_STATEMENTS; i++) {
        if (sqlite3_prepare_v3(j->db, SQL[i], -1, SQLITE_PREPARE_PERSISTENT, &j->statements[i],
                               NULL) != SQLITE_OK) {
            rc = db_fault(j, fault);
        }
    }
    if (rc == FAULT_NONE) {
        j->next_event = query_whole(j, "SELECT coalesce(max(id), 0) FROM event") + 1;
        j->run = query_whole(j, "SELECT coalesce(max(id), 0) FROM run");
        atomic_store(&j->durable_event, j->next_event - 1);
    }
    if (rc == FAULT_NONE && (j->next_event <= 0 || j->run < 0)) {
        rc = db_fault(j, fault);
    }
    if (rc != FAULT_NONE) {
        journal_close(j);
    }
    return rc;
}

static int keep_model(struct journal *j, const char *hash, const char *path, struct fault *fault)
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
    } else if (sqlite3_prepare_v2(j->db, "INSERT OR IGNORE INTO model VALUES (?,?,?)", -1, &s,
                                  NULL) != SQLITE_OK ||
               sqlite3_bind_text(s, 1, hash, -1, SQLITE_STATIC) != SQLITE_OK ||
               sqlite3_bind_text(s, 2, path, -1, SQLITE_STATIC) != SQLITE_OK ||
               sqlite3_bind_blob(s, 3, bytes, (int)size, SQLITE_STATIC) != SQLITE_OK ||
               sqlite3_step(s) != SQLITE_DONE) {
        rc = db_fault(j, fault);
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

int journal_begin_run(struct journal *j, const struct config *config, const char *model_hash,
                      const char *model_path, struct fault *fault)
{
    int rc = model_path != NULL ? keep_model(j, model_hash, model_path, fault) : FAULT_NONE;
    if (rc != FAULT_NONE) {
        return rc;
    }
    sqlite3_stmt *s = NULL;
    char *text = config_text(config);
    if (text == NULL ||
        sqlite3_prepare_v2(j->db, "INSERT INTO run VALUES (?,?,?,?,?,?)", -1, &s, NULL) !=
            SQLITE_OK ||
        sqlite3_bind_int64(s, 1, j->run + 1) != SQLITE_OK ||
        sqlite3_bind_int64(s, 2, j->next_event) != SQLITE_OK ||
        sqlite3_bind_int64(s, 3, clock_ns(CLOCK_REALTIME)) != SQLITE_OK ||
        sqlite3_bind_text(s, 4, MURID_VERSION, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_bind_text(s, 5, model_hash, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_bind_text(s, 6, text, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_step(s) != SQLITE_DONE) {
        rc = db_fault(j, fault);
    } else {
        j->run++;
    }
    sqlite3_finalize(s);
    free(text);
    return rc;
}

int journal_start(struct journal *j, const struct config *config, struct fault *fault)
{
    j->commit_ns = config->journal.commit_ms * 1000000;
    if (j->ring.bytes == NULL &&
        ring_open(&j->ring, (size_t)config->journal.ring_kib * 1024) != 0) {
        return fault_set(fault, FAULT_WORK, "journal.ring_kib: no memory for %" PRId64 " KiB",
                         config->journal.ring_kib);
    }
    atomic_store(&j->stop, false);
    if (j->wake_fd[0] < 0) {
        if (pipe(j->wake_fd) != 0) {
            return fault_set(fault, FAULT_WORK, "pipe: %s", strerror(errno));
        }
        for (int i = 0; i < 2; i++) {
            (void)fcntl(j->wake_fd[i], F_SETFL, O_NONBLOCK);
            (void)fcntl(j->wake_fd[i], F_SETFD, FD_CLOEXEC);
        }
    }
    if (pthread_create(&j->thread, NULL, journal_thread, j) != 0) {
        return fault_set(fault, FAULT_WORK, "no thread for the journal could be started");
    }
    j->is_started = true;
    return FAULT_NONE;
}

static void wake(struct journal *j)
{
    const char byte = 0;
    if (write(j->wake_fd[1], &byte, 1) < 0) {
        return; /* full: the thread has wake-ups enough */
    }
}

int journal_stop(struct journal *j, struct fault *fault)
{
    if (!j->is_started) {
        return FAULT_NONE;
    }
    atomic_store(&j->stop, true);
    wake(j);
    pthread_join(j->thread, NULL);
    j->is_started = false;
    if (has_records(j)) {
        return fault_set(fault, FAULT_WORK,
                         "%s: cannot be written; events %" PRId64 " to %" PRId64 " are lost to the "
                         "journal (clients with a spool will send them again)",
                         j->path, journal_durable(j) + 1, j->next_event - 1);
    }
    return FAULT_NONE;
}

void journal_close(struct journal *j)
{
    if (j == NULL) {
        return;
    }
    struct fault ignored;
    (void)journal_stop(j, &ignored);
    for (int i = 0; i < N_STATEMENTS; i++) {
        sqlite3_finalize(j->statements[i]);
        j->statements[i] = NULL;
    }
    sqlite3_close(j->db);
    j->db = NULL;
    ring_close(&j->ring);
    for (int i = 0; i < 2; i++) {
        if (j->wake_fd[i] > 0) {
            close(j->wake_fd[i]);
            j->wake_fd[i] = -1;
        }
    }
    if (j->lock_fd > 0) {
        close(j->lock_fd);
        j->lock_fd = -1;
    }
}

/* ---- the loop's side --------------------------------------------------------------------------
 */

bool journal_has_room(struct journal *j)
{
    return ring_reserve(&j->ring, JOURNAL_UNIT_MAX) != NULL;
}

const uint8_t *journal_raw(struct journal *j, const uint8_t *bytes, size_t size)
{
    struct event_record *r = ring_reserve(&j->ring, sizeof *r + size);
    if (r == NULL) {
        return NULL;
    }
    memcpy(r->raw, bytes, size);
    return r->raw;
}

static void keep_prediction(struct journal *j, const struct colony *colony,
                            const struct session_event *event, const struct session_result *result,
                            int64_t t_predicted_ns)
{
    const proto_prediction *p = &result->reply.as.prediction;
    const size_t n_values = 4 * (size_t)p->stimuli.n + 2 * (size_t)p->w.n;
    const size_t size = sizeof(struct prediction_record) + n_values * sizeof(double);
    struct prediction_record *r = ring_reserve(&j->ring, size);
    if (r == NULL) {
        return; /* cannot be: journal_has_room() was asked */
    }
    r->type = RECORD_PREDICTION;
    r->n_stimuli = p->stimuli.n;
    r->n_weights = p->w.n;
    r->event = event->id;
    r->t_wall_ns = event->t_wall_ns + (t_predicted_ns - event->t_mono_ns);
    r->t_mono_ns = t_predicted_ns;
    r->run = colony->run;
    r->subject = result->subject;
    r->session = result->session;
    r->for_trial = p->for_trial;
    r->score = p->score.v;
    for (int i = 0; i < SESSION_STAGES; i++) {
        r->stage_us[i] = (double)result->stage_ns[i] / 1000.0;
    }
    const double *const arrays[] = {p->stimuli.v, p->p_right.v, p->lo.v,
                                    p->hi.v,      p->w.v,       p->w_sd.v};
    double *to = r->values;
    for (int i = 0; i < 6; i++) {
        const size_t n = i < 4 ? p->stimuli.n : p->w.n;
        memcpy(to, arrays[i], n * sizeof to[0]);
        to += n;
    }
    ring_commit(&j->ring, size);
}

void journal_event(struct journal *j, const struct colony *colony,
                   const struct session_event *event, const struct session_result *result,
                   int64_t t_event_ns, int64_t t_predicted_ns)
{
    const proto_message *heard = &result->heard;
    const proto_trial *trial = heard->kind == PROTO_KIND_TRIAL ? &heard->as.trial : NULL;
    struct event_record *r = ring_reserve(&j->ring, sizeof *r + event->size);
    if (r == NULL) {
        return; /* cannot be: journal_raw() had the same place */
    }
    r->type = RECORD_EVENT;
    r->source = (int32_t)event->source;
    r->status = (int32_t)result->status;
    r->kind = (int32_t)heard->kind;
    r->id = event->id;
    r->t_wall_ns = event->t_wall_ns;
    r->t_mono_ns = event->t_mono_ns;
    r->t_event_ns = t_event_ns;
    r->subject = result->subject == COLONY_NONE ? -1 : (int64_t)result->subject;
    r->session = result->session == COLONY_NONE ? -1 : (int64_t)result->session;
    r->trial = heard->env.trial;
    r->seq = heard->env.seq;
    r->choice = trial != NULL ? trial->choice : PROTO_NIL;
    r->side = trial != NULL ? trial->side : PROTO_NIL;
    r->stimulus = trial != NULL ? trial->stimulus : (double)NAN;
    r->reward = trial != NULL ? trial->reward : (double)NAN;
    r->rt_s = trial != NULL ? trial->rt_s : (double)NAN;
    r->scored = result->scored;
    r->is_new_subject = result->is_new_subject;
    r->is_new_session = result->is_new_session;
    strcpy(r->rig, heard->env.rig);
    strcpy(r->subject_name, heard->env.subject);
    r->session_name[0] = '\0';
    r->named_here = false;
    if (result->session != COLONY_NONE) {
        strcpy(r->session_name, colony->sessions[result->session].name);
        r->named_here = colony->sessions[result->session].named_here;
    }
    r->raw_size = event->size;
    ring_commit(&j->ring, sizeof *r + event->size);
    j->next_event = event->id + 1;
    if (result->has_prediction) {
        keep_prediction(j, colony, event, result, t_predicted_ns);
    }
}

void journal_alert(struct journal *j, int64_t event, int64_t t_wall_ns, int64_t t_mono_ns,
                   const char *rig, const char *subject, const struct session_alert *alert)
{
    struct alert_record *r = ring_reserve(&j->ring, sizeof *r);
    if (r == NULL) {
        return;
    }
    r->type = RECORD_ALERT;
    r->code = (int32_t)alert->code;
    r->event = event;
    r->t_wall_ns = t_wall_ns;
    r->t_mono_ns = t_mono_ns;
    r->evidence = alert->evidence;
    strcpy(r->rig, rig);
    strcpy(r->subject, subject);
    memcpy(r->text, alert->text, sizeof r->text);
    ring_commit(&j->ring, sizeof *r);
}

void journal_checkpoint(struct journal *j, const struct colony *colony, uint32_t subject,
                        int64_t t_mono_ns)
{
    const struct subject *s = &colony->subjects[subject];
    struct checkpoint_record *r = ring_reserve(&j->ring, sizeof *r);
    if (r == NULL) {
        return;
    }
    r->type = RECORD_CHECKPOINT;
    r->subject = subject;
    r->event = s->last_event;
    r->run = s->run;
    r->t_mono_ns = t_mono_ns;
    r->state = s->state;
    r->n_sessions = s->n_dirty_sessions;
    for (uint32_t i = 0; i < s->n_dirty_sessions; i++) {
        r->session[i] = s->dirty_sessions[i];
        r->session_state[i] = colony->sessions[s->dirty_sessions[i]].state;
    }
    ring_commit(&j->ring, sizeof *r);
}

void journal_publish(struct journal *j)
{
    ring_publish(&j->ring);
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&j->sleeps, memory_order_relaxed) != 0 &&
        atomic_exchange(&j->sleeps, 0) != 0) {
        wake(j);
    }
}

int64_t journal_durable(const struct journal *j)
{
    return atomic_load(&j->durable_event);
}

struct journal_health journal_health(struct journal *j, int64_t now_mono_ns)
{
    const int64_t oldest_ns = atomic_load(&j->oldest_ns);
    return (struct journal_health){
        .events = j->next_event - 1,
        .durable_events = journal_durable(j),
        .lag_ms = oldest_ns > 0 ? (double)(now_mono_ns - oldest_ns) / 1e6 : 0.0,
        .worst_lag_ms = (double)atomic_load(&j->worst_lag_ns) / 1e6,
        .ring_fill = ring_fill(&j->ring),
        .is_failing = atomic_load(&j->is_failing),
    };
}
