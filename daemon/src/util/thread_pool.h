/* thread_pool.h - threads that share numbered jobs.
 *
 * Jobs must not depend on each other; which thread runs which is arbitrary, so results must be
 * stored per job. Threads: the owner calls; the jobs run on the owner's thread and on those of the
 * pool. Memory: the struct's.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"

enum { THREAD_POOL_THREADS_MAX = 256 };

typedef void thread_pool_job(void *context, size_t number);

struct thread_pool {
    pthread_mutex_t lock;
    pthread_cond_t has_work;
    pthread_cond_t is_done;
    pthread_t thread[THREAD_POOL_THREADS_MAX];
    size_t n_threads; /* beside the owner's */
    thread_pool_job *job;
    void *context;
    size_t n_jobs;
    size_t next;
    size_t running;
    bool stop;
    bool is_open;
};

/* How many threads are meant: as many as are wanted, or one a processor where that is 0; at most
 * `most`. */
size_t thread_pool_count(int64_t wanted, size_t most);

/* n_threads with the owner's, 1..THREAD_POOL_THREADS_MAX. FAULT_NONE, or FAULT_WORK with *team
 * closed. */
int thread_pool_open(struct thread_pool *team, size_t n_threads, struct fault *fault);

/* Does job(context, 0..n_jobs-1), number 0 on the owner's thread; returns when all are done. */
void thread_pool_run(struct thread_pool *team, thread_pool_job *job, void *context, size_t n_jobs);

/* Ends the threads; a zeroed team is fine. */
void thread_pool_close(struct thread_pool *team);
