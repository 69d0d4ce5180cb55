/* stream_fuzz.h - any bytes as what a rig says live. Every event must be one that the daemon may
 * take; bytes of a serial port must give the same events in pieces of any size. */
#pragma once

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/stream.h"
#include "maps.h"

struct stream_fuzz_sum {
    int64_t n_events;
    double sum;
};

static inline void stream_fuzz_read(struct bridge_stream *s, struct stream_fuzz_sum *sum)
{
    static proto_message message;
    static uint8_t bytes[PROTO_BYTES_MAX];
    struct bridge_event event;
    char text[2048];
    for (int got = -1; got != 0;) {
        got = bridge_stream_next(s, &event);
        if (got < 0) {
            (void)bridge_why_text(&s->source.why, text, sizeof text);
        } else if (got == 1) {
            bridge_event_message(&event, "rig", &message);
            if (proto_encode(&message, PROTO_FORMAT_MSGPACK, bytes, sizeof bytes) < 0) {
                abort();
            }
            sum->n_events++;
            sum->sum +=
                event.kind == BRIDGE_TRIAL ? event.said.stimulus + (double)event.trial : 0.5;
        }
    }
}

static inline void stream_fuzz_open(struct bridge_stream *s, const char *format,
                                    const struct bridge_mapping *map)
{
    static const struct bridge_stream_start START = {"m1", "s1"};
    if (bridge_stream_open(s, bridge_stream_find(format), "fuzz", map, &START) != 0) {
        abort();
    }
}

/* A copy of its own size, so that a sanitizer sees a read past the end. */
static inline uint8_t *stream_fuzz_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, data, size);
    return copy;
}

/* Bytes of a serial port. */
static inline int stream_fuzz_bytes(const char *format, const struct bridge_mapping *map,
                                    const uint8_t *data, size_t size)
{
    static struct bridge_stream s;
    struct stream_fuzz_sum sums[2] = {{0, 0.0}, {0, 0.0}};
    for (int i = 0; i < 2; i++) {
        const size_t most = i == 0 || size == 0 ? size : 1 + data[0] % 16u;
        stream_fuzz_open(&s, format, map);
        for (size_t at = 0; at < size; at += most) {
            const size_t n = size - at < most ? size - at : most;
            uint8_t *copy = stream_fuzz_copy(data + at, n);
            const struct bridge_part part = {copy, n};
            bridge_stream_push(&s, &part, 1, 1.0);
            stream_fuzz_read(&s, &sums[i]);
            free(copy);
        }
        bridge_stream_close(&s);
    }
    if (sums[0].n_events != sums[1].n_events || sums[0].sum < sums[1].sum ||
        sums[0].sum > sums[1].sum) {
        abort();
    }
    return 0;
}

/* Messages of up to three parts: each part has its size before it, one byte, which with the
 * highest bit set is the last one's. */
static inline int stream_fuzz_messages(const char *format, const struct bridge_mapping *map,
                                       const uint8_t *data, size_t size)
{
    static struct bridge_stream s;
    struct stream_fuzz_sum sum = {0, 0.0};
    stream_fuzz_open(&s, format, map);
    for (size_t at = 0; at < size;) {
        struct bridge_part part[3];
        uint8_t *copies[3];
        size_t n = 0;
        for (bool is_last = false; n < 3 && at < size && !is_last; n++) {
            const size_t stated = data[at] & 0x7fu;
            is_last = (data[at] & 0x80u) != 0;
            at++;
            const size_t got = size - at < stated ? size - at : stated;
            copies[n] = stream_fuzz_copy(data + at, got);
            part[n] = (struct bridge_part){copies[n], got};
            at += got;
        }
        bridge_stream_push(&s, part, n, 1.0);
        stream_fuzz_read(&s, &sum);
        for (size_t i = 0; i < n; i++) {
            free(copies[i]);
        }
    }
    bridge_stream_close(&s);
    return 0;
}
