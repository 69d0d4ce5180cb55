#include "bus.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

enum { MESSAGE_BYTES_MAX = 1 << 20, QUEUE = 10000 };
enum { QUIET_S = 4, PROBE_S = 2, PROBES = 3, GONE_MS = 10000 };

/* ---- keys ------------------------------------------------------------------------------------ */

static bool is_key_text(const char *text)
{
    uint8_t bytes[BUS_KEY_BYTES];
    return strlen(text) == BUS_KEY_TEXT - 1 && zmq_z85_decode(bytes, text) != NULL;
}

/* The value of "name = ..." in a key file, or the first word of a line for name NULL. */
static bool read_key(FILE *f, const char *name, char key[BUS_KEY_TEXT], int *line)
{
    char text[256];
    while (fgets(text, sizeof text, f) != NULL) {
        (*line)++;
        char first[64] = "";
        char second[64] = "";
        const int n = sscanf(text, "%63s %63s", first, second);
        if (n < 1 || first[0] == '#') {
            continue;
        }
        if (name == NULL || (n == 2 && strcmp(first, name) == 0)) {
            const char *word = name == NULL ? first : second;
            const size_t size = strlen(word);
            memcpy(key, word, size < BUS_KEY_TEXT ? size + 1 : 0);
            key[size < BUS_KEY_TEXT ? size : 0] = '\0'; /* too long: no key at all */
            return true;
        }
    }
    return false;
}

static int load_client_keys(struct bus *bus, const char *path, struct fault *fault)
{
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        return fault_set(fault, FAULT_INPUT, "security.client_keys: %s: %s", path, strerror(errno));
    }
    int rc = FAULT_NONE;
    int line = 0;
    char key[BUS_KEY_TEXT];
    while (rc == FAULT_NONE && read_key(f, NULL, key, &line)) {
        if (!is_key_text(key)) {
            rc = fault_set(fault, FAULT_INPUT,
                           "%s:%d: not a public key: 40 characters, as `murid keygen` writes", path,
                           line);
        } else if (bus->n_keys == BUS_KEYS_MAX) {
            rc =
                fault_set(fault, FAULT_INPUT, "%s:%d: more than %d keys", path, line, BUS_KEYS_MAX);
        } else {
            zmq_z85_decode(bus->keys[bus->n_keys++], key);
        }
    }
    fclose(f);
    return rc;
}

/* One key of a file; setting: what the error calls the file. */
static int load_key(const char *path, const char *setting, const char *name, char key[BUS_KEY_TEXT],
                    struct fault *fault)
{
    FILE *f = fopen(path, "r");
    int line = 0;
    if (f == NULL) {
        return fault_set(fault, FAULT_INPUT, "%s: %s: %s", setting, path, strerror(errno));
    }
    const bool found = read_key(f, name, key, &line);
    fclose(f);
    if (!found || !is_key_text(key)) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: no line \"%s%sKEY\" with a key, as `murid keygen` writes", path,
                         name != NULL ? name : "", name != NULL ? " " : "");
    }
    return FAULT_NONE;
}

int bus_load_client_keys(struct bus_client_keys *keys, const char *pair_path,
                         const char *server_path, struct fault *fault)
{
    *keys = (struct bus_client_keys){.server = ""};
    if (pair_path == NULL && server_path == NULL) {
        return FAULT_NONE;
    }
    if (pair_path == NULL || server_path == NULL) {
        return fault_set(fault, FAULT_INPUT,
                         "--key and --server-key go together: your own key pair and the daemon's "
                         ".pub file");
    }
    int rc = load_key(pair_path, "--key", "public", keys->public_key, fault);
    rc = rc ? rc : load_key(pair_path, "--key", "secret", keys->secret_key, fault);
    return rc ? rc : load_key(server_path, "--server-key", NULL, keys->server, fault);
}

void bus_use_client_keys(void *socket, const struct bus_client_keys *keys)
{
    if (keys->server[0] != '\0') {
        (void)zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, keys->server, BUS_KEY_TEXT);
        (void)zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, keys->public_key, BUS_KEY_TEXT);
        (void)zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key, BUS_KEY_TEXT);
    }
}

