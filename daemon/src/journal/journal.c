#include "journal.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "os_thread.h"

_Static_assert(sizeof(struct journal_record_event) + PROTO_BYTES_MAX +
                       sizeof(struct journal_record_prediction) +
                       (4 * 32 + 2 * MODEL_WEIGHTS_MAX) * sizeof(double) +
                       (SESSION_ALERTS_MAX + 2) * sizeof(struct journal_record_alert) +
                       sizeof(struct journal_record_checkpoint) + sizeof(struct subject_state) +
                       sizeof(struct lookahead) + sizeof(struct adaptation_head) +
                       2 * sizeof(model_bank) +
                       (ADAPTATION_WINDOW_MAX + ADAPTATION_SPARE) * sizeof(model_adapt_trial) +
                       512 <=
                   JOURNAL_UNIT_MAX,
               "one message must fit");

/* ---- the thread ------------------------------------------------------------------------------ */

struct batch {
    int64_t last_event; /* 0 none */
    int64_t oldest_ns;  /* receipt time of its first record */
    size_t records;
};

/* Reads the batch once more, and not a record further: what came meanwhile is not on disk. */
static void print_batch(struct journal *j, const struct batch *batch)
{
    size_t size;
    ring_rewind(&j->ring);
    for (size_t i = 0; i < batch->records; i++) {
        journal_record_print(ring_next(&j->ring, &size));
    }
}

static void count_record(struct batch *batch, const struct journal_record *record)
{
    if (batch->records++ == 0) {
        batch->oldest_ns = record->t_mono_ns;
    }
    if (record->type == JOURNAL_RECORD_EVENT) {
        batch->last_event = ((const struct journal_record_event *)(const void *)record)->id;
    }
}

/* Writes all that was handed over as one transaction. On failure everything stays in the ring. */
static enum journal_db_cause write_batch(struct journal *j, struct batch *batch)
{
    size_t size;
    *batch = (struct batch){0};
    ring_rewind(&j->ring);
    const struct journal_record *record = ring_next(&j->ring, &size);
    if (record == NULL) {
        return JOURNAL_DB_CAUSE_NONE;
    }
    atomic_store(&j->oldest_ns, record->t_mono_ns);
    int rc = journal_rows_begin(&j->store.rows);
    while (rc == SQLITE_OK && record != NULL) {
        count_record(batch, record);
        rc = journal_rows_write(&j->store.rows, record);
        record = rc == SQLITE_OK ? ring_next(&j->ring, &size) : NULL;
    }
    rc = rc == SQLITE_OK ? journal_rows_commit(&j->store.rows) : rc;
    return rc == SQLITE_OK ? JOURNAL_DB_CAUSE_NONE : journal_db_roll_back(&j->store);
}

static void settle_batch(struct journal *j, const struct batch *batch)
{
    if (batch->records == 0) {
        return;
    }
    if (batch->last_event != 0) {
        atomic_store(&j->durable_event, batch->last_event);
    }
    const int64_t lag_ns = clock_mono_ns() - batch->oldest_ns;
    if (lag_ns > atomic_load(&j->worst_lag_ns)) {
        atomic_store(&j->worst_lag_ns, lag_ns);
    }
    atomic_store(&j->oldest_ns, 0);
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
        os_event_wait(j->wake_fd);
    }
    atomic_store(&j->sleeps, 0);
    (void)os_event_take(j->wake_fd);
}

static int64_t waiting_events(const struct journal *j)
{
    return atomic_load(&j->handed_event) - atomic_load(&j->durable_event);
}

/* Groups begin a commit time apart: while the disk is busy it is not waited for as well. A group
 * that is large already does not wait. */
static void wait_for_group(const struct journal *j, int64_t begun_ns)
{
    const int64_t slice_ns = j->commit_ns / 4 + 1;
    int64_t left_ns = begun_ns + j->commit_ns - clock_mono_ns();
    while (left_ns > 0 && waiting_events(j) < JOURNAL_WAITING_MAX / 2 && !atomic_load(&j->stop)) {
        clock_sleep_ns(left_ns < slice_ns ? left_ns : slice_ns);
        left_ns = begun_ns + j->commit_ns - clock_mono_ns();
    }
}

