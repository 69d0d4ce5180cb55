/* iblrig 7 and 8: .../SUBJECT/YYYY-MM-DD/NNN/raw_task_data_MM (7: raw_behavior_data), in it
 * _iblrig_taskSettings.raw.json, there before the first trial, and _iblrig_taskData.raw.jsonable, a
 * line of JSON a trial, with bare NaN; or a .jsonable alone, with or without NAME.settings.json.
 *
 * A wheel turned clockwise, response_side 1, moves the stimulus to the right: it chooses the left
 * one. signed_contrast is not read: it was wrong for years. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/adapter.h"
#include "bridge/growing_file.h"
#include "bridge/json_fields.h"
#include "bridge/whole_file.h"

#define DATA_NAME     "_iblrig_taskData.raw.jsonable"
#define SETTINGS_NAME "_iblrig_taskSettings.raw.json"
#define DATA_END      ".jsonable"

enum { SETTINGS_MAX = 1 << 22 };

/* ---- settings -------------------------------------------------------------------------------- */

struct settings {
    char subject[256];
    char started[BRIDGE_TIME_MAX];   /* 8 */
    char started_7[BRIDGE_TIME_MAX]; /* 7 */
    char ended[BRIDGE_TIME_MAX];     /* set by a graceful end */
    char number[16];
    char task[128];
    char version[BRIDGE_NAME_MAX];
    char version_7[BRIDGE_NAME_MAX];
    double delay_s;
};

#define TEXT(path, member)                                                                         \
    {                                                                                              \
        path, BRIDGE_JSON_TEXT, offsetof(struct settings, member),                                 \
            sizeof((struct settings *)0)->member, "a short text"                                   \
    }
static const struct bridge_json_field SETTINGS[] = {
    TEXT("SUBJECT_NAME", subject),
    TEXT("SESSION_START_TIME", started),
    TEXT("SESSION_DATETIME", started_7),
    TEXT("SESSION_END_TIME", ended),
    TEXT("SESSION_NUMBER", number),
    TEXT("PYBPOD_PROTOCOL", task),
    TEXT("IBLRIG_VERSION", version),
    TEXT("IBLRIG_VERSION_TAG", version_7),
    {"SESSION_DELAY_START", BRIDGE_JSON_NUMBER, offsetof(struct settings, delay_s), 0, "seconds"},
};
#undef TEXT

/* ---- lines ----------------------------------------------------------------------------------- */

/* A line of data. NaN, -1 and "" where it does not say. */
struct line {
    double trial;
    double contrast;
    double contrast_7; /* inside an object */
    char contrast_kind[32];
    double position;
    double response_side;
    double response_time;
    double reward_amount;
    double p_left;
    double phase;
    int8_t is_correct;
    int8_t is_debias;
    int8_t omits_feedback;
    double no_go[3][2]; /* the state, under its names */
    double stim_on[2];
    double closed_loop[2];
    char data_path[1024]; /* 7: where the rig writes it */
    char task[128];
    int64_t number; /* of the line */
};

#define NUMBER(path, member, expected)                                                             \
    {                                                                                              \
        path, BRIDGE_JSON_NUMBER, offsetof(struct line, member), 0, expected                       \
    }
#define TRUTH(path, member)                                                                        \
    {                                                                                              \
        path, BRIDGE_JSON_TRUTH, offsetof(struct line, member), 0, "true or false"                 \
    }
#define TEXT(path, member)                                                                         \
    {                                                                                              \
        path, BRIDGE_JSON_TEXT, offsetof(struct line, member), sizeof((struct line *)0)->member,   \
            "a short text"                                                                         \
    }
#define STATE(name, member)                                                                        \
    {                                                                                              \
        "behavior_data/States timestamps/" name, BRIDGE_JSON_SPAN, offsetof(struct line, member),  \
            0, "pairs of seconds"                                                                  \
    }
