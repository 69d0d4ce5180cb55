/* bridge/serial.h - opens a serial port. The only place that uses libserialport; all else takes the
 * descriptor and polls it. A port that is gone shows as read() = 0, EIO or EPOLLHUP: close it and
 * retry from time to time.
 *
 * Threads: one owner per port. Memory: libserialport allocates while opening.
 * RT-safe: no.
 */
#pragma once

#include <stddef.h>

enum { BRIDGE_SERIAL_BAUD_MIN = 9600, BRIDGE_SERIAL_BAUD_MAX = 2000000 };

/* What opening returns: 0, or why not. */
typedef enum {
    BRIDGE_OK = 0,
    BRIDGE_ERR_ABSENT = -1, /* no such port */
    BRIDGE_ERR_ACCESS = -2, /* permission denied */
    BRIDGE_ERR_BUSY = -3,   /* in use */
    BRIDGE_ERR_KIND = -4,   /* not a serial port */
    BRIDGE_ERR_BAUD = -5,   /* refused */
    BRIDGE_ERR_IO = -6
} bridge_error;

struct sp_port;

typedef struct {
    int fd;               /* non-blocking, raw, 8N1, exclusive; -1: not open */
    struct sp_port *port; /* owned; NULL: not open */
} bridge_serial;

/* Opens path (a link, as under /dev/serial/by-id, is followed). Returns BRIDGE_OK, or a negative
 * status with one line in text[cap] that names the port, what is wrong and what helps; *serial is
 * then closed. With cap 0 no text is made and no ports are looked for: for trying again. */
int bridge_serial_open(bridge_serial *serial, const char *path, int baud, char *text, size_t cap);

/* Closes; one that is not open, or zeroed, is fine. */
void bridge_serial_close(bridge_serial *serial);