static void *journal_thread(void *argument)
{
    enum { STOP_TRIES = 5 };
    struct journal *j = argument;
    int64_t begun_ns = 0;
    int tries = 0;
    for (;;) {
        if (!has_records(j)) {
            if (atomic_load(&j->stop)) {
                return NULL;
            }
            wait_for_records(j);
            begun_ns = clock_mono_ns();
        }
        wait_for_group(j, begun_ns);
        begun_ns = clock_mono_ns();
        struct batch batch;
        const enum journal_db_cause cause = write_batch(j, &batch);
        const int before = atomic_exchange(&j->failing, (int)cause);
        if (cause == JOURNAL_DB_CAUSE_NONE) {
            if (before != JOURNAL_DB_CAUSE_NONE) {
                log_warn("%s: writable again; nothing was lost", j->store.path);
            }
            settle_batch(j, &batch);
            print_batch(j, &batch);
            ring_free(&j->ring);
            journal_db_move_wal(&j->store);
            continue;
        }
        if (before != (int)cause) {
            log_error("%s: cannot be written: %s; trials are kept in memory until it can",
                      j->store.path, j->store.failure);
        }
        if (atomic_load(&j->stop) && ++tries == STOP_TRIES) {
            return NULL;
        }
        clock_sleep_ns(200000000);
    }
}

/* ---- opening --------------------------------------------------------------------------------- */

/* An empty ring has room for one message wherever its end stands. */
static size_t ring_size(const struct config *config)
{
    const size_t wanted = (size_t)config->journal.ring_kib * 1024;
    const size_t least = (size_t)2 * JOURNAL_UNIT_MAX;
    return wanted > least ? wanted : least;
}

int journal_open(struct journal *j, const char *directory, struct fault *fault)
{
    *j = (struct journal){.wake_fd = -1};
    const int rc = journal_db_open(&j->store, directory, fault);
    j->next_event = j->store.last_event + 1;
    j->next_adaptation = j->store.last_adaptation + 1;
    atomic_store(&j->durable_event, j->store.last_event);
    atomic_store(&j->handed_event, j->store.last_event);
    return rc;
}

/* The states of what was heard again since the last checkpoints: in the same group as the run, so
 * that a subject's and its sessions' belong together on disk. */
static int write_resumed(struct journal *j, struct subjects *subjects, const bool sessions[])
{
    struct journal_record_checkpoint *r = malloc(JOURNAL_UNIT_MAX);
    int rc = r != NULL ? SQLITE_OK : SQLITE_NOMEM;
    for (uint32_t i = 0; rc == SQLITE_OK && i < subjects->n_sessions; i++) {
        const uint32_t number = subjects->session[i].subject;
        struct subject *s = &subjects->subject[number];
        if (sessions[i]) {
            s->dirty_sessions[s->n_dirty_sessions++] = i;
        }
        if (s->n_dirty_sessions == SUBJECTS_DIRTY_MAX) {
            journal_record_fill_checkpoint(r, subjects, number, 0);
            rc = journal_rows_write(&j->store.rows, &r->head);
            s->n_dirty_sessions = 0;
        }
    }
    for (uint32_t i = 0; rc == SQLITE_OK && i < subjects->n_subjects; i++) {
        if (subjects->subject[i].dirty_since_ns != 0) {
            journal_record_fill_checkpoint(r, subjects, i, 0);
            rc = journal_rows_write(&j->store.rows, &r->head);
            subjects_clean(&subjects->subject[i]);
        }
    }
    free(r);
    return rc;
}

int journal_begin_run(struct journal *j, const struct journal_run *run, struct fault *fault)
{
    const struct journal_db_run row = {j->next_event, run->config, run->model_hash,
                                       run->model_path};
    int rc = FAULT_NONE;
    int db = journal_rows_begin(&j->store.rows);
    if (db == SQLITE_OK) {
        rc = journal_db_write_run(&j->store, &row, fault);
    }
    if (db == SQLITE_OK && rc == FAULT_NONE && run->subjects != NULL) {
        db = write_resumed(j, run->subjects, run->sessions);
    }
    db = db == SQLITE_OK && rc == FAULT_NONE ? journal_rows_commit(&j->store.rows) : db;
    if (db == SQLITE_OK && rc == FAULT_NONE) {
        j->store.run++;
        return FAULT_NONE;
    }
    (void)journal_db_roll_back(&j->store);
    return rc ? rc
              : fault_set(fault, FAULT_WORK, "%s: cannot be written: %s", j->store.path,
                          j->store.failure);
}

