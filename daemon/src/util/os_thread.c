#define _GNU_SOURCE /* SCHED_BATCH and eventfd */
#include "os_thread.h"

#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

void os_thread_yield_to_others(void)
{
    enum { LEAST = 19 };
    const struct sched_param none = {0};
    (void)sched_setscheduler(0, SCHED_BATCH, &none); /* 0: this thread alone */
    (void)setpriority(PRIO_PROCESS, 0, LEAST);       /* not SCHED_IDLE, which may never run */
}

int os_event_open(void)
{
    return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

void os_event_raise(int fd)
{
    const uint64_t one = 1;
    (void)!write(fd, &one, sizeof one);
}

int os_event_take(int fd)
{
    uint64_t n = 0;
    return read(fd, &n, sizeof n) == (ssize_t)sizeof n;
}

void os_event_wait(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (!os_event_take(fd)) {
        (void)poll(&p, 1, -1);
    }
}
