/* bridge/column_mapping.h - what the columns of a table mean: presets and the user's mapping.
 *
 * What a column holds and how its values are coded is said by a preset, which is taken if the
 * columns that it needs are there and is named in the session's version, or by the user's mapping;
 * nothing is guessed. Lines of a mapping:
 *
 * - columns.ROLE: NAME: the column that is the trial's ROLE, of those below
 * - choice.right, choice.left, choice.none: the values that mean it; choice.none may be left out
 * - side.right, side.left, side.none: the same of the side; without them, those of choice
 * - reward.yes, reward.no: the same of the reward; without them, it is a number from 0 to 1
 * - repeat.yes: the same; without it, 1
 * - stimulus.unit: fraction or percent, of all contrasts
 * - stimulus.value: the stimulus of every trial, 0 for a task without one
 * - rt.unit: s or ms
 *
 * Roles are the columns of docs/tables.md, and
 *
 * - subject, session, date: one a row, or one for all rows
 * - left, right: a contrast of each side, NaN where there is none; the stimulus is right minus left
 * - contrast: without a sign, which the side gives it
 * - left_reward, right_reward: the trial is rewarded if one of them is above 0
 * - reward_ul: the volume
 * - rt_from, rt_to: times between which the reaction time lies
 * - lengths: the number of rows of each session, a column of its own length
 *
 * A mapping with columns.choice stands alone; another is added to the preset, and goes before it.
 * Values are compared as numbers where both are numbers, true being 1 and false 0. Unknown, NaN or
 * "", is no choice. Not rewarded without a choice is an unknown reward.
 *
 * Threads: one owner. Memory: none of its own; it points into the columns. RT-safe: no.
 */
#pragma once

#include "bridge/adapter.h"
#include "bridge/columns.h"

/* A known layout of columns: src/column_presets.c. */
struct bridge_preset {
    const char *name;
    const char *needs[4]; /* columns; NULL behind the last */
    const char *holds;    /* a value that the first of them has in some row; NULL: any */
    const struct bridge_mapping_line *line;
    size_t n;
};

/* In the order in which they are tried; the last has no name. */
extern const struct bridge_preset BRIDGE_PRESETS[];

#define BRIDGE_ROLE_LIST(X)                                                                        \
    X(subject)                                                                                     \
    X(session)                                                                                     \
    X(date)                                                                                        \
    X(trial)                                                                                       \
    X(stimulus)                                                                                    \
    X(left)                                                                                        \
    X(right)                                                                                       \
    X(contrast)                                                                                    \
    X(choice)                                                                                      \
    X(side)                                                                                        \
    X(repeat)                                                                                      \
    X(reward)                                                                                      \
    X(left_reward)                                                                                 \
    X(right_reward)                                                                                \
    X(reward_ul)                                                                                   \
    X(p_left)                                                                                      \
    X(stage)                                                                                       \
    X(rt_s)                                                                                        \
    X(rt_from)                                                                                     \
    X(rt_to)                                                                                       \
    X(lengths)

enum bridge_role {
#define BRIDGE_ROLE(name) BRIDGE_ROLE_##name,
    BRIDGE_ROLE_LIST(BRIDGE_ROLE)
#undef BRIDGE_ROLE
        BRIDGE_ROLES
};

struct bridge_column_mapping {
    const struct bridge_mapping *map; /* the user's; NULL: none */
    const struct bridge_columns *columns;
    const struct bridge_preset *preset;             /* the one taken; NULL: none */
    const struct bridge_column *role[BRIDGE_ROLES]; /* NULL: there is none */
    double unit;                                    /* of contrasts: 1 or 0.01 */
    double rt_unit;                                 /* 1 or 0.001 */
    double stimulus;                                /* of every trial; NaN: a column's */
    size_t n_rows;                                  /* that all columns of roles have */
};

/* 0; -1 with s->why: the user's mapping has a section or key that is none of these. */
int bridge_column_mapping_check(struct bridge_source *s);

/* Finds out what the columns mean by s->map and the presets. 0; -1 with s->why, without rows. */
int bridge_column_mapping_find(struct bridge_column_mapping *m, struct bridge_source *s,
                               const struct bridge_columns *columns);

/* What is said of a coding, as in ("choice", "right"); NULL: nothing. */
const char *bridge_column_mapping_told(const struct bridge_column_mapping *m, const char *section,
                                       const char *key);
