#include "bridge/column_trials.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- values ---------------------------------------------------------------------------------- */

static double number_of(const struct bridge_column_trials *t, enum bridge_role role, size_t row)
{
    return t->mapping.role[role] != NULL ? bridge_column_number(t->mapping.role[role], row)
                                         : (double)NAN;
}

static bool number_in(const char *text, double *value)
{
    char *end = NULL;
    if (strcmp(text, "true") == 0 || strcmp(text, "True") == 0) {
        *value = 1.0;
        return true;
    }
    if (strcmp(text, "false") == 0 || strcmp(text, "False") == 0) {
        *value = 0.0;
        return true;
    }
    *value = strtod(text, &end);
    return end != text && *end == '\0';
}

/* Is the cell what a mapping calls `code`? */
static bool is_code(const char *code, const char *cell)
{
    double a = 0.0;
    double b = 0.0;
    if (code == NULL) {
        return false;
    }
    if (strcmp(code, cell) == 0) {
        return true;
    }
    return number_in(code, &a) && number_in(cell, &b) && a >= b && a <= b;
}

/* 1 right, 0 left, PROTO_NIL nothing, -1 none of these. */
static int64_t coded(const struct bridge_column_trials *t, const char *section, const char *cell)
{
    const bool has = bridge_column_mapping_told(&t->mapping, section, "right") != NULL;
    const char *const of = has ? section : "choice";
    if (is_code(bridge_column_mapping_told(&t->mapping, of, "right"), cell)) {
        return 1;
    }
    if (is_code(bridge_column_mapping_told(&t->mapping, of, "left"), cell)) {
        return 0;
    }
    return cell[0] == '\0' || is_code(bridge_column_mapping_told(&t->mapping, of, "none"), cell)
               ? PROTO_NIL
               : -1;
}

/* Names the cell at fault. */
static int bad_cell(const struct bridge_column_trials *t, struct bridge_source *s,
                    const struct bridge_column *column, const char *expected, const char *fix)
{
    char cell[BRIDGE_CELL_MAX];
    char found[160];
    char path[BRIDGE_PATH_MAX + BRIDGE_COLUMN_FILE_MAX];
    (void)snprintf(path, sizeof path, "%s%s%s", s->path, column->file[0] != '\0' ? "/" : "",
                   column->file);
    (void)snprintf(found, sizeof found, "column %s: \"%.60s\"", column->name,
                   bridge_column_text(column, t->at, cell));
    return bridge_why_set(s, path, (int64_t)t->at + 1, -1, found, expected, fix);
}

static int put_code(const struct bridge_column_trials *t, struct bridge_source *s,
                    enum bridge_role role, const char *section, int64_t *out)
{
    char cell[BRIDGE_CELL_MAX];
    if (t->mapping.role[role] == NULL) {
        return 0;
    }
    *out = coded(t, section, bridge_column_text(t->mapping.role[role], t->at, cell));
    if (*out != -1) {
        return 0;
    }
    const bool has = bridge_column_mapping_told(&t->mapping, section, "right") != NULL;
    const char *none = bridge_column_mapping_told(&t->mapping, has ? section : "choice", "none");
    char expected[160];
    char fix[160];
    (void)snprintf(expected, sizeof expected, "%.40s (right), %.40s (left)%s%.40s%s",
                   bridge_column_mapping_told(&t->mapping, has ? section : "choice", "right"),
                   bridge_column_mapping_told(&t->mapping, has ? section : "choice", "left"),
                   none != NULL ? ", " : "", none != NULL ? none : "",
                   none != NULL ? " (none)" : "");
    (void)snprintf(fix, sizeof fix, "the row is left out; its coding is that of %s.right, %s.left",
                   section, section);
    return bad_cell(t, s, t->mapping.role[role], expected, fix);
}

