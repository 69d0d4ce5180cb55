#include "zmq_bus.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "curve_keys.h"
#include "endpoint.h"
#include "key_table.h"
#include "log.h"

enum { QUIET_S = 4, PROBE_S = 2, PROBES = 3, GONE_MS = 10000, HANDSHAKE_MS = 10000 };
enum { SOCKETS_MAX = 4096 }; /* of libzmq's, and so above all connections */

/* ---- opening --------------------------------------------------------------------------------- */

/* True for 127.0.0.0/8 written out; "127.x.org" and "127.0.0.1:0;far:1" are something else. */
static bool is_loopback_number(const char *host, size_t size)
{
    char text[16];
    struct in_addr address;
    if (size >= sizeof text) {
        return false;
    }
    memcpy(text, host, size);
    text[size] = '\0';
    return inet_pton(AF_INET, text, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

bool zmq_bus_is_local(const char *endpoint)
{
    static const char *const NAMES[] = {"localhost", "[::1]", "lo", NULL};
    if (strncmp(endpoint, "ipc://", 6) == 0 || strncmp(endpoint, "inproc://", 9) == 0) {
        return true;
    }
    const char *port = strrchr(endpoint, ':');
    if (strncmp(endpoint, "tcp://", 6) != 0 || port < endpoint + 6) {
        return false;
    }
    const char *host = endpoint + 6;
    const size_t size = (size_t)(port - host);
    return key_word_find(NAMES, host, size) != SIZE_MAX || is_loopback_number(host, size);
}

void zmq_bus_set(void *socket, int option, int value)
{
    (void)zmq_setsockopt(socket, option, &value, sizeof value);
}

/* What libzmq holds for a peer before it stops reading from it, or drops what is for it. Nine of
 * the longest messages are less than limits.waiting_kib: who keeps to the protocol is never ended.
 */
struct queues {
    int in, out; /* messages */
    int64_t frame_bytes_max;
};

/* ask: replies are some KiB. pub: libzmq takes in all subscriptions that are queued at once, in the
 * caller's time. */
static const struct queues ASK_QUEUES = {8, 1000, ZMQ_BUS_FRAME_BYTES_MAX};
static const struct queues TRIALS_QUEUES = {8, 1, ZMQ_BUS_FRAME_BYTES_MAX};
static const struct queues PUB_QUEUES = {8, 10000, 1024};
static const struct queues CONTROL_QUEUES = {8, 64, ZMQ_BUS_FRAME_BYTES_MAX};

static void *make_socket(struct zmq_bus *bus, int type, const struct queues *queues)
{
    void *s = zmq_socket(bus->context, type);
    if (s != NULL) {
        zmq_bus_set(s, ZMQ_LINGER, 200);
        zmq_bus_set(s, ZMQ_SNDHWM, queues->out);
        zmq_bus_set(s, ZMQ_RCVHWM, queues->in);
        zmq_bus_set(s, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
        /* A peer that vanished is found out by TCP: ZeroMQ's heartbeats would set a timer, and so
         * cost 2 us, in each wait of its thread. */
        zmq_bus_set(s, ZMQ_TCP_KEEPALIVE, 1);
        zmq_bus_set(s, ZMQ_TCP_KEEPALIVE_IDLE, QUIET_S);
        zmq_bus_set(s, ZMQ_TCP_KEEPALIVE_INTVL, PROBE_S);
        zmq_bus_set(s, ZMQ_TCP_KEEPALIVE_CNT, PROBES);
        zmq_bus_set(s, ZMQ_TCP_MAXRT, GONE_MS);
        (void)zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &queues->frame_bytes_max,
                             sizeof queues->frame_bytes_max);
    }
    return s;
}

static int check_reach(const char *name, const char *endpoint, bool is_safe, struct fault *fault)
{
    int rc = endpoint_check(name, endpoint, fault);
    if (rc != FAULT_NONE || is_safe || zmq_bus_is_local(endpoint)) {
        return rc;
    }
    return fault_set(fault, FAULT_INPUT,
                     "%s: %s is reachable from other machines: set security.server_key "
                     "(`murid keygen`), or write security.insecure: true",
                     name, endpoint);
}

/* One socket of the configuration. name: its key, and its domain where clients are let in. */
struct opening {
    const char *name;
    const char *endpoint;
    int type;
    const struct queues *queues;
    void **out;
};

static int open_bound(struct zmq_bus *bus, const struct opening *o, const struct config *config,
                      const char *secret, struct fault *fault)
{
    char setting[32];
    if (o->endpoint[0] == '\0') {
        return FAULT_NONE;
    }
    (void)snprintf(setting, sizeof setting, "sockets.%s", o->name);
    int rc =
        check_reach(setting, o->endpoint, secret[0] != '\0' || config->security.insecure, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    void *s = *o->out = make_socket(bus, o->type, o->queues);
    if (s == NULL) {
        return fault_set(fault, FAULT_WORK, "%s: %s", setting, zmq_strerror(errno));
    }
    if (secret[0] != '\0') {
        zmq_bus_set(s, ZMQ_CURVE_SERVER, 1);
        (void)zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, secret, KEY_LIST_TEXT);
        (void)zmq_setsockopt(s, ZMQ_ZAP_DOMAIN, o->name, strlen(o->name));
    }
    if (o->type == ZMQ_ROUTER) {
        zmq_bus_set(s, ZMQ_ROUTER_HANDOVER, 1);
    } else if (o->type == ZMQ_XPUB) {
        zmq_bus_set(s, ZMQ_XPUB_VERBOSE, 1);
    } else {
        (void)zmq_setsockopt(s, ZMQ_SUBSCRIBE, "", 0);
    }
    rc = doors_watch(bus->doors, s, o->name, fault);
    if (rc != FAULT_NONE || zmq_bind(s, o->endpoint) == 0) {
        return rc;
    }
    return fault_set(fault, errno == EADDRINUSE ? FAULT_WORK : FAULT_INPUT, "%s: %s: %s%s", setting,
                     o->endpoint, zmq_strerror(errno),
                     errno == EADDRINUSE ? "; is another murid running?" : "");
}

static int connect_publishers(struct zmq_bus *bus, const struct config *config, struct fault *fault)
{
    for (size_t i = 0; i < config->sockets.trials_connect.n; i++) {
        const char *endpoint = config->sockets.trials_connect.v[i];
        const int rc =
            check_reach("sockets.trials_connect", endpoint, config->security.insecure, fault);
        if (rc != FAULT_NONE) {
            return rc;
        }
        if (bus->trials == NULL) {
            bus->trials = make_socket(bus, ZMQ_SUB, &TRIALS_QUEUES);
            (void)zmq_setsockopt(bus->trials, ZMQ_SUBSCRIBE, "", 0);
        }
        if (zmq_connect(bus->trials, endpoint) != 0) {
            return fault_set(fault, FAULT_INPUT, "sockets.trials_connect: %s: %s", endpoint,
                             zmq_strerror(errno));
        }
    }
    return FAULT_NONE;
}

static int open_curve(struct zmq_bus *bus, const struct config *config, char secret[KEY_LIST_TEXT],
                      struct fault *fault)
{
    const struct config_security *c = &config->security;
    secret[0] = '\0';
    if (c->server_key[0] == '\0') {
        return FAULT_NONE;
    }
    int rc = curve_keys_load(c->server_key, "security.server_key", "secret", secret, fault);
    bus->is_curve = true;
    bus->any_key = c->client_keys[0] == '\0';
    if (rc == FAULT_NONE && !bus->any_key) {
        rc = key_list_load(&bus->keys, c->client_keys, fault);
    }
    if (rc != FAULT_NONE) {
        return rc;
    }
    curve_keys_warn_if_readable(c->server_key);
    if (config->sockets.control[0] != '\0' && !key_list_has(&bus->keys, KEY_ROLE_CONTROL)) {
        return fault_set(
            fault, FAULT_INPUT,
            "sockets.control: with security.server_key it accepts commands only from keys "
            "with the role control: write \"KEY control\" in the file of "
            "security.client_keys, or close it with control: \"\"");
    }
    bus->zap = zmq_socket(bus->context, ZMQ_REP);
    if (bus->zap == NULL || zmq_bind(bus->zap, "inproc://zeromq.zap.01") != 0) {
        return fault_set(fault, FAULT_WORK, "security: %s", zmq_strerror(errno));
    }
    return FAULT_NONE;
}

int zmq_bus_open(struct zmq_bus *bus, const struct config *config, struct fault *fault)
{
    const struct config_sockets *c = &config->sockets;
    char secret[KEY_LIST_TEXT];
    *bus = (struct zmq_bus){.context = zmq_ctx_new()};
    if (bus->context == NULL) {
        return fault_set(fault, FAULT_WORK, "zeromq: %s", zmq_strerror(errno));
    }
    (void)zmq_ctx_set(bus->context, ZMQ_MAX_SOCKETS, SOCKETS_MAX);
    const struct opening openings[] = {
        {"ask", c->ask, ZMQ_ROUTER, &ASK_QUEUES, &bus->ask},
        {"pub", c->pub, ZMQ_XPUB, &PUB_QUEUES, &bus->pub},
        {"trials", c->trials, ZMQ_SUB, &TRIALS_QUEUES, &bus->trials},
        {"control", c->control, ZMQ_ROUTER, &CONTROL_QUEUES, &bus->control},
    };
    int rc = doors_open(&bus->doors, bus->context, &config->limits, fault);
    rc = rc ? rc : open_curve(bus, config, secret, fault);
    for (size_t i = 0; i < sizeof openings / sizeof openings[0] && rc == FAULT_NONE; i++) {
        rc = open_bound(bus, &openings[i], config, secret, fault);
    }
    rc = rc ? rc : connect_publishers(bus, config, fault);
    rc = rc ? rc : doors_start(bus->doors, fault);
    if (rc != FAULT_NONE) {
        zmq_bus_close(bus);
    }
    return rc;
}

void zmq_bus_close(struct zmq_bus *bus)
{
    void **const sockets[] = {&bus->control, &bus->trials, &bus->pub, &bus->ask, &bus->zap};
    doors_close(bus->doors);
    bus->doors = NULL;
    for (int i = 0; i < 5; i++) {
        if (*sockets[i] != NULL) {
            zmq_close(*sockets[i]);
            *sockets[i] = NULL;
        }
    }
    if (bus->context != NULL) {
        zmq_ctx_term(bus->context);
        bus->context = NULL;
    }
}

const char *zmq_bus_endpoint(void *socket, const char *configured, char out[])
{
    size_t size = ZMQ_BUS_ENDPOINT_MAX;
    const size_t n = strlen(configured);
    const bool is_any = n > 2 && strcmp(configured + n - 2, ":*") == 0;
    if (!is_any || zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, out, &size) != 0) {
        (void)snprintf(out, ZMQ_BUS_ENDPOINT_MAX, "%s", n > 0 ? configured : "(closed)");
    }
    return out;
}

int zmq_bus_fd(void *socket)
{
    int fd = -1;
    size_t size = sizeof fd;
    (void)zmq_getsockopt(socket, ZMQ_FD, &fd, &size);
    return fd;
}

/* ---- moving frames --------------------------------------------------------------------------- */

/* What a frame of a peer took on its connection (ZeroMQ RFC 23 and 26). */
static size_t wire_bytes(size_t size, bool is_curve)
{
    enum { CURVE_BYTES = 33, SHORT_MAX = 255 };
    const size_t sealed = size + (is_curve ? CURVE_BYTES : 0);
    return sealed + (sealed > SHORT_MAX ? 9 : 2);
}

static void note_source(zmq_msg_t *frame, struct zmq_bus_source *source)
{
    const char *user = zmq_msg_gets(frame, "User-Id");
    source->fd = zmq_msg_get(frame, ZMQ_SRCFD);
    source->key = user != NULL && user[0] >= '0' && user[0] <= '9' ? atoi(user) : -1;
}

/* One frame into to[cap]. Its size as sent, or -1 if there is none; *more: another one follows.
 * source: where it came from is noted there, unless NULL. */
static int receive_frame(void *socket, uint8_t *to, size_t cap, bool *more,
                         struct zmq_bus_source *source)
{
    zmq_msg_t frame;
    (void)zmq_msg_init(&frame);
    const int n = zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT);
    *more = n >= 0 && zmq_msg_more(&frame) != 0;
    if (n > 0 && cap > 0) {
        memcpy(to, zmq_msg_data(&frame), (size_t)n < cap ? (size_t)n : cap);
    }
    if (n >= 0 && source != NULL) {
        note_source(&frame, source);
    }
    (void)zmq_msg_close(&frame);
    return n;
}