int journal_start(struct journal *j, const struct config *config, struct fault *fault)
{
    j->commit_ns = config->journal.commit_ms * 1000000;
    if (j->ring.bytes == NULL && ring_open(&j->ring, ring_size(config)) != 0) {
        return fault_set(fault, FAULT_WORK, "journal.ring_kib: no memory for %" PRId64 " KiB",
                         config->journal.ring_kib);
    }
    atomic_store(&j->stop, false);
    j->wake_fd = j->wake_fd < 0 ? os_event_open() : j->wake_fd;
    if (j->wake_fd < 0) {
        return fault_set(fault, FAULT_WORK, "eventfd: %s", strerror(errno));
    }
    if (pthread_create(&j->thread, NULL, journal_thread, j) != 0) {
        return fault_set(fault, FAULT_WORK, "no thread for the journal could be started");
    }
    j->is_started = true;
    return FAULT_NONE;
}

int journal_stop(struct journal *j, struct fault *fault)
{
    if (!j->is_started) {
        return FAULT_NONE;
    }
    atomic_store(&j->stop, true);
    os_event_raise(j->wake_fd);
    pthread_join(j->thread, NULL);
    j->is_started = false;
    if (has_records(j)) {
        return fault_set(fault, FAULT_WORK,
                         "%s: cannot be written; events %" PRId64 " to %" PRId64 " are lost to the "
                         "journal (clients with a spool will resend them): %s",
                         j->store.path, journal_durable(j) + 1, j->next_event - 1,
                         j->store.failure);
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
    ring_close(&j->ring);
    if (j->wake_fd > 0) {
        close(j->wake_fd);
        j->wake_fd = -1;
    }
    journal_db_close(&j->store);
}

/* ---- the loop's side ------------------------------------------------------------------------- */

bool journal_has_room(struct journal *j)
{
    if (waiting_events(j) >= JOURNAL_WAITING_MAX &&
        atomic_load(&j->failing) == JOURNAL_DB_CAUSE_NONE) {
        return false;
    }
    return ring_reserve(&j->ring, JOURNAL_UNIT_MAX) != NULL;
}

const uint8_t *journal_raw(struct journal *j, const uint8_t *bytes, size_t size)
{
    struct journal_record_event *r = ring_reserve(&j->ring, sizeof *r + size);
    if (r == NULL) {
        return NULL;
    }
    memcpy(r->raw, bytes, size);
    return r->raw;
}

static void keep_prediction(struct journal *j, const struct subjects *subjects,
                            const struct session_event *event, const struct session_result *result,
                            int64_t t_predicted_ns)
{
    const proto_prediction *p = &result->reply.as.prediction;
    const size_t n_values = 4 * (size_t)p->stimuli.n + 2 * (size_t)p->w.n;
    const size_t size = sizeof(struct journal_record_prediction) + n_values * sizeof(double);
    struct journal_record_prediction *r = ring_reserve(&j->ring, size);
    if (r == NULL) {
        return; /* cannot be: journal_has_room() was asked */
    }
    r->head.type = JOURNAL_RECORD_PREDICTION;
    r->n_stimuli = p->stimuli.n;
    r->n_weights = p->w.n;
    r->event = event->id;
    r->t_wall_ns = event->t_wall_ns + (t_predicted_ns - event->t_mono_ns);
    r->head.t_mono_ns = t_predicted_ns;
    r->run = subjects->run;
    r->subject = result->subject;
    r->session = result->session;
    r->for_trial = p->for_trial;
    r->score = p->score.v;
    r->session_score = p->session_score.v;
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

void journal_event(struct journal *j, const struct subjects *subjects,
                   const struct session_event *event, const struct session_result *result,
                   int64_t t_event_ns, int64_t t_predicted_ns)
{
    const proto_message *heard = &result->heard;
    const proto_trial *trial = heard->kind == PROTO_KIND_TRIAL ? &heard->as.trial : NULL;
    struct journal_record_event *r = ring_reserve(&j->ring, sizeof *r + event->size);
    if (r == NULL) {
        return; /* cannot be: journal_raw() had the same place */
    }
    r->head.type = JOURNAL_RECORD_EVENT;
    r->source = (int32_t)event->source;
    r->status = (int32_t)result->status;
    r->kind = (int32_t)heard->kind;
    r->id = event->id;
    r->t_wall_ns = event->t_wall_ns;
    r->head.t_mono_ns = event->t_mono_ns;
    r->t_event_ns = t_event_ns;
    r->subject = result->subject == SUBJECTS_NONE ? -1 : (int64_t)result->subject;
    r->session = result->session == SUBJECTS_NONE ? -1 : (int64_t)result->session;
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
    r->session_name[0] = r->given_name[0] = '\0';
    r->named_here = r->is_stated = false;
    if (result->session != SUBJECTS_NONE) {
        const struct session *session = &subjects->session[result->session];
        strcpy(r->session_name, session->name);
        strcpy(r->given_name, session->given);
        r->named_here = session->named_here;
        r->is_stated = session->is_stated;
        r->session_run = session->run;
        r->session_counts = session->counts;
    }
    r->raw_size = event->size;
    ring_commit(&j->ring, sizeof *r + event->size);
    j->next_event = event->id + 1;
    if (result->has_prediction) {
        keep_prediction(j, subjects, event, result, t_predicted_ns);
    }
}

bool journal_alert(struct journal *j, int64_t event, int64_t t_wall_ns, int64_t t_mono_ns,
                   const char *rig, const char *subject, const struct session_alert *alert)
{
    struct journal_record_alert *r = ring_reserve(&j->ring, sizeof *r);
    if (r == NULL) {
        return false;
    }
    r->head.type = JOURNAL_RECORD_ALERT;
    r->code = (int32_t)alert->code;
    r->event = event;
    r->t_wall_ns = t_wall_ns;
    r->head.t_mono_ns = t_mono_ns;
    r->evidence = alert->evidence;
    strcpy(r->rig, rig);
    strcpy(r->subject, subject);
    memcpy(r->text, alert->text, sizeof r->text);
    ring_commit(&j->ring, sizeof *r);
    return true;
}

bool journal_checkpoint(struct journal *j, const struct subjects *subjects, uint32_t subject,
                        int64_t t_mono_ns)
{
    const size_t size = journal_record_checkpoint_size(subjects, subject);
    struct journal_record_checkpoint *r = ring_reserve(&j->ring, size);
    if (r == NULL) {
        return false;
    }
    journal_record_fill_checkpoint(r, subjects, subject, t_mono_ns);
    ring_commit(&j->ring, size);
    return true;
}

bool journal_outlook(struct journal *j, enum journal_record_type type, uint32_t subject,
                     int64_t event, int64_t t_wall_ns, int64_t t_mono_ns, const uint8_t json[],
                     size_t n_json)
{
    struct journal_record_outlook *r = ring_reserve(&j->ring, sizeof *r + n_json);
    if (r == NULL) {
        return false;
    }
    r->head.type = (int32_t)type;
    r->head.t_mono_ns = t_mono_ns;
    r->event = event;
    r->subject = subject;
    r->t_wall_ns = t_wall_ns;
    r->n_json = n_json;
    memcpy(r->json, json, n_json);
    ring_commit(&j->ring, sizeof *r + n_json);
    return true;
}

int64_t journal_adaptation(struct journal *j, const struct journal_change *change)
{
    const size_t size = sizeof(struct journal_record_adaptation) + change->n_values * sizeof(float);
    struct journal_record_adaptation *r = ring_reserve(&j->ring, size);
    if (r == NULL) {
        return 0;
    }
    r->head.type = JOURNAL_RECORD_ADAPTATION;
    r->head.t_mono_ns = change->t_mono_ns;
    r->what = (int32_t)change->what;
    r->id = j->next_adaptation++;
    r->subject = change->subject;
    r->run = change->run;
    r->t_wall_ns = change->t_wall_ns;
    r->based_on = change->based_on;
    r->event = j->next_event - 1;
    r->n = change->result->n_judged;
    r->nats_before = change->result->before;
    r->nats_after = change->result->after;
    strcpy(r->name, change->name);
    r->n_values = change->n_values;
    if (change->n_values > 0) {
        memcpy(r->values, change->values, change->n_values * sizeof(float));
    }
    ring_commit(&j->ring, size);
    return r->id;
}

void journal_publish(struct journal *j)
{
    ring_publish(&j->ring);
    atomic_store_explicit(&j->handed_event, j->next_event - 1, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&j->sleeps, memory_order_relaxed) != 0 &&
        atomic_exchange(&j->sleeps, 0) != 0) {
        os_event_raise(j->wake_fd);
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
        .failing = (enum journal_db_cause)atomic_load(&j->failing),
    };
}
