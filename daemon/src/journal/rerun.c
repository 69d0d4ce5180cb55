#include "rerun.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "journal_check.h"
#include "log.h"

static int declare(void *context, const char *name, const uint8_t *bytes, size_t size,
                   struct fault *fault)
{
    struct rerun_run *run = context;
    return models_declare(&run->models, &run->config, name, bytes, size, fault);
}

/* The protocol that was declared in it, from the journal's copy. */
static int load_protocol(struct rerun *rerun, struct rerun_run *run, struct fault *fault)
{
    char where[600];
    if (run->config.protocol.file[0] == '\0') {
        return FAULT_NONE;
    }
    (void)snprintf(where, sizeof where, "%s, run %" PRId64 ", protocol", rerun->journal.path,
                   run->id);
    return journal_reader_kept(&rerun->journal, where, run->config.protocol.hash, declare, run,
                               fault);
}

static int load_run(struct rerun *rerun, sqlite3_stmt *s, struct fault *fault)
{
    struct rerun_run *run = &rerun->runs[rerun->n_runs];
    char name[600];
    run->id = sqlite3_column_int64(s, 0);
    run->first_event = sqlite3_column_int64(s, 1);
    run->boot = sqlite3_column_int64(s, 5);
    (void)snprintf(name, sizeof name, "%s, run %" PRId64, rerun->journal.path, run->id);
    int rc = config_parse(&run->config, name, sqlite3_column_text(s, 3),
                          (size_t)sqlite3_column_bytes(s, 3), fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    const uint8_t *bytes = sqlite3_column_blob(s, 4);
    if (bytes == NULL && strcmp(journal_reader_text(s, 2), "built-in") != 0) {
        return fault_set(fault, FAULT_INPUT, "%s: its model %s is not in the journal", name,
                         journal_reader_text(s, 2));
    }
    rc = models_load_bytes(&run->models, &run->config, name, bytes,
                           (size_t)sqlite3_column_bytes(s, 4), fault);
    rerun->n_runs += rc == FAULT_NONE ? 1 : 0; /* its models are freed with it from here on */
    if (rc == FAULT_NONE && bytes != NULL &&
        strcmp(run->models.twin.hash, journal_reader_text(s, 2)) != 0) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: table model, row %.32s: damaged; `murid check JOURNAL` says what is",
                         rerun->journal.path, journal_reader_text(s, 2));
    }
    return rc ? rc : load_protocol(rerun, run, fault);
}

/* Runs that changed nothing are passed over: a daemon started every day has many. */
static int load_runs(struct rerun *rerun, struct fault *fault)
{
    sqlite3_stmt *s = NULL;
    int64_t n = 0;
    int rc = journal_reader_whole(&rerun->journal, "SELECT count(*) FROM run", &n, fault);
    if (rc == FAULT_NONE) {
        rerun->runs = calloc((size_t)n + 1, sizeof *rerun->runs);
    }
    if (rc == FAULT_NONE && rerun->runs == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: no memory for its runs", rerun->journal.path);
    }
    rc = rc == FAULT_NONE ? journal_reader_prepare(
                                &rerun->journal,
                                "SELECT run.id, first_event, run.model, config, file, boot FROM run"
                                " LEFT JOIN model ON model.hash = run.model ORDER BY run.id",
                                &s, fault)
                          : rc;
    while (rc == FAULT_NONE && sqlite3_step(s) == SQLITE_ROW) {
        rc = load_run(rerun, s, fault);
    }
    sqlite3_finalize(s);
    return rc;
}

int rerun_open(struct rerun *rerun, const char *path, struct fault *fault)
{
    *rerun = (struct rerun){0};
    int rc = journal_reader_open(&rerun->journal, path, fault);
    rc = rc == FAULT_NONE
             ? journal_reader_whole(&rerun->journal, "SELECT coalesce(max(id), 0) FROM event",
                                    &rerun->last_event, fault)
             : rc;
    rc = rc == FAULT_NONE ? load_runs(rerun, fault) : rc;
    rc = rc == FAULT_NONE ? journal_contents_open(&rerun->contents, path, fault) : rc;
    rc = rc == FAULT_NONE ? rerun_adaptation_open(&rerun->adaptation, &rerun->journal, fault) : rc;
    if (rc != FAULT_NONE) {
        rerun_close(rerun);
    }
    return rc;
}

