#include "sequence.h"

void sequence_init(struct sequence *s, int64_t first)
{
    *s = (struct sequence){
        .first = first, .through = first - 1, .lowest = first, .highest = first - 1};
}

bool sequence_is_empty(const struct sequence *s)
{
    return s->highest < s->first;
}

enum sequence_verdict sequence_check(const struct sequence *s, int64_t number)
{
    if (number <= s->highest) {
        return SEQUENCE_LATE;
    }
    if (number == s->highest + 1) {
        return SEQUENCE_NEXT;
    }
    return number - s->highest > SEQUENCE_JUMP && !sequence_is_empty(s) ? SEQUENCE_JUMP_AHEAD
                                                                        : SEQUENCE_GAP;
}

void sequence_take(struct sequence *s, int64_t number)
{
    if (sequence_is_empty(s) || number < s->lowest) {
        s->lowest = number;
    }
    if (number > s->highest) {
        s->missing += number - s->highest - 1;
        s->highest = number;
    } else if (number < s->first) {
        s->missing += s->first - number - 1;
        s->first = number;
        s->through = number - 1;
    } else {
        s->missing--;
    }
    if (number == s->through + 1) {
        s->through = number;
    }
    if (s->missing == 0) {
        s->through = s->highest;
    }
}

bool sequence_skip(struct sequence *s, int64_t through)
{
    if (sequence_is_empty(s) || through < s->first || s->lowest != through + 1) {
        return false;
    }
    s->missing -= s->lowest - s->first;
    s->first = s->lowest;
    s->through = s->missing == 0 ? s->highest : s->lowest;
    return true;
}

void sequence_pass(struct sequence *s)
{
    s->through++;
}
