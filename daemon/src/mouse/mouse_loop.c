#include "mouse_loop.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/decode.h"
#include "clock.h"
#include "config.h"
#include "log.h"
#include "mouse_socket.h"
#include "os_poll.h"
#include "serial_lines.h"

enum { TAG_SOCKET, TAG_MONITOR, TAG_LINE };
enum { BURST = 64 };

static const int64_t NS_PER_S = 1000000000;
static const int64_t HELLO_AGAIN_NS = 1000000000; /* to a rig that had nothing to show */
static const int64_t WARN_NS = 3000000000;        /* nothing answers: said after this ... */
static const int64_t CUT_NS = 1000000000;         /* ZeroMQ tries again earlier, if it does */
static const int64_t GIVE_UP_NS = 30000000000;    /* ... and the end of waiting for the first */

struct mouse_loop {
    struct rig_mouse *actor;
    const struct mouse_loop_options *options;
    struct os_poll poll;
    bool is_stopped;
    /* ZeroMQ */
    struct mouse_socket socket;
    struct zmq_bus_request request;
    struct zmq_bus_envelope asked; /* way back to whoever waits for an answer */
    proto_format asked_format;
    int64_t hello_at_ns; /* INT64_MAX: not due */
    int64_t warn_at_ns;  /* of a silence; INT64_MAX: it was, or there is none */
    int64_t give_up_at_ns;
    int64_t cut_at_ns; /* when a connection ended before it stood, and none was tried since */
    int failed;        /* FAULT_NONE, or why it cannot go on */
    struct fault fault;
    /* a serial line */
    struct config config; /* serial_lines.h wants one: of a single rig */
    struct serial_lines lines;
    uint16_t asked_boot;
    uint64_t n_heard; /* numbered frames taken up */
    int truth_error;  /* errno; 0: none */
    /* what went wrong, told once a second */
    int64_t refusal_at_ns;
    int64_t n_untold;
    proto_message heard;
    proto_message reply;
    uint8_t bytes[PROTO_BYTES_MAX];
};

static int open_line(struct mouse_loop *e, struct fault *fault)
{
    char text[SERIAL_LINES_TEXT_MAX] = "";
    struct config_rigs *rig = &e->config.rigs[0];
    if (strlen(e->options->serial) >= sizeof rig->port) {
        return fault_set(fault, FAULT_INPUT, "--serial: a shorter path was expected");
    }
    config_init(&e->config);
    strcpy(rig->name, "serial");
    strcpy(rig->port, e->options->serial);
    rig->baud = e->options->baud;
    e->config.n_rigs = 1;
    serial_lines_init(&e->lines, &e->config, &e->poll, TAG_LINE);
    return serial_lines_open_missing(&e->lines, 0, text) == SERIAL_LINES_BACK
               ? FAULT_NONE
               : fault_set(fault, FAULT_WORK, "%s", text);
}

