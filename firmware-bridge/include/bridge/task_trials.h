/* bridge/task_trials.h - one session of a format that has named values, states and events, but does
 * not know what a trial is: the mapping of its task says it, the user's or a shipped one.
 *
 * The format fills in feed.session, the values of a trial and its visits to states, and says when
 * it is over. Threads: one owner. Memory: the heap, bridge_task_trials_close(). RT-safe: no.
 */
#pragma once

#include "bridge/trial_feed.h"
#include "bridge/trial_states.h"

struct bridge_task_trials {
    struct bridge_trial_feed feed;
    struct bridge_trial_states states;
    struct bridge_values values; /* of the trial under way, with visits */
    struct bridge_state_visits visits;
    struct bridge_mapping map; /* the user's, on a shipped one */
    bool is_started;
    bool is_ended;
    bool is_useless;       /* no mapping says what a trial is */
    struct bridge_why why; /* of that, until it is said */
};

/* Refuses a mapping of the user with other sections or keys: 0, or -1 with s->why and nothing to
 * close. sections: NULL behind the last. */
int bridge_task_trials_open(struct bridge_task_trials *t, struct bridge_source *s,
                            const char *program, const char *const sections[]);
void bridge_task_trials_close(struct bridge_task_trials *t);

/* The file has begun again: nothing is known of its session. */
void bridge_task_trials_restart(struct bridge_task_trials *t);

/* Finds the mapping of feed.session.task and starts the session: as bridge_trial_feed_start(). */
int bridge_task_trials_start(struct bridge_task_trials *t, struct bridge_source *s,
                             const char *format, struct bridge_event *event);

/* Why it is useless, once, as found by the format too: -1 with s->why; else 0. */
int bridge_task_trials_tell(struct bridge_task_trials *t, struct bridge_source *s);
void bridge_task_trials_refuse(struct bridge_task_trials *t, const struct bridge_source *s);

/* The session is over: 1 with *event; 0 it was before. */
int bridge_task_trials_end(struct bridge_task_trials *t, struct bridge_source *s,
                           struct bridge_event *event);

/* Nothing is known of the trial under way. */
void bridge_task_trials_clear(struct bridge_task_trials *t);

/* The trial under way is over, at end_s: as bridge_trial_feed_take(); 0 also: its states make it
 * none. number: without a value of it. The next is under way. */
int bridge_task_trials_take(struct bridge_task_trials *t, struct bridge_source *s, int64_t line,
                            int64_t number, double end_s, struct bridge_event *event);
