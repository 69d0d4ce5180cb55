#include "worker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os_thread.h"
#include "worker_jobs.h"

/* ---- the thread ---- */

static bool is_stopped(void *context)
{
    struct worker *w = context;
    return atomic_load_explicit(&w->stop, memory_order_relaxed);
}

static void *worker_thread(void *argument)
{
    struct worker *w = argument;
    os_thread_yield_to_others();
    for (;;) {
        os_event_wait(w->wake_fd);
        if (atomic_load(&w->quit)) {
            return NULL;
        }
        if (atomic_load(&w->state) == WORKER_BUSY) {
            w->job.is_whole = worker_job_type_of(w->job.kind)->run(w->job.memory, is_stopped, w);
            atomic_store(&w->state, WORKER_DONE);
            os_event_raise(w->done_fd);
        }
    }
}

/* ---- opening ---- */

static size_t largest_job(const struct subjects *subjects)
{
    size_t most = 0;
    for (int kind = 0; kind < WORKER_KINDS; kind++) {
        const size_t size = worker_job_type_of((enum worker_kind)kind)->size(subjects);
        most = size > most ? size : most;
    }
    return (most + MODEL_NET_ALIGN - 1) / MODEL_NET_ALIGN * MODEL_NET_ALIGN;
}

static int open_queues(struct worker *w)
{
    int rc = 0;
    for (int kind = 0; kind < WORKER_KINDS; kind++) {
        struct worker_queue *q = &w->queue[kind];
        q->subject = calloc(w->max_subjects, sizeof *q->subject);
        q->is_waiting = calloc(w->max_subjects, sizeof *q->is_waiting);
        rc = q->subject == NULL || q->is_waiting == NULL ? -1 : rc;
    }
    return rc;
}

int worker_open(struct worker *w, const struct subjects *subjects)
{
    memset(w, 0, sizeof *w);
    w->wake_fd = w->done_fd = -1;
    w->max_subjects = subjects->max_subjects;
    w->job.size = largest_job(subjects);
    if (w->job.size == 0) {
        return 0;
    }
    w->job.memory = aligned_alloc(MODEL_NET_ALIGN, w->job.size);
    w->wake_fd = os_event_open();
    w->done_fd = os_event_open();
    if (w->job.memory == NULL || open_queues(w) != 0 || w->wake_fd < 0 || w->done_fd < 0 ||
        pthread_create(&w->thread, NULL, worker_thread, w) != 0) {
        worker_close(w);
        return -1;
    }
    w->is_started = true;
    return 0;
}

void worker_close(struct worker *w)
{
    if (w == NULL) {
        return;
    }
    if (w->is_started) {
        atomic_store(&w->stop, true);
        atomic_store(&w->quit, true);
        os_event_raise(w->wake_fd);
        pthread_join(w->thread, NULL);
    }
    for (int kind = 0; kind < WORKER_KINDS; kind++) {
        free(w->queue[kind].subject);
        free(w->queue[kind].is_waiting);
    }
    free(w->job.memory);
    if (w->wake_fd > 0) {
        close(w->wake_fd);
    }
    if (w->done_fd > 0) {
        close(w->done_fd);
    }
    memset(w, 0, sizeof *w);
}

/* ---- jobs ---- */

void worker_want(struct worker *w, enum worker_kind kind, uint32_t subject)
{
    struct worker_queue *q = &w->queue[kind];
    if (w->is_started && !q->is_waiting[subject]) {
        q->is_waiting[subject] = true;
        q->subject[(q->first + q->n++) % w->max_subjects] = subject;
    }
}

static uint32_t take_first(struct worker *w, struct worker_queue *q)
{
    const uint32_t subject = q->subject[q->first];
    q->first = (q->first + 1) % w->max_subjects;
    q->n--;
    q->is_waiting[subject] = false;
    return subject;
}

static bool begin(struct worker *w, const struct subjects *subjects, enum worker_kind kind,
                  int64_t event)
{
    w->job.kind = kind;
    w->job.subject = take_first(w, &w->queue[kind]);
    w->job.run = subjects->run;
    w->job.based_on = event;
    w->job.is_whole = false;
    return worker_job_type_of(kind)->fill(subjects, w->job.subject, w->job.memory);
}

void worker_start_next(struct worker *w, const struct subjects *subjects, int64_t event)
{
    if (!w->is_started || atomic_load(&w->state) != WORKER_IDLE) {
        return;
    }
    for (uint32_t i = 0; i < WORKER_KINDS; i++) {
        const uint32_t kind = (w->next_kind + i) % WORKER_KINDS;
        if (w->queue[kind].n > 0 && begin(w, subjects, (enum worker_kind)kind, event)) {
            w->next_kind = kind + 1;
            atomic_store(&w->state, WORKER_BUSY);
            os_event_raise(w->wake_fd);
            return;
        }
    }
}

const struct worker_job *worker_result(struct worker *w)
{
    return w->is_started && atomic_load(&w->state) == WORKER_DONE ? &w->job : NULL;
}

void worker_release(struct worker *w)
{
    (void)os_event_take(w->done_fd);
    atomic_store(&w->state, WORKER_IDLE);
}
