#include "loop_jobs.h"

#include <math.h>

#include "clock.h"
#include "log.h"

int loop_jobs_open(struct server *server, uint32_t tag)
{
    if (worker_open(&server->worker, &server->subjects) != 0) {
        return -1;
    }
    if (server->worker.is_started) {
        (void)os_poll_add(&server->poll, server->worker.done_fd, tag);
    }
    return 0;
}

void loop_jobs_close(struct server *server)
{
    if (server->worker.is_started) {
        os_poll_remove(&server->poll, server->worker.done_fd);
    }
    worker_close(&server->worker);
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

void loop_jobs_want(struct server *server, uint32_t subject)
{
    struct subject *s = &server->subjects.subject[subject];
    if (server->subjects.plan != NULL && s->n_since >= server->config.adaptation.every_trials) {
        s->n_since = 0;
        worker_want(&server->worker, WORKER_ADAPT, subject);
    }
    if (is_due(server->subjects.models.ahead != NULL, server->config.forecast.every_trials,
               &s->forecasts)) {
        worker_want(&server->worker, WORKER_FORECAST, subject);
    }
    if (is_due(server->config.advice.enabled && server->subjects.models.protocols != NULL,
               server->config.advice.every_trials, &s->suggestions)) {
        worker_want(&server->worker, WORKER_SUGGEST, subject);
    }
}

/* Journals what became of an animal's own parameters: its number, or 0 without room. */
static int64_t keep_change(struct server *server, uint32_t subject, enum journal_record_change what,
                           int64_t based_on, const model_adapt_result *result, const float *values)
{
    const int64_t now_ns = clock_mono_ns();
    const struct journal_change change = {
        .what = what,
        .subject = subject,
        .name = server->subjects.subject[subject].name,
        .run = server->subjects.run,
        .t_mono_ns = now_ns,
        .t_wall_ns = now_ns + server->wall_offset_ns,
        .based_on = based_on,
        .result = result,
        .values = values,
        .n_values = values != NULL ? model_adapt_values(&server->subjects.plan->adapt) : 0};
    return journal_adaptation(&server->journal, &change);
}

/* What was found before a gap opened, or before an undo, is of a past that is no more. */
static void take_adaptation(struct server *server, const struct worker_job *job)
{
    const struct worker_adapt *found = job->memory;
    const struct adaptation_plan *plan = server->subjects.plan;
    struct adaptation *own = subjects_adaptation(&server->subjects, job->subject);
    if (!job->is_whole || job->run != server->subjects.run || own == NULL ||
        own->head.last != found->last ||
        server->subjects.subject[job->subject].state.backfill.is_open != 0) {
        return;
    }
    const bool is_taken = found->result.is_taken;
    const int64_t id =
        keep_change(server, job->subject,
                    is_taken ? JOURNAL_RECORD_CHANGE_TAKEN : JOURNAL_RECORD_CHANGE_REFUSED,
                    job->based_on, &found->result, is_taken ? found->values : NULL);
    if (id == 0) {
        return;
    }
    own->head.last = id;
    if (is_taken && adaptation_take(plan, own, found->values, id) != 0) {
        log_error("%s: evaluated parameters cannot be applied",
                  server->subjects.subject[job->subject].name);
    }
}

/* A forecast or a suggestion; told if the animal was not given another model meanwhile. */
static void take_outlook(struct server *server, const struct worker_job *job,
                         enum journal_record_type type)
{
    const struct worker_outlook *made = job->memory;
    if (!job->is_whole || job->run != server->subjects.run) {
        return;
    }
    const int64_t now_ns = clock_mono_ns();
    server->scratch = made->message;
    server->scratch.env.t_mono_ns = now_ns;
    server->scratch.env.t_wall_ns = now_ns + server->wall_offset_ns;
    (void)journal_outlook(&server->journal, type, job->subject, job->based_on,
                          server->scratch.env.t_wall_ns, now_ns, made->json, made->n_json);
    publisher_send(&server->publisher, &server->scratch, NULL, 0);
}

void loop_jobs_serve(struct server *server)
{
    const struct worker_job *job = worker_result(&server->worker);
    if (job != NULL) {
        switch (job->kind) {
        case WORKER_ADAPT:
            take_adaptation(server, job);
            break;
        case WORKER_FORECAST:
            take_outlook(server, job, JOURNAL_RECORD_FORECAST);
            break;
        case WORKER_SUGGEST:
            take_outlook(server, job, JOURNAL_RECORD_SUGGESTION);
            break;
        case WORKER_KINDS:
            break;
        }
        worker_release(&server->worker);
        journal_publish(&server->journal);
    }
    worker_start_next(&server->worker, &server->subjects, server->journal.next_event - 1);
}

bool loop_jobs_undo_adaptation(struct server *server, uint32_t subject)
{
    struct adaptation *own = subjects_adaptation(&server->subjects, subject);
    const model_adapt_result none = {.before = (double)NAN, .after = (double)NAN};
    if (own == NULL || own->head.id == 0) {
        return false;
    }
    const int64_t id = keep_change(server, subject, JOURNAL_RECORD_CHANGE_UNDONE,
                                   server->journal.next_event - 1, &none, NULL);
    return id != 0 && adaptation_undo(server->subjects.plan, own, id);
}
