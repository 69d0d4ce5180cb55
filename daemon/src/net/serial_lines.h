/* serial_lines.h - the serial lines of the configuration: opened, read, answered, and reopened
 * after they were unplugged.
 *
 * Threads: one owner (the loop). Memory: fixed; libserialport allocates while opening.
 */
#pragma once

#include "bridge/link.h"
#include "bridge/serial.h"
#include "config.h"
#include "os_poll.h"

enum { SERIAL_LINES_TEXT_MAX = 256 };

struct line {
    const struct config_rigs *rig;
    bridge_serial serial; /* fd -1: unplugged */
    bridge_link link;
    bool was_open;    /* since the start */
    bool is_reported; /* the failure to open was said */
};

struct serial_lines {
    uint32_t n;
    uint32_t first_tag; /* line i is reported by os_poll as first_tag + i */
    struct os_poll *poll;
    struct line line[CONFIG_LINES_MAX];
};

/* What serial_lines_open_missing() found. */
enum serial_lines_change { SERIAL_LINES_SAME, SERIAL_LINES_BACK, SERIAL_LINES_FAILED };

/* Prepares every line; none is open yet. */
void serial_lines_init(struct serial_lines *lines, const struct config *config,
                       struct os_poll *poll, uint32_t first_tag);

/* Tries to open a line that is closed. SERIAL_LINES_BACK: it is open now. SERIAL_LINES_FAILED: text
 * says why, once until it is open again. Not for the real-time path. */
enum serial_lines_change serial_lines_open_missing(struct serial_lines *lines, uint32_t i,
                                                   char text[SERIAL_LINES_TEXT_MAX]);

/* Reads what came. The number of bytes; 0 none; -1 the device is gone, the line is closed now.
 * RT-safe: yes. */
int serial_lines_read(struct serial_lines *lines, uint32_t i, uint8_t *bytes, size_t cap);

/* Sends what is due on every open line, acknowledging what is on disk up to that event. RT-safe:
 * yes. */
void serial_lines_flush(struct serial_lines *lines, int64_t durable_event, int64_t now_ns);

/* Milliseconds until a line wants to send, at most `most`. RT-safe: yes. */
int serial_lines_timeout_ms(const struct serial_lines *lines, int64_t durable_event,
                            int64_t last_event, int64_t now_ns, int most);

/* Bad frames on all lines since the start. */
int64_t serial_lines_frame_errors(const struct serial_lines *lines);

void serial_lines_close(struct serial_lines *lines);
