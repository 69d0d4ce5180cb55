/* bus.h - the daemon's ZeroMQ sockets: opened as the configuration says, guarded, received from and
 * sent to without blocking.
 *
 * Addresses beyond this machine need CURVE keys (clients are then checked against the list of
 * public keys) or `security.insecure: true`.
 * Threads: one owner. Memory: libzmq's; receive buffers are the caller's.
 */
#ifndef MURID_BUS_H
#define MURID_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "fault.h"
#include "proto/message.h"

/* A key's text form (ZeroMQ RFC 32) has 40 characters and a NUL. */
enum { BUS_ROUTE_MAX = 256, BUS_KEYS_MAX = 256, BUS_KEY_BYTES = 32, BUS_KEY_TEXT = 41 };

struct bus {
    void *context;
    void *ask;     /* ROUTER */
    void *pub;     /* XPUB */
    void *trials;  /* SUB */
    void *control; /* ROUTER, NULL if closed */
    void *zap;     /* REP, NULL without CURVE */
    size_t n_keys;
    uint8_t keys[BUS_KEYS_MAX][BUS_KEY_BYTES]; /* clients allowed */
    bool any_key;                              /* CURVE without a list: every client with a key */
};

/* One request on a ROUTER, with the way back. */
struct bus_request {
    uint8_t route[BUS_ROUTE_MAX];
    size_t route_size;
    bool has_delimiter; /* an empty frame came before the body, as REQ sends it */
    size_t size;        /* of the body as sent; more than PROTO_BYTES_MAX: it was cut */
    uint8_t body[PROTO_BYTES_MAX + 1];
};

/* Opens every socket that the configuration names. FAULT_INPUT or FAULT_WORK name the key. */
int bus_open(struct bus *bus, const struct config *config, struct fault *fault);
void bus_close(struct bus *bus);

/* Descriptor to wait for on behalf of a socket. It only signals change: read until empty. */
int bus_fd(void *socket);

/* The next request of a ROUTER: true if there was one. RT-safe: yes (libzmq's own work apart). */
bool bus_receive(void *socket, struct bus_request *request);

/* The last frame of the next message of a SUB: true if there was one; *size as sent. RT-safe: yes.
 */
bool bus_receive_last(void *socket, uint8_t *body, size_t cap, size_t *size);

/* Answers a request; a client that is gone or too slow loses the answer. RT-safe: yes. */
void bus_reply(void *socket, const struct bus_request *request, const uint8_t *body, size_t size);

/* Sends [topic][body]; slow subscribers lose it. RT-safe: yes. */
void bus_publish(struct bus *bus, const char *topic, const uint8_t *body, size_t size);

/* Answers the connections that wait to be let in. */
void bus_authenticate(struct bus *bus);

/* True if an endpoint can be reached from this machine only. */
bool bus_is_local(const char *endpoint);

/* The keys with which a client connects; all "" for a daemon without CURVE. */
struct bus_client_keys {
    char server[BUS_KEY_TEXT]; /* the daemon's public key */
    char public_key[BUS_KEY_TEXT];
    char secret_key[BUS_KEY_TEXT];
};

/* Loads them from the files that `murid keygen` made: the client's own pair, and the daemon's .pub.
 * Both NULL: none. FAULT_NONE or FAULT_INPUT. */
int bus_load_client_keys(struct bus_client_keys *keys, const char *pair_path,
                         const char *server_path, struct fault *fault);

/* Gives them to a socket that is not connected yet. */
void bus_use_client_keys(void *socket, const struct bus_client_keys *keys);

/* Writes a new key pair: path (secret and public, mode 0600) and path.pub. */
int bus_make_keys(const char *path, struct fault *fault);

#endif
