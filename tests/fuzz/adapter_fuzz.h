/* adapter_fuzz.h - any bytes as a file of a rig. What is read of it while it grows must be what is
 * read of it whole, and every event must be one that the daemon may take. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge/adapter.h"

struct adapter_fuzz_sum {
    int64_t n_events;
    int64_t n_wrong;
    double sum;
};

static inline void adapter_fuzz_read(struct bridge_source *s, struct adapter_fuzz_sum *sum)
{
    static proto_message message;
    static uint8_t bytes[PROTO_BYTES_MAX];
    struct bridge_event event;
    char text[2048];
    for (int got = -1; got != 0;) {
        got = bridge_source_next(s, &event);
        if (got < 0) {
            (void)bridge_why_text(&s->why, text, sizeof text);
            sum->n_wrong++;
        } else if (got == 1) {
            bridge_event_message(&event, "rig", &message);
            if (event.kind == BRIDGE_TRIAL &&
                proto_encode(&message, PROTO_FORMAT_MSGPACK, bytes, sizeof bytes) < 0) {
                abort();
            }
            sum->n_events++;
            sum->sum +=
                event.kind == BRIDGE_TRIAL ? event.said.stimulus + (double)event.trial : 0.0;
        }
    }
}

static inline void adapter_fuzz_write(const char *path, const char *mode, const uint8_t *data,
                                      size_t size)
{
    FILE *f = fopen(path, mode);
    if (f == NULL || fwrite(data, 1, size, f) != size || fclose(f) != 0) {
        abort();
    }
}

/* name: of the file, as the format has it. map: NULL: none. */
static inline int adapter_fuzz(const struct bridge_adapter *adapter, const char *name,
                               const struct bridge_mapping *map, const uint8_t *data, size_t size)
{
    static char folder[64];
    static struct bridge_source whole;
    static struct bridge_source grown;
    char path[128];
    struct adapter_fuzz_sum sums[2] = {{0, 0, 0.0}, {0, 0, 0.0}};
    if (size == 0) {
        return 0;
    }
    if (folder[0] == '\0') {
        strcpy(folder, "/tmp/murid-fuzz-XXXXXX");
        if (mkdtemp(folder) == NULL) {
            abort();
        }
    }
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    const struct bridge_candidate candidate = {
        .path = path,
        .name = name,
        .head = data,
        .head_size = size < BRIDGE_HEAD_BYTES ? size : BRIDGE_HEAD_BYTES,
        .size = (int64_t)size,
        .map = map};
    (void)adapter->probe(&candidate);
    adapter_fuzz_write(path, "w", data, size / 2);
    if (bridge_source_open(&grown, adapter, path, map) == 0) {
        adapter_fuzz_read(&grown, &sums[0]);
        adapter_fuzz_write(path, "a", data + size / 2, size - size / 2);
        adapter_fuzz_read(&grown, &sums[0]);
        bridge_source_close(&grown);
        if (bridge_source_open(&whole, adapter, path, map) != 0) {
            abort();
        }
        adapter_fuzz_read(&whole, &sums[1]);
        bridge_source_close(&whole);
    }
    if (sums[0].n_events != sums[1].n_events || sums[0].n_wrong != sums[1].n_wrong ||
        sums[0].sum < sums[1].sum || sums[0].sum > sums[1].sum) {
        abort();
    }
    (void)unlink(path);
    return 0;
}

/* As adapter_fuzz(), for a format whose files are read whole: what was given is not given again. */
static inline int adapter_fuzz_whole(const struct bridge_adapter *adapter, const char *name,
                                     const uint8_t *data, size_t size)
{
    static char folder[64];
    static struct bridge_source source;
    char path[128];
    struct adapter_fuzz_sum sum = {0, 0, 0.0};
    if (folder[0] == '\0') {
        strcpy(folder, "/tmp/murid-fuzz-XXXXXX");
        if (mkdtemp(folder) == NULL) {
            abort();
        }
    }
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    const struct bridge_candidate candidate = {
        .path = path,
        .name = name,
        .head = data,
        .head_size = size < BRIDGE_HEAD_BYTES ? size : BRIDGE_HEAD_BYTES,
        .size = (int64_t)size};
    (void)adapter->probe(&candidate);
    adapter_fuzz_write(path, "w", data, size);
    if (bridge_source_open(&source, adapter, path, NULL) != 0) {
        abort();
    }
    adapter_fuzz_read(&source, &sum);
    const int64_t n = sum.n_events + sum.n_wrong;
    adapter_fuzz_read(&source, &sum);
    if (sum.n_events + sum.n_wrong != n) {
        abort();
    }
    bridge_source_close(&source);
    (void)unlink(path);
    return 0;
}
