/* coding.h - whether a table's columns are coded correctly: signs, sides, choices, rewards and
 * times, as far as an animal's trials show it.
 *
 * Each animal is checked separately, and only for what chance, a bias, probabilistic rewards,
 * correction trials or a go/no-go task cannot produce. An animal that does the opposite, among as
 * many that do not, raises no finding if its rewards agree. Threads: any, on different objects.
 * Memory: the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "findings.h"
#include "trial_row.h"

/* The ways in which a table is coded wrongly. */
enum coding_kind {
    CODING_UNSIGNED,
    CODING_AGAINST_SIDE,
    CODING_REVERSED,
    CODING_REWARD_REVERSED,
    CODING_ALL_RIGHT,
    CODING_ALL_LEFT,
    CODING_WITHOUT_CHOICE,
    CODING_MILLISECONDS,
    CODING_KINDS
};

/* Rows that show a kind, of those that could. */
struct coding_count {
    int64_t n;
    int64_t of;
    int64_t line; /* of the first; 0: none yet */
};

/* One animal's trials, counted. Index 0 is left or no, 1 right or yes. Zeroed: none yet. */
struct coding {
    char subject[PROTO_ID_MAX + 1];
    struct coding_count kind[CODING_KINDS];
    int64_t n_negative;     /* stimuli; with positive ones came: */
    int64_t chose[2];       /* the choice */
    int64_t had_side[2];    /* the side */
    int64_t paid[2];        /* the choice, of rewarded ones */
    int64_t easy[2][2];     /* side of the stimulus, choice: trials that are no corrections */
    int64_t rewarded[2][2]; /* choice is that of the side, rewarded */
    double before;          /* the size of the stimulus before in its session; -1 none */
};

/* Takes up a row of the animal. starts: it is the first of a session, or not the one after the row
 * before. */
void coding_push(struct coding *coding, bool starts, int64_t line, const struct trial_row *row);

/* What is to be said of n animals. path: as errors call the table. */
void coding_say(const struct coding list[], uint32_t n, const char *path,
                struct findings *findings);
