/* proto/distance.h - the edit distance of two words, to find the correct one near a wrong one.
 *
 * Threads: any. Memory: none. RT-safe: yes, O(n m).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { PROTO_DISTANCE_WORD_MAX = 40 };

/* How many letters must be put in, left out, changed, or swapped with their neighbour (optimal
 * string alignment, the restricted form of the distance of Damerau and Levenshtein). Upper and
 * lower case are alike, and so are '-', '_' and ' '. n, m: at most PROTO_DISTANCE_WORD_MAX, else
 * UINT32_MAX. */
uint32_t proto_distance(const char *a, size_t n, const char *b, size_t m);
