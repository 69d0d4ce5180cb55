#include "thread_pool.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

/* The lock is held on entry and on return. */
static void work(struct thread_pool *team)
{
    while (team->next < team->n_jobs) {
        const size_t number = team->next++;
        team->running++;
        (void)pthread_mutex_unlock(&team->lock);
        team->job(team->context, number);
        (void)pthread_mutex_lock(&team->lock);
        team->running--;
    }
    if (team->running == 0) {
        (void)pthread_cond_signal(&team->is_done);
    }
}

static void *serve(void *argument)
{
    struct thread_pool *team = argument;
    (void)pthread_mutex_lock(&team->lock);
    while (!team->stop) {
        if (team->next < team->n_jobs) {
            work(team);
        } else {
            (void)pthread_cond_wait(&team->has_work, &team->lock);
        }
    }
    (void)pthread_mutex_unlock(&team->lock);
    return NULL;
}

size_t thread_pool_count(int64_t wanted, size_t most)
{
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    const size_t n = wanted > 0 ? (size_t)wanted : online > 0 ? (size_t)online : 1;
    return n < most ? n : most;
}

int thread_pool_open(struct thread_pool *team, size_t n_threads, struct fault *fault)
{
    memset(team, 0, sizeof *team);
    if (pthread_mutex_init(&team->lock, NULL) != 0 ||
        pthread_cond_init(&team->has_work, NULL) != 0 ||
        pthread_cond_init(&team->is_done, NULL) != 0) {
        return fault_set(fault, FAULT_WORK, "no memory for threads");
    }
    team->is_open = true;
    /* Signals are the owner's, so that an interrupt ends its waiting and not a job's. */
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = 0;
    while (error == 0 && team->n_threads + 1 < n_threads) {
        error = pthread_create(&team->thread[team->n_threads], NULL, serve, team);
        team->n_threads += error == 0 ? 1 : 0;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        const size_t n = team->n_threads;
        thread_pool_close(team);
        return fault_set(fault, FAULT_WORK, "only %zu of %zu threads could be started: %s", n + 1,
                         n_threads, strerror(error));
    }
    return FAULT_NONE;
}

void thread_pool_run(struct thread_pool *team, thread_pool_job *job, void *context, size_t n_jobs)
{
    (void)pthread_mutex_lock(&team->lock);
    team->job = job;
    team->context = context;
    team->n_jobs = n_jobs;
    team->next = 0;
    (void)pthread_cond_broadcast(&team->has_work);
    work(team); /* under the same lock, so that job 0 is the owner's */
    while (team->running > 0) {
        (void)pthread_cond_wait(&team->is_done, &team->lock);
    }
    (void)pthread_mutex_unlock(&team->lock);
}

void thread_pool_close(struct thread_pool *team)
{
    if (!team->is_open) {
        return;
    }
    (void)pthread_mutex_lock(&team->lock);
    team->stop = true;
    (void)pthread_cond_broadcast(&team->has_work);
    (void)pthread_mutex_unlock(&team->lock);
    for (size_t i = 0; i < team->n_threads; i++) {
        (void)pthread_join(team->thread[i], NULL);
    }
    (void)pthread_cond_destroy(&team->is_done);
    (void)pthread_cond_destroy(&team->has_work);
    (void)pthread_mutex_destroy(&team->lock);
    memset(team, 0, sizeof *team);
}