static const struct bridge_json_field LINE[] = {
    NUMBER("trial_num", trial, "the number of the trial"),
    NUMBER("contrast", contrast, "a contrast from 0 to 1"),
    NUMBER("contrast/value", contrast_7, "a contrast from 0 to 1"),
    TEXT("contrast/type", contrast_kind),
    NUMBER("position", position, "degrees, -35 left or 35 right"),
    NUMBER("response_side", response_side, "-1, 0 or 1"),
    NUMBER("response_time", response_time, "seconds"),
    NUMBER("reward_amount", reward_amount, "microlitres"),
    NUMBER("stim_probability_left", p_left, "a probability"),
    NUMBER("training_phase", phase, "a whole number"),
    TRUTH("trial_correct", is_correct),
    TRUTH("debias_trial", is_debias),
    TRUTH("omit_feedback", omits_feedback),
    STATE("no_go", no_go[0]),
    STATE("omit_no_go", no_go[1]),
    STATE("omit_nogo", no_go[2]),
    STATE("stim_on", stim_on),
    STATE("closed_loop", closed_loop),
    TEXT("data_file_path", data_path),
    TEXT("task_protocol", task),
};
#undef NUMBER
#undef TRUTH
#undef TEXT
#undef STATE

static void line_init(struct line *line, int64_t number)
{
    const double nan = (double)NAN;
    *line = (struct line){.trial = nan,
                          .contrast = nan,
                          .contrast_7 = nan,
                          .position = nan,
                          .response_side = nan,
                          .response_time = nan,
                          .reward_amount = nan,
                          .p_left = nan,
                          .phase = nan,
                          .is_correct = -1,
                          .is_debias = -1,
                          .omits_feedback = -1,
                          .no_go = {{nan, nan}, {nan, nan}, {nan, nan}},
                          .stim_on = {nan, nan},
                          .closed_loop = {nan, nan},
                          .number = number};
}

/* What must be there; NULL: it is. */
static const char *missing(const struct line *line, const char **expected)
{
    *expected = "the number of the trial, from 0";
    if (isnan(line->trial)) {
        return "no \"trial_num\"";
    }
    *expected = "a contrast from 0 to 1";
    if (isnan(line->contrast) && isnan(line->contrast_7)) {
        return "no \"contrast\"";
    }
    *expected = "degrees, below 0 left, above 0 right";
    if (isnan(line->position)) {
        return "no \"position\"";
    }
    *expected = "a task with a choice";
    return isnan(line->response_side) && line->is_correct < 0
               ? "neither \"response_side\" nor \"trial_correct\""
               : NULL;
}

/* ---- the trial ------------------------------------------------------------------------------- */

static bool is_no_go(const struct line *line)
{
    if (!isnan(line->response_side)) {
        return line->response_side >= 0.0 && line->response_side <= 0.0;
    }
    return !isnan(line->no_go[0][0]) || !isnan(line->no_go[1][0]) || !isnan(line->no_go[2][0]);
}

static int64_t choice_of(const struct line *line, int64_t side)
{
    if (is_no_go(line)) {
        return PROTO_NIL;
    }
    if (!isnan(line->response_side)) {
        return line->response_side < 0.0 ? 1 : 0;
    }
    return side == PROTO_NIL ? PROTO_NIL : line->is_correct == 1 ? side : 1 - side;
}

/* From the stimulus to the end of the window for a response; older versions do not state it. */
static double rt_of(const struct line *line)
{
    const double rt_s =
        isnan(line->response_time) ? line->closed_loop[1] - line->stim_on[0] : line->response_time;
    return rt_s >= 0.0 && rt_s <= 86400.0 ? rt_s : (double)NAN;
}

static void put_reward(const struct line *line, proto_trial *said)
{
    const bool is_rewarded = line->is_correct == 1 && line->omits_feedback != 1;
    if (said->choice != PROTO_NIL && line->is_correct >= 0) {
        said->reward = is_rewarded ? 1.0 : 0.0;
    }
    if (is_rewarded && line->reward_amount >= 0.0 && line->reward_amount <= 10000.0) {
        said->reward_ul = line->reward_amount;
    }
}

static int64_t repeat_of(const struct line *line)
{
    if (line->contrast_kind[0] != '\0') {
        return strcmp(line->contrast_kind, "RepeatContrast") == 0 ? 1 : 0;
    }
    return line->is_debias >= 0 ? line->is_debias : PROTO_NIL;
}

