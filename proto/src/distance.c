#include "proto/distance.h"

#include <stdbool.h>

static int plain(char c)
{
    return c == '_' || c == ' ' ? '-' : c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char)c;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

uint32_t proto_distance(const char *a, size_t n, const char *b, size_t m)
{
    uint32_t row[3][PROTO_DISTANCE_WORD_MAX + 1];
    if (n > PROTO_DISTANCE_WORD_MAX || m > PROTO_DISTANCE_WORD_MAX) {
        return UINT32_MAX;
    }
    for (uint32_t j = 0; j <= m; j++) {
        row[0][j] = j;
    }
    for (size_t i = 1; i <= n; i++) {
        uint32_t *at = row[i % 3];
        const uint32_t *above = row[(i - 1) % 3];
        at[0] = (uint32_t)i;
        for (size_t j = 1; j <= m; j++) {
            const bool is_same = plain(a[i - 1]) == plain(b[j - 1]);
            at[j] = least(least(above[j], at[j - 1]) + 1, above[j - 1] + (is_same ? 0 : 1));
            if (i > 1 && j > 1 && plain(a[i - 1]) == plain(b[j - 2]) &&
                plain(a[i - 2]) == plain(b[j - 1])) {
                at[j] = least(at[j], row[(i - 2) % 3][j - 2] + 1);
            }
        }
    }
    return row[n % 3][m];
}
