#include "replay.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "journal_check.h"
#include "log.h"

/* One of its protocols. */
struct declaring {
    struct replay_run *run;
    size_t i;
};

static int declare(void *context, const char *name, const uint8_t *bytes, size_t size,
                   struct fault *fault)
{
    const struct declaring *d = context;
    return active_models_declare(&d->run->models, &d->run->config, d->i, name, bytes, size, fault);
}

/* The protocols that were declared in it, from the journal's copies. */
static int load_protocols(struct replay *replay, struct replay_run *run, struct fault *fault)
{
    char where[600];
    int rc = FAULT_NONE;
    (void)snprintf(where, sizeof where, "%s, run %" PRId64 ", protocol", replay->journal.path,
                   run->id);
    for (size_t i = 0; rc == FAULT_NONE && i < protocol_list_n(&run->config.protocol); i++) {
        struct protocol_entry entry;
        struct declaring d = {run, i};
        rc = protocol_list_at(&run->config.protocol, i, &entry, fault);
        rc = rc ? rc
                : journal_reader_load_blob(&replay->journal, where, entry.hash, declare, &d, fault);
    }
    return rc;
}

static int load_run(struct replay *replay, sqlite3_stmt *s, struct fault *fault)
{
    struct replay_run *run = &replay->runs[replay->n_runs];
    char name[600];
    run->id = sqlite3_column_int64(s, 0);
    run->first_event = sqlite3_column_int64(s, 1);
    run->boot = sqlite3_column_int64(s, 5);
    (void)snprintf(name, sizeof name, "%s, run %" PRId64, replay->journal.path, run->id);
    int rc = config_parse_recorded(&run->config, name, journal_reader_text(s, 3), fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    const uint8_t *bytes = sqlite3_column_blob(s, 4);
    if (bytes == NULL && strcmp(journal_reader_text(s, 2), "built-in") != 0) {
        return fault_set(fault, FAULT_INPUT, "%s: its model %s is not in the journal", name,
                         journal_reader_text(s, 2));
    }
    rc = active_models_load_bytes(&run->models, &run->config, name, bytes,
                                  (size_t)sqlite3_column_bytes(s, 4), fault);
    replay->n_runs += rc == FAULT_NONE ? 1 : 0; /* its models are freed with it from here on */
    if (rc == FAULT_NONE && bytes != NULL &&
        strcmp(run->models.twin.hash, journal_reader_text(s, 2)) != 0) {
        return fault_set(
            fault, FAULT_INPUT,
            "%s: table model, row %.32s: damaged; `murid check JOURNAL` lists the damage",
            replay->journal.path, journal_reader_text(s, 2));
    }
    return rc ? rc : load_protocols(replay, run, fault);
}

/* Runs that changed nothing are passed over: a daemon started every day has many. */
static int load_runs(struct replay *replay, struct fault *fault)
{
    sqlite3_stmt *s = NULL;
    int64_t n = 0;
    int rc = journal_reader_query_int(&replay->journal, "SELECT count(*) FROM run", &n, fault);
    if (rc == FAULT_NONE) {
        replay->runs = calloc((size_t)n + 1, sizeof *replay->runs);
    }
    if (rc == FAULT_NONE && replay->runs == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: no memory for its runs", replay->journal.path);
    }
    rc = rc ? rc
            : journal_reader_prepare(
                  &replay->journal,
                  "SELECT run.id, first_event, run.model, config, file, boot FROM run"
                  " LEFT JOIN model ON model.hash = run.model ORDER BY run.id",
                  &s, fault);
    while (rc == FAULT_NONE && sqlite3_step(s) == SQLITE_ROW) {
        rc = load_run(replay, s, fault);
    }
    sqlite3_finalize(s);
    return rc;
}

int replay_open(struct replay *replay, const char *path, struct fault *fault)
{
    *replay = (struct replay){0};
    int rc = journal_reader_open(&replay->journal, path, fault);
    rc = rc ? rc
            : journal_reader_query_int(&replay->journal, "SELECT coalesce(max(id), 0) FROM event",
                                       &replay->last_event, fault);
    rc = rc ? rc : load_runs(replay, fault);
    rc = rc ? rc : journal_contents_open(&replay->contents, path, fault);
    rc = rc ? rc : replay_adaptation_open(&replay->adaptation, &replay->journal, fault);
    if (rc != FAULT_NONE) {
        replay_close(replay);
    }
    return rc;
}

void replay_close(struct replay *replay)
{
    for (size_t i = 0; i < replay->n_runs; i++) {
        active_models_free(&replay->runs[i].models);
    }
    free(replay->runs);
    replay_adaptation_close(&replay->adaptation);
    journal_contents_close(&replay->contents);
    journal_reader_close(&replay->journal);
    *replay = (struct replay){0};
}

bool replay_is_empty(const struct replay *replay)
{
    return replay->n_runs == 0;
}

/* A block of own parameters fits whatever run it is of. */
static size_t largest_block(const struct replay *replay)
{
    size_t most = 0;
    for (size_t i = 0; i < replay->n_runs; i++) {
        const struct adaptation_plan *plan = active_models_plan(&replay->runs[i].models);
        const size_t size = plan != NULL ? adaptation_size(plan) : 0;
        most = size > most ? size : most;
    }
    return most;
}

int replay_open_subjects(struct replay *replay, struct subjects *subjects, int64_t (*now_ns)(void),
                         struct fault *fault)
{
    struct replay_run *first = &replay->runs[0];
    const size_t stride = largest_block(replay);
    /* The limits of every run were enforced when its events were heard; here there is room for the
     * largest of them. */
    for (size_t i = 1; i < replay->n_runs; i++) {
        const struct config_limits *l = &replay->runs[i].config.limits;
        struct config_limits *most = &first->config.limits;
        most->subjects = l->subjects > most->subjects ? l->subjects : most->subjects;
        most->sessions = l->sessions > most->sessions ? l->sessions : most->sessions;
    }
    if (subjects_open(subjects, &first->config, active_models_view(&first->models),
                      first->models.twin.hash, now_ns) != 0 ||
        subjects_adapt(subjects, active_models_plan(&first->models), stride) != 0) {
        return fault_set(fault, FAULT_WORK, "no memory for %" PRId64 " subjects",
                         first->config.limits.subjects);
    }
    subjects->run = first->id;
    subjects->is_replay = true;
    subjects->contents.fetch = journal_contents_fetch;
    subjects->contents.context = &replay->contents;
    replay->present = 0;
    return FAULT_NONE;
}

/* Before event number `event`: what was in force then, models and animals' own parameters. */
static int enter_runs(struct replay *replay, struct subjects *subjects, int64_t event,
                      struct fault *fault)
{
    int rc = replay_adaptation_advance(&replay->adaptation, subjects, event, fault);
    while (rc == FAULT_NONE && replay->present + 1 < replay->n_runs &&
           replay->runs[replay->present + 1].first_event <= event) {
        const struct replay_run *run = &replay->runs[++replay->present];
        if (subjects_change_run(subjects, run->id, &run->config, active_models_view(&run->models),
                                run->models.twin.hash, active_models_plan(&run->models)) != 0) {
            rc = fault_set(fault, FAULT_WORK, "no memory for the animals' own parameters");
        }
        rc = rc ? rc : replay_adaptation_advance(&replay->adaptation, subjects, event, fault);
    }
    return rc;
}

static const struct active_models *models_of(const struct replay *replay, int64_t run)
{
    for (size_t i = 0; i < replay->n_runs; i++) {
        if (replay->runs[i].id == run) {
            return &replay->runs[i].models;
        }
    }
    return NULL;
}

/* The animal's own parameters and lookahead, as a checkpoint under that run has them, and then its
 * state. */
static bool unpack(struct replay *replay, struct subjects *subjects, uint32_t number, int64_t run,
                   const uint8_t *bytes, size_t size)
{
    const struct active_models *models = models_of(replay, run);
    const struct adaptation_plan *plan = models != NULL ? active_models_plan(models) : NULL;
    const model_bank_params *ahead = models != NULL ? active_models_view(models).ahead : NULL;
    uint64_t own_size = 0;
    uint64_t lookahead_size = 0;
    if (bytes == NULL || size < sizeof own_size + sizeof lookahead_size) {
        return false;
    }
    memcpy(&own_size, bytes, sizeof own_size);
    memcpy(&lookahead_size, bytes + sizeof own_size, sizeof lookahead_size);
    bytes += sizeof own_size + sizeof lookahead_size;
    size -= sizeof own_size + sizeof lookahead_size;
    if (own_size > size || lookahead_size > size - own_size || (own_size > 0) != (plan != NULL) ||
        (lookahead_size > 0) != (ahead != NULL) ||
        (ahead != NULL && !lookahead_unpack(&subjects->lookaheads[number], ahead, bytes + own_size,
                                            (size_t)lookahead_size)) ||
        !subject_state_unpack(&subjects->subject[number].state, bytes + own_size + lookahead_size,
                              size - own_size - lookahead_size)) {
        return false;
    }
    struct adaptation *own = plan != NULL ? subjects_block(subjects, number) : NULL;
    return own == NULL || (adaptation_unpack(plan, own, bytes, own_size) &&
                           replay_adaptation_restore(&replay->adaptation, plan, own) == 0);
}

/* Members of the model that was in force in that run; 0 if there is no such run. */
static uint32_t members_of(const struct replay *replay, int64_t run)
{
    const struct active_models *models = models_of(replay, run);
    return models != NULL ? models->twin.bank.n : 0;
}

/* True if the session is one of the subject's. */
static bool owns_session(const struct replay *replay, int64_t subject, int64_t session)
{
    struct fault ignored;
    int64_t owner = -1;
    char sql[80];
    (void)snprintf(sql, sizeof sql, "SELECT subject FROM session WHERE id = %" PRId64, session);
    return journal_reader_query_int(&replay->journal, sql, &owner, &ignored) == FAULT_NONE &&
           owner == subject;
}

/* A state that can be gone on from: of the model of its run, within bounds, with finite numbers. */
static bool is_sound(const struct replay *replay, uint32_t number, int64_t run,
                     const struct subject_state *state)
{
    const struct active_models *models = models_of(replay, run);
    if (models == NULL || state->twin.bank.n != members_of(replay, run) ||
        state->n_stimuli > SUBJECT_STATE_STIMULI_MAX ||
        (state->session != -1 && !owns_session(replay, number, state->session))) {
        return false;
    }
    const struct twin_models view = active_models_view(models);
    return twin_is_finite(&state->twin, &view);
}

static int load_subject(struct replay *replay, struct subjects *subjects, sqlite3_stmt *s,
                        struct fault *fault)
{
    char name[PROTO_ID_MAX + 1];
    const int64_t id = sqlite3_column_int64(s, 0);
    if (!journal_reader_id(name, s, 1) || subjects_find_subject(subjects, name) != SUBJECTS_NONE) {
        return journal_reader_row_fault(replay->journal.path, "subject", id, fault);
    }
    const uint32_t number = subjects_add_subject(subjects, name);
    if (number == SUBJECTS_NONE) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: has more than %" PRIu32 " subjects; raise limits.subjects",
                         replay->journal.path, subjects->max_subjects);
    }
    if ((int64_t)number != id) {
        return journal_reader_row_fault(replay->journal.path, "subject", id, fault);
    }
    struct subject *subject = &subjects->subject[number];
    subject->run = replay->runs[0].id;
    if (sqlite3_column_int64(s, 5) != SUBJECT_STATE_LAYOUT) {
        return FAULT_NONE;
    }
    const int64_t run = sqlite3_column_int64(s, 3);
    if (!journal_check_states(replay->journal.db, id) ||
        !unpack(replay, subjects, number, run, sqlite3_column_blob(s, 4),
                (size_t)sqlite3_column_bytes(s, 4)) ||
        !is_sound(replay, number, run, &subject->state)) {
        log_warn("%s: table checkpoint, row %" PRId64 " (%s): damaged and skipped; its events "
                 "are replayed",
                 replay->journal.path, id, name);
        subject_state_reset(&subject->state, &subjects->models);
        if (subjects->models.ahead != NULL) {
            lookahead_reset(&subjects->lookaheads[number], subjects->models.ahead);
        }
        if (subjects->adaptations != NULL) {
            memset(subjects_block(subjects, number), 0, sizeof(struct adaptation_head));
        }
        return FAULT_NONE;
    }
    subject->last_event = subject->checkpoint_event = sqlite3_column_int64(s, 2);
    subject->run = run;
    return FAULT_NONE;
}

