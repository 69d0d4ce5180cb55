/* pybpod: the .csv of a session, to which it appends row by row, with ';' or ',' between fields.
 *
 * Lines of metadata (__UUID4__ ...) come first, then TYPE, PC-TIME, BPOD-INITIAL-TIME,
 * BPOD-FINAL-TIME, MSG, +INFO. A row TRIAL begins a trial; its states come as rows STATE when it
 * has ended, NaN if they were not entered, with the name under MSG or, by older versions, before
 * the times. It is given once the next begins, or the session ends by INFO SESSION-ENDED.
 *
 * What a trial is, is the task's: a mapping says it (bridge/trial_map.h). Columns are names of rows
 * VAL, states those of rows STATE. A value such as [0,1,1] is of every trial, in their order; one
 * that stands before the first trial is of all. Of the section rows it reads
 *   values    after (unless said): those of a trial follow its row TRIAL; before: they precede it
 * It has no events. Trials are counted from 1. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/growing_file.h"
#include "bridge/text.h"
#include "bridge/trial_values.h"

enum { FIELDS = 6, LIST_MAX = 1 << 20 };

enum { TYPE, PC_TIME, FROM, TO, MSG, INFO };

struct pybpod {
    struct bridge_growing_file data;
    char separator; /* 0: the line that names the columns was not there yet */
    char name[PROTO_ID_MAX + 1];
    struct bridge_trial_map map;
    bool has_map;
    bool precede; /* values, their row TRIAL */
    bool is_started;
    bool is_ended;
    bool has_trial; /* under way */
    bool is_told;   /* that there is no mapping */
    int64_t n_trials;
    int64_t trial_line;
    int64_t n_states; /* rows of the trial under way */
    bool needs_states;
    char *list[BRIDGE_COLUMNS]; /* values of every trial; NULL: none */
    struct bridge_trial_values all;
    struct bridge_trial_values values; /* of the trial under way */
    struct bridge_trial_values coming; /* of the next, if they precede it */
};

static const char *const ROWS[] = {"values", NULL};

/* ---- rows ------------------------------------------------------------------------------------ */

static int fail(struct bridge_source *s, const struct pybpod *p, int64_t byte, const char *found,
                const char *expected)
{
    return bridge_why_set(s, p->data.path, p->data.line, byte, found, expected,
                          "the line is left out");
}

/* Cuts a field off, which may stand in | or ". */
static struct bridge_text cut_field(struct bridge_text *rest, char separator)
{
    const char quote = rest->size > 0 ? rest->at[0] : '\0';
    struct bridge_text field = {rest->at, 0};
    if (quote != '|' && quote != '"') {
        return bridge_text_cut(rest, separator);
    }
    field.at++;
    while (field.size + 1 < rest->size &&
           !(field.at[field.size] == quote &&
             (field.size + 2 == rest->size || field.at[field.size + 1] == separator))) {
        field.size++;
    }
    const size_t used = field.size + 3 < rest->size ? field.size + 3 : rest->size;
    rest->at += used;
    rest->size -= used;
    return field;
}

static int split(struct bridge_text line, char separator, struct bridge_text field[FIELDS])
{
    int n = 0;
    while (n < FIELDS && (line.size > 0 || n == 0)) {
        field[n++] = bridge_text_trim(cut_field(&line, separator));
    }
    for (int i = n; i < FIELDS; i++) {
        field[i] = (struct bridge_text){line.at, 0};
    }
    return n;
}

/* A time, NaN for none; false: it is no number. */
static bool read_time(struct bridge_text t, double *to)
{
    *to = (double)NAN;
    return bridge_text_is(t, "nan") || bridge_text_is(t, "NaN") || bridge_text_number(t, to);
}

/* ---- sessions -------------------------------------------------------------------------------- */

/* SUBJECT of SUBJECT or ['SUBJECT', 'UUID']. */
static struct bridge_text subject_of(struct bridge_text t)
{
    struct bridge_text rest = t;
    (void)bridge_text_cut(&rest, '\'');
    return rest.size > 0 ? bridge_text_cut(&rest, '\'') : t;
}

static void make_id(char out[PROTO_ID_MAX + 1], struct bridge_text text)
{
    (void)bridge_id_make(out, text.at, text.size < PROTO_ID_MAX ? text.size : PROTO_ID_MAX);
}

