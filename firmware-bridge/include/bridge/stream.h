/* bridge/stream.h - what rigs say live, message by message or byte by byte, as the events that
 * their files give (bridge/adapter.h).
 *
 * Of a ZeroMQ socket a message is pushed, all its parts; of a serial port whatever bytes have come.
 * A format is one file, adapters/NAME.c, and one row of adapters/streams.def. It knows no socket
 * and no clock: the time of receipt comes with the bytes, for formats that have none of their own.
 * What is known of a trial that is not over is kept between messages. Bytes are not trusted; what
 * is wrong is left out, named and counted by message, and the next is read.
 *
 * Threads: one owner per stream. Memory: the heap, given back by bridge_stream_close(). RT-safe:
 * no.
 */
#pragma once

#include "bridge/adapter.h"

enum { BRIDGE_MESSAGE_MAX = 1 << 20 }; /* bytes of a part */

struct bridge_part {
    const uint8_t *bytes;
    size_t size;
};

/* Names that hold until the bytes say others. */
struct bridge_stream_start {
    char subject[PROTO_ID_MAX + 1]; /* "": the mapping or the bytes say it */
    char session[PROTO_ID_MAX + 1]; /* of the first session; the next are NAME.2, NAME.3 */
};

struct bridge_stream_format {
    struct bridge_adapter reader; /* name, about, next and close; no probe, no open */
    /* Starts: 0, or -1 with s->why, and close() is not called. */
    int (*open)(struct bridge_source *s, const struct bridge_stream_start *start);
    /* Takes a message or bytes, which stay until next() has returned 0. t_s: when they were
     * received, seconds of any clock; NaN unknown. */
    void (*push)(struct bridge_source *s, const struct bridge_part part[], size_t n, double t_s);
};

#define STREAM(name) extern const struct bridge_stream_format BRIDGE_STREAM_##name;
#include "streams.def"

/* All of them, in the order of the list; NULL behind the last. */
extern const struct bridge_stream_format *const BRIDGE_STREAMS[];

/* The format of that name, or NULL. */
const struct bridge_stream_format *bridge_stream_find(const char *name);

struct bridge_stream {
    struct bridge_source source; /* path: the endpoint or port; why: as a source's */
    const struct bridge_stream_format *format;
};

/* Opens a stream that errors call name. 0, or -1 with stream->source.why and nothing to close. */
int bridge_stream_open(struct bridge_stream *stream, const struct bridge_stream_format *format,
                       const char *name, const struct bridge_mapping *map,
                       const struct bridge_stream_start *start);

/* n is at least 1. All that was pushed before must have been used up. */
void bridge_stream_push(struct bridge_stream *stream, const struct bridge_part part[], size_t n,
                        double t_s);

/* As bridge_source_next(): 0 asks for more bytes. */
int bridge_stream_next(struct bridge_stream *stream, struct bridge_event *event);

/* A zeroed stream is fine. */
void bridge_stream_close(struct bridge_stream *stream);