/* Two sides: right minus left; a side without a stimulus is NaN, and so tells the other. */
static void put_two_sides(double left, double right, proto_trial *said)
{
    if (isnan(left) && isnan(right)) {
        return;
    }
    said->stimulus = (isnan(right) ? 0.0 : right) - (isnan(left) ? 0.0 : left);
    if (said->side == PROTO_NIL && isnan(left) != isnan(right)) {
        said->side = isnan(left) ? 1 : 0;
    }
}

static int put_stimulus(const struct bridge_column_trials *t, struct bridge_source *s,
                        proto_trial *said)
{
    const struct bridge_column *at_fault = t->mapping.role[BRIDGE_ROLE_stimulus];
    if (at_fault != NULL) {
        said->stimulus = t->mapping.unit * bridge_column_number(at_fault, t->at);
    } else if (t->mapping.role[BRIDGE_ROLE_left] != NULL &&
               t->mapping.role[BRIDGE_ROLE_right] != NULL) {
        at_fault = t->mapping.role[BRIDGE_ROLE_right];
        put_two_sides(t->mapping.unit * number_of(t, BRIDGE_ROLE_left, t->at),
                      t->mapping.unit * number_of(t, BRIDGE_ROLE_right, t->at), said);
    } else if (t->mapping.role[BRIDGE_ROLE_contrast] != NULL) {
        at_fault = t->mapping.role[BRIDGE_ROLE_contrast];
        const double contrast = t->mapping.unit * bridge_column_number(at_fault, t->at);
        said->stimulus = contrast > 0.0 && said->side == PROTO_NIL ? (double)NAN
                         : contrast > 0.0 && said->side == 0       ? -contrast
                                                                   : contrast;
    } else {
        said->stimulus = t->mapping.stimulus;
        return 0;
    }
    if (said->stimulus >= -1.0 && said->stimulus <= 1.0) {
        return 0;
    }
    return bad_cell(t, s, at_fault, "contrasts from -1 to 1",
                    isnan(said->stimulus)
                        ? "the row is left out: nothing says what was shown"
                        : "the row is left out; if all are in percent, stimulus.unit: percent");
}

/* ---- the rest of a row ----------------------------------------------------------------------- */

static int put_reward(const struct bridge_column_trials *t, struct bridge_source *s,
                      proto_trial *said)
{
    const struct bridge_column *column = t->mapping.role[BRIDGE_ROLE_reward];
    const char *yes = bridge_column_mapping_told(&t->mapping, "reward", "yes");
    const char *no = bridge_column_mapping_told(&t->mapping, "reward", "no");
    char cell[BRIDGE_CELL_MAX];
    if (column != NULL && yes != NULL) {
        const char *value = bridge_column_text(column, t->at, cell);
        const bool is_no = no != NULL ? is_code(no, value) : value[0] != '\0';
        said->reward = is_code(yes, value) ? 1.0 : is_no ? 0.0 : (double)NAN;
        if (isnan(said->reward) && value[0] != '\0') {
            return bad_cell(t, s, column, "the value of reward.yes or of reward.no",
                            "the row is left out");
        }
    } else if (column != NULL) {
        said->reward = bridge_column_number(column, t->at);
        if (said->reward < 0.0 || said->reward > 1.0) {
            return bad_cell(t, s, column, "a reward from 0 to 1",
                            "the row is left out; reward.yes and reward.no tell another coding");
        }
    } else {
        const double left = number_of(t, BRIDGE_ROLE_left_reward, t->at);
        const double right = number_of(t, BRIDGE_ROLE_right_reward, t->at);
        const bool is_known = !isnan(left) || !isnan(right);
        said->reward = left > 0.0 || right > 0.0 ? 1.0 : is_known ? 0.0 : (double)NAN;
    }
    if (said->choice == PROTO_NIL && !(said->reward > 0.0)) {
        said->reward = (double)NAN;
    }
    return 0;
}

static double within(double value, double most)
{
    return value >= 0.0 && value <= most ? value : (double)NAN;
}

