#include "worker_jobs.h"

#include <string.h>

#include "forecast_message.h"
#include "suggestion_message.h"

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

static size_t worker_adapt_size(const struct subjects *subjects)
{
    struct adapt_job job;
    return subjects->plan != NULL ? lay_out(subjects->plan, NULL, &job) : 0;
}

static bool worker_adapt_fill(const struct subjects *subjects, uint32_t subject, void *memory)
{
    struct adapt_job *job = memory;
    const struct adaptation *own = subjects_adaptation(subjects, subject);
    if (own == NULL || subjects->subject[subject].state.backfill.is_open != 0 || own->head.n == 0) {
        return false;
    }
    (void)lay_out(subjects->plan, memory, job);
    job->plan = subjects->plan;
    job->out.last = own->head.last;
    job->window = adaptation_window(subjects->plan, own);
    memcpy(job->present, job->window.present,
           model_adapt_values(&subjects->plan->adapt) * sizeof(float));
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

/* ---- what is told of an animal ---- */

/* Whom it is about; false if no trial was heard of this session yet. */
static bool address(struct worker_outlook *out, proto_kind kind, const struct subjects *subjects,
                    uint32_t subject)
{
    const struct subject *s = &subjects->subject[subject];
    if (s->state.session < 0 || s->state.for_trial < 1) {
        return false;
    }
    proto_message_init(&out->message, kind);
    subjects_address(subjects, subject, &out->message.env);
    out->message.env.trial = s->state.for_trial - 1;
    return true;
}

static bool tell(struct worker_outlook *out)
{
    const int n = proto_encode(&out->message, PROTO_FORMAT_JSON, out->json, sizeof out->json);
    out->n_json = n > 0 ? (size_t)n : 0;
    return n > 0;
}

/* The protocol of an animal's session, and the rig's memory of the animal under it; NULL: none is
 * declared. */
static const model_protocol_state *rig_of(const struct subjects *subjects, const struct subject *s,
                                          const model_protocol **protocol)
{
    const struct audit_protocols *all = subjects->models.protocols;
    const int64_t at = s->state.audit_at;
    *protocol = NULL;
    if (all == NULL || at < 0 || at >= (int64_t)all->n || at >= s->state.n_audits) {
        return NULL;
    }
    const model_protocol_state *rig = model_audit_rig(&s->state.audit[at].audit);
    *protocol =
        rig != NULL ? &audit_state_params(&s->state.audit[at], &all->v[at])->protocol : NULL;
    return rig;
}

/* ---- forecast: where learning is going ---- */

/* The snapshot, and behind it what the roll-outs need. */
struct forecast_job {
    struct worker_outlook out; /* first: what the loop reads */
    const model_bank_params *ahead;
    model_forecast_config config;
    uint64_t seed;
    const model_protocol *protocol; /* declared; NULL: stimuli are drawn from those of late */
    model_protocol_state rig;
    struct lookahead lookahead;
    model_training_status tracker;
    size_t size; /* of the memory */
    void *memory;
};

static model_forecast_config forecast_config(const struct config_forecast *c)
{
    model_forecast_config config;
    model_forecast_config_init(&config);
    config.n_rollouts = (uint32_t)c->rollouts;
    config.criterion = forecast_message_criterion(c);
    return config;
}

static size_t worker_forecast_size(const struct subjects *subjects)
{
    size_t used = 0;
    if (subjects->models.ahead == NULL) {
        return 0;
    }
    const model_forecast_config config = forecast_config(&subjects->config->forecast);
    (void)take(NULL, &used, sizeof(struct forecast_job));
    return used + model_forecast_size(subjects->models.ahead, &config);
}

static bool worker_forecast_fill(const struct subjects *subjects, uint32_t subject, void *memory)
{
    struct forecast_job *job = memory;
    const struct subject *s = &subjects->subject[subject];
    const struct lookahead *lookahead = subjects_lookahead(subjects, subject);
    size_t used = 0;
    if (lookahead == NULL || lookahead->recent.n_stimuli == 0 ||
        !address(&job->out, PROTO_KIND_FORECAST, subjects, subject)) {
        return false;
    }
    (void)take(memory, &used, sizeof *job);
    job->ahead = subjects->models.ahead;
    job->config = forecast_config(&subjects->config->forecast);
    job->size = model_forecast_size(job->ahead, &job->config);
    job->memory = take(memory, &used, job->size);
    job->seed = (uint64_t)s->last_event;
    const model_protocol_state *rig = rig_of(subjects, s, &job->protocol);
    if (rig != NULL) {
        job->rig = *rig;
    }
    memcpy(&job->lookahead, lookahead, lookahead_used(job->ahead));
    job->tracker = s->state.tracker;
    return true;
}

/* The declared protocol as it goes on from here, or else what was shown of late. */
static bool choose_task(const struct forecast_job *job, model_forecast_task *task)
{
    if (job->protocol == NULL) {
        return lookahead_recent_task(&job->lookahead.recent, task);
    }
    task->protocol = job->protocol;
    task->state = &job->rig;
    task->rt_s = lookahead_recent_rt_s(&job->lookahead.recent);
    return true;
}

static bool worker_forecast_run(void *memory, bool (*is_stopped)(void *context), void *context)
{
    enum { SLICE = 20000 }; /* some milliseconds */
    struct forecast_job *job = memory;
    const proto_envelope env = job->out.message.env;
    model_forecast_task task = {.tracker = &job->tracker,
                                .is_met =
                                    lookahead_has_met(&job->lookahead, &job->config.criterion)};
    model_rollout_tuning tuning;
    model_forecast *forecast = NULL;
    model_rollout_tuning_init(&tuning);
    if (!choose_task(job, &task) ||
        model_forecast_init(job->memory, job->size, job->ahead, &job->config, &forecast) !=
            MODEL_OK ||
        model_forecast_start(forecast, &task, &job->lookahead.pace, NULL, &tuning, job->seed) !=
            MODEL_OK) {
        return false;
    }
    while (model_forecast_run(forecast, SLICE) != 0) {
        if (is_stopped(context)) {
            return false;
        }
    }
    forecast_message_message(model_forecast_result_of(forecast), &task, &job->config.criterion,
                             env.trial, &job->out.message);
    if (task.is_met) {
        job->out.message.as.forecast.met_trial = job->lookahead.mark.trial;
        strcpy(job->out.message.as.forecast.met_session, job->lookahead.mark.session);
    }
    job->out.message.env = env;
    return tell(&job->out);
}

/* ---- suggest: which change of its training would help ---- */

/* The snapshot, and behind it what the roll-outs need. */
struct suggest_job {
    struct worker_outlook out; /* first: what the loop reads */
    const model_bank_params *ahead;
    const model_protocol *protocol; /* declared */
    model_protocol_state rig;
    model_curriculum_config config;
    uint64_t seed;
    model_rate_grid pace;
    model_curriculum_advice advice;
    size_t size; /* of the memory */
    void *memory;
};

static model_curriculum_config curriculum_config(const struct config_advice *c)
{
    model_curriculum_config config;
    model_curriculum_default(&config);
    config.horizon = (uint32_t)c->horizon_trials;
    config.rollouts = (uint32_t)c->rollouts;
    config.first = config.rollouts < config.first ? config.rollouts : config.first;
    config.reward_floor = c->reward_floor;
    config.largest_change = c->largest_change;
    for (int i = 0; c->allowed.n > 0 && i < MODEL_PROTOCOL_CHANGES; i++) {
        config.allowed[i] = i == MODEL_PROTOCOL_CHANGE_CARRY_ON;
    }
    for (size_t i = 0; i < c->allowed.n; i++) {
        model_protocol_change_kind kind;
        if (model_protocol_change_parse(&kind, c->allowed.v[i]) == MODEL_OK) {
            config.allowed[kind] = true;
        }
    }
    return config;
}

static size_t worker_suggest_size(const struct subjects *subjects)
{
    size_t used = 0;
    if (subjects->models.ahead == NULL || subjects->models.protocols == NULL ||
        !subjects->config->advice.enabled) {
        return 0;
    }
    const model_curriculum_config config = curriculum_config(&subjects->config->advice);
    (void)take(NULL, &used, sizeof(struct suggest_job));
    return used + model_curriculum_size(subjects->models.ahead, &config);
}

static bool worker_suggest_fill(const struct subjects *subjects, uint32_t subject, void *memory)
{
    struct suggest_job *job = memory;
    const struct subject *s = &subjects->subject[subject];
    const struct lookahead *lookahead = subjects_lookahead(subjects, subject);
    const model_protocol *protocol;
    const model_protocol_state *rig = rig_of(subjects, s, &protocol);
    size_t used = 0;
    if (lookahead == NULL || rig == NULL ||
        !address(&job->out, PROTO_KIND_SUGGESTION, subjects, subject)) {
        return false;
    }
    (void)take(memory, &used, sizeof *job);
    job->ahead = subjects->models.ahead;
    job->protocol = protocol;
    job->rig = *rig;
    job->config = curriculum_config(&subjects->config->advice);
    job->seed = (uint64_t)s->last_event;
    memcpy(&job->pace, &lookahead->pace, model_rate_grid_used((size_t)lookahead->pace.n));
    job->size = model_curriculum_size(job->ahead, &job->config);
    job->memory = take(memory, &used, job->size);
    return job->size > 0;
}

static bool worker_suggest_run(void *memory, bool (*is_stopped)(void *context), void *context)
{
    struct suggest_job *job = memory;
    const proto_envelope env = job->out.message.env;
    const model_curriculum_training training = {
        .place = {.declared = job->protocol,
                  .start = job->protocol,
                  .now = job->protocol,
                  .stage = (uint32_t)job->rig.stage,
                  .start_stage = (uint32_t)job->rig.carried_stage},
        .rig = &job->rig};
    model_curriculum *curriculum = NULL;
    if (model_curriculum_init(job->memory, job->size, job->ahead, &job->config, &curriculum) !=
            MODEL_OK ||
        model_curriculum_advise(curriculum, &job->pace, &training, job->seed, is_stopped, context,
                                &job->advice) != MODEL_OK ||
        job->advice.why == MODEL_CURRICULUM_STOPPED) {
        return false;
    }
    suggestion_message_fill(&job->out.message, &job->advice, job->protocol, job->config.horizon,
                            env.trial);
    job->out.message.env = env;
    return tell(&job->out);
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
