/* server.h - the state of the running daemon, which everything in this folder works on.
 *
 * One thread receives, has sessions take up what it receives, journals, replies and publishes
 * (loop.h, ingest.h); once a second it looks after everything else (heartbeat.h). From receive to
 * publish nothing allocates, locks, blocks or prints (libzmq's own work apart); tests/rt holds it
 * to that. Threads: the caller's, the journal's, the worker's, that of doors.h, one a followed rig.
 * Memory: struct server, about 800 KiB, and what subjects, journal and libzmq allocate while
 * opening.
 */
#pragma once

#include "active_models.h"
#include "alerts.h"
#include "followers.h"
#include "histogram.h"
#include "journal.h"
#include "journal_contents.h"
#include "os_poll.h"
#include "publisher.h"
#include "serial_lines.h"
#include "session.h"
#include "subjects.h"
#include "worker.h"
#include "zmq_bus.h"

enum { SERVER_READ_MAX = 4096 };

/* What os_poll tells apart; lines have the numbers from SERVER_TAG_LINES on. */
enum {
    SERVER_TAG_ASK,
    SERVER_TAG_TRIALS,
    SERVER_TAG_PUB,
    SERVER_TAG_CONTROL,
    SERVER_TAG_ZAP,
    SERVER_TAG_WORKER,
    SERVER_TAG_FILES,
    SERVER_TAG_LINES
};

struct server_counters {
    int64_t trials, duplicates, gaps, late, bad_messages;
};

struct server {
    struct config config;
    struct active_models models[2]; /* the one in force, and room for the next */
    int present_models;
    struct journal journal;
    struct journal_contents contents; /* the subjects asks it */
    struct subjects subjects;
    struct zmq_bus bus;
    struct publisher publisher;
    struct serial_lines lines;
    struct followers followers;
    struct os_poll poll;
    struct worker worker;
    struct server_counters counters;
    struct alerts alerts;
    struct histogram latency; /* receive to reply of trials */
    model_score score;        /* of all subjects since the start */
    struct session_result result;
    struct zmq_bus_request asked; /* each from its own socket */
    struct zmq_bus_request published;
    struct zmq_bus_request commanded;
    uint8_t reply[PROTO_BYTES_MAX];
    proto_message scratch; /* of what is said of itself: status, alerts, errors */
    int64_t start_ns;
    int64_t boot;                  /* of the machine */
    int64_t wall_offset_ns;        /* wall clock minus monotonic */
    uint32_t next_judged;          /* subject from which on one is looked for to judge */
    double refused_budget;         /* refused messages that may still be journaled */
    int64_t told_ended;            /* connections that were ended: said so far */
    bool was_behind;               /* the journal was too slow or failing at the last look */
    enum journal_db_cause failing; /* why it was, if it was */
    bool *resumed; /* while starting: sessions that have changed since they were kept */
    bool stop;
};
