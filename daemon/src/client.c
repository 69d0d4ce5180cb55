#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "clock.h"

static int connect_socket(struct client *c)
{
    const int no_linger = 0;
    const int queue = 2 * CLIENT_QUEUE;
    c->socket = zmq_socket(c->context, ZMQ_DEALER);
    if (c->socket == NULL) {
        return -1;
    }
    (void)zmq_setsockopt(c->socket, ZMQ_LINGER, &no_linger, sizeof no_linger);
    (void)zmq_setsockopt(c->socket, ZMQ_SNDHWM, &queue, sizeof queue);
    (void)zmq_setsockopt(c->socket, ZMQ_RCVHWM, &queue, sizeof queue);
    bus_use_client_keys(c->socket, &c->keys);
    return zmq_connect(c->socket, c->endpoint);
}

int client_open(struct client *c, void *zmq_context, const char *endpoint,
                const struct bus_client_keys *keys, struct fault *fault)
{
    *c = (struct client){.context = zmq_context,
                         .keys = *keys,
                         .timeout_ns = 2000000000,
                         .heard_ns = clock_mono_ns()};
    (void)snprintf(c->endpoint, sizeof c->endpoint, "%s", endpoint);
    c->queue = calloc(CLIENT_QUEUE, sizeof *c->queue);
    if (c->queue == NULL) {
        return fault_set(fault, FAULT_WORK, "out of memory");
    }
    if (connect_socket(c) != 0) {
        const int rc = fault_set(fault, FAULT_INPUT, "%s: %s", endpoint, zmq_strerror(errno));
        client_close(c);
        return rc;
    }
    return FAULT_NONE;
}

void client_close(struct client *c)
{
    if (c->socket != NULL) {
        zmq_close(c->socket);
    }
    free(c->queue);
    *c = (struct client){0};
}

static struct client_entry *entry_at(struct client *c, uint64_t i)
{
    return &c->queue[i % CLIENT_QUEUE];
}

bool client_send(struct client *c, const proto_message *msg)
{
    if (c->end - c->first == CLIENT_QUEUE) {
        return false;
    }
    struct client_entry *e = entry_at(c, c->end);
    const int n = proto_encode(msg, PROTO_FORMAT_MSGPACK, e->bytes, sizeof e->bytes);
    if (n <= 0) {
        return false;
    }
    strcpy(e->subject, msg->env.subject);
    strcpy(e->session, msg->env.session);
    e->seq = msg->env.seq;
    e->size = (uint32_t)n;
    e->is_answered = false;
    if (c->waiting++ == 0) {
        c->heard_ns = clock_mono_ns();
    }
    c->end++;
    (void)zmq_send(c->socket, e->bytes, e->size, ZMQ_DONTWAIT);
    return true;
}

void client_ask_durable(struct client *c, const char *rig)
{
    if (c->first == c->end) {
        return;
    }
    const struct client_entry *newest = entry_at(c, c->end - 1);
    uint8_t bytes[512];
    proto_message hello;
    proto_message_init(&hello, PROTO_KIND_HELLO);
    (void)snprintf(hello.env.rig, sizeof hello.env.rig, "%s", rig);
    strcpy(hello.env.subject, newest->subject);
    strcpy(hello.env.session, newest->session);
    const int n = proto_encode(&hello, PROTO_FORMAT_MSGPACK, bytes, sizeof bytes);
    if (n > 0) {
        (void)zmq_send(c->socket, bytes, (size_t)n, ZMQ_DONTWAIT);
    }
}

static void send_again(struct client *c)
{
    zmq_close(c->socket);
    c->socket = NULL;
    c->heard_ns = clock_mono_ns();
    if (connect_socket(c) != 0) {
        return;
    }
    for (uint64_t i = c->first; i < c->end; i++) {
        struct client_entry *e = entry_at(c, i);
        (void)zmq_send(c->socket, e->bytes, e->size, ZMQ_DONTWAIT);
        c->waiting += e->is_answered ? 1 : 0;
        e->is_answered = false;
        c->sent_again++;
    }
}

/* The daemon journals in the order of receipt: what was answered before a message that is on disk
 * is on disk too. */
static void free_durable(struct client *c, const proto_message *reply)
{
    uint64_t durable = c->first;
    for (uint64_t i = c->first; i < c->end; i++) {
        const struct client_entry *e = entry_at(c, i);
        if (!e->is_answered) {
            break;
        }
        if (e->seq <= reply->env.durable_seq && strcmp(e->session, reply->env.session) == 0 &&
            strcmp(e->subject, reply->env.subject) == 0) {
            durable = i + 1;
        }
    }
    c->first = durable;
}

static void note_answer(struct client *c, const proto_message *reply)
{
    for (uint64_t i = c->first; i < c->end; i++) {
        struct client_entry *e = entry_at(c, i);
        if (!e->is_answered && e->seq == reply->env.seq &&
            strcmp(e->subject, reply->env.subject) == 0) {
            e->is_answered = true;
            c->waiting--;
            c->answered++;
            break;
        }
    }
    if (reply->kind == PROTO_KIND_ERROR) {
        c->refused++;
        (void)snprintf(c->refusal, sizeof c->refusal, "%s: %s%s%s", reply->as.error.code,
                       reply->as.error.key, reply->as.error.key[0] != '\0' ? ": " : "",
                       reply->as.error.text);
    }
}

/* An answer that says "not now": the message counts as not answered and will be sent again. */
static bool is_postponed(const proto_message *reply)
{
    return reply->kind == PROTO_KIND_ERROR &&
           (strcmp(reply->as.error.code, proto_error_name(PROTO_ERROR_JOURNAL_BEHIND)) == 0 ||
            strcmp(reply->as.error.code, proto_error_name(PROTO_ERROR_DISK_FULL)) == 0);
}

int client_receive(struct client *c, int timeout_ms, proto_message *reply)
{
    uint8_t bytes[PROTO_BYTES_MAX];
    zmq_pollitem_t item = {.socket = c->socket, .events = ZMQ_POLLIN};
    int n = zmq_recv(c->socket, bytes, sizeof bytes, ZMQ_DONTWAIT);
    if (n < 0 && timeout_ms > 0 && zmq_poll(&item, 1, timeout_ms) > 0) {
        n = zmq_recv(c->socket, bytes, sizeof bytes, ZMQ_DONTWAIT);
    }
    proto_fault fault;
    if (n < 0 || (size_t)n > sizeof bytes ||
        proto_decode(bytes, (size_t)n, reply, &fault) != PROTO_OK || is_postponed(reply)) {
        if (c->waiting > 0 && clock_mono_ns() - c->heard_ns > c->timeout_ns) {
            send_again(c);
        }
        return 0;
    }
    c->heard_ns = clock_mono_ns();
    if (reply->kind != PROTO_KIND_HELLO) {
        note_answer(c, reply);
    }
    if (reply->env.durable_seq != PROTO_NIL) {
        free_durable(c, reply);
    }
    return 1;
}

uint64_t client_queued(const struct client *c)
{
    return c->end - c->first;
}
