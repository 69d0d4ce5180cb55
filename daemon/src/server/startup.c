#include "startup.h"

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
#include "list.h"
#include "log.h"
#include "loop_jobs.h"
#include "outside_file.h"
#include "replay.h"

/* The worker's snapshots are of the models that were in force. */
static int enter_run(struct server *server, int64_t run, struct fault *fault)
{
    const struct active_models *models = &server->models[server->present_models];
    loop_jobs_close(server);
    if (subjects_change_run(&server->subjects, run, &server->config, active_models_view(models),
                            models->twin.hash, active_models_plan(models)) != 0 ||
        loop_jobs_open(server, SERVER_TAG_WORKER) != 0) {
        return fault_set(fault, FAULT_WORK, "no memory for the animals' own parameters");
    }
    if (server->config.adaptation.rules && server->subjects.plan == NULL) {
        log_warn("adaptation: off: own parameters of this model would take more than %d KiB an "
                 "animal",
                 ACTIVE_MODELS_ADAPTATION_BYTES_MAX / 1024);
    }
    return FAULT_NONE;
}

/* Files that the configuration names are opened by the daemon only if they are not its own. */
int startup_check_files(const struct config *config, struct fault *fault)
{
    const char *directory = config->data.directory;
    const char *model = config->model.file;
    int rc = model[0] != '\0' ? outside_file_check(model, directory, "model", fault) : FAULT_NONE;
    for (size_t i = 0; rc == FAULT_NONE && i < protocol_list_n(&config->protocol); i++) {
        struct protocol_entry entry;
        rc = protocol_list_at(&config->protocol, i, &entry, fault);
        rc = rc ? rc : outside_file_check(entry.file, directory, "protocol", fault);
    }
    return rc;
}

/* Whoever may load a model may not be allowed to read the file: no byte of it is said. */
static int load_outside(struct active_models *models, const struct config *config,
                        struct fault *fault)
{
    int rc = outside_file_check_command(config->model.file, config->data.directory, "model", fault);
    rc = rc ? rc : startup_check_files(config, fault);
    if (rc == FAULT_NONE) {
        rc = active_models_load(models, config, fault);
        if (rc == FAULT_INPUT) {
            (void)fault_set(
                fault, rc,
                "%.100s: not loaded: a model file as in docs/model.md was expected, and "
                "one that fits the declared protocol; `murid model FILE` shows what is "
                "wrong",
                config->model.file);
        }
    }
    return rc;
}

