/* ring.h */
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "journal.h"
#include "model/random.h"
#include "ring.h"
#include "suite.h"

static void fill(uint8_t *to, size_t size, uint8_t with)
{
    for (size_t i = 0; i < size; i++) {
        to[i] = (uint8_t)(with + i);
    }
}

static bool is_filled(const uint8_t *bytes, size_t size, uint8_t with)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != (uint8_t)(with + i)) {
            return false;
        }
    }
    return true;
}

static bool put(struct ring *ring, size_t size, uint8_t with)
{
    uint8_t *to = ring_reserve(ring, size);
    if (to == NULL) {
        return false;
    }
    assert_int_equal((uintptr_t)to % 8, 0);
    fill(to, size, with);
    ring_commit(ring, size);
    return true;
}

static void expect(struct ring *ring, size_t size, uint8_t with)
{
    size_t got = 0;
    const uint8_t *record = ring_next(ring, &got);
    assert_non_null(record);
    assert_int_equal(got, size);
    assert_true(is_filled(record, size, with));
}

static void expect_empty(struct ring *ring)
{
    size_t got;
    assert_null(ring_next(ring, &got));
}

static void capacity_is_rounded_up_to_a_power_of_two(void **state)
{
    (void)state;
    static const size_t ASKED[] = {1, 4096, 4097, 100000};
    static const size_t GIVEN[] = {4096, 4096, 8192, 131072};
    for (int i = 0; i < 4; i++) {
        struct ring ring;
        assert_int_equal(ring_open(&ring, ASKED[i]), 0);
        assert_int_equal(ring.capacity, GIVEN[i]);
        ring_close(&ring);
        ring_close(&ring);
    }
}

static void nothing_is_seen_before_it_is_published(void **state)
{
    (void)state;
    struct ring ring;
    assert_int_equal(ring_open(&ring, 4096), 0);
    assert_true(put(&ring, 10, 1));
    assert_true(put(&ring, 0, 0));
    expect_empty(&ring);
    ring_publish(&ring);
    expect(&ring, 10, 1);
    expect(&ring, 0, 0);
    expect_empty(&ring);
    ring_close(&ring);
}

static void a_block_reserved_again_is_the_same_and_may_shrink(void **state)
{
    (void)state;
    struct ring ring;
    assert_int_equal(ring_open(&ring, 4096), 0);
    void *first = ring_reserve(&ring, 1000);
    assert_ptr_equal(ring_reserve(&ring, 500), first);
    fill(first, 20, 7);
    ring_commit(&ring, 20);
    assert_true(put(&ring, 30, 9));
    ring_publish(&ring);
    expect(&ring, 20, 7);
    expect(&ring, 30, 9);
    ring_close(&ring);
}

static void a_full_ring_gives_no_room_until_records_are_freed(void **state)
{
    (void)state;
    struct ring ring;
    assert_int_equal(ring_open(&ring, 4096), 0);
    int n = 0;
    while (put(&ring, 120, (uint8_t)n)) {
        n++;
    }
    assert_int_equal(n, 32); /* 4096 / (8 + 120) */
    ring_publish(&ring);
    assert_true(ring_fill(&ring) >= 1.0);
    for (int i = 0; i < n; i++) {
        expect(&ring, 120, (uint8_t)i);
    }
    assert_null(ring_reserve(&ring, 0)); /* read, but not freed */
    ring_free(&ring);
    assert_true(ring_fill(&ring) <= 0.0);
    assert_true(put(&ring, 120, 5));
    assert_null(ring_reserve(&ring, 4096));
    ring_close(&ring);
}

static void a_record_that_does_not_fit_at_the_end_starts_at_the_front(void **state)
{
    (void)state;
    struct ring ring;
    assert_int_equal(ring_open(&ring, 4096), 0);
    for (size_t lead = 8; lead <= 2000; lead += 8) {
        assert_true(put(&ring, lead - 8, 3));
        ring_publish(&ring);
        expect(&ring, lead - 8, 3);
        ring_free(&ring);
        assert_true(put(&ring, 1000, 4));
        assert_true(put(&ring, 1, 5));
        ring_publish(&ring);
        expect(&ring, 1000, 4);
        expect(&ring, 1, 5);
        expect_empty(&ring);
        ring_free(&ring);
    }
    ring_close(&ring);
}

/* One message of the journal's must fit into its smallest ring. */
static void an_empty_ring_has_room_for_its_largest_record_wherever_its_end_stands(void **state)
{
    (void)state;
    struct ring ring;
    size_t size;
    assert_int_equal(ring_open(&ring, 1 << 21), 0);
    for (size_t i = 0; i < ring.capacity / 8; i++) {
        assert_non_null(ring_reserve(&ring, JOURNAL_UNIT_MAX));
        assert_non_null(ring_reserve(&ring, 0));
        ring_commit(&ring, 0);
        ring_publish(&ring);
        assert_non_null(ring_next(&ring, &size));
        ring_free(&ring);
    }
    ring_close(&ring);
}

