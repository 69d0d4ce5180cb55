/* worker_jobs.h - what each kind of job needs, copies, and does. One block a kind of
 * WORKER_JOB_LIST. Threads: size and fill are for the loop, run for the worker's thread. Memory:
 * the job's; nothing allocates.
 */
#pragma once

#include "model/adapt.h"
#include "subjects.h"

/* X(NAME, name): kinds of jobs. Each has worker_NAME_size(), _fill(), _run(). */
#define WORKER_JOB_LIST(X)                                                                         \
    X(ADAPT, adapt)                                                                                \
    X(FORECAST, forecast)                                                                          \
    X(SUGGEST, suggest)

#define WORKER_JOB_ENUM(NAME, name) WORKER_##NAME,
enum worker_kind { WORKER_JOB_LIST(WORKER_JOB_ENUM) WORKER_KINDS };
#undef WORKER_JOB_ENUM

/* The job's memory of a forecast, and of a suggestion. */
struct worker_outlook {
    proto_message message; /* but for its times */
    size_t n_json;         /* the same as JSON text */
    uint8_t json[PROTO_BYTES_MAX];
};

/* The job's memory of an adaptation. */
struct worker_adapt {
    model_adapt_result result;
    int64_t last;  /* head.last of the animal at the snapshot */
    float *values; /* found */
};

struct worker_job_type {
    /* Bytes of memory for a job; 0: there are none of this kind. */
    size_t (*size)(const struct subjects *subjects);
    /* Copies what the job needs. False: this animal wants none at the moment. RT-safe: yes. */
    bool (*fill)(const struct subjects *subjects, uint32_t subject, void *memory);
    /* Does it. False: stopped, or it cannot be done. */
    bool (*run)(void *memory, bool (*is_stopped)(void *context), void *context);
};

const struct worker_job_type *worker_job_type_of(enum worker_kind kind);