static void take_info(struct bridge_source *s, struct pybpod *p,
                      const struct bridge_text field[FIELDS])
{
    struct bridge_session *session = &s->session;
    const struct bridge_text name = field[MSG];
    const struct bridge_text value = field[INFO];
    if (bridge_text_is(name, "SESSION-ENDED")) {
        bridge_text_copy(session->ended, sizeof session->ended, value);
    } else if (p->is_started) {
        return; /* of a session that was given its names */
    } else if (bridge_text_is(name, "SUBJECT-NAME")) {
        make_id(session->subject, subject_of(value));
    } else if (bridge_text_is(name, "SESSION-NAME")) {
        make_id(p->name, value);
    } else if (bridge_text_is(name, "SESSION-STARTED")) {
        bridge_text_copy(session->started, sizeof session->started, value);
    } else if (bridge_text_is(name, "PROTOCOL-NAME")) {
        bridge_text_copy(session->task, sizeof session->task, value);
    } else if (bridge_text_is(name, "BPOD-API-VERSION")) {
        bridge_text_copy(session->version, sizeof session->version, value);
    }
}

static int start_session(struct bridge_source *s, struct pybpod *p, struct bridge_event *event)
{
    struct bridge_session *session = &s->session;
    const char *slash = strrchr(s->path, '/');
    const char *stem = slash != NULL ? slash + 1 : s->path;
    const struct bridge_text name = {stem, strcspn(stem, ".")};
    strcpy(session->program, "pybpod");
    memcpy(session->session, p->name, sizeof session->session);
    if (session->session[0] == '\0') {
        make_id(session->session, name);
    }
    if (session->subject[0] == '\0') {
        make_id(session->subject, name);
    }
    p->is_started = true;
    event->kind = BRIDGE_SESSION_START;
    return 1;
}

/* ---- values and states ----------------------------------------------------------------------- */

static int keep_list(struct bridge_source *s, struct pybpod *p, size_t column,
                     struct bridge_text value)
{
    char *list = value.size < LIST_MAX ? malloc(value.size + 1) : NULL;
    if (list == NULL) {
        return fail(s, p, -1, "the list is too long", "at most 1 MiB");
    }
    bridge_text_copy(list, value.size + 1, value);
    free(p->list[column]);
    p->list[column] = list;
    return 0;
}

static int take_value(struct bridge_source *s, struct pybpod *p,
                      const struct bridge_text field[FIELDS])
{
    struct bridge_trial_values *to = p->precede ? &p->coming : p->has_trial ? &p->values : &p->all;
    for (size_t i = 0; i < BRIDGE_COLUMNS; i++) {
        if (p->map.column[i] == NULL || !bridge_text_is(field[MSG], p->map.column[i])) {
            continue;
        }
        if (bridge_text_begins(field[INFO], "[")) {
            if (keep_list(s, p, i, field[INFO]) != 0) {
                return -1;
            }
        } else if (!bridge_trial_values_put(to, (enum bridge_trial_column)i, field[INFO].at,
                                            field[INFO].size)) {
            return fail(s, p, -1, "the value is too long", "at most 63 bytes");
        }
    }
    return 0;
}

static int take_state(struct bridge_source *s, struct pybpod *p,
                      const struct bridge_text field[FIELDS])
{
    char name[64];
    double from_s = (double)NAN;
    double to_s = (double)NAN;
    const bool is_older = !read_time(field[TO], &to_s) && read_time(field[MSG], &from_s);
    const struct bridge_text from = field[is_older ? MSG : FROM];
    const struct bridge_text to = field[is_older ? INFO : TO];
    if (field[is_older ? TO : MSG].size == 0 || field[is_older ? TO : MSG].size >= sizeof name) {
        return fail(s, p, -1, "the state has no name, or a long one", "a name below MSG");
    }
    if (!read_time(from, &from_s) || !read_time(to, &to_s)) {
        return fail(s, p, -1, "the state's time is no number", "seconds, or nan");
    }
    bridge_text_copy(name, sizeof name, field[is_older ? TO : MSG]);
    p->n_states++;
    if (p->has_trial && !isnan(from_s)) {
        bridge_trial_values_state(&p->values, &p->map, name, from_s, to_s);
    }
    return 0;
}

/* ---- trials ---------------------------------------------------------------------------------- */

/* The value of a trial in a list such as [0, 1, 1]. */
static struct bridge_text of_list(const char *list, int64_t trial)
{
    struct bridge_text rest = {list + 1, strlen(list) - 1};
    struct bridge_text value = {list, 0};
    for (int64_t i = 0; i < trial; i++) {
        if (rest.size == 0) {
            return (struct bridge_text){list, 0};
        }
        value = bridge_text_cut(&rest, ',');
    }
    value = bridge_text_trim(value);
    value.size -= value.size > 0 && value.at[value.size - 1] == ']';
    return bridge_text_trim(value);
}