static int load_session(struct replay *replay, struct subjects *subjects, sqlite3_stmt *s,
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
        !journal_reader_id(given, s, 6) || run < 1 || !subjects_run_name(run_name, given, run) ||
        strcmp(run_name, name) != 0 || subject < 0 || subject >= (int64_t)subjects->n_subjects ||
        counts < 0 || counts > (int64_t)subjects->n_sessions ||
        (counts < (int64_t)subjects->n_sessions &&
         subjects->session[counts].subject != (uint32_t)subject) ||
        subjects_find_session(subjects, rig, (uint32_t)subject, name) != SUBJECTS_NONE) {
        return journal_reader_row_fault(replay->journal.path, "session", id, fault);
    }
    const struct subjects_entry entry = {.rig = rig,
                                         .subject = (uint32_t)subject,
                                         .given = given,
                                         .run = run,
                                         .is_stated = sqlite3_column_int(s, 9) != 0,
                                         .named_here = sqlite3_column_int(s, 4) != 0,
                                         .counts = (uint32_t)counts};
    const uint32_t number = subjects_add_session(subjects, &entry);
    if (number == SUBJECTS_NONE) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: has more than %" PRIu32 " sessions; raise limits.sessions",
                         replay->journal.path, subjects->max_sessions);
    }
    if ((int64_t)number != id) {
        return journal_reader_row_fault(replay->journal.path, "session", id, fault);
    }
    struct session *session = &subjects->session[number];
    if (sqlite3_column_bytes(s, 5) == (int)sizeof session->state &&
        subjects->subject[subject].checkpoint_event > 0) {
        memcpy(&session->state, sqlite3_column_blob(s, 5), sizeof session->state);
        session->is_whole = false;
        session->durable_seq = session->state.seqs.through;
    } else {
        subjects_make_dormant(subjects, number);
    }
    return FAULT_NONE;
}

