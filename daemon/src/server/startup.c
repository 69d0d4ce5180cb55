/* How the daemon starts, changes its model and ends. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "heartbeat.h"
#include "ingest.h"
#include "journal_check.h"
#include "journal_db_check.h"
#include "log.h"
#include "loop_jobs.h"
#include "outside_file.h"
#include "replay.h"

/* The worker's snapshots are of the models that were in force. */
static int enter_run(struct loop *loop, int64_t run, struct fault *fault)
{
    const struct active_models *models = &loop->models[loop->present_models];
    loop_jobs_close(loop);
    if (subjects_change_run(&loop->subjects, run, &loop->config, active_models_view(models),
                            models->twin.hash, active_models_plan(models)) != 0 ||
        loop_jobs_open(loop, LOOP_TAG_WORKER) != 0) {
        return fault_set(fault, FAULT_WORK, "no memory for the animals' own parameters");
    }
    if (loop->config.adaptation.rules && loop->subjects.plan == NULL) {
        log_warn("adaptation: off: own parameters of this model would take more than %d KiB an "
                 "animal",
                 ACTIVE_MODELS_ADAPTATION_BYTES_MAX / 1024);
    }
    return FAULT_NONE;
}

/* Files that the configuration names are opened by the daemon only if they are not its own. */
int loop_check_files(const struct config *config, struct fault *fault)
{
    const char *directory = config->data.directory;
    const char *model = config->model.file;
    const char *protocol = config->protocol.file;
    const int rc =
        model[0] != '\0' ? outside_file_check(model, directory, "model", fault) : FAULT_NONE;
    return rc == FAULT_NONE && protocol[0] != '\0'
               ? outside_file_check(protocol, directory, "protocol", fault)
               : rc;
}

/* Whoever may load a model may not be allowed to read the file: no byte of it is said. */
static int load_outside(struct active_models *models, const struct config *config,
                        struct fault *fault)
{
    int rc = outside_file_check_command(config->model.file, config->data.directory, "model", fault);
    rc = rc ? rc : loop_check_files(config, fault);
    if (rc == FAULT_NONE) {
        rc = active_models_load(models, config, fault);
        if (rc == FAULT_INPUT) {
            (void)fault_set(fault, rc,
                            "%.100s: not taken: a model file of docs/model.md expected, and the "
                            "configuration's protocol beside it; `murid model FILE` says what is "
                            "wrong",
                            config->model.file);
        }
    }
    return rc;
}

