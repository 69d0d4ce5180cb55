/* wire.h - a device and a link joined by a simulated line in simulated time. */
#pragma once

#include <string.h>

#include "bridge/link.h"
#include "device.h"
#include "noise.h"

enum { WIRE_BYTES = 4096, WIRE_TICKETS = 4096 };

/* One direction: bytes and when each arrives. */
struct wire_pipe {
    uint8_t bytes[WIRE_BYTES];
    int64_t at_ns[WIRE_BYTES];
    size_t in, out;
};

struct wire {
    struct noise noise;
    bool is_cut;
    int64_t now_ns;
    int64_t byte_ns;  /* a byte's time on the line */
    int64_t delay_ns; /* what USB adds */
    double ppm;
    int64_t clock_start_ns;
    uint16_t next_boot;
    struct wire_pipe up, down; /* to the host, to the device */
    device_hal hal;
    device device;
    bridge_link link;
    uint64_t n_journaled, n_durable; /* tickets */
    int64_t commit_every_ns, commit_at_ns;
};

static inline void wire_put(struct wire *w, struct wire_pipe *pipe, const uint8_t *bytes, size_t n)
{
    int64_t at_ns = w->now_ns + w->delay_ns;
    for (size_t i = 0; i < n; i++) {
        uint8_t out[2];
        const size_t m = w->is_cut ? 0 : noise_pass(&w->noise, bytes[i], out);
        at_ns += w->byte_ns;
        for (size_t k = 0; k < m && pipe->in - pipe->out < WIRE_BYTES; k++) {
            pipe->bytes[pipe->in % WIRE_BYTES] = out[k];
            pipe->at_ns[pipe->in++ % WIRE_BYTES] = at_ns;
        }
    }
}

static inline int16_t wire_get(const struct wire *w, struct wire_pipe *pipe)
{
    if (pipe->out == pipe->in || pipe->at_ns[pipe->out % WIRE_BYTES] > w->now_ns) {
        return -1;
    }
    return pipe->bytes[pipe->out++ % WIRE_BYTES];
}

static inline int16_t wire_hal_read(void *user)
{
    struct wire *w = user;
    return wire_get(w, &w->down);
}

static inline bool wire_hal_write(void *user, const uint8_t *bytes, uint8_t n)
{
    struct wire *w = user;
    if (w->up.in - w->up.out > WIRE_BYTES / 2) {
        return false;
    }
    wire_put(w, &w->up, bytes, n);
    return true;
}

static inline uint32_t wire_hal_now_us(void *user)
{
    const struct wire *w = user;
    return (uint32_t)(int64_t)((double)(w->now_ns - w->clock_start_ns) / 1000.0 /
                               (1.0 + w->ppm * 1e-6));
}

static inline uint16_t wire_hal_next_boot(void *user)
{
    struct wire *w = user;
    return w->next_boot++;
}

static inline void wire_init(struct wire *w, uint64_t seed, double p)
{
    memset(w, 0, sizeof *w);
    w->noise = (struct noise){.state = seed, .p = p};
    w->now_ns = INT64_C(1000000000000);
    w->clock_start_ns = w->now_ns - INT64_C(4294000000000); /* wraps in under a second */
    w->byte_ns = 10000;
    w->delay_ns = 500000;
    w->commit_every_ns = 20000000;
    w->next_boot = 7;
    w->hal = (device_hal){.user = w,
                          .read = wire_hal_read,
                          .write = wire_hal_write,
                          .now_us = wire_hal_now_us,
                          .next_boot = wire_hal_next_boot};
    device_init(&w->device, &w->hal, "murid-test");
    bridge_link_init(&w->link);
}

/* Pulls the plug or puts it back: what is on the line is lost, the host opens the port again. */
static inline void wire_cut(struct wire *w, bool is_cut)
{
    w->is_cut = is_cut;
    w->up.out = w->up.in;
    w->down.out = w->down.in;
    bridge_link_reset(&w->link);
}

typedef void wire_handler(struct wire *w, const bridge_event *event, void *user);

/* Half a millisecond: the device polls, the host reads, journals, writes. The handler accepts. */
static inline void wire_step(struct wire *w, wire_handler *handler, void *user)
{
    w->now_ns += 500000;
    device_poll(&w->device);
    uint8_t bytes[256];
    size_t n = 0;
    int16_t byte;
    while (n < sizeof bytes && (byte = wire_get(w, &w->up)) >= 0) {
        bytes[n++] = (uint8_t)byte;
    }
    const uint8_t *at = bytes;
    bridge_event event;
    while (bridge_link_next(&w->link, &at, &n, w->now_ns, &event)) {
        handler(w, &event, user);
    }
    if (w->now_ns >= w->commit_at_ns) {
        w->commit_at_ns = w->now_ns + w->commit_every_ns;
        w->n_durable = w->n_journaled;
        bridge_link_durable(&w->link, w->n_durable);
    }
    if (w->now_ns >= bridge_link_deadline_ns(&w->link)) {
        uint8_t out[BRIDGE_LINK_OUTPUT_MAX];
        wire_put(w, &w->down, out, bridge_link_output(&w->link, w->now_ns, out, sizeof out));
    }
}
