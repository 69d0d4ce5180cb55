#include "contents.h"

#include <stdlib.h>
#include <string.h>

enum { CHAINS = 2 * CONTENTS_BLOCKS, NONE = CONTENTS_BLOCKS };

struct contents_block {
    struct contents_key key;
    uint32_t next; /* of its chain, or of those that are free; NONE: it is the last */
    bool is_used;
    bool is_whole;                      /* the journal was asked, or need not be */
    bool was_touched;                   /* since the hand passed */
    int64_t last_event;                 /* youngest content */
    uint64_t content[CONTENTS_NUMBERS]; /* 0: none */
};

int contents_open(struct contents *c)
{
    *c = (struct contents){.durable_event = INT64_MAX};
    c->blocks = malloc(CONTENTS_BLOCKS * sizeof *c->blocks);
    c->chains = malloc(CHAINS * sizeof *c->chains);
    if (c->blocks == NULL || c->chains == NULL) {
        contents_close(c);
        return -1;
    }
    memset(c->blocks, 0, CONTENTS_BLOCKS * sizeof *c->blocks);
    for (uint32_t i = 0; i < CONTENTS_BLOCKS; i++) {
        c->blocks[i].next = i + 1;
    }
    for (uint32_t i = 0; i < CHAINS; i++) {
        c->chains[i] = NONE;
    }
    return 0;
}

void contents_close(struct contents *c)
{
    free(c->blocks);
    free(c->chains);
    *c = (struct contents){0};
}

static struct contents_key key_of(uint32_t session, enum contents_space space, int64_t number,
                                  int64_t since)
{
    return (struct contents_key){.session = session,
                                 .space = space,
                                 .first = number - number % CONTENTS_NUMBERS,
                                 .since = since};
}

static uint32_t chain_of(const struct contents_key *key)
{
    uint64_t h = (uint64_t)key->first / CONTENTS_NUMBERS * UINT64_C(0x9E3779B97F4A7C15);
    h = (h ^ key->session ^ (uint64_t)key->since << 20) * UINT64_C(0xBF58476D1CE4E5B9);
    h = (h ^ (h >> 29) ^ (uint64_t)key->space) * UINT64_C(0x94D049BB133111EB);
    return (uint32_t)(h >> 33) % CHAINS;
}

static bool is_same(const struct contents_key *a, const struct contents_key *b)
{
    return a->session == b->session && a->space == b->space && a->first == b->first &&
           a->since == b->since;
}

static struct contents_block *find(const struct contents *c, const struct contents_key *key)
{
    uint32_t i = c->chains[chain_of(key)];
    while (i != NONE && !is_same(&c->blocks[i].key, key)) {
        i = c->blocks[i].next;
    }
    return i != NONE ? &c->blocks[i] : NULL;
}

static void move_to(struct contents *c, struct contents_block *block, uint32_t *list)
{
    block->next = *list;
    *list = (uint32_t)(block - c->blocks);
}

/* Second chance: the hand passes over what was touched since it came by. NULL if all that is left
 * is not on disk. */
static struct contents_block *oldest(struct contents *c)
{
    for (uint32_t i = 0; i < 2 * CONTENTS_BLOCKS; i++) {
        struct contents_block *block = &c->blocks[c->hand];
        c->hand = (c->hand + 1) % CONTENTS_BLOCKS;
        if (block->is_used && !block->was_touched && block->last_event <= c->durable_event) {
            return block;
        }
        block->was_touched = false;
    }
    return NULL;
}

static void give_up(struct contents *c, struct contents_block *block)
{
    uint32_t *at = &c->chains[chain_of(&block->key)];
    while (&c->blocks[*at] != block) {
        at = &c->blocks[*at].next;
    }
    *at = block->next;
    block->is_used = false;
    c->n_used--;
    move_to(c, block, &c->free);
    if (c->forget != NULL) {
        c->forget(c->owner, block->key.session);
    }
}

bool contents_have_room(struct contents *c, uint32_t blocks)
{
    while (CONTENTS_BLOCKS - c->n_used < blocks) {
        struct contents_block *block = oldest(c);
        if (block == NULL) {
            return false;
        }
        give_up(c, block);
    }
    return true;
}

/* A free block for the key; NULL if there is none. */
static struct contents_block *make(struct contents *c, const struct contents_key *key,
                                   bool is_whole)
{
    if (!contents_have_room(c, 1)) {
        return NULL;
    }
    struct contents_block *block = &c->blocks[c->free];
    c->free = block->next;
    *block = (struct contents_block){.key = *key, .is_used = true, .is_whole = is_whole};
    move_to(c, block, &c->chains[chain_of(key)]);
    c->n_used++;
    return block;
}

/* Adds what the journal knows. False if it cannot be read. */
static bool complete(struct contents *c, struct contents_block *block, int64_t before)
{
    uint64_t kept[CONTENTS_NUMBERS];
    if (c->fetch == NULL || c->fetch(c->context, &block->key, before, kept) != 0) {
        return false;
    }
    for (int i = 0; i < CONTENTS_NUMBERS; i++) {
        block->content[i] = block->content[i] != 0 ? block->content[i] : kept[i];
    }
    block->is_whole = true;
    return true;
}

enum contents_answer contents_find(struct contents *c, uint32_t session, enum contents_space space,
                                   int64_t number, int64_t since, bool is_whole, int64_t before,
                                   uint64_t *content)
{
    const struct contents_key key = key_of(session, space, number, since);
    struct contents_block *block = find(c, &key);
    const size_t at = (size_t)(number - key.first);
    if (block == NULL && is_whole) {
        return CONTENTS_ABSENT;
    }
    if (block == NULL) {
        block = make(c, &key, false);
    }
    if (block == NULL) {
        return CONTENTS_FAILED;
    }
    block->was_touched = true;
    if (block->content[at] == 0 && !block->is_whole && !complete(c, block, before)) {
        return CONTENTS_FAILED;
    }
    *content = block->content[at];
    return *content != 0 ? CONTENTS_FOUND : CONTENTS_ABSENT;
}

void contents_put(struct contents *c, uint32_t session, enum contents_space space, int64_t number,
                  int64_t since, bool is_whole, uint64_t content, int64_t event)
{
    const struct contents_key key = key_of(session, space, number, since);
    struct contents_block *block = find(c, &key);
    block = block != NULL ? block : make(c, &key, is_whole);
    if (block == NULL) {
        return; /* cannot be: contents_have_room() was asked */
    }
    block->content[number - key.first] = content;
    block->was_touched = true;
    block->last_event = event;
}
