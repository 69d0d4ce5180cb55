#include "doors.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "clock.h"
#include "log.h"
#include "os_socket.h"
#include "os_thread.h"

enum {
    FDS = 4096,
    FDS_KEPT = 64, /* for the journal, the lines and libzmq */
    LOOK_MS = 20,
    GREETING_BYTES = 64, /* of ZMTP, which every peer sends first */
    EVENTS_TURN = 256,
    KEY_BYTES = 64
};

static const int64_t NS_PER_S = 1000000000;

struct door {
    bool is_open;
    bool is_ended; /* by us; libzmq has not closed it yet */
    uint32_t socket;
    uint64_t number; /* of the accepted connection */
    int64_t since_ns;
    uint64_t read;         /* bytes, at the last look */
    uint64_t taken_before; /* of `taken`, by who had the descriptor earlier */
    char address[OS_SOCKET_ADDRESS_MAX];
};

/* A connection that was not let in, for the log. */
struct refusal {
    int64_t n; /* of them, not told yet */
    const char *why;
    char socket[16];
    char address[OS_SOCKET_ADDRESS_MAX];
    char key[KEY_BYTES];
};

struct doors {
    void *context;
    uint32_t n_sockets;
    void *watched[DOORS_SOCKETS_MAX];
    void *monitor[DOORS_SOCKETS_MAX];
    const char *name[DOORS_SOCKETS_MAX];
    pthread_t thread;
    bool is_started;
    int stop_fd;
    uint64_t most_waiting; /* bytes */
    uint32_t most_open;
    uint32_t n_open; /* but not ended */
    int top;         /* above all descriptors seen */
    uint64_t n_accepted;
    int64_t no_room_until_ns; /* for what was ended last to be closed */
    int64_t quiet_until_ns;
    int64_t untold;
    int64_t refusals_at_ns; /* not told before */
    pthread_mutex_t refusal_lock;
    struct refusal refusal;
    _Atomic int64_t ended;
    struct door door[FDS];
    _Atomic uint64_t taken[FDS];
};

/* ---- ending connections ---------------------------------------------------------------------- */

static void tell(struct doors *d, const struct door *door, const char *why)
{
    const int64_t now_ns = clock_mono_ns();
    if (now_ns < d->quiet_until_ns) {
        d->untold++;
        return;
    }
    log_warn("sockets.%s: a connection from %s was ended: %s", d->name[door->socket],
             door->address[0] != '\0' ? door->address : "this machine", why);
    if (d->untold > 0) {
        log_warn("sockets: %" PRId64 " more were ended since the last report", d->untold);
    }
    d->untold = 0;
    d->quiet_until_ns = now_ns + NS_PER_S;
}

static bool take_refusal(struct doors *d, struct refusal *out)
{
    (void)pthread_mutex_lock(&d->refusal_lock);
    *out = d->refusal;
    d->refusal.n = 0;
    (void)pthread_mutex_unlock(&d->refusal_lock);
    return out->n > 0;
}

/* False if one waits for its second to be over. */
static bool tell_refusals(struct doors *d)
{
    struct refusal r;
    const int64_t now_ns = clock_mono_ns();
    if (now_ns < d->refusals_at_ns) {
        return false;
    }
    if (take_refusal(d, &r)) {
        log_warn("sockets.%s: a connection from %s was refused: %s (key %s)%s", r.socket,
                 r.address[0] != '\0' ? r.address : "this machine", r.why,
                 r.key[0] != '\0' ? r.key : "none", r.n > 1 ? "; the latest of several" : "");
        d->refusals_at_ns = now_ns + NS_PER_S;
        return false;
    }
    return true;
}

static void shut(struct doors *d, int fd)
{
    os_socket_end(fd);
    d->door[fd].is_ended = true;
    d->n_open--;
}

static void end(struct doors *d, int fd, const char *why)
{
    struct door *door = &d->door[fd];
    shut(d, fd);
    atomic_fetch_add_explicit(&d->ended, 1, memory_order_relaxed);
    tell(d, door, why);
}

static void forget(struct doors *d, int fd)
{
    struct door *door = &d->door[fd];
    d->n_open -= door->is_open && !door->is_ended ? 1 : 0;
    door->is_open = false;
}

/* Brings door->read up to date. */
static void look(struct doors *d, int fd)
{
    const int rc = os_socket_bytes_read(fd, &d->door[fd].read);
    if (rc == -EBADF || rc == -ENOTSOCK) {
        forget(d, fd); /* libzmq closed it without an event, as for a peer that was replaced */
    } else if (rc != 0) {
        d->door[fd].read = GREETING_BYTES; /* ipc: not to be measured, so not called silent */
    }
}

/* As heartbeats of a peer with nothing to say make it, in hours: it connects again, and nothing is
 * lost. */
static bool is_slow(const struct door *door, uint64_t waiting)
{
    enum { BYTES_PER_S = 100 };
    const double age_s = (double)(clock_mono_ns() - door->since_ns) / 1e9;
    return (double)waiting < BYTES_PER_S * age_s;
}

