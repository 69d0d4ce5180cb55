#define _GNU_SOURCE /* epoll, timerfd and signalfd */
#include "os_poll.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

int os_poll_add(struct os_poll *poll, int fd, uint32_t tag)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = tag};
    return epoll_ctl(poll->epoll_fd, EPOLL_CTL_ADD, fd, &e) == 0 ? 0 : -errno;
}

void os_poll_remove(struct os_poll *poll, int fd)
{
    (void)epoll_ctl(poll->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

int os_poll_open(struct os_poll *poll)
{
    *poll = (struct os_poll){-1, -1, -1};
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file-size limit then shows as a failed write */
    poll->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    poll->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    poll->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    const struct itimerspec second = {{1, 0}, {1, 0}};
    if (poll->epoll_fd < 0 || poll->timer_fd < 0 || poll->signal_fd < 0 ||
        timerfd_settime(poll->timer_fd, 0, &second, NULL) != 0 ||
        os_poll_add(poll, poll->timer_fd, OS_POLL_TICK) != 0 ||
        os_poll_add(poll, poll->signal_fd, OS_POLL_SIGNAL) != 0) {
        const int rc = -errno;
        os_poll_close(poll);
        return rc;
    }
    return 0;
}

void os_poll_close(struct os_poll *poll)
{
    int *const fds[] = {&poll->signal_fd, &poll->timer_fd, &poll->epoll_fd};
    for (int i = 0; i < 3; i++) {
        if (*fds[i] > 0) {
            close(*fds[i]);
            *fds[i] = -1;
        }
    }
}

int os_poll_wait(struct os_poll *poll, int timeout_ms, uint32_t tags[])
{
    struct epoll_event events[OS_POLL_MAX];
    const int n = epoll_wait(poll->epoll_fd, events, OS_POLL_MAX, timeout_ms);
    for (int i = 0; i < n; i++) {
        tags[i] = events[i].data.u32;
        if (tags[i] == OS_POLL_TICK) {
            uint64_t expirations;
            (void)!read(poll->timer_fd, &expirations, sizeof expirations);
        }
    }
    return n > 0 ? n : 0;
}

int os_poll_take_signal(struct os_poll *poll)
{
    struct signalfd_siginfo info;
    return read(poll->signal_fd, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo
                                                                             : 0;
}
