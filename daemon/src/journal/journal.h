/* journal.h - everything received and predicted, on disk within the commit time.
 *
 * The loop passes records through a ring without waiting; the journal's own thread inserts them
 * into SQLite and syncs them in groups. What a failing disk did not accept stays in the ring and is
 * retried. One file per data directory, one daemon per file.
 *
 * Threads: functions are for the loop, except journal_durable() and journal_health() (any).
 * Memory: the ring, at journal_start().
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "config.h"
#include "journal_db.h"
#include "ring.h"
#include "session_event.h"
#include "subjects.h"

/* Room that one message needs at most, with its prediction, alerts and checkpoint; with the ring's
 * own bytes it fits twice in a ring of 2 MiB. */
enum { JOURNAL_UNIT_MAX = 1024 * 1024 - 64 };

/* So many events may wait for the disk before the loop leaves the next in their sockets, which
 * keeps the time from receipt to disk short at any speed. A disk that fails does not count: then
 * the ring takes what it can. */
enum { JOURNAL_WAITING_MAX = 1024 };

struct journal_health {
    int64_t events;                /* handed over, the number of the last */
    int64_t durable_events;        /* of these, on disk */
    double lag_ms;                 /* age of the oldest that is not */
    double worst_lag_ms;           /* longest time from receipt to disk so far */
    double ring_fill;              /* 0..1 */
    enum journal_db_cause failing; /* why the last attempt to write failed, if it did */
};

struct journal_change {
    enum journal_record_change what;
    uint32_t subject;
    const char *name; /* of the subject */
    int64_t run;
    int64_t t_wall_ns;
    int64_t t_mono_ns;
    int64_t based_on;
    const model_adapt_result *result;
    const float *values;
    size_t n_values;
};

struct journal {
    struct journal_db store; /* the thread's once started */
    struct ring ring;
    int64_t commit_ns;
    int64_t next_event;      /* number of the next event */
    int64_t next_adaptation; /* number of the next change of parameters */
    pthread_t thread;
    bool is_started;
    int wake_fd;
    atomic_int sleeps; /* 1 while the thread waits for a wake-up */
    atomic_bool stop;
    atomic_int failing; /* enum journal_db_cause */
    _Atomic int64_t handed_event;
    _Atomic int64_t durable_event;
    _Atomic int64_t oldest_ns; /* monotonic receipt time of the oldest record not on disk; 0 none */
    _Atomic int64_t worst_lag_ns;
};

/* Opens or makes the journal of a data directory, and takes its lock. FAULT_NONE, or FAULT_WORK /
 * FAULT_INPUT with *fault: not writable, used by another daemon, written by another murid, damaged.
 */
int journal_open(struct journal *journal, const char *directory, struct fault *fault);

/* From the next event on this configuration and model are in force. */
struct journal_run {
    const struct config *config;
    const char *model_hash;
    const char *model_path;    /* the file to keep a copy of; NULL for the built-in */
    struct subjects *subjects; /* what was resumed, NULL for nothing */
    const bool *sessions;      /* (subjects->n_sessions) true for those that changed */
};

/* Writes the row of a run, and the states that were resumed, in one group: all of it or nothing.
 * Before journal_start(), or while the caller has the thread stopped. FAULT_NONE or FAULT_WORK. */
int journal_begin_run(struct journal *journal, const struct journal_run *run, struct fault *fault);

/* Starts the thread. FAULT_NONE or FAULT_WORK. */
int journal_start(struct journal *journal, const struct config *config, struct fault *fault);

/* Writes what is in the ring and stops the thread. FAULT_WORK if the disk did not take it all. */
int journal_stop(struct journal *journal, struct fault *fault);

/* Closes; NULL and zeroed are fine. Stops the thread if that was not done. */
void journal_close(struct journal *journal);

/* True if one more message may be heard. RT-safe: yes. */
bool journal_has_room(struct journal *journal);

/* Puts the raw bytes of a message in the ring, before it is interpreted, and gives the copy.
 * NULL without room. RT-safe: yes. */
const uint8_t *journal_raw(struct journal *journal, const uint8_t *bytes, size_t size);

/* Keeps the message just put there with what came of it: subject, session and prediction rows too.
 * t_event_ns: monotonic time of the trial by the rig's clock, PROTO_NIL if unknown. RT-safe: yes.
 */
void journal_event(struct journal *journal, const struct subjects *subjects,
                   const struct session_event *event, const struct session_result *result,
                   int64_t t_event_ns, int64_t t_predicted_ns);

/* Keeps an alert, and has the thread print it. event 0: about none. False without room: nothing was
 * kept. RT-safe: yes. */
bool journal_alert(struct journal *journal, int64_t event, int64_t t_wall_ns, int64_t t_mono_ns,
                   const char *rig, const char *subject, const struct session_alert *alert);

/* Keeps the state of a subject and its changed sessions. False without room: nothing was kept.
 * RT-safe: yes. */
bool journal_checkpoint(struct journal *journal, const struct subjects *subjects, uint32_t subject,
                        int64_t t_mono_ns);

/* Keeps what became of an animal's own parameters, under number next_adaptation, as of the last
 * event; values[n_values]: those now in force. Returns the number, or 0 without room: nothing was
 * kept. RT-safe: yes. */
int64_t journal_adaptation(struct journal *journal, const struct journal_change *change);

/* Keeps a forecast or a suggestion (type) that was made after the message `event`: its JSON text.
 * False without room: it is lost, and nothing else. RT-safe: yes. */
bool journal_outlook(struct journal *journal, enum journal_record_type type, uint32_t subject,
                     int64_t event, int64_t t_wall_ns, int64_t t_mono_ns, const uint8_t json[],
                     size_t n_json);

/* Hands over all that was kept since the last call. RT-safe: yes (the thread is woken if it
 * sleeps). */
void journal_publish(struct journal *journal);

/* Number of the last event that is safely on disk. RT-safe: yes. */
int64_t journal_durable(const struct journal *journal);

/* How the journal fares. RT-safe: yes. */
struct journal_health journal_health(struct journal *journal, int64_t now_mono_ns);