static void put_trial(const struct line *line, struct bridge_event *event)
{
    proto_trial *said = &event->said;
    const double contrast = isnan(line->contrast) ? line->contrast_7 : line->contrast;
    const bool is_number =
        line->trial >= 0.0 && line->trial <= 1e9 && line->trial <= floor(line->trial);
    event->kind = BRIDGE_TRIAL;
    event->line = line->number;
    event->trial = is_number ? (int64_t)line->trial : -1;
    said->stimulus = line->position < 0.0 && contrast > 0.0 ? -contrast : contrast;
    if (contrast < 0.0) {
        said->stimulus = (double)NAN; /* it has no sign: that is the position's */
    }
    said->side = line->position > 0.0 ? 1 : line->position < 0.0 ? 0 : PROTO_NIL;
    said->choice = choice_of(line, said->side);
    put_reward(line, said);
    said->rt_s = rt_of(line);
    said->repeat = repeat_of(line);
    said->p_left = line->p_left >= 0.0 && line->p_left <= 1.0 ? line->p_left : (double)NAN;
    if (line->phase >= 0.0 && line->phase <= 99.0) {
        (void)snprintf(said->stage, sizeof said->stage, "%d", (int)line->phase);
    }
}

/* ---- the source ------------------------------------------------------------------------------ */

struct iblrig {
    struct bridge_growing_file data;
    char settings_path[BRIDGE_PATH_MAX];
    struct bridge_whole_stamp stamp;
    struct settings settings;
    bool has_settings;
    struct bridge_why wrong; /* with them, while they cannot be read */
    bool is_told;            /* that the settings cannot be read */
    struct bridge_place place;
    struct line line;
    bool has_line; /* read, and not given yet */
    bool is_started;
    bool is_ended;
};

static bool is_task_folder(const char *name)
{
    return strcmp(name, "raw_behavior_data") == 0 || strncmp(name, "raw_task_data_", 14) == 0;
}

static bool holds(const struct bridge_candidate *c, const char *word)
{
    const size_t size = strlen(word);
    for (size_t i = 0; i + size <= c->head_size; i++) {
        if (c->head[i] == (uint8_t)word[0] && memcmp(c->head + i, word, size) == 0) {
            return true;
        }
    }
    return false;
}

static bool probe(const struct bridge_candidate *c)
{
    if (c->is_folder) {
        return is_task_folder(c->name);
    }
    return bridge_ends_in(c->name, DATA_END) ||
           (c->head_size > 0 && c->head[0] == '{' && holds(c, "\"stim_probability_left\"") &&
            holds(c, "\"quiescent_period\"") && holds(c, "\"position\""));
}

/* Where data and settings are: in a folder, or beside each other. */
static int find_files(struct bridge_source *s, struct iblrig *r)
{
    char data[BRIDGE_PATH_MAX];
    const char *slash = strrchr(s->path, '/');
    const size_t folder = slash != NULL ? (size_t)(slash + 1 - s->path) : 0;
    const size_t size = strlen(s->path);
    int n[2];
    if (is_task_folder(s->path + folder)) {
        n[0] = snprintf(data, sizeof data, "%s/" DATA_NAME, s->path);
        n[1] = snprintf(r->settings_path, sizeof r->settings_path, "%s/" SETTINGS_NAME, s->path);
    } else if (strcmp(s->path + folder, DATA_NAME) == 0) {
        n[0] = snprintf(data, sizeof data, "%s", s->path);
        n[1] = snprintf(r->settings_path, sizeof r->settings_path, "%.*s" SETTINGS_NAME,
                        (int)folder, s->path);
    } else {
        const size_t end = bridge_ends_in(s->path, DATA_END) ? strlen(DATA_END) : 0;
        n[0] = snprintf(data, sizeof data, "%s", s->path);
        n[1] = snprintf(r->settings_path, sizeof r->settings_path, "%.*s.settings.json",
                        (int)(size - end), s->path);
    }
    if (n[0] < 0 || n[1] < 0 || n[0] >= BRIDGE_PATH_MAX || n[1] >= BRIDGE_PATH_MAX) {
        return bridge_why_set(s, NULL, 0, -1, "the path is too long", "at most 1023 bytes", "");
    }
    bridge_growing_file_open(&r->data, data, BRIDGE_LINE_MAX);
    return 0;
}

