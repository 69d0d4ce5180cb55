#include "sequence.h"

#include <stdbool.h>
#include <string.h>

static bool is_seen(const struct sequence *s, int64_t number)
{
    const uint64_t i = (uint64_t)(number - s->through - 1);
    return i < SEQUENCE_WINDOW && (s->seen[i / 64] >> (i % 64) & 1U) != 0;
}

static void shift(struct sequence *s, uint64_t by)
{
    enum { WORDS = SEQUENCE_WINDOW / 64 };
    const uint64_t words = by / 64;
    const uint64_t bits = by % 64;
    for (uint64_t i = 0; i < WORDS; i++) {
        const uint64_t low = i + words < WORDS ? s->seen[i + words] : 0;
        const uint64_t high = i + words + 1 < WORDS ? s->seen[i + words + 1] : 0;
        s->seen[i] = bits == 0 ? low : (low >> bits | high << (64 - bits));
    }
    s->through += (int64_t)by;
}

static void close_gapless_start(struct sequence *s)
{
    while (is_seen(s, s->through + 1)) {
        shift(s, 1);
    }
}

void sequence_init(struct sequence *s, int64_t first)
{
    *s = (struct sequence){.through = first - 1, .highest = first - 1};
}

enum sequence_verdict sequence_check(const struct sequence *s, int64_t number)
{
    if (number == s->highest + 1) {
        return SEQUENCE_NEXT;
    }
    if (number > s->highest) {
        return SEQUENCE_GAP;
    }
    return number <= s->through || is_seen(s, number) ? SEQUENCE_DUPLICATE : SEQUENCE_LATE;
}

enum sequence_verdict sequence_take(struct sequence *s, int64_t number)
{
    const enum sequence_verdict verdict = sequence_check(s, number);
    if (verdict == SEQUENCE_DUPLICATE) {
        return verdict;
    }
    const int64_t beyond = number - s->through - SEQUENCE_WINDOW;
    if (beyond > SEQUENCE_WINDOW) {
        s->given_up += sequence_missing(s) + (number - SEQUENCE_WINDOW - s->highest);
        s->through = number - SEQUENCE_WINDOW;
        memset(s->seen, 0, sizeof s->seen);
    } else {
        for (int64_t i = 0; i < beyond; i++) {
            s->given_up += is_seen(s, s->through + 1) ? 0 : 1;
            shift(s, 1);
        }
    }
    const uint64_t i = (uint64_t)(number - s->through - 1);
    s->seen[i / 64] |= (uint64_t)1 << (i % 64);
    if (number > s->highest) {
        s->highest = number;
    }
    close_gapless_start(s);
    return verdict;
}

int64_t sequence_missing(const struct sequence *s)
{
    int64_t missing = 0;
    for (int64_t n = s->through + 1; n < s->highest; n++) {
        missing += is_seen(s, n) ? 0 : 1;
    }
    return missing;
}