int bus_make_keys(const char *path, struct fault *fault)
{
    char public_key[BUS_KEY_TEXT];
    char secret_key[BUS_KEY_TEXT];
    char public_path[512];
    if (zmq_curve_keypair(public_key, secret_key) != 0) {
        return fault_set(fault, FAULT_WORK, "this libzmq was built without CURVE");
    }
    (void)snprintf(public_path, sizeof public_path, "%s.pub", path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fault_set(fault, FAULT_INPUT, "%s: %s", path, strerror(errno));
    }
    FILE *f = fdopen(fd, "w");
    FILE *p = fopen(public_path, "w");
    const bool ok =
        f != NULL && p != NULL &&
        fprintf(f, "# keep this file secret\npublic %s\nsecret %s\n", public_key, secret_key) > 0 &&
        fprintf(p, "%s\n", public_key) > 0;
    const bool closed_secret = f == NULL || fclose(f) == 0;
    const bool closed_public = p == NULL || fclose(p) == 0;
    return ok && closed_secret && closed_public
               ? FAULT_NONE
               : fault_set(fault, FAULT_WORK, "%s: %s", path, strerror(errno));
}

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

bool bus_is_local(const char *endpoint)
{
    static const char *const NAMES[] = {"localhost", "[::1]", "lo"};
    if (strncmp(endpoint, "ipc://", 6) == 0 || strncmp(endpoint, "inproc://", 9) == 0) {
        return true;
    }
    const char *port = strrchr(endpoint, ':');
    if (strncmp(endpoint, "tcp://", 6) != 0 || port < endpoint + 6) {
        return false;
    }
    const char *host = endpoint + 6;
    const size_t size = (size_t)(port - host);
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (strlen(NAMES[i]) == size && memcmp(NAMES[i], host, size) == 0) {
            return true;
        }
    }
    return is_loopback_number(host, size);
}

static void set_option(void *socket, int option, int value)
{
    (void)zmq_setsockopt(socket, option, &value, sizeof value);
}

static void *make_socket(struct bus *bus, int type)
{
    void *s = zmq_socket(bus->context, type);
    if (s != NULL) {
        set_option(s, ZMQ_LINGER, 200);
        set_option(s, ZMQ_SNDHWM, QUEUE);
        set_option(s, ZMQ_RCVHWM, QUEUE);
        /* A peer that vanished is found out by TCP: ZeroMQ's heartbeats would set a timer, and so
         * cost 2 us, in each wait of its thread. */
        set_option(s, ZMQ_TCP_KEEPALIVE, 1);
        set_option(s, ZMQ_TCP_KEEPALIVE_IDLE, QUIET_S);
        set_option(s, ZMQ_TCP_KEEPALIVE_INTVL, PROBE_S);
        set_option(s, ZMQ_TCP_KEEPALIVE_CNT, PROBES);
        set_option(s, ZMQ_TCP_MAXRT, GONE_MS);
        const int64_t largest = MESSAGE_BYTES_MAX;
        (void)zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &largest, sizeof largest);
    }
    return s;
}

/* libzmq takes 65537 for 1. */
static bool is_port(const char *text)
{
    char *end = NULL;
    const long port = strtol(text, &end, 10);
    return strcmp(text, "*") == 0 || (end != text && *end == '\0' && port >= 1 && port <= 65535);
}

static int check_endpoint(const char *key, const char *endpoint, const struct config *config,
                          bool has_curve, struct fault *fault)
{
    const char *port = strrchr(endpoint, ':');
    if (strncmp(endpoint, "tcp://", 6) == 0 && !is_port(port + 1)) {
        return fault_set(fault, FAULT_INPUT,
                         "sockets.%s: %s: a port from 1 to 65535 was expected after the last \":\"",
                         key, endpoint);
    }
    if (bus_is_local(endpoint) || has_curve || config->security.insecure) {
        return FAULT_NONE;
    }
    return fault_set(fault, FAULT_INPUT,
                     "sockets.%s: %s can be reached from other machines: set security.server_key "
                     "(`murid keygen`), or write security.insecure: true",
                     key, endpoint);
}

