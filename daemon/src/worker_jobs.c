#include "worker_jobs.h"

#include <string.h>

/* ---- adapt: an animal's own parameters ---- */

/* The snapshot: a window with its bank and the parameters in force; behind it all the scratch. */
struct adapt_job {
    struct worker_adapt out; /* first: what the loop reads */
    const struct adaptation_plan *plan;
    model_adapt_window window;
    model_bank start;
    float *present;
    model_adapt_trial *trials;
    void *scratch;
};

static void *take(void *base, size_t *used, size_t bytes)
{
    void *block = base != NULL ? (unsigned char *)base + *used : NULL;
    *used += (bytes + MODEL_NET_ALIGN - 1) / MODEL_NET_ALIGN * MODEL_NET_ALIGN;
    return block;
}

static size_t lay_out(const struct adaptation_plan *plan, void *memory, struct adapt_job *job)
{
    const size_t values = model_adapt_values(&plan->adapt) * sizeof(float);
    const size_t trials = plan->window + ADAPTATION_SPARE;
    size_t used = 0;
    (void)take(memory, &used, sizeof *job);
    job->present = take(memory, &used, values);
    job->out.values = take(memory, &used, values);
    job->trials = take(memory, &used, trials * sizeof job->trials[0]);
    job->scratch = take(memory, &used, model_adapt_scratch(&plan->adapt, trials));
    return used;
}

static size_t worker_adapt_size(const struct colony *colony)
{
    struct adapt_job job;
    return colony->plan != NULL ? lay_out(colony->plan, NULL, &job) : 0;
}

static bool worker_adapt_fill(const struct colony *colony, uint32_t subject, void *memory)
{
    struct adapt_job *job = memory;
    const struct adaptation *own = colony_adaptation(colony, subject);
    if (own == NULL || colony->subjects[subject].state.heal.is_open != 0 || own->head.n == 0) {
        return false;
    }
    (void)lay_out(colony->plan, memory, job);
    job->plan = colony->plan;
    job->out.last = own->head.last;
    job->window = adaptation_window(colony->plan, own);
    memcpy(job->present, job->window.present,
           model_adapt_values(&colony->plan->adapt) * sizeof(float));
    memcpy(job->trials, job->window.trials, job->window.n_trials * sizeof job->trials[0]);
    model_bank_copy(&job->start, job->window.start);
    job->window.start = &job->start;
    job->window.trials = job->trials;
    job->window.present = job->present;
    return true;
}

static bool worker_adapt_run(void *memory, bool (*is_stopped)(void *context), void *context)
{
    struct adapt_job *job = memory;
    return model_adapt_run(&job->plan->adapt, &job->window, job->scratch, is_stopped, context,
                           job->out.values, &job->out.result) == MODEL_OK;
}

/* ---- the list ---- */

const struct worker_job_type *worker_job_type_of(enum worker_kind kind)
{
    static const struct worker_job_type TYPES[] = {
#define WORKER_JOB_TYPE(NAME, name)                                                                \
    {worker_##name##_size, worker_##name##_fill, worker_##name##_run},
        WORKER_JOB_LIST(WORKER_JOB_TYPE)
#undef WORKER_JOB_TYPE
    };
    return &TYPES[kind];
}
