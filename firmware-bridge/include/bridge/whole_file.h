/* bridge/whole_file.h - files that are read whole, and again once they have changed.
 *
 * Threads: any, on different stamps. Memory: the bytes are the caller's to free(). RT-safe: no.
 */
#pragma once

#include "bridge/adapter.h"

/* Which state of the file was read; zeroed: none. */
struct bridge_whole_stamp {
    bool is_set;
    int64_t size;
    int64_t changed_s;
    int64_t changed_ns;
};

/* Has path changed since *stamp? 1 yes, and *stamp is that of now; 0 no, or it is not there; -1
 * with s->why. */
int bridge_whole_file_look(struct bridge_source *s, const char *path,
                           struct bridge_whole_stamp *stamp);

/* Reads all of path, at most `most` bytes, with a NUL behind them: 1 with *bytes; 0 it is not
 * there, or is as it was at *stamp; -1 with s->why. *stamp is then that of what was read. */
int bridge_whole_file_read(struct bridge_source *s, const char *path, size_t most,
                           struct bridge_whole_stamp *stamp, uint8_t **bytes, size_t *size);
