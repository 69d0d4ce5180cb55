/* bridge/trial_feed.h - events out of named values, one set of them a trial: a session starts where
 * its name first stands, trials without a number are counted.
 *
 * Sessions may be interleaved; each starts once. Threads: one owner. Memory: the heap, some 150
 * bytes a session, bridge_trial_feed_close(). RT-safe: no.
 */
#pragma once

#include "bridge/trial_fields.h"

enum { BRIDGE_FEED_SESSIONS_MAX = 1 << 20 };

struct bridge_trial_feed {
    struct bridge_trial_fields fields;
    struct bridge_session session; /* where values do not say; the format's to fill in */
    struct bridge_feed_session {
        char subject[PROTO_ID_MAX + 1];
        char session[PROTO_ID_MAX + 1]; /* "": a free place */
        int64_t n;                      /* trials, counted */
    } * seen;                           /* by a hash of both names */
    size_t n_seen;
    size_t capacity;
    struct bridge_event trial; /* waits behind the start of its session */
    bool has_trial;
};

/* map: that of s, or one that the format found. 0, or -1 with s->why and nothing to close. */
int bridge_trial_feed_open(struct bridge_trial_feed *feed, struct bridge_source *s,
                           const struct bridge_mapping *map, const char *program);

/* Reads by another mapping; sessions that were given stay known. 0, or -1 with s->why. */
int bridge_trial_feed_map(struct bridge_trial_feed *feed, struct bridge_source *s,
                          const struct bridge_mapping *map);

/* Starts feed->session, for formats that know it before its first trial: 1 with *event; 0 if values
 * name sessions, so that trials start them; -1 s->why. */
int bridge_trial_feed_start(struct bridge_trial_feed *feed, struct bridge_source *s,
                            struct bridge_event *event);
void bridge_trial_feed_close(struct bridge_trial_feed *feed);

/* What was given is of other sessions: all start again. */
void bridge_trial_feed_restart(struct bridge_trial_feed *feed);

/* The values of a trial, of that line: 1 *event is its session's start or the trial itself; 0 no
 * row that is asked for; -1 left out: s->why. */
int bridge_trial_feed_take(struct bridge_trial_feed *feed, struct bridge_source *s, int64_t line,
                           const struct bridge_values *values, struct bridge_event *event);

/* The trial that waits: 1; 0 there is none. To be asked first. */
int bridge_trial_feed_waiting(struct bridge_trial_feed *feed, struct bridge_source *s,
                              struct bridge_event *event);
