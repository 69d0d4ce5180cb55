#include "bridge/adapter.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/text.h"

const struct bridge_adapter *const BRIDGE_ADAPTERS[] = {
#define ADAPTER(name) &BRIDGE_ADAPTER_##name,
#include "adapters.def"
    NULL};

/* ---- formats --------------------------------------------------------------------------------- */

const struct bridge_adapter *bridge_adapter_find(const char *name)
{
    for (size_t i = 0; BRIDGE_ADAPTERS[i] != NULL; i++) {
        if (strcmp(BRIDGE_ADAPTERS[i]->name, name) == 0) {
            return BRIDGE_ADAPTERS[i];
        }
    }
    return NULL;
}

const struct bridge_adapter *bridge_adapter_of(const struct bridge_candidate *candidate,
                                               const struct bridge_adapter *only)
{
    for (size_t i = 0; BRIDGE_ADAPTERS[i] != NULL; i++) {
        const struct bridge_adapter *adapter = BRIDGE_ADAPTERS[i];
        /* Of a pipe a format sees nothing, and only lines of text are read once. */
        const bool may_be = (!candidate->is_pipe || adapter == &BRIDGE_ADAPTER_lines) &&
                            (candidate->map == NULL || adapter->takes_mapping);
        if (may_be && (only == NULL || only == adapter) && adapter->probe(candidate)) {
            return adapter;
        }
    }
    return NULL;
}

const char *bridge_mapping_get(const struct bridge_mapping *map, const char *section,
                               const char *key)
{
    for (size_t i = 0; map != NULL && i < map->n; i++) {
        if (strcmp(map->line[i].section, section) == 0 && strcmp(map->line[i].key, key) == 0) {
            return map->line[i].value;
        }
    }
    return NULL;
}

/* ---- errors ---------------------------------------------------------------------------------- */

const char *bridge_why_text(const struct bridge_why *why, char *out, size_t cap)
{
    char line[24] = "";
    char byte[32] = "";
    if (why->line > 0) {
        (void)snprintf(line, sizeof line, ":%lld", (long long)why->line);
    }
    if (why->byte >= 0) {
        (void)snprintf(byte, sizeof byte, "byte %lld: ", (long long)why->byte);
    }
    (void)snprintf(out, cap, "%s%s: %s%s%s%s%s%s%s", why->path, line, byte, why->found,
                   why->expected[0] != '\0' ? "; " : "", why->expected,
                   why->expected[0] != '\0' ? " was expected" : "", why->fix[0] != '\0' ? ": " : "",
                   why->fix);
    return out;
}

int bridge_why_set(struct bridge_source *s, const char *path, int64_t line, int64_t byte,
                   const char *found, const char *expected, const char *fix)
{
    struct bridge_why *why = &s->why;
    *why = (struct bridge_why){.line = line, .byte = byte};
    (void)snprintf(why->path, sizeof why->path, "%s", path != NULL ? path : s->path);
    (void)snprintf(why->found, sizeof why->found, "%s", found);
    (void)snprintf(why->expected, sizeof why->expected, "%s", expected);
    (void)snprintf(why->fix, sizeof why->fix, "%s", fix);
    return -1;
}

int bridge_mapping_check(struct bridge_source *s, const char *const sections[])
{
    char found[160];
    char expected[160];
    size_t used = 0;
    for (size_t i = 0; sections[i] != NULL && used < sizeof expected; i++) {
        used += (size_t)snprintf(expected + used, sizeof expected - used, "%s%s",
                                 i > 0 ? ", " : "sections ", sections[i]);
    }
    for (size_t i = 0; s->map != NULL && i < s->map->n; i++) {
        const char *section = s->map->line[i].section;
        size_t k = 0;
        while (sections[k] != NULL && strcmp(sections[k], section) != 0) {
            k++;
        }
        if (sections[k] == NULL) {
            (void)snprintf(found, sizeof found, "the mapping has %.60s.%.60s", section,
                           s->map->line[i].key);
            return bridge_why_set(s, NULL, 0, -1, found, expected, "leave it out");
        }
    }
    return 0;
}

/* ---- names ----------------------------------------------------------------------------------- */

