#include "rig_client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "clock.h"
#include "zmq_bus.h"

static const int64_t RETRY_NS = 50000000;

static void close_link(struct rig_client *c)
{
    if (c->monitor != NULL) {
        zmq_close(c->monitor);
        c->monitor = NULL;
    }
    if (c->socket != NULL) {
        zmq_close(c->socket);
        c->socket = NULL;
    }
}

static int watch_link(struct rig_client *c)
{
    char endpoint[64];
    (void)snprintf(endpoint, sizeof endpoint, "inproc://client-%p-%" PRIu64, (void *)c, c->n_links);
    if (zmq_socket_monitor(
            c->socket, endpoint,
            ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) != 0) {
        return -1;
    }
    c->monitor = zmq_socket(c->context, ZMQ_PAIR);
    if (c->monitor == NULL) {
        return -1;
    }
    zmq_bus_set(c->monitor, ZMQ_LINGER, 0);
    return zmq_connect(c->monitor, endpoint);
}

static int connect_socket(struct rig_client *c)
{
    c->is_over = false;
    c->tried_ns = clock_mono_ns();
    c->n_links++;
    c->socket = zmq_socket(c->context, ZMQ_DEALER);
    if (c->socket == NULL) {
        return -1;
    }
    zmq_bus_set(c->socket, ZMQ_LINGER, 0);
    zmq_bus_set(c->socket, ZMQ_RECONNECT_IVL, ZMQ_BUS_NEVER_MS);
    zmq_bus_set(c->socket, ZMQ_SNDHWM, 2 * RIG_CLIENT_QUEUE);
    zmq_bus_set(c->socket, ZMQ_RCVHWM, 2 * RIG_CLIENT_QUEUE);
    curve_keys_use(c->socket, &c->keys);
    return watch_link(c) != 0 ? -1 : zmq_connect(c->socket, c->endpoint);
}

/* True as long as the connection is there, or is being made. */
static bool has_link(struct rig_client *c)
{
    uint8_t event[64];
    while (c->monitor != NULL && zmq_recv(c->monitor, event, sizeof event, ZMQ_DONTWAIT) >= 0) {
        c->is_over = true; /* the frames of any event */
    }
    return c->socket != NULL && !c->is_over;
}

int rig_client_open(struct rig_client *c, void *zmq_context, const char *endpoint,
                    const struct curve_keys_client *keys, struct fault *fault)
{
    *c = (struct rig_client){.context = zmq_context,
                             .keys = *keys,
                             .timeout_ns = 2000000000,
                             .heard_ns = clock_mono_ns()};
    (void)snprintf(c->endpoint, sizeof c->endpoint, "%s", endpoint);
    c->queue = calloc(RIG_CLIENT_QUEUE, sizeof *c->queue);
    if (c->queue == NULL) {
        return fault_set(fault, FAULT_WORK, "out of memory");
    }
    if (connect_socket(c) != 0) {
        const int rc = fault_set(fault, FAULT_INPUT, "%s: %s", endpoint, zmq_strerror(errno));
        rig_client_close(c);
        return rc;
    }
    return FAULT_NONE;
}

void rig_client_close(struct rig_client *c)
{
    close_link(c);
    free(c->queue);
    *c = (struct rig_client){0};
}

static struct rig_client_entry *entry_at(struct rig_client *c, uint64_t i)
{
    return &c->queue[i % RIG_CLIENT_QUEUE];
}

static struct rig_client_owner owner_of(const proto_envelope *env)
{
    struct rig_client_owner o = {.run = env->run};
    strcpy(o.rig, env->rig);
    strcpy(o.subject, env->subject);
    strcpy(o.session, env->session);
    return o;
}

static void address(proto_envelope *env, const struct rig_client_owner *owner)
{
    strcpy(env->rig, owner->rig);
    strcpy(env->subject, owner->subject);
    strcpy(env->session, owner->session);
    env->run = owner->run;
}

static bool is_same_name(const struct rig_client_owner *a, const struct rig_client_owner *b)
{
    return strcmp(a->session, b->session) == 0 && strcmp(a->subject, b->subject) == 0 &&
           strcmp(a->rig, b->rig) == 0;
}