void rerun_close(struct rerun *rerun)
{
    for (size_t i = 0; i < rerun->n_runs; i++) {
        models_free(&rerun->runs[i].models);
    }
    free(rerun->runs);
    rerun_adaptation_close(&rerun->adaptation);
    journal_contents_close(&rerun->contents);
    journal_reader_close(&rerun->journal);
    *rerun = (struct rerun){0};
}

bool rerun_is_empty(const struct rerun *rerun)
{
    return rerun->n_runs == 0;
}

/* A block of own parameters fits whatever run it is of. */
static size_t largest_block(const struct rerun *rerun)
{
    size_t most = 0;
    for (size_t i = 0; i < rerun->n_runs; i++) {
        const struct adaptation_plan *plan = models_plan(&rerun->runs[i].models);
        const size_t size = plan != NULL ? adaptation_size(plan) : 0;
        most = size > most ? size : most;
    }
    return most;
}

int rerun_open_colony(struct rerun *rerun, struct colony *colony, int64_t (*now_ns)(void),
                      struct fault *fault)
{
    struct rerun_run *first = &rerun->runs[0];
    const size_t stride = largest_block(rerun);
    /* The limits of every run were enforced when its events were heard; here there is room for the
     * largest of them. */
    for (size_t i = 1; i < rerun->n_runs; i++) {
        const struct config_limits *l = &rerun->runs[i].config.limits;
        struct config_limits *most = &first->config.limits;
        most->subjects = l->subjects > most->subjects ? l->subjects : most->subjects;
        most->sessions = l->sessions > most->sessions ? l->sessions : most->sessions;
    }
    if (colony_open(colony, &first->config, models_view(&first->models), first->models.twin.hash,
                    now_ns) != 0 ||
        colony_adapt(colony, models_plan(&first->models), stride) != 0) {
        return fault_set(fault, FAULT_WORK, "no memory for %" PRId64 " subjects",
                         first->config.limits.subjects);
    }
    colony->run = first->id;
    colony->is_rerun = true;
    colony->contents.fetch = journal_contents_fetch;
    colony->contents.context = &rerun->contents;
    rerun->present = 0;
    return FAULT_NONE;
}

/* Before event number `event`: what was in force then, models and animals' own parameters. */
static int enter_runs(struct rerun *rerun, struct colony *colony, int64_t event,
                      struct fault *fault)
{
    int rc = rerun_adaptation_advance(&rerun->adaptation, colony, event, fault);
    while (rc == FAULT_NONE && rerun->present + 1 < rerun->n_runs &&
           rerun->runs[rerun->present + 1].first_event <= event) {
        const struct rerun_run *run = &rerun->runs[++rerun->present];
        if (colony_change_run(colony, run->id, &run->config, models_view(&run->models),
                              run->models.twin.hash, models_plan(&run->models)) != 0) {
            rc = fault_set(fault, FAULT_WORK, "no memory for the animals' own parameters");
        }
        rc = rc ? rc : rerun_adaptation_advance(&rerun->adaptation, colony, event, fault);
    }
    return rc;
}

static const struct models *models_of(const struct rerun *rerun, int64_t run)
{
    for (size_t i = 0; i < rerun->n_runs; i++) {
        if (rerun->runs[i].id == run) {
            return &rerun->runs[i].models;
        }
    }
    return NULL;
}

/* The animal's own parameters and prospect, as a checkpoint under that run has them, and then its
 * state. */
