/* Open Ephys GUI: TTL lines, as its Event Broadcaster publishes them (two parts: u16, 0 for a TTL
 * event, 1 for a spike; and JSON, or the event's own bytes), or its ZMQ Interface (three parts:
 * "EVENT" with a NUL, JSON, the bytes of the line).
 *
 * An event's own bytes, of a little-endian machine: 1 base, 1 type, u16 node, u16 stream, u16
 * channel, i64 sample number, 8 more, then u8 line, u8 state, u64 of all lines. They do not state
 * the rate of samples.
 *
 * Of a mapping, the sections marks, stimulus and fixed are read (bridge/trial_marks.h), and
 * open_ephys: stream (only the data stream of that name; of bytes its number), rate (samples a
 * second, where the message does not state it). A CODE is the number of a line, from 0, that goes
 * high; "3=0" goes low. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/bytes_le.h"
#include "bridge/json_fields.h"
#include "bridge/trial_fields.h"
#include "bridge/trial_marks.h"

static const char *const SECTIONS[] = {"marks", "stimulus", "fixed", "open_ephys", NULL};

enum { TTL = 0, SPIKE = 1, BASE = 24, OF_LINE = 10 };

struct open_ephys {
    struct bridge_trial_marks marks;
    const char *stream; /* NULL: any */
    double rate;        /* samples a second; NaN: as the message states */
    struct bridge_part part[3];
    size_t n_parts; /* 0: used up */
    double t_s;
    int64_t n; /* messages so far */
};

/* What a JSON part says. */
struct said {
    char event_type[16];
    char stream[64];
    double rate;
    double sample;
    double line;
    int8_t state;
    char content_stream[64];
    double content_sample;
    double time_ms;
};

#define MEMBER(path, kind, member, cap, expected)                                                  \
    {                                                                                              \
        path, BRIDGE_JSON_##kind, offsetof(struct said, member), cap, expected                     \
    }
static const struct bridge_json_field BROADCAST[] = {
    MEMBER("event_type", TEXT, event_type, sizeof((struct said *)0)->event_type, "ttl or spike"),
    MEMBER("stream", TEXT, stream, sizeof((struct said *)0)->stream, "a short text"),
    MEMBER("sample_rate", NUMBER, rate, 0, "samples a second"),
    MEMBER("sample_number", NUMBER, sample, 0, "a number"),
    MEMBER("line", NUMBER, line, 0, "the number of a line"),
    MEMBER("state", TRUTH, state, 0, "true or false"),
};
static const struct bridge_json_field INTERFACE[] = {
    MEMBER("content/stream", TEXT, content_stream, sizeof((struct said *)0)->content_stream,
           "a short text"),
    MEMBER("content/sample_num", NUMBER, content_sample, 0, "a number"),
    MEMBER("timestamp", NUMBER, time_ms, 0, "milliseconds"),
};
#undef MEMBER

static int open_keys(struct open_ephys *o, struct bridge_source *s)
{
    static const char *const KEYS[] = {"stream", "rate", NULL};
    const char *rate = bridge_mapping_get(s->map, "open_ephys", "rate");
    o->stream = bridge_mapping_get(s->map, "open_ephys", "stream");
    o->rate = (double)NAN;
    if (bridge_mapping_check_keys(s, "open_ephys", KEYS) != 0) {
        return -1;
    }
    if (rate != NULL &&
        (!bridge_text_number(bridge_text_of(rate), false, &o->rate) || !(o->rate > 0.0))) {
        return bridge_why_set(s, NULL, 0, -1, "the mapping's open_ephys.rate is no number",
                              "samples a second, as 30000", "correct it");
    }
    return 0;
}

static int open_stream(struct bridge_source *s, const struct bridge_stream_start *start)
{
    struct open_ephys *o = calloc(1, sizeof *o);
    if (o == NULL) {
        return bridge_why_set(s, NULL, 0, -1, "no memory", "", "");
    }
    if (bridge_mapping_check(s, SECTIONS) != 0 || open_keys(o, s) != 0 ||
        bridge_trial_marks_open(&o->marks, s, start, "Open Ephys", 1) != 0) {
        free(o);
        return -1;
    }
    s->state = o;
    return 0;
}

static void close_stream(struct bridge_source *s)
{
    free(s->state);
}

static void push(struct bridge_source *s, const struct bridge_part part[], size_t n, double t_s)
{
    struct open_ephys *o = s->state;
    o->n_parts = n < 3 ? n : 3;
    memcpy(o->part, part, o->n_parts * sizeof *part);
    o->t_s = t_s;
    o->n++;
}

static int refuse(struct bridge_source *s, int64_t n, int64_t byte, const char *found,
                  const char *expected)
{
    return bridge_why_set(s, NULL, n, byte, found, expected, "the message is left out");
}

static bool is_of_stream(const struct open_ephys *o, const char *stream)
{
    return o->stream == NULL || strcmp(o->stream, stream) == 0;
}

