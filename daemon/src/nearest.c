#include "nearest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 40, PREFIX_LEAST = 3 };

static char plain(char c)
{
    return c == '_' || c == ' ' ? '-' : (char)tolower((unsigned char)c);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment, the restricted form of the distance of Damerau and Levenshtein. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0];
    size_t *last = rows[1];
    size_t *now = rows[2];
    for (size_t k = 0; k <= m; k++) {
        last[k] = k;
    }
    for (size_t i = 1; i <= n; i++) {
        now[0] = i;
        for (size_t k = 1; k <= m; k++) {
            const char x = plain(a[i - 1]);
            const char y = plain(b[k - 1]);
            now[k] = least(least(now[k - 1], last[k]) + 1, last[k - 1] + (x != y ? 1 : 0));
            if (i > 1 && k > 1 && x == plain(b[k - 2]) && plain(a[i - 2]) == y) {
                now[k] = least(now[k], before[k - 2] + 1);
            }
        }
        size_t *const free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[m];
}

/* As many letters may be wrong as a slip explains. */
static size_t most(size_t n)
{
    return n < 3 ? 0 : n < 6 ? 1 : n < 10 ? 2 : 3;
}

void nearest_init(struct nearest *nearest, const char *word)
{
    *nearest = (struct nearest){.word = word, .distance = WORD_MAX};
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
    const size_t n = strlen(nearest->word);
    const size_t m = strlen(candidate);
    if (n > WORD_MAX || m > WORD_MAX || n == 0 || m == 0) {
        return;
    }
    size_t d = distance(nearest->word, n, candidate, m);
    const size_t shorter = least(n, m);
    if (d > most(least(n, m) + 1) && shorter >= PREFIX_LEAST &&
        distance(nearest->word, shorter, candidate, shorter) == 0) {
        d = most(n > m ? n : m); /* one begins with the other */
    } else if (d > most(shorter + 1)) {
        return;
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