static bool unpack(struct rerun *rerun, struct colony *colony, uint32_t number, int64_t run,
                   const uint8_t *bytes, size_t size)
{
    const struct models *models = models_of(rerun, run);
    const struct adaptation_plan *plan = models != NULL ? models_plan(models) : NULL;
    const model_bank_params *ahead = models != NULL ? models_view(models).ahead : NULL;
    uint64_t own_size = 0;
    uint64_t prospect_size = 0;
    if (bytes == NULL || size < sizeof own_size + sizeof prospect_size) {
        return false;
    }
    memcpy(&own_size, bytes, sizeof own_size);
    memcpy(&prospect_size, bytes + sizeof own_size, sizeof prospect_size);
    bytes += sizeof own_size + sizeof prospect_size;
    size -= sizeof own_size + sizeof prospect_size;
    if (own_size > size || prospect_size > size - own_size || (own_size > 0) != (plan != NULL) ||
        (prospect_size > 0) != (ahead != NULL) ||
        (ahead != NULL && !prospect_unpack(&colony->prospects[number], ahead, bytes + own_size,
                                           (size_t)prospect_size)) ||
        !subject_state_unpack(&colony->subjects[number].state, bytes + own_size + prospect_size,
                              size - own_size - prospect_size)) {
        return false;
    }
    struct adaptation *own = plan != NULL ? colony_block(colony, number) : NULL;
    return own == NULL || (adaptation_unpack(plan, own, bytes, own_size) &&
                           rerun_adaptation_restore(&rerun->adaptation, plan, own) == 0);
}

/* Members of the model that was in force in that run; 0 if there is no such run. */
static uint32_t members_of(const struct rerun *rerun, int64_t run)
{
    const struct models *models = models_of(rerun, run);
    return models != NULL ? models->twin.bank.n : 0;
}

/* True if the session is one of the subject's. */
static bool owns_session(const struct rerun *rerun, int64_t subject, int64_t session)
{
    struct fault ignored;
    int64_t owner = -1;
    char sql[80];
    (void)snprintf(sql, sizeof sql, "SELECT subject FROM session WHERE id = %" PRId64, session);
    return journal_reader_whole(&rerun->journal, sql, &owner, &ignored) == FAULT_NONE &&
           owner == subject;
}

/* A state that can be gone on from: of the model of its run, within bounds, with finite numbers. */
static bool is_sound(const struct rerun *rerun, uint32_t number, int64_t run,
                     const struct subject_state *state)
{
    const struct models *models = models_of(rerun, run);
    if (models == NULL || state->learner.bank.n != members_of(rerun, run) ||
        state->n_stimuli > COLONY_STIMULI_MAX ||
        (state->session != -1 && !owns_session(rerun, number, state->session))) {
        return false;
    }
    const struct learner_models view = models_view(models);
    return learner_is_finite(&state->learner, &view);
}

static int load_subject(struct rerun *rerun, struct colony *colony, sqlite3_stmt *s,
                        struct fault *fault)
{
    char name[PROTO_ID_MAX + 1];
    const int64_t id = sqlite3_column_int64(s, 0);
    if (!journal_reader_id(name, s, 1) || colony_find_subject(colony, name) != COLONY_NONE) {
        return journal_reader_row_fault(&rerun->journal, "subject", id, fault);
    }
    const uint32_t number = colony_add_subject(colony, name);
    if (number == COLONY_NONE) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: has more than %" PRIu32 " subjects; raise limits.subjects",
                         rerun->journal.path, colony->max_subjects);
    }
    if ((int64_t)number != id) {
        return journal_reader_row_fault(&rerun->journal, "subject", id, fault);
    }
    struct subject *subject = &colony->subjects[number];
    subject->run = rerun->runs[0].id;
    if (sqlite3_column_int64(s, 5) != COLONY_LAYOUT) {
        return FAULT_NONE;
    }
    const int64_t run = sqlite3_column_int64(s, 3);
    if (!journal_check_states(rerun->journal.db, id) ||
        !unpack(rerun, colony, number, run, sqlite3_column_blob(s, 4),
                (size_t)sqlite3_column_bytes(s, 4)) ||
        !is_sound(rerun, number, run, &subject->state)) {
        log_warn("%s: table checkpoint, row %" PRId64 " (%s): damaged, and passed over; its events "
                 "are heard again",
                 rerun->journal.path, id, name);
        subject_state_reset(&subject->state, &colony->models);
        if (colony->models.ahead != NULL) {
            prospect_reset(&colony->prospects[number], colony->models.ahead);
        }
        if (colony->adaptations != NULL) {
            memset(colony_block(colony, number), 0, sizeof(struct adaptation_head));
        }
        return FAULT_NONE;
    }
    subject->last_event = subject->checkpoint_event = sqlite3_column_int64(s, 2);
    subject->run = run;
    return FAULT_NONE;
}