static int open_bound(struct bus *bus, void **out, int type, const char *key, const char *endpoint,
                      const struct config *config, const char *secret, struct fault *fault)
{
    if (endpoint[0] == '\0') {
        return FAULT_NONE;
    }
    const int rc = check_endpoint(key, endpoint, config, secret[0] != '\0', fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    void *s = *out = make_socket(bus, type);
    if (s == NULL) {
        return fault_set(fault, FAULT_WORK, "sockets.%s: %s", key, zmq_strerror(errno));
    }
    if (secret[0] != '\0') {
        set_option(s, ZMQ_CURVE_SERVER, 1);
        (void)zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, secret, BUS_KEY_TEXT);
    }
    if (type == ZMQ_ROUTER) {
        set_option(s, ZMQ_ROUTER_HANDOVER, 1);
    } else if (type == ZMQ_XPUB) {
        set_option(s, ZMQ_XPUB_VERBOSE, 1);
    } else {
        (void)zmq_setsockopt(s, ZMQ_SUBSCRIBE, "", 0);
    }
    if (zmq_bind(s, endpoint) == 0) {
        return FAULT_NONE;
    }
    return fault_set(fault, errno == EADDRINUSE ? FAULT_WORK : FAULT_INPUT, "sockets.%s: %s: %s%s",
                     key, endpoint, zmq_strerror(errno),
                     errno == EADDRINUSE ? "; is another murid running?" : "");
}

static int connect_publishers(struct bus *bus, const struct config *config, struct fault *fault)
{
    for (size_t i = 0; i < config->sockets.trials_connect.n; i++) {
        const char *endpoint = config->sockets.trials_connect.v[i];
        const int rc = check_endpoint("trials_connect", endpoint, config, false, fault);
        if (rc != FAULT_NONE) {
            return rc;
        }
        if (bus->trials == NULL) {
            bus->trials = make_socket(bus, ZMQ_SUB);
            (void)zmq_setsockopt(bus->trials, ZMQ_SUBSCRIBE, "", 0);
        }
        if (zmq_connect(bus->trials, endpoint) != 0) {
            return fault_set(fault, FAULT_INPUT, "sockets.trials_connect: %s: %s", endpoint,
                             zmq_strerror(errno));
        }
    }
    return FAULT_NONE;
}

static int open_curve(struct bus *bus, const struct config *config, char secret[BUS_KEY_TEXT],
                      struct fault *fault)
{
    secret[0] = '\0';
    if (config->security.server_key[0] == '\0') {
        return FAULT_NONE;
    }
    int rc = load_key(config->security.server_key, "security.server_key", "secret", secret, fault);
    bus->any_key = config->security.client_keys[0] == '\0';
    if (rc == FAULT_NONE && !bus->any_key) {
        rc = load_client_keys(bus, config->security.client_keys, fault);
    }
    if (rc != FAULT_NONE) {
        return rc;
    }
    bus->zap = zmq_socket(bus->context, ZMQ_REP);
    if (bus->zap == NULL || zmq_bind(bus->zap, "inproc://zeromq.zap.01") != 0) {
        return fault_set(fault, FAULT_WORK, "security: %s", zmq_strerror(errno));
    }
    return FAULT_NONE;
}

int bus_open(struct bus *bus, const struct config *config, struct fault *fault)
{
    const struct config_sockets *c = &config->sockets;
    char secret[BUS_KEY_TEXT];
    *bus = (struct bus){.context = zmq_ctx_new()};
    if (bus->context == NULL) {
        return fault_set(fault, FAULT_WORK, "zeromq: %s", zmq_strerror(errno));
    }
    int rc = open_curve(bus, config, secret, fault);
    rc = rc ? rc : open_bound(bus, &bus->ask, ZMQ_ROUTER, "ask", c->ask, config, secret, fault);
    rc = rc ? rc : open_bound(bus, &bus->pub, ZMQ_XPUB, "pub", c->pub, config, secret, fault);
    rc = rc ? rc
            : open_bound(bus, &bus->trials, ZMQ_SUB, "trials", c->trials, config, secret, fault);
    rc = rc ? rc : connect_publishers(bus, config, fault);
    rc = rc ? rc
            : open_bound(bus, &bus->control, ZMQ_ROUTER, "control", c->control, config, secret,
                         fault);
    if (rc != FAULT_NONE) {
        bus_close(bus);
    }
    return rc;
}

