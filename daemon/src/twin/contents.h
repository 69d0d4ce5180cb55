/* contents.h - the content under each number of a session: distinguishes a duplicate, however old,
 * from another message with its number.
 *
 * A bounded cache of the journal: the latest numbers are in memory, older ones are read back from
 * the journal on demand. So the answer is always exact. Two kinds of numbers are separate: those of
 * trials, and the seqs of all messages.
 *
 * Threads: one owner. Memory: CONTENTS_BLOCKS blocks, 2.3 MB, at contents_open().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { CONTENTS_NUMBERS = 64, CONTENTS_BLOCKS = 4096 };

enum contents_space { CONTENTS_TRIAL, CONTENTS_SEQ };

/* CONTENTS_NUMBERS numbers of one session in a row. */
struct contents_key {
    uint32_t session;
    enum contents_space space;
    int64_t first; /* a multiple of CONTENTS_NUMBERS */
    int64_t since; /* seqs: the event with which the count began; 0 for trials */
};

enum contents_answer { CONTENTS_ABSENT, CONTENTS_FOUND, CONTENTS_FAILED };

/* Reads what the journal holds of these numbers from events before that one; 0 what it does not.
 * 0, or -1 if it cannot be read. Set by the owner; not RT-safe. */
typedef int contents_fetch(void *context, const struct contents_key *key, int64_t before,
                           uint64_t out[CONTENTS_NUMBERS]);

struct contents_block;

struct contents {
    struct contents_block *blocks;
    uint32_t *chains; /* first block of each, by hash */
    uint32_t free;    /* first of those that hold nothing */
    uint32_t n_used;
    uint32_t hand; /* where a block to give up is looked for next */
    /* Blocks with contents of a younger event stay: the journal does not have them yet. */
    int64_t durable_event;
    contents_fetch *fetch; /* NULL: nothing but this memory is there */
    void *context;         /* fetch's */
    /* Told of each session of which something is in the journal alone from now on; NULL: nobody. */
    void (*forget)(void *owner, uint32_t session);
    void *owner;
};

/* 0, or -1 without memory. */
int contents_open(struct contents *c);
void contents_close(struct contents *c);

/* True if so many blocks are free or were made so. Each contents_put() and contents_find() takes
 * one at most. False: too much is on its way to the disk. RT-safe: yes. */
bool contents_have_room(struct contents *c, uint32_t blocks);

/* What was said under a number by events before that one. is_whole: whatever the session said was
 * put here, so that the journal need not be asked. RT-safe: yes, unless it must be. */
enum contents_answer contents_find(struct contents *c, uint32_t session, enum contents_space space,
                                   int64_t number, int64_t since, bool is_whole, int64_t before,
                                   uint64_t *content);

/* Keeps what an event said under a number. RT-safe: yes. */
void contents_put(struct contents *c, uint32_t session, enum contents_space space, int64_t number,
                  int64_t since, bool is_whole, uint64_t content, int64_t event);
