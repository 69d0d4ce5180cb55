/* pyControl 2 and 1: a session file, SUBJECT-YYYY-MM-DD-HHMMSS.tsv or .txt, to which the rig
 * appends row by row.
 *
 * 2: columns time (s), type, subtype (or name) and content (or value), found by their names. 1:
 * lines "I NAME : VALUE", "S {states}", "E {events}" (names and numbers), "D MS NUMBER", "P MS
 * TEXT", "V MS NAME VALUE". A file may be empty at first; info end_time ends the session.
 *
 * What a trial is, is the task's: a mapping says it (bridge/task_trials.h), of which it reads the
 * sections columns, fixed, coding, states, events, and of rows, beside others:
 *   type      the rows that end a trial: print, variable, state or event
 *   subtype   of these rows, as in variable print
 *   holds     a text that a print or variable holds; the names of states or events
 * Columns are keys of JSON, or of KEY:VALUE or KEY=VALUE with blanks between. A row without the
 * column of the choice is no trial. Without a column of trials they are counted from 1. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/growing_file.h"
#include "bridge/task_trials.h"
#include "bridge/text_pairs.h"
#include "bridge/value_tree.h"

enum { NAMES_MAX = 512, NAME_MAX_BYTES = 64, FIELDS_MAX = 8 };

/* What a row is. */
enum row_type { ROW_OTHER, ROW_INFO, ROW_STATE, ROW_EVENT, ROW_PRINT, ROW_VARIABLE };

static const char *const TYPES[] = {
    [ROW_INFO] = "info",   [ROW_STATE] = "state",       [ROW_EVENT] = "event",
    [ROW_PRINT] = "print", [ROW_VARIABLE] = "variable", NULL,
};

struct row {
    enum row_type type;
    double time_s;
    struct bridge_text subtype; /* info: the name */
    struct bridge_text content;
    const char *line; /* its first byte */
};

/* A state or event of pyControl 1, which rows give by number. */
struct numbered {
    int64_t number;
    bool is_state;
    char name[NAME_MAX_BYTES];
};

struct pycontrol {
    struct bridge_growing_file data;
    struct bridge_task_trials trials;
    bool is_1; /* pyControl 1 */
    bool has_columns;
    int column[4]; /* 2: of time, type, subtype and content; -1 none */
    struct numbered names[NAMES_MAX];
    size_t n_names;
    const char *type; /* of the mapping's rows */
    const char *subtype;
    const char *holds;
    char state[NAME_MAX_BYTES]; /* that the task is in */
    double entered_s;
    int64_t n_trials;
    struct row row;
    bool has_row; /* read, and not used yet */
};

static const char *const SECTIONS[] = {"columns", "fixed",  "coding", "rows",
                                       "states",  "events", NULL};
static const char *const ROWS[] = {"type", "subtype", "holds", NULL};

/* ---- rows ------------------------------------------------------------------------------------ */

static int fail(struct bridge_source *s, const struct pycontrol *p, int64_t byte, const char *found,
                const char *expected)
{
    return bridge_why_set(s, p->data.path, p->data.line, byte, found, expected,
                          "the line is left out");
}

/* The line of pyControl 2 that names the columns. */
static int read_columns(struct bridge_source *s, struct pycontrol *p, struct bridge_text line)
{
    static const char *const NAMES[4][2] = {
        {"time", "time"}, {"type", "type"}, {"subtype", "name"}, {"content", "value"}};
    for (int i = 0; i < 4; i++) {
        p->column[i] = -1;
    }
    for (int at = 0; line.size > 0 && at < FIELDS_MAX; at++) {
        const struct bridge_text name = bridge_text_cut(&line, '\t');
        for (int i = 0; i < 4; i++) {
            if (bridge_text_is(name, NAMES[i][0]) || bridge_text_is(name, NAMES[i][1])) {
                p->column[i] = at;
            }
        }
    }
    p->has_columns = p->column[0] >= 0 && p->column[1] >= 0 && p->column[3] >= 0;
    return p->has_columns ? 0
                          : bridge_why_set(s, p->data.path, p->data.line, -1,
                                           "the line does not name the columns",
                                           "time, type, subtype and content, with tabs between",
                                           "the file has no rows that can be read");
}

