/* Messages of any ZeroMQ publisher: [topic][payload], or a payload alone; the payload a map of
 * msgpack or JSON, OSC or a line of text, as Bonsai workflows publish them.
 *
 * Of a mapping, the sections columns, fixed, coding and rows (bridge/trial_fields.h) are read, with
 * paths of keys ("data.choice"), OSC addresses ("/choice", "/choice.2") or fields of a line as
 * names; lines for the latter (bridge/line_reader.h); and message:
 *   topic        only messages whose topic begins so
 *   end          a trial comes in several messages: the name whose presence ends it, but for a
 *                value of no, false or 0; without it each message with a value is a trial
 *   session_end  the name whose presence ends the session */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/line_reader.h"
#include "bridge/osc.h"
#include "bridge/stream.h"
#include "bridge/trial_feed.h"
#include "bridge/value_tree.h"

static const char *const SECTIONS[] = {"columns", "fixed",   "coding", "rows",
                                       "lines",   "message", NULL};

struct messages {
    struct bridge_trial_feed feed;
    struct bridge_line_reader reader;
    const char *topic; /* NULL: any */
    size_t end;        /* slots; 0: none */
    size_t session_end;
    struct bridge_values values; /* of the trial under way */
    struct bridge_part part[2];  /* topic and payload; n_parts 0: used up */
    size_t n_parts;
    bool has_end; /* of the session, behind a trial */
    int64_t n;    /* messages so far */
};

/* ---- the mapping ----------------------------------------------------------------------------- */

static int open_keys(struct messages *m, struct bridge_source *s)
{
    static const char *const KEYS[] = {"topic", "end", "session_end"};
    const char *end = bridge_mapping_get(s->map, "message", "end");
    const char *session_end = bridge_mapping_get(s->map, "message", "session_end");
    m->topic = bridge_mapping_get(s->map, "message", "topic");
    for (size_t i = 0; s->map != NULL && i < s->map->n; i++) {
        const struct bridge_mapping_line *line = &s->map->line[i];
        size_t k = 0;
        while (k < 3 && strcmp(KEYS[k], line->key) != 0) {
            k++;
        }
        if (k == 3 && strcmp(line->section, "message") == 0) {
            return bridge_why_set(s, NULL, 0, -1, "the mapping has another key of message",
                                  "topic, end or session_end", "correct it");
        }
    }
    m->end = end != NULL ? bridge_trial_fields_watch(&m->feed.fields, end) : 0;
    m->session_end =
        session_end != NULL ? bridge_trial_fields_watch(&m->feed.fields, session_end) : 0;
    return 0;
}

static int open_all(struct messages *m, struct bridge_source *s,
                    const struct bridge_stream_start *start)
{
    if (bridge_mapping_check(s, SECTIONS) != 0 ||
        bridge_trial_feed_open(&m->feed, s, "messages") != 0) {
        return -1;
    }
    if (open_keys(m, s) != 0 || bridge_line_reader_open(&m->reader, &m->feed.fields, s) != 0) {
        bridge_trial_feed_close(&m->feed);
        return -1;
    }
    memcpy(m->feed.subject, start->subject, sizeof m->feed.subject);
    memcpy(m->feed.session, start->session, sizeof m->feed.session);
    return 0;
}

static int open_stream(struct bridge_source *s, const struct bridge_stream_start *start)
{
    struct messages *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return bridge_why_set(s, NULL, 0, -1, "no memory", "", "");
    }
    if (open_all(m, s, start) != 0) {
        free(m);
        return -1;
    }
    s->state = m;
    return 0;
}

static void close_stream(struct bridge_source *s)
{
    struct messages *m = s->state;
    bridge_line_reader_close(&m->reader);
    bridge_trial_feed_close(&m->feed);
    free(m);
}

static void push(struct bridge_source *s, const struct bridge_part part[], size_t n, double t_s)
{
    struct messages *m = s->state;
    (void)t_s;
    m->n_parts = n < 2 ? 1 : 2;
    m->part[0] = part[0];
    m->part[m->n_parts - 1] = part[n - 1];
    m->n++;
}

/* ---- a message ------------------------------------------------------------------------------- */

static bool is_of_topic(const struct messages *m)
{
    const struct bridge_part *first = &m->part[0];
    return m->topic == NULL || (m->n_parts == 2 && first->size >= strlen(m->topic) &&
                                memcmp(first->bytes, m->topic, strlen(m->topic)) == 0);
}

