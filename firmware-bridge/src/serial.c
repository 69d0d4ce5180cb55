#include "bridge/serial.h"

#include <errno.h>
#include <fcntl.h>
#include <libserialport.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum { HINT_BYTES = 256 };

#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
static int
fail(int status, char *text, size_t cap, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    (void)vsnprintf(text, cap, format, values);
    va_end(values);
    return status;
}

/* Writes the names of the ports there are, comma-separated, to text[cap]. Returns how many. */
static int list_ports(char *text, size_t cap)
{
    struct sp_port **ports = NULL;
    int n = 0;
    size_t at = 0;
    text[0] = '\0';
    if (sp_list_ports(&ports) != SP_OK) {
        return 0;
    }
    for (; ports[n] != NULL; n++) {
        const int wrote = at < cap ? snprintf(text + at, cap - at, "%s%s", n > 0 ? ", " : "",
                                              sp_get_port_name(ports[n]))
                                   : 0;
        at += wrote > 0 ? (size_t)wrote : 0;
    }
    sp_free_port_list(ports);
    return n;
}

static int fail_absent(const char *path, char *text, size_t cap)
{
    char ports[HINT_BYTES];
    if (cap == 0) {
        return BRIDGE_ERR_ABSENT;
    }
    const int n = list_ports(ports, sizeof ports);
    return fail(BRIDGE_ERR_ABSENT, text, cap, "%s: no such port; %s%s", path,
                n > 0 ? "there are " : "no serial port is plugged in", ports);
}

static int fail_errno(int error, const char *path, char *text, size_t cap)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENXIO:
    case ENODEV:
        return fail_absent(path, text, cap);
    case EACCES:
    case EPERM:
        return fail(BRIDGE_ERR_ACCESS, text, cap,
                    "%s: permission denied; add yourself to the group dialout (sudo adduser $USER "
                    "dialout) and log in again",
                    path);
    case EBUSY:
        return fail(BRIDGE_ERR_BUSY, text, cap,
                    "%s: in use by another program (a serial monitor, another daemon)", path);
    default:
        return fail(BRIDGE_ERR_IO, text, cap, "%s: %s", path, strerror(error));
    }
}

static int fail_kind(const char *path, char *text, size_t cap)
{
    return fail(BRIDGE_ERR_KIND, text, cap, "%s: not a serial port, expected one such as %s", path,
                "/dev/ttyACM0 or a link under /dev/serial/by-id");
}

/* 8N1 without flow control; DTR and RTS on, as an Arduino wants them. */
static enum sp_return configure(struct sp_port *port)
{
    struct sp_port_config *config = NULL;
    enum sp_return rc = sp_new_config(&config);
    if (rc != SP_OK) {
        return rc;
    }
    (void)sp_set_config_bits(config, 8);
    (void)sp_set_config_parity(config, SP_PARITY_NONE);
    (void)sp_set_config_stopbits(config, 1);
    (void)sp_set_config_flowcontrol(config, SP_FLOWCONTROL_NONE);
    (void)sp_set_config_dtr(config, SP_DTR_ON);
    (void)sp_set_config_rts(config, SP_RTS_ON);
    rc = sp_set_config(port, config);
    sp_free_config(config);
    return rc;
}

static bool has_baud(struct sp_port *port, int baud)
{
    struct sp_port_config *config = NULL;
    int got = 0;
    if (sp_new_config(&config) == SP_OK && sp_get_config(port, config) == SP_OK) {
        (void)sp_get_config_baudrate(config, &got);
    }
    sp_free_config(config);
    return got == baud;
}

/* What libserialport leaves undone. HUPCL off keeps DTR up when the port is closed: an Arduino
 * restarts at each rising edge, and a restarted daemon must not restart the session. VMIN 1: with
 * 0, as the library sets it, a read of nothing returns 0 and looks like a hang-up. */
static int set_modes(int fd)
{
    struct termios t;
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || tcgetattr(fd, &t) != 0) {
        return -1;
    }
    t.c_cflag &= ~(tcflag_t)HUPCL;
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    return tcsetattr(fd, TCSANOW, &t);
}

/* TIOCEXCL keeps others out but root; flock() also root, where the others ask. */
static int lock(int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        errno = errno == EWOULDBLOCK ? EBUSY : errno;
        return -1;
    }
    return ioctl(fd, TIOCEXCL);
}

static int open_checked(bridge_serial *serial, const char *path, const char *real, int baud,
                        char *text, size_t cap)
{
    enum sp_return rc = sp_get_port_by_name(real, &serial->port);
    if (rc == SP_ERR_ARG || rc == SP_ERR_SUPP) {
        return fail_kind(path, text, cap);
    }
    if (rc == SP_OK) {
        rc = sp_open(serial->port, SP_MODE_READ_WRITE);
    }
    if (rc == SP_ERR_FAIL) {
        return errno == ENOTTY || errno == EINVAL ? fail_kind(path, text, cap)
                                                  : fail_errno(errno, path, text, cap);
    }
    if (rc == SP_OK) {
        rc = sp_get_port_handle(serial->port, &serial->fd);
    }
    if (rc == SP_OK) {
        rc = lock(serial->fd) == 0 ? configure(serial->port) : SP_ERR_FAIL;
    }
    if (rc != SP_OK) {
        return rc == SP_ERR_FAIL ? fail_errno(errno, path, text, cap)
                                 : fail(BRIDGE_ERR_IO, text, cap,
                                        "%s: libserialport failed with %d", path, (int)rc);
    }
    if (sp_set_baudrate(serial->port, baud) != SP_OK || !has_baud(serial->port, baud)) {
        return fail(BRIDGE_ERR_BAUD, text, cap,
                    "%s: the port refuses %d baud, 8N1; 115200 is taken by most", path, baud);
    }
    if (set_modes(serial->fd) != 0) {
        return fail_errno(errno, path, text, cap);
    }
    (void)sp_flush(serial->port, SP_BUF_BOTH);
    return BRIDGE_OK;
}

int bridge_serial_open(bridge_serial *serial, const char *path, int baud, char *text, size_t cap)
{
    *serial = (bridge_serial){.fd = -1};
    if (baud < BRIDGE_SERIAL_BAUD_MIN || baud > BRIDGE_SERIAL_BAUD_MAX) {
        return fail(BRIDGE_ERR_BAUD, text, cap, "%s: %d baud, expected %d to %d", path, baud,
                    BRIDGE_SERIAL_BAUD_MIN, BRIDGE_SERIAL_BAUD_MAX);
    }
    /* libserialport knows only names as they stand right under /dev. */
    char *real = realpath(path, NULL);
    struct stat info;
    if (real == NULL || stat(real, &info) != 0) {
        const int error = errno;
        free(real);
        return fail_errno(error, path, text, cap);
    }
    const int rc = S_ISCHR(info.st_mode) ? open_checked(serial, path, real, baud, text, cap)
                                         : fail_kind(path, text, cap);
    free(real);
    if (rc != BRIDGE_OK) {
        bridge_serial_close(serial);
    }
    return rc;
}

void bridge_serial_close(bridge_serial *serial)
{
    if (serial->port != NULL) {
        if (serial->fd >= 0) {
            (void)ioctl(serial->fd, TIOCNXCL);
            (void)sp_close(serial->port);
        }
        sp_free_port(serial->port);
    }
    *serial = (bridge_serial){.fd = -1};
}
