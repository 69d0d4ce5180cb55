#include "nearest.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "proto/distance.h"

enum { PREFIX_LEAST = 3 };

/* As many letters may be wrong as a slip explains. */
static size_t most(size_t n)
{
    return n < 3 ? 0 : n < 6 ? 1 : n < 10 ? 2 : 3;
}

void nearest_init(struct nearest *nearest, const char *word)
{
    *nearest = (struct nearest){.word = word, .distance = PROTO_DISTANCE_WORD_MAX};
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
    const size_t n = strlen(nearest->word);
    const size_t m = strlen(candidate);
    const size_t shorter = n < m ? n : m;
    const size_t longer = n < m ? m : n;
    if (shorter == 0 || longer > PROTO_DISTANCE_WORD_MAX) {
        return;
    }
    size_t d = proto_distance(nearest->word, n, candidate, m);
    if (d > most(shorter + 1)) {
        const bool begins = shorter >= PREFIX_LEAST &&
                            proto_distance(nearest->word, shorter, candidate, shorter) == 0;
        if (!begins) {
            return;
        }
        d = most(longer);
    }
    if (nearest->best == NULL || d < nearest->distance) {
        nearest->best = candidate;
        nearest->distance = d;
    }
}

const char *nearest_ask(const struct nearest *nearest, const char *dashes,
                        char out[NEAREST_TEXT_MAX])
{
    out[0] = '\0';
    if (nearest->best != NULL) {
        (void)snprintf(out, NEAREST_TEXT_MAX, "; did you mean %s%s?", dashes, nearest->best);
    }
    return out;
}
