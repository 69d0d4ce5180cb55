#include "job_scheduler.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "progress.h"

static const int64_t ROUND_NS = 20000000;
static const int64_t SECOND_NS = 1000000000;

enum { PROGRESS_STEPS = 1000000, NOBODY = -1 };

struct entry {
    double cost;
    size_t number;
};

/* What each rank tells all the others in a round. */
struct word {
    uint64_t n_idle; /* threads that want a job */
    uint64_t n_busy; /* jobs it was dealt and has not ended */
    uint64_t n_done;
    double done; /* cost, with parts of the jobs at work */
    uint64_t stop;
};

struct job_scheduler {
    const struct job_scheduler_options *options;
    const struct ranks *ranks;
    struct job_store directory;
    struct job_scheduler_result *results;
    int32_t *owner;        /* by job: the rank that has its result; NOBODY yet */
    struct entry *entries; /* the costly first */
    size_t n_entries;
    double cost; /* of all entries */
    size_t next; /* entry to be dealt */
    struct word *words;
    pthread_mutex_t lock; /* for all below */
    pthread_cond_t has_news;
    pthread_cond_t has_work;
    struct job_scheduler_task *tasks; /* by thread */
    const struct entry **at_work;     /* by thread, NULL: idle */
    const struct entry **queue;       /* dealt to this rank */
    size_t n_queue;
    size_t queue_at;
    size_t n_busy;
    size_t n_done;
    double done; /* cost */
    bool is_news;
    bool is_over;
    atomic_bool stop;
    int code; /* of the first job here that failed */
    struct fault fault;
};

static int no_memory(struct fault *fault)
{
    return fault_set(fault, FAULT_WORK, "no memory for the jobs");
}

bool job_scheduler_report(struct job_scheduler_task *task, double fraction)
{
    atomic_store_explicit(&task->fraction, fraction, memory_order_relaxed);
    return !atomic_load_explicit(&task->spread->stop, memory_order_relaxed);
}

