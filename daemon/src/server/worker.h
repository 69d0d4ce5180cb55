/* worker.h - one background thread for jobs about single animals, each on a snapshot.
 *
 * The loop requests a job of a kind for an animal; when the thread is idle, the animal that has
 * waited longest is copied, the job runs on the copy, and the loop applies the result between
 * trials. One job runs at a time, an animal waits at most once for each kind, and its snapshot is
 * taken when the job begins: a busy thread skips jobs, and no queue grows. A result depends only on
 * its snapshot. The thread uses the processor time that others leave.
 *
 * Threads: all functions are for the loop. Memory: allocated by worker_open(); a job allocates
 * nothing.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker_jobs.h"

enum worker_state { WORKER_IDLE, WORKER_BUSY, WORKER_DONE };

struct worker_job {
    enum worker_kind kind;
    uint32_t subject;
    int64_t run;      /* of the subjects when the snapshot was taken */
    int64_t based_on; /* the last event then */
    bool is_whole;    /* false: stopped, or it could not be done */
    void *memory;     /* worker_NAME_size() bytes, aligned to MODEL_NET_ALIGN: snapshot, result */
    size_t size;
};

/* Animals that want jobs of one kind, longest waiting first. */
struct worker_queue {
    uint32_t *subject; /* (max_subjects) */
    bool *is_waiting;  /* (max_subjects) */
    uint32_t first;
    uint32_t n;
};

struct worker {
    struct worker_job job; /* the thread's while BUSY */
    struct worker_queue queue[WORKER_KINDS];
    uint32_t max_subjects;
    uint32_t next_kind; /* kinds take turns */
    pthread_t thread;
    bool is_started;
    int wake_fd; /* raised for the thread */
    int done_fd; /* raised for the loop: a result waits */
    atomic_int state;
    atomic_bool stop; /* ends the job at hand */
    atomic_bool quit;
};

/* Allocates for the subjects's plan and subjects and starts the thread; without a plan it has
 * nothing to do. 0, or -1 with all given back. */
int worker_open(struct worker *worker, const struct subjects *subjects);

/* Stops the job and the thread; NULL and zeroed are fine. */
void worker_close(struct worker *worker);

/* An animal wants a job. RT-safe: yes. */
void worker_want(struct worker *worker, enum worker_kind kind, uint32_t subject);

/* If the thread is idle and somebody waits: takes the snapshot and starts the job. event: the last
 * one. RT-safe: yes, it copies up to some 100 kB. */
void worker_start_next(struct worker *worker, const struct subjects *subjects, int64_t event);

/* The job that is done, or NULL. The caller reads its result and then calls worker_release().
 * RT-safe: yes. */
const struct worker_job *worker_result(struct worker *worker);
void worker_release(struct worker *worker);