/* A reply may leave out the run, or say it of a message that did not. */
static bool is_reply_to(const struct rig_client_owner *asked,
                        const struct rig_client_owner *replied)
{
    return is_same_name(asked, replied) &&
           (asked->run == replied->run || asked->run == PROTO_NIL || replied->run == PROTO_NIL);
}

static uint64_t number_owner(struct rig_client *c, const struct rig_client_owner *owner)
{
    for (uint64_t i = c->end; i-- > c->first;) {
        const struct rig_client_entry *e = entry_at(c, i);
        if (e->owner.run == owner->run && is_same_name(&e->owner, owner)) {
            return e->owner_number;
        }
    }
    return c->next_owner++;
}

bool rig_client_send(struct rig_client *c, const proto_message *msg)
{
    if (c->end - c->first == RIG_CLIENT_QUEUE) {
        return false;
    }
    struct rig_client_entry *e = entry_at(c, c->end);
    const int n = proto_encode(msg, PROTO_FORMAT_MSGPACK, e->bytes, sizeof e->bytes);
    if (n <= 0) {
        return false;
    }
    e->owner = owner_of(&msg->env);
    e->owner_number = number_owner(c, &e->owner);
    e->kind = msg->kind;
    e->seq = msg->env.seq;
    e->trial = msg->env.trial;
    e->size = (uint32_t)n;
    e->state = RIG_CLIENT_WAITS;
    if (c->waiting++ == 0) {
        c->heard_ns = clock_mono_ns();
    }
    c->end++;
    if (has_link(c)) { /* else it goes with the others, in order */
        (void)zmq_send(c->socket, e->bytes, e->size, ZMQ_DONTWAIT);
    }
    return true;
}

static bool was_asked_about(const struct rig_client *c, const struct rig_client_owner *owner)
{
    for (uint32_t i = 0; i < c->n_hellos; i++) {
        if (c->hellos[i].run == owner->run && is_same_name(&c->hellos[i], owner)) {
            return true;
        }
    }
    return false;
}

static void say_hello(struct rig_client *c, const struct rig_client_owner *owner)
{
    uint8_t bytes[512];
    proto_message hello;
    proto_message_init(&hello, PROTO_KIND_HELLO);
    address(&hello.env, owner);
    const int n = proto_encode(&hello, PROTO_FORMAT_MSGPACK, bytes, sizeof bytes);
    if (n > 0) {
        c->hellos[c->n_hellos++] = *owner;
        (void)zmq_send(c->socket, bytes, (size_t)n, ZMQ_DONTWAIT);
    }
}

void rig_client_ask_durable(struct rig_client *c)
{
    c->n_hellos = 0;
    uint64_t i = c->ask_from > c->first && c->ask_from < c->end ? c->ask_from : c->first;
    uint64_t asked_last = UINT64_MAX;
    for (uint64_t looked = c->first; looked < c->end && c->n_hellos < RIG_CLIENT_HELLOS; looked++) {
        const struct rig_client_entry *e = entry_at(c, i);
        if (e->state == RIG_CLIENT_ANSWERED && e->owner_number != asked_last &&
            !was_asked_about(c, &e->owner)) {
            say_hello(c, &e->owner);
            asked_last = e->owner_number;
        }
        i = i + 1 < c->end ? i + 1 : c->first;
    }
    c->ask_from = i;
}

static void send_again(struct rig_client *c)
{
    close_link(c);
    c->heard_ns = clock_mono_ns();
    c->n_hellos = 0;
    if (connect_socket(c) != 0) {
        c->is_over = true;
        return;
    }
    c->first_waiting = c->first;
    c->last_durable_seq = PROTO_NIL;
    for (uint64_t i = c->first; i < c->end; i++) {
        struct rig_client_entry *e = entry_at(c, i);
        if (e->state == RIG_CLIENT_DONE) {
            continue;
        }
        (void)zmq_send(c->socket, e->bytes, e->size, ZMQ_DONTWAIT);
        c->waiting += e->state == RIG_CLIENT_ANSWERED ? 1 : 0;
        e->state = RIG_CLIENT_WAITS;
        c->counts.sent_again++;
    }
}

static void leave_queue(struct rig_client *c)
{
    while (c->first < c->end && entry_at(c, c->first)->state == RIG_CLIENT_DONE) {
        c->first++;
    }
}

