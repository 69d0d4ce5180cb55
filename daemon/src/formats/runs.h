/* runs.h - which run of which session each row of a trial table belongs to.
 *
 * A table may give several runs of a task one session name: its trial numbers then restart. Each is
 * a run of that session, counted from 1, and is stated to the daemon as such. NAME+N is the run N
 * of the session NAME, as the journal writes it. Threads: one owner. Memory: grows with the table's
 * sessions; runs_close() frees it.
 */
#pragma once

#include "trial_table.h"

enum { RUNS_MEMORY = 64 }; /* latest trials of a run whose content is known */

struct run {
    char subject[PROTO_ID_MAX + 1];
    char session[PROTO_ID_MAX + 1]; /* as told to the daemon */
    char text[PROTO_ID_MAX + 1];    /* as it stands in the table */
    int64_t number;                 /* which run of the session, from 1 */
    bool is_stated;                 /* the session has other runs: messages say which one it is */
    int64_t seq;                    /* the owner's: messages sent */
    int64_t first, highest;         /* trials */
    uint64_t seen;                  /* bit i: trial highest - i was there */
    uint64_t contents[RUNS_MEMORY]; /* by trial modulo */
    struct run *older;              /* of the same subject */
};

struct runs {
    struct run **subjects; /* the newest run of each */
    size_t n_subjects, room;
    size_t n;       /* runs */
    size_t n_again; /* of them those whose name was there before */
};

/* The run of a row; *is_new if this row is its first. NULL without memory. It stays where it is
 * until runs_close(). */
struct run *runs_find(struct runs *runs, const struct trial_row *row, bool *is_new);

/* True if that row was noted before, with the same content. */
bool run_has_row(const struct run *run, const struct trial_row *row);

/* Notes that the row is of the run. */
void run_note_row(struct run *run, const struct trial_row *row);

/* Frees all; a zeroed struct is fine. */
void runs_close(struct runs *runs);
