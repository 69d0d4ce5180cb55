#include "bridge/column_trials.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int bridge_column_trials_check(struct bridge_source *s)
{
    static const char *const SECTIONS[] = {"columns", "fixed", "coding", "rows", NULL};
    return bridge_mapping_check(s, SECTIONS);
}

/* ---- shipped mappings ------------------------------------------------------------------------ */

/* Is the number in some row of the column? NULL has none. */
static bool holds(const struct bridge_column *column, const char *number)
{
    const double value = strtod(number, NULL);
    for (size_t i = 0; column != NULL && i < column->n; i++) {
        const double here = bridge_column_number(column, i);
        if (here >= value && here <= value) {
            return true;
        }
    }
    return false;
}

/* How many of the columns that it needs are there; *missing: the first that is not. */
static size_t count_needs(const struct bridge_shipped *m, const struct bridge_columns *c,
                          const char **missing)
{
    size_t n = 0;
    *missing = NULL;
    for (size_t k = 0; k < BRIDGE_SHIPPED_NEEDS_MAX && m->needs[k] != NULL; k++) {
        const bool is_there = bridge_columns_find(c, m->needs[k]) != NULL;
        n += is_there ? 1 : 0;
        *missing = is_there || *missing != NULL ? *missing : m->needs[k];
    }
    return n;
}

static const struct bridge_shipped *find_shipped(const struct bridge_columns *c)
{
    const char *missing = NULL;
    for (const struct bridge_shipped *m = BRIDGE_SHIPPED; m->name != NULL; m++) {
        if (count_needs(m, c, &missing) > 0 && missing == NULL &&
            (m->holds == NULL || holds(bridge_columns_find(c, m->needs[0]), m->holds))) {
            return m;
        }
    }
    return NULL;
}

/* The one most of whose columns are there, two at least, but one. */
static const char *near_shipped(const struct bridge_columns *c, const char **lacks)
{
    const char *name = NULL;
    size_t most = 1;
    for (const struct bridge_shipped *m = BRIDGE_SHIPPED; m->name != NULL; m++) {
        const char *missing = NULL;
        const size_t n = count_needs(m, c, &missing);
        if (n > most && missing != NULL) {
            most = n;
            name = m->name;
            *lacks = missing;
        }
    }
    return name;
}

/* ---- columns --------------------------------------------------------------------------------- */

/* The names of the columns that are there, as far as they fit; not those of a file's own values. */
static void list_columns(const struct bridge_columns *c, char *out, size_t cap)
{
    size_t used = 0;
    for (size_t i = 0; i < c->n && used + 1 < cap; i++) {
        const char *name = c->list[i].name;
        if (name[0] != '@' && name[0] != '/') {
            const int more =
                snprintf(out + used, cap - used, "%s%s", used > 0 ? ", " : "one of ", name);
            used += more > 0 ? (size_t)more : 0;
        }
    }
    if (used >= cap) {
        memcpy(out + cap - 4, "...", 4);
    }
}

/* Finds the columns that fields are in. */
static int find_columns(struct bridge_column_trials *t, struct bridge_source *s)
{
    struct bridge_value_fault fault;
    uint64_t all = 0;
    for (size_t i = 0; i < t->columns.n; i++) {
        const char *name = t->columns.list[i].name;
        t->slots[i] = bridge_trial_fields_slots(&t->feed.fields, name, strlen(name));
        all |= t->slots[i];
    }
    if (bridge_trial_fields_suffice(&t->feed.fields, all, &fault)) {
        return 0;
    }
    char expected[160] = "a table with columns";
    const char *lacks = NULL;
    const bool is_alone = t->map.base != NULL || bridge_mapping_stands_alone(s->map);
    const char *near = is_alone ? NULL : near_shipped(&t->columns, &lacks);
    list_columns(&t->columns, expected, sizeof expected);
    if (near == NULL) {
        return bridge_why_set(s, NULL, 0, -1, fault.found, expected, fault.fix);
    }
    char found[160];
    (void)snprintf(found, sizeof found, "no column %s, which the mapping %s needs", lacks, near);
    return bridge_why_set(s, NULL, 0, -1, found, expected,
                          "write that column, or say which are by a mapping: --map "
                          "columns.choice=NAME --map columns.stimulus=NAME");
}

/* Rows of all columns in use: as many as the choice has; the least that a cut one has. */
static int count_rows(struct bridge_column_trials *t, struct bridge_source *s)
{
    const struct bridge_column *first = NULL;
    for (size_t i = 0; i < t->columns.n; i++) {
        const struct bridge_column *column = &t->columns.list[i];
        if (column->is_scalar && (t->slots[i] >> BRIDGE_FIELD_CHOICE & 1) != 0) {
            return bridge_why_set(s, NULL, 0, -1, "the choice is a single value", "one a trial",
                                  "save all choices as an array");
        }
        if (t->slots[i] == 0 || column->is_scalar) {
            continue;
        }
        if (first == NULL) {
            first = column;
            t->n_rows = column->n;
        }
        if (column->n_stated != first->n_stated) {
            char found[160];
            char expected[160];
            (void)snprintf(found, sizeof found, "column %s has %zu rows", column->name,
                           column->n_stated);
            (void)snprintf(expected, sizeof expected, "%zu, as column %s has", first->n_stated,
                           first->name);
            return bridge_why_set(s, NULL, 0, -1, found, expected,
                                  "write all columns of one table again");
        }
        t->n_rows = column->n < t->n_rows ? column->n : t->n_rows;
    }
    return first != NULL ? 0
                         : bridge_why_set(s, NULL, 0, -1, "there are single values only",
                                          "columns of one value a trial", "");
}

