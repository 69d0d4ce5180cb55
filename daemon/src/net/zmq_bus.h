/* zmq_bus.h - the daemon's ZeroMQ sockets: opened as configured, guarded, received from and sent to
 * without blocking.
 *
 * Non-local addresses need CURVE keys (clients are then checked against the list of public keys and
 * their roles) or `security.insecure: true`. With CURVE, the control socket accepts listed keys
 * only.
 * Threads: one owner. Memory: libzmq's, bounded by the queues' lengths and doors.h; receive buffers
 * are the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "doors.h"
#include "fault.h"
#include "key_list.h"
#include "proto/message.h"

enum {
    ZMQ_BUS_FRAME_BYTES_MAX = 4 * PROTO_BYTES_MAX, /* a longer one ends its connection */
    ZMQ_BUS_ENVELOPE_FRAMES = 16, /* the way back: who asked, brokers on the way, the empty frame */
    ZMQ_BUS_ENVELOPE_BYTES = 1024,
    ZMQ_BUS_ENDPOINT_MAX = 256,
    ZMQ_BUS_FRAMES_MAX = 64, /* of a whole message */

    /* ZMQ_RECONNECT_IVL of a socket that is closed when its connection is lost, ms: so long that it
     * never comes. libzmq's own word for never, -1, lets it abort: it then ends the connection's
     * queue at once, even between two frames of a message that is being received. ZMQ_IMMEDIATE
     * does the same and is not used. */
    ZMQ_BUS_NEVER_MS = 1000000000
};

struct zmq_bus {
    void *context;
    void *ask;     /* ROUTER */
    void *pub;     /* XPUB */
    void *trials;  /* SUB */
    void *control; /* ROUTER, NULL if closed */
    void *zap;     /* REP, NULL without CURVE */
    bool is_curve;
    bool any_key; /* CURVE without a list: every client with a key, but not on control */
    struct key_list keys;
    int64_t rejected_keys; /* connections that were not let in */
    struct doors *doors;
};

/* The frames before a body, which an answer repeats: up to the first empty one, or, if none came,
 * only who asked. */
struct zmq_bus_envelope {
    uint32_t n;
    uint16_t size[ZMQ_BUS_ENVELOPE_FRAMES];
    uint8_t bytes[ZMQ_BUS_ENVELOPE_BYTES]; /* one after another */
};

/* Who sent a message: its connection's descriptor, and the entry of its key, -1 if it has none. */
struct zmq_bus_source {
    int fd;
    int key;
};

/* One request of a socket; used for that socket alone, from one to the next. */
struct zmq_bus_request {
    struct zmq_bus_envelope envelope; /* n is 0 on sockets without a way back */
    size_t size; /* of the body as sent; more than PROTO_BYTES_MAX: it was cut */
    uint8_t body[PROTO_BYTES_MAX + 1];
    struct zmq_bus_source source;
    size_t taken;   /* bytes of its connection that the last call took */
    bool is_sealed; /* set by the owner: the socket uses CURVE */
    bool has_rest;  /* of a message beyond the bounds, still to be passed over */
};

enum zmq_bus_heard {
    ZMQ_BUS_NONE,
    ZMQ_BUS_REQUEST,
    ZMQ_BUS_TOO_LONG, /* one beyond ZMQ_BUS_FRAMES_MAX or the envelope's bounds: there is no way
                         back */
    ZMQ_BUS_REST      /* a piece of such a one was passed over */
};

/* Opens every socket that the configuration names. FAULT_INPUT or FAULT_WORK name the key. */
int zmq_bus_open(struct zmq_bus *bus, const struct config *config, struct fault *fault);
void zmq_bus_close(struct zmq_bus *bus);

/* Where a socket is bound, with the port that tcp://...:* was given, or the configured one;
 * "(closed)" if there is none: out[ZMQ_BUS_ENDPOINT_MAX]. Returns out. */
const char *zmq_bus_endpoint(void *socket, const char *configured, char out[]);

/* Descriptor to wait for on behalf of a socket. It only signals change: read until empty. */
int zmq_bus_fd(void *socket);

/* The next request of a ROUTER; its last frame is its body. RT-safe: yes (libzmq's own work apart);
 * a call takes at most ZMQ_BUS_FRAMES_MAX frames. */
enum zmq_bus_heard zmq_bus_receive(void *socket, struct zmq_bus_request *request);

/* The same of a socket without a way back, a SUB or DEALER. RT-safe: yes. */
enum zmq_bus_heard zmq_bus_receive_last(void *socket, struct zmq_bus_request *request);

/* The next subscription of the XPUB, or one that is given back, into to[cap]; *size as sent. One
 * that lasts counts as not taken: libzmq holds it. RT-safe: yes. */
bool zmq_bus_receive_news(struct zmq_bus *bus, uint8_t *to, size_t cap, size_t *size);

/* What the last call took of a connection is no longer libzmq's to hold. To be called after each
 * zmq_bus_receive() and zmq_bus_receive_last() that was not ZMQ_BUS_NONE. RT-safe: yes. */
void zmq_bus_took(struct zmq_bus *bus, const struct zmq_bus_request *request);

/* Answers a request; a client that is gone or too slow loses the answer. RT-safe: yes. */
void zmq_bus_reply(void *socket, const struct zmq_bus_envelope *envelope, const uint8_t *body,
                   size_t size);

/* Sends [topic][body]; slow subscribers lose it. RT-safe: yes. */
void zmq_bus_publish(struct zmq_bus *bus, const char *topic, const uint8_t *body, size_t size);

/* Answers some of the connections that wait to be let in. True if there may be more. */
bool zmq_bus_authenticate(struct zmq_bus *bus);

/* True if who sent a request may speak for a rig of that name. RT-safe: yes. */
bool zmq_bus_is_for_rig(const struct zmq_bus *bus, const struct zmq_bus_request *request,
                        const char *rig);

/* True if an endpoint can be reached from this machine only. */
bool zmq_bus_is_local(const char *endpoint);

/* Sets an option of libzmq that is an int. */
void zmq_bus_set(void *socket, int option, int value);

/* The next event of a monitor (zmq_socket_monitor()), whose PAIR socket this is. False: none. */
bool zmq_bus_next_event(void *monitor, uint16_t *event);
