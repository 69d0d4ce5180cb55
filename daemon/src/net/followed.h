/* followed.h - the sessions that a rig's software keeps below a path: found, chosen, and read on as
 * they grow (bridge/adapter.h).
 *
 * Which sessions: those that began on a day or later, those that the journal has and that may go
 * on, and whatever appears while it is followed, unless it began more than a day before. What is
 * older is left to `murid import`. Chosen ones are read from their first trial: the journal drops
 * what it has. They are read in the order in which they began; the newest two are looked at in
 * every pass, others every FOLLOWED_OLDER_S, until nothing has come for FOLLOWED_CLOSE_S.
 *
 * Threads: one owner, which may block on a network share. Memory: the heap, about half a MiB for a
 * session that is read. RT-safe: no.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/adapter.h"
#include "clock.h"
#include "proto/message.h"

enum {
    FOLLOWED_TEXT_MAX = 256,
    FOLLOWED_OLDER_S = 5,
    FOLLOWED_SETTLE_S = 5, /* until what is wrong before the first trial is read once more */
    FOLLOWED_CLOSE_S = 7200,
    /* Between two searches for new sessions: 20 times what one takes, at least and at most. */
    FOLLOWED_LOOK_MIN_S = 1,
    FOLLOWED_LOOK_BUSY_S = 5, /* at least while a session gives trials */
    FOLLOWED_LOOK_MAX_S = 60
};

/* A session that the journal has. */
struct followed_known {
    char subject[PROTO_ID_MAX + 1];
    char session[PROTO_ID_MAX + 1];
};

/* What is followed, and from when on. */
struct followed_request {
    const char *rig;
    const char *path;
    const struct bridge_adapter *only; /* one format; NULL: any */
    const struct bridge_mapping *map;  /* NULL: none */
    char since[CLOCK_DAY_BYTES];       /* day from which on sessions are read */
    struct followed_known *known;      /* the journal's, on the heap: followed_close() frees it */
    size_t n_known;
};

/* A message as the rig would send it, or what a person must know. */
struct followed_item {
    bool is_alert;
    proto_message message;
    proto_alert_code code;
    char text[FOLLOWED_TEXT_MAX];
};

/* Takes an item. False: nothing more is wanted, for the present pass at least; then the item has
 * not been taken, and followed_close() comes next. */
typedef bool followed_tell(void *context, const struct followed_item *item);

struct followed_source;

struct followed {
    struct followed_request request;
    followed_tell *tell;
    void *context;
    struct followed_item item;
    struct followed_source **list; /* in the order of their beginnings */
    size_t n, capacity;
    uint64_t *seen; /* paths that were found, as hashes */
    size_t n_seen, seen_capacity;
    int64_t next_look_ns;
    bool has_looked;
    bool is_stopped;                 /* tell() said so */
    char problem[FOLLOWED_TEXT_MAX]; /* with the path, as it was said; "": none */
};

/* What is wrong with a path that is to be followed, for a person: true and *text "" if nothing. */
bool followed_check(const char *path, const struct bridge_adapter *only,
                    const struct bridge_mapping *map, char text[FOLLOWED_TEXT_MAX]);

/* Nothing is opened yet. The request's rig, path and map must outlive it. */
void followed_open(struct followed *f, const struct followed_request *request, followed_tell *tell,
                   void *context);

/* Looks for new sessions if it is time to, and tells what has come. */
void followed_pass(struct followed *f);

void followed_close(struct followed *f);
