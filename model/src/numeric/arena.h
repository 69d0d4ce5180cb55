/* arena.h - the caller's memory, taken block by block. Without a base it only counts: what lays an
 * object out also says how many bytes it needs.
 *
 * Threads: one owner. Memory: the caller's, aligned to ARENA_ALIGN; blocks are as they were.
 */
#pragma once

#include <stddef.h>

enum { ARENA_ALIGN = 64 };

typedef struct {
    unsigned char *base; /* NULL: only counts */
    size_t used;         /* bytes */
} arena;

/* The next so many bytes, aligned to ARENA_ALIGN; NULL without a base. */
static inline void *arena_take(arena *a, size_t bytes)
{
    void *block = a->base != NULL ? a->base + a->used : NULL;
    a->used += (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    return block;
}

static inline float *arena_floats(arena *a, size_t n)
{
    return arena_take(a, n * sizeof(float));
}
