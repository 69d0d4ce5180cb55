/* thread_pool.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "thread_pool.h"

enum { JOBS = 37 };

static void count(void *context, size_t number)
{
    int *done = context;
    done[number]++;
}

static void every_job_is_done_once_whatever_the_number_of_threads(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= 8; threads++) {
        struct thread_pool team;
        struct fault fault;
        assert_int_equal(thread_pool_open(&team, threads, &fault), FAULT_NONE);
        for (size_t jobs = 0; jobs <= JOBS; jobs++) {
            for (int round = 0; round < 20; round++) {
                int done[JOBS + 1] = {0};
                thread_pool_run(&team, count, done, jobs);
                for (size_t i = 0; i <= JOBS; i++) {
                    assert_int_equal(done[i], i < jobs ? 1 : 0);
                }
            }
        }
        thread_pool_close(&team);
    }
}

struct witness {
    pthread_t owner;
    bool is_owner[JOBS];
};

static void witness(void *context, size_t number)
{
    struct witness *w = context;
    w->is_owner[number] = pthread_equal(pthread_self(), w->owner) != 0;
}

static void the_first_job_is_the_owners(void **state)
{
    (void)state;
    struct thread_pool team;
    struct fault fault;
    assert_int_equal(thread_pool_open(&team, 4, &fault), FAULT_NONE);
    for (int round = 0; round < 500; round++) {
        struct witness w = {.owner = pthread_self()};
        thread_pool_run(&team, witness, &w, JOBS);
        assert_true(w.is_owner[0]);
    }
    thread_pool_close(&team);
}

static void closing_a_team_that_was_never_opened_does_nothing(void **state)
{
    (void)state;
    static struct thread_pool team;
    thread_pool_close(&team);
    assert_false(team.is_open);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_is_done_once_whatever_the_number_of_threads),
        cmocka_unit_test(the_first_job_is_the_owners),
        cmocka_unit_test(closing_a_team_that_was_never_opened_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