/* An animal was last heard where its session is. */
static void name_rigs(struct subjects *subjects)
{
    for (uint32_t i = 0; i < subjects->n_subjects; i++) {
        const int64_t session = subjects->subject[i].state.session;
        if (session >= 0) {
            strcpy(subjects->subject[i].rig, subjects->session[session].rig);
        }
    }
}

int replay_load_checkpoints(struct replay *replay, struct subjects *subjects, int64_t *from,
                            struct fault *fault)
{
    sqlite3_stmt *s = NULL;
    int rc = journal_reader_prepare(
        &replay->journal,
        "SELECT subject.id, name, event, run, state, layout FROM subject"
        " LEFT JOIN checkpoint ON checkpoint.subject = subject.id ORDER BY subject.id",
        &s, fault);
    while (rc == FAULT_NONE && sqlite3_step(s) == SQLITE_ROW) {
        rc = load_subject(replay, subjects, s, fault);
    }
    sqlite3_finalize(s);
    s = NULL;
    rc = rc ? rc
            : journal_reader_prepare(
                  &replay->journal,
                  "SELECT id, rig, subject, name, named_here, state, given, run, counts, stated"
                  " FROM session ORDER BY id",
                  &s, fault);
    while (rc == FAULT_NONE && sqlite3_step(s) == SQLITE_ROW) {
        rc = load_session(replay, subjects, s, fault);
    }
    sqlite3_finalize(s);
    s = NULL;
    if (rc == FAULT_NONE) {
        name_rigs(subjects);
    }
    rc = rc ? rc
            : journal_reader_prepare(&replay->journal,
                                     "SELECT max(id) FROM event WHERE subject = ?", &s, fault);
    *from = replay->last_event;
    for (uint32_t i = 0; rc == FAULT_NONE && i < subjects->n_subjects; i++) {
        sqlite3_bind_int64(s, 1, i);
        if (sqlite3_step(s) == SQLITE_ROW &&
            sqlite3_column_int64(s, 0) > subjects->subject[i].checkpoint_event &&
            subjects->subject[i].checkpoint_event < *from) {
            *from = subjects->subject[i].checkpoint_event;
        }
        sqlite3_reset(s);
    }
    sqlite3_finalize(s);
    return rc;
}

