#include "mouse_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

enum {
    QUEUE = 100,
    LINGER_MS = 200,
    RECONNECT_MS = 100,
    RECONNECT_MOST_MS = 1000,
};

static const char MONITOR[] = "inproc://rig-socket";

static int open_socket(struct mouse_socket *s, int type, struct fault *fault)
{
    const int64_t largest = ZMQ_BUS_FRAME_BYTES_MAX;
    *s = (struct mouse_socket){.context = zmq_ctx_new()};
    s->socket = s->context != NULL ? zmq_socket(s->context, type) : NULL;
    if (s->socket == NULL) {
        const int rc = fault_set(fault, FAULT_WORK, "zeromq: %s", zmq_strerror(errno));
        mouse_socket_close(s);
        return rc;
    }
    zmq_bus_set(s->socket, ZMQ_LINGER, LINGER_MS);
    zmq_bus_set(s->socket, ZMQ_SNDHWM, QUEUE);
    zmq_bus_set(s->socket, ZMQ_RCVHWM, QUEUE);
    (void)zmq_setsockopt(s->socket, ZMQ_MAXMSGSIZE, &largest, sizeof largest);
    return FAULT_NONE;
}

static int fail(struct mouse_socket *s, int code, const char *endpoint, struct fault *fault)
{
    const int error = errno;
    mouse_socket_close(s);
    return fault_set(fault, error == EADDRINUSE ? FAULT_WORK : code, "%s: %s%s", endpoint,
                     zmq_strerror(error),
                     error == EADDRINUSE ? "; does another program listen there?" : "");
}

int mouse_socket_bind(struct mouse_socket *s, const char *endpoint, bool insecure,
                      struct fault *fault)
{
    *s = (struct mouse_socket){0};
    if (!insecure && !zmq_bus_is_local(endpoint)) {
        return fault_set(fault, FAULT_INPUT,
                         "%s is reachable from other machines; a local address was "
                         "expected, such as tcp://127.0.0.1:5780, or --insecure",
                         endpoint);
    }
    const int rc = open_socket(s, ZMQ_ROUTER, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    zmq_bus_set(s->socket, ZMQ_ROUTER_HANDOVER, 1);
    if (zmq_bind(s->socket, endpoint) != 0) {
        return fail(s, FAULT_INPUT, endpoint, fault);
    }
    size_t size = sizeof s->endpoint;
    (void)zmq_getsockopt(s->socket, ZMQ_LAST_ENDPOINT, s->endpoint, &size);
    return FAULT_NONE;
}

int mouse_socket_connect(struct mouse_socket *s, const char *endpoint, struct fault *fault)
{
    const int rc = open_socket(s, ZMQ_DEALER, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    (void)snprintf(s->endpoint, sizeof s->endpoint, "%s", endpoint);
    zmq_bus_set(s->socket, ZMQ_RECONNECT_IVL, RECONNECT_MS);
    zmq_bus_set(s->socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MOST_MS);
    if (zmq_socket_monitor(s->socket, MONITOR,
                           ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
                               ZMQ_EVENT_CONNECT_DELAYED | ZMQ_EVENT_CONNECT_RETRIED) != 0) {
        return fail(s, FAULT_WORK, endpoint, fault);
    }
    s->monitor = zmq_socket(s->context, ZMQ_PAIR);
    if (s->monitor == NULL || zmq_connect(s->monitor, MONITOR) != 0) {
        return fail(s, FAULT_WORK, endpoint, fault);
    }
    return zmq_connect(s->socket, endpoint) == 0 ? FAULT_NONE
                                                 : fail(s, FAULT_INPUT, endpoint, fault);
}

void mouse_socket_close(struct mouse_socket *s)
{
    if (s->socket != NULL) {
        (void)zmq_socket_monitor(s->socket, NULL, 0);
        zmq_close(s->socket);
    }
    if (s->monitor != NULL) {
        zmq_bus_set(s->monitor, ZMQ_LINGER, 0);
        zmq_close(s->monitor);
    }
    if (s->context != NULL) {
        zmq_ctx_term(s->context);
    }
    *s = (struct mouse_socket){0};
}

enum zmq_bus_heard mouse_socket_next(struct mouse_socket *s, struct zmq_bus_request *request)
{
    return s->monitor == NULL ? zmq_bus_receive(s->socket, request)
                              : zmq_bus_receive_last(s->socket, request);
}

void mouse_socket_send(struct mouse_socket *s, const struct zmq_bus_envelope *to,
                       const uint8_t *body, size_t size)
{
    if (s->monitor == NULL) {
        zmq_bus_reply(s->socket, to, body, size);
    } else if (s->is_up && zmq_send(s->socket, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0) {
        (void)zmq_send(s->socket, body, size, ZMQ_DONTWAIT);
    }
}

enum mouse_socket_change mouse_socket_watch(struct mouse_socket *s)
{
    enum mouse_socket_change change = MOUSE_SOCKET_SAME;
    uint16_t event;
    while (s->monitor != NULL && zmq_bus_next_event(s->monitor, &event)) {
        const bool was_up = s->is_up;
        if (event == ZMQ_EVENT_CONNECT_DELAYED || event == ZMQ_EVENT_CONNECT_RETRIED) {
            change = change == MOUSE_SOCKET_DOWN ? change : MOUSE_SOCKET_TRIED;
            continue;
        }
        s->is_up = event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
        change = s->is_up ? MOUSE_SOCKET_UP : was_up ? MOUSE_SOCKET_DOWN : MOUSE_SOCKET_CUT;
    }
    return change;
}
