/* bridge/discover.h - finds the files and folders below a path that adapters read.
 *
 * The path itself, then what is below it, folder by folder in the order of names, is offered to
 * probe(). What begins with a dot is passed by, links to folders below the path are not followed,
 * and depth and number are bounded. Calling it again finds what is new.
 *
 * Threads: any. Memory: the heap, bridge_discovery_free(). RT-safe: no.
 */
#pragma once

#include "bridge/adapter.h"

enum {
    BRIDGE_DISCOVER_DEPTH = 16,
    BRIDGE_DISCOVER_SEEN = 1 << 20, /* files and folders that are looked at */
    BRIDGE_DISCOVER_FOUND = 1 << 16
};

struct bridge_discovery {
    struct bridge_found {
        char *path;
        const struct bridge_adapter *adapter;
        bool is_pipe; /* or standard input: it can be read once */
    } * list;         /* in the order of their paths, folder by folder */
    size_t n;
    size_t capacity;
    size_t n_seen;
    bool is_cut;           /* a bound was met: there may be more */
    bool is_folder;        /* the path itself is one */
    struct bridge_why why; /* the first that could not be looked at; found "": none */
};

/* only: the one format looked for; NULL: all. 0; -1 without memory, with nothing to free. What
 * cannot be looked at is passed by, and named in out->why. */
int bridge_discover(struct bridge_discovery *out, const char *path,
                    const struct bridge_adapter *only, const struct bridge_mapping *map);

/* The same without what is older than a day, "YYYY-MM-DD" (UTC): folders whose name is an earlier
 * one, and files that have not changed since. */
int bridge_discover_since(struct bridge_discovery *out, const char *path,
                          const struct bridge_adapter *only, const struct bridge_mapping *map,
                          const char *since);

/* True if a format takes the path or anything below it; ends at the first. */
bool bridge_discover_any(const char *path);

void bridge_discovery_free(struct bridge_discovery *d);