static int open_source(struct bridge_source *s)
{
    struct iblrig *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return bridge_why_set(s, NULL, 0, -1, "no memory", "", "");
    }
    if (find_files(s, r) != 0) {
        free(r);
        return -1;
    }
    (void)bridge_place_of(&r->place, r->data.path);
    s->state = r;
    return 0;
}

static void close_source(struct bridge_source *s)
{
    struct iblrig *r = s->state;
    bridge_growing_file_close(&r->data);
    free(r);
}

/* ---- sessions -------------------------------------------------------------------------------- */

/* Reads the settings if they have changed. They may be half-written: s->why then, until they change
 * again. */
static void read_settings(struct bridge_source *s, struct iblrig *r)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    struct bridge_json_fault fault;
    struct settings new = {.delay_s = (double)NAN};
    if (r->stamp.is_set && !r->has_settings) {
        s->why = r->wrong;
    }
    const int rc =
        bridge_whole_file_read(s, r->settings_path, SETTINGS_MAX, &r->stamp, &bytes, &size);
    if (rc != 1) {
        return;
    }
    r->is_told = false;
    r->has_settings = bridge_json_fields_read(SETTINGS, sizeof SETTINGS / sizeof SETTINGS[0], &new,
                                              bytes, size, &fault) == 0;
    free(bytes);
    if (r->has_settings) {
        const char *started = new.started[0] != '\0' ? new.started : new.started_7;
        if (r->is_started && started[0] != '\0' && s->session.started[0] != '\0' &&
            strcmp(started, s->session.started) != 0) {
            bridge_growing_file_restart(&r->data); /* the number of the session is used again */
            s->session.is_again = true;
            r->is_started = r->is_ended = r->has_line = false;
        }
        r->settings = new;
    } else {
        (void)bridge_why_set(s, r->settings_path, 0, (int64_t)fault.byte, fault.found,
                             fault.expected, "subject and session are then taken from its path");
        r->wrong = s->why;
    }
}

/* The name of the file up to its first dot, of a file that says nothing of its session. */
static void name_by_file(struct bridge_source *s)
{
    const char *slash = strrchr(s->path, '/');
    const char *name = slash != NULL ? slash + 1 : s->path;
    const struct bridge_text stem = {name, strcspn(name, ".")};
    if (s->session.subject[0] == '\0') {
        bridge_id_fit(s->session.subject, stem);
    }
    if (s->session.session[0] == '\0') {
        bridge_id_fit(s->session.session, stem);
    }
}

/* Subject and session, by the first that says it: the path, the path that a line of iblrig 7 names,
 * the settings, the name of the file. line: NULL if there is none yet. */
static void name_session(struct bridge_source *s, struct iblrig *r, const struct line *line)
{
    struct bridge_session *session = &s->session;
    struct bridge_place place = r->place;
    const struct settings *t = &r->settings;
    session->subject[0] = session->session[0] = '\0';
    if (place.subject[0] == '\0' && line != NULL && line->data_path[0] != '\0') {
        (void)bridge_place_of(&place, line->data_path);
    }
    const char *mm = strncmp(place.folder, "raw_task_data_", 14) == 0 ? place.folder + 14 : "";
    char name[160] = "";
    if (place.subject[0] != '\0') {
        memcpy(session->subject, place.subject, sizeof place.subject);
        (void)snprintf(name, sizeof name, "%s_%s%s%s", place.date, place.number,
                       mm[0] != '\0' ? "_" : "", mm);
    } else if (r->has_settings) {
        (void)bridge_id_make(session->subject, t->subject, strlen(t->subject));
        const char *started = t->started[0] != '\0' ? t->started : t->started_7;
        if (strlen(started) >= 10) {
            (void)snprintf(name, sizeof name, "%.10s_%03ld", started, strtol(t->number, NULL, 10));
        }
    }
    (void)bridge_id_make(session->session, name, strlen(name));
    name_by_file(s);
    if (session->started[0] == '\0') {
        memcpy(session->started, place.date, sizeof place.date);
    }
}

