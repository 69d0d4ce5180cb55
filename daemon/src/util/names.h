/* names.h - numbers for untrusted names, in the order in which they first appear: 0, 1, 2, ...
 *
 * A name may belong to an owner, as a session does to its subject. Names are distinguished by a
 * keyed hash of 64 bits, with a new key for each table. Threads: one owner. Memory: the heap, 12 to
 * 48 bytes per name up to the given bound; names_close() frees it.
 */
#pragma once

#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct names {
    struct names_slot {
        uint64_t hash; /* 0: free */
        uint32_t number;
    } * slots;
    size_t capacity; /* a power of 2, or 0 */
    uint32_t n;
    uint32_t max;
    unsigned char key[crypto_shorthash_KEYBYTES];
};

enum names_found { NAMES_KNOWN, NAMES_NEW, NAMES_FULL };

/* At most max names. */
void names_open(struct names *names, uint32_t max);

/* The number of a name of at most 64 bytes. NAMES_FULL, with *number as it was: more than max, or
 * no memory. */
enum names_found names_find(struct names *names, uint32_t owner, const char *name,
                            uint32_t *number);

void names_close(struct names *names);
