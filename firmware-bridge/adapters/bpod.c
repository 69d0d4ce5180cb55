/* Bpod in MATLAB: .../SUBJECT/PROTOCOL/Session Data/SUBJECT_PROTOCOL_YYYYMMDD_HHMMSS.mat, which is
 * written as a whole after each trial. It is read again once it has changed.
 *
 * Its variable SessionData has nTrials, RawEvents.Trial, cells of structs with States, of which
 * each is rows of start and end in seconds, NaN if it was not entered; and what the protocol adds,
 * as TrialTypes. What a trial is, is the protocol's: a mapping says it (bridge/task_trials.h), of
 * which it reads the sections columns, fixed, coding, rows and states. Columns are names of what
 * SessionData has for every trial, as TrialTypes, TrialSettings.GUI.Contrast or Custom.ChoiceLeft;
 * states are those of States. Trials are counted from 1. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/mat_file.h"
#include "bridge/task_trials.h"

#define VARIABLE "SessionData"

enum { TRIALS_MAX = 1 << 16, STATES_MAX = 255, VISITS_MAX = 1 << 16 };

struct bpod {
    struct bridge_mat_file file;
    struct bridge_mat data; /* none: not read yet */
    struct bridge_mat raw;  /* its trials */
    size_t n;               /* trials in the file */
    size_t n_given;
    char began[32]; /* Info's date and time */
    struct bridge_task_trials trials;
    struct bridge_why waited; /* for a complete file; found "": not */
};

static const char *const SECTIONS[] = {"columns", "fixed", "coding", "rows", "states", NULL};

/* ---- names ----------------------------------------------------------------------------------- */

/* YYYYMMDD_HHMMSS at the end of a name, which leaves SUBJECT_PROTOCOL; false: it is not named so.
 */
static bool cut_date(struct bridge_text *name, struct bridge_text *date)
{
    static const char FORM[] = "_00000000_000000";
    const size_t n = sizeof FORM - 1;
    if (name->size <= n ||
        !bridge_text_has_form((struct bridge_text){name->at + name->size - n, n}, FORM)) {
        return false;
    }
    *date = (struct bridge_text){name->at + name->size - n + 1, n - 1};
    name->size -= n;
    return true;
}

/* The folder that is `up` above the file; size 0: there is none. */
static struct bridge_text folder_above(const char *path, int up)
{
    const char *end = strrchr(path, '/');
    const char *begin = end;
    for (int i = 0; i < up && begin != NULL; i++) {
        end = begin;
        while (begin > path && begin[-1] != '/') {
            begin--;
        }
        if (i + 1 < up) {
            begin = begin > path ? begin - 1 : NULL;
        }
    }
    return begin != NULL && end != NULL ? (struct bridge_text){begin, (size_t)(end - begin)}
                                        : (struct bridge_text){path, 0};
}

/* Where the protocol's name begins in SUBJECT_PROTOCOL: of the folders that the file is in, of the
 * shipped mappings, or behind the last '_'. name.size: there is none. */
static size_t find_protocol(const char *path, struct bridge_text name)
{
    const struct bridge_text protocol = folder_above(path, 2);
    const struct bridge_text subject = folder_above(path, 3);
    size_t last = name.size;
    if (protocol.size > 0 && subject.size + 1 + protocol.size == name.size &&
        memcmp(name.at, subject.at, subject.size) == 0 &&
        memcmp(name.at + subject.size + 1, protocol.at, protocol.size) == 0) {
        return subject.size + 1;
    }
    for (size_t i = 1; i + 1 < name.size; i++) {
        char task[65];
        bridge_text_copy(task, sizeof task,
                         (struct bridge_text){name.at + i + 1, name.size - i - 1});
        if (name.at[i] == '_') {
            last = i + 1;
            if (bridge_shipped_of_task("bpod", task) != NULL) {
                return last;
            }
        }
    }
    return last;
}

static int start_session(struct bridge_source *s, struct bpod *b, struct bridge_event *event)
{
    struct bridge_session *session = &b->trials.feed.session;
    struct bridge_text name = bridge_path_stem(s->path);
    struct bridge_text date = name;
    const struct bridge_mat info = bridge_mat_field(b->data, "Info");
    const bool is_named = cut_date(&name, &date);
    (void)bridge_mat_text(bridge_mat_field(info, "BpodSoftwareVersion"), session->version,
                          sizeof session->version);
    const size_t at = is_named ? find_protocol(s->path, name) : name.size;
    bridge_id_fit(session->subject,
                  (struct bridge_text){name.at, at < name.size ? at - 1 : name.size});
    bridge_id_fit(session->session, date);
    bridge_text_copy(session->task, sizeof session->task,
                     (struct bridge_text){name.at + at, name.size - at});
    if (is_named) {
        const char *d = date.at;
        (void)snprintf(session->started, sizeof session->started, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2s",
                       d, d + 4, d + 6, d + 9, d + 11, d + 13);
    }
    return bridge_task_trials_start(&b->trials, s, "bpod", event);
}

/* ---- the file -------------------------------------------------------------------------------- */

