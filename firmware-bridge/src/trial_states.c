#include "bridge/trial_states.h"

#include <math.h>

static const char *const STATES[] = {
#define STATE(NAME, name, help) #name,
#include "bridge/trial_states.def"
    NULL};

static const char *const EVENTS[] = {
#define EVENT(NAME, name, help) #name,
#include "bridge/trial_states.def"
    NULL};

/* ---- the mapping ----------------------------------------------------------------------------- */

static void open_lists(struct bridge_text lists[], const struct bridge_mapping *map,
                       const char *section, const char *const keys[])
{
    for (size_t i = 0; keys[i] != NULL; i++) {
        const char *list = bridge_mapping_get(map, section, keys[i]);
        lists[i] = list != NULL ? bridge_text_of(list) : (struct bridge_text){NULL, 0};
    }
}

static bool has(const struct bridge_trial_states *states, enum bridge_state state)
{
    return states->state[state].at != NULL;
}

static uint64_t bit(enum bridge_field field)
{
    return (uint64_t)1 << field;
}

/* The slots that states and events can fill. */
static uint64_t slots_of(const struct bridge_trial_states *states)
{
    const bool has_events =
        states->event[BRIDGE_EVENT_LEFT].at != NULL && states->event[BRIDGE_EVENT_RIGHT].at != NULL;
    const bool has_sides = has(states, BRIDGE_STATE_RIGHT) && has(states, BRIDGE_STATE_LEFT);
    return (has_events || has_sides ? bit(BRIDGE_FIELD_CHOICE) : 0) |
           (has(states, BRIDGE_STATE_CORRECT) ? bit(BRIDGE_FIELD_CORRECT) : 0);
}

int bridge_trial_states_check(struct bridge_source *s)
{
    const int rc = bridge_mapping_check_keys(s, "states", STATES);
    return rc != 0 ? rc : bridge_mapping_check_keys(s, "events", EVENTS);
}

int bridge_trial_states_open(struct bridge_trial_states *states, struct bridge_source *s,
                             const struct bridge_mapping *map,
                             const struct bridge_trial_fields *fields)
{
    struct bridge_value_fault fault;
    open_lists(states->state, map, "states", STATES);
    open_lists(states->event, map, "events", EVENTS);
    return bridge_trial_fields_suffice(
               fields, bridge_trial_fields_stated(fields) | slots_of(states), &fault)
               ? 0
               : bridge_why_set(s, NULL, 0, -1, fault.found,
                                "a mapping that says it: columns, fixed, states or events",
                                fault.fix);
}

bool bridge_trial_states_are_asked(const struct bridge_trial_states *states)
{
    bool are = false;
    for (int i = 0; i < BRIDGE_STATES; i++) {
        are = are || has(states, (enum bridge_state)i);
    }
    return are;
}

/* ---- a trial --------------------------------------------------------------------------------- */

void bridge_state_visits_init(struct bridge_state_visits *v)
{
    *v = (struct bridge_state_visits){
        .rt_from_s = (double)NAN, .rt_end_s = (double)NAN, .rt_to_s = (double)NAN, .event = -1};
}

void bridge_state_visits_enter(struct bridge_state_visits *v,
                               const struct bridge_trial_states *states, struct bridge_text name,
                               double from_s, double to_s)
{
    for (int i = 0; i < BRIDGE_STATES; i++) {
        if (!bridge_text_is_among(name, states->state[i])) {
            continue;
        }
        v->was_in[i] = true;
        if (i == BRIDGE_STATE_RT_FROM) {
            v->rt_from_s = from_s;
            v->rt_end_s = to_s;
        } else if (i == BRIDGE_STATE_RT_TO) {
            v->rt_to_s = from_s;
        }
    }
}

void bridge_state_visits_event(struct bridge_state_visits *v,
                               const struct bridge_trial_states *states, struct bridge_text name)
{
    const bool counts =
        !has(states, BRIDGE_STATE_RT_FROM) || (!isnan(v->rt_from_s) && isnan(v->rt_end_s));
    for (int i = 0; counts && v->event < 0 && i < BRIDGE_STATE_EVENTS; i++) {
        if (bridge_text_is_among(name, states->event[i])) {
            v->event = i == BRIDGE_EVENT_RIGHT ? 1 : 0;
        }
    }
}

/* The values under way, into which only what nothing else states is put. */
struct putting {
    const struct bridge_trial_fields *fields;
    struct bridge_values *values;
};

static void put(const struct putting *to, enum bridge_field field, double value)
{
    if (!to->fields->is_stated[field] && to->fields->fixed[field] == NULL) {
        bridge_trial_fields_put(to->fields, to->values, field, value);
    }
}

/* Is a choice known, of columns or states? */
static bool has_choice(const struct putting *to)
{
    struct bridge_session session = {.subject = ""};
    struct bridge_event event = {.said = {.choice = PROTO_NIL}};
    struct bridge_value_fault fault;
    return bridge_trial_fields_read(to->fields, to->values, &session, &event, &fault) == 1 &&
           event.said.choice != PROTO_NIL;
}

bool bridge_state_visits_put(const struct bridge_state_visits *v,
                             const struct bridge_trial_states *states, double end_s,
                             const struct bridge_trial_fields *fields, struct bridge_values *values)
{
    const bool *was = v->was_in;
    const struct putting to = {fields, values};
    const double to_s = has(states, BRIDGE_STATE_RT_TO) ? v->rt_to_s
                        : isnan(v->rt_end_s)            ? end_s
                                                        : v->rt_end_s;
    if (was[BRIDGE_STATE_SKIP]) {
        return false;
    }
    if (v->event >= 0) {
        put(&to, BRIDGE_FIELD_CHOICE, v->event);
    } else if (was[BRIDGE_STATE_RIGHT] != was[BRIDGE_STATE_LEFT]) {
        put(&to, BRIDGE_FIELD_CHOICE, was[BRIDGE_STATE_RIGHT] ? 1.0 : 0.0);
    }
    if (was[BRIDGE_STATE_CORRECT] != was[BRIDGE_STATE_WRONG]) {
        put(&to, BRIDGE_FIELD_CORRECT, was[BRIDGE_STATE_CORRECT] ? 1.0 : 0.0);
    }
    if (has(states, BRIDGE_STATE_REWARD)) {
        put(&to, BRIDGE_FIELD_REWARD, was[BRIDGE_STATE_REWARD] ? 1.0 : 0.0);
    }
    if (to_s >= v->rt_from_s && has_choice(&to)) {
        put(&to, BRIDGE_FIELD_RT_S, nearbyint((to_s - v->rt_from_s) * 1e9) / 1e9); /* whole ns */
    }
    return true;
}
