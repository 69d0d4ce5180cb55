/* replay_compare.h - is what a journal's messages give today what was journaled then?
 *
 * Threads: one owner. Memory: none kept.
 */
#ifndef MURID_REPLAY_COMPARE_H
#define MURID_REPLAY_COMPARE_H

#include "replay.h"

struct replay_compared {
    int64_t events, predictions;
    int64_t values; /* numbers that were compared */
};

/* FAULT_NONE: identical bit for bit; FAULT_WORK: the first difference; or FAULT_INPUT. */
int replay_compare(const char *path, struct replay_compared *n, struct fault *fault);

#endif
