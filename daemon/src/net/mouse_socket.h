/* mouse_socket.h - a virtual mouse's ZeroMQ socket: rigs connect to it (ROUTER), or it connects to
 * a rig's ROUTER or REP (DEALER).
 *
 * Bodies are not trusted. Threads: one owner. Memory: libzmq's; requests are the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "zmq_bus.h"

struct mouse_socket {
    void *context;
    void *socket;
    void *monitor;      /* PAIR: says when a connection comes or goes; NULL: bound */
    bool is_up;         /* connected */
    char endpoint[256]; /* as it is in the end, "*" filled in */
};

/* What became of the connection since the last look. */
enum mouse_socket_change {
    MOUSE_SOCKET_SAME,
    MOUSE_SOCKET_UP,
    MOUSE_SOCKET_DOWN,
    MOUSE_SOCKET_CUT,  /* a connection ended before it stood */
    MOUSE_SOCKET_TRIED /* ZeroMQ tries again: not where another kind of socket listens */
};

/* Listens. Addresses beyond this machine are refused unless insecure. FAULT_NONE, FAULT_INPUT or
 * FAULT_WORK with the socket closed. */
int mouse_socket_bind(struct mouse_socket *s, const char *endpoint, bool insecure,
                      struct fault *fault);

/* Connects, and again whenever the connection is lost. What is sent after mouse_socket_watch() said
 * so is lost; what was sent just before may go out once there is a connection again. FAULT_NONE,
 * FAULT_INPUT or FAULT_WORK with the socket closed. */
int mouse_socket_connect(struct mouse_socket *s, const char *endpoint, struct fault *fault);

/* A zeroed one is fine. Waits up to 200 ms for what was sent. */
void mouse_socket_close(struct mouse_socket *s);

/* The next message, if there is one. */
enum zmq_bus_heard mouse_socket_next(struct mouse_socket *s, struct zmq_bus_request *request);

/* Sends a body to whoever the envelope came from; to a rig that is gone it is lost. */
void mouse_socket_send(struct mouse_socket *s, const struct zmq_bus_envelope *to,
                       const uint8_t *body, size_t size);

/* The latest change of a connected socket; a bound one is always the same. */
enum mouse_socket_change mouse_socket_watch(struct mouse_socket *s);