static int load_session(struct rerun *rerun, struct colony *colony, sqlite3_stmt *s,
                        struct fault *fault)
{
    char rig[PROTO_ID_MAX + 1];
    char name[PROTO_ID_MAX + 1];
    char given[PROTO_ID_MAX + 1];
    char run_name[PROTO_ID_MAX + 1];
    const int64_t id = sqlite3_column_int64(s, 0);
    const int64_t subject = sqlite3_column_int64(s, 2);
    const int64_t run = sqlite3_column_int64(s, 7);
    const int64_t counts = sqlite3_column_int64(s, 8);
    if (!journal_reader_id(rig, s, 1) || !journal_reader_session(name, s, 3) ||
        !journal_reader_id(given, s, 6) || run < 1 || !colony_run_name(run_name, given, run) ||
        strcmp(run_name, name) != 0 || subject < 0 || subject >= (int64_t)colony->n_subjects ||
        counts < 0 || counts > (int64_t)colony->n_sessions ||
        (counts < (int64_t)colony->n_sessions &&
         colony->sessions[counts].subject != (uint32_t)subject) ||
        colony_find_session(colony, rig, (uint32_t)subject, name) != COLONY_NONE) {
        return journal_reader_row_fault(&rerun->journal, "session", id, fault);
    }
    const struct colony_entry entry = {.rig = rig,
                                       .subject = (uint32_t)subject,
                                       .given = given,
                                       .run = run,
                                       .is_stated = sqlite3_column_int(s, 9) != 0,
                                       .named_here = sqlite3_column_int(s, 4) != 0,
                                       .counts = (uint32_t)counts};
    const uint32_t number = colony_add_session(colony, &entry);
    if (number == COLONY_NONE) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: has more than %" PRIu32 " sessions; raise limits.sessions",
                         rerun->journal.path, colony->max_sessions);
    }
    if ((int64_t)number != id) {
        return journal_reader_row_fault(&rerun->journal, "session", id, fault);
    }
    struct session *session = &colony->sessions[number];
    if (sqlite3_column_bytes(s, 5) == (int)sizeof session->state &&
        colony->subjects[subject].checkpoint_event > 0) {
        memcpy(&session->state, sqlite3_column_blob(s, 5), sizeof session->state);
        session->is_whole = false;
        session->durable_seq = session->state.seqs.through;
    } else {
        colony_make_dormant(colony, number);
    }
    return FAULT_NONE;
}

/* An animal was last heard where its session is. */
static void name_rigs(struct colony *colony)
{
    for (uint32_t i = 0; i < colony->n_subjects; i++) {
        const int64_t session = colony->subjects[i].state.session;
        if (session >= 0) {
            strcpy(colony->subjects[i].rig, colony->sessions[session].rig);
        }
    }
}