static int open_socket(struct mouse_loop *e, struct fault *fault)
{
    const struct mouse_loop_options *o = e->options;
    const int rc = o->bind != NULL ? mouse_socket_bind(&e->socket, o->bind, o->insecure, fault)
                                   : mouse_socket_connect(&e->socket, o->connect, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    int error = os_poll_add(&e->poll, zmq_bus_fd(e->socket.socket), TAG_SOCKET);
    if (error == 0 && e->socket.monitor != NULL) {
        error = os_poll_add(&e->poll, zmq_bus_fd(e->socket.monitor), TAG_MONITOR);
    }
    return error == 0 ? FAULT_NONE : fault_set(fault, FAULT_WORK, "epoll: %s", strerror(-error));
}

int mouse_loop_open(struct mouse_loop **out, struct rig_mouse *actor,
                    const struct mouse_loop_options *options, struct fault *fault)
{
    *out = NULL;
    struct mouse_loop *e = calloc(1, sizeof *e);
    if (e == NULL) {
        return fault_set(fault, FAULT_WORK, "out of memory");
    }
    e->actor = actor;
    e->options = options;
    e->hello_at_ns = e->warn_at_ns = e->give_up_at_ns = e->cut_at_ns = INT64_MAX;
    if (options->connect != NULL) {
        e->warn_at_ns = clock_mono_ns() + WARN_NS;
        e->give_up_at_ns = clock_mono_ns() + GIVE_UP_NS;
    }
    const int error = os_poll_open(&e->poll);
    int rc = error == 0 ? FAULT_NONE : fault_set(fault, FAULT_WORK, "epoll: %s", strerror(-error));
    if (rc == FAULT_NONE) {
        rc = options->serial != NULL ? open_line(e, fault) : open_socket(e, fault);
    }
    if (rc != FAULT_NONE) {
        mouse_loop_close(e);
        return rc;
    }
    log_info("the mouse is ready %s %s",
             options->bind != NULL      ? "at"
             : options->connect != NULL ? "for the rig at"
                                        : "for the device on",
             options->serial != NULL ? options->serial : e->socket.endpoint);
    *out = e;
    return FAULT_NONE;
}

void mouse_loop_close(struct mouse_loop *e)
{
    if (e == NULL) {
        return;
    }
    mouse_socket_close(&e->socket);
    serial_lines_close(&e->lines);
    os_poll_close(&e->poll);
    free(e);
}

static void write_truth(struct mouse_loop *e)
{
    const struct rig_mouse *a = e->actor;
    const struct rig_mouse_trial *t = rig_mouse_present(a);
    FILE *to = e->options->truth;
    if (to == NULL) {
        return;
    }
    errno = 0;
    fprintf(to, "%s,%s,%" PRId64 ",%.9g,%s,%.9g,%.9g,%.9g,", a->subject, a->session, t->number,
            t->contrast, model_engagement_sim_state_name(t->act.state), t->p_policy, t->act.p_right,
            t->act.p_no_go);
    if (t->act.choice >= 0) {
        fprintf(to, "%d,%.3f", t->act.choice, t->act.rt_s);
    } else {
        fputc(',', to);
    }
    for (uint32_t i = 0; i < a->options.params->policy.n; i++) {
        fprintf(to, ",%.9g", t->w[i]);
    }
    fputc('\n', to);
    if (ferror(to) != 0 && e->truth_error == 0) {
        e->truth_error = errno != 0 ? errno : EIO;
    }
}

static void tell_refusal(struct mouse_loop *e, int64_t now_ns)
{
    const proto_error *error = &e->reply.as.error;
    if (now_ns < e->refusal_at_ns) {
        e->n_untold++;
        return;
    }
    log_warn("refused: %s: %s%s%s", error->code, error->key, error->key[0] != '\0' ? ": " : "",
             error->text);
    if (e->n_untold > 0) {
        log_warn("refused: %" PRId64 " more since the last report", e->n_untold);
    }
    e->n_untold = 0;
    e->refusal_at_ns = now_ns + NS_PER_S;
}

/* Takes up e->heard; true if e->reply is to be sent now. */
static bool take(struct mouse_loop *e, int64_t now_ns)
{
    switch (rig_mouse_hear(e->actor, &e->heard, now_ns, &e->reply)) {
    case RIG_MOUSE_ACT:
        write_truth(e);
        return false;
    case RIG_MOUSE_AGAIN:
        return false;
    case RIG_MOUSE_REFUSED:
        tell_refusal(e, now_ns);
        return true;
    case RIG_MOUSE_REPLY:
        break;
    }
    const int64_t last = e->options->trials;
    e->is_stopped = e->is_stopped || (last > 0 && e->actor->tally.trials >= last);
    return true;
}

static void send_message(struct mouse_loop *e, const struct zmq_bus_envelope *to,
                         const proto_message *message, proto_format format)
{
    const int n = proto_encode(message, format, e->bytes, sizeof e->bytes);
    if (n > 0) {
        mouse_socket_send(&e->socket, to, e->bytes, (size_t)n);
    } else {
        log_error("a reply could not be encoded: %s", proto_strerror(n));
    }
}

/* A rig that the mouse connects to waits for it to say something first. In JSON: any rig can read
 * that, and the mouse does not know yet which of the two it speaks. */
static void send_hello(struct mouse_loop *e)
{
    e->hello_at_ns = INT64_MAX;
    proto_message_init(&e->reply, PROTO_KIND_HELLO);
    strcpy(e->reply.env.rig, "murid-mouse");
    (void)snprintf(e->reply.env.subject, sizeof e->reply.env.subject, "%s", e->actor->subject);
    strcpy(e->reply.as.hello.software, "murid mouse");
    (void)snprintf(e->reply.as.hello.version, sizeof e->reply.as.hello.version, "%s",
                   MURID_VERSION);
    send_message(e, &e->request.envelope, &e->reply, PROTO_FORMAT_JSON);
}

static const char EXPECTED[] =
    "a rig's ROUTER or REP socket was expected, which answers hello with what it shows";

/* A daemon hears what a rig says, and a mouse answers one: neither has anything to show. */
static void check_who(struct mouse_loop *e)
{
    const char *software = e->heard.as.hello.software;
    if (e->heard.kind == PROTO_KIND_HELLO &&
        (strcmp(software, "murid") == 0 || strcmp(software, "murid mouse") == 0)) {
        e->failed = fault_set(&e->fault, FAULT_INPUT, "%s: a murid %s is listening there; %s",
                              e->options->connect,
                              strcmp(software, "murid") == 0 ? "daemon" : "mouse", EXPECTED);
    } else if (e->heard.kind == PROTO_KIND_ERROR &&
               strcmp(e->heard.as.error.code, proto_error_name(PROTO_ERROR_UNKNOWN_KIND)) == 0) {
        e->failed =
            fault_set(&e->fault, FAULT_INPUT, "%s: the program there does not answer hello; %s",
                      e->options->connect, EXPECTED);
    }
}

/* To a rig that was connected to, hello means "nothing yet", and an error is no question. */
static bool is_idle_talk(struct mouse_loop *e, int64_t now_ns)
{
    if (e->options->connect == NULL ||
        (e->heard.kind != PROTO_KIND_HELLO && e->heard.kind != PROTO_KIND_ERROR)) {
        return false;
    }
    if (e->heard.kind == PROTO_KIND_ERROR) {
        log_warn("the rig says: %s: %s", e->heard.as.error.code, e->heard.as.error.text);
    }
    check_who(e);
    e->hello_at_ns = now_ns + HELLO_AGAIN_NS;
    return true;
}

static void on_request(struct mouse_loop *e, int64_t now_ns)
{
    const struct zmq_bus_request *q = &e->request;
    proto_fault fault;
    const size_t size = q->size < sizeof q->body ? q->size : sizeof q->body;
    const proto_format format = proto_format_of(q->body, size);
    e->warn_at_ns = INT64_MAX;
    if (proto_decode(q->body, size, &e->heard, &fault) != PROTO_OK) {
        rig_mouse_refuse(e->actor, &e->heard, &fault, &e->reply);
        tell_refusal(e, now_ns);
        send_message(e, &q->envelope, &e->reply, format);
        return;
    }
    if (is_idle_talk(e, now_ns)) {
        return;
    }
    if (take(e, now_ns)) {
        send_message(e, &q->envelope, &e->reply, format);
        return;
    }
    e->asked = q->envelope;
    e->asked_format = format;
}

static void watch_connection(struct mouse_loop *e, int64_t now_ns)
{
    switch (mouse_socket_watch(&e->socket)) {
    case MOUSE_SOCKET_UP:
        log_info("a rig is connected");
        rig_mouse_drop(e->actor);
        e->hello_at_ns = now_ns;
        e->give_up_at_ns = INT64_MAX;
        e->warn_at_ns = now_ns + WARN_NS;
        break;
    case MOUSE_SOCKET_DOWN:
        log_warn("the rig is gone; waiting for it");
        rig_mouse_drop(e->actor);
        e->hello_at_ns = INT64_MAX;
        break;
    case MOUSE_SOCKET_CUT:
        e->cut_at_ns = now_ns;
        break;
    case MOUSE_SOCKET_TRIED:
        e->cut_at_ns = INT64_MAX;
        break;
    case MOUSE_SOCKET_SAME:
        break;
    }
}

static void watch_silence(struct mouse_loop *e, int64_t now_ns)
{
    const bool is_there = e->give_up_at_ns == INT64_MAX;
    if (now_ns >= e->warn_at_ns) {
        e->warn_at_ns = INT64_MAX;
        log_warn(is_there ? "%s: the program there has not answered hello; %s"
                          : "%s: nothing answers there yet; %s",
                 e->options->connect, EXPECTED);
    }
    if (!is_there && now_ns - CUT_NS >= e->cut_at_ns) {
        e->failed =
            fault_set(&e->fault, FAULT_INPUT,
                      "%s: another kind of socket listens there, or one that requires keys; %s",
                      e->options->connect, EXPECTED);
    } else if (now_ns >= e->give_up_at_ns) {
        e->failed = fault_set(&e->fault, FAULT_WORK, "%s: nothing answered there in %d s; %s",
                              e->options->connect, (int)(GIVE_UP_NS / NS_PER_S), EXPECTED);
    }
}

/* True if there may be more to do at once: what ZeroMQ's descriptor signals is change. */
static bool serve_socket(struct mouse_loop *e)
{
    int n = 0;
    watch_connection(e, clock_mono_ns());
    watch_silence(e, clock_mono_ns());
    enum zmq_bus_heard heard = ZMQ_BUS_REST;
    while (n < BURST && !e->is_stopped && e->failed == FAULT_NONE && heard != ZMQ_BUS_NONE) {
        heard = mouse_socket_next(&e->socket, &e->request);
        if (heard == ZMQ_BUS_REQUEST) {
            on_request(e, clock_mono_ns());
        }
        n += heard != ZMQ_BUS_NONE ? 1 : 0;
    }
    const int64_t now_ns = clock_mono_ns();
    if (now_ns >= e->hello_at_ns) {
        send_hello(e);
        n++;
    }
    if (rig_mouse_next(e->actor, now_ns, &e->reply)) {
        send_message(e, &e->asked, &e->reply, e->asked_format);
        n++;
    }
    return n > 0;
}

static void on_event(struct mouse_loop *e, const bridge_event *event, int64_t now_ns)
{
    proto_fault fault;
    const char *subject = e->actor->subject[0] != '\0' ? e->actor->subject : "mouse";
    bridge_link_accept(&e->lines.line[0].link, event, ++e->n_heard);
    if (bridge_decode(event->payload, event->payload_size, "serial", subject, &e->heard, &fault) !=
        PROTO_OK) {
        rig_mouse_refuse(e->actor, &e->heard, &fault, &e->reply);
        tell_refusal(e, now_ns);
        return;
    }
    if (e->heard.kind == PROTO_KIND_HELLO) {
        log_info("device \"%s\" is there, %s", e->heard.as.hello.software, e->heard.env.session);
        return;
    }
    if (e->heard.kind == PROTO_KIND_STIMULUS) {
        e->asked_boot = event->boot;
    }
    (void)take(e, now_ns);
}

static void reopen_line(struct mouse_loop *e)
{
    char text[SERIAL_LINES_TEXT_MAX];
    if (serial_lines_open_missing(&e->lines, 0, text) == SERIAL_LINES_BACK) {
        log_info("%s is back", e->options->serial);
    }
}

static bool serve_line(struct mouse_loop *e)
{
    uint8_t bytes[4096];
    bridge_event event;
    const int got = serial_lines_read(&e->lines, 0, bytes, sizeof bytes);
    const int64_t now_ns = clock_mono_ns();
    if (got < 0) {
        log_warn("%s is gone; waiting for it", e->options->serial);
        rig_mouse_drop(e->actor);
        return false;
    }
    const uint8_t *at = bytes;
    size_t n = (size_t)got;
    bridge_link *link = &e->lines.line[0].link;
    while (bridge_link_next(link, &at, &n, now_ns, &event)) {
        on_event(e, &event, now_ns);
    }
    if (rig_mouse_next(e->actor, clock_mono_ns(), &e->reply)) {
        const proto_choice *c = &e->reply.as.choice;
        bridge_link_choose(link, e->asked_boot, e->reply.env.trial,
                           c->choice == PROTO_NIL ? -1 : (int)c->choice, c->rt_s);
    }
    serial_lines_flush(&e->lines, (int64_t)e->n_heard, clock_mono_ns());
    return got == (int)sizeof bytes;
}

static int timeout_ms(const struct mouse_loop *e, bool is_busy)
{
    const int64_t now_ns = clock_mono_ns();
    int64_t at_ns = rig_mouse_due_ns(e->actor);
    at_ns = e->hello_at_ns < at_ns ? e->hello_at_ns : at_ns;
    if (is_busy || at_ns <= now_ns) {
        return 0;
    }
    const int64_t wait_ns = at_ns - now_ns < NS_PER_S ? at_ns - now_ns : NS_PER_S;
    const int ms = (int)((wait_ns + 999999) / 1000000);
    return e->options->serial == NULL ? ms
                                      : serial_lines_timeout_ms(&e->lines, (int64_t)e->n_heard,
                                                                (int64_t)e->n_heard, now_ns, ms);
}

int mouse_loop_run(struct mouse_loop *e, struct fault *fault)
{
    bool is_busy = true;
    int rc = FAULT_NONE;
    while (!e->is_stopped && rc == FAULT_NONE) {
        uint32_t tags[OS_POLL_MAX];
        const int n = os_poll_wait(&e->poll, timeout_ms(e, is_busy), tags);
        for (int i = 0; i < n; i++) {
            if (tags[i] == OS_POLL_SIGNAL && os_poll_take_signal(&e->poll) != 0) {
                e->is_stopped = true;
            } else if (tags[i] == OS_POLL_TICK && e->options->serial != NULL) {
                reopen_line(e);
            }
        }
        if (!e->is_stopped) {
            is_busy = e->options->serial != NULL ? serve_line(e) : serve_socket(e);
            rc = e->failed != FAULT_NONE ? fault_set(fault, e->failed, "%s", e->fault.text)
                 : e->truth_error == 0
                     ? FAULT_NONE
                     : fault_set(fault, FAULT_WORK, "%s: cannot be written: %s",
                                 e->options->truth_path, strerror(e->truth_error));
        }
    }
    return rc;
}
