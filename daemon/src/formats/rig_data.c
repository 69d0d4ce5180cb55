#include "rig_data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/discover.h"
#include "list.h"
#include "names.h"
#include "text_escape.h"

enum {
    SESSIONS_MAX = 1 << 20,
    SUBJECTS_MAX = 1 << 16,
    TALLIES_SAID = 20,
    LEFT_OUT_OF_ONE = 100 /* lines of a file; it is then read no further */
};

/* A file or folder of one format, and its first session. */
struct rig_source {
    char *path;
    const struct bridge_adapter *adapter;
    char subject[PROTO_ID_MAX + 1];
    char session[PROTO_ID_MAX + 1];
    char date[11];
};

/* What was read of one animal, as one version of a program wrote it. */
struct rig_tally {
    char program[BRIDGE_NAME_MAX];
    char version[BRIDGE_NAME_MAX];
    char subject[PROTO_ID_MAX + 1];
    const char *mapping; /* shipped; NULL: none */
    int64_t n_sessions;
    int64_t n_trials;
};

struct rig_data {
    const struct bridge_mapping *map;
    struct rig_source *sources;
    size_t n;
    size_t capacity;
    size_t at; /* the one that is open, or the next */
    struct bridge_source source;
    bool is_open;
    int64_t n_of_source; /* trials */
    int n_wrong;         /* of the source */
    struct names subjects;
    struct names sessions;
    struct rig_session {
        size_t source; /* the first that has it; from others it is left out */
        size_t tally;
    } * held; /* by the session's number */
    size_t n_held;
    size_t held_capacity;
    struct rig_tally *tallies;
    size_t n_tallies;
    size_t tally_capacity;
    size_t tally; /* of the session at hand */
    struct findings left_out;
    int64_t n_left_out;
};

/* ---- what is left out ------------------------------------------------------------------------ */

static void leave_out(struct rig_data *d, const char *text)
{
    d->n_left_out++;
    if (d->n_left_out < FINDINGS_MAX) {
        (void)fault_set(findings_next(&d->left_out), FAULT_INPUT, "%s", text);
    } else {
        d->left_out.n = FINDINGS_MAX;
        (void)fault_set(&d->left_out.list[FINDINGS_MAX - 1], FAULT_INPUT,
                        "%lld more are left out; the last: %s",
                        (long long)(d->n_left_out - FINDINGS_MAX + 1), text);
    }
}

static void leave_out_why(struct rig_data *d, const struct bridge_why *why)
{
    char text[sizeof(struct fault)];
    leave_out(d, bridge_why_text(why, text, sizeof text));
}

const struct findings *rig_data_left_out(const struct rig_data *data)
{
    return &data->left_out;
}

/* ---- sources, in their order ----------------------------------------------------------------- */

static int by_session(const void *a, const void *b)
{
    const struct rig_source *const p = a;
    const struct rig_source *const q = b;
    const int subject = strcmp(p->subject, q->subject);
    const int date = strcmp(p->date, q->date);
    const int session = strcmp(p->session, q->session);
    return subject != 0   ? subject
           : date != 0    ? date
           : session != 0 ? session
                          : strcmp(p->path, q->path);
}

/* Reads up to where its first session starts. What is wrong is said when it is read. */
static void look_at(const struct rig_data *d, struct rig_source *source)
{
    struct bridge_source *s = malloc(sizeof *s);
    struct bridge_event event;
    int got = -1;
    if (s == NULL || bridge_source_open(s, source->adapter, source->path, d->map) != 0) {
        free(s);
        return;
    }
    for (int n = 0; got == -1 && n < LEFT_OUT_OF_ONE; n++) {
        got = bridge_source_next(s, &event);
    }
    if (got == 1) {
        memcpy(source->subject, event.session->subject, sizeof source->subject);
        memcpy(source->session, event.session->session, sizeof source->session);
        (void)snprintf(source->date, sizeof source->date, "%.10s", event.session->started);
    }
    bridge_source_close(s);
    free(s);
}

