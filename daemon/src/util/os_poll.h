/* os_poll.h - waiting for descriptors, a one-second tick and signals at once (Linux).
 *
 * Threads: one owner. Memory: the struct. RT-safe: os_poll_wait() blocks, by its purpose; nothing
 * else here belongs on the real-time path.
 */
#pragma once

#include <stdint.h>

enum { OS_POLL_TICK = UINT16_MAX, OS_POLL_SIGNAL = UINT16_MAX - 1, OS_POLL_MAX = 64 };

struct os_poll {
    int epoll_fd;
    int timer_fd;
    int signal_fd;
};

/* Blocks SIGINT, SIGTERM and SIGHUP for this thread and those it starts, ignores SIGPIPE and
 * SIGXFSZ, and delivers the former as OS_POLL_SIGNAL. 0 or -errno. */
int os_poll_open(struct os_poll *poll);
void os_poll_close(struct os_poll *poll);

/* Reports fd as tag when it can be read or has failed. 0 or -errno. */
int os_poll_add(struct os_poll *poll, int fd, uint32_t tag);
void os_poll_remove(struct os_poll *poll, int fd);

/* Waits for at most timeout_ms (-1: no limit). Fills tags[OS_POLL_MAX], returns how many. */
int os_poll_wait(struct os_poll *poll, int timeout_ms, uint32_t tags[]);

/* The signal that was delivered, 0 if none is waiting. */
int os_poll_take_signal(struct os_poll *poll);
