/* pybpod: the .csv of a session, to which it appends row by row, with ';' or ',' between fields.
 *
 * Lines of metadata (__UUID4__ ...) come first, then TYPE, PC-TIME, BPOD-INITIAL-TIME,
 * BPOD-FINAL-TIME, MSG, +INFO. A row TRIAL begins a trial; its states come as rows STATE when it
 * has ended, NaN if they were not entered, with the name under MSG or, by older versions, before
 * the times. It is given once the next begins, or the session ends by INFO SESSION-ENDED.
 *
 * What a trial is, is the task's: a mapping says it (bridge/task_trials.h), of which it reads the
 * sections columns, fixed, coding, states, and of rows, beside others:
 *   values    after (unless said): those of a trial follow its row TRIAL; before: they precede it
 * Columns are names of rows VAL, states those of rows STATE. A value such as [0,1,1] is of every
 * trial, in their order; one that stands before the first trial is of all. Trials are counted from
 * 1. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/growing_file.h"
#include "bridge/task_trials.h"

enum { FIELDS = 6, LIST_MAX = 1 << 20, STATE_NAME_MAX = 63 };

enum { TYPE, PC_TIME, FROM, TO, MSG, INFO };

struct pybpod {
    struct bridge_growing_file data;
    char separator; /* 0: the line that names the columns was not there yet */
    char name[PROTO_ID_MAX + 1];
    struct bridge_task_trials trials;
    bool precede;   /* values, their row TRIAL */
    bool has_trial; /* under way */
    struct bridge_text line;
    bool has_line; /* read, and not used yet */
    int64_t n_trials;
    int64_t trial_line;
    int64_t n_states;             /* rows of the trial under way */
    char *list[BRIDGE_SLOTS_MAX]; /* values of every trial; NULL: none */
    struct bridge_values all;
    struct bridge_values coming; /* of the next trial, if they precede it */
};

static const char *const SECTIONS[] = {"columns", "fixed", "coding", "rows", "states", NULL};
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
    return bridge_text_is(t, "nan") || bridge_text_is(t, "NaN") || bridge_text_number(t, false, to);
}

/* ---- sessions -------------------------------------------------------------------------------- */

/* SUBJECT of SUBJECT or ['SUBJECT', 'UUID']. */
static struct bridge_text subject_of(struct bridge_text t)
{
    struct bridge_text rest = t;
    (void)bridge_text_cut(&rest, '\'');
    return rest.size > 0 ? bridge_text_cut(&rest, '\'') : t;
}