static bool is_of_id(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

bool bridge_id_make(char out[PROTO_ID_MAX + 1], const char *text, size_t size)
{
    out[0] = '\0';
    if (size == 0 || size > PROTO_ID_MAX) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        out[i] = (char)(is_of_id(text[i]) ? text[i] : '_');
    }
    out[size] = '\0';
    return true;
}

bool bridge_ends_in(const char *text, const char *end)
{
    const size_t size = strlen(text);
    return size >= strlen(end) && strcmp(text + size - strlen(end), end) == 0;
}

/* The part of a path before *end, which moves to its front; NULL: there is none. */
static const char *part_before(const char *path, size_t *end, size_t *size)
{
    size_t n = *end;
    while (n > 0 && (path[n - 1] == '/' || path[n - 1] == '\\')) {
        n--;
    }
    const size_t stop = n;
    while (n > 0 && path[n - 1] != '/' && path[n - 1] != '\\') {
        n--;
    }
    *end = n;
    *size = stop - n;
    return stop > n ? path + n : NULL;
}

static bool has_form(const char *text, size_t size, const char *form)
{
    if (size != strlen(form)) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        const bool is_digit = text[i] >= '0' && text[i] <= '9';
        if (form[i] == '0' ? !is_digit : text[i] != form[i]) {
            return false;
        }
    }
    return true;
}

/* From the working directory, without its "." and ".." resolved. */
static bool absolute(char *out, size_t cap, const char *path)
{
    const size_t size = strlen(path);
    const bool is_whole = path[0] == '/' || strchr(path, '\\') != NULL;
    size_t used = 0;
    if (!is_whole && getcwd(out, cap - 1) != NULL) {
        used = strlen(out);
        out[used++] = '/';
    }
    if (used + size >= cap) {
        return false;
    }
    memcpy(out + used, path, size + 1);
    return true;
}

bool bridge_place_of(struct bridge_place *out, const char *path)
{
    char whole[2 * BRIDGE_PATH_MAX];
    struct {
        const char *at;
        size_t size;
    } part[4] = {0}; /* folder, number, date, subject, as they come from the back */
    *out = (struct bridge_place){{0}, {0}, {0}, {0}};
    if (!absolute(whole, sizeof whole, path)) {
        return false;
    }
    for (size_t end = strlen(whole); end > 0;) {
        size_t size = 0;
        const char *at = part_before(whole, &end, &size);
        if (at == NULL || (size == 1 && at[0] == '.')) {
            continue;
        }
        memmove(part, part + 1, 3 * sizeof part[0]);
        part[3].at = at;
        part[3].size = size;
        if (part[1].at != NULL && has_form(part[1].at, part[1].size, "000") &&
            has_form(part[2].at, part[2].size, "0000-00-00") &&
            bridge_id_make(out->subject, part[3].at, part[3].size)) {
            memcpy(out->number, part[1].at, part[1].size);
            memcpy(out->date, part[2].at, part[2].size);
            if (part[0].at != NULL && part[0].size < sizeof out->folder) {
                memcpy(out->folder, part[0].at, part[0].size);
            }
            return true;
        }
    }
    return false;
}

/* ---- sources --------------------------------------------------------------------------------- */

int bridge_source_open(struct bridge_source *s, const struct bridge_adapter *adapter,
                       const char *path, const struct bridge_mapping *map)
{
    *s = (struct bridge_source){.map = map};
    (void)snprintf(s->path, sizeof s->path, "%s", path);
    if (strlen(path) >= sizeof s->path) {
        return bridge_why_set(s, NULL, 0, -1, "the path is too long", "at most 1023 bytes",
                              "give a path below it");
    }
    if (map != NULL && !adapter->takes_mapping) {
        return bridge_why_set(s, NULL, 0, -1, "its format says what its values mean", "no mapping",
                              "leave the mapping out");
    }
    s->adapter = adapter;
    s->why.byte = -1;
    const int rc = adapter->open(s);
    s->adapter = rc == 0 ? adapter : NULL;
    return rc;
}

void bridge_source_close(struct bridge_source *s)
{
    if (s->adapter != NULL) {
        s->adapter->close(s);
    }
    s->adapter = NULL;
    s->state = NULL;
}

/* Control characters, and bytes that are not UTF-8, as where a text was cut, become '?': no message
 * may hold them. */
