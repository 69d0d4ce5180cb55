/* nearest.h - the correct word nearest to a wrong one: for "did you mean".
 *
 * Words are offered one after the other; the first of those with the smallest edit distance
 * (insertions, deletions, substitutions, swaps of neighbours) is kept. Case is ignored, and '-',
 * '_' and ' ' are equal. Threads: one owner. Memory: points to what it was given.
 */
#pragma once

#include <stddef.h>

struct nearest {
    const char *word;
    const char *best; /* NULL: none is near */
    size_t distance;  /* of best */
};

void nearest_init(struct nearest *nearest, const char *word);

/* Is `candidate` nearer than those before it, and near enough to be meant? */
void nearest_offer(struct nearest *nearest, const char *candidate);

enum { NEAREST_TEXT_MAX = 96 };

/* "; did you mean BEST?", or "" where none is near; dashes: put before it, "--" or "". Returns out.
 */
const char *nearest_ask(const struct nearest *nearest, const char *dashes,
                        char out[NEAREST_TEXT_MAX]);