/* Date and time of the session, as Info has them. */
static void read_began(const struct bpod *b, char out[32])
{
    char date[16] = "";
    char time[16] = "";
    const struct bridge_mat info = bridge_mat_field(b->data, "Info");
    (void)bridge_mat_text(bridge_mat_field(info, "SessionDate"), date, sizeof date);
    (void)bridge_mat_text(bridge_mat_field(info, "SessionStartTime_UTC"), time, sizeof time);
    (void)snprintf(out, 32, "%s %s", date, time);
}

static int take_data(struct bridge_source *s, struct bpod *b)
{
    char began[32];
    double n = (double)NAN;
    if (!bridge_mat_is_struct(b->data) || bridge_mat_size(b->data) != 1) {
        b->n = 0;
        return bridge_why_set(s, NULL, 0, -1, VARIABLE " is no struct", "a session that Bpod saved",
                              "");
    }
    b->raw = bridge_mat_field(bridge_mat_field(b->data, "RawEvents"), "Trial");
    b->n = bridge_mat_size(b->raw);
    if (b->n == 0 && bridge_mat_field(b->data, "RawEvents").bytes != NULL) {
        return bridge_why_set(s, NULL, 0, -1, VARIABLE ".RawEvents has no Trial",
                              "cells with a struct a trial", "");
    }
    read_began(b, began);
    if (b->trials.is_started && (b->n < b->n_given || strcmp(began, b->began) != 0)) {
        bridge_task_trials_restart(&b->trials);
        b->n_given = 0;
    }
    memcpy(b->began, began, sizeof began);
    const bool has_n = bridge_mat_number(bridge_mat_field(b->data, "nTrials"), 0, &n);
    if (b->n > TRIALS_MAX || (has_n && !((double)b->n <= n && (double)b->n >= n))) {
        char found[96];
        (void)snprintf(found, sizeof found, "nTrials is %.0f, RawEvents.Trial has %zu", n, b->n);
        b->n = has_n && n >= 0.0 && n < (double)b->n ? (size_t)n : b->n;
        b->n = b->n < TRIALS_MAX ? b->n : TRIALS_MAX;
        return bridge_why_set(s, NULL, 0, -1, found, "the same number, at most 65536",
                              "the trials that both have are read");
    }
    return 1;
}

/* Reads the file again if it has changed: 1; 0 nothing new, and s->why if it is not complete; -1.
 */
static int read_file(struct bridge_source *s, struct bpod *b)
{
    const struct bridge_whole_stamp before = b->file.stamp;
    const int rc = bridge_mat_file_read(&b->file, s, s->path, VARIABLE, &b->data);
    if (memcmp(&before, &b->file.stamp, sizeof before) == 0) {
        s->why = rc == 0 ? b->waited : s->why;
        return rc;
    }
    b->waited.found[0] = '\0';
    if (rc == 0) {
        b->waited = s->why;
    }
    return rc == 1 ? take_data(s, b) : rc;
}

/* ---- trials ---------------------------------------------------------------------------------- */

static int fail(struct bridge_source *s, const struct bpod *b, const char *found,
                const char *expected)
{
    char text[160];
    (void)snprintf(text, sizeof text, "trial %zu: %s", b->n_given, found);
    return bridge_why_set(s, NULL, 0, -1, text, expected, "the trial is left out");
}

/* The value of a trial under a name such as TrialSettings.GUI.Contrast: 1; 0 it is not there; -1 it
 * is no single number or short text. */
static int find_value(const struct bpod *b, const char *name, size_t trial,
                      char out[BRIDGE_VALUE_MAX])
{
    struct bridge_mat value = b->data;
    struct bridge_text rest = {name, strlen(name)};
    bool is_of_trial = false;
    double number = 0.0;
    while (rest.size > 0) {
        char field[64];
        bridge_text_copy(field, sizeof field, bridge_text_cut(&rest, '.'));
        value = bridge_mat_field(value, field);
        if (value.bytes != NULL && !is_of_trial && bridge_mat_item(value, 0).bytes != NULL &&
            (!bridge_mat_is_struct(value) || bridge_mat_size(value) > 1)) {
            value = bridge_mat_item(value, trial);
            is_of_trial = true;
        }
    }
    if (value.bytes == NULL) {
        return 0;
    }
    if (bridge_mat_is_text(value)) {
        return bridge_mat_text(value, out, BRIDGE_VALUE_MAX) ? 1 : -1;
    }
    if (bridge_mat_size(value) == 0) {
        out[0] = '\0'; /* [] */
        return 1;
    }
    const bool is_single = is_of_trial && bridge_mat_size(value) == 1;
    if (!bridge_mat_number(value, is_single ? 0 : trial, &number)) {
        return bridge_mat_number(value, 0, &number) ? 0 : -1;
    }
    (void)snprintf(out, BRIDGE_VALUE_MAX, "%.17g", number);
    return 1;
}