/* Finds out what the columns just loaded mean. Sessions that were given stay known. */
static int find_meaning(struct bridge_column_trials *t, struct bridge_source *s)
{
    const size_t rows_before = t->n_rows;
    struct bridge_session *session = &t->feed.session;
    const bool is_again = session->is_again;
    t->n_rows = 0;
    t->map = bridge_mapping_on(s->map, find_shipped(&t->columns));
    *session = t->session;
    session->is_again = is_again;
    if (bridge_trial_feed_map(&t->feed, s, &t->map) != 0 || find_columns(t, s) != 0 ||
        count_rows(t, s) != 0) {
        t->n_rows = 0;
        return -1;
    }
    t->lengths = t->map.base != NULL && t->map.base->lengths != NULL
                     ? bridge_columns_find(&t->columns, t->map.base->lengths)
                     : NULL;
    if (t->n_rows < rows_before && t->at > 0) {
        bridge_trial_feed_restart(&t->feed);
        t->at = t->length = t->length_end = 0;
    }
    return 0;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Rows of a session by `lengths`; 0 if it is no number. */
static size_t length_of(const struct bridge_column *lengths, size_t i)
{
    const double n = bridge_column_number(lengths, i);
    return n >= 0.0 && n <= BRIDGE_ROWS_MAX ? (size_t)n : 0;
}

/* Names the session by `lengths` that row `at` is of. */
static void pass_lengths(struct bridge_column_trials *t)
{
    if (t->lengths == NULL) {
        return;
    }
    if (t->length_end == 0) {
        t->length_end = length_of(t->lengths, 0);
    }
    while (t->at >= t->length_end && t->length + 1 < t->lengths->n) {
        t->length_end += length_of(t->lengths, ++t->length);
    }
    char name[PROTO_ID_MAX + 24];
    (void)snprintf(name, sizeof name, "%.50s_%03zu", t->session.session, t->length + 1);
    (void)bridge_id_make(t->feed.session.session, name, strlen(name));
}

static void put_values(const struct bridge_column_trials *t, struct bridge_values *values)
{
    char cell[BRIDGE_CELL_MAX];
    memset(values, 0, sizeof *values);
    for (size_t i = 0; i < t->columns.n; i++) {
        const struct bridge_column *column = &t->columns.list[i];
        if (t->slots[i] == 0) {
            continue;
        }
        if (column->text == NULL) {
            bridge_values_put_number(values, t->slots[i], bridge_column_number(column, t->at));
        } else {
            (void)bridge_column_text(column, t->at, cell);
            (void)bridge_values_put(values, t->slots[i], cell, strlen(cell));
        }
    }
}

/* The next row: 1, 0 it is not asked for, -1 it is left out. */
static int give_row(struct bridge_column_trials *t, struct bridge_source *s,
                    struct bridge_event *event)
{
    struct bridge_values values;
    pass_lengths(t);
    put_values(t, &values);
    t->at++;
    return bridge_trial_feed_take(&t->feed, s, (int64_t)t->at, &values, event);
}

/* ---- events ---------------------------------------------------------------------------------- */

int bridge_column_trials_next(struct bridge_column_trials *t, struct bridge_source *s,
                              int (*load)(struct bridge_source *s), struct bridge_event *event)
{
    if (bridge_trial_feed_waiting(&t->feed, s, event) == 1) {
        return 1;
    }
    for (;;) {
        if (t->notes_at < t->n_notes) {
            s->why = t->notes[t->notes_at++];
            return -1;
        }
        while (t->at < t->n_rows) {
            const int rc = give_row(t, s, event);
            if (rc != 0) {
                return rc;
            }
        }
        t->n_notes = t->notes_at = 0;
        const int got = load(s);
        if (got <= 0) {
            return got;
        }
        if (t->columns.n == 0 && t->n_notes == 0) {
            (void)bridge_why_set(s, NULL, 0, -1, "there is no column", "a table of trials", "");
            bridge_column_trials_note(t, s);
        }
        if (t->columns.n == 0) {
            t->n_rows = 0;
        } else if (find_meaning(t, s) != 0) {
            bridge_column_trials_note(t, s);
        }
    }
}

void bridge_column_trials_note(struct bridge_column_trials *t, const struct bridge_source *s)
{
    if (t->n_notes < BRIDGE_NOTES_MAX) {
        t->notes[t->n_notes++] = s->why;
    }
}

void bridge_column_trials_clear(struct bridge_column_trials *t, const char *program)
{
    bridge_columns_free(&t->columns);
    t->session = (struct bridge_session){.ephys_rig = PROTO_NIL, .delay_s = (double)NAN};
    (void)snprintf(t->session.program, sizeof t->session.program, "%s", program);
}

void bridge_column_trials_name(struct bridge_column_trials *t, const struct bridge_source *s)
{
    struct bridge_session *session = &t->session;
    struct bridge_place place;
    if (bridge_place_of(&place, s->path)) {
        if (session->subject[0] == '\0') {
            memcpy(session->subject, place.subject, sizeof place.subject);
        }
        if (session->session[0] == '\0') {
            (void)snprintf(session->session, sizeof session->session, "%s_%s", place.date,
                           place.number);
        }
        if (session->started[0] == '\0') {
            memcpy(session->started, place.date, sizeof place.date);
        }
    }
    const struct bridge_text stem = bridge_path_stem(s->path);
    if (session->subject[0] == '\0') {
        bridge_id_fit(session->subject, stem);
    }
    if (session->session[0] == '\0') {
        bridge_id_fit(session->session, stem);
    }
}

void bridge_column_trials_close(struct bridge_column_trials *t)
{
    bridge_columns_free(&t->columns);
    bridge_trial_feed_close(&t->feed);
}