static void take_info(struct pybpod *p, const struct bridge_text field[FIELDS])
{
    struct bridge_session *session = &p->trials.feed.session;
    const struct bridge_text name = field[MSG];
    const struct bridge_text value = field[INFO];
    if (bridge_text_is(name, "SESSION-ENDED")) {
        bridge_text_copy(session->ended, sizeof session->ended, value);
    } else if (p->trials.is_started) {
        return; /* of a session that was given its names */
    } else if (bridge_text_is(name, "SUBJECT-NAME")) {
        bridge_id_fit(session->subject, subject_of(value));
    } else if (bridge_text_is(name, "SESSION-NAME")) {
        bridge_id_fit(p->name, value);
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
    struct bridge_session *session = &p->trials.feed.session;
    const char *slash = strrchr(s->path, '/');
    const char *stem = slash != NULL ? slash + 1 : s->path;
    const struct bridge_text name = {stem, strcspn(stem, ".")};
    memcpy(session->session, p->name, sizeof session->session);
    if (session->session[0] == '\0') {
        bridge_id_fit(session->session, name);
    }
    if (session->subject[0] == '\0') {
        bridge_id_fit(session->subject, name);
    }
    return bridge_task_trials_start(&p->trials, s, "pybpod", event);
}

/* ---- values and states ----------------------------------------------------------------------- */

static int keep_list(struct bridge_source *s, struct pybpod *p, size_t slot,
                     struct bridge_text value)
{
    char *list = value.size < LIST_MAX ? malloc(value.size + 1) : NULL;
    if (list == NULL) {
        return fail(s, p, -1, "the list is too long", "at most 1 MiB");
    }
    bridge_text_copy(list, value.size + 1, value);
    free(p->list[slot]);
    p->list[slot] = list;
    return 0;
}

static int take_value(struct bridge_source *s, struct pybpod *p,
                      const struct bridge_text field[FIELDS])
{
    struct bridge_values *to = p->precede ? &p->coming : p->has_trial ? &p->trials.values : &p->all;
    const struct bridge_text value = field[INFO];
    const uint64_t slots =
        bridge_trial_fields_slots(&p->trials.feed.fields, field[MSG].at, field[MSG].size);
    if (!bridge_text_begins(value, "[")) {
        return bridge_values_put(to, slots, value.at, value.size)
                   ? 0
                   : fail(s, p, -1, "the value is too long", "at most 127 bytes");
    }
    for (size_t i = 0; i < BRIDGE_SLOTS_MAX; i++) {
        if ((slots >> i & 1) != 0 && keep_list(s, p, i, value) != 0) {
            return -1;
        }
    }
    return 0;
}

static int take_state(struct bridge_source *s, struct pybpod *p,
                      const struct bridge_text field[FIELDS])
{
    double from_s = (double)NAN;
    double to_s = (double)NAN;
    const bool is_older = !read_time(field[TO], &to_s) && read_time(field[MSG], &from_s);
    const struct bridge_text from = field[is_older ? MSG : FROM];
    const struct bridge_text to = field[is_older ? INFO : TO];
    const struct bridge_text name = field[is_older ? TO : MSG];
    if (name.size == 0 || name.size > STATE_NAME_MAX) {
        return fail(s, p, -1, "the state has no name, or a long one", "a name below MSG");
    }
    if (!read_time(from, &from_s) || !read_time(to, &to_s)) {
        return fail(s, p, -1, "the state's time is no number", "seconds, or nan");
    }
    p->n_states++;
    if (p->has_trial && !isnan(from_s)) {
        bridge_state_visits_enter(&p->trials.visits, &p->trials.states, name, from_s, to_s);
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
    struct bridge_values *values = &p->trials.values;
    for (size_t i = 0; i < BRIDGE_SLOTS_MAX; i++) {
        if (values->slot[i].is_set) {
            continue;
        }
        if (p->list[i] != NULL) {
            const struct bridge_text value = of_list(p->list[i], p->n_trials);
            (void)bridge_values_put(values, (uint64_t)1 << i, value.at, value.size);
        } else {
            values->slot[i] = p->all.slot[i];
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
    if (p->n_states == 0 && bridge_trial_states_are_asked(&p->trials.states)) {
        bridge_task_trials_clear(&p->trials);
        return bridge_why_set(s, p->data.path, p->trial_line, -1,
                              "the trial has no rows STATE: it was not finished",
                              "its states, behind END-TRIAL", "the trial is left out");
    }
    fill_in(p);
    return bridge_task_trials_take(&p->trials, s, p->trial_line, p->n_trials, (double)NAN, event);
}

/* A row TRIAL: the one before is over. */
static int begin_trial(struct bridge_source *s, struct pybpod *p, struct bridge_event *event)
{
    const int rc = end_trial(s, p, event);
    p->has_trial = true;
    p->n_states = 0;
    p->trial_line = p->data.line;
    p->trials.values = p->coming;
    memset(&p->coming, 0, sizeof p->coming);
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

static void begin(struct pybpod *p)
{
    p->separator = p->name[0] = '\0';
    p->has_trial = p->has_line = false;
    p->n_trials = 0;
    for (size_t i = 0; i < BRIDGE_SLOTS_MAX; i++) {
        free(p->list[i]);
        p->list[i] = NULL;
    }
    memset(&p->all, 0, sizeof p->all);
    memset(&p->coming, 0, sizeof p->coming);
}

static int open_source(struct bridge_source *s)
{
    struct pybpod *p = calloc(1, sizeof *p);
    const char *values = bridge_mapping_get(s->map, "rows", "values");
    if (p == NULL) {
        return bridge_why_set(s, NULL, 0, -1, "no memory", "", "");
    }
    p->precede = values != NULL && strcmp(values, "before") == 0;
    if (values != NULL && !p->precede && strcmp(values, "after") != 0) {
        free(p);
        return bridge_why_set(s, NULL, 0, -1, "the mapping has rows.values of another kind",
                              "before or after", "correct it in the mapping");
    }
    if (bridge_task_trials_open(&p->trials, s, "pybpod", SECTIONS) != 0) {
        free(p);
        return -1;
    }
    bridge_growing_file_open(&p->data, s->path, BRIDGE_LINE_MAX);
    begin(p);
    s->state = p;
    return 0;
}

static void close_source(struct bridge_source *s)
{
    struct pybpod *p = s->state;
    begin(p);
    bridge_growing_file_close(&p->data);
    bridge_task_trials_close(&p->trials);
    free(p);
}

/* Nothing more is there now. */
static int wait(struct bridge_source *s, const struct pybpod *p)
{
    char found[96];
    if (!bridge_growing_file_waits(&p->data, s) && p->has_trial && !p->trials.is_useless) {
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
    if (bridge_text_is(type, "TRIAL") && !p->trials.is_useless) {
        return begin_trial(s, p, event);
    }
    if (bridge_text_is(type, "INFO")) {
        take_info(p, field);
        return p->trials.feed.session.ended[0] != '\0' ? end_trial(s, p, event) : 0;
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
            bridge_task_trials_restart(&p->trials);
            begin(p);
        } else if (rc != 1 || p->separator != '\0') {
            return rc;
        } else {
            p->separator = separator_of(*line);
        }
    }
}

/* What is known before the next line: 1 an event; 0 none; -1. */
static int give_waiting(struct bridge_source *s, struct pybpod *p, struct bridge_event *event)
{
    struct bridge_task_trials *trials = &p->trials;
    int rc = bridge_trial_feed_waiting(&trials->feed, s, event);
    if (rc == 0 && trials->feed.session.ended[0] != '\0' && !p->has_trial) {
        rc = bridge_task_trials_end(trials, s, event);
    }
    return rc != 0 ? rc : bridge_task_trials_tell(trials, s);
}

/* The first row that is no metadata starts the session, whose mapping says what values mean. */
static bool is_start(const struct pybpod *p, struct bridge_text type)
{
    return !p->trials.is_started && (bridge_text_is(type, "TRIAL") || bridge_text_is(type, "VAL"));
}

static int next(struct bridge_source *s, struct bridge_event *event)
{
    struct pybpod *p = s->state;
    int rc = give_waiting(s, p, event);
    while (rc == 0) {
        struct bridge_text field[FIELDS];
        const int got = p->has_line ? 1 : read_line(s, p, &p->line);
        if (got != 1) {
            return got == 0 ? wait(s, p) : got;
        }
        const int n = split(p->line, p->separator, field);
        p->has_line = is_start(p, field[TYPE]);
        rc = p->has_line ? start_session(s, p, event) : take_row(s, p, field, n, event);
        rc = rc != 0 ? rc : give_waiting(s, p, event);
    }
    return rc;
}

const struct bridge_adapter BRIDGE_ADAPTER_pybpod = {.name = "pybpod",
                                                     .about = "pybpod (.csv): a session",
                                                     .takes_mapping = true,
                                                     .rows = ROWS,
                                                     .probe = probe,
                                                     .open = open_source,
                                                     .next = next,
                                                     .close = close_source};