/* Values of all names that are asked for; those that the mapping names must be there. */
static int take_columns(struct bridge_source *s, struct bpod *b, size_t trial)
{
    const struct bridge_trial_fields *fields = &b->trials.feed.fields;
    for (size_t i = 0; i < fields->n_slots; i++) {
        char text[BRIDGE_VALUE_MAX];
        char found[128];
        const char *name = fields->source[i];
        const int rc = find_value(b, name, trial, text);
        if (rc == 1) {
            (void)bridge_values_put(&b->trials.values, (uint64_t)1 << i, text, strlen(text));
        } else if (fields->is_stated[i]) {
            (void)snprintf(found, sizeof found, VARIABLE ".%.60s %s", name,
                           rc == 0 ? "has no value for it" : "is no number or short text");
            return fail(s, b, found, "a value for each trial");
        }
    }
    return 0;
}

static int take_states(struct bridge_source *s, struct bpod *b, size_t trial, double *end_s)
{
    const struct bridge_mat states = bridge_mat_field(bridge_mat_item(b->raw, trial), "States");
    if (!bridge_mat_is_struct(states)) {
        return fail(s, b, "it has no States", "a struct of the states of the trial");
    }
    char name[64];
    struct bridge_mat visits;
    for (size_t i = 0; i < STATES_MAX && bridge_mat_field_at(states, i, name, &visits); i++) {
        const size_t rows = bridge_mat_rows(visits);
        double from_s = (double)NAN;
        double to_s = (double)NAN;
        for (size_t row = 0; row < rows && row < VISITS_MAX; row++) {
            if (!bridge_mat_number(visits, row, &from_s) ||
                !bridge_mat_number(visits, rows + row, &to_s)) {
                char found[128];
                (void)snprintf(found, sizeof found, "the state %.60s has no start and end", name);
                return fail(s, b, found, "a row of two numbers for each visit");
            }
            if (!isnan(from_s)) {
                bridge_state_visits_enter(&b->trials.visits, &b->trials.states,
                                          bridge_text_of(name), from_s, to_s);
                *end_s = to_s > *end_s ? to_s : *end_s;
            }
        }
    }
    return 0;
}

/* The next trial: 1; 0 it is none; -1. */
static int take_trial(struct bridge_source *s, struct bpod *b, struct bridge_event *event)
{
    double end_s = 0.0;
    const size_t trial = b->n_given++;
    bridge_task_trials_clear(&b->trials);
    if (take_states(s, b, trial, &end_s) != 0 || take_columns(s, b, trial) != 0) {
        return -1;
    }
    const int rc = bridge_task_trials_take(&b->trials, s, 0, (int64_t)b->n_given, end_s, event);
    if (rc < 0) {
        char found[160];
        (void)snprintf(found, sizeof found, "trial %zu: %.130s", b->n_given, s->why.found);
        memcpy(s->why.found, found, sizeof found);
    }
    return rc;
}

/* ---- the source ------------------------------------------------------------------------------ */

static bool probe(const struct bridge_candidate *c)
{
    const size_t size = strlen(c->name);
    struct bridge_text name = bridge_path_stem(c->name);
    struct bridge_text date;
    static const char HDF5[] = "MATLAB 7.3 MAT-file"; /* to be refused with the remedy */
    if (c->is_folder || size < 5 || strcmp(c->name + size - 4, ".mat") != 0) {
        return false;
    }
    return bridge_mat_file_begins(c->head, c->head_size, VARIABLE) ||
           (cut_date(&name, &date) &&
            (c->head_size == 0 ||
             (c->head_size > sizeof HDF5 && memcmp(c->head, HDF5, sizeof HDF5 - 1) == 0)));
}

static int open_source(struct bridge_source *s)
{
    struct bpod *b = calloc(1, sizeof *b);
    if (b == NULL) {
        return bridge_why_set(s, NULL, 0, -1, "no memory", "", "");
    }
    if (bridge_task_trials_open(&b->trials, s, "Bpod", SECTIONS) != 0) {
        free(b);
        return -1;
    }
    s->state = b;
    return 0;
}

static void close_source(struct bridge_source *s)
{
    struct bpod *b = s->state;
    bridge_mat_file_close(&b->file);
    bridge_task_trials_close(&b->trials);
    free(b);
}

static int next(struct bridge_source *s, struct bridge_event *event)
{
    struct bpod *b = s->state;
    int rc = bridge_trial_feed_waiting(&b->trials.feed, s, event);
    if (rc == 0 && (b->data.bytes == NULL || b->n_given >= b->n || b->trials.is_useless)) {
        rc = bridge_task_trials_tell(&b->trials, s);
        const int got = rc != 0 ? rc : read_file(s, b);
        if (got != 1) {
            return got;
        }
    }
    if (rc == 0 && !b->trials.is_started) {
        rc = start_session(s, b, event);
    }
    while (rc == 0 && !b->trials.is_useless && b->n_given < b->n) {
        rc = take_trial(s, b, event);
    }
    return rc;
}

const struct bridge_adapter BRIDGE_ADAPTER_bpod = {.name = "bpod",
                                                   .about = "Bpod in MATLAB (.mat): a session",
                                                   .takes_mapping = true,
                                                   .probe = probe,
                                                   .open = open_source,
                                                   .next = next,
                                                   .close = close_source};