static int read_row_2(struct bridge_source *s, const struct pycontrol *p, struct bridge_text line,
                      struct row *row)
{
    struct bridge_text field[FIELDS_MAX] = {{line.at, 0}};
    char found[96];
    int n = 0;
    int last = 0;
    for (int i = 0; i < 4; i++) {
        last = p->column[i] > last ? p->column[i] : last;
    }
    const char *begin = line.at;
    for (bool more = true; more && n <= last; n++) {
        more = n < last && memchr(line.at, '\t', line.size) != NULL;
        field[n] = n < last ? bridge_text_cut(&line, '\t') : line;
    }
    if (n <= last) {
        (void)snprintf(found, sizeof found, "the line has %d of its %d fields", n, last + 1);
        return fail(s, p, -1, found, "a field for each column, with tabs between");
    }
    const struct bridge_text type = field[p->column[1]];
    row->type = ROW_OTHER;
    for (size_t i = ROW_INFO; i <= ROW_VARIABLE; i++) {
        row->type = bridge_text_is(type, TYPES[i]) ? (enum row_type)i : row->type;
    }
    row->subtype = p->column[2] >= 0 ? field[p->column[2]] : (struct bridge_text){line.at, 0};
    row->content = field[p->column[3]];
    if ((row->type == ROW_STATE || row->type == ROW_EVENT) && row->content.size == 0) {
        row->content = row->subtype;
    }
    const struct bridge_text time = field[p->column[0]];
    if (row->type > ROW_INFO && !bridge_text_number(time, false, &row->time_s)) {
        return fail(s, p, (int64_t)(time.at - begin), "the time is no number", "seconds");
    }
    return 1;
}

/* Names and numbers of states or events, as {"a": 1, "b": 2}, of either quotes. */
static int read_names(struct bridge_source *s, struct pycontrol *p, struct bridge_text line,
                      bool is_state)
{
    const char *begin = line.at;
    if (!bridge_text_begins(line, "S {") && !bridge_text_begins(line, "E {")) {
        return fail(s, p, 2, "the line has no list of names", "{\"NAME\": NUMBER, ...}");
    }
    line.at += 3;
    line.size -= 3;
    for (;;) {
        struct bridge_text part = bridge_text_trim(
            bridge_text_cut(&line, line.size > 0 && bridge_text_find(line, ",") ? ',' : '}'));
        const char *colon = part.size > 0 ? memchr(part.at, ':', part.size) : NULL;
        double number = 0.0;
        if (part.size == 0 && line.size == 0) {
            return 0;
        }
        struct bridge_text last = bridge_text_trim(
            (struct bridge_text){colon != NULL ? colon + 1 : part.at,
                                 colon != NULL ? (size_t)(part.at + part.size - colon - 1) : 0});
        struct bridge_text name =
            bridge_text_trim((struct bridge_text){part.at, colon ? (size_t)(colon - part.at) : 0});
        if (last.size > 0 && last.at[last.size - 1] == '}') {
            last.size--;
        }
        if (name.size < 3 || name.size - 2 >= NAME_MAX_BYTES ||
            !bridge_text_number(bridge_text_trim(last), false, &number) || fabs(number) > 1e9) {
            return fail(s, p, (int64_t)(part.at - begin), "no name with its number",
                        "{\"NAME\": NUMBER, ...}");
        }
        if (p->n_names == NAMES_MAX) {
            return fail(s, p, (int64_t)(part.at - begin), "too many states and events",
                        "at most 512");
        }
        struct numbered *to = &p->names[p->n_names++];
        *to = (struct numbered){.number = (int64_t)number, .is_state = is_state};
        memcpy(to->name, name.at + 1, name.size - 2);
    }
}

/* The row of a number of pyControl 1. */
static int take_number(struct bridge_source *s, const struct pycontrol *p, struct bridge_text text,
                       struct row *row)
{
    double number = 0.0;
    if (bridge_text_number(bridge_text_trim(text), false, &number)) {
        for (size_t i = 0; i < p->n_names; i++) {
            if ((double)p->names[i].number >= number && (double)p->names[i].number <= number) {
                row->type = p->names[i].is_state ? ROW_STATE : ROW_EVENT;
                row->content = (struct bridge_text){p->names[i].name, strlen(p->names[i].name)};
                return 1;
            }
        }
    }
    return fail(s, p, -1, "the number is of no state or event",
                "one of those in the lines S and E");
}