static void clean(char *text)
{
    for (size_t n = strlen(text); n > 0;) {
        const size_t size = proto_text_char_size((const uint8_t *)text, n);
        const size_t used = size > 0 ? size : 1;
        if (!proto_text_is_clean(text, used)) {
            memset(text, '?', used);
        }
        text += used;
        n -= used;
    }
}

/* Texts that the wire has, of an event and its session. */
static void clean_event(struct bridge_source *s, struct bridge_event *event)
{
    clean(event->said.stage);
    if (event->kind == BRIDGE_SESSION_START) {
        clean(s->session.task);
        clean(s->session.stage);
        clean(s->session.program);
        clean(s->session.version);
        clean(s->session.started);
    }
}

/* A range that a value of a trial must be in; absent is in it. */
static bool is_within(double value, double min, double max)
{
    return isnan(value) || (value >= min && value <= max);
}

static bool is_bit(int64_t value)
{
    return value == PROTO_NIL || value == 0 || value == 1;
}

/* What of the event no daemon or table may hold; NULL: it is sound. */
static const char *unsound(const struct bridge_event *e, const char **expected)
{
    const proto_trial *t = &e->said;
    *expected = "1 to 64 of A-Z a-z 0-9 . _ -";
    if (!proto_id_is_valid(e->session->subject)) {
        return "the name of the subject";
    }
    if (!proto_id_is_valid(e->session->session)) {
        return "the name of the session";
    }
    if (e->kind != BRIDGE_TRIAL) {
        return NULL;
    }
    *expected = "a whole number from 0 to 1000000000";
    if (e->trial < 0 || e->trial > 1000000000) {
        return "the trial's number";
    }
    *expected = "a signed contrast from -1 to 1";
    if (!(t->stimulus >= -1.0 && t->stimulus <= 1.0)) {
        return "the stimulus";
    }
    *expected = "0, 1 or nothing";
    if (!is_bit(t->choice) || !is_bit(t->side) || !is_bit(t->repeat)) {
        return !is_bit(t->choice) ? "the choice" : !is_bit(t->side) ? "the side" : "the repeat";
    }
    *expected = "a number from 0 to 1";
    if (!is_within(t->reward, 0.0, 1.0) || !is_within(t->p_left, 0.0, 1.0)) {
        return !is_within(t->reward, 0.0, 1.0) ? "the reward" : "the probability of the left side";
    }
    *expected = "seconds from 0 to 86400";
    return is_within(t->rt_s, 0.0, 86400.0) ? NULL : "the reaction time";
}

int bridge_source_next(struct bridge_source *s, struct bridge_event *event)
{
    proto_message empty;
    proto_message_init(&empty, PROTO_KIND_TRIAL);
    *event = (struct bridge_event){.session = &s->session, .said = empty.as.trial};
    s->why.found[0] = '\0';
    const int got = s->adapter->next(s, event);
    if (got != 1) {
        return got;
    }
    clean_event(s, event);
    const char *expected = "";
    const char *what = unsound(event, &expected);
    char found[96];
    if (what == NULL) {
        return 1;
    }
    (void)snprintf(found, sizeof found, "%s is not valid", what);
    return bridge_why_set(s, event->path, event->line, -1, found, expected, "");
}

void bridge_event_message(const struct bridge_event *event, const char *rig, proto_message *out)
{
    static const proto_kind KINDS[] = {[BRIDGE_SESSION_START] = PROTO_KIND_SESSION_START,
                                       [BRIDGE_TRIAL] = PROTO_KIND_TRIAL,
                                       [BRIDGE_SESSION_END] = PROTO_KIND_SESSION_END};
    const struct bridge_session *session = event->session;
    proto_message_init(out, KINDS[event->kind]);
    (void)snprintf(out->env.rig, sizeof out->env.rig, "%s", rig);
    memcpy(out->env.subject, session->subject, sizeof out->env.subject);
    memcpy(out->env.session, session->session, sizeof out->env.session);
    if (event->kind == BRIDGE_TRIAL) {
        out->env.trial = event->trial;
        out->as.trial = event->said;
    } else if (event->kind == BRIDGE_SESSION_START) {
        memcpy(out->as.session_start.task, session->task, sizeof session->task);
        out->as.session_start.ephys_rig = session->ephys_rig;
        out->as.session_start.delay_s = session->delay_s;
    }
}