static bool pass_over(void *socket, struct zmq_bus_request *request)
{
    request->taken = 0;
    for (int i = 0; i < ZMQ_BUS_FRAMES_MAX && request->has_rest; i++) {
        const int n = receive_frame(socket, NULL, 0, &request->has_rest, NULL);
        if (n < 0) {
            return false;
        }
        request->taken += wire_bytes((size_t)n, request->is_sealed);
    }
    return true;
}

/* False: it is longer than its bounds. */
static bool push_frame(struct zmq_bus_envelope *e, size_t *used, const uint8_t *bytes, size_t size)
{
    if (e->n == ZMQ_BUS_ENVELOPE_FRAMES || size > ZMQ_BUS_ENVELOPE_BYTES - *used) {
        return false;
    }
    memcpy(e->bytes + *used, bytes, size);
    *used += size;
    e->size[e->n++] = (uint16_t)size;
    return true;
}

static enum zmq_bus_heard receive(void *socket, struct zmq_bus_request *request, bool has_way_back)
{
    struct zmq_bus_envelope *e = &request->envelope;
    size_t used = 0;
    bool is_open = has_way_back; /* no empty frame came yet */
    if (request->has_rest) {
        return pass_over(socket, request) ? ZMQ_BUS_REST : ZMQ_BUS_NONE;
    }
    e->n = 0;
    request->taken = 0;
    for (int frames = 1; frames <= ZMQ_BUS_FRAMES_MAX; frames++) {
        const int n = receive_frame(socket, request->body, sizeof request->body, &request->has_rest,
                                    frames == 1 ? &request->source : NULL);
        if (n < 0) {
            return ZMQ_BUS_NONE;
        }
        request->size = (size_t)n;
        if (frames > 1 || !has_way_back) { /* a ROUTER's first frame is its own */
            request->taken += wire_bytes(request->size, request->is_sealed);
        }
        if (!request->has_rest) {
            e->n = is_open && e->n > 1 ? 1 : e->n;
            return has_way_back && frames == 1 ? ZMQ_BUS_TOO_LONG : ZMQ_BUS_REQUEST;
        }
        if (is_open && !push_frame(e, &used, request->body, request->size)) {
            return ZMQ_BUS_TOO_LONG;
        }
        is_open = is_open && (n > 0 || frames == 1);
    }
    return ZMQ_BUS_TOO_LONG;
}

