#include "loop.h"

#include <inttypes.h>

#include "clock.h"
#include "control.h"
#include "heartbeat.h"
#include "ingest.h"
#include "loop_jobs.h"
#include "os_thread.h"

static const int64_t NS_PER_S = 1000000000;

enum {
    BURST = 64,         /* messages of one socket before the others have their turn */
    COMMANDS_BURST = 4, /* the same of commands: a page of subjects takes 100 us and more */
    IDLE_MS = 1000
};

static const uint64_t SOCKETS_DUE = (1U << SERVER_TAG_ASK) | (1U << SERVER_TAG_TRIALS) |
                                    (1U << SERVER_TAG_CONTROL) | (1U << SERVER_TAG_ZAP);

/* ---- sources --------------------------------------------------------------------------------- */

/* Reads what a socket has next; ZMQ_BUS_REQUEST is the caller's to take up. */
static enum zmq_bus_heard hear_next(struct server *server, void *socket,
                                    struct zmq_bus_request *request)
{
    const enum zmq_bus_heard heard = socket == server->bus.trials
                                         ? zmq_bus_receive_last(socket, request)
                                         : zmq_bus_receive(socket, request);
    if (heard != ZMQ_BUS_NONE) {
        zmq_bus_took(&server->bus, request);
    }
    if (heard == ZMQ_BUS_TOO_LONG) {
        server->counters.bad_messages++;
        ingest_raise(
            server, PROTO_ALERT_BAD_MESSAGE, "", 1.0,
            "a message of more than %d frames, or %d before its body, was received and not "
            "answered",
            ZMQ_BUS_FRAMES_MAX, ZMQ_BUS_ENVELOPE_FRAMES);
        journal_publish(&server->journal);
    }
    return heard;
}

/* True if the socket may have more. Without room the requests wait in the socket, unless the disk
 * fails: then clients are told, and keep their trials. */
static bool serve_ask(struct server *server)
{
    for (int i = 0; i < BURST; i++) {
        if (!journal_has_room(&server->journal) &&
            journal_health(&server->journal, 0).failing == JOURNAL_DB_CAUSE_NONE) {
            return true;
        }
        const enum zmq_bus_heard heard = hear_next(server, server->bus.ask, &server->asked);
        if (heard == ZMQ_BUS_NONE) {
            return false;
        }
        if (heard == ZMQ_BUS_REQUEST) {
            ingest_ask(server, clock_mono_ns());
        }
    }
    return true;
}

static void on_published(struct server *server, int64_t t_mono_ns)
{
    const struct zmq_bus_request *q = &server->published;
    const size_t size = q->size < sizeof q->body ? q->size : sizeof q->body;
    if (ingest_is_foreign(server, q, size)) {
        return;
    }
    if (ingest_hear(server, SESSION_SOURCE_TRIALS, NULL, NULL, q->body, size, t_mono_ns,
                    PROTO_NIL)) {
        ingest_publish(server, t_mono_ns);
    }
}

static bool serve_trials(struct server *server)
{
    for (int i = 0; i < BURST; i++) {
        if (!journal_has_room(&server->journal)) {
            return true;
        }
        const enum zmq_bus_heard heard = hear_next(server, server->bus.trials, &server->published);
        if (heard == ZMQ_BUS_NONE) {
            return false;
        }
        if (heard == ZMQ_BUS_REQUEST) {
            on_published(server, clock_mono_ns());
        }
    }
    return true;
}

static bool serve_control(struct server *server)
{
    struct zmq_bus_request *q = &server->commanded;
    for (int i = 0; i < COMMANDS_BURST; i++) {
        const enum zmq_bus_heard heard = hear_next(server, server->bus.control, q);
        if (heard == ZMQ_BUS_NONE) {
            return false;
        }
        if (heard == ZMQ_BUS_REQUEST) {
            const size_t size = q->size < sizeof q->body ? q->size : sizeof q->body;
            const size_t n =
                control_answer(server, q->body, size, server->reply, sizeof server->reply);
            zmq_bus_reply(server->bus.control, &q->envelope, server->reply, n);
            journal_publish(&server->journal);
        }
    }
    return true;
}

static void hear_device(struct server *server, struct line *line, const bridge_event *e)
{
    if (!ingest_hear(server, SESSION_SOURCE_SERIAL, line->rig->name, line->rig->subject, e->payload,
                     e->payload_size, e->t_heard_ns,
                     e->t_error_ns == INT64_MAX ? PROTO_NIL : e->t_event_ns)) {
        return; /* not accepted: the device sends it again */
    }
    const struct session_result *r = &server->result;
    bridge_link_accept(&line->link, e, (uint64_t)(server->journal.next_event - 1));
    if (r->has_prediction && r->heard.kind == PROTO_KIND_TRIAL) {
        const proto_prediction *p = &r->reply.as.prediction;
        const uint32_t last =
            p->stimuli.n - 1; /* the frame has room for one: usually the rightmost */
        bridge_link_predict(&line->link, p->for_trial, p->stimuli.v[last], p->p_right.v[last]);
    }
    ingest_publish(server, e->t_heard_ns);
}