int rerun_load_checkpoints(struct rerun *rerun, struct colony *colony, int64_t *from,
                           struct fault *fault)
{
    sqlite3_stmt *s = NULL;
    int rc = journal_reader_prepare(
        &rerun->journal,
        "SELECT subject.id, name, event, run, state, layout FROM subject"
        " LEFT JOIN checkpoint ON checkpoint.subject = subject.id ORDER BY subject.id",
        &s, fault);
    while (rc == FAULT_NONE && sqlite3_step(s) == SQLITE_ROW) {
        rc = load_subject(rerun, colony, s, fault);
    }
    sqlite3_finalize(s);
    s = NULL;
    rc = rc == FAULT_NONE
             ? journal_reader_prepare(
                   &rerun->journal,
                   "SELECT id, rig, subject, name, named_here, state, given, run, counts, stated"
                   " FROM session ORDER BY id",
                   &s, fault)
             : rc;
    while (rc == FAULT_NONE && sqlite3_step(s) == SQLITE_ROW) {
        rc = load_session(rerun, colony, s, fault);
    }
    sqlite3_finalize(s);
    s = NULL;
    if (rc == FAULT_NONE) {
        name_rigs(colony);
    }
    rc = rc == FAULT_NONE
             ? journal_reader_prepare(&rerun->journal,
                                      "SELECT max(id) FROM event WHERE subject = ?", &s, fault)
             : rc;
    *from = rerun->last_event;
    for (uint32_t i = 0; rc == FAULT_NONE && i < colony->n_subjects; i++) {
        sqlite3_bind_int64(s, 1, i);
        if (sqlite3_step(s) == SQLITE_ROW &&
            sqlite3_column_int64(s, 0) > colony->subjects[i].checkpoint_event &&
            colony->subjects[i].checkpoint_event < *from) {
            *from = colony->subjects[i].checkpoint_event;
        }
        sqlite3_reset(s);
    }
    sqlite3_finalize(s);
    return rc;
}

static bool is_held(const struct colony *colony, sqlite3_stmt *s, int64_t id)
{
    const int64_t subject = sqlite3_column_int64(s, 6);
    return sqlite3_column_type(s, 6) == SQLITE_NULL ||
           (subject >= 0 && subject < (int64_t)colony->n_subjects &&
            colony->subjects[subject].last_event >= id);
}

int rerun_events(struct rerun *rerun, struct colony *colony, int64_t from, rerun_callback *callback,
                 void *context, struct fault *fault)
{
    struct session_result *result = calloc(1, sizeof *result);
    sqlite3_stmt *s = NULL;
    int rc = result == NULL ? fault_set(fault, FAULT_WORK, "out of memory")
                            : journal_reader_prepare(
                                  &rerun->journal,
                                  "SELECT event.id, t_wall_ns, t_mono_ns, source, event.rig, raw,"
                                  " event.subject, subject.name, status FROM event"
                                  " LEFT JOIN subject ON subject.id = event.subject"
                                  " WHERE event.id > ? ORDER BY event.id",
                                  &s, fault);
    if (rc == FAULT_NONE) {
        sqlite3_bind_int64(s, 1, from);
        rc = enter_runs(rerun, colony, from, fault);
    }
    int step = SQLITE_DONE;
    for (int64_t done = 1; rc == FAULT_NONE && (step = sqlite3_step(s)) == SQLITE_ROW; done++) {
        const int64_t id = sqlite3_column_int64(s, 0);
        rc = enter_runs(rerun, colony, id, fault);
        if (rc != FAULT_NONE || is_held(colony, s, id)) {
            continue;
        }
        const enum session_source source = session_source_of(journal_reader_text(s, 3));
        const bool is_serial = source == SESSION_SOURCE_SERIAL;
        enum session_status status = SESSION_STATUS_REFUSED;
        (void)session_status_parse(&status, journal_reader_text(s, 8));
        const struct session_event event = {
            .id = id,
            .is_recorded = true,
            .recorded = status,
            .t_wall_ns = sqlite3_column_int64(s, 1),
            .t_mono_ns = sqlite3_column_int64(s, 2),
            .boot = rerun->runs[rerun->present].boot,
            .source = source,
            .rig = is_serial ? journal_reader_text(s, 4) : NULL,
            .subject = is_serial ? journal_reader_text(s, 7) : NULL,
            .bytes = sqlite3_column_blob(s, 5),
            .size = (size_t)sqlite3_column_bytes(s, 5),
        };
        session_on_message(colony, &event, result);
        session_look_ahead(colony, result);
        rc = callback(context, &(struct rerun_step){colony, &event, result, done}, fault);
    }
    if (rc == FAULT_NONE && step != SQLITE_DONE) {
        rc = journal_reader_fault(&rerun->journal, fault);
    }
    if (rc == FAULT_NONE) {
        rc = enter_runs(rerun, colony, INT64_MAX, fault);
    }
    sqlite3_finalize(s);
    free(result);
    return rc;
}
