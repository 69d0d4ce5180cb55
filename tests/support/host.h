/* host.h - the least of a daemon: one serial port by path, its link, a journal in memory, and what
 * the example task's trials should be. Reopens a port that is gone. */
#pragma once

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "bridge/link.h"
#include "example.h"
#include "pty.h"

struct host {
    bridge_link link;
    const char *path;
    int fd; /* -1: gone */
    uint32_t n_trials, n_doubles, n_wrong, n_hellos, n_ends, n_reopened;
    uint64_t n_journaled;
    int64_t commit_at_ns;
    int64_t retry_at_ns;
};

static inline int64_t host_now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline void host_init(struct host *h, const char *path)
{
    memset(h, 0, sizeof *h);
    h->path = path;
    h->fd = -1;
    bridge_link_init(&h->link);
}

static inline void host_take(struct host *h, const bridge_event *event)
{
    if (event->type == PROTO_SERIAL_TRIAL) {
        proto_serial_trial got, want;
        proto_serial_trial_decode(event->payload + 3, &got);
        example_trial(got.trial, &want);
        want.boot = event->boot;
        want.trial = got.trial;
        want.t_us = got.t_us;
        uint8_t a[PROTO_SERIAL_TRIAL_BYTES], b[PROTO_SERIAL_TRIAL_BYTES];
        proto_serial_trial_encode(&got, a);
        proto_serial_trial_encode(&want, b);
        h->n_wrong += memcmp(a, b, sizeof a) != 0 || got.trial > h->n_trials ? 1U : 0U;
        h->n_doubles += got.trial < h->n_trials ? 1U : 0U;
        h->n_trials += got.trial == h->n_trials ? 1U : 0U;
    }
    h->n_hellos += event->type == PROTO_SERIAL_HELLO ? 1U : 0U;
    h->n_ends += event->type == PROTO_SERIAL_SESSION_END ? 1U : 0U;
    bridge_link_accept(&h->link, event, ++h->n_journaled);
}

static inline void host_hang_up(struct host *h)
{
    if (h->fd >= 0) {
        (void)close(h->fd);
    }
    h->fd = -1;
    bridge_link_reset(&h->link);
}

static inline void host_send(struct host *h)
{
    uint8_t out[BRIDGE_LINK_OUTPUT_MAX];
    const size_t n = bridge_link_output(&h->link, host_now_ns(), out, sizeof out);
    if (n > 0 && write(h->fd, out, n) < 0 && errno != EAGAIN) {
        host_hang_up(h);
    }
}

static inline void host_open(struct host *h)
{
    if (host_now_ns() < h->retry_at_ns) {
        (void)poll(NULL, 0, 5);
        return;
    }
    h->retry_at_ns = host_now_ns() + 20000000;
    h->fd = open(h->path, O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (h->fd >= 0 && pty_set_raw(h->fd) != 0) {
        host_hang_up(h);
    }
    h->n_reopened += h->fd >= 0 ? 1U : 0U;
}

/* Waits up to a millisecond for the port and does what is due. */
static inline void host_step(struct host *h)
{
    if (h->fd < 0) {
        host_open(h);
        return;
    }
    host_send(h);
    struct pollfd wait = {.fd = h->fd, .events = POLLIN};
    if (h->fd < 0 || poll(&wait, 1, 1) < 0) {
        return;
    }
    uint8_t bytes[512];
    const ssize_t got = read(h->fd, bytes, sizeof bytes);
    const uint8_t *at = bytes;
    size_t n = got > 0 ? (size_t)got : 0;
    bridge_event event;
    while (bridge_link_next(&h->link, &at, &n, host_now_ns(), &event)) {
        host_take(h, &event);
    }
    if (host_now_ns() >= h->commit_at_ns) {
        h->commit_at_ns = host_now_ns() + 10000000; /* a group commit */
        bridge_link_durable(&h->link, h->n_journaled);
    }
    if (got == 0 || (got < 0 && errno != EAGAIN) || (wait.revents & (POLLHUP | POLLERR)) != 0) {
        host_hang_up(h);
    }
}
