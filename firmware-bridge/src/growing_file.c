#include "bridge/growing_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 18 };

void bridge_growing_file_open(struct bridge_growing_file *f, const char *path, size_t line_max)
{
    *f = (struct bridge_growing_file){.line_max = line_max};
    (void)snprintf(f->path, sizeof f->path, "%s", path);
}

void bridge_growing_file_close(struct bridge_growing_file *f)
{
    free(f->buffer);
    f->buffer = NULL;
    f->capacity = f->size = f->at = 0;
}

bool bridge_growing_file_waits(const struct bridge_growing_file *f, struct bridge_source *s)
{
    char found[96];
    const size_t waiting = f->size - f->at;
    if (waiting > 0) {
        (void)snprintf(found, sizeof found, "the last line, of %zu bytes, has no end yet", waiting);
        (void)bridge_why_set(s, f->path, f->line + 1, -1, found, "a newline", "");
    }
    return waiting > 0;
}

static int read_fault(const struct bridge_growing_file *f, struct bridge_source *s, int error)
{
    return bridge_why_set(s, f->path, 0, -1, strerror(error), "a file that can be read",
                          "check its permissions and the disk or network that it is on");
}

/* Reads up to size bytes at offset; the number read, or -1 with errno. */
static ssize_t read_at(int fd, uint8_t *to, size_t size, int64_t offset)
{
    size_t n = 0;
    while (n < size) {
        const ssize_t got = pread(fd, to + n, size - n, (off_t)(offset + (int64_t)n));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        n += (size_t)got;
    }
    return (ssize_t)n;
}

static bool is_same(int fd, const uint8_t *bytes, size_t size, int64_t offset)
{
    uint8_t now[BRIDGE_GROWING_MARK];
    return read_at(fd, now, size, offset) == (ssize_t)size && memcmp(now, bytes, size) == 0;
}

/* Is this still the file that was read? Its first bytes and the last ones that were used tell; what
 * follows them may have been a hole that the network has filled since. */
static bool goes_on(const struct bridge_growing_file *f, int fd, int64_t size)
{
    const size_t n = f->at < BRIDGE_GROWING_MARK ? f->at : BRIDGE_GROWING_MARK;
    const int64_t used = f->offset + (int64_t)f->at;
    return size >= used && is_same(fd, f->first, f->n_first, 0) &&
           (n == 0 || is_same(fd, f->buffer + f->at - n, n, used - (int64_t)n));
}

void bridge_growing_file_restart(struct bridge_growing_file *f)
{
    f->size = f->at = f->n_first = 0;
    f->offset = f->line = 0;
    f->is_too_long = false;
}

/* Moves what is used out of the buffer, but for the mark by which the file is known, and makes room
 * for a chunk. */
static bool make_room(struct bridge_growing_file *f)
{
    const size_t kept = f->at < BRIDGE_GROWING_MARK ? f->at : BRIDGE_GROWING_MARK;
    const size_t gone = f->at - kept;
    if (gone > 0) {
        memmove(f->buffer, f->buffer + gone, f->size - gone);
        f->size -= gone;
        f->at -= gone;
        f->offset += (int64_t)gone;
    }
    if (f->capacity - f->size >= CHUNK) {
        return true;
    }
    const size_t capacity = f->size + CHUNK > 2 * f->capacity ? f->size + CHUNK : 2 * f->capacity;
    uint8_t *buffer = realloc(f->buffer, capacity);
    if (buffer == NULL) {
        return false;
    }
    f->buffer = buffer;
    f->capacity = capacity;
    return true;
}

/* Reads on: 1 more bytes, 0 none, AGAIN, -1. */
static int read_on(struct bridge_growing_file *f, struct bridge_source *s, int fd)
{
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return read_fault(f, s, errno);
    }
    if (!S_ISREG(info.st_mode)) {
        return bridge_why_set(s, f->path, 0, -1, "not a regular file", "a file", "");
    }
    if (!goes_on(f, fd, (int64_t)info.st_size)) {
        bridge_growing_file_restart(f);
        return BRIDGE_GROWING_AGAIN;
    }
    if (!make_room(f)) {
        return bridge_why_set(s, f->path, 0, -1, "no memory", "", "");
    }
    const ssize_t got = read_at(fd, f->buffer + f->size, CHUNK, f->offset + (int64_t)f->size);
    if (got < 0) {
        return read_fault(f, s, errno);
    }
    f->size += (size_t)got;
    return got > 0 ? 1 : 0;
}

static int refill(struct bridge_growing_file *f, struct bridge_source *s)
{
    const int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return errno == ENOENT ? 0 : read_fault(f, s, errno);
    }
    const int rc = read_on(f, s, fd);
    (void)close(fd);
    return rc;
}

/* The line that ends at `end` in the buffer. 1; 0 it is the rest of one that was left out. */
static int take_line(struct bridge_growing_file *f, const uint8_t *end, const uint8_t **line,
                     size_t *size)
{
    *line = f->buffer + f->at;
    *size = (size_t)(end - *line);
    f->at += *size + 1;
    if (f->offset == 0 && f->n_first < BRIDGE_GROWING_MARK) {
        f->n_first = f->at < BRIDGE_GROWING_MARK ? f->at : BRIDGE_GROWING_MARK;
        memcpy(f->first, f->buffer, f->n_first);
    }
    if (*size > 0 && (*line)[*size - 1] == '\r') {
        --*size;
    }
    if (f->is_too_long) {
        f->is_too_long = false;
        return 0;
    }
    f->line++;
    return 1;
}

int bridge_growing_file_next(struct bridge_growing_file *f, struct bridge_source *s,
                             const uint8_t **line, size_t *size)
{
    size_t searched = 0;
    for (bool is_first = true;; is_first = false) {
        const size_t waiting = f->size - f->at;
        const uint8_t *end = waiting > searched
                                 ? memchr(f->buffer + f->at + searched, '\n', waiting - searched)
                                 : NULL;
        if (end != NULL) {
            searched = 0;
            if (take_line(f, end, line, size) == 1) {
                return 1;
            }
            continue;
        }
        searched = is_first ? 0 : waiting;
        f->size = is_first ? f->at : f->size; /* half a line is read anew */
        if (waiting > f->line_max) {
            f->at = f->size;
            searched = 0;
            if (!f->is_too_long) {
                f->is_too_long = true;
                f->line++;
                return bridge_why_set(s, f->path, f->line, -1, "the line is too long",
                                      "at most 16 MiB", "");
            }
        }
        const int rc = refill(f, s);
        if (rc != 1) {
            return rc;
        }
    }
}