/* Values that are of every trial, where the trial has none of its own. */
static void fill_in(struct pybpod *p)
{
    for (size_t i = 0; i < BRIDGE_COLUMNS; i++) {
        const enum bridge_trial_column column = (enum bridge_trial_column)i;
        if (p->values.is_set[i]) {
            continue;
        }
        if (p->list[i] != NULL) {
            const struct bridge_text value = of_list(p->list[i], p->n_trials);
            (void)bridge_trial_values_put(&p->values, column, value.at, value.size);
        } else if (p->all.is_set[i]) {
            (void)bridge_trial_values_put(&p->values, column, p->all.column[i],
                                          strlen(p->all.column[i]));
        }
    }
}

/* The trial under way is over: 1; 0 it is none; -1. */
static int end_trial(struct bridge_source *s, struct pybpod *p, struct bridge_event *event)
{
    if (!p->has_trial) {
        return 0;
    }
    p->has_trial = false;
    p->n_trials++;
    if (p->needs_states && p->n_states == 0) {
        return bridge_why_set(s, p->data.path, p->trial_line, -1,
                              "the trial has no rows STATE: it was not finished",
                              "its states, behind END-TRIAL", "the trial is left out");
    }
    fill_in(p);
    event->trial = p->n_trials;
    event->line = p->trial_line;
    return bridge_trial_values_make(&p->values, &p->map, s, (double)NAN, event);
}

/* A row TRIAL: the one before is over. */
static int begin_trial(struct bridge_source *s, struct pybpod *p, struct bridge_event *event)
{
    const int rc = end_trial(s, p, event);
    p->has_trial = true;
    p->n_states = 0;
    p->trial_line = p->data.line;
    p->values = p->coming;
    bridge_trial_values_init(&p->coming);
    return rc;
}

/* ---- the source ------------------------------------------------------------------------------ */

#define COLUMNS "TYPE?PC-TIME?BPOD-INITIAL-TIME?BPOD-FINAL-TIME?MSG?+INFO"

/* The separator of the line that names the columns; 0: it is another. */
static char separator_of(struct bridge_text line)
{
    const char separator = line.size > 4 ? line.at[4] : '\0';
    for (size_t i = 0; i < sizeof COLUMNS - 1; i++) {
        const char c = COLUMNS[i] == '?' ? separator : COLUMNS[i];
        if (i >= line.size || line.at[i] != c) {
            return '\0';
        }
    }
    return separator == ';' || separator == ',' ? separator : '\0';
}

static bool probe(const struct bridge_candidate *c)
{
    struct bridge_text rest = {(const char *)c->head, c->is_folder ? 0 : c->head_size};
    while (rest.size > 0) {
        if (separator_of(bridge_text_cut(&rest, '\n')) != '\0') {
            return true;
        }
    }
    return false;
}

static void begin(struct bridge_source *s, struct pybpod *p, bool is_again)
{
    s->session = (struct bridge_session){
        .ephys_rig = PROTO_NIL, .delay_s = (double)NAN, .is_again = is_again};
    p->separator = p->name[0] = '\0';
    p->is_started = p->is_ended = p->has_trial = false;
    p->n_trials = 0;
    for (size_t i = 0; i < BRIDGE_COLUMNS; i++) {
        free(p->list[i]);
        p->list[i] = NULL;
    }
    bridge_trial_values_init(&p->all);
    bridge_trial_values_init(&p->values);
    bridge_trial_values_init(&p->coming);
}

static int read_mapping(struct bridge_source *s, struct pybpod *p)
{
    const char *values = bridge_mapping_get(s->map, "rows", "values");
    if (values != NULL && strcmp(values, "before") != 0 && strcmp(values, "after") != 0) {
        return bridge_why_set(s, NULL, 0, -1, "the mapping has rows.values of another kind",
                              "before or after", "correct it in the mapping");
    }
    p->precede = values != NULL && strcmp(values, "before") == 0;
    p->has_map = true;
    if (bridge_trial_map_read(&p->map, s, s->map, ROWS, true, false) != 0) {
        return -1;
    }
    for (size_t i = 0; i < BRIDGE_STATES; i++) {
        p->needs_states = p->needs_states || p->map.state[i] != NULL;
    }
    return 0;
}