/* A line of pyControl 1: 1 a row; 0 it is none; -1. */
static int read_row_1(struct bridge_source *s, struct pycontrol *p, struct bridge_text line,
                      struct row *row)
{
    struct bridge_text rest = line;
    const struct bridge_text kind = bridge_text_cut(&rest, ' ');
    row->subtype = (struct bridge_text){line.at, 0};
    if (bridge_text_is(kind, "I")) {
        const char *colon = bridge_text_find(rest, " : ");
        row->type = ROW_INFO;
        row->subtype = bridge_text_trim(
            (struct bridge_text){rest.at, colon ? (size_t)(colon - rest.at) : rest.size});
        row->content = colon ? bridge_text_trim((struct bridge_text){
                                   colon + 3, (size_t)(rest.at + rest.size - colon) - 3})
                             : (struct bridge_text){rest.at, 0};
        return 1;
    }
    if (bridge_text_is(kind, "S") || bridge_text_is(kind, "E")) {
        return read_names(s, p, line, bridge_text_is(kind, "S"));
    }
    if (!bridge_text_is(kind, "D") && !bridge_text_is(kind, "P") && !bridge_text_is(kind, "V")) {
        return 0; /* the rest of a printed text, a warning, an error */
    }
    const struct bridge_text time = bridge_text_cut(&rest, ' ');
    if (!bridge_text_number(time, false, &row->time_s)) {
        return fail(s, p, 2, "the time is no number", "milliseconds");
    }
    row->time_s /= 1000.0;
    row->type = bridge_text_is(kind, "P") ? ROW_PRINT : ROW_VARIABLE;
    row->content = rest;
    return bridge_text_is(kind, "D") ? take_number(s, p, rest, row) : 1;
}

/* ---- sessions -------------------------------------------------------------------------------- */

/* SUBJECT and YYYY-MM-DD-HHMMSS of the name of a file; false: it is not named like that. */
static bool split_stem(struct bridge_text stem, struct bridge_text *subject,
                       struct bridge_text *session)
{
    static const char FORM[] = "0000-00-00-000000";
    const size_t n = sizeof FORM - 1;
    if (stem.size <= n + 1 || stem.at[stem.size - n - 1] != '-') {
        return false;
    }
    *subject = (struct bridge_text){stem.at, stem.size - n - 1};
    *session = (struct bridge_text){stem.at + stem.size - n, n};
    return bridge_text_has_form(*session, FORM);
}

/* The task without the folder that it is in. */
static void take_task(struct bridge_session *session, struct bridge_text task)
{
    for (struct bridge_text rest = task; rest.size > 0;) {
        const char c = rest.at[0];
        rest = (struct bridge_text){rest.at + 1, rest.size - 1};
        task = c == '/' || c == '\\' ? rest : task;
    }
    bridge_text_copy(session->task, sizeof session->task, task);
}

static void take_info(struct pycontrol *p, const struct row *row)
{
    struct bridge_session *session = &p->trials.feed.session;
    const struct bridge_text name = row->subtype;
    if (bridge_text_is(name, "subject_id") || bridge_text_is(name, "Subject ID")) {
        bridge_id_fit(session->subject, row->content);
    } else if (bridge_text_is(name, "task_name") || bridge_text_is(name, "Task name")) {
        take_task(session, row->content);
    } else if (bridge_text_is(name, "framework_version") ||
               bridge_text_is(name, "Framework version")) {
        bridge_text_copy(session->version, sizeof session->version, row->content);
    } else if (bridge_text_is(name, "start_time") || bridge_text_is(name, "Start date")) {
        char *date = session->started;
        bridge_text_copy(date, sizeof session->started, row->content);
        date[4] = date[4] == '/' ? '-' : date[4]; /* 1: YYYY/MM/DD HH:MM:SS */
        date[7] = date[7] == '/' ? '-' : date[7];
    } else if (bridge_text_is(name, "end_time")) {
        bridge_text_copy(session->ended, sizeof session->ended, row->content);
    }
}

/* Which rows are trials, by the mapping that was found. */
static void find_rows(struct bridge_source *s, struct pycontrol *p)
{
    const struct bridge_mapping *map = &p->trials.map;
    p->type = bridge_mapping_get(map, "rows", "type");
    p->subtype = bridge_mapping_get(map, "rows", "subtype");
    p->holds = bridge_mapping_get(map, "rows", "holds");
    if (!p->trials.is_useless &&
        (p->type == NULL || !bridge_mapping_lists(TYPES + ROW_STATE, p->type))) {
        (void)bridge_why_set(s, NULL, 0, -1, "the mapping does not say which rows are trials",
                             "rows.type: print, variable, state or event", "add it to the mapping");
        bridge_task_trials_refuse(&p->trials, s);
    }
}

