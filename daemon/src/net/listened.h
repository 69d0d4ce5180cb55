/* listened.h - a rig that is heard live in its own words: a program that publishes over ZeroMQ, or
 * a device on a serial port, through a format of bridge/stream.h.
 *
 * The first session is named by the time of the start, where neither the bytes nor the mapping name
 * it. What is wrong is told at most once in LISTENED_QUIET_MS, with the number of what was left out
 * since. A port that is gone is opened again every second. A publisher connects again by itself;
 * that it does not answer is told after LISTENED_PATIENCE_MS, and what it said meanwhile is lost,
 * as ZeroMQ has it. Threads: one owner, which may block for the time of a pass. Memory: the heap,
 * libzmq's and libserialport's. RT-safe: no.
 */
#pragma once

#include "bridge/serial.h"
#include "bridge/stream.h"
#include "config.h"
#include "followed.h"

enum {
    LISTENED_QUIET_MS = 1000,
    LISTENED_PATIENCE_MS = 5000,
    LISTENED_WAITING_MAX = 100000 /* messages of a publisher */
};

struct listened {
    const struct config_rigs *rig;
    followed_tell *tell; /* as of followed.h */
    void *context;
    struct followed_item item;
    struct bridge_stream stream;
    void *zmq; /* context and socket; NULL: a serial port */
    void *socket;
    void *monitor;   /* of its connection */
    int64_t away_ns; /* the publisher is not connected since; 0: it is */
    bridge_serial serial;
    bool is_reported; /* that the port or publisher is not there */
    int64_t next_open_ns;
    int64_t next_told_ns;
    int64_t n_untold;
    bool is_stopped; /* tell() said so */
};

/* Starts to listen. rig and map must outlive it. 0, or -1 without memory or a
 * socket, which is logged. */
int listened_open(struct listened *l, const struct config_rigs *rig,
                  const struct bridge_mapping *map, followed_tell *tell, void *context);

/* Waits up to wait_ms for what comes, and tells it. */
void listened_pass(struct listened *l, int wait_ms);

void listened_close(struct listened *l);