static void end_for_waiting(struct doors *d, int fd, uint64_t waiting)
{
    char why[96];
    if (is_slow(&d->door[fd], waiting)) {
        shut(d, fd);
        return;
    }
    (void)snprintf(why, sizeof why,
                   "%" PRIu64 " KiB without a complete message (limits.waiting_kib)",
                   waiting >> 10);
    end(d, fd, why);
}

static void look_at_all(struct doors *d)
{
    for (int fd = 0; fd < d->top; fd++) {
        struct door *door = &d->door[fd];
        if (!door->is_open || door->is_ended) {
            continue;
        }
        look(d, fd);
        const uint64_t taken =
            atomic_load_explicit(&d->taken[fd], memory_order_relaxed) - door->taken_before;
        if (door->is_open && door->read > taken && door->read - taken > d->most_waiting) {
            end_for_waiting(d, fd, door->read - taken);
        }
    }
}

static bool is_candidate(const struct doors *d, int fd)
{
    return d->door[fd].is_open && !d->door[fd].is_ended;
}

/* The oldest that has not even greeted, -1 if all have. */
static int silent_one(struct doors *d)
{
    int found = -1;
    for (int fd = 0; fd < d->top; fd++) {
        if (is_candidate(d, fd) && d->door[fd].read < GREETING_BYTES &&
            (found < 0 || d->door[fd].number < d->door[found].number)) {
            look(d, fd);
            found = is_candidate(d, fd) && d->door[fd].read < GREETING_BYTES ? fd : found;
        }
    }
    return found;
}

static uint32_t count_of(const struct doors *d, const char *address)
{
    uint32_t n = 0;
    for (int fd = 0; fd < d->top; fd++) {
        n += is_candidate(d, fd) && strcmp(d->door[fd].address, address) == 0 ? 1 : 0;
    }
    return n;
}

/* The newest of the address that has most. */
static int newest_of_the_many(const struct doors *d)
{
    int found = -1;
    uint32_t most = 0;
    for (int fd = 0; fd < d->top; fd++) {
        if (is_candidate(d, fd)) {
            const uint32_t n = count_of(d, d->door[fd].address);
            const bool is_newer = found < 0 || d->door[fd].number > d->door[found].number;
            if (n > most || (n == most && is_newer)) {
                found = fd;
                most = n;
            }
        }
    }
    return found;
}

static void make_room(struct doors *d)
{
    char why[64];
    const int silent = silent_one(d);
    const int fd = silent >= 0 ? silent : newest_of_the_many(d);
    if (fd >= 0) {
        (void)snprintf(why, sizeof why, "%" PRIu32 " are open (limits.connections)", d->n_open);
        end(d, fd, why);
    }
}

/* ---- events ---------------------------------------------------------------------------------- */

static void on_accepted(struct doors *d, uint32_t socket, int fd)
{
    if (fd < 0 || fd >= FDS) {
        os_socket_end(fd);
        return;
    }
    forget(d, fd);
    struct door *door = &d->door[fd];
    *door = (struct door){
        .is_open = true,
        .socket = socket,
        .number = d->n_accepted++,
        .since_ns = clock_mono_ns(),
        .taken_before = atomic_load_explicit(&d->taken[fd], memory_order_relaxed),
    };
    os_socket_peer(fd, door->address);
    d->top = fd >= d->top ? fd + 1 : d->top;
    if (++d->n_open > d->most_open) {
        make_room(d);
    }
}

/* libzmq tries again at once, and for ever. */
static void on_no_descriptor(struct doors *d)
{
    const int64_t now_ns = clock_mono_ns();
    if (now_ns >= d->no_room_until_ns) {
        make_room(d);
        d->no_room_until_ns = now_ns + LOOK_MS * (NS_PER_S / 1000);
    }
}

static void on_event(struct doors *d, uint32_t socket, uint16_t event, int fd)
{
    if (event == ZMQ_EVENT_ACCEPTED) {
        on_accepted(d, socket, fd);
    } else if (event == ZMQ_EVENT_ACCEPT_FAILED) {
        on_no_descriptor(d);
    } else if (fd >= 0 && fd < FDS && d->door[fd].socket == socket) {
        forget(d, fd);
    }
}

/* An event is two frames: its number, 16 bits, and its value, 32 bits; then an endpoint. */
static void take_events(struct doors *d, uint32_t socket)
{
    uint8_t bytes[6];
    uint8_t endpoint[256];
    for (int i = 0; i < EVENTS_TURN; i++) {
        uint16_t event;
        uint32_t value;
        if (zmq_recv(d->monitor[socket], bytes, sizeof bytes, ZMQ_DONTWAIT) < (int)sizeof bytes) {
            return;
        }
        memcpy(&event, bytes, sizeof event);
        memcpy(&value, bytes + sizeof event, sizeof value);
        (void)zmq_recv(d->monitor[socket], endpoint, sizeof endpoint, ZMQ_DONTWAIT);
        on_event(d, socket, event, (int)value);
    }
}

