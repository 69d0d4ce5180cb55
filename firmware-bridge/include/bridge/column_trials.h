/* bridge/column_trials.h - sessions and trials out of named columns, one row after the other.
 *
 * What a column holds and how its values are coded is said by the user's mapping
 * (bridge/trial_fields.h: its sections columns, fixed, coding and rows), or by a shipped one
 * (bridge/mapping.h), which is taken if the columns that it needs are there. A mapping with
 * columns.choice, or one on a shipped one, stands alone; another stands on the one that is found.
 * Without either, columns are those of a trial table in its own coding. Nothing is guessed.
 *
 * Threads: one owner. Memory: the heap, bridge_column_trials_close(). RT-safe: no.
 */
#pragma once

#include "bridge/columns.h"
#include "bridge/trial_feed.h"

enum { BRIDGE_NOTES_MAX = 16 };

struct bridge_column_trials {
    /* The adapter's: what load() fills in. */
    struct bridge_columns columns;
    struct bridge_session session; /* of all rows, or what they do not say */

    /* Its own. */
    struct bridge_trial_feed feed;
    struct bridge_mapping map; /* the user's lines on a shipped mapping */
    uint64_t slots[BRIDGE_COLUMNS_MAX];
    const struct bridge_column *lengths; /* NULL: none */
    size_t n_rows;
    size_t at;         /* the next row */
    size_t length;     /* which of `lengths` it is of */
    size_t length_end; /* the row behind that one's last */
    struct bridge_why notes[BRIDGE_NOTES_MAX];
    size_t n_notes;
    size_t notes_at;
};

/* For open(): 0; -1 with s->why: the user's mapping has a section that is not read. */
int bridge_column_trials_check(struct bridge_source *s);

/* As next() of struct bridge_adapter. load() is asked when all rows were given: 1 with columns and
 * session filled in anew, 0 there is nothing new, -1 with s->why. */
int bridge_column_trials_next(struct bridge_column_trials *t, struct bridge_source *s,
                              int (*load)(struct bridge_source *s), struct bridge_event *event);

/* For load(): what s->why says is said before the rows are given. */
void bridge_column_trials_note(struct bridge_column_trials *t, const struct bridge_source *s);

/* For load(): empties what was loaded before. */
void bridge_column_trials_clear(struct bridge_column_trials *t, const char *program);

/* For load(): subject, session and date, where they are not known, by the source's path. */
void bridge_column_trials_name(struct bridge_column_trials *t, const struct bridge_source *s);

void bridge_column_trials_close(struct bridge_column_trials *t);