void bus_close(struct bus *bus)
{
    void **const sockets[] = {&bus->control, &bus->trials, &bus->pub, &bus->ask, &bus->zap};
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

int bus_fd(void *socket)
{
    int fd = -1;
    size_t size = sizeof fd;
    (void)zmq_getsockopt(socket, ZMQ_FD, &fd, &size);
    return fd;
}

/* ---- moving frames --------------------------------------------------------------------------- */

/* One frame into to[cap]. Its size as sent, or -1 if there is none; *more: another one follows. */
static int receive_frame(void *socket, uint8_t *to, size_t cap, bool *more)
{
    zmq_msg_t frame;
    (void)zmq_msg_init(&frame);
    const int n = zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT);
    *more = n >= 0 && zmq_msg_more(&frame) != 0;
    if (n > 0) {
        memcpy(to, zmq_msg_data(&frame), (size_t)n < cap ? (size_t)n : cap);
    }
    (void)zmq_msg_close(&frame);
    return n;
}

bool bus_receive(void *socket, struct bus_request *request)
{
    bool more;
    const int n = receive_frame(socket, request->route, sizeof request->route, &more);
    if (n < 0) {
        return false;
    }
    request->route_size = (size_t)n < sizeof request->route ? (size_t)n : sizeof request->route;
    request->has_delimiter = false;
    request->size = 0;
    for (int frames = 1; more; frames++) {
        request->has_delimiter = request->has_delimiter || (frames == 2 && request->size == 0);
        const int m = receive_frame(socket, request->body, sizeof request->body, &more);
        request->size = m > 0 ? (size_t)m : 0;
    }
    return true;
}

bool bus_receive_last(void *socket, uint8_t *body, size_t cap, size_t *size)
{
    bool more;
    int n = receive_frame(socket, body, cap, &more);
    if (n < 0) {
        return false;
    }
    while (more) {
        n = receive_frame(socket, body, cap, &more);
    }
    *size = n > 0 ? (size_t)n : 0;
    return true;
}

void bus_reply(void *socket, const struct bus_request *request, const uint8_t *body, size_t size)
{
    if (zmq_send(socket, request->route, request->route_size, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        return;
    }
    if (request->has_delimiter) {
        (void)zmq_send(socket, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    }
    (void)zmq_send(socket, body, size, ZMQ_DONTWAIT);
}

void bus_publish(struct bus *bus, const char *topic, const uint8_t *body, size_t size)
{
    if (zmq_send(bus->pub, topic, strlen(topic), ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0) {
        (void)zmq_send(bus->pub, body, size, ZMQ_DONTWAIT);
    }
}

/* ---- letting clients in (ZeroMQ RFC 27) ------------------------------------------------------ */

static bool is_allowed(const struct bus *bus, const uint8_t *key, int size)
{
    if (size != BUS_KEY_BYTES) {
        return false;
    }
    for (size_t i = 0; i < bus->n_keys; i++) {
        if (memcmp(bus->keys[i], key, BUS_KEY_BYTES) == 0) {
            return true;
        }
    }
    return bus->any_key;
}

void bus_authenticate(struct bus *bus)
{
    enum { VERSION, REQUEST_ID, DOMAIN_NAME, ADDRESS, IDENTITY, MECHANISM, CREDENTIALS, PARTS };
    uint8_t part[PARTS][256];
    int size[PARTS];
    for (;;) {
        int n = 0;
        bool more;
        do {
            const int at = n < PARTS ? n : PARTS - 1;
            size[at] = receive_frame(bus->zap, part[at], sizeof part[at], &more);
            if (size[at] < 0) {
                return;
            }
            n++;
        } while (more);
        const bool ok = n == PARTS && size[REQUEST_ID] <= 255 && size[MECHANISM] == 5 &&
                        memcmp(part[MECHANISM], "CURVE", 5) == 0 &&
                        is_allowed(bus, part[CREDENTIALS], size[CREDENTIALS]);
        const size_t id_size =
            n > REQUEST_ID && size[REQUEST_ID] <= 255 ? (size_t)size[REQUEST_ID] : 0;
        (void)zmq_send(bus->zap, "1.0", 3, ZMQ_SNDMORE);
        (void)zmq_send(bus->zap, part[REQUEST_ID], id_size, ZMQ_SNDMORE);
        (void)zmq_send(bus->zap, ok ? "200" : "400", 3, ZMQ_SNDMORE);
        (void)zmq_send(bus->zap, ok ? "OK" : "key not allowed", ok ? 2 : 15, ZMQ_SNDMORE);
        (void)zmq_send(bus->zap, "", 0, ZMQ_SNDMORE);
        (void)zmq_send(bus->zap, "", 0, 0);
    }
}
