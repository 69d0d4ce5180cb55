/* job_scheduler.h - independent numbered jobs, distributed over threads and ranks.
 *
 * Jobs are assigned one by one, the most expensive first, to any idle thread of any rank. The
 * result is every job's bytes in the order of the jobs, on all ranks, so that nothing depends on
 * which thread did what. A directory (job_store.h) keeps finished jobs: after Ctrl-C, a failure or
 * a crash the same jobs can be resumed, on any number of threads and ranks; all ranks must see it.
 * The first job that fails stops all.
 *
 * How the ranks agree: some fifty times a second each sends all others the number of its idle
 * threads, its finished jobs, and whether to stop (ranks_gather()); from that each rank computes
 * for itself who gets which job. There is no master, and no rank can leave while another waits for
 * it.
 *
 * Threads: job_scheduler_run() is called by the main thread of each rank, which schedules; jobs run
 * on others. Memory: results are the caller's, to be freed by job_scheduler_free().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "job_store.h"
#include "ranks.h"
#include "thread_pool.h"

enum {
    JOB_SCHEDULER_STOPPED = -1, /* what a job returns when it has stopped because it was told to */
    JOB_SCHEDULER_JOBS_MAX = 100000,
    JOB_SCHEDULER_THREADS_MAX = THREAD_POOL_THREADS_MAX - 1
};

struct job_scheduler_result {
    uint8_t *bytes; /* from malloc() */
    size_t size;    /* at most JOB_STORE_RESULT_MAX */
};

struct job_scheduler_task {
    size_t number;
    const char *state_path; /* where it keeps what it needs to be gone on with; NULL: nowhere */
    struct job_scheduler *spread;
    _Atomic double fraction;
};

/* Does one job and fills *out in; a state at task->state_path is that of an earlier run that was
 * stopped, by these same options. The same bytes come out whether it was stopped or not.
 * FAULT_NONE; JOB_SCHEDULER_STOPPED with its state saved; else what stops all. Many run at once. */
typedef int job_scheduler_job(void *context, struct job_scheduler_task *task,
                              struct job_scheduler_result *out, struct fault *fault);

/* Tells how much of a job is done, 0..1. True: go on; false: save the state and return
 * JOB_SCHEDULER_STOPPED. Cheap; to be called several times a second. Any thread. */
bool job_scheduler_report(struct job_scheduler_task *task, double fraction);

struct job_scheduler_options {
    const char *what;      /* what progress calls it */
    const char *directory; /* made by this, and left to job_store_remove() by the caller; NULL:
                              nothing is kept, without resume */
    const char *key;       /* all that results depend on, in words: "rule rnn, seed 3, data 5e0f" */
    bool resume;
    size_t n_threads;    /* of this rank, 1..JOB_SCHEDULER_THREADS_MAX */
    size_t n_jobs;       /* 1..JOB_SCHEDULER_JOBS_MAX */
    const double *costs; /* (n_jobs) > 0, relative; NULL: all alike */
    job_scheduler_job *job;
    void *context;
};

/* Does all jobs. results: (n_jobs). Collective. FAULT_NONE, the same on all ranks; FAULT_INPUT (the
 * directory is there, or with resume is not or is of other jobs) or FAULT_WORK (a job failed,
 * Ctrl-C, the disk) with the same fault on all ranks, nothing in results, and the directory left
 * unless nothing was kept in it. Damaged results are warned of and done again. */
int job_scheduler_run(const struct job_scheduler_options *options, const struct ranks *ranks,
                      struct job_scheduler_result results[], struct fault *fault);

void job_scheduler_free(struct job_scheduler_result results[], size_t n);
