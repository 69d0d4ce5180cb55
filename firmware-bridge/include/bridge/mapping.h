/* bridge/mapping.h - how columns, values, states and codes of a rig's files and messages are to be
 * understood, for formats that do not say it themselves: lines of section, key and value, as in
 * columns.stimulus: coherence, coding.choice: R/L, states.reward: reward_state, from the command
 * line, the configuration, or the list of shipped ones, mappings.def.
 *
 * A mapping may stand on a shipped one: what its own lines do not say is read there. Columns of a
 * shipped mapping need not be in a file; a second line of the same key names the column that is
 * taken where the first is not there. mapping_keys.def has all sections and keys; a format says
 * which sections it reads, and refuses others (bridge_mapping_check()).
 *
 * Threads: read-only once made. Memory: points to texts of its maker. RT-safe: yes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct bridge_mapping_line {
    const char *section;
    const char *key;
    const char *value;
};

struct bridge_mapping {
    const struct bridge_mapping_line *line;
    size_t n;
    const struct bridge_shipped *base; /* NULL: none */
};

enum { BRIDGE_SHIPPED_TASKS_MAX = 2, BRIDGE_SHIPPED_NEEDS_MAX = 4 };

/* A mapping of mappings.def: by its name for everyone, by task or columns for formats that find it
 * themselves. */
struct bridge_shipped {
    const char *name;
    const char *about;
    const char *format;                          /* NULL: not found by a task */
    const char *tasks[BRIDGE_SHIPPED_TASKS_MAX]; /* NULL behind the last */
    const char *needs[BRIDGE_SHIPPED_NEEDS_MAX]; /* columns, likewise; none: not found by them */
    const char *holds;   /* a value that the first of them has in some row; NULL: any */
    const char *lengths; /* a column of the numbers of rows of sessions; NULL: none */
    const struct bridge_mapping_line *line;
    size_t n;
};

/* In the order in which they are tried; the last has no name. */
extern const struct bridge_shipped BRIDGE_SHIPPED[];

/* NULL: there is none. task: without the folder that it is in. */
const struct bridge_shipped *bridge_shipped_find(const char *name);
const struct bridge_shipped *bridge_shipped_of_task(const char *format, const char *task);

/* True if it says nothing. map may be NULL, as in all of these. */
bool bridge_mapping_is_empty(const struct bridge_mapping *map);

/* The value of a key, or NULL. */
const char *bridge_mapping_get(const struct bridge_mapping *map, const char *section,
                               const char *key);

/* The user's lines on the shipped mapping that was found, NULL: none. They stand alone if they say
 * the choice, in columns, states or events, or are on one already. */
struct bridge_mapping bridge_mapping_on(const struct bridge_mapping *users,
                                        const struct bridge_shipped *found);
bool bridge_mapping_stands_alone(const struct bridge_mapping *users);

/* Line i: its own, then those of the shipped one, also where its own go before them. NULL: there
 * are no more. */
const struct bridge_mapping_line *bridge_mapping_at(const struct bridge_mapping *map, size_t i);

/* True if one of these texts, NULL behind the last, is the text. */
bool bridge_mapping_lists(const char *const texts[], const char *text);
