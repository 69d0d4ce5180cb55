#include "listened.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "log.h"
#include "zmq_bus.h"

enum { PARTS_MAX = 8, BURST = 256, SERIAL_BYTES = 4096, OPEN_EVERY_MS = 1000 };

static const int64_t NS_PER_MS = 1000000;

/* ---- what is said ---------------------------------------------------------------------------- */

static void tell_item(struct listened *l)
{
    l->is_stopped = l->is_stopped || !l->tell(l->context, &l->item);
}

static void tell_alert(struct listened *l, proto_alert_code code, const char *text)
{
    l->item.is_alert = true;
    l->item.code = code;
    (void)snprintf(l->item.text, sizeof l->item.text, "rig %s: %.180s", l->rig->name, text);
    tell_item(l);
}

/* Something was left out. */
static void tell_why(struct listened *l)
{
    char text[2 * BRIDGE_PATH_MAX];
    char more[64] = "";
    const int64_t now_ns = clock_mono_ns();
    if (now_ns < l->next_told_ns) {
        l->n_untold++;
        return;
    }
    if (l->n_untold > 0) {
        (void)snprintf(more, sizeof more, " (and %lld more)", (long long)l->n_untold);
    }
    l->next_told_ns = now_ns + LISTENED_QUIET_MS * NS_PER_MS;
    l->n_untold = 0;
    (void)bridge_why_text(&l->stream.source.why, text, sizeof text - sizeof more);
    strcat(text, more);
    tell_alert(l, PROTO_ALERT_BAD_LINE, text);
}

/* Tells what the bytes that were pushed gave. */
static void tell_events(struct listened *l)
{
    struct bridge_event event;
    for (int got = 1; got != 0 && !l->is_stopped;) {
        got = bridge_stream_next(&l->stream, &event);
        if (got < 0) {
            tell_why(l);
        } else if (got == 1) {
            l->item.is_alert = false;
            bridge_event_message(&event, l->rig->name, &l->item.message);
            tell_item(l);
        }
    }
}

static double now_s(void)
{
    return 1e-9 * (double)clock_mono_ns();
}

/* ---- a publisher ----------------------------------------------------------------------------- */

static int set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value);
}

static int watch_connection(struct listened *l)
{
    static const char AT[] = "inproc://connection"; /* of a context of its own */
    l->away_ns = clock_mono_ns();
    l->monitor = zmq_socket_monitor(l->socket, AT,
                                    ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED) == 0
                     ? zmq_socket(l->zmq, ZMQ_PAIR)
                     : NULL;
    return l->monitor == NULL || set_int(l->monitor, ZMQ_LINGER, 0) != 0
               ? -1
               : zmq_connect(l->monitor, AT);
}

static int open_socket(struct listened *l, const struct bridge_mapping *map)
{
    const char *topic = bridge_mapping_get(map, "message", "topic");
    const int64_t most = BRIDGE_MESSAGE_MAX;
    l->zmq = zmq_ctx_new();
    l->socket = l->zmq != NULL ? zmq_socket(l->zmq, ZMQ_SUB) : NULL;
    if (l->socket == NULL || set_int(l->socket, ZMQ_LINGER, 0) != 0 ||
        set_int(l->socket, ZMQ_RCVHWM, LISTENED_WAITING_MAX) != 0 ||
        set_int(l->socket, ZMQ_HEARTBEAT_IVL, 2000) != 0 ||
        set_int(l->socket, ZMQ_HEARTBEAT_TIMEOUT, 6000) != 0 ||
        set_int(l->socket, ZMQ_TCP_KEEPALIVE, 1) != 0 || set_int(l->socket, ZMQ_IPV6, 1) != 0 ||
        zmq_setsockopt(l->socket, ZMQ_MAXMSGSIZE, &most, sizeof most) != 0 ||
        zmq_setsockopt(l->socket, ZMQ_SUBSCRIBE, topic != NULL ? topic : "",
                       topic != NULL ? strlen(topic) : 0) != 0 ||
        watch_connection(l) != 0 || zmq_connect(l->socket, l->rig->subscribe) != 0) {
        log_error("rig %s: %s: %s", l->rig->name, l->rig->subscribe, zmq_strerror(zmq_errno()));
        return -1;
    }
    return 0;
}

/* Receives one message, all its parts; false: there is none. Parts beyond the bound are left out.
 */
