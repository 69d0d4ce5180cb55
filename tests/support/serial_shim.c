/* Preloaded (LD_PRELOAD), makes a pty pass for a serial port before libserialport 0.1.1, which
 * wants to find the port under /sys/class/tty and to set its modem lines. Nothing else is changed:
 * the pty is opened, its speed set, its bytes read and written by the library itself.
 *
 * The calls it makes, as strace shows them: lstat and readlink of /sys/class/tty/NAME, open, ioctl
 * TCGETS, TIOCMGET, TIOCMBIS, TIOCMBIC, TCSETS, TCSETS2, TCFLSH. SERIAL_SHIM_REFUSE_BAUD=1 makes
 * the port refuse speeds above 230400; SERIAL_SHIM_DENY=1 makes open() fail with EACCES, as for a
 * user outside the group dialout.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

/* TCSETS2, which sets speeds that have no name; its header and termios.h exclude each other. */
static const unsigned long SET_ANY_SPEED = 0x402C542B;

static const char SYS_PTS[] = "/sys/class/tty/pts/";
static const char SYS_TARGET[] = "../../devices/platform/serial8250/tty/ttyS9";

static int is_pts(const char *path)
{
    return strncmp(path, SYS_PTS, sizeof SYS_PTS - 1) == 0;
}

/* dlsym() gives an object pointer; ISO C has no cast from it to a function. */
#define FIND(type, variable, name)                                                                 \
    static type variable;                                                                          \
    if (variable == NULL) {                                                                        \
        void *found_ = dlsym(RTLD_NEXT, name);                                                     \
        memcpy(&variable, &found_, sizeof variable);                                               \
    }

static int fake_link(struct stat *st)
{
    memset(st, 0, sizeof *st);
    st->st_mode = S_IFLNK | 0777;
    return 0;
}

int __lxstat(int version, const char *path, struct stat *st)
{
    typedef int function(int, const char *, struct stat *);
    FIND(function *, real, "__lxstat")
    return is_pts(path) ? fake_link(st) : real(version, path, st);
}

int lstat(const char *path, struct stat *st)
{
    typedef int function(const char *, struct stat *);
    FIND(function *, real, "lstat")
    return is_pts(path) ? fake_link(st) : real(path, st);
}

ssize_t readlink(const char *path, char *out, size_t cap)
{
    typedef ssize_t function(const char *, char *, size_t);
    FIND(function *, real, "readlink")
    if (!is_pts(path)) {
        return real(path, out, cap);
    }
    const size_t n = sizeof SYS_TARGET - 1 < cap ? sizeof SYS_TARGET - 1 : cap;
    memcpy(out, SYS_TARGET, n);
    return (ssize_t)n;
}

int open(const char *path, int flags, ...)
{
    typedef int function(const char *, int, ...);
    FIND(function *, real, "open")
    if (strncmp(path, "/dev/pts/", 9) == 0 && getenv("SERIAL_SHIM_DENY") != NULL) {
        errno = EACCES;
        return -1;
    }
    va_list values;
    va_start(values, flags);
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(values, mode_t) : 0;
    va_end(values);
    return real(path, flags, mode);
}

int __open_2(const char *path, int flags);

int __open_2(const char *path, int flags)
{
    return open(path, flags);
}

int ioctl(int fd, unsigned long request, ...)
{
    typedef int function(int, unsigned long, ...);
    FIND(function *, real, "ioctl")
    va_list values;
    va_start(values, request);
    void *value = va_arg(values, void *);
    va_end(values);
    if (request == SET_ANY_SPEED && getenv("SERIAL_SHIM_REFUSE_BAUD") != NULL) {
        errno = EINVAL;
        return -1;
    }
    const int rc = real(fd, request, value);
    if (rc == 0 || errno != ENOTTY) {
        return rc;
    }
    switch (request) {
    case TIOCMGET:
        *(int *)value = TIOCM_DTR | TIOCM_RTS;
        return 0;
    case TIOCMSET:
    case TIOCMBIS:
    case TIOCMBIC:
        return 0;
    default:
        return rc;
    }
}