static void rewound_it_reads_what_was_not_freed_again(void **state)
{
    (void)state;
    struct ring ring;
    assert_int_equal(ring_open(&ring, 4096), 0);
    for (int round = 0; round < 50; round++) {
        assert_true(put(&ring, 400, 1));
        assert_true(put(&ring, 401, 2));
        ring_publish(&ring);
        for (int again = 0; again < 3; again++) {
            expect(&ring, 400, 1);
            expect(&ring, 401, 2);
            expect_empty(&ring);
            ring_rewind(&ring);
        }
        expect(&ring, 400, 1);
        ring_free(&ring);
        expect(&ring, 401, 2);
        ring_rewind(&ring);
        expect(&ring, 401, 2);
        ring_free(&ring);
        ring_rewind(&ring);
        expect_empty(&ring);
    }
    ring_close(&ring);
}

/* ---- two threads ----------------------------------------------------------------------------- */

enum { RECORDS = 200000, SIZE_MAX_HERE = 700 };

struct both {
    struct ring ring;
    uint64_t seed;
    atomic_bool failed;
};

static size_t size_of_record(model_random *r)
{
    return 4 + (size_t)model_random_below(r, SIZE_MAX_HERE - 4);
}

static void *produce(void *argument)
{
    struct both *both = argument;
    model_random sizes;
    model_random pace;
    model_random_seed(&sizes, both->seed, 0);
    model_random_seed(&pace, both->seed, 1);
    for (uint32_t i = 0; i < RECORDS;) {
        const uint32_t batch = 1 + (uint32_t)model_random_below(&pace, 20);
        for (uint32_t end = i + batch < RECORDS ? i + batch : RECORDS; i < end; i++) {
            const size_t size = size_of_record(&sizes);
            uint8_t *to = ring_reserve(&both->ring, SIZE_MAX_HERE);
            while (to == NULL && !atomic_load(&both->failed)) {
                ring_publish(&both->ring);
                to = ring_reserve(&both->ring, SIZE_MAX_HERE);
            }
            if (to == NULL) {
                return NULL;
            }
            memcpy(to, &i, sizeof i);
            fill(to + 4, size - 4, (uint8_t)i);
            ring_commit(&both->ring, size);
        }
        ring_publish(&both->ring);
    }
    return NULL;
}

/* Reads ahead, goes back at random, and frees in groups, as the journal does. */
static bool consume(struct both *both)
{
    model_random sizes;
    model_random at_freed; /* the sizes' generator as of the first record not freed */
    model_random pace;
    model_random_seed(&sizes, both->seed, 0);
    model_random_seed(&pace, both->seed, 2);
    at_freed = sizes;
    uint32_t i = 0;
    uint32_t freed = 0;
    while (freed < RECORDS) {
        size_t size = 0;
        const uint8_t *record = ring_next(&both->ring, &size);
        if (record != NULL) {
            uint32_t number;
            memcpy(&number, record, sizeof number);
            if (number != i || size != size_of_record(&sizes) ||
                !is_filled(record + 4, size - 4, (uint8_t)i)) {
                return false;
            }
            i++;
        }
        const uint64_t what = model_random_below(&pace, 64);
        if (record == NULL || what < 4) {
            ring_free(&both->ring);
            freed = i;
            at_freed = sizes;
        } else if (what < 6) {
            ring_rewind(&both->ring);
            i = freed;
            sizes = at_freed;
        }
    }
    return true;
}

static void two_threads_hand_over_every_record_whole_and_in_order(void **state)
{
    (void)state;
    static struct both both;
    both.seed = suite_seed();
    assert_int_equal(ring_open(&both.ring, 8192), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, produce, &both), 0);
    const bool ok = consume(&both);
    atomic_store(&both.failed, !ok);
    pthread_join(thread, NULL);
    assert_true(ok);
    expect_empty(&both.ring);
    ring_close(&both.ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capacity_is_rounded_up_to_a_power_of_two),
        cmocka_unit_test(nothing_is_seen_before_it_is_published),
        cmocka_unit_test(a_block_reserved_again_is_the_same_and_may_shrink),
        cmocka_unit_test(a_full_ring_gives_no_room_until_records_are_freed),
        cmocka_unit_test(a_record_that_does_not_fit_at_the_end_starts_at_the_front),
        cmocka_unit_test(an_empty_ring_has_room_for_its_largest_record_wherever_its_end_stands),
        cmocka_unit_test(rewound_it_reads_what_was_not_freed_again),
        cmocka_unit_test(two_threads_hand_over_every_record_whole_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