static bool serve_line(struct server *server, uint32_t i)
{
    struct line *line = &server->lines.line[i];
    uint8_t bytes[SERVER_READ_MAX];
    const int got = serial_lines_read(&server->lines, i, bytes, sizeof bytes);
    if (got < 0) {
        ingest_raise(server, PROTO_ALERT_DEVICE_GONE, line->rig->name, 1.0,
                     "rig %s: %s was unplugged after %" PRIu64
                     " frames; its session continues when it is back",
                     line->rig->name, line->rig->port, line->link.counters.frames);
        journal_publish(&server->journal);
        return false;
    }
    const uint8_t *at = bytes;
    size_t left = (size_t)got;
    const uint64_t bad_before = line->link.counters.bad_frames;
    const int64_t now_ns = clock_mono_ns();
    bridge_event event;
    while (bridge_link_next(&line->link, &at, &left, now_ns, &event)) {
        hear_device(server, line, &event);
    }
    if (line->link.counters.bad_frames != bad_before) {
        ingest_raise(server, PROTO_ALERT_BAD_FRAME, line->rig->name,
                     (double)line->link.counters.bad_frames,
                     "rig %s: %" PRIu64 " of %" PRIu64 " frames on %s damaged so far: check "
                     "cable, ground and baud rate",
                     line->rig->name, line->link.counters.bad_frames,
                     line->link.counters.bad_frames + line->link.counters.frames, line->rig->port);
        journal_publish(&server->journal);
    }
    return false;
}

/* What the threads that follow rigs' files have read. What finds no room in the journal stays in
 * its queue, and the thread says so again. */
static bool serve_files(struct server *server)
{
    struct followers_item item;
    (void)os_event_take(server->followers.wake_fd);
    for (int i = 0; i < BURST; i++) {
        if (!journal_has_room(&server->journal) || !followers_next(&server->followers, &item)) {
            return false;
        }
        const int64_t now_ns = clock_mono_ns();
        if (item.bytes == NULL) {
            ingest_raise(server, item.code, item.rig, 1.0, "%s", item.text);
            journal_publish(&server->journal);
        } else if (ingest_hear(server, SESSION_SOURCE_FILES, NULL, NULL, item.bytes, item.size,
                               now_ns, PROTO_NIL)) {
            ingest_publish(server, now_ns);
        } else {
            return false;
        }
        followers_take(&server->followers);
    }
    return true;
}

static bool serve(struct server *server, uint32_t tag)
{
    switch (tag) {
    case SERVER_TAG_ASK:
        return serve_ask(server);
    case SERVER_TAG_TRIALS:
        return serve_trials(server);
    case SERVER_TAG_PUB:
        server->publisher.has_news = true; /* read at the end of the pass */
        return false;
    case SERVER_TAG_CONTROL:
        return serve_control(server);
    case SERVER_TAG_ZAP:
        return zmq_bus_authenticate(&server->bus);
    case SERVER_TAG_WORKER:
        return false; /* looked at in every pass */
    case SERVER_TAG_FILES:
        return serve_files(server);
    default:
        return serve_line(server, tag - SERVER_TAG_LINES);
    }
}

static int timeout_ms(struct server *server, bool has_more)
{
    if (has_more) {
        return journal_has_room(&server->journal) ? 0 : 1;
    }
    if (server->lines.n == 0) {
        return -1; /* the tick wakes it every second; a timer more would cost each trial */
    }
    return serial_lines_timeout_ms(&server->lines, journal_durable(&server->journal),
                                   server->journal.next_event - 1, clock_mono_ns(), IDLE_MS);
}

/* One turn for every socket and line that is due. Returns those that may have more. */
static uint64_t serve_due(struct server *server, uint64_t due)
{
    void *const sockets[] = {server->bus.ask, server->bus.trials, server->bus.pub,
                             server->bus.control, server->bus.zap};
    uint64_t again = 0;
    for (uint32_t tag = 0; tag < SERVER_TAG_LINES + server->lines.n; tag++) {
        const bool is_open = tag >= SERVER_TAG_WORKER || sockets[tag] != NULL;
        if ((due >> tag & 1U) != 0 && is_open && serve(server, tag)) {
            again |= (uint64_t)1 << tag;
        }
    }
    return again;
}

/* What rigs have sent before the stop is heard: until nothing came for a moment, within limits. */
static void drain(struct server *server)
{
    enum { QUIET_PASSES = 3, PASS_MS = 10, MOST_S = 3 };
    const int64_t until_ns = clock_mono_ns() + MOST_S * NS_PER_S;
    for (int quiet = 0; quiet < QUIET_PASSES && clock_mono_ns() < until_ns; quiet++) {
        const int64_t heard_before = server->journal.next_event + server->counters.duplicates;
        while (serve_due(server, SOCKETS_DUE) != 0 && clock_mono_ns() < until_ns) {
        }
        if (server->journal.next_event + server->counters.duplicates != heard_before) {
            quiet = -1;
        }
        clock_sleep_ns(PASS_MS * 1000000);
    }
}

void loop_run(struct server *server)
{
    /* A ZeroMQ descriptor signals change once: what came before the first wait is served here. */
    uint64_t due = SOCKETS_DUE;
    while (!server->stop) {
        const uint64_t again = serve_due(server, due);
        const bool has_news = publisher_receive(&server->publisher);
        const bool has_more = publisher_catch_up(&server->publisher) || has_news || again != 0;
        loop_jobs_serve(server);
        serial_lines_flush(&server->lines, journal_durable(&server->journal), clock_mono_ns());

        uint32_t tags[OS_POLL_MAX];
        const int n = os_poll_wait(&server->poll, timeout_ms(server, has_more), tags);
        due = again;
        for (int i = 0; i < n; i++) {
            if (tags[i] == OS_POLL_TICK) {
                heartbeat_tick(server);
            } else if (tags[i] == OS_POLL_SIGNAL) {
                const int signal = os_poll_take_signal(&server->poll);
                server->stop = signal != 0;
            } else {
                due |= (uint64_t)1 << tags[i];
            }
        }
    }
    drain(server);
}