static int do_job(struct job_scheduler *s, struct job_scheduler_task *task, struct fault *fault)
{
    char path[JOB_STORE_PATH_MAX];
    struct job_scheduler_result *result = &s->results[task->number];
    if (s->options->directory == NULL) {
        return s->options->job(s->options->context, task, result, fault);
    }
    int rc = job_store_state_path(&s->directory, task->number, path, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    task->state_path = path;
    rc = s->options->job(s->options->context, task, result, fault);
    task->state_path = NULL;
    return rc == FAULT_NONE
               ? job_store_save(&s->directory, task->number, result->bytes, result->size, fault)
               : rc;
}

/* The lock is held on entry and on return. */
static void take_job(struct job_scheduler *s, size_t thread)
{
    const struct entry *entry = s->queue[s->queue_at++];
    struct job_scheduler_task *task = &s->tasks[thread];
    struct fault fault;
    task->number = entry->number;
    atomic_store(&task->fraction, 0.0);
    s->at_work[thread] = entry;
    s->n_busy++;
    (void)pthread_mutex_unlock(&s->lock);
    const int rc = do_job(s, task, &fault);
    (void)pthread_mutex_lock(&s->lock);
    s->n_busy--;
    s->at_work[thread] = NULL;
    if (rc == FAULT_NONE) {
        s->n_done++;
        s->done += entry->cost;
    } else {
        atomic_store(&s->stop, true);
        if (rc != JOB_SCHEDULER_STOPPED && s->code == FAULT_NONE) {
            s->code = rc;
            s->fault = fault;
        }
    }
    s->is_news = true;
    (void)pthread_cond_signal(&s->has_news);
}

static void work(struct job_scheduler *s, size_t thread)
{
    (void)pthread_mutex_lock(&s->lock);
    while (!s->is_over) {
        if (s->queue_at < s->n_queue && !atomic_load(&s->stop)) {
            take_job(s, thread);
        } else {
            (void)pthread_cond_wait(&s->has_work, &s->lock);
        }
    }
    (void)pthread_mutex_unlock(&s->lock);
}

/* Until a job here has ended, or a round's time has passed. The lock is held. */
static void wait_for_news(struct job_scheduler *s)
{
    const int64_t until_ns = clock_mono_ns() + ROUND_NS;
    const struct timespec until = {.tv_sec = (time_t)(until_ns / SECOND_NS),
                                   .tv_nsec = (long)(until_ns % SECOND_NS)};
    int rc = 0;
    while (!s->is_news && rc == 0) {
        rc = pthread_cond_timedwait(&s->has_news, &s->lock, &until);
    }
    s->is_news = false;
}

/* The lock is held. */
static struct word say(struct job_scheduler *s)
{
    if (progress_interrupted()) {
        atomic_store(&s->stop, true);
    }
    const bool stop = atomic_load(&s->stop);
    if (stop) {
        s->n_queue = s->queue_at;
    }
    const size_t n_busy = s->n_busy + (s->n_queue - s->queue_at);
    struct word word = {.n_idle = s->options->n_threads - n_busy,
                        .n_busy = n_busy,
                        .n_done = s->n_done,
                        .done = s->done,
                        .stop = stop};
    for (size_t i = 0; i < s->options->n_threads; i++) {
        if (s->at_work[i] != NULL) {
            const double fraction = atomic_load(&s->tasks[i].fraction);
            word.done +=
                s->at_work[i]->cost * (fraction > 0.0 ? (fraction < 1.0 ? fraction : 1.0) : 0.0);
        }
    }
    return word;
}

/* What all said together. */
static struct word add_up(const struct job_scheduler *s)
{
    struct word sum = {0};
    for (int i = 0; i < s->ranks->n; i++) {
        sum.n_busy += s->words[i].n_busy;
        sum.n_done += s->words[i].n_done;
        sum.done += s->words[i].done;
        sum.stop += s->words[i].stop;
    }
    return sum;
}

/* One job to each rank that wants one, and again; the same on every rank. The lock is held. */
static void deal(struct job_scheduler *s)
{
    bool is_wanted = true;
    while (is_wanted) {
        is_wanted = false;
        for (int rank = 0; rank < s->ranks->n && s->next < s->n_entries; rank++) {
            if (s->words[rank].n_idle > 0) {
                const struct entry *entry = &s->entries[s->next++];
                s->words[rank].n_idle--;
                s->owner[entry->number] = rank;
                is_wanted = true;
                if (rank == s->ranks->rank) {
                    s->queue[s->n_queue++] = entry;
                }
            }
        }
    }
    (void)pthread_cond_broadcast(&s->has_work);
}

static void preside(struct job_scheduler *s)
{
    struct progress progress;
    progress_start(&progress, s->options->what, PROGRESS_STEPS);
    for (bool is_over = false; !is_over;) {
        (void)pthread_mutex_lock(&s->lock);
        const struct word word = say(s);
        (void)pthread_mutex_unlock(&s->lock);
        ranks_gather(s->ranks, &word, sizeof word, s->words);
        const struct word sum = add_up(s);
        if (s->ranks->rank == 0) {
            progress_update(&progress, (int64_t)(sum.done / s->cost * PROGRESS_STEPS));
        }
        is_over = sum.n_done == s->n_entries || (sum.stop > 0 && sum.n_busy == 0);
        (void)pthread_mutex_lock(&s->lock);
        if (sum.stop > 0) {
            atomic_store(&s->stop, true);
        } else {
            deal(s);
        }
        if (is_over) {
            s->is_over = true;
            (void)pthread_cond_broadcast(&s->has_work);
        } else {
            wait_for_news(s);
        }
        (void)pthread_mutex_unlock(&s->lock);
    }
    progress_finish(&progress);
}

static void serve(void *context, size_t number)
{
    struct job_scheduler *s = context;
    if (number == 0) {
        preside(s); /* on the main thread, which alone may speak to other ranks */
    } else {
        work(s, number - 1);
    }
}

static int by_cost(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    if (x->cost < y->cost || x->cost > y->cost) {
        return x->cost > y->cost ? -1 : 1;
    }
    return x->number < y->number ? -1 : 1;
}

static int allocate(struct job_scheduler *s, struct fault *fault)
{
    const size_t n_jobs = s->options->n_jobs;
    const size_t n_threads = s->options->n_threads;
    s->owner = malloc(n_jobs * sizeof s->owner[0]);
    s->entries = calloc(n_jobs, sizeof s->entries[0]);
    s->queue = calloc(n_jobs, sizeof s->queue[0]);
    s->words = calloc((size_t)s->ranks->n, sizeof s->words[0]);
    s->tasks = calloc(n_threads, sizeof s->tasks[0]);
    s->at_work = calloc(n_threads, sizeof s->at_work[0]);
    if (s->owner == NULL || s->entries == NULL || s->queue == NULL || s->words == NULL ||
        s->tasks == NULL || s->at_work == NULL) {
        return no_memory(fault);
    }
    for (size_t i = 0; i < n_jobs; i++) {
        s->owner[i] = NOBODY;
    }
    for (size_t i = 0; i < n_threads; i++) {
        s->tasks[i].spread = s;
    }
    return FAULT_NONE;
}

/* The clock of the wait must not jump. */
static int open_locks(struct job_scheduler *s, struct fault *fault)
{
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic) != 0 ||
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) != 0 ||
        pthread_cond_init(&s->has_news, &monotonic) != 0 ||
        pthread_cond_init(&s->has_work, NULL) != 0 || pthread_mutex_init(&s->lock, NULL) != 0) {
        return no_memory(fault);
    }
    (void)pthread_condattr_destroy(&monotonic);
    return FAULT_NONE;
}