static int start_session(struct bridge_source *s, struct pycontrol *p, struct bridge_event *event)
{
    struct bridge_session *session = &p->trials.feed.session;
    struct bridge_text subject = {"", 0};
    struct bridge_text name = bridge_path_stem(s->path);
    (void)split_stem(name, &subject, &name);
    if (session->subject[0] == '\0') {
        bridge_id_fit(session->subject, subject.size > 0 ? subject : name);
    }
    bridge_id_fit(session->session, name);
    if (session->started[0] == '\0' && subject.size > 0) {
        bridge_text_copy(session->started, 11, name);
    }
    const int rc =
        bridge_task_trials_start(&p->trials, s, p->is_1 ? "pycontrol 1" : "pycontrol", event);
    find_rows(s, p);
    return rc;
}

/* ---- trials ---------------------------------------------------------------------------------- */

static int take_values(struct bridge_source *s, struct pycontrol *p, const struct row *row)
{
    const struct bridge_trial_fields *fields = &p->trials.feed.fields;
    const struct bridge_text content = bridge_text_trim(row->content);
    struct bridge_value_tree_fault fault;
    uint64_t slots = 0;
    if (content.size == 0 || content.at[0] != '{') {
        const char *at = bridge_text_pairs_read(content, fields, &p->trials.values, &slots);
        return at == NULL
                   ? 0
                   : fail(s, p, at - row->line, "the value is too long", "at most 127 bytes");
    }
    return bridge_value_tree_read(PROTO_FORMAT_JSON, (const uint8_t *)content.at, content.size,
                                  fields, &p->trials.values, &slots, &fault) == 0
               ? 0
               : fail(s, p, (int64_t)fault.byte + (content.at - row->line), fault.found,
                      fault.expected);
}

/* Is it one of the rows that the mapping means? */
static bool is_trial(const struct pycontrol *p, const struct row *row)
{
    const bool is_name = row->type == ROW_STATE || row->type == ROW_EVENT;
    return row->type > ROW_INFO && strcmp(TYPES[row->type], p->type) == 0 &&
           (p->subtype == NULL || bridge_text_is(row->subtype, p->subtype)) &&
           (p->holds == NULL ||
            (is_name ? bridge_text_is_among(row->content, bridge_text_of(p->holds))
                     : bridge_text_find(row->content, p->holds) != NULL));
}

/* The trial that a row ends: 1; 0 it is none; -1. */
static int end_trial(struct bridge_source *s, struct pycontrol *p, const struct row *row,
                     struct bridge_event *event)
{
    const bool has_values = row->type == ROW_PRINT || row->type == ROW_VARIABLE;
    if (has_values && take_values(s, p, row) != 0) {
        return -1;
    }
    struct bridge_task_trials *trials = &p->trials;
    if (trials->feed.fields.is_stated[BRIDGE_FIELD_CHOICE] &&
        !bridge_trial_fields_have(&trials->feed.fields, &trials->values, BRIDGE_FIELD_CHOICE)) {
        return 0;
    }
    const int rc =
        bridge_task_trials_take(trials, s, p->data.line, p->n_trials + 1, row->time_s, event);
    p->n_trials += rc != 0;
    return rc;
}

static void enter_state(struct pycontrol *p, double left_s)
{
    bridge_state_visits_enter(&p->trials.visits, &p->trials.states, bridge_text_of(p->state),
                              p->entered_s, left_s);
}

/* A state is entered, so that the one before is left. */
static void leave_state(struct pycontrol *p, double now_s)
{
    if (p->state[0] != '\0') {
        enter_state(p, now_s);
    }
    p->state[0] = '\0';
}

static int take_row(struct bridge_source *s, struct pycontrol *p, const struct row *row,
                    struct bridge_event *event)
{
    int rc = 0;
    if (row->type == ROW_STATE) {
        leave_state(p, row->time_s);
    } else if (row->type == ROW_EVENT) {
        bridge_state_visits_event(&p->trials.visits, &p->trials.states, row->content);
    }
    if (is_trial(p, row)) {
        rc = end_trial(s, p, row, event);
    }
    if (row->type == ROW_STATE) {
        bridge_text_copy(p->state, sizeof p->state, row->content);
        p->entered_s = row->time_s;
        enter_state(p, (double)NAN);
    }
    return rc;
}

/* ---- the source ------------------------------------------------------------------------------ */

