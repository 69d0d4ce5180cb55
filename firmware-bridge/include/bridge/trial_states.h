/* bridge/trial_states.h - what the states and events of a trial say of it, as values of its fields
 * (bridge/trial_fields.h): the choice, or whether it was correct, the reward and the reaction time.
 *
 * Of a mapping it reads the sections states and events (trial_states.def). What a column or fixed
 * states goes before it.
 *
 * Threads: any, on different objects. Memory: structs that point into the mapping. RT-safe: all but
 * open.
 */
#pragma once

#include "bridge/trial_fields.h"

enum bridge_state {
#define STATE(NAME, name, help) BRIDGE_STATE_##NAME,
#include "bridge/trial_states.def"
    BRIDGE_STATES
};

enum bridge_state_event {
#define EVENT(NAME, name, help) BRIDGE_EVENT_##NAME,
#include "bridge/trial_states.def"
    BRIDGE_STATE_EVENTS
};

/* Lists of names; at NULL: none. */
struct bridge_trial_states {
    struct bridge_text state[BRIDGE_STATES];
    struct bridge_text event[BRIDGE_STATE_EVENTS];
};

/* What was seen of a trial under way. */
struct bridge_state_visits {
    bool was_in[BRIDGE_STATES];
    double rt_from_s; /* NaN: not entered */
    double rt_end_s;  /* of the state rt_from; NaN: it is in it */
    double rt_to_s;
    int event; /* the choice: 1 right, 0 left, -1 none yet */
};

/* For open(): refuses keys of these sections that are not known: 0, or -1 with s->why. */
int bridge_trial_states_check(struct bridge_source *s);

/* Reads the mapping that the fields were opened with. 0; -1 with s->why: it does not say what a
 * trial needs, in columns, fixed, states or events. */
int bridge_trial_states_open(struct bridge_trial_states *states, struct bridge_source *s,
                             const struct bridge_mapping *map,
                             const struct bridge_trial_fields *fields);

/* True if it asks for any state. */
bool bridge_trial_states_are_asked(const struct bridge_trial_states *states);

void bridge_state_visits_init(struct bridge_state_visits *v);

/* A state was entered and left; to_s is NaN if it is in it still. */
void bridge_state_visits_enter(struct bridge_state_visits *v,
                               const struct bridge_trial_states *states, struct bridge_text name,
                               double from_s, double to_s);

void bridge_state_visits_event(struct bridge_state_visits *v,
                               const struct bridge_trial_states *states, struct bridge_text name);

/* The trial is over, at end_s: puts what was seen into the values. False: it is no trial. */
bool bridge_state_visits_put(const struct bridge_state_visits *v,
                             const struct bridge_trial_states *states, double end_s,
                             const struct bridge_trial_fields *fields,
                             struct bridge_values *values);