static void close_locks(struct job_scheduler *s)
{
    (void)pthread_cond_destroy(&s->has_news);
    (void)pthread_cond_destroy(&s->has_work);
    (void)pthread_mutex_destroy(&s->lock);
}

static int open_directory(struct job_scheduler *s, struct fault *fault)
{
    const struct job_scheduler_options *o = s->options;
    char key[JOB_STORE_KEY_MAX];
    int rc = FAULT_NONE;
    if (o->directory == NULL) {
        return FAULT_NONE;
    }
    const int n = snprintf(key, sizeof key, "%s, %zu jobs", o->key, o->n_jobs);
    if (n < 0 || (size_t)n >= sizeof key) {
        rc = fault_set(fault, FAULT_INPUT, "the options take more than %zu bytes", sizeof key);
    } else if (s->ranks->rank == 0) {
        rc = job_store_open(&s->directory, o->directory, key, o->resume, fault);
    }
    rc = ranks_agree(s->ranks, rc, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (s->ranks->rank != 0) {
        char where[128];
        struct fault reason;
        rc = job_store_join(&s->directory, o->directory, key, s->ranks->rank, &reason);
        (void)snprintf(where, sizeof where, "?");
        (void)gethostname(where, sizeof where - 1);
        if (rc != FAULT_NONE) {
            fault_set(fault, rc,
                      "rank %d on %s, where the same directory and data are expected: %.700s",
                      s->ranks->rank, where, reason.text);
        }
    }
    return ranks_agree(s->ranks, rc, fault);
}

/* Rank 0 gets the results that the directory holds. */
static void load_results(struct job_scheduler *s)
{
    for (size_t i = 0; i < s->options->n_jobs && s->options->resume; i++) {
        struct fault fault;
        struct job_scheduler_result *r = &s->results[i];
        if (job_store_load(&s->directory, i, &r->bytes, &r->size, &fault) != FAULT_NONE) {
            fprintf(stderr, "murid: warning: %s: done again\n", fault.text);
        }
        s->owner[i] = r->bytes != NULL ? 0 : NOBODY;
    }
}

static void list_entries(struct job_scheduler *s)
{
    const struct job_scheduler_options *o = s->options;
    if (s->ranks->rank == 0) {
        load_results(s);
    }
    ranks_broadcast(s->ranks, 0, s->owner, o->n_jobs * sizeof s->owner[0]);
    for (size_t i = 0; i < o->n_jobs; i++) {
        if (s->owner[i] == NOBODY) {
            const double cost = o->costs != NULL ? o->costs[i] : 1.0;
            s->entries[s->n_entries++] = (struct entry){.cost = cost, .number = i};
            s->cost += cost;
        }
    }
    qsort(s->entries, s->n_entries, sizeof s->entries[0], by_cost);
}

static int judge(struct job_scheduler *s, struct fault *fault)
{
    const struct word sum = add_up(s);
    if (s->code != FAULT_NONE) {
        *fault = s->fault;
    }
    int rc = ranks_agree(s->ranks, s->code, fault);
    if (rc == FAULT_NONE && sum.n_done < s->n_entries) {
        const size_t n = s->options->n_jobs;
        rc = fault_set(fault, FAULT_WORK, "interrupted with %zu of %zu jobs done; %s",
                       n - s->n_entries + (size_t)sum.n_done, n,
                       s->options->directory != NULL ? "the same command with --resume continues"
                                                     : "nothing was written");
    }
    return rc;
}

/* Every rank gets every result from the rank that has it. */
static int exchange(struct job_scheduler *s, struct fault *fault)
{
    int rc = FAULT_NONE;
    for (size_t i = 0; i < s->options->n_jobs; i++) {
        struct job_scheduler_result *r = &s->results[i];
        ranks_broadcast(s->ranks, s->owner[i], &r->size, sizeof r->size);
        if (s->owner[i] != s->ranks->rank) {
            r->bytes = malloc(r->size + 1);
            rc = r->bytes == NULL ? no_memory(fault) : rc;
        }
    }
    rc = ranks_agree(s->ranks, rc, fault);
    for (size_t i = 0; i < s->options->n_jobs && rc == FAULT_NONE; i++) {
        ranks_broadcast(s->ranks, s->owner[i], s->results[i].bytes, s->results[i].size);
    }
    return rc;
}

static int do_jobs(struct job_scheduler *s, struct fault *fault)
{
    struct thread_pool team = {0};
    int rc = open_locks(s, fault);
    const bool is_locked = rc == FAULT_NONE;
    rc = rc ? rc : thread_pool_open(&team, s->options->n_threads + 1, fault);
    rc = ranks_agree(s->ranks, rc, fault);
    if (rc == FAULT_NONE) {
        thread_pool_run(&team, serve, s, s->options->n_threads + 1);
        rc = judge(s, fault);
    }
    thread_pool_close(&team);
    if (is_locked) {
        close_locks(s);
    }
    return rc;
}

int job_scheduler_run(const struct job_scheduler_options *options, const struct ranks *ranks,
                      struct job_scheduler_result results[], struct fault *fault)
{
    struct job_scheduler s = {.options = options, .ranks = ranks, .results = results};
    memset(results, 0, options->n_jobs * sizeof results[0]);
    int rc = ranks_agree(ranks, allocate(&s, fault), fault);
    rc = rc ? rc : open_directory(&s, fault);
    if (rc == FAULT_NONE) {
        list_entries(&s);
        rc = s.n_entries > 0 ? do_jobs(&s, fault) : FAULT_NONE;
    }
    rc = rc ? rc : exchange(&s, fault);
    if (rc != FAULT_NONE) {
        job_scheduler_free(results, options->n_jobs);
    }
    job_store_close(&s.directory);
    free(s.owner);
    free(s.entries);
    free(s.queue);
    free(s.words);
    free(s.tasks);
    free(s.at_work);
    return rc;
}

void job_scheduler_free(struct job_scheduler_result results[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(results[i].bytes);
        results[i] = (struct job_scheduler_result){0};
    }
}
