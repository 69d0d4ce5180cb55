/* fnv.h - the hash FNV-1a of 64 bits (Fowler, Noll, Vo): for tables in memory and for fingerprints,
 * not against deliberate collisions.
 *
 * Threads: any. Memory: none. RT-safe: yes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

static const uint64_t FNV_START = UINT64_C(14695981039346656037);

static inline uint64_t fnv_word(uint64_t hash, uint64_t word)
{
    return (hash ^ word) * UINT64_C(1099511628211);
}

static inline uint64_t fnv_bytes(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++) {
        hash = fnv_word(hash, at[i]);
    }
    return hash;
}