static int add_path(struct rig_data *d, const struct rig_data_request *request, const char *path,
                    struct fault *fault)
{
    struct bridge_discovery found;
    if (bridge_discover(&found, path, request->only, request->map) != 0) {
        return fault_set(fault, FAULT_WORK, "%s: no memory", path);
    }
    if (found.is_folder && found.n > 0 && found.why.found[0] != '\0') {
        leave_out_why(d, &found.why);
    }
    if (found.n > 0 && found.is_cut) {
        char text[BRIDGE_PATH_MAX + 128];
        (void)snprintf(text, sizeof text, "%s: too many files or folders; give a folder below it",
                       path);
        leave_out(d, text);
    }
    for (size_t i = 0; i < found.n; i++) {
        void *grown = list_grow(d->sources, d->n, &d->capacity, sizeof *d->sources);
        if (grown == NULL) {
            bridge_discovery_free(&found);
            return fault_set(fault, FAULT_WORK, "%s: no memory", path);
        }
        d->sources = grown;
        d->sources[d->n] =
            (struct rig_source){.path = found.list[i].path, .adapter = found.list[i].adapter};
        found.list[i].path = NULL;
        if (!found.list[i].is_pipe) { /* what is read of a pipe is gone */
            look_at(d, &d->sources[d->n]);
        }
        d->n++;
    }
    bridge_discovery_free(&found);
    return FAULT_NONE;
}

int rig_data_open(struct rig_data **out, const struct rig_data_request *request,
                  struct fault *fault)
{
    struct rig_data *d = calloc(1, sizeof *d);
    int rc = d != NULL ? FAULT_NONE : fault_set(fault, FAULT_WORK, "no memory");
    *out = NULL;
    if (rc == FAULT_NONE) {
        d->map = request->map;
        names_open(&d->subjects, SUBJECTS_MAX);
        names_open(&d->sessions, SESSIONS_MAX);
    }
    for (size_t i = 0; rc == FAULT_NONE && i < request->n_paths; i++) {
        rc = add_path(d, request, request->paths[i], fault);
    }
    if (rc != FAULT_NONE || d->n == 0) {
        rig_data_close(d);
        return rc;
    }
    qsort(d->sources, d->n, sizeof *d->sources, by_session);
    *out = d;
    return FAULT_NONE;
}

void rig_data_close(struct rig_data *data)
{
    if (data == NULL) {
        return;
    }
    bridge_source_close(&data->source);
    for (size_t i = 0; i < data->n; i++) {
        free(data->sources[i].path);
    }
    free(data->sources);
    free(data->tallies);
    free(data->held);
    names_close(&data->subjects);
    names_close(&data->sessions);
    free(data);
}

/* ---- sessions -------------------------------------------------------------------------------- */

static bool is_of(const struct rig_tally *tally, const struct bridge_session *session)
{
    return strcmp(tally->subject, session->subject) == 0 && tally->mapping == session->mapping &&
           strcmp(tally->version, session->version) == 0 &&
           strcmp(tally->program, session->program) == 0;
}

/* Counts a session. False without memory. */
static bool count_session(struct rig_data *d, const struct bridge_session *session)
{
    size_t i = d->n_tallies;
    while (i > 0 && !is_of(&d->tallies[i - 1], session)) {
        i--;
    }
    if (i > 0) {
        d->tally = i - 1;
    } else {
        void *grown = list_grow(d->tallies, d->n_tallies, &d->tally_capacity, sizeof *d->tallies);
        if (grown == NULL) {
            return false;
        }
        d->tallies = grown;
        d->tally = d->n_tallies++;
        struct rig_tally *new = &d->tallies[d->tally];
        *new = (struct rig_tally){.mapping = session->mapping};
        memcpy(new->subject, session->subject, sizeof new->subject);
        text_escape_clean(new->program, sizeof new->program, session->program);
        text_escape_clean(new->version, sizeof new->version, session->version);
    }
    d->tallies[d->tally].n_sessions++;
    return true;
}

static enum names_found find_session(struct rig_data *d, const struct bridge_session *session,
                                     uint32_t *number)
{
    uint32_t subject = 0;
    (void)names_find(&d->subjects, 0, session->subject, &subject);
    return names_find(&d->sessions, subject, session->session, number);
}

/* A session starts; one that was there before is left out. False without memory. */
static bool enter_session(struct rig_data *d, const struct bridge_session *session)
{
    uint32_t number = 0;
    const enum names_found found = find_session(d, session, &number);
    if (found == NAMES_NEW) {
        void *grown = list_grow(d->held, d->n_held, &d->held_capacity, sizeof *d->held);
        if (grown == NULL) {
            return false;
        }
        d->held = grown;
        const bool is_counted = count_session(d, session);
        d->held[d->n_held++] = (struct rig_session){d->at, d->tally};
        return is_counted;
    }
    char text[BRIDGE_PATH_MAX + 256];
    (void)snprintf(text, sizeof text, "%s: the session %s of %s %s", d->source.path,
                   session->session, session->subject,
                   found == NAMES_KNOWN
                       ? "is in another file too, and is left out here: give one of them"
                       : "is one too many, and is left out");
    leave_out(d, text);
    return true;
}