/* Only what was answered itself: a durable_seq may be of an earlier run with the same numbers. */
static void free_durable(struct rig_client *c, uint64_t owner_number, int64_t durable_seq)
{
    for (uint64_t i = c->first; i < c->end; i++) {
        struct rig_client_entry *e = entry_at(c, i);
        if (e->owner_number == owner_number && e->state == RIG_CLIENT_ANSWERED &&
            e->seq <= durable_seq) {
            e->state = RIG_CLIENT_DONE;
            c->counts.trials += e->kind == PROTO_KIND_TRIAL ? 1 : 0;
            c->counts.others += e->kind == PROTO_KIND_TRIAL ? 0 : 1;
        }
    }
    leave_queue(c);
}

static bool is_answer_kind(proto_kind asked, proto_kind replied)
{
    return replied == PROTO_KIND_ERROR ||
           replied ==
               (asked == PROTO_KIND_SESSION_END ? PROTO_KIND_SESSION_END : PROTO_KIND_PREDICTION);
}

/* The message that waits for this reply, or NULL. */
static struct rig_client_entry *find_asked(struct rig_client *c, const proto_message *reply)
{
    const struct rig_client_owner replied = owner_of(&reply->env);
    c->first_waiting = c->first_waiting > c->first ? c->first_waiting : c->first;
    while (c->first_waiting < c->end && entry_at(c, c->first_waiting)->state != RIG_CLIENT_WAITS) {
        c->first_waiting++;
    }
    for (uint64_t i = c->first_waiting; i < c->end; i++) {
        struct rig_client_entry *e = entry_at(c, i);
        if (e->seq == reply->env.seq && e->state == RIG_CLIENT_WAITS &&
            (e->trial == PROTO_NIL || e->trial == reply->env.trial) &&
            is_answer_kind(e->kind, reply->kind) && is_reply_to(&e->owner, &replied)) {
            return e;
        }
    }
    return NULL;
}

static bool is_error(const proto_message *reply, proto_error_code code)
{
    return reply->kind == PROTO_KIND_ERROR &&
           strcmp(reply->as.error.code, proto_error_name(code)) == 0;
}

/* An answer that says "not now": the message counts as not answered and will be sent again. */
static bool is_postponed(const proto_message *reply)
{
    return is_error(reply, PROTO_ERROR_JOURNAL_BEHIND) || is_error(reply, PROTO_ERROR_DISK_FULL);
}

/* The seq of what the daemon could not read was not counted; it goes to a message that changes
 * nothing, or those after it would never count as durable. */
static bool fill_hole(struct rig_client *c, struct rig_client_entry *e)
{
    proto_message msg;
    if (e->kind == PROTO_KIND_SESSION_START) {
        return false;
    }
    proto_message_init(&msg, PROTO_KIND_SESSION_START);
    address(&msg.env, &e->owner);
    msg.env.seq = e->seq;
    const int n = proto_encode(&msg, PROTO_FORMAT_MSGPACK, e->bytes, sizeof e->bytes);
    if (n <= 0) {
        return false;
    }
    e->size = (uint32_t)n;
    e->kind = PROTO_KIND_SESSION_START;
    e->trial = PROTO_NIL;
    (void)zmq_send(c->socket, e->bytes, e->size, ZMQ_DONTWAIT);
    return true;
}

static void count_refusal(struct rig_client *c, const struct rig_client_entry *e,
                          const proto_error *error)
{
    int code = 0;
    while (code < PROTO_ERROR_COUNT &&
           strcmp(error->code, proto_error_name((proto_error_code)code)) != 0) {
        code++;
    }
    if (e->kind == PROTO_KIND_TRIAL) {
        c->counts.refused_trials++;
        c->counts.refused[code]++;
    } else {
        c->counts.refused_others++;
    }
    (void)snprintf(c->refusal, sizeof c->refusal, "%s: %s%s%s", error->code, error->key,
                   error->key[0] != '\0' ? ": " : "", error->text);
}

