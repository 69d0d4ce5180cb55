/* The example task as a process, on a pty of its own or on a port given. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "example.h"
#include "hal_host.h"

static const char USAGE[] =
    "usage: murid_device [--port PATH] [--trials N] [--period-ms N] [--boot-file FILE] [--boot N]\n"
    "                    [--ask yes|no]\n"
    "Plays a fixed pseudo-random table of trials as a serial device would. Without --port it "
    "makes\n"
    "a pty and prints its name. With --ask yes the choices are those of `murid mouse`. Ends when "
    "the host has everything on disk.\n";

static int set_raw(int fd)
{
    struct termios t;
    if (tcgetattr(fd, &t) != 0) {
        return -1;
    }
    t.c_iflag = 0;
    t.c_oflag = 0;
    t.c_lflag = 0;
    t.c_cflag = (t.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8 | CREAD | CLOCAL;
    t.c_cc[VMIN] = 1; /* nothing to read is not a hang-up */
    t.c_cc[VTIME] = 0;
    return tcsetattr(fd, TCSANOW, &t);
}

/* The slave stays open here too: a master without any slave reads as gone. */
static int open_pty(void)
{
    const int fd = posix_openpt(O_RDWR | O_NOCTTY);
    if (fd < 0 || grantpt(fd) != 0 || unlockpt(fd) != 0) {
        return -1;
    }
    const char *name = ptsname(fd);
    const int slave = name != NULL ? open(name, O_RDWR | O_NOCTTY) : -1;
    if (slave < 0 || set_raw(slave) != 0) {
        return -1;
    }
    printf("pty: %s\n", name);
    (void)fflush(stdout);
    return fd;
}

static bool read_number(const char *text, unsigned long max, unsigned long *out)
{
    char *end;
    errno = 0;
    *out = strtoul(text, &end, 10);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && *out <= max;
}

int main(int argc, char **argv)
{
    const char *port = NULL;
    const char *boot_file = NULL;
    unsigned long trials = 1000, period_ms = 0, boot = 1;
    bool asks = false;
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        bool is_ok = i + 1 < argc;
        if (strcmp(argv[i], "--port") == 0) {
            port = value;
        } else if (strcmp(argv[i], "--boot-file") == 0) {
            boot_file = value;
        } else if (strcmp(argv[i], "--trials") == 0) {
            is_ok = read_number(value, 1000000000, &trials);
        } else if (strcmp(argv[i], "--period-ms") == 0) {
            is_ok = read_number(value, 1000000, &period_ms);
        } else if (strcmp(argv[i], "--boot") == 0) {
            is_ok = read_number(value, 65535, &boot);
        } else if (strcmp(argv[i], "--ask") == 0) {
            asks = strcmp(value, "yes") == 0;
            is_ok = asks || strcmp(value, "no") == 0;
        } else {
            is_ok = false;
        }
        if (!is_ok) {
            (void)fputs(USAGE, stderr);
            return 2;
        }
    }
    const int fd = port != NULL ? open(port, O_RDWR | O_NOCTTY) : open_pty();
    if (fd < 0 || (port != NULL && set_raw(fd) != 0)) {
        fprintf(stderr, "murid_device: %s: %s\n", port != NULL ? port : "pty", strerror(errno));
        return 1;
    }
    static hal_host hal;
    static device dev;
    hal_host_init(&hal, fd, boot_file, (uint16_t)boot);
    device_init(&dev, &hal.hal, "murid-host");
    example_task task = {
        .total = (uint32_t)trials, .period_us = (uint32_t)period_ms * 1000U, .asks = asks};
    while (!hal.is_gone && !(task.is_over && device_is_done(&dev))) {
        example_task_poll(&task, &dev);
        device_poll(&dev);
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        (void)poll(&wait, 1, 1);
    }
    return hal.is_gone ? 1 : 0;
}
