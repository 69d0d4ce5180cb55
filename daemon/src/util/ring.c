#include "ring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A record is its size (8 bytes), then the block, padded to 8. PAD fills the end of the memory. */
enum { HEADER = 8 };
static const uint64_t PAD = UINT64_MAX;

static size_t padded(size_t size)
{
    return (size + 7U) & ~(size_t)7U;
}

static size_t place(const struct ring *ring, size_t position)
{
    return position & (ring->capacity - 1U);
}

int ring_open(struct ring *ring, size_t capacity)
{
    size_t rounded = 4096;
    while (rounded < capacity) {
        rounded *= 2;
    }
    *ring = (struct ring){.capacity = rounded};
    ring->bytes = aligned_alloc(64, rounded);
    if (ring->bytes == NULL) {
        return -1;
    }
    memset(ring->bytes, 0, rounded); /* touched now, so that no trial waits for a page */
    return 0;
}

void ring_close(struct ring *ring)
{
    free(ring->bytes);
    ring->bytes = NULL;
}

void *ring_reserve(struct ring *ring, size_t size)
{
    const size_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    const size_t need = HEADER + padded(size);
    const size_t to_end = ring->capacity - place(ring, ring->write);
    const size_t pad = need <= to_end ? 0 : to_end;
    if (ring->write - tail + pad + need > ring->capacity) {
        return NULL;
    }
    ring->reserved_pad = pad;
    return ring->bytes + place(ring, ring->write + pad) + HEADER;
}

void ring_commit(struct ring *ring, size_t size)
{
    if (ring->reserved_pad > 0) {
        memcpy(ring->bytes + place(ring, ring->write), &PAD, sizeof PAD);
        ring->write += ring->reserved_pad;
        ring->reserved_pad = 0;
    }
    const uint64_t header = size;
    memcpy(ring->bytes + place(ring, ring->write), &header, sizeof header);
    ring->write += HEADER + padded(size);
}

void ring_publish(struct ring *ring)
{
    atomic_store_explicit(&ring->head, ring->write, memory_order_release);
}

double ring_fill(const struct ring *ring)
{
    const size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    const size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    return head > tail ? (double)(head - tail) / (double)ring->capacity : 0.0;
}

const void *ring_next(struct ring *ring, size_t *size)
{
    const size_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    if (ring->read == head) {
        return NULL;
    }
    uint64_t header;
    memcpy(&header, ring->bytes + place(ring, ring->read), sizeof header);
    if (header == PAD) {
        ring->read += ring->capacity - place(ring, ring->read);
        assert(ring->read != head);
        memcpy(&header, ring->bytes + place(ring, ring->read), sizeof header);
    }
    const void *record = ring->bytes + place(ring, ring->read) + HEADER;
    *size = (size_t)header;
    ring->read += HEADER + padded((size_t)header);
    return record;
}

void ring_free(struct ring *ring)
{
    atomic_store_explicit(&ring->tail, ring->read, memory_order_release);
}

void ring_rewind(struct ring *ring)
{
    ring->read = atomic_load_explicit(&ring->tail, memory_order_relaxed);
}