static void put_rest(const struct bridge_column_trials *t, proto_trial *said)
{
    char cell[BRIDGE_CELL_MAX];
    const double rt =
        t->mapping.role[BRIDGE_ROLE_rt_s] != NULL
            ? number_of(t, BRIDGE_ROLE_rt_s, t->at)
            : number_of(t, BRIDGE_ROLE_rt_to, t->at) - number_of(t, BRIDGE_ROLE_rt_from, t->at);
    said->rt_s = within(t->mapping.rt_unit * rt, 86400.0);
    said->reward_ul = within(number_of(t, BRIDGE_ROLE_reward_ul, t->at), 10000.0);
    said->p_left = within(number_of(t, BRIDGE_ROLE_p_left, t->at), 1.0);
    if (t->mapping.role[BRIDGE_ROLE_repeat] != NULL) {
        const char *yes = bridge_column_mapping_told(&t->mapping, "repeat", "yes");
        (void)bridge_column_text(t->mapping.role[BRIDGE_ROLE_repeat], t->at, cell);
        said->repeat = cell[0] == '\0' ? PROTO_NIL : is_code(yes != NULL ? yes : "1", cell) ? 1 : 0;
    }
    if (t->mapping.role[BRIDGE_ROLE_stage] != NULL) {
        (void)snprintf(said->stage, sizeof said->stage, "%.48s",
                       bridge_column_text(t->mapping.role[BRIDGE_ROLE_stage], t->at, cell));
    }
}

static int put_trial(const struct bridge_column_trials *t, struct bridge_source *s,
                     struct bridge_event *event)
{
    proto_trial *said = &event->said;
    const double number = number_of(t, BRIDGE_ROLE_trial, t->at);
    event->kind = BRIDGE_TRIAL;
    event->line = (int64_t)t->at + 1;
    event->trial = (int64_t)(t->at - t->first);
    if (t->mapping.role[BRIDGE_ROLE_trial] != NULL) {
        const bool is_whole = number >= 0.0 && number <= 1e9 && number <= floor(number);
        event->trial = is_whole ? (int64_t)number : -1;
    }
    if (put_code(t, s, BRIDGE_ROLE_choice, "choice", &said->choice) != 0 ||
        put_code(t, s, BRIDGE_ROLE_side, "side", &said->side) != 0 ||
        put_stimulus(t, s, said) != 0 || put_reward(t, s, said) != 0) {
        return -1;
    }
    put_rest(t, said);
    return 1;
}

/* ---- sessions -------------------------------------------------------------------------------- */

static void name_by(const struct bridge_column_trials *t, enum bridge_role role,
                    char out[PROTO_ID_MAX + 1])
{
    char cell[BRIDGE_CELL_MAX];
    if (t->mapping.role[role] != NULL) {
        (void)bridge_column_text(t->mapping.role[role], t->at, cell);
        (void)bridge_id_make(out, cell, strlen(cell));
    }
}

/* The session that row `at` is of. */
static void session_of(const struct bridge_column_trials *t, struct bridge_session *out)
{
    char cell[BRIDGE_CELL_MAX];
    *out = t->session;
    name_by(t, BRIDGE_ROLE_subject, out->subject);
    name_by(t, BRIDGE_ROLE_session, out->session);
    if (t->mapping.role[BRIDGE_ROLE_date] != NULL) {
        (void)snprintf(out->started, sizeof out->started, "%.39s",
                       bridge_column_text(t->mapping.role[BRIDGE_ROLE_date], t->at, cell));
    }
    if (t->mapping.role[BRIDGE_ROLE_lengths] != NULL) {
        char name[PROTO_ID_MAX + 24];
        (void)snprintf(name, sizeof name, "%.58s_%03zu", out->session, t->length + 1);
        (void)bridge_id_make(out->session, name, strlen(name));
    }
}