static bool is_held(const struct subjects *subjects, sqlite3_stmt *s, int64_t id)
{
    const int64_t subject = sqlite3_column_int64(s, 6);
    return sqlite3_column_type(s, 6) == SQLITE_NULL ||
           (subject >= 0 && subject < (int64_t)subjects->n_subjects &&
            subjects->subject[subject].last_event >= id);
}

int replay_events(struct replay *replay, struct subjects *subjects, int64_t from,
                  replay_callback *callback, void *context, struct fault *fault)
{
    struct session_result *result = calloc(1, sizeof *result);
    sqlite3_stmt *s = NULL;
    int rc = result == NULL ? fault_set(fault, FAULT_WORK, "out of memory")
                            : journal_reader_prepare(
                                  &replay->journal,
                                  "SELECT event.id, t_wall_ns, t_mono_ns, source, event.rig, raw,"
                                  " event.subject, subject.name, status FROM event"
                                  " LEFT JOIN subject ON subject.id = event.subject"
                                  " WHERE event.id > ? ORDER BY event.id",
                                  &s, fault);
    if (rc == FAULT_NONE) {
        sqlite3_bind_int64(s, 1, from);
        rc = enter_runs(replay, subjects, from, fault);
    }
    int step = SQLITE_DONE;
    for (int64_t done = 1; rc == FAULT_NONE && (step = sqlite3_step(s)) == SQLITE_ROW; done++) {
        const int64_t id = sqlite3_column_int64(s, 0);
        rc = enter_runs(replay, subjects, id, fault);
        if (rc != FAULT_NONE || is_held(subjects, s, id)) {
            continue;
        }
        const enum session_source source = session_source_of(journal_reader_text(s, 3));
        const bool is_serial = source == SESSION_SOURCE_SERIAL;
        enum session_outcome status = SESSION_OUTCOME_REFUSED;
        (void)session_outcome_parse(&status, journal_reader_text(s, 8));
        const struct session_event event = {
            .id = id,
            .is_recorded = true,
            .recorded = status,
            .t_wall_ns = sqlite3_column_int64(s, 1),
            .t_mono_ns = sqlite3_column_int64(s, 2),
            .boot = replay->runs[replay->present].boot,
            .source = source,
            .rig = is_serial ? journal_reader_text(s, 4) : NULL,
            .subject = is_serial ? journal_reader_text(s, 7) : NULL,
            .bytes = sqlite3_column_blob(s, 5),
            .size = (size_t)sqlite3_column_bytes(s, 5),
        };
        session_on_message(subjects, &event, result);
        session_look_ahead(subjects, result);
        rc = callback(context, &(struct replay_step){subjects, &event, result, done}, fault);
    }
    if (rc == FAULT_NONE && step != SQLITE_DONE) {
        rc = journal_reader_fault(&replay->journal, fault);
    }
    rc = rc ? rc : enter_runs(replay, subjects, INT64_MAX, fault);
    sqlite3_finalize(s);
    free(result);
    return rc;
}