static bool receive(struct listened *l)
{
    zmq_msg_t message[PARTS_MAX];
    struct bridge_part part[PARTS_MAX];
    size_t n = 0;
    for (bool has_more = true; has_more;) {
        const size_t at = n < PARTS_MAX ? n : PARTS_MAX - 1;
        if (n >= PARTS_MAX) {
            (void)zmq_msg_close(&message[at]);
        }
        (void)zmq_msg_init(&message[at]);
        if (zmq_msg_recv(&message[at], l->socket, ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(&message[at]);
            n = n < PARTS_MAX ? n : PARTS_MAX - 1;
            break;
        }
        part[at] = (struct bridge_part){zmq_msg_data(&message[at]), zmq_msg_size(&message[at])};
        has_more = zmq_msg_more(&message[at]) != 0;
        n++;
    }
    n = n < PARTS_MAX ? n : PARTS_MAX;
    if (n > 0) {
        bridge_stream_push(&l->stream, part, n, now_s());
        tell_events(l);
    }
    for (size_t i = 0; i < n; i++) {
        (void)zmq_msg_close(&message[i]);
    }
    return n > 0;
}

/* Is the publisher there? Told when it has been away for a while, and when it is back. */
static void tell_connection(struct listened *l)
{
    char text[FOLLOWED_TEXT_MAX];
    uint16_t event = 0;
    const int64_t now_ns = clock_mono_ns();
    while (zmq_bus_next_event(l->monitor, &event)) {
        l->away_ns = event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED ? 0 : now_ns;
    }
    const bool is_away = l->away_ns > 0;
    if (is_away == l->is_reported ||
        (is_away && now_ns - l->away_ns < LISTENED_PATIENCE_MS * NS_PER_MS)) {
        return;
    }
    l->is_reported = is_away;
    (void)snprintf(text, sizeof text, "%.120s %s", l->rig->subscribe,
                   is_away ? "does not answer: does the program run, and publish there?"
                           : "is connected");
    tell_alert(l, is_away ? PROTO_ALERT_PUBLISHER_GONE : PROTO_ALERT_PUBLISHER_BACK, text);
}

static void pass_socket(struct listened *l, int wait_ms)
{
    tell_connection(l);
    zmq_pollitem_t item = {.socket = l->socket, .events = ZMQ_POLLIN};
    if (zmq_poll(&item, 1, wait_ms) > 0) {
        for (int i = 0; i < BURST && !l->is_stopped && receive(l); i++) {
        }
    }
}

/* ---- a serial port --------------------------------------------------------------------------- */

/* False: it is not open. */
static bool open_port(struct listened *l)
{
    char text[FOLLOWED_TEXT_MAX];
    const int64_t now_ns = clock_mono_ns();
    if (l->serial.fd >= 0) {
        return true;
    }
    if (now_ns < l->next_open_ns) {
        return false;
    }
    l->next_open_ns = now_ns + OPEN_EVERY_MS * NS_PER_MS;
    if (bridge_serial_open(&l->serial, l->rig->port, (int)l->rig->baud, text,
                           l->is_reported ? 0 : sizeof text) != BRIDGE_OK) {
        if (!l->is_reported) {
            l->is_reported = true;
            tell_alert(l, PROTO_ALERT_DEVICE_GONE, text);
        }
        return false;
    }
    if (l->is_reported) {
        l->is_reported = false;
        tell_alert(l, PROTO_ALERT_DEVICE_BACK, "the serial port is open again");
    }
    return true;
}

static void pass_port(struct listened *l, int wait_ms)
{
    uint8_t bytes[SERIAL_BYTES];
    if (!open_port(l)) {
        clock_sleep_ns(wait_ms * NS_PER_MS);
        return;
    }
    struct pollfd item = {.fd = l->serial.fd, .events = POLLIN};
    if (poll(&item, 1, wait_ms) <= 0) {
        return;
    }
    const ssize_t got = read(l->serial.fd, bytes, sizeof bytes);
    if (got > 0) {
        const struct bridge_part part = {bytes, (size_t)got};
        bridge_stream_push(&l->stream, &part, 1, now_s());
        tell_events(l);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        bridge_serial_close(&l->serial);
        l->serial.fd = -1;
        l->is_reported = true;
        tell_alert(l, PROTO_ALERT_DEVICE_GONE, "the serial port is gone");
    }
}

/* ---- opening --------------------------------------------------------------------------------- */

/* The configuration was read: the format takes the mapping. */
static int open_stream(struct listened *l, const struct bridge_mapping *map)
{
    const struct config_rigs *rig = l->rig;
    struct bridge_stream_start start = {.session = ""};
    const time_t now = (time_t)(clock_wall_ns() / 1000000000);
    struct tm local;
    memcpy(start.subject, rig->subject, sizeof start.subject);
    if (localtime_r(&now, &local) != NULL) {
        (void)strftime(start.session, sizeof start.session, "%Y-%m-%d_%H%M%S", &local);
    }
    return bridge_stream_open(&l->stream, bridge_stream_find(rig->format),
                              rig->subscribe[0] != '\0' ? rig->subscribe : rig->port, map, &start);
}

int listened_open(struct listened *l, const struct config_rigs *rig,
                  const struct bridge_mapping *map, followed_tell *tell, void *context)
{
    *l = (struct listened){.rig = rig, .tell = tell, .context = context, .serial = {.fd = -1}};
    if (open_stream(l, map) != 0) {
        return -1;
    }
    if (rig->subscribe[0] != '\0' && open_socket(l, map) != 0) {
        listened_close(l);
        return -1;
    }
    return 0;
}

void listened_pass(struct listened *l, int wait_ms)
{
    if (l->socket != NULL) {
        pass_socket(l, wait_ms);
    } else {
        pass_port(l, wait_ms);
    }
}

void listened_close(struct listened *l)
{
    bridge_stream_close(&l->stream);
    if (l->socket != NULL) {
        (void)zmq_socket_monitor(l->socket, NULL, 0);
        (void)zmq_close(l->socket);
    }
    if (l->monitor != NULL) {
        (void)zmq_close(l->monitor);
    }
    if (l->zmq != NULL) {
        (void)zmq_ctx_term(l->zmq);
    }
    bridge_serial_close(&l->serial);
    l->zmq = l->socket = l->monitor = NULL;
}