/* Rows of a session by `lengths`; 0 if it is no number. */
static size_t length_of(const struct bridge_column *lengths, size_t i)
{
    const double n = within(bridge_column_number(lengths, i), BRIDGE_ROWS_MAX);
    return isnan(n) ? 0 : (size_t)n;
}

/* Moves on to the session by `lengths` that row `at` is of. */
static void pass_lengths(struct bridge_column_trials *t)
{
    const struct bridge_column *lengths = t->mapping.role[BRIDGE_ROLE_lengths];
    if (lengths == NULL) {
        return;
    }
    const size_t before = t->length;
    if (t->length_end == 0) {
        t->length_end = length_of(lengths, 0);
    }
    while (t->at >= t->length_end && t->length + 1 < lengths->n) {
        t->length_end += length_of(lengths, ++t->length);
    }
    t->is_in = t->is_in && t->length == before;
}

/* Does a session start with row `at`? */
static bool start_session(struct bridge_column_trials *t, struct bridge_source *s,
                          struct bridge_event *event)
{
    struct bridge_session session;
    pass_lengths(t);
    session_of(t, &session);
    if (t->is_in && strcmp(session.subject, s->session.subject) == 0 &&
        strcmp(session.session, s->session.session) == 0) {
        return false;
    }
    s->session = session;
    t->is_in = true;
    t->first = t->at;
    event->kind = BRIDGE_SESSION_START;
    event->line = (int64_t)t->at + 1;
    return true;
}

/* ---- events ---------------------------------------------------------------------------------- */

/* Finds out what the columns just loaded mean, and says by which preset. */
static int find_meaning(struct bridge_column_trials *t, struct bridge_source *s)
{
    const size_t rows_before = t->mapping.n_rows;
    if (bridge_column_mapping_find(&t->mapping, s, &t->columns) != 0) {
        return -1;
    }
    const struct bridge_preset *preset = t->mapping.preset;
    char *version = t->session.version;
    const size_t used = strlen(version);
    (void)snprintf(version + used, sizeof t->session.version - used, "%s%s%s", used > 0 ? ", " : "",
                   preset != NULL ? "preset " : "mapping", preset != NULL ? preset->name : "");
    if (t->mapping.n_rows < rows_before && t->at > 0) {
        t->session.is_again = true;
        t->at = t->first = t->length = t->length_end = 0;
        t->is_in = false;
    }
    return 0;
}

int bridge_column_trials_next(struct bridge_column_trials *t, struct bridge_source *s,
                              int (*load)(struct bridge_source *s), struct bridge_event *event)
{
    for (;;) {
        if (t->notes_at < t->n_notes) {
            s->why = t->notes[t->notes_at++];
            return -1;
        }
        if (t->at < t->mapping.n_rows) {
            if (start_session(t, s, event)) {
                return 1;
            }
            const int rc = put_trial(t, s, event);
            t->at++;
            return rc;
        }
        t->n_notes = t->notes_at = 0;
        const int got = load(s);
        if (got <= 0) {
            return got;
        }
        if (t->columns.n == 0) {
            t->mapping.n_rows = 0;
            if (t->n_notes == 0) {
                (void)bridge_why_set(s, NULL, 0, -1, "there is no column", "a table of trials", "");
                bridge_column_trials_note(t, s);
            }
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
    const char *slash = strrchr(s->path, '/');
    const char *name = slash != NULL ? slash + 1 : s->path;
    const char *dot = strrchr(name, '.');
    const size_t size = dot != NULL && dot > name ? (size_t)(dot - name) : strlen(name);
    const size_t n = size < PROTO_ID_MAX ? size : PROTO_ID_MAX;
    if (session->subject[0] == '\0') {
        (void)bridge_id_make(session->subject, name, n);
    }
    if (session->session[0] == '\0') {
        (void)bridge_id_make(session->session, name, n);
    }
}

void bridge_column_trials_close(struct bridge_column_trials *t)
{
    bridge_columns_free(&t->columns);
}