static void take_answer(struct rig_client *c, struct rig_client_entry *e,
                        const proto_message *reply)
{
    if (reply->kind == PROTO_KIND_ERROR) {
        count_refusal(c, e, &reply->as.error);
        const bool was_unread = is_error(reply, PROTO_ERROR_BAD_MESSAGE) ||
                                is_error(reply, PROTO_ERROR_UNKNOWN_KIND) ||
                                is_error(reply, PROTO_ERROR_VERSION);
        if (was_unread && fill_hole(c, e)) {
            return;
        }
    }
    const int64_t durable_seq = reply->env.durable_seq;
    const bool is_news = c->last_owner != e->owner_number || c->last_durable_seq != durable_seq ||
                         e->seq <= durable_seq;
    const uint64_t owner_number = e->owner_number;
    e->state = reply->kind == PROTO_KIND_ERROR ? RIG_CLIENT_DONE : RIG_CLIENT_ANSWERED;
    c->waiting--;
    if (durable_seq != PROTO_NIL && is_news) {
        free_durable(c, owner_number, durable_seq);
        c->last_owner = owner_number;
        c->last_durable_seq = durable_seq;
    }
    leave_queue(c);
}

/* Frees what the hello says; true also for one that the caller said itself, about nobody. */
static bool take_hello(struct rig_client *c, const proto_message *reply)
{
    const struct rig_client_owner replied = owner_of(&reply->env);
    for (uint32_t h = 0; h < c->n_hellos; h++) {
        if (!is_reply_to(&c->hellos[h], &replied)) {
            continue;
        }
        const struct rig_client_owner asked = c->hellos[h];
        c->hellos[h] = c->hellos[--c->n_hellos];
        if (reply->env.durable_seq != PROTO_NIL) {
            free_durable(c, number_owner(c, &asked), reply->env.durable_seq);
        }
        return true;
    }
    return replied.subject[0] == '\0' && replied.session[0] == '\0';
}

static enum rig_client_event take(struct rig_client *c, const proto_message *reply)
{
    if (reply->kind == PROTO_KIND_HELLO && take_hello(c, reply)) {
        c->heard_ns = clock_mono_ns();
        return RIG_CLIENT_HELLO;
    }
    struct rig_client_entry *e = find_asked(c, reply);
    if (e == NULL) {
        c->counts.strays++;
        return RIG_CLIENT_STRAY;
    }
    if (is_postponed(reply)) {
        return RIG_CLIENT_STRAY;
    }
    c->heard_ns = clock_mono_ns();
    take_answer(c, e, reply);
    return RIG_CLIENT_ANSWER;
}

enum rig_client_event rig_client_receive(struct rig_client *c, int timeout_ms, proto_message *reply)
{
    uint8_t bytes[PROTO_BYTES_MAX];
    zmq_pollitem_t item = {.socket = c->socket, .events = ZMQ_POLLIN};
    int n = zmq_recv(c->socket, bytes, sizeof bytes, ZMQ_DONTWAIT);
    if (n < 0 && timeout_ms > 0 && zmq_poll(&item, c->socket != NULL ? 1 : 0, timeout_ms) > 0) {
        n = zmq_recv(c->socket, bytes, sizeof bytes, ZMQ_DONTWAIT);
    }
    enum rig_client_event event = RIG_CLIENT_SILENCE;
    if (n >= 0) {
        proto_fault fault;
        const bool is_read =
            (size_t)n <= sizeof bytes && proto_decode(bytes, (size_t)n, reply, &fault) == PROTO_OK;
        event = is_read ? take(c, reply) : RIG_CLIENT_STRAY;
        c->counts.strays += is_read ? 0 : 1;
    }
    const int64_t now_ns = clock_mono_ns();
    const bool is_silent = c->waiting > 0 && now_ns - c->heard_ns > c->timeout_ns;
    const bool is_cut = n < 0 && !has_link(c) && now_ns - c->tried_ns > RETRY_NS;
    if (is_silent || is_cut) {
        send_again(c);
    }
    return event;
}

uint64_t rig_client_queued(const struct rig_client *c)
{
    return c->end - c->first;
}

int64_t rig_client_queued_trials(const struct rig_client *c)
{
    int64_t n = 0;
    for (uint64_t i = c->first; i < c->end; i++) {
        const struct rig_client_entry *e = &c->queue[i % RIG_CLIENT_QUEUE];
        n += e->kind == PROTO_KIND_TRIAL && e->state != RIG_CLIENT_DONE ? 1 : 0;
    }
    return n;
}
