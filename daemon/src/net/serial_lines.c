#include "serial_lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void serial_lines_init(struct serial_lines *lines, const struct config *config,
                       struct os_poll *poll, uint32_t first_tag)
{
    memset(lines, 0, sizeof *lines);
    lines->first_tag = first_tag;
    lines->poll = poll;
    for (size_t i = 0; i < config->n_rigs && lines->n < CONFIG_LINES_MAX; i++) {
        if (config->rigs[i].port[0] != '\0' && config->rigs[i].format[0] == '\0') {
            struct line *line = &lines->line[lines->n++];
            line->rig = &config->rigs[i];
            line->serial.fd = -1;
            bridge_link_init(&line->link);
        }
    }
}

enum serial_lines_change serial_lines_open_missing(struct serial_lines *lines, uint32_t i,
                                                   char text[SERIAL_LINES_TEXT_MAX])
{
    struct line *line = &lines->line[i];
    if (line->serial.fd >= 0) {
        return SERIAL_LINES_SAME;
    }
    const bool is_news = !line->is_reported;
    const int rc = bridge_serial_open(&line->serial, line->rig->port, (int)line->rig->baud,
                                      is_news ? text : NULL, is_news ? SERIAL_LINES_TEXT_MAX : 0);
    if (rc != BRIDGE_OK || os_poll_add(lines->poll, line->serial.fd, lines->first_tag + i) != 0) {
        bridge_serial_close(&line->serial);
        line->is_reported = true;
        return is_news ? SERIAL_LINES_FAILED : SERIAL_LINES_SAME;
    }
    bridge_link_reset(&line->link);
    line->was_open = true;
    line->is_reported = false;
    return SERIAL_LINES_BACK;
}

static void drop(struct serial_lines *lines, struct line *line)
{
    os_poll_remove(lines->poll, line->serial.fd);
    bridge_serial_close(&line->serial);
    bridge_link_reset(&line->link);
}

int serial_lines_read(struct serial_lines *lines, uint32_t i, uint8_t *bytes, size_t cap)
{
    struct line *line = &lines->line[i];
    if (line->serial.fd < 0) {
        return 0;
    }
    const ssize_t n = read(line->serial.fd, bytes, cap);
    if (n > 0) {
        return (int)n;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    drop(lines, line);
    return -1;
}

void serial_lines_flush(struct serial_lines *lines, int64_t durable_event, int64_t now_ns)
{
    for (uint32_t i = 0; i < lines->n; i++) {
        struct line *line = &lines->line[i];
        uint8_t out[BRIDGE_LINK_OUTPUT_MAX];
        if (line->serial.fd < 0) {
            continue;
        }
        bridge_link_durable(&line->link, (uint64_t)durable_event);
        const size_t n = bridge_link_output(&line->link, now_ns, out, sizeof out);
        if (n > 0 && write(line->serial.fd, out, n) < 0) {
            continue; /* as if the line had lost it: the device asks again */
        }
    }
}

int serial_lines_timeout_ms(const struct serial_lines *lines, int64_t durable_event,
                            int64_t last_event, int64_t now_ns, int most)
{
    enum { DURABLE_POLL_MS = 10 };
    int64_t wait_ns = (int64_t)most * 1000000;
    for (uint32_t i = 0; i < lines->n; i++) {
        if (lines->line[i].serial.fd < 0) {
            continue;
        }
        const int64_t left_ns = bridge_link_deadline_ns(&lines->line[i].link) - now_ns;
        wait_ns = left_ns < wait_ns ? left_ns : wait_ns;
        if (durable_event < last_event && wait_ns > DURABLE_POLL_MS * 1000000) {
            wait_ns = DURABLE_POLL_MS * 1000000;
        }
    }
    return wait_ns > 0 ? (int)((wait_ns + 999999) / 1000000) : 0;
}

int64_t serial_lines_frame_errors(const struct serial_lines *lines)
{
    int64_t errors = 0;
    for (uint32_t i = 0; i < lines->n; i++) {
        errors += (int64_t)lines->line[i].link.counters.bad_frames;
    }
    return errors;
}

void serial_lines_close(struct serial_lines *lines)
{
    for (uint32_t i = 0; i < lines->n; i++) {
        if (lines->line[i].serial.fd >= 0) {
            drop(lines, &lines->line[i]);
        }
    }
}