/* Counts a trial; false: its session was read from another file. */
static bool count_trial(struct rig_data *d, const struct bridge_session *session)
{
    uint32_t number = 0;
    if (find_session(d, session, &number) != NAMES_KNOWN || number >= d->n_held ||
        d->held[number].source != d->at) {
        return false;
    }
    d->tallies[d->held[number].tally].n_trials++;
    return true;
}

/* ---- trials ---------------------------------------------------------------------------------- */

static int8_t known(int64_t value)
{
    return (int8_t)(value == PROTO_NIL ? -1 : value);
}

static void fill_row(struct trial_row *row, const struct bridge_event *event)
{
    const struct bridge_session *session = event->session;
    const proto_trial *said = &event->said;
    trial_row_init(row);
    memcpy(row->subject, session->subject, sizeof row->subject);
    memcpy(row->session, session->session, sizeof row->session);
    row->trial = event->trial;
    row->stimulus = said->stimulus;
    row->choice = known(said->choice);
    row->side = known(said->side);
    row->repeat = known(said->repeat);
    row->reward = said->reward;
    row->rt_s = said->rt_s;
    row->p_left = said->p_left;
    text_escape_clean(row->stage, sizeof row->stage,
                      said->stage[0] != '\0' ? said->stage : session->stage);
    text_escape_clean(row->task, sizeof row->task, session->task);
    row->ephys_rig = known(session->ephys_rig);
    row->delay_s = session->delay_s;
    bridge_session_software(session, row->software);
}

/* Opens the next source; false: there is none. */
static bool open_next(struct rig_data *d)
{
    while (d->at < d->n) {
        const struct rig_source *source = &d->sources[d->at++];
        if (bridge_source_open(&d->source, source->adapter, source->path, d->map) == 0) {
            d->is_open = true;
            d->n_of_source = 0;
            d->n_wrong = 0;
            return true;
        }
        leave_out_why(d, &d->source.why);
    }
    return false;
}

/* A source has no more now. */
static void leave_source(struct rig_data *d)
{
    if (d->source.why.found[0] != '\0') {
        leave_out_why(d, &d->source.why);
    }
    bridge_source_close(&d->source);
    d->is_open = false;
}

/* Something of a source was left out. */
static void note_wrong(struct rig_data *d)
{
    leave_out_why(d, &d->source.why);
    if (++d->n_wrong == LEFT_OUT_OF_ONE) {
        char text[BRIDGE_PATH_MAX + 128];
        (void)snprintf(text, sizeof text,
                       "%s: %d lines could not be read; the rest of the file is left out",
                       d->source.path, LEFT_OUT_OF_ONE);
        leave_out(d, text);
        d->source.why.found[0] = '\0';
        leave_source(d);
    }
}

int rig_data_next(struct rig_data *data, struct trial_row *row, struct fault *fault)
{
    struct bridge_event event;
    while (data->is_open || open_next(data)) {
        const int got = bridge_source_next(&data->source, &event);
        if (got == 0) {
            leave_source(data);
        } else if (got < 0) {
            note_wrong(data);
        } else if (event.kind == BRIDGE_SESSION_START) {
            if (!enter_session(data, event.session)) {
                (void)fault_set(fault, FAULT_WORK, "%s: no memory", data->source.path);
                return -1;
            }
        } else if (event.kind == BRIDGE_TRIAL && count_trial(data, event.session)) {
            fill_row(row, &event);
            return 1;
        }
    }
    return 0;
}

/* ---- what was recognised --------------------------------------------------------------------- */

void rig_data_say(const struct rig_data *data, FILE *to, const char *prefix)
{
    for (size_t i = 0; i < data->n_tallies; i++) {
        const struct rig_tally *t = &data->tallies[i];
        if (i == TALLIES_SAID) {
            fprintf(to, "%sand %zu more animals or versions\n", prefix, data->n_tallies - i);
            return;
        }
        fprintf(to, "%s%s%s%s, %lld session%s of %s, %lld trial%s%s%s\n", prefix, t->program,
                t->version[0] != '\0' ? " " : "", t->version, (long long)t->n_sessions,
                t->n_sessions == 1 ? "" : "s", t->subject, (long long)t->n_trials,
                t->n_trials == 1 ? "" : "s", t->mapping != NULL ? ", mapping " : "",
                t->mapping != NULL ? t->mapping : "");
    }
}
