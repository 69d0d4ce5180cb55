/* bridge/trial_map.h - what the values, states and events of a trial mean where a format does not
 * say it: by a mapping, that of the caller or the one shipped for the task.
 *
 * Sections and keys of a mapping; a value may be a list, with commas between:
 *
 *   columns   trial, stimulus, choice, reward, rt_s, side, repeat, p_left, stage: the file's name
 *             for each
 *   stimulus  value: of every trial; unit: fraction or percent; sign: side, if it has none of its
 * own rt        unit: s or ms choice    right, left, none: values of the column. "right" and "left"
 * need not be said, nor that an empty value or NaN is no choice side      right, left: likewise
 *   reward    yes, no: values of the column; numbers from 0 to 1, true and false need not be said
 *   repeat    yes, no: likewise
 *   states    right, left: those that are entered by a choice of that side; correct, wrong: by one
 *             of the right or the other side; a trial with none of these has no choice. reward:
 *             those that are entered when it is rewarded; skip: those that make it no trial;
 *             rt_from: the reaction time begins with the last entry, rt_to: ends with the last
 *             entry, if it is not the end of rt_from
 *   events    right, left: the choice is the first of these in a state of rt_from
 *
 * Threads: any, on different objects. Memory: a map points into the mapping. RT-safe: no.
 */
#pragma once

#include "bridge/adapter.h"

enum bridge_trial_column {
    BRIDGE_COLUMN_TRIAL,
    BRIDGE_COLUMN_STIMULUS,
    BRIDGE_COLUMN_CHOICE,
    BRIDGE_COLUMN_REWARD,
    BRIDGE_COLUMN_RT_S,
    BRIDGE_COLUMN_SIDE,
    BRIDGE_COLUMN_REPEAT,
    BRIDGE_COLUMN_P_LEFT,
    BRIDGE_COLUMN_STAGE,
    BRIDGE_COLUMNS
};

enum bridge_trial_state {
    BRIDGE_STATE_RIGHT,
    BRIDGE_STATE_LEFT,
    BRIDGE_STATE_CORRECT,
    BRIDGE_STATE_WRONG,
    BRIDGE_STATE_REWARD,
    BRIDGE_STATE_SKIP,
    BRIDGE_STATE_RT_FROM,
    BRIDGE_STATE_RT_TO,
    BRIDGE_STATES
};

/* Texts of the mapping; NULL where it has none. Index 0 is left or no, 1 right or yes. */
struct bridge_trial_map {
    const char *column[BRIDGE_COLUMNS];
    const char *state[BRIDGE_STATES];
    const char *event[2];
    const char *choice[2];
    const char *no_choice;
    const char *side[2];
    const char *reward[2];
    const char *repeat[2];
    double stimulus;         /* NaN: from the column */
    double stimulus_divisor; /* above 0 */
    double rt_divisor;
    bool signs_by_side;
};

/* The mapping shipped for a task of a format, or NULL. task: without the folder that it is in. */
const struct bridge_mapping *bridge_mapping_shipped(const char *format, const char *task);

/* Reads a mapping. rows: keys of the section rows that the format reads itself, NULL behind the
 * last; has_states, has_events: whether it knows any. 0, or -1 with s->why: a key that is not
 * known, or stimulus or choice are not said. */
int bridge_trial_map_read(struct bridge_trial_map *map, struct bridge_source *s,
                          const struct bridge_mapping *from, const char *const rows[],
                          bool has_states, bool has_events);

/* Is the name in a list of a mapping? list may be NULL. */
bool bridge_trial_map_has(const char *list, const char *name);

/* The next word of a list, without the blanks around it; *list moves behind it. NULL: no more. */
const char *bridge_trial_map_word(const char **list, size_t *size);

const char *bridge_trial_column_name(enum bridge_trial_column column);
