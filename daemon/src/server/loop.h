/* loop.h - the daemon at work: one thread that receives messages, passes them to their sessions,
 * journals, replies and publishes; once a second it does everything else.
 *
 * From receive to publish nothing allocates, locks, blocks or prints (libzmq's own work apart);
 * tests/rt checks this. Threads: the caller's, the journal's, the worker's, that of doors.h.
 * Memory: struct loop, about 650 KiB, and what subjects, journal and libzmq allocate while opening.
 */
#ifndef MURID_LOOP_H
#define MURID_LOOP_H

#include "active_models.h"
#include "alerts.h"
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

enum { LOOP_READ_MAX = 4096 };

/* What os_poll tells apart; lines have the numbers from LOOP_TAG_LINES on. */
enum {
    LOOP_TAG_ASK,
    LOOP_TAG_TRIALS,
    LOOP_TAG_PUB,
    LOOP_TAG_CONTROL,
    LOOP_TAG_ZAP,
    LOOP_TAG_WORKER,
    LOOP_TAG_LINES
};

struct loop_counters {
    int64_t trials, duplicates, gaps, late, bad_messages;
};

struct loop {
    struct config config;
    struct active_models models[2]; /* the one in force, and room for the next */
    int present_models;
    struct journal journal;
    struct journal_contents contents; /* the subjects asks it */
    struct subjects subjects;
    struct zmq_bus bus;
    struct publisher publisher;
    struct serial_lines lines;
    struct os_poll poll;
    struct worker worker;
    struct loop_counters counters;
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

/* Starts everything in order: model, journal, resume, sockets, lines. FAULT_NONE; otherwise *fault
 * says what is wrong and everything is closed. loop->config is filled in before. */
int loop_open(struct loop *loop, struct fault *fault);

/* What loop_open() would refuse of the data directory and the journal in it, and of the files that
 * a configuration names; nothing is changed. */
int loop_check_journal(const struct config *config, struct fault *fault);
int loop_check_files(const struct config *config, struct fault *fault);

/* Runs until SIGTERM, SIGINT or a stop command. */
void loop_run(struct loop *loop);

/* Checkpoints, writes the journal to its end, closes. FAULT_WORK if the disk did not take it all.
 */
int loop_close(struct loop *loop, struct fault *fault);

/* Hears one message as if it had come in now, up to the journal: what every source goes through.
 * False if nothing was done: the journal had no room, or could not be read where it has to be.
 * RT-safe: yes. */
bool loop_hear(struct loop *loop, enum session_source source, const char *rig, const char *subject,
               const uint8_t *bytes, size_t size, int64_t t_mono_ns, int64_t t_event_ns);

/* Fills the daemon's status as it is now. RT-safe: yes. */
void loop_fill_status(struct loop *loop, proto_message *out);

/* Puts the states of all changed subjects in the journal. */
void loop_checkpoint_all(struct loop *loop);

/* Another model from now on: journaled, and swapped in between trials. FAULT_NONE, or *fault and
 * everything is as before. */
int loop_load_model(struct loop *loop, const char *path, struct fault *fault);

#endif