/* The first byte that is no white space. */
static uint8_t first_of(const struct bridge_part *p)
{
    size_t i = 0;
    while (i + 1 < p->size && memchr(" \t\r\n", p->bytes[i], 4) != NULL) {
        i++;
    }
    return p->bytes[i];
}

/* The payload's values; 1, 0 it has none that is asked for, -1 s->why. */
static int read_payload(struct messages *m, struct bridge_source *s, uint64_t *slots)
{
    const struct bridge_part *p = &m->part[m->n_parts - 1];
    const struct bridge_trial_fields *fields = &m->feed.fields;
    struct bridge_value_tree_fault fault;
    int rc = 0;
    if (p->size == 0 || p->size > BRIDGE_MESSAGE_MAX) {
        return bridge_why_set(s, NULL, m->n, -1,
                              p->size == 0 ? "an empty payload" : "the payload is too long",
                              "1 byte to 1 MiB", "the message is left out");
    }
    const uint8_t first = first_of(p);
    const bool is_msgpack = (first >= 0x80 && first <= 0x8f) || first == 0xde || first == 0xdf;
    if (is_msgpack || first == '{' || first == '[') {
        rc = bridge_value_tree_read(is_msgpack ? PROTO_FORMAT_MSGPACK : PROTO_FORMAT_JSON, p->bytes,
                                    p->size, fields, &m->values, slots, &fault);
    } else if (first == '/' || first == '#') {
        rc = bridge_osc_read(p->bytes, p->size, fields, &m->values, slots, &fault);
    } else {
        rc = bridge_line_reader_read(&m->reader, s, m->n, p->bytes, p->size, &m->values);
        *slots = rc == 1 ? ~(uint64_t)0 : 0;
        return rc;
    }
    return rc == 0 ? *slots != 0
                   : bridge_why_set(s, NULL, m->n, (int64_t)fault.byte, fault.found, fault.expected,
                                    "the message is left out");
}

static bool has_come(const struct messages *m, size_t slot)
{
    static const char NO[] = "no,false,0";
    const struct bridge_value *v = &m->values.slot[slot];
    return slot != 0 && v->is_set &&
           !bridge_words_have((struct bridge_words){NO, sizeof NO - 1}, v->text, v->size);
}

/* What of the values is of a trial: not the end of one, or a filter, alone. */
static bool has_trial(const struct messages *m)
{
    const struct bridge_value *v = m->values.slot;
    return v[BRIDGE_FIELD_STIMULUS].is_set || v[BRIDGE_FIELD_CONTRAST].is_set ||
           v[BRIDGE_FIELD_CONTRAST_LEFT].is_set || v[BRIDGE_FIELD_CONTRAST_RIGHT].is_set ||
           v[BRIDGE_FIELD_CHOICE].is_set || v[BRIDGE_FIELD_CORRECT].is_set;
}

/* Adds the message that was pushed to the trial, and gives it if that is its end. */
static int take(struct messages *m, struct bridge_source *s, struct bridge_event *event)
{
    uint64_t slots = 0;
    int got = read_payload(m, s, &slots);
    if (got < 0 && m->end == 0) {
        memset(&m->values, 0, sizeof m->values);
    }
    if (got <= 0) {
        return got;
    }
    m->has_end = has_come(m, m->session_end);
    if (m->end != 0 && !has_come(m, m->end) && !m->has_end) {
        return 0;
    }
    got = has_trial(m) ? bridge_trial_feed_take(&m->feed, s, m->n, &m->values, event) : 0;
    memset(&m->values, 0, sizeof m->values);
    return got;
}

/* A session is over of which trials were given. */
static int end_session(struct messages *m, struct bridge_source *s, struct bridge_event *event)
{
    if (!m->has_end || s->session.session[0] == '\0') {
        return 0;
    }
    m->has_end = false;
    event->kind = BRIDGE_SESSION_END;
    event->session = &s->session;
    event->line = m->n;
    return 1;
}

static int next(struct bridge_source *s, struct bridge_event *event)
{
    struct messages *m = s->state;
    int got = bridge_trial_feed_waiting(&m->feed, s, event);
    if (got == 0 && m->n_parts > 0) {
        got = is_of_topic(m) ? take(m, s, event) : 0;
        m->n_parts = 0;
    }
    return got != 0 ? got : end_session(m, s, event);
}

const struct bridge_stream_format BRIDGE_STREAM_messages = {
    .reader = {.name = "messages",
               .about =
                   "msgpack, JSON, OSC or text of a ZeroMQ publisher, as Bonsai's, by a mapping",
               .takes_mapping = true,
               .next = next,
               .close = close_stream},
    .open = open_stream,
    .push = push};
