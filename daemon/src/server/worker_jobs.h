/* worker_jobs.h - what each kind of job needs, copies, and does. One block a kind of
 * WORKER_JOB_LIST. Threads: size and fill are for the loop, run for the worker's thread. Memory:
 * the job's; nothing allocates.
 */
#ifndef MURID_WORKER_JOBS_H
#define MURID_WORKER_JOBS_H

#include "worker.h"

struct worker_job_type {
    /* Bytes of memory for a job; 0: there are none of this kind. */
    size_t (*size)(const struct subjects *subjects);
    /* Copies what the job needs. False: this animal wants none at the moment. RT-safe: yes. */
    bool (*fill)(const struct subjects *subjects, uint32_t subject, void *memory);
    /* Does it. False: stopped, or it cannot be done. */
    bool (*run)(void *memory, bool (*is_stopped)(void *context), void *context);
};

const struct worker_job_type *worker_job_type_of(enum worker_kind kind);

#endif
