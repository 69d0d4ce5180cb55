/* bridge/trial_map.h - what the values, states and events of a trial mean where a format does not
 * say it: by a mapping, that of the caller or the one shipped for the task.
 *
 * Sections and keys of a mapping:
 *
 *   columns   trial, stimulus, contrast, choice, correct, reward, rt_s, side, repeat, p_left,
 * stage: the file's name for each. contrast has no sign: it is that of side. correct gives the
 *             choice, with side
 *   fixed     stimulus, contrast: of every trial, where no column has it
 *   coding    stimulus, contrast, rt_s: a number to divide by, or fraction, percent, s, ms;
 *             choice: RIGHT/LEFT/NONE, the column's values, each a list with commas between;
 *             side: RIGHT/LEFT; reward, correct, repeat: YES/NO. What no coding says: right and
 *             left, 1 and 0 or true and false, a reward from 0 to 1; empty or NaN is unknown, of a
 *             choice that there was none. Anything else is refused
 *   states    lists. right, left: those that are entered by a choice of that side; correct, wrong:
 *             by one of the right or the other side; a trial with none of these has no choice.
 *             reward: those that are entered when it is rewarded; skip: those that make it no
 *             trial; rt_from: the reaction time begins with the last entry; rt_to: it ends with the
 *             last entry, without this at the end of rt_from
 *   events    right, left: the choice is the first of these in a state of rt_from
 *
 * Threads: any, on different objects. Memory: a map points into the mapping. RT-safe: no.
 */
#pragma once

#include "bridge/adapter.h"

enum bridge_trial_column {
    BRIDGE_COLUMN_TRIAL,
    BRIDGE_COLUMN_STIMULUS,
    BRIDGE_COLUMN_CONTRAST,
    BRIDGE_COLUMN_CHOICE,
    BRIDGE_COLUMN_CORRECT,
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

enum { BRIDGE_CODE_MAX = 64 };

/* Texts of the mapping; NULL where it has none. */
struct bridge_trial_map {
    const char *column[BRIDGE_COLUMNS];
    const char *state[BRIDGE_STATES];
    const char *event[2]; /* left, right */
    const char *fixed[BRIDGE_COLUMNS];
    char code[BRIDGE_COLUMNS][3][BRIDGE_CODE_MAX]; /* left or no, right or yes, none; "" not said */
    double divisor[BRIDGE_COLUMNS];
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
