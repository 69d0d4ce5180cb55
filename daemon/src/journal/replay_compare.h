/* replay_compare.h - is what a journal's messages give today what was journaled then?
 *
 * Threads: one owner. Memory: none kept.
 */
#pragma once

#include "replay.h"

struct replay_compared {
    int64_t events, predictions;
    int64_t values; /* numbers that were compared */
};

/* FAULT_NONE: identical bit for bit; FAULT_WORK: the first difference; or FAULT_INPUT. */
int replay_compare(const char *path, struct replay_compared *n, struct fault *fault);
