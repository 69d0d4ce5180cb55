/* sequence.h - which numbers of a counter have come: finds duplicates, gaps and late arrivals.
 *
 * Everything up to `through` has come or was given up; above it a window of SEQUENCE_WINDOW numbers
 * is remembered one by one. Plain memory, checkpointed as it is.
 * Threads: one owner. Memory: the struct.
 */
#ifndef MURID_SEQUENCE_H
#define MURID_SEQUENCE_H

#include <stdint.h>

enum { SEQUENCE_WINDOW = 256 };

struct sequence {
    int64_t through;                     /* no gap up to here; -1 before the first */
    int64_t highest;                     /* highest number that came; -1 before the first */
    int64_t given_up;                    /* numbers never heard that left the window */
    uint64_t seen[SEQUENCE_WINDOW / 64]; /* bit i: through + 1 + i has come */
};

enum sequence_verdict {
    SEQUENCE_NEXT,     /* the number after the highest */
    SEQUENCE_GAP,      /* above that: numbers between are missing */
    SEQUENCE_LATE,     /* one of the missing */
    SEQUENCE_DUPLICATE /* has come before, or was given up */
};

/* Nothing has come; first is the number that counts as the start. */
void sequence_init(struct sequence *s, int64_t first);

/* What taking this number would be. Reads only. RT-safe: yes. */
enum sequence_verdict sequence_check(const struct sequence *s, int64_t number);

/* Takes the number and says what it was. Numbers that leave the window unheard are given up.
 * RT-safe: yes, bounded. */
enum sequence_verdict sequence_take(struct sequence *s, int64_t number);

/* How many numbers up to the highest are missing and can still come. RT-safe: yes. */
int64_t sequence_missing(const struct sequence *s);

#endif
