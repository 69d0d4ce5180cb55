/* doors.h - watches the connections to the daemon's sockets, and ends those that exceed the limits:
 * libzmq itself bounds neither an unfinished message nor the number of connections.
 *
 * The bytes that a connection has sent and the daemon has not processed are held by libzmq: in at
 * most 32 times as many bytes of memory, for frames without content. More than limits.waiting_kib
 * ends the connection, and libzmq frees the memory. Beyond limits.connections, a connection without
 * a finished handshake is ended first, else the newest of the address with the most. Connections
 * over ipc count, but their data cannot be measured.
 * Threads: its own thread checks every 20 ms and logs what it ends, once a second (and refused
 * keys, on behalf of zmq_bus.h); the functions are one owner's. Memory: allocated by doors_open().
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "fault.h"

enum { DOORS_SOCKETS_MAX = 4 };

struct doors;

/* FAULT_NONE, or FAULT_WORK with *out NULL. Its thread runs after doors_start(). */
int doors_open(struct doors **out, void *zmq_context, const struct config_limits *limits,
               struct fault *fault);

/* Watches over a socket that is not bound yet. FAULT_NONE or FAULT_WORK. */
int doors_watch(struct doors *d, void *socket, const char *name, struct fault *fault);

int doors_start(struct doors *d, struct fault *fault);

/* NULL is fine. The sockets are still open. */
void doors_close(struct doors *d);

/* So many bytes of what connection fd sent were taken off the socket. fd below 0 is none. RT-safe:
 * yes. */
void doors_took(struct doors *d, int fd, size_t bytes);

/* Has it said in the log that a connection was not let in: why is text that stays. At most one is
 * said a second, the latest. RT-safe: yes. */
void doors_refused(struct doors *d, const char *socket, const char *address, const char *key,
                   const char *why);

/* Connections that were ended so far. RT-safe: yes. */
int64_t doors_ended(const struct doors *d);