static bool head_begins(const struct bridge_candidate *c, const char *word)
{
    const size_t bom = c->head_size >= 3 && memcmp(c->head, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    return c->head_size >= bom + strlen(word) && memcmp(c->head + bom, word, strlen(word)) == 0;
}

static bool probe(const struct bridge_candidate *c)
{
    struct bridge_text subject;
    struct bridge_text session;
    const size_t size = strlen(c->name);
    const char *end = size > 4 ? c->name + size - 4 : "";
    const bool is_named = (strcmp(end, ".tsv") == 0 || strcmp(end, ".txt") == 0) &&
                          split_stem(bridge_path_stem(c->name), &subject, &session);
    return !c->is_folder && (head_begins(c, "time\ttype\t") || head_begins(c, "type\ttime\t") ||
                             head_begins(c, "I Experiment name") || (is_named && c->size == 0));
}

static void begin(struct pycontrol *p)
{
    p->state[0] = '\0';
    p->is_1 = p->has_columns = p->has_row = false;
    p->n_names = 0;
    p->n_trials = 0;
}

static int open_source(struct bridge_source *s)
{
    struct pycontrol *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return bridge_why_set(s, NULL, 0, -1, "no memory", "", "");
    }
    if (bridge_task_trials_open(&p->trials, s, "pyControl", SECTIONS) != 0) {
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
    struct pycontrol *p = s->state;
    bridge_growing_file_close(&p->data);
    bridge_task_trials_close(&p->trials);
    free(p);
}

/* The next row: 1; 0 none now; -1 one was left out. */
static int read_row(struct bridge_source *s, struct pycontrol *p, struct row *row)
{
    for (;;) {
        const uint8_t *bytes = NULL;
        size_t size = 0;
        int rc = bridge_growing_file_next(&p->data, s, &bytes, &size);
        if (rc == BRIDGE_GROWING_AGAIN) {
            bridge_task_trials_restart(&p->trials);
            begin(p);
            continue;
        }
        if (rc != 1) {
            return rc;
        }
        struct bridge_text line = {(const char *)bytes, size};
        if (p->data.line == 1) {
            const size_t bom = bridge_text_begins(line, "\xef\xbb\xbf") ? 3 : 0;
            line = (struct bridge_text){line.at + bom, line.size - bom};
            p->is_1 = bridge_text_begins(line, "I ");
        }
        if (size == 0 || (!p->is_1 && !p->has_columns && p->data.line > 1)) {
            continue; /* without columns nothing is known of the rows */
        }
        row->line = line.at;
        rc = p->is_1          ? read_row_1(s, p, line, row)
             : p->has_columns ? read_row_2(s, p, line, row)
                              : read_columns(s, p, line);
        if (rc != 0) {
            return rc;
        }
    }
}

/* What a row says: 1 an event; 0 none; -1. */
static int use_row(struct bridge_source *s, struct pycontrol *p, struct bridge_event *event)
{
    struct bridge_task_trials *trials = &p->trials;
    const struct bridge_session *session = &trials->feed.session;
    const bool is_info = p->row.type <= ROW_INFO;
    if (p->row.type == ROW_INFO) {
        take_info(p, &p->row);
    }
    if (!trials->is_started && (!is_info || session->started[0] != '\0')) {
        p->has_row = !is_info;
        return start_session(s, p, event);
    }
    if (session->ended[0] != '\0' && trials->is_started && !trials->is_ended) {
        return bridge_task_trials_end(trials, s, event);
    }
    if (is_info) {
        return 0;
    }
    const int rc = bridge_task_trials_tell(trials, s);
    return rc != 0 || trials->is_useless ? rc : take_row(s, p, &p->row, event);
}

static int next(struct bridge_source *s, struct bridge_event *event)
{
    struct pycontrol *p = s->state;
    int rc = bridge_trial_feed_waiting(&p->trials.feed, s, event);
    while (rc == 0) {
        const int got = p->has_row ? 1 : read_row(s, p, &p->row);
        if (got != 1) {
            (void)(got == 0 && bridge_growing_file_waits(&p->data, s));
            return got;
        }
        p->has_row = false;
        rc = use_row(s, p, event);
    }
    return rc;
}

const struct bridge_adapter BRIDGE_ADAPTER_pycontrol = {
    .name = "pycontrol",
    .about = "pyControl 2 (.tsv) and 1 (.txt): a session file",
    .takes_mapping = true,
    .rows = ROWS,
    .probe = probe,
    .open = open_source,
    .next = next,
    .close = close_source};
