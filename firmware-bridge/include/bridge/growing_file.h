/* bridge/growing_file.h - text that a rig appends to, read line by line as far as it has come.
 *
 * Only whole lines are given; the last one waits for its newline. LF and CRLF end a line. The file
 * is looked at when the lines read before are used up, and is open for that time only. It has begun
 * again if it shrank, or if the bytes before the place that was reached are not those that were
 * read: inodes and times do not tell over a network.
 *
 * Threads: one owner. Memory: a buffer on the heap that grows up to the longest line, at most
 * line_max. RT-safe: no.
 */
#pragma once

#include "bridge/adapter.h"

enum { BRIDGE_GROWING_MARK = 256, BRIDGE_LINE_MAX = 1 << 24 };

struct bridge_growing_file {
    char path[BRIDGE_PATH_MAX];
    size_t line_max;
    uint8_t *buffer;
    size_t capacity;
    size_t size;      /* bytes in the buffer */
    size_t at;        /* of them used */
    int64_t offset;   /* of buffer[0] in the file */
    int64_t line;     /* number of the last one given, from 1 */
    bool is_too_long; /* the rest of a line that is too long is skipped */
    size_t n_first;
    uint8_t first[BRIDGE_GROWING_MARK]; /* the file's first bytes */
};

/* Nothing is opened yet: the file may not be there. */
void bridge_growing_file_open(struct bridge_growing_file *f, const char *path, size_t line_max);

enum { BRIDGE_GROWING_AGAIN = 2 };

/* The next whole line, without its end: 1, with *line valid until the next call; 0 nothing more
 * now; BRIDGE_GROWING_AGAIN the file has begun again, lines follow from its first; -1 with s->why:
 * it cannot be read, or a line is too long and is left out. */
int bridge_growing_file_next(struct bridge_growing_file *f, struct bridge_source *s,
                             const uint8_t **line, size_t *size);

/* Reads from the first line again, as if the file had begun again. */
void bridge_growing_file_restart(struct bridge_growing_file *f);

/* Is there a last line whose newline is not there yet? True with s->why, which says so. */
bool bridge_growing_file_waits(const struct bridge_growing_file *f, struct bridge_source *s);

void bridge_growing_file_close(struct bridge_growing_file *f);
