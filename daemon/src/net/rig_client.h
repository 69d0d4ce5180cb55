/* rig_client.h - a rig's side of the ask socket: sends messages, keeps each until it is on disk,
 * and resends, in order, those without an answer. Used by `murid play`.
 *
 * An answer must match by name: its kind fits, and rig, subject, session, seq and trial (run, where
 * both state one) are those of a waiting message. Anything else is counted and changes nothing. A
 * socket is one connection: when it ends, everything that may not be on disk is resent on the next,
 * in order, before anything new. Threads: one owner. Memory: a fixed queue, allocated by
 * rig_client_open().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "curve_keys.h"
#include "fault.h"
#include "proto/message.h"

enum { RIG_CLIENT_QUEUE = 4096, RIG_CLIENT_MESSAGE_MAX = 1024, RIG_CLIENT_HELLOS = 64 };

/* Whose count a seq belongs to. */
struct rig_client_owner {
    char rig[PROTO_ID_MAX + 1];
    char subject[PROTO_ID_MAX + 1];
    char session[PROTO_ID_MAX + 1];
    int64_t run; /* PROTO_NIL: not stated */
};

enum rig_client_state {
    RIG_CLIENT_WAITS,    /* for its answer */
    RIG_CLIENT_ANSWERED, /* as a message of its kind is, but it may not be on disk yet */
    RIG_CLIENT_DONE      /* on disk, or refused for good */
};

struct rig_client_entry {
    struct rig_client_owner owner;
    uint64_t owner_number; /* equal where owners are, among those in the queue */
    proto_kind kind;
    int64_t seq;
    int64_t trial; /* PROTO_NIL: none */
    enum rig_client_state state;
    uint32_t size;
    uint8_t bytes[RIG_CLIENT_MESSAGE_MAX];
};

/* What became of messages: each is counted once, when it leaves the queue. */
struct rig_client_counts {
    int64_t trials; /* on disk */
    int64_t others; /* session_start and the like, on disk */
    int64_t refused_trials, refused_others;
    int64_t refused[PROTO_ERROR_COUNT + 1]; /* trials by code; the last: a code we do not know */
    int64_t sent_again;
    int64_t strays; /* what came and was no answer */
};

struct rig_client {
    void *context; /* the caller's */
    void *socket;
    void *monitor;    /* tells the end of the connection */
    bool is_over;     /* it has ended, or could not be made */
    uint64_t n_links; /* connections tried */
    int64_t tried_ns; /* when the last was */
    char endpoint[256];
    struct curve_keys_client keys;
    int64_t timeout_ns;             /* without an answer for this long, send again */
    int64_t heard_ns;               /* monotonic time of the last answer, or of the last try */
    struct rig_client_entry *queue; /* ring: what may not be on disk yet */
    uint64_t first;                 /* oldest */
    uint64_t end;                   /* one past the newest */
    uint64_t waiting;               /* not answered yet */
    uint64_t first_waiting;         /* none before it waits */
    uint64_t last_owner;            /* the owner and durable_seq that were freed last: */
    int64_t last_durable_seq;       /* a reply that says the same has no more to free */
    uint64_t next_owner;
    uint64_t ask_from; /* from here on owners are asked about next */
    uint32_t n_hellos;
    struct rig_client_owner hellos[RIG_CLIENT_HELLOS]; /* asked about, not answered */
    struct rig_client_counts counts;
    char refusal[400]; /* the last refusal, "" if none */
};

enum rig_client_event {
    RIG_CLIENT_SILENCE, /* nothing came */
    RIG_CLIENT_ANSWER,  /* to a message that waited */
    RIG_CLIENT_HELLO,   /* somebody is there; of rig_client_ask_durable(), or of the caller's own */
    RIG_CLIENT_STRAY    /* no answer to anything, or "not now" */
};

/* Connects; nothing is sent. zmq_context is the caller's. FAULT_NONE, FAULT_INPUT or FAULT_WORK. */
int rig_client_open(struct rig_client *c, void *zmq_context, const char *endpoint,
                    const struct curve_keys_client *keys, struct fault *fault);
void rig_client_close(struct rig_client *c);

/* Sends a message, which must have rig, subject, session and seq. False if the queue is full or the
 * message cannot be encoded. */
bool rig_client_send(struct rig_client *c, const proto_message *msg);

/* Asks up to which seq sessions with messages in the queue are on disk, RIG_CLIENT_HELLOS of them,
 * the next ones at each call: the answers free the queue. */
void rig_client_ask_durable(struct rig_client *c);

/* Waits up to timeout_ms for something to come, and takes it. After a longer silence, or the end of
 * the connection, everything that may not be on disk is sent again on a new one. */
enum rig_client_event rig_client_receive(struct rig_client *c, int timeout_ms,
                                         proto_message *reply);

/* How many messages may not be on disk yet, and how many of them are trials. */
uint64_t rig_client_queued(const struct rig_client *c);
int64_t rig_client_queued_trials(const struct rig_client *c);
