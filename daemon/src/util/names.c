#include "names.h"

#include <stdlib.h>
#include <string.h>

#include "proto/message.h"

enum { FIRST_CAPACITY = 64 };

void names_open(struct names *names, uint32_t max)
{
    *names = (struct names){.max = max};
    crypto_shorthash_keygen(names->key);
}

/* Never 0. */
static uint64_t hash(const struct names *names, uint32_t owner, const char *name)
{
    unsigned char bytes[sizeof owner + PROTO_ID_MAX];
    unsigned char digest[crypto_shorthash_BYTES];
    uint64_t value;
    const size_t length = strlen(name);
    const size_t n = length < PROTO_ID_MAX ? length : PROTO_ID_MAX;
    memcpy(bytes, &owner, sizeof owner);
    memcpy(bytes + sizeof owner, name, n);
    (void)crypto_shorthash(digest, bytes, sizeof owner + n, names->key);
    memcpy(&value, digest, sizeof value);
    return value != 0 ? value : 1;
}

/* The slot of that hash, or the free one where it belongs. */
static struct names_slot *find(struct names_slot *slots, size_t capacity, uint64_t hash)
{
    size_t i = (size_t)hash & (capacity - 1);
    while (slots[i].hash != 0 && slots[i].hash != hash) {
        i = (i + 1) & (capacity - 1);
    }
    return &slots[i];
}

/* Room for one more, half of it free. */
static bool grow(struct names *names)
{
    if (2 * ((size_t)names->n + 1) <= names->capacity) {
        return true;
    }
    const size_t capacity = names->capacity > 0 ? 2 * names->capacity : FIRST_CAPACITY;
    struct names_slot *slots = calloc(capacity, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < names->capacity; i++) {
        if (names->slots[i].hash != 0) {
            *find(slots, capacity, names->slots[i].hash) = names->slots[i];
        }
    }
    free(names->slots);
    names->slots = slots;
    names->capacity = capacity;
    return true;
}

enum names_found names_find(struct names *names, uint32_t owner, const char *name, uint32_t *number)
{
    if (!grow(names)) {
        return NAMES_FULL;
    }
    const uint64_t wanted = hash(names, owner, name);
    struct names_slot *slot = find(names->slots, names->capacity, wanted);
    if (slot->hash != 0) {
        *number = slot->number;
        return NAMES_KNOWN;
    }
    if (names->n == names->max) {
        return NAMES_FULL;
    }
    *slot = (struct names_slot){.hash = wanted, .number = names->n};
    *number = names->n++;
    return NAMES_NEW;
}

void names_close(struct names *names)
{
    free(names->slots);
    *names = (struct names){0};
}