/* Reads JSON: 0, or -1 with s->why. */
static int read_json(struct open_ephys *o, struct bridge_source *s, const struct bridge_part *part,
                     bool is_broadcast, struct said *said)
{
    struct bridge_json_fault fault;
    const struct bridge_json_field *list = is_broadcast ? BROADCAST : INTERFACE;
    const size_t n = is_broadcast ? sizeof BROADCAST / sizeof BROADCAST[0]
                                  : sizeof INTERFACE / sizeof INTERFACE[0];
    const double nan = (double)NAN;
    *said = (struct said){.rate = nan,
                          .sample = nan,
                          .line = nan,
                          .content_sample = nan,
                          .time_ms = nan,
                          .state = -1};
    return bridge_json_fields_read(list, n, said, part->bytes, part->size, &fault) == 0
               ? 0
               : refuse(s, o->n, (int64_t)fault.byte, fault.found, fault.expected);
}

/* Seconds of a sample; the time of receipt where the rate is not known. */
static double time_of(const struct open_ephys *o, double sample, double rate)
{
    const double used = isnan(o->rate) ? rate : o->rate;
    return isnan(sample) || !(used > 0.0) ? o->t_s : sample / used;
}

static int take_json(struct open_ephys *o, struct bridge_source *s)
{
    struct said said;
    if (read_json(o, s, &o->part[1], true, &said) != 0) {
        return -1;
    }
    if (said.event_type[0] != '\0' && strcmp(said.event_type, "ttl") != 0) {
        return 0;
    }
    if (!(said.line >= 0.0 && said.line < 256.0) || said.state < 0) {
        return refuse(s, o->n, -1, "no line or no state", "\"line\" and \"state\" of a TTL event");
    }
    if (is_of_stream(o, said.stream)) {
        bridge_trial_marks_take(&o->marks, (int64_t)said.line, said.state,
                                time_of(o, said.sample, said.rate), o->n);
    }
    return 0;
}

static int take_bytes(struct open_ephys *o, struct bridge_source *s)
{
    const struct bridge_part *part = &o->part[1];
    char stream[8];
    if (part->size < BASE + OF_LINE) {
        return refuse(s, o->n, (int64_t)part->size, "the event ends early",
                      "JSON, or at least 34 bytes");
    }
    (void)snprintf(stream, sizeof stream, "%u", (unsigned)bridge_bytes_le(part->bytes + 4, 2));
    if (is_of_stream(o, stream)) {
        const double sample = (double)bridge_bytes_le_signed(part->bytes + 8, 8);
        bridge_trial_marks_take(&o->marks, part->bytes[BASE], part->bytes[BASE + 1] == 1 ? 1 : 0,
                                time_of(o, sample, (double)NAN), o->n);
    }
    return 0;
}

static int take_interface(struct open_ephys *o, struct bridge_source *s)
{
    struct said said;
    if (o->n_parts < 3 || o->part[2].size < OF_LINE) {
        return refuse(s, o->n, -1, "the event has no bytes of a line",
                      "three parts, the last of at least 10 bytes");
    }
    if (read_json(o, s, &o->part[1], false, &said) != 0) {
        return -1;
    }
    if (is_of_stream(o, said.content_stream)) {
        const double t_s = isnan(o->rate) && !isnan(said.time_ms)
                               ? said.time_ms / 1000.0
                               : time_of(o, said.content_sample, (double)NAN);
        bridge_trial_marks_take(&o->marks, o->part[2].bytes[0], o->part[2].bytes[1] == 1 ? 1 : 0,
                                t_s, o->n);
    }
    return 0;
}

/* Takes the message that was pushed. */
static int take(struct open_ephys *o, struct bridge_source *s)
{
    static const char EVENT[] = "EVENT";
    const struct bridge_part *first = &o->part[0];
    const size_t n = o->n_parts;
    if (first->size >= 5 && memcmp(first->bytes, EVENT, 5) == 0) {
        return take_interface(o, s);
    }
    if (first->size >= 4 && memcmp(first->bytes, "DATA", 4) == 0) {
        return 0;
    }
    if (first->size != 2 || n < 2) {
        return refuse(s, o->n, 0, "a message of another kind",
                      "two parts, the first of 2 bytes, or \"EVENT\"");
    }
    const uint64_t little = bridge_bytes_le(first->bytes, 2);
    if (little == SPIKE || little == SPIKE << 8) {
        return 0;
    }
    if (little != TTL) {
        return refuse(s, o->n, 0, "an unknown type of event", "0 for TTL or 1 for a spike");
    }
    return o->part[1].size > 0 && o->part[1].bytes[0] == '{' ? take_json(o, s) : take_bytes(o, s);
}

static int next(struct bridge_source *s, struct bridge_event *event)
{
    struct open_ephys *o = s->state;
    int got = bridge_trial_marks_next(&o->marks, s, event);
    if (got == 0 && o->n_parts > 0) {
        const int rc = take(o, s);
        o->n_parts = 0;
        got = rc != 0 ? rc : bridge_trial_marks_next(&o->marks, s, event);
    }
    return got;
}

const struct bridge_stream_format BRIDGE_STREAM_open_ephys = {
    .reader = {.name = "open-ephys",
               .about = "TTL lines of the Open Ephys GUI, by a mapping",
               .takes_mapping = true,
               .next = next,
               .close = close_stream},
    .open = open_stream,
    .push = push};
