/* bridge/trial_values.h - what is read of a trial under way, and the trial that a mapping makes of
 * it.
 *
 * Threads: any, on different objects. Memory: the caller's. RT-safe: no.
 */
#pragma once

#include "bridge/trial_map.h"

enum { BRIDGE_TRIAL_VALUE_MAX = 64 };

/* What is read of a trial under way. */
struct bridge_trial_values {
    char column[BRIDGE_COLUMNS][BRIDGE_TRIAL_VALUE_MAX];
    bool is_set[BRIDGE_COLUMNS];
    bool was_in[BRIDGE_STATES];
    double rt_from_s; /* NaN: not entered */
    double rt_end_s;  /* of the state rt_from; NaN: it is in it */
    double rt_to_s;
    int event; /* the choice: 1 right, 0 left, -1 none yet */
};

void bridge_trial_values_init(struct bridge_trial_values *v);

/* The value of a column as the file has it. False: it is too long. */
bool bridge_trial_values_put(struct bridge_trial_values *v, enum bridge_trial_column column,
                             const char *text, size_t size);

/* A state was entered and left; to_s is NaN if it is in it still. */
void bridge_trial_values_state(struct bridge_trial_values *v, const struct bridge_trial_map *map,
                               const char *name, double from_s, double to_s);

/* An event. */
void bridge_trial_values_event(struct bridge_trial_values *v, const struct bridge_trial_map *map,
                               const char *name);

/* The trial that it was, at its end. 1 with event->said, and event->trial if there is a column of
 * it; 0 it is none; -1 with s->why, of path and event->line. */
int bridge_trial_values_make(const struct bridge_trial_values *v,
                             const struct bridge_trial_map *map, struct bridge_source *s,
                             double end_s, struct bridge_event *event);
