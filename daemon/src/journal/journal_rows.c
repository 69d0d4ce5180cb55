#include "journal_rows.h"

#include <math.h>
#include <string.h>

#include "clock.h"

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
_Static_assert(N_STATEMENTS ==
                   sizeof((struct journal_rows *)0)->statements / sizeof(sqlite3_stmt *),
               "one place for each statement");

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

static void row_begin(struct row *row, struct journal_rows *rows, enum statement statement,
                      const uint8_t *seed)
{
    row->s = rows->statements[statement];
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
static int row_write(struct row *row, uint8_t checksum[CHECKSUM_BYTES])
{
    checksum_final(&row->sum, checksum);
    sqlite3_bind_blob(row->s, ++row->at, checksum, CHECKSUM_BYTES, SQLITE_STATIC);
    return run_statement(row->s);
}

/* The next row of a chained table. False: it stands there already, and nothing is to be done. */
static bool link_begin(struct row *row, struct journal_rows *rows, enum statement statement,
                       enum journal_chain chain, int64_t key)
{
    if (key <= rows->heads[chain].last) {
        return false;
    }
    row_begin(row, rows, statement, rows->heads[chain].chain);
    put_whole(row, key);
    return true;
}

static int link_write(struct row *row, struct journal_rows *rows, enum journal_chain chain,
                      int64_t key)
{
    struct journal_rows_head *head = &rows->heads[chain];
    uint8_t next[CHECKSUM_BYTES];
    const int rc = row_write(row, next);
    if (rc == SQLITE_OK) {
        head->last = key;
        head->is_changed = true;
        memcpy(head->chain, next, sizeof next);
    }
    return rc;
}

static int write_subject(struct journal_rows *rows, const struct journal_record_event *r)
{
    struct row row;
    if (!link_begin(&row, rows, INSERT_SUBJECT, JOURNAL_CHAIN_SUBJECT, r->subject)) {
        return SQLITE_OK;
    }
    put_name(&row, r->subject_name);
    return link_write(&row, rows, JOURNAL_CHAIN_SUBJECT, r->subject);
}

static int write_session(struct journal_rows *rows, const struct journal_record_event *r)
{
    struct row row;
    if (!link_begin(&row, rows, INSERT_SESSION, JOURNAL_CHAIN_SESSION, r->session)) {
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
    return link_write(&row, rows, JOURNAL_CHAIN_SESSION, r->session);
}

static int write_event(struct journal_rows *rows, const struct journal_record_event *r)
{
    struct row row;
    int rc = r->is_new_subject ? write_subject(rows, r) : SQLITE_OK;
    rc = rc == SQLITE_OK && r->is_new_session ? write_session(rows, r) : rc;
    if (rc != SQLITE_OK || !link_begin(&row, rows, INSERT_EVENT, JOURNAL_CHAIN_EVENT, r->id)) {
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
    return link_write(&row, rows, JOURNAL_CHAIN_EVENT, r->id);
}

static int write_prediction(struct journal_rows *rows, const struct journal_record_prediction *r)
{
    struct row row;
    const double *values = r->values;
    if (!link_begin(&row, rows, INSERT_PREDICTION, JOURNAL_CHAIN_PREDICTION, r->event)) {
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
    return link_write(&row, rows, JOURNAL_CHAIN_PREDICTION, r->event);
}

static int write_alert(struct journal_rows *rows, const struct journal_record_alert *r)
{
    struct row row;
    const int64_t id = rows->heads[JOURNAL_CHAIN_ALERT].last + 1;
    (void)link_begin(&row, rows, INSERT_ALERT, JOURNAL_CHAIN_ALERT, id);
    put_whole_or_null(&row, r->event, 0);
    put_whole(&row, r->t_wall_ns);
    put_text(&row, r->rig, strlen(r->rig));
    put_text(&row, r->subject, strlen(r->subject));
    put_name(&row, proto_alert_name((proto_alert_code)r->code));
    put_real(&row, r->evidence);
    put_text(&row, r->text, strlen(r->text));
    return link_write(&row, rows, JOURNAL_CHAIN_ALERT, id);
}

static int write_checkpoint(struct journal_rows *rows, const struct journal_record_checkpoint *r)
{
    struct row row;
    uint8_t checksum[CHECKSUM_BYTES];
    row_begin(&row, rows, PUT_CHECKPOINT, NULL);
    put_whole(&row, r->subject);
    put_whole(&row, r->event);
    put_whole(&row, r->run);
    put_whole(&row, SUBJECT_STATE_LAYOUT);
    put_blob(&row, r->state, r->state_size);
    int rc = row_write(&row, checksum);
    for (uint32_t i = 0; rc == SQLITE_OK && i < r->n_sessions; i++) {
        row_begin(&row, rows, PUT_SESSION_STATE, NULL);
        put_whole(&row, r->session[i]);
        put_blob(&row, &r->session_state[i], sizeof r->session_state[i]);
        rc = row_write(&row, checksum);
    }
    return rc;
}

static int write_adaptation(struct journal_rows *rows, const struct journal_record_adaptation *r)
{
    struct row row;
    if (!link_begin(&row, rows, INSERT_ADAPTATION, JOURNAL_CHAIN_ADAPTATION, r->id)) {
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
    return link_write(&row, rows, JOURNAL_CHAIN_ADAPTATION, r->id);
}

static int write_outlook(struct journal_rows *rows, enum statement statement,
                         const struct journal_record_outlook *r)
{
    struct row row;
    uint8_t checksum[CHECKSUM_BYTES];
    row_begin(&row, rows, statement, NULL);
    put_whole(&row, r->event);
    put_whole(&row, r->subject);
    put_whole(&row, r->t_wall_ns);
    put_text(&row, (const char *)r->json, r->n_json);
    return row_write(&row, checksum);
}

int journal_rows_write_run(struct journal_rows *rows, const struct journal_rows_run *run)
{
    struct row row;
    if (!link_begin(&row, rows, INSERT_RUN, JOURNAL_CHAIN_RUN, run->id)) {
        return SQLITE_CONSTRAINT;
    }
    put_whole(&row, run->first_event);
    put_whole(&row, clock_wall_ns());
    put_name(&row, MURID_VERSION);
    put_name(&row, run->model_hash);
    put_text(&row, run->config, strlen(run->config));
    put_whole(&row, clock_boot());
    return link_write(&row, rows, JOURNAL_CHAIN_RUN, run->id);
}

int journal_rows_write(struct journal_rows *rows, const struct journal_record *record)
{
    switch ((enum journal_record_type)record->type) {
    case JOURNAL_RECORD_EVENT:
        return write_event(rows, (const void *)record);
    case JOURNAL_RECORD_PREDICTION:
        return write_prediction(rows, (const void *)record);
    case JOURNAL_RECORD_ALERT:
        return write_alert(rows, (const void *)record);
    case JOURNAL_RECORD_CHECKPOINT:
        return write_checkpoint(rows, (const void *)record);
    case JOURNAL_RECORD_ADAPTATION:
        return write_adaptation(rows, (const void *)record);
    case JOURNAL_RECORD_FORECAST:
        return write_outlook(rows, INSERT_FORECAST, (const void *)record);
    case JOURNAL_RECORD_SUGGESTION:
        return write_outlook(rows, INSERT_SUGGESTION, (const void *)record);
    }
    return SQLITE_MISUSE;
}

static const char *const CHAIN_NAMES[] = {
#define CHAIN_NAME(NAME, name, key, columns, recent) #name,
    JOURNAL_CHAIN_LIST(CHAIN_NAME)
#undef CHAIN_NAME
};

static int put_heads(struct journal_rows *rows)
{
    int rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && i < JOURNAL_CHAINS; i++) {
        const struct journal_rows_head *head = &rows->heads[i];
        if (head->is_changed) {
            sqlite3_stmt *s = rows->statements[PUT_HEAD];
            sqlite3_bind_text(s, 1, CHAIN_NAMES[i], -1, SQLITE_STATIC);
            sqlite3_bind_int64(s, 2, head->last);
            sqlite3_bind_blob(s, 3, head->chain, sizeof head->chain, SQLITE_STATIC);
            rc = run_statement(s);
        }
    }
    return rc;
}

int journal_rows_begin(struct journal_rows *rows)
{
    memcpy(rows->heads, rows->kept_heads, sizeof rows->heads);
    return run_statement(rows->statements[BEGIN]);
}

int journal_rows_commit(struct journal_rows *rows)
{
    int rc = put_heads(rows);
    rc = rc == SQLITE_OK ? run_statement(rows->statements[COMMIT]) : rc;
    if (rc == SQLITE_OK) {
        for (int i = 0; i < JOURNAL_CHAINS; i++) {
            rows->heads[i].is_changed = false;
        }
        memcpy(rows->kept_heads, rows->heads, sizeof rows->kept_heads);
    }
    return rc;
}

/* ---- opening ---- */

/* Tables without a row have no head. */
static int read_heads(struct journal_rows *rows, sqlite3 *db)
{
    sqlite3_stmt *s = NULL;
    for (int i = 0; i < JOURNAL_CHAINS; i++) {
        rows->heads[i].last = i == JOURNAL_CHAIN_ALERT ? 0 : -1; /* alerts count from 1 */
    }
    int rc = sqlite3_prepare_v2(db, "SELECT name, last, chain FROM head", -1, &s, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(s, 0);
        for (int i = 0; name != NULL && i < JOURNAL_CHAINS; i++) {
            if (strcmp(name, CHAIN_NAMES[i]) == 0 && sqlite3_column_bytes(s, 2) == CHECKSUM_BYTES) {
                rows->heads[i].last = sqlite3_column_int64(s, 1);
                memcpy(rows->heads[i].chain, sqlite3_column_blob(s, 2), CHECKSUM_BYTES);
            }
        }
        rc = SQLITE_OK;
    }
    sqlite3_finalize(s);
    memcpy(rows->kept_heads, rows->heads, sizeof rows->kept_heads);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int journal_rows_open(struct journal_rows *rows, sqlite3 *db)
{
    int rc = read_heads(rows, db);
    for (int i = 0; rc == SQLITE_OK && i < N_STATEMENTS; i++) {
        rc = sqlite3_prepare_v3(db, SQL[i], -1, SQLITE_PREPARE_PERSISTENT, &rows->statements[i],
                                NULL);
    }
    return rc;
}

void journal_rows_close(struct journal_rows *rows)
{
    for (int i = 0; i < N_STATEMENTS; i++) {
        sqlite3_finalize(rows->statements[i]);
        rows->statements[i] = NULL;
    }
}