enum zmq_bus_heard zmq_bus_receive(void *socket, struct zmq_bus_request *request)
{
    return receive(socket, request, true);
}

enum zmq_bus_heard zmq_bus_receive_last(void *socket, struct zmq_bus_request *request)
{
    return receive(socket, request, false);
}

void zmq_bus_reply(void *socket, const struct zmq_bus_envelope *envelope, const uint8_t *body,
                   size_t size)
{
    const uint8_t *frame = envelope->bytes;
    for (uint32_t i = 0; i < envelope->n; i++) {
        if (zmq_send(socket, frame, envelope->size[i], ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
            return;
        }
        frame += envelope->size[i];
    }
    (void)zmq_send(socket, body, size, ZMQ_DONTWAIT);
}

bool zmq_bus_receive_news(struct zmq_bus *bus, uint8_t *to, size_t cap, size_t *size)
{
    enum { GIVEN_BACK = 0 };
    struct zmq_bus_source source;
    bool more;
    const int n = bus->pub != NULL ? receive_frame(bus->pub, to, cap, &more, &source) : -1;
    if (n < 0) {
        return false;
    }
    *size = (size_t)n;
    if (n > 0 && to[0] == GIVEN_BACK) {
        doors_took(bus->doors, source.fd, 2 * wire_bytes(*size, bus->is_curve));
    }
    return true;
}

void zmq_bus_took(struct zmq_bus *bus, const struct zmq_bus_request *request)
{
    doors_took(bus->doors, request->source.fd, request->taken);
}

void zmq_bus_publish(struct zmq_bus *bus, const char *topic, const uint8_t *body, size_t size)
{
    if (zmq_send(bus->pub, topic, strlen(topic), ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0) {
        (void)zmq_send(bus->pub, body, size, ZMQ_DONTWAIT);
    }
}

/* ---- letting clients in (ZeroMQ RFC 27) ------------------------------------------------------ */

static enum key_role role_for(const char *domain)
{
    if (strcmp(domain, "control") == 0) {
        return KEY_ROLE_CONTROL;
    }
    return strcmp(domain, "pub") == 0 ? KEY_ROLE_LISTEN : KEY_ROLE_RIG;
}

/* NULL: let in, *entry is the key's; otherwise why not. */
static const char *judge(const struct zmq_bus *bus, enum key_role role, const uint8_t *key,
                         int size, int *entry)
{
    bool is_known = false;
    *entry = -1;
    if (size != KEY_LIST_BYTES) {
        return "it has no key";
    }
    if (bus->any_key) {
        return NULL; /* no control socket is open without a list */
    }
    *entry = key_list_find(&bus->keys, key, role, &is_known);
    return *entry >= 0 ? NULL
           : is_known  ? "its key is not for this socket"
                       : "its key is not in security.client_keys";
}

static void refuse(struct zmq_bus *bus, const char *domain, const char *address, const uint8_t *key,
                   int size, const char *why)
{
    char text[KEY_LIST_TEXT] = "";
    bus->rejected_keys++;
    if (size == KEY_LIST_BYTES) {
        (void)zmq_z85_encode(text, key, KEY_LIST_BYTES);
    }
    doors_refused(bus->doors, domain, address, text, why);
}

bool zmq_bus_authenticate(struct zmq_bus *bus)
{
    enum { VERSION, REQUEST_ID, DOMAIN_NAME, ADDRESS, IDENTITY, MECHANISM, CREDENTIALS, PARTS };
    enum { TURN = 8, PART_BYTES = 256 };
    char part[PARTS][PART_BYTES];
    int size[PARTS];
    for (int turn = 0; turn < TURN; turn++) {
        int n = 0;
        bool more;
        do {
            const int at = n < PARTS ? n : PARTS - 1;
            size[at] = receive_frame(bus->zap, (uint8_t *)part[at], PART_BYTES - 1, &more, NULL);
            if (size[at] < 0) {
                return false;
            }
            size[at] = size[at] < PART_BYTES ? size[at] : PART_BYTES - 1;
            part[at][size[at]] = '\0';
            n++;
        } while (more);
        int entry = -1;
        const uint8_t *key = (const uint8_t *)part[CREDENTIALS];
        const char *why =
            n != PARTS || strcmp(part[MECHANISM], "CURVE") != 0
                ? "it does not use CURVE"
                : judge(bus, role_for(part[DOMAIN_NAME]), key, size[CREDENTIALS], &entry);
        if (why != NULL && n == PARTS) {
            refuse(bus, part[DOMAIN_NAME], part[ADDRESS], key, size[CREDENTIALS], why);
        }
        char user[16] = "";
        (void)snprintf(user, sizeof user, "%d", entry);
        (void)zmq_send(bus->zap, "1.0", 3, ZMQ_SNDMORE);
        (void)zmq_send(bus->zap, part[REQUEST_ID], n > REQUEST_ID ? (size_t)size[REQUEST_ID] : 0,
                       ZMQ_SNDMORE);
        (void)zmq_send(bus->zap, why == NULL ? "200" : "400", 3, ZMQ_SNDMORE);
        (void)zmq_send(bus->zap, why == NULL ? "OK" : why, why == NULL ? 2 : strlen(why),
                       ZMQ_SNDMORE);
        (void)zmq_send(bus->zap, user, strlen(user), ZMQ_SNDMORE);
        (void)zmq_send(bus->zap, "", 0, 0);
    }
    return true;
}

bool zmq_bus_is_for_rig(const struct zmq_bus *bus, const struct zmq_bus_request *request,
                        const char *rig)
{
    return request->source.key < 0 || (size_t)request->source.key >= bus->keys.n ||
           key_list_is_for_rig(&bus->keys, request->source.key, rig);
}

/* An event is two frames; the first begins with its number, 16 bits of this machine. */
bool zmq_bus_next_event(void *monitor, uint16_t *event)
{
    uint8_t bytes[6];
    if (zmq_recv(monitor, bytes, sizeof bytes, ZMQ_DONTWAIT) < (int)sizeof bytes) {
        return false;
    }
    memcpy(event, bytes, sizeof *event);
    uint8_t address[256];
    (void)zmq_recv(monitor, address, sizeof address, ZMQ_DONTWAIT);
    return true;
}
