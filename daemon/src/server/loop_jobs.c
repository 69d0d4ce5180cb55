#include "loop_jobs.h"

#include <math.h>

#include "clock.h"
#include "log.h"

int loop_jobs_open(struct loop *loop, uint32_t tag)
{
    if (worker_open(&loop->worker, &loop->subjects) != 0) {
        return -1;
    }
    if (loop->worker.is_started) {
        (void)os_poll_add(&loop->poll, loop->worker.done_fd, tag);
    }
    return 0;
}

void loop_jobs_close(struct loop *loop)
{
    if (loop->worker.is_started) {
        os_poll_remove(&loop->poll, loop->worker.done_fd);
    }
    worker_close(&loop->worker);
}

/* One trial more: true every so many, but not for some seconds after the last time. However fast
 * trials come, an animal takes up little of the worker's time, and of a processor's. */
static bool is_due(bool is_wanted, int64_t every, struct subjects_turn *turn)
{
    static const int64_t LEAST_NS = 10 * INT64_C(1000000000);
    turn->n_since = is_wanted ? turn->n_since + 1 : 0;
    if (!is_wanted || turn->n_since < every) {
        return false;
    }
    const int64_t now_ns = clock_mono_ns();
    if (turn->last_ns != 0 && now_ns - turn->last_ns < LEAST_NS) {
        return false;
    }
    *turn = (struct subjects_turn){0, now_ns};
    return true;
}

void loop_jobs_want(struct loop *loop, uint32_t subject)
{
    struct subject *s = &loop->subjects.subject[subject];
    if (loop->subjects.plan != NULL && s->n_since >= loop->config.adaptation.every_trials) {
        s->n_since = 0;
        worker_want(&loop->worker, WORKER_ADAPT, subject);
    }
    if (is_due(loop->subjects.models.ahead != NULL, loop->config.forecast.every_trials,
               &s->forecasts)) {
        worker_want(&loop->worker, WORKER_FORECAST, subject);
    }
    if (is_due(loop->config.advice.enabled && loop->subjects.models.audit != NULL,
               loop->config.advice.every_trials, &s->suggestions)) {
        worker_want(&loop->worker, WORKER_SUGGEST, subject);
    }
}

/* Journals what became of an animal's own parameters: its number, or 0 without room. */
static int64_t keep_change(struct loop *loop, uint32_t subject, enum journal_record_change what,
                           int64_t based_on, const model_adapt_result *result, const float *values)
{
    const int64_t now_ns = clock_mono_ns();
    const struct journal_change change = {
        .what = what,
        .subject = subject,
        .name = loop->subjects.subject[subject].name,
        .run = loop->subjects.run,
        .t_mono_ns = now_ns,
        .t_wall_ns = now_ns + loop->wall_offset_ns,
        .based_on = based_on,
        .result = result,
        .values = values,
        .n_values = values != NULL ? model_adapt_values(&loop->subjects.plan->adapt) : 0};
    return journal_adaptation(&loop->journal, &change);
}

/* What was found before a gap opened, or before an undo, is of a past that is no more. */
static void take_adaptation(struct loop *loop, const struct worker_job *job)
{
    const struct worker_adapt *found = job->memory;
    const struct adaptation_plan *plan = loop->subjects.plan;
    struct adaptation *own = subjects_adaptation(&loop->subjects, job->subject);
    if (!job->is_whole || job->run != loop->subjects.run || own == NULL ||
        own->head.last != found->last ||
        loop->subjects.subject[job->subject].state.backfill.is_open != 0) {
        return;
    }
    const bool is_taken = found->result.is_taken;
    const int64_t id = keep_change(
        loop, job->subject, is_taken ? JOURNAL_RECORD_CHANGE_TAKEN : JOURNAL_RECORD_CHANGE_REFUSED,
        job->based_on, &found->result, is_taken ? found->values : NULL);
    if (id == 0) {
        return;
    }
    own->head.last = id;
    if (is_taken && adaptation_take(plan, own, found->values, id) != 0) {
        log_error("%s: own parameters that were judged cannot be taken up",
                  loop->subjects.subject[job->subject].name);
    }
}

/* A forecast or a suggestion; told if the animal was not given another model meanwhile. */
static void take_outlook(struct loop *loop, const struct worker_job *job,
                         enum journal_record_type type)
{
    const struct worker_outlook *made = job->memory;
    if (!job->is_whole || job->run != loop->subjects.run) {
        return;
    }
    const int64_t now_ns = clock_mono_ns();
    loop->scratch = made->message;
    loop->scratch.env.t_mono_ns = now_ns;
    loop->scratch.env.t_wall_ns = now_ns + loop->wall_offset_ns;
    (void)journal_outlook(&loop->journal, type, job->subject, job->based_on,
                          loop->scratch.env.t_wall_ns, now_ns, made->json, made->n_json);
    publisher_send(&loop->publisher, &loop->scratch, NULL, 0);
}

void loop_jobs_serve(struct loop *loop)
{
    const struct worker_job *job = worker_result(&loop->worker);
    if (job != NULL) {
        switch (job->kind) {
        case WORKER_ADAPT:
            take_adaptation(loop, job);
            break;
        case WORKER_FORECAST:
            take_outlook(loop, job, JOURNAL_RECORD_FORECAST);
            break;
        case WORKER_SUGGEST:
            take_outlook(loop, job, JOURNAL_RECORD_SUGGESTION);
            break;
        case WORKER_KINDS:
            break;
        }
        worker_release(&loop->worker);
        journal_publish(&loop->journal);
    }
    worker_start_next(&loop->worker, &loop->subjects, loop->journal.next_event - 1);
}

bool loop_jobs_undo_adaptation(struct loop *loop, uint32_t subject)
{
    struct adaptation *own = subjects_adaptation(&loop->subjects, subject);
    const model_adapt_result none = {.before = (double)NAN, .after = (double)NAN};
    if (own == NULL || own->head.id == 0) {
        return false;
    }
    const int64_t id = keep_change(loop, subject, JOURNAL_RECORD_CHANGE_UNDONE,
                                   loop->journal.next_event - 1, &none, NULL);
    return id != 0 && adaptation_undo(loop->subjects.plan, own, id);
}