static int open_source(struct bridge_source *s)
{
    struct pybpod *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return bridge_why_set(s, NULL, 0, -1, "no memory", "", "");
    }
    if (s->map != NULL && s->map->n > 0 && read_mapping(s, p) != 0) {
        free(p);
        return -1;
    }
    bridge_growing_file_open(&p->data, s->path, BRIDGE_LINE_MAX);
    begin(s, p, false);
    s->state = p;
    return 0;
}

static void close_source(struct bridge_source *s)
{
    struct pybpod *p = s->state;
    begin(s, p, false);
    bridge_growing_file_close(&p->data);
    free(p);
}

/* Nothing more is there now. */
static int wait(struct bridge_source *s, const struct pybpod *p)
{
    char found[96] = "";
    const size_t waiting = bridge_growing_file_waiting(&p->data);
    if (waiting > 0) {
        (void)snprintf(found, sizeof found, "the last line, of %zu bytes, has no end yet", waiting);
        (void)bridge_why_set(s, p->data.path, p->data.line + 1, -1, found, "a newline", "");
    } else if (p->has_trial && p->has_map) {
        (void)snprintf(found, sizeof found, "trial %lld is not known to be over",
                       (long long)p->n_trials + 1);
        (void)bridge_why_set(s, p->data.path, p->trial_line, -1, found,
                             "the next row TRIAL, or INFO SESSION-ENDED", "");
    }
    return 0;
}

/* A row of a session: 1 an event; 0 none; -1. */
static int take_row(struct bridge_source *s, struct pybpod *p,
                    const struct bridge_text field[FIELDS], int n, struct bridge_event *event)
{
    const struct bridge_text type = field[TYPE];
    const bool is_state = bridge_text_is(type, "STATE");
    const bool is_value = bridge_text_is(type, "VAL");
    if ((is_state || is_value || bridge_text_is(type, "INFO")) && n < FIELDS - 1) {
        return fail(s, p, -1, "the line has too few fields", "six, as in the line of columns");
    }
    if (is_state || is_value) {
        return is_state ? take_state(s, p, field) : take_value(s, p, field);
    }
    if (bridge_text_is(type, "TRIAL")) {
        return begin_trial(s, p, event);
    }
    if (bridge_text_is(type, "INFO")) {
        take_info(s, p, field);
        return s->session.ended[0] != '\0' ? end_trial(s, p, event) : 0;
    }
    return 0;
}

/* The next line that is a row: 1; 0 none now; -1. */
static int read_line(struct bridge_source *s, struct pybpod *p, struct bridge_text *line)
{
    for (;;) {
        const uint8_t *bytes = NULL;
        const int rc = bridge_growing_file_next(&p->data, s, &bytes, &line->size);
        line->at = (const char *)bytes;
        if (rc == BRIDGE_GROWING_AGAIN) {
            begin(s, p, true);
        } else if (rc != 1 || p->separator != '\0') {
            return rc;
        } else {
            p->separator = separator_of(*line);
        }
    }
}

static int next(struct bridge_source *s, struct bridge_event *event)
{
    struct pybpod *p = s->state;
    for (;;) {
        struct bridge_text line;
        struct bridge_text field[FIELDS];
        if (s->session.ended[0] != '\0' && p->is_started && !p->is_ended && !p->has_trial) {
            p->is_ended = true;
            event->kind = BRIDGE_SESSION_END;
            return 1;
        }
        if (p->is_started && !p->has_map && !p->is_told) {
            p->is_told = true;
            return bridge_why_set(s, p->data.path, 0, -1, "no mapping says what its trials are",
                                  "columns.side, states.correct, ...", "give a mapping");
        }
        const int got = read_line(s, p, &line);
        if (got != 1) {
            return got == 0 ? wait(s, p) : got;
        }
        const int n = split(line, p->separator, field);
        const bool starts = !p->is_started && bridge_text_is(field[TYPE], "TRIAL");
        const int rc = p->has_map || !bridge_text_is(field[TYPE], "TRIAL")
                           ? take_row(s, p, field, n, event)
                           : 0;
        if (starts) {
            return start_session(s, p, event);
        }
        if (rc != 0) {
            return rc;
        }
    }
}

const struct bridge_adapter BRIDGE_ADAPTER_pybpod = {.name = "pybpod",
                                                     .about = "pybpod (.csv): a session",
                                                     .takes_mapping = true,
                                                     .probe = probe,
                                                     .open = open_source,
                                                     .next = next,
                                                     .close = close_source};
