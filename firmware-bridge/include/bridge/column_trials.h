/* bridge/column_trials.h - sessions and trials out of named columns, one row after the other.
 *
 * What the columns mean: bridge/column_mapping.h. A new session starts where the name of subject or
 * session changes from one row to the next, or where `lengths` say so.
 *
 * Threads: one owner. Memory: the heap, bridge_column_trials_close(). RT-safe: no.
 */
#pragma once

#include "bridge/column_mapping.h"

enum { BRIDGE_NOTES_MAX = 16 };

struct bridge_column_trials {
    /* The adapter's: what load() fills in. */
    struct bridge_columns columns;
    struct bridge_session session; /* of all rows, or the names that rows begin with */

    /* Its own. */
    struct bridge_column_mapping mapping;
    size_t at;         /* the next row */
    bool is_in;        /* the session of row `at` has started */
    size_t first;      /* row of the session's first trial */
    size_t length;     /* which of `lengths` the session is */
    size_t length_end; /* the row behind its last, 0: none yet */
    struct bridge_why notes[BRIDGE_NOTES_MAX];
    size_t n_notes;
    size_t notes_at;
};

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