int loop_load_model(struct loop *loop, const char *path, struct fault *fault)
{
    struct active_models *next = &loop->models[1 - loop->present_models];
    struct config config = loop->config;
    if (strlen(path) >= sizeof config.model.file) {
        return fault_set(fault, FAULT_INPUT, "command.file: too long");
    }
    strcpy(config.model.file, path);
    config.protocol.hash[0] = '\0'; /* its file is read again, too */
    int rc = load_outside(next, &config, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    strcpy(config.protocol.hash, next->protocol_hash);
    rc = journal_stop(&loop->journal, fault);
    if (rc == FAULT_NONE) {
        const struct journal_run run = {
            .config = &config, .model_hash = next->twin.hash, .model_path = path};
        rc = journal_begin_run(&loop->journal, &run, fault);
    }
    struct fault start_fault;
    if (journal_start(&loop->journal, &loop->config, &start_fault) != FAULT_NONE) {
        log_error("%s", start_fault.text);
        loop->stop = true;
    }
    if (rc != FAULT_NONE) {
        active_models_free(next);
        return rc;
    }
    loop->config = config;
    loop->present_models = 1 - loop->present_models;
    if (enter_run(loop, loop->journal.store.run, &start_fault) != FAULT_NONE) {
        log_error("%s", start_fault.text);
        loop->stop = true;
    }
    active_models_free(&loop->models[1 - loop->present_models]);
    loop_raise(loop, PROTO_ALERT_MODEL_CHANGED, "", 1.0, "model %s (%s) from now on",
               loop->subjects.model_hash, path);
    return FAULT_NONE;
}

/* Notes which sessions have changed; they are kept when all has been heard. */
static int on_resumed(void *context, const struct replay_step *step, struct fault *fault)
{
    struct loop *loop = context;
    (void)fault;
    if (step->result->subject != SUBJECTS_NONE) {
        struct subject *s = &loop->subjects.subject[step->result->subject];
        for (uint32_t i = 0; i < s->n_dirty_sessions; i++) {
            loop->resumed[s->dirty_sessions[i]] = true;
        }
        s->n_dirty_sessions = 0;
    }
    return FAULT_NONE;
}

/* Brings every animal back to where it was. Writes nothing. */
static int resume(struct loop *loop, struct replay *replay, struct fault *fault)
{
    const struct journal_db *store = &loop->journal.store;
    int64_t from = 0;
    int rc = replay_load_checkpoints(replay, &loop->subjects, &from, fault);
    if (rc == FAULT_NONE && from < store->checked_event) {
        rc = journal_check_events(store->db, store->path, from, fault);
    }
    rc = rc == FAULT_NONE ? replay_events(replay, &loop->subjects, from, on_resumed, loop, fault)
                          : rc;
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (replay->last_event > from) {
        log_info("resumed: %" PRId64 " events since the last checkpoints heard again",
                 replay->last_event - from);
    }
    for (uint32_t i = 0; i < loop->subjects.n_sessions; i++) {
        struct session *s = &loop->subjects.session[i];
        s->durable_seq = s->state.seqs.through;
        s->mark_event[0] = s->mark_event[1] = 0;
    }
    return FAULT_NONE;
}

/* The animals as they were left, under this run's models. */
static int open_subjects(struct loop *loop, struct fault *fault)
{
    const struct active_models *models = &loop->models[loop->present_models];
    struct replay replay;
    int rc = replay_open(&replay, loop->journal.store.path, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (!replay_is_empty(&replay)) {
        replay.runs[0].config.limits = loop->config.limits;
        rc = replay_open_subjects(&replay, &loop->subjects, clock_mono_ns, fault);
    } else if (subjects_open(&loop->subjects, &loop->config, active_models_view(models),
                             models->twin.hash, clock_mono_ns) != 0) {
        rc = fault_set(fault, FAULT_WORK, "limits: no memory for so many subjects and sessions");
    }
    rc = rc ? rc : journal_contents_open(&loop->contents, loop->journal.store.path, fault);
    if (rc == FAULT_NONE) {
        loop->resumed = calloc(loop->subjects.max_sessions, sizeof *loop->resumed);
        rc = loop->resumed == NULL ? fault_set(fault, FAULT_WORK, "limits: no memory") : rc;
    }
    rc = rc || replay_is_empty(&replay) ? rc : resume(loop, &replay, fault);
    if (rc ==
        FAULT_NONE) { /* from here the subjects refers to what is the loop's, not the replay's */
        loop->subjects.contents.fetch = journal_contents_fetch;
        loop->subjects.contents.context = &loop->contents;
        loop->subjects.is_replay = false;
        rc = enter_run(loop, loop->journal.store.run + 1, fault);
    }
    replay_close(&replay);
    return rc;
}

int loop_check_journal(const struct config *config, struct fault *fault)
{
    struct replay replay = {0};
    struct subjects subjects = {0};
    struct stat st;
    int64_t from = 0;
    char path[512];
    int rc = store_check(config->data.directory, fault);
    (void)snprintf(path, sizeof path, "%s/" JOURNAL_FILE, config->data.directory);
    if (rc != FAULT_NONE || stat(path, &st) != 0 || st.st_size == 0) {
        return rc;
    }
    rc = replay_open(&replay, path, fault);
    rc = rc ? rc : journal_check_start(replay.journal.db, path, &from, fault);
    if (rc == FAULT_NONE && !replay_is_empty(&replay)) {
        replay.runs[0].config.limits = config->limits;
        rc = replay_open_subjects(&replay, &subjects, clock_mono_ns, fault);
        rc = rc ? rc : replay_load_checkpoints(&replay, &subjects, &from, fault);
        subjects_close(&subjects);
    }
    replay_close(&replay);
    return rc;
}

/* The run's row, with what was resumed; last, so that a start that fails leaves nothing. */
static int begin_run(struct loop *loop, struct fault *fault)
{
    const struct active_models *models = &loop->models[loop->present_models];
    const char *file = loop->config.model.file;
    const struct journal_run run = {.config = &loop->config,
                                    .model_hash = models->twin.hash,
                                    .model_path = file[0] != '\0' ? file : NULL,
                                    .subjects = &loop->subjects,
                                    .sessions = loop->resumed};
    const int rc = journal_begin_run(&loop->journal, &run, fault);
    free(loop->resumed);
    loop->resumed = NULL;
    return rc ? rc : journal_start(&loop->journal, &loop->config, fault);
}

static void add_socket(struct loop *loop, void *socket, uint32_t tag)
{
    if (socket != NULL) {
        (void)os_poll_add(&loop->poll, zmq_bus_fd(socket), tag);
    }
}

int loop_open(struct loop *loop, struct fault *fault)
{
    loop->start_ns = clock_mono_ns();
    loop->wall_offset_ns = clock_wall_ns() - loop->start_ns;
    loop->boot = clock_boot();
    loop->refused_budget = HEARTBEAT_REFUSED_MOST;
    alerts_init(&loop->alerts, ingest_tell_alert, loop);
    loop->journal.store.lock_fd = -1;
    int rc = os_poll_open(&loop->poll) == 0
                 ? FAULT_NONE
                 : fault_set(fault, FAULT_WORK, "epoll cannot be set up");
    rc = rc ? rc : loop_check_files(&loop->config, fault);
    rc = rc ? rc : active_models_load(&loop->models[0], &loop->config, fault);
    if (rc == FAULT_NONE) {
        strcpy(loop->config.protocol.hash, loop->models[0].protocol_hash);
    }
    rc = rc ? rc : journal_open(&loop->journal, loop->config.data.directory, fault);
    rc = rc ? rc : open_subjects(loop, fault);
    rc = rc ? rc : zmq_bus_open(&loop->bus, &loop->config, fault);
    rc = rc ? rc : begin_run(loop, fault);
    if (rc != FAULT_NONE) {
        struct fault ignored;
        (void)loop_close(loop, &ignored);
        return rc;
    }
    loop->asked.is_sealed = loop->published.is_sealed = loop->commanded.is_sealed =
        loop->bus.is_curve;
    publisher_init(&loop->publisher, &loop->bus, &loop->subjects);
    serial_lines_init(&loop->lines, &loop->config, &loop->poll, LOOP_TAG_LINES);
    add_socket(loop, loop->bus.ask, LOOP_TAG_ASK);
    add_socket(loop, loop->bus.trials, LOOP_TAG_TRIALS);
    add_socket(loop, loop->bus.pub, LOOP_TAG_PUB);
    add_socket(loop, loop->bus.control, LOOP_TAG_CONTROL);
    add_socket(loop, loop->bus.zap, LOOP_TAG_ZAP);
    heartbeat_open_lines(loop);
    return FAULT_NONE;
}

int loop_close(struct loop *loop, struct fault *fault)
{
    int rc = FAULT_NONE;
    loop_jobs_close(loop);
    if (loop->journal.is_started) {
        if (loop->subjects.subject != NULL) {
            (void)heartbeat_wait_for_room(loop);
            alerts_end(&loop->alerts, clock_mono_ns());
            loop_checkpoint_all(loop);
        }
        rc = journal_stop(&loop->journal, fault);
    }
    serial_lines_close(&loop->lines);
    zmq_bus_close(&loop->bus);
    journal_contents_close(&loop->contents);
    journal_close(&loop->journal);
    subjects_close(&loop->subjects);
    free(loop->resumed);
    active_models_free(&loop->models[0]);
    active_models_free(&loop->models[1]);
    os_poll_close(&loop->poll);
    return rc;
}
