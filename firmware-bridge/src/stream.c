#include "bridge/stream.h"

#include <stdio.h>
#include <string.h>

const struct bridge_stream_format *const BRIDGE_STREAMS[] = {
#define STREAM(name) &BRIDGE_STREAM_##name,
#include "streams.def"
    NULL};

const struct bridge_stream_format *bridge_stream_find(const char *name)
{
    for (size_t i = 0; BRIDGE_STREAMS[i] != NULL; i++) {
        if (strcmp(BRIDGE_STREAMS[i]->reader.name, name) == 0) {
            return BRIDGE_STREAMS[i];
        }
    }
    return NULL;
}

int bridge_stream_open(struct bridge_stream *stream, const struct bridge_stream_format *format,
                       const char *name, const struct bridge_mapping *map,
                       const struct bridge_stream_start *start)
{
    struct bridge_source *s = &stream->source;
    *stream = (struct bridge_stream){.format = format, .source = {.map = map, .why.byte = -1}};
    (void)snprintf(s->path, sizeof s->path, "%s", name);
    const int rc = format->open(s, start);
    s->adapter = rc == 0 ? &format->reader : NULL;
    return rc;
}

void bridge_stream_push(struct bridge_stream *stream, const struct bridge_part part[], size_t n,
                        double t_s)
{
    stream->format->push(&stream->source, part, n, t_s);
}

int bridge_stream_next(struct bridge_stream *stream, struct bridge_event *event)
{
    return bridge_source_next(&stream->source, event);
}

void bridge_stream_close(struct bridge_stream *stream)
{
    bridge_source_close(&stream->source);
}