static void start_session(struct bridge_source *s, struct iblrig *r, struct bridge_event *event)
{
    struct bridge_session *session = &s->session;
    const struct settings *t = &r->settings;
    const bool has = r->has_settings;
    const bool is_again = session->is_again;
    *session = (struct bridge_session){
        .ephys_rig = PROTO_NIL, .delay_s = (double)NAN, .is_again = is_again};
    strcpy(session->program, "iblrig");
    if (has) {
        strcpy(session->version, t->version[0] != '\0' ? t->version : t->version_7);
        strcpy(session->started, t->started[0] != '\0' ? t->started : t->started_7);
        (void)snprintf(session->task, sizeof session->task, "%.64s", t->task);
        session->delay_s = t->delay_s >= 0.0 && t->delay_s <= 86400.0 ? t->delay_s : (double)NAN;
    }
    if (session->task[0] == '\0' && r->has_line) {
        (void)snprintf(session->task, sizeof session->task, "%.64s", r->line.task);
    }
    name_session(s, r, r->has_line ? &r->line : NULL);
    r->is_started = true;
    event->kind = BRIDGE_SESSION_START;
}

/* ---- events ---------------------------------------------------------------------------------- */

/* Reads the next line that is a trial's: 1; 0 none now; -1 one was left out. */
static int read_line(struct bridge_source *s, struct iblrig *r)
{
    const uint8_t *bytes = NULL;
    size_t size = 0;
    struct bridge_json_fault fault;
    int rc = 0;
    do {
        rc = bridge_growing_file_next(&r->data, s, &bytes, &size);
        if (rc == BRIDGE_GROWING_AGAIN) {
            s->session.is_again = true;
            r->is_started = r->is_ended = false;
        }
    } while (rc == BRIDGE_GROWING_AGAIN || (rc == 1 && size == 0));
    if (rc != 1) {
        return rc;
    }
    line_init(&r->line, r->data.line);
    if (bridge_json_fields_read(LINE, sizeof LINE / sizeof LINE[0], &r->line, bytes, size,
                                &fault) != 0) {
        return bridge_why_set(s, r->data.path, r->data.line, (int64_t)fault.byte, fault.found,
                              fault.expected, "the line is left out");
    }
    const char *expected = "";
    const char *what = missing(&r->line, &expected);
    if (what != NULL) {
        return bridge_why_set(s, r->data.path, r->data.line, -1, what, expected,
                              "the line is left out");
    }
    r->has_line = true;
    return 1;
}

/* No line is there: the session may start before its first, and has ended once the settings say so.
 */
static int without_line(struct bridge_source *s, struct iblrig *r, struct bridge_event *event)
{
    read_settings(s, r);
    if (!r->is_started && r->has_settings && r->place.subject[0] != '\0') {
        start_session(s, r, event);
        return 1;
    }
    if (r->is_started && !r->is_ended && r->has_settings && r->settings.ended[0] != '\0') {
        memcpy(s->session.ended, r->settings.ended, sizeof s->session.ended);
        r->is_ended = true;
        event->kind = BRIDGE_SESSION_END;
        return 1;
    }
    if (r->is_told) {
        s->why.found[0] = '\0';
    }
    (void)bridge_growing_file_waits(&r->data, s);
    return 0;
}

static int next(struct bridge_source *s, struct bridge_event *event)
{
    struct iblrig *r = s->state;
    if (!r->has_line) {
        const int rc = read_line(s, r);
        if (rc != 1) {
            return rc == 0 ? without_line(s, r, event) : rc;
        }
    }
    if (!r->is_started) {
        read_settings(s, r);
        if (s->why.found[0] != '\0' && !r->is_told) {
            r->is_told = true;
            return -1;
        }
        start_session(s, r, event);
        return 1;
    }
    r->has_line = false;
    put_trial(&r->line, event);
    event->path = r->data.path;
    return 1;
}

const struct bridge_adapter BRIDGE_ADAPTER_iblrig = {
    .name = "iblrig",
    .about = "iblrig 7 and 8: a folder of sessions, or a .jsonable",
    .probe = probe,
    .open = open_source,
    .next = next,
    .close = close_source};
