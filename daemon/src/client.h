/* client.h - a rig's side of the ask socket: sends messages, keeps each until it is on disk, and
 * sends again, in order, what an answer did not come for. `murid play` is made of it.
 *
 * Threads: one owner. Memory: a fixed queue, allocated by client_open().
 */
#ifndef MURID_CLIENT_H
#define MURID_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "bus.h"
#include "fault.h"
#include "proto/message.h"

enum { CLIENT_QUEUE = 4096, CLIENT_MESSAGE_MAX = 1024 };

struct client_entry {
    char subject[PROTO_ID_MAX + 1];
    char session[PROTO_ID_MAX + 1];
    int64_t seq;
    bool is_answered;
    uint32_t size;
    uint8_t bytes[CLIENT_MESSAGE_MAX];
};

struct client {
    void *context; /* the caller's */
    void *socket;
    char endpoint[256];
    struct bus_client_keys keys;
    int64_t timeout_ns;         /* without an answer for this long, send again */
    int64_t heard_ns;           /* monotonic time of the last answer, or of the last try */
    struct client_entry *queue; /* ring: what may not be on disk yet */
    uint64_t first;             /* oldest */
    uint64_t end;               /* one past the newest */
    uint64_t waiting;           /* not answered yet */
    int64_t answered, refused, sent_again;
    char refusal[400]; /* the last refusal, "" if none */
};

/* Connects; nothing is sent. zmq_context is the caller's. FAULT_NONE, FAULT_INPUT or FAULT_WORK. */
int client_open(struct client *c, void *zmq_context, const char *endpoint,
                const struct bus_client_keys *keys, struct fault *fault);
void client_close(struct client *c);

/* Sends a message, which must have rig, subject, session and seq. False if the queue is full or the
 * message cannot be encoded. */
bool client_send(struct client *c, const proto_message *msg);

/* Asks up to which seq a session is on disk: the answer frees the queue. */
void client_ask_durable(struct client *c, const char *rig);

/* Waits up to timeout_ms for an answer and takes it: 1 an answer (*reply), 0 none. After a longer
 * silence everything that may not be on disk is sent again on a new connection. */
int client_receive(struct client *c, int timeout_ms, proto_message *reply);

/* How many messages may not be on disk yet. */
uint64_t client_queued(const struct client *c);

#endif
