/* ring.h - a queue of variable-sized records between one producer and one consumer thread.
 *
 * The producer reserves a contiguous block, fills it, commits the bytes it used, and publishes
 * everything committed so far at once. The consumer reads ahead with its own cursor and frees
 * records later, when they are safe: until then their memory is untouched.
 * Threads: one producer, one consumer. Memory: one block, allocated by ring_open().
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
    uint8_t *bytes;
    size_t capacity;                 /* bytes, a power of two */
    size_t write;                    /* producer: end of what is committed */
    size_t reserved_pad;             /* producer: bytes skipped so that the block is contiguous */
    _Alignas(64) atomic_size_t head; /* end of what the consumer may read */
    _Alignas(64) atomic_size_t tail; /* start of what the producer must not touch */
    _Alignas(64) size_t read;        /* consumer: next record */
};

/* 0, or -1 without memory. capacity is rounded up to a power of two. */
int ring_open(struct ring *ring, size_t capacity);
void ring_close(struct ring *ring);

/* Producer. A block of size bytes aligned to 8, or NULL if there is no room for it. An empty ring
 * has room for it wherever its end stands if it fits in twice, each with 8 bytes more. One
 * reservation at a time; reserving again without a commit gives the same place. RT-safe: yes. */
void *ring_reserve(struct ring *ring, size_t size);

/* Producer. Keeps the first size bytes of the reserved block as one record. RT-safe: yes. */
void ring_commit(struct ring *ring, size_t size);

/* Producer. Lets the consumer see every record committed so far. RT-safe: yes. */
void ring_publish(struct ring *ring);

/* Share of the memory in use, 0..1. Either thread. RT-safe: yes. */
double ring_fill(const struct ring *ring);

/* Consumer. The next record, or NULL if there is none; it stays valid until ring_free(). */
const void *ring_next(struct ring *ring, size_t *size);

/* Consumer. Frees every record that ring_next() has returned. */
void ring_free(struct ring *ring);

/* Consumer. Goes back to the first record that was not freed. */
void ring_rewind(struct ring *ring);
