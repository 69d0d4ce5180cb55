/* sequence.h - which numbers of a counter were received: the highest, and how many are missing
 * below it.
 *
 * It keeps no list: whether a number below the highest was received is known from contents.h. So no
 * gap is too wide and none is ever abandoned. Plain memory, checkpointed as it is. Threads: one
 * owner. Memory: the struct.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A number so far above the highest is doubted, until the next continues from it. */
enum { SEQUENCE_JUMP = 256 };

struct sequence {
    int64_t first;   /* where the count starts */
    int64_t through; /* none is missing from the first up to here; first - 1: the first is */
    int64_t lowest;  /* lowest number that came; first before any */
    int64_t highest; /* highest number that came; first - 1 before any */
    int64_t missing; /* numbers from first to highest that have not come */
};

enum sequence_verdict {
    SEQUENCE_NEXT,       /* the number after the highest */
    SEQUENCE_GAP,        /* above that: numbers between are missing */
    SEQUENCE_JUMP_AHEAD, /* so far above that it may be a slip */
    SEQUENCE_LATE        /* below the highest */
};

/* Nothing has come; first is the number that counts as the start. */
void sequence_init(struct sequence *s, int64_t first);

/* True before any number has come. RT-safe: yes. */
bool sequence_is_empty(const struct sequence *s);

/* What a number that has not come before would be. The first of all is never a jump: whoever
 * listens may have begun late. Reads only. RT-safe: yes. */
enum sequence_verdict sequence_check(const struct sequence *s, int64_t number);

/* Takes a number that has not come before. `through` moves over it if it is the one after; what
 * came earlier beyond it is for sequence_pass(). RT-safe: yes. */
void sequence_take(struct sequence *s, int64_t number);

/* Nobody will ever send the numbers up to `through`, none of which came: the count starts behind
 * them. False if one of them came, or the next one did not. RT-safe: yes. */
bool sequence_skip(struct sequence *s, int64_t through);

/* The owner knows that the number after `through` has come: `through` moves over it. RT-safe: yes.
 */
void sequence_pass(struct sequence *s);
