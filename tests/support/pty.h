/* pty.h - a raw pty: the master here, the slave's path for the other side. Needs _XOPEN_SOURCE 700.
 */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

struct pty {
    int master; /* non-blocking */
    int slave;  /* kept open: without any slave the master reads as gone */
    char path[64];
};

static inline int pty_set_raw(int fd)
{
    struct termios t;
    if (tcgetattr(fd, &t) != 0) {
        return -1;
    }
    t.c_iflag = 0;
    t.c_oflag = 0;
    t.c_lflag = 0;
    t.c_cflag = (t.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8 | CREAD | CLOCAL;
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    return tcsetattr(fd, TCSANOW, &t);
}

static inline void pty_close(struct pty *pty)
{
    if (pty->master >= 0) {
        (void)close(pty->master);
        (void)close(pty->slave);
    }
    pty->master = pty->slave = -1;
}

/* 0, or -1 with errno. */
static inline int pty_open(struct pty *pty)
{
    pty->slave = -1;
    pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (pty->master < 0 || grantpt(pty->master) != 0 || unlockpt(pty->master) != 0) {
        return -1;
    }
    const char *name = ptsname(pty->master);
    if (name == NULL) {
        return -1;
    }
    (void)snprintf(pty->path, sizeof pty->path, "%s", name);
    pty->slave = open(pty->path, O_RDWR | O_NOCTTY);
    return pty->slave < 0 ? -1 : pty_set_raw(pty->slave);
}