static void *watch(void *context)
{
    struct doors *d = context;
    int64_t look_at_ns = 0;
    bool is_told = true;
    zmq_pollitem_t items[DOORS_SOCKETS_MAX + 1];
    for (;;) {
        const int n = (int)d->n_sockets;
        for (int i = 0; i < n; i++) {
            items[i] = (zmq_pollitem_t){.socket = d->monitor[i], .events = ZMQ_POLLIN};
        }
        items[n] = (zmq_pollitem_t){.fd = d->stop_fd, .events = ZMQ_POLLIN};
        (void)zmq_poll(items, n + 1, d->n_open > 0 || !is_told ? LOOK_MS : -1);
        if (os_event_take(d->stop_fd)) {
            return NULL;
        }
        for (uint32_t i = 0; i < d->n_sockets; i++) {
            take_events(d, i);
        }
        is_told = tell_refusals(d);
        const int64_t now_ns = clock_mono_ns();
        if (now_ns >= look_at_ns) {
            look_at_all(d);
            look_at_ns = now_ns + LOOK_MS * (NS_PER_S / 1000);
        }
    }
}

/* ---- opening --------------------------------------------------------------------------------- */

int doors_open(struct doors **out, void *zmq_context, const struct config_limits *limits,
               struct fault *fault)
{
    struct doors *d = *out = calloc(1, sizeof *d);
    if (d == NULL) {
        return fault_set(fault, FAULT_WORK, "out of memory");
    }
    const int fds = os_socket_allow(FDS) - FDS_KEPT;
    d->context = zmq_context;
    (void)pthread_mutex_init(&d->refusal_lock, NULL);
    d->most_waiting = (uint64_t)limits->waiting_kib << 10;
    d->most_open = (uint32_t)limits->connections;
    if (fds < limits->connections) {
        d->most_open = fds > 1 ? (uint32_t)fds : 1;
        log_warn("limits.connections: %" PRIu32 " instead of %" PRId64
                 ": the limit on open files (ulimit -n)",
                 d->most_open, limits->connections);
    }
    d->stop_fd = os_event_open();
    if (d->stop_fd < 0) {
        const int rc = fault_set(fault, FAULT_WORK, "eventfd: %s", strerror(errno));
        free(d);
        *out = NULL;
        return rc;
    }
    return FAULT_NONE;
}

int doors_watch(struct doors *d, void *socket, const char *name, struct fault *fault)
{
    char endpoint[64];
    const uint32_t i = d->n_sockets;
    (void)snprintf(endpoint, sizeof endpoint, "inproc://doors-%s", name);
    d->watched[i] = socket;
    d->name[i] = name;
    d->monitor[i] = zmq_socket(d->context, ZMQ_PAIR);
    if (d->monitor[i] == NULL ||
        zmq_socket_monitor(socket, endpoint,
                           ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_ACCEPT_FAILED | ZMQ_EVENT_CLOSED |
                               ZMQ_EVENT_DISCONNECTED) != 0 ||
        zmq_connect(d->monitor[i], endpoint) != 0) {
        return fault_set(fault, FAULT_WORK, "sockets.%s: %s", name, zmq_strerror(errno));
    }
    d->n_sockets++;
    return FAULT_NONE;
}

int doors_start(struct doors *d, struct fault *fault)
{
    const int error = pthread_create(&d->thread, NULL, watch, d);
    d->is_started = error == 0;
    return error == 0 ? FAULT_NONE : fault_set(fault, FAULT_WORK, "a thread: %s", strerror(error));
}

void doors_close(struct doors *d)
{
    if (d == NULL) {
        return;
    }
    if (d->is_started) {
        os_event_raise(d->stop_fd);
        (void)pthread_join(d->thread, NULL);
    }
    for (uint32_t i = 0; i < DOORS_SOCKETS_MAX; i++) {
        if (i < d->n_sockets) {
            (void)zmq_socket_monitor(d->watched[i], NULL, 0);
        }
        if (d->monitor[i] != NULL) {
            const int none = 0;
            (void)zmq_setsockopt(d->monitor[i], ZMQ_LINGER, &none, sizeof none);
            zmq_close(d->monitor[i]);
        }
    }
    (void)pthread_mutex_destroy(&d->refusal_lock);
    close(d->stop_fd);
    free(d);
}

void doors_took(struct doors *d, int fd, size_t bytes)
{
    if (fd >= 0 && fd < FDS) {
        atomic_fetch_add_explicit(&d->taken[fd], bytes, memory_order_relaxed);
    }
}

void doors_refused(struct doors *d, const char *socket, const char *address, const char *key,
                   const char *why)
{
    if (pthread_mutex_trylock(&d->refusal_lock) != 0) {
        return; /* it is telling of another right now */
    }
    struct refusal *r = &d->refusal;
    r->n++;
    r->why = why;
    (void)snprintf(r->socket, sizeof r->socket, "%s", socket);
    (void)snprintf(r->address, sizeof r->address, "%s", address);
    (void)snprintf(r->key, sizeof r->key, "%s", key);
    (void)pthread_mutex_unlock(&d->refusal_lock);
}

int64_t doors_ended(const struct doors *d)
{
    return atomic_load_explicit(&d->ended, memory_order_relaxed);
}