int startup_load_model(struct server *server, const char *path, struct fault *fault)
{
    struct active_models *next = &server->models[1 - server->present_models];
    struct config config = server->config;
    if (strlen(path) >= sizeof config.model.file) {
        return fault_set(fault, FAULT_INPUT, "command.file: too long");
    }
    strcpy(config.model.file, path);
    protocol_list_forget(&config.protocol); /* their files are read again, too */
    int rc = load_outside(next, &config, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    active_models_note(next, &config.protocol);
    rc = journal_stop(&server->journal, fault);
    if (rc == FAULT_NONE) {
        const struct journal_run run = {
            .config = &config, .model_hash = next->twin.hash, .model_path = path};
        rc = journal_begin_run(&server->journal, &run, fault);
    }
    struct fault start_fault;
    if (journal_start(&server->journal, &server->config, &start_fault) != FAULT_NONE) {
        log_error("%s", start_fault.text);
        server->stop = true;
    }
    if (rc != FAULT_NONE) {
        active_models_free(next);
        return rc;
    }
    server->config = config;
    server->present_models = 1 - server->present_models;
    if (enter_run(server, server->journal.store.run, &start_fault) != FAULT_NONE) {
        log_error("%s", start_fault.text);
        server->stop = true;
    }
    active_models_free(&server->models[1 - server->present_models]);
    ingest_raise(server, PROTO_ALERT_MODEL_CHANGED, "", 1.0, "model %s (%s) from now on",
                 server->subjects.model_hash, path);
    return FAULT_NONE;
}

/* Notes which sessions have changed; they are kept when all has been heard. */
static int on_resumed(void *context, const struct replay_step *step, struct fault *fault)
{
    struct server *server = context;
    (void)fault;
    if (step->result->subject != SUBJECTS_NONE) {
        struct subject *s = &server->subjects.subject[step->result->subject];
        for (uint32_t i = 0; i < s->n_dirty_sessions; i++) {
            server->resumed[s->dirty_sessions[i]] = true;
        }
        s->n_dirty_sessions = 0;
    }
    return FAULT_NONE;
}

/* Brings every animal back to where it was. Writes nothing. */
static int resume(struct server *server, struct replay *replay, struct fault *fault)
{
    const struct journal_db *store = &server->journal.store;
    int64_t from = 0;
    int rc = replay_load_checkpoints(replay, &server->subjects, &from, fault);
    if (rc == FAULT_NONE && from < store->checked_event) {
        rc = journal_check_events(store->db, store->path, from, fault);
    }
    rc = rc ? rc : replay_events(replay, &server->subjects, from, on_resumed, server, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (replay->last_event > from) {
        log_info("resumed: %" PRId64 " events since the last checkpoints replayed",
                 replay->last_event - from);
    }
    for (uint32_t i = 0; i < server->subjects.n_sessions; i++) {
        struct session *s = &server->subjects.session[i];
        s->durable_seq = s->state.seqs.through;
        s->mark_event[0] = s->mark_event[1] = 0;
    }
    return FAULT_NONE;
}

/* The animals as they were left, under this run's models. */
static int open_subjects(struct server *server, struct fault *fault)
{
    const struct active_models *models = &server->models[server->present_models];
    struct replay replay;
    int rc = replay_open(&replay, server->journal.store.path, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (!replay_is_empty(&replay)) {
        replay.runs[0].config.limits = server->config.limits;
        rc = replay_open_subjects(&replay, &server->subjects, clock_mono_ns, fault);
    } else if (subjects_open(&server->subjects, &server->config, active_models_view(models),
                             models->twin.hash, clock_mono_ns) != 0) {
        rc = fault_set(fault, FAULT_WORK,
                       "limits: not enough memory for this many subjects and sessions");
    }
    rc = rc ? rc : journal_contents_open(&server->contents, server->journal.store.path, fault);
    if (rc == FAULT_NONE) {
        server->resumed = calloc(server->subjects.max_sessions, sizeof *server->resumed);
        rc = server->resumed == NULL ? fault_set(fault, FAULT_WORK, "limits: no memory") : rc;
    }
    rc = rc || replay_is_empty(&replay) ? rc : resume(server, &replay, fault);
    if (rc ==
        FAULT_NONE) { /* from here the subjects refers to what is the loop's, not the replay's */
        server->subjects.contents.fetch = journal_contents_fetch;
        server->subjects.contents.context = &server->contents;
        server->subjects.is_replay = false;
        rc = enter_run(server, server->journal.store.run + 1, fault);
    }
    replay_close(&replay);
    return rc;
}

int startup_check_journal(const struct config *config, struct fault *fault)
{
    struct replay replay = {0};
    struct subjects subjects = {0};
    struct stat st;
    int64_t from = 0;
    char path[512];
    int rc = journal_db_check(config->data.directory, fault);
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
static int begin_run(struct server *server, struct fault *fault)
{
    const struct active_models *models = &server->models[server->present_models];
    const char *file = server->config.model.file;
    const struct journal_run run = {.config = &server->config,
                                    .model_hash = models->twin.hash,
                                    .model_path = file[0] != '\0' ? file : NULL,
                                    .subjects = &server->subjects,
                                    .sessions = server->resumed};
    const int rc = journal_begin_run(&server->journal, &run, fault);
    free(server->resumed);
    server->resumed = NULL;
    return rc ? rc : journal_start(&server->journal, &server->config, fault);
}

/* What the journal has of a rig whose files are followed (docs/architecture.md, section rigs'
 * files). A session may go on past midnight, or for days. */
static int remember(void *context, const char *rig, struct followed_request *request)
{
    static const int64_t DAY_NS = INT64_C(86400) * 1000000000;
    const struct server *server = context;
    const struct subjects *subjects = &server->subjects;
    int64_t first_ns = clock_wall_ns();
    int64_t last_ns = 0;
    size_t capacity = 0;
    char before[CLOCK_DAY_BYTES];
    for (uint32_t i = 0; i < subjects->n_sessions; i++) {
        const int64_t heard_ns = subjects->session[i].state.last_heard_wall_ns;
        if (strcmp(subjects->session[i].rig, rig) == 0 && heard_ns > 0) {
            first_ns = heard_ns < first_ns ? heard_ns : first_ns;
            last_ns = heard_ns > last_ns ? heard_ns : last_ns;
        }
    }
    for (uint32_t i = 0; i < subjects->n_sessions; i++) {
        const struct session *s = &subjects->session[i];
        if (strcmp(s->rig, rig) != 0 || s->state.last_heard_wall_ns <= last_ns - DAY_NS) {
            continue;
        }
        void *known =
            list_grow(request->known, request->n_known, &capacity, sizeof *request->known);
        if (known == NULL) {
            free(request->known);
            return -1;
        }
        request->known = known;
        struct followed_known *one = &request->known[request->n_known++];
        strcpy(one->subject, subjects->subject[s->subject].name);
        strcpy(one->session, s->given);
    }
    clock_day(first_ns, request->since);
    if (last_ns > 0) {
        clock_day(last_ns, before);
        clock_day_before(before, 1, before);
        if (strcmp(before, request->since) > 0) {
            memcpy(request->since, before, sizeof before);
        }
    }
    return 0;
}

static void add_socket(struct server *server, void *socket, uint32_t tag)
{
    if (socket != NULL) {
        (void)os_poll_add(&server->poll, zmq_bus_fd(socket), tag);
    }
}

static int open_followers(struct server *server, struct fault *fault)
{
    const int rc = followers_open(&server->followers, &server->config, remember, server, fault);
    if (server->followers.n > 0) {
        (void)os_poll_add(&server->poll, server->followers.wake_fd, SERVER_TAG_FILES);
    }
    return rc;
}

int startup_open(struct server *server, struct fault *fault)
{
    server->start_ns = clock_mono_ns();
    server->wall_offset_ns = clock_wall_ns() - server->start_ns;
    server->boot = clock_boot();
    server->refused_budget = HEARTBEAT_REFUSED_MOST;
    alerts_init(&server->alerts, ingest_tell_alert, server);
    server->journal.store.lock_fd = -1;
    int rc = os_poll_open(&server->poll) == 0
                 ? FAULT_NONE
                 : fault_set(fault, FAULT_WORK, "epoll cannot be set up");
    rc = rc ? rc : startup_check_files(&server->config, fault);
    rc = rc ? rc : active_models_load(&server->models[0], &server->config, fault);
    if (rc == FAULT_NONE) {
        active_models_note(&server->models[0], &server->config.protocol);
    }
    rc = rc ? rc : journal_open(&server->journal, server->config.data.directory, fault);
    rc = rc ? rc : open_subjects(server, fault);
    rc = rc ? rc : zmq_bus_open(&server->bus, &server->config, fault);
    rc = rc ? rc : open_followers(server, fault);
    rc = rc ? rc : begin_run(server, fault);
    if (rc != FAULT_NONE) {
        struct fault ignored;
        (void)startup_close(server, &ignored);
        return rc;
    }
    server->asked.is_sealed = server->published.is_sealed = server->commanded.is_sealed =
        server->bus.is_curve;
    publisher_init(&server->publisher, &server->bus, &server->subjects);
    serial_lines_init(&server->lines, &server->config, &server->poll, SERVER_TAG_LINES);
    add_socket(server, server->bus.ask, SERVER_TAG_ASK);
    add_socket(server, server->bus.trials, SERVER_TAG_TRIALS);
    add_socket(server, server->bus.pub, SERVER_TAG_PUB);
    add_socket(server, server->bus.control, SERVER_TAG_CONTROL);
    add_socket(server, server->bus.zap, SERVER_TAG_ZAP);
    heartbeat_open_lines(server);
    return FAULT_NONE;
}

int startup_close(struct server *server, struct fault *fault)
{
    int rc = FAULT_NONE;
    followers_close(&server->followers);
    loop_jobs_close(server);
    if (server->journal.is_started) {
        if (server->subjects.subject != NULL) {
            (void)heartbeat_wait_for_room(server);
            alerts_end(&server->alerts, clock_mono_ns());
            heartbeat_checkpoint_all(server);
        }
        rc = journal_stop(&server->journal, fault);
    }
    serial_lines_close(&server->lines);
    zmq_bus_close(&server->bus);
    journal_contents_close(&server->contents);
    journal_close(&server->journal);
    subjects_close(&server->subjects);
    free(server->resumed);
    active_models_free(&server->models[0]);
    active_models_free(&server->models[1]);
    os_poll_close(&server->poll);
    return rc;
}
