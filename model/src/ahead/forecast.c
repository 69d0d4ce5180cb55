#include "model/forecast.h"

#include <math.h>
#include <string.h>

#include "arena.h"
#include "rollout.h"
#include "sample.h"

enum { JUDGING = 5000 }; /* work of one judgement */

static const int WITHIN[] = {
#define WITHIN_ROW(n) n,
    MODEL_FORECAST_WITHIN_LIST(WITHIN_ROW)
#undef WITHIN_ROW
};

/* Beside its twin, what a roll-out is. */
typedef struct {
    model_random rig;
    int64_t session;      /* that runs, from 1 */
    int64_t session_left; /* pool: trials to come of it */
    int64_t met_trial;    /* when the criterion was met; 0: not yet */
    int64_t met_session;
    int64_t status_session; /* when the next status was reached; 0: not yet */
    bool is_ended;          /* its session is over and not judged yet */
    model_protocol_state protocol;
    model_protocol_trial shown;
    model_forecast_tally tally; /* last: what it does not use is never touched */
} forecast_life;

static const size_t LIFE_HEAD =
    offsetof(forecast_life, tally) + offsetof(model_forecast_tally, right);

struct model_forecast {
    const model_bank_params *params;
    model_forecast_config config;
    model_forecast_task task;
    rollout *rollout;
    forecast_life *lives;
    model_training_status *trackers;
    float *contrast;
    float *reward;
    float *p;
    float *rt_s;
    float *p_left;
    int8_t *side;
    uint8_t *chose;
    float *scored; /* of the window that runs */
    float *right;
    float *p_right;
    double *sorted;
    float *correct; /* (n_windows, n) */
    float *p_correct;
    float *bias;
    int64_t trial;
    size_t next_stimulus;
    size_t to_judge; /* roll-outs before it have been looked at */
    bool is_judging;
    bool is_done;
    bool is_between; /* the animal stood before a session's first choice, its noise added */
    bool is_there;   /* the animal has the highest status already */
    model_ibl_criteria_status target;
    model_forecast_result result;
};

void model_forecast_config_init(model_forecast_config *config)
{
    *config =
        (model_forecast_config){.n_rollouts = 500,
                                .n_windows = 20,
                                .window = 100,
                                .criterion = {.accuracy = 0.8, .contrast_min = 0.5, .window = 100}};
}

static bool config_is_valid(const model_forecast_config *c)
{
    const model_forecast_criterion *q = &c->criterion;
    return c->n_rollouts >= 1 && c->n_rollouts <= MODEL_FORECAST_ROLLOUTS && c->n_windows >= 1 &&
           c->n_windows <= MODEL_FORECAST_WINDOWS && c->window >= 1 &&
           (int64_t)c->n_windows * c->window <= MODEL_FORECAST_TRIALS && q->window >= 1 &&
           q->window <= MODEL_FORECAST_CRITERION && q->accuracy >= 0.0 && q->accuracy <= 1.0 &&
           q->contrast_min >= 0.0 && q->contrast_min <= 1.0;
}

static void place(model_forecast *f, arena *a)
{
    const size_t n = f->config.n_rollouts;
    const size_t windows = f->config.n_windows;
    float **const rows[] = {&f->contrast, &f->reward, &f->p,     &f->rt_s,
                            &f->p_left,   &f->scored, &f->right, &f->p_right};
    float **const curves[] = {&f->correct, &f->p_correct, &f->bias};
    f->lives = arena_take(a, n * sizeof *f->lives);
    f->trackers = arena_take(a, n * sizeof *f->trackers);
    f->sorted = arena_take(a, n * sizeof *f->sorted);
    f->side = arena_take(a, n);
    f->chose = arena_take(a, n);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        *rows[i] = arena_floats(a, n);
    }
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        *curves[i] = arena_floats(a, windows * n);
    }
}

size_t model_forecast_size(const model_bank_params *params, const model_forecast_config *config)
{
    if (!config_is_valid(config)) {
        return 0;
    }
    model_forecast f = {.config = *config};
    arena count = {0};
    const size_t rollouts = rollout_size(params, config->n_rollouts);
    (void)arena_take(&count, sizeof f);
    place(&f, &count);
    return rollouts > 0 ? count.used + rollouts : 0;
}

int model_forecast_init(void *mem, size_t mem_size, const model_bank_params *params,
                        const model_forecast_config *config, model_forecast **out)
{
    const size_t size = model_forecast_size(params, config);
    if (size == 0) {
        return MODEL_ERR_ARG;
    }
    if (mem_size < size) {
        return MODEL_ERR_SPACE;
    }
    arena a = {.base = mem};
    model_forecast *f = arena_take(&a, sizeof *f);
    memset(f, 0, sizeof *f);
    f->params = params;
    f->config = *config;
    f->is_done = true;
    place(f, &a);
    (void)rollout_init((unsigned char *)mem + a.used, size - a.used, params, config->n_rollouts,
                       &f->rollout);
    *out = f;
    return MODEL_OK;
}

/* ---- beginning ------------------------------------------------------------------------------- */

static bool task_is_valid(const model_forecast_task *task)
{
    if (task->protocol != NULL) {
        return task->state != NULL;
    }
    bool ok = task->n_stimuli > 0 && (!task->is_pool || task->n_sessions > 0);
    for (size_t i = 0; ok && i < task->n_stimuli; i++) {
        ok = task->stimuli[i].contrast >= -1.0F && task->stimuli[i].contrast <= 1.0F &&
             task->stimuli[i].side >= -1 && task->stimuli[i].side <= 1;
    }
    for (size_t i = 0; ok && task->is_pool && i < task->n_sessions; i++) {
        ok = task->session_trials[i] > 0;
    }
    return ok;
}

static void begin_lives(model_forecast *f, uint64_t seed)
{
    for (size_t i = 0; i < f->config.n_rollouts; i++) {
        forecast_life *life = &f->lives[i];
        memset(life, 0, LIFE_HEAD);
        model_random_seed(&life->rig, seed, i + (UINT64_C(2) << 32));
        life->session = 1;
        life->session_left = f->task.session_left;
        if (f->task.protocol != NULL) {
            life->protocol = *f->task.state;
            model_random_seed(&life->protocol.random, seed, i + (UINT64_C(3) << 32));
        }
        if (f->task.tracker != NULL) {
            memcpy(&f->trackers[i], f->task.tracker, sizeof f->trackers[i]);
        }
    }
}

/* What comes after the highest status that the animal has shown; *is_there: nothing does. */
static model_ibl_criteria_status next_status(const model_training_status *tracker, bool *is_there)
{
    model_training_status_standing now;
    int64_t reached = tracker->history.reached;
    if (model_training_status_judge(tracker, &now) == MODEL_OK) {
        reached = (int64_t)now.reached > reached ? (int64_t)now.reached : reached;
    }
    const int64_t highest = MODEL_IBL_CRITERIA_STATUS_COUNT - 1;
    *is_there = reached >= highest;
    return (model_ibl_criteria_status)(reached < highest ? reached + 1 : highest);
}

int model_forecast_start(model_forecast *f, const model_forecast_task *task,
                         const model_rate_grid *pace, const model_bank *bank,
                         const model_rollout_tuning *tuning, uint64_t seed)
{
    if (!task_is_valid(task)) {
        return MODEL_ERR_ARG;
    }
    const size_t n = f->config.n_rollouts;
    const int status = pace != NULL ? rollout_start(f->rollout, pace, tuning, n, seed)
                                    : rollout_start_bank(f->rollout, bank, tuning, n, seed);
    if (status != MODEL_OK) {
        return status;
    }
    f->task = *task;
    f->is_between =
        pace != NULL ? pace->strand[0].twin.at_session_start : bank->member[0].at_session_start;
    f->trial = 0;
    f->next_stimulus = 0;
    f->to_judge = n;
    f->is_judging = false;
    f->is_done = false;
    memset(f->scored, 0, n * sizeof(float));
    memset(f->right, 0, n * sizeof(float));
    memset(f->p_right, 0, n * sizeof(float));
    memset(&f->result, 0, sizeof f->result);
    f->is_there = false;
    f->target = task->tracker != NULL ? next_status(task->tracker, &f->is_there)
                                      : MODEL_IBL_CRITERIA_IN_TRAINING;
    begin_lives(f, seed);
    return MODEL_OK;
}

/* ---- one trial of all ------------------------------------------------------------------------ */

/* A new session of the roll-out; that of the tracker ended with what it was judged before. */
static void enter_session(model_forecast *f, size_t i)
{
    if (f->trial > 0 || !f->is_between) {
        rollout_start_session(f->rollout, i);
    }
    f->lives[i].session += f->trial > 0 ? 1 : 0;
    if (f->task.tracker == NULL) {
        return;
    }
    model_training_status *t = &f->trackers[i];
    const model_training_status_session *before = t->n > 0 ? &t->session[t->n - 1] : NULL;
    const model_training_status_session_info info = {
        .protocol = before != NULL ? (model_ibl_criteria_protocol)before->counts.protocol
                                   : MODEL_IBL_CRITERIA_PROTOCOL_UNKNOWN,
        .is_ephys_rig = before != NULL && before->counts.is_ephys_rig == 1,
        .delay_s = (double)NAN};
    model_training_status_standing judged;
    memset(&judged, 0, sizeof judged);
    judged.n_pushed = t->n_pushed;
    if (f->lives[i].status_session > 0) {
        judged.now.status = f->target;
        judged.now.n_behind = MODEL_IBL_CRITERIA_SESSIONS;
    }
    model_training_status_start(t, before != NULL ? before->id + 1 : 0, &info, &judged);
}

static void show(model_forecast *f, size_t i, const model_forecast_stimulus *s)
{
    f->contrast[i] = s->contrast;
    f->rt_s[i] = s->rt_s;
    f->p_left[i] = s->p_left;
    f->side[i] = model_trial_side(s->side, (double)s->contrast);
}

static void show_protocol(model_forecast *f, size_t i)
{
    forecast_life *life = &f->lives[i];
    const model_protocol *protocol = f->task.protocol;
    if (life->protocol.session < 0 ||
        !model_protocol_next(&life->protocol, protocol, &life->shown)) {
        model_protocol_start_session(&life->protocol, protocol);
        enter_session(f, i);
        (void)model_protocol_next(&life->protocol, protocol, &life->shown);
    }
    show(f, i,
         &(model_forecast_stimulus){.contrast = (float)life->shown.contrast,
                                    .rt_s = (float)f->task.rt_s,
                                    .p_left = (float)life->shown.p_left,
                                    .side = life->shown.side});
}

static void show_pool(model_forecast *f, size_t i)
{
    forecast_life *life = &f->lives[i];
    if (life->session_left == 0) {
        const size_t which = (size_t)model_random_below(&life->rig, f->task.n_sessions);
        life->session_left = f->task.session_trials[which];
        enter_session(f, i);
    }
    life->session_left--;
    show(f, i, &f->task.stimuli[model_random_below(&life->rig, f->task.n_stimuli)]);
}

static void show_all(model_forecast *f)
{
    for (size_t i = 0; i < f->config.n_rollouts; i++) {
        if (f->task.protocol != NULL) {
            show_protocol(f, i);
        } else if (f->task.is_pool) {
            show_pool(f, i);
        } else {
            const model_forecast_stimulus *s = &f->task.stimuli[f->next_stimulus];
            if (s->starts_session != 0) {
                enter_session(f, i);
            }
            show(f, i, s);
        }
    }
    f->next_stimulus++;
}

static void reward_all(model_forecast *f)
{
    for (size_t i = 0; i < f->config.n_rollouts; i++) {
        if (f->task.protocol != NULL) {
            forecast_life *life = &f->lives[i];
            f->reward[i] = (float)model_protocol_push(&life->protocol, f->task.protocol,
                                                      &life->shown, f->chose[i], f->task.rt_s);
        } else {
            f->reward[i] = f->side[i] < 0 ? NAN : (f->chose[i] == f->side[i] ? 1.0F : 0.0F);
        }
    }
}

static void count_easy(model_forecast *f, size_t i)
{
    forecast_life *life = &f->lives[i];
    const model_trial trial = {
        .contrast = (double)f->contrast[i], .choice = (int8_t)f->chose[i], .side = f->side[i]};
    if (life->met_trial == 0 && !f->task.is_met &&
        model_forecast_tally_push(&life->tally, &f->config.criterion, &trial)) {
        life->met_trial = f->trial + 1;
        life->met_session = life->session;
    }
}

static void count_all(model_forecast *f)
{
    for (size_t i = 0; i < f->config.n_rollouts; i++) {
        if (f->side[i] >= 0) {
            const bool is_right = f->chose[i] == f->side[i];
            f->scored[i] += 1.0F;
            f->right[i] += is_right ? 1.0F : 0.0F;
            f->p_right[i] += f->side[i] == 1 ? f->p[i] : 1.0F - f->p[i];
            count_easy(f, i);
        }
        if (f->task.tracker != NULL) {
            const model_trial trial = {.contrast = (double)f->contrast[i],
                                       .reward = (double)f->reward[i],
                                       .rt_s = (double)f->rt_s[i],
                                       .choice = (int8_t)f->chose[i]};
            model_training_status_push(&f->trackers[i], &trial, (double)f->p_left[i]);
        }
    }
}

static void end_window(model_forecast *f)
{
    const size_t n = f->config.n_rollouts;
    const size_t at = f->result.n_windows * n;
    for (size_t i = 0; i < n; i++) {
        f->correct[at + i] = f->right[i] / f->scored[i]; /* NaN without any */
        f->p_correct[at + i] = f->p_right[i] / f->scored[i];
        f->bias[at + i] = (float)rollout_predict(f->rollout, i, 0.0);
    }
    memset(f->scored, 0, n * sizeof(float));
    memset(f->right, 0, n * sizeof(float));
    memset(f->p_right, 0, n * sizeof(float));
    f->result.n_windows++;
}

/* Its session is over when the next trial would be of another one. */
static bool ends_session(const model_forecast *f, size_t i)
{
    if (f->task.protocol != NULL) {
        model_protocol_state next = f->lives[i].protocol;
        model_protocol_trial shown;
        return !model_protocol_next(&next, f->task.protocol, &shown);
    }
    if (f->task.is_pool) {
        return f->lives[i].session_left == 0;
    }
    return f->next_stimulus >= f->task.n_stimuli ||
           f->task.stimuli[f->next_stimulus].starts_session != 0;
}

static bool wants_trials(const model_forecast *f)
{
    return f->trial < (int64_t)f->config.n_windows * f->config.window;
}

static bool wants_status(const model_forecast *f, size_t i)
{
    return f->task.tracker != NULL && !f->is_there && f->lives[i].status_session == 0 &&
           f->lives[i].session <= MODEL_FORECAST_SESSIONS;
}

static void step(model_forecast *f)
{
    const size_t n = f->config.n_rollouts;
    show_all(f);
    rollout_choose(f->rollout, f->contrast, NULL, f->chose, f->p);
    reward_all(f);
    const model_cohort_trials trials = {.contrast = f->contrast,
                                        .chose_right = f->chose,
                                        .reward = f->reward,
                                        .side = f->side,
                                        .rt_s = NULL,
                                        .active = NULL};
    f->result.n_still += (uint32_t)rollout_learn(f->rollout, &trials);
    count_all(f);
    f->trial++;
    if (wants_trials(f) || f->trial == (int64_t)f->config.n_windows * f->config.window) {
        if (f->trial % f->config.window == 0) {
            end_window(f);
        }
    }
    for (size_t i = 0; i < n; i++) {
        f->lives[i].is_ended = wants_status(f, i) && ends_session(f, i);
        f->is_judging = f->is_judging || f->lives[i].is_ended;
    }
    f->to_judge = f->is_judging ? 0 : n;
}

/* ---- status ---------------------------------------------------------------------------------- */

/* What can be told without fitting a curve: false if the target is out of reach. */
static bool may_have_reached(const model_forecast *f, const model_training_status *t)
{
    double value[MODEL_IBL_CRITERION_COUNT];
    model_ibl_criteria_check checks[MODEL_IBL_CRITERION_COUNT];
    for (size_t i = 0; i < MODEL_IBL_CRITERION_COUNT; i++) {
        value[i] = (double)NAN;
    }
    value[MODEL_IBL_CRITERION_SESSIONS] = (double)t->n;
    value[MODEL_IBL_CRITERION_TRIALS] = value[MODEL_IBL_CRITERION_EASY] = (double)INFINITY;
    for (int64_t i = 0; i < t->n; i++) {
        const model_ibl_criteria_session *s = &t->session[i].counts;
        const double easy = (double)s->n_easy_correct / (double)s->n_easy;
        value[MODEL_IBL_CRITERION_TRIALS] =
            fmin(value[MODEL_IBL_CRITERION_TRIALS], (double)s->n_trials);
        value[MODEL_IBL_CRITERION_EASY] = fmin(value[MODEL_IBL_CRITERION_EASY], easy);
    }
    const size_t n = model_ibl_criteria_check_all(f->target, value, checks);
    for (size_t i = 0; i < n; i++) {
        if (!isnan(checks[i].value) && !checks[i].is_met) {
            return false;
        }
    }
    return true;
}

/* Judges the next roll-out whose session is over; returns the work. */
static size_t judge_next(model_forecast *f)
{
    const size_t n = f->config.n_rollouts;
    size_t work = 1;
    if (f->to_judge < n && f->lives[f->to_judge].is_ended) {
        forecast_life *life = &f->lives[f->to_judge];
        const model_training_status *t = &f->trackers[f->to_judge];
        model_training_status_standing standing;
        life->is_ended = false;
        if (may_have_reached(f, t)) {
            work = JUDGING;
            if (model_training_status_judge(t, &standing) == MODEL_OK &&
                standing.reached >= f->target) {
                life->status_session = life->session;
            }
        }
    }
    f->to_judge++;
    f->is_judging = f->to_judge < n;
    return work;
}

/* ---- the result ------------------------------------------------------------------------------ */

/* NaN do not count; of infinite values the mean is that of the others. */
static model_forecast_band band_of(model_forecast *f, const float values[])
{
    size_t n = 0;
    size_t n_finite = 0;
    double sum = 0.0;
    for (size_t i = 0; i < f->config.n_rollouts; i++) {
        if (!isnan(values[i])) {
            f->sorted[n++] = (double)values[i];
        }
        if (isfinite(values[i])) {
            sum += (double)values[i];
            n_finite++;
        }
    }
    const double none = (double)NAN;
    if (n == 0) {
        return (model_forecast_band){none, none, none, none, none, none};
    }
    sample_sort(n, f->sorted);
    return (model_forecast_band){.mean = n_finite > 0 ? sum / (double)n_finite : none,
                                 .median = sample_quantile(n, f->sorted, 0.5),
                                 .lo50 = sample_quantile(n, f->sorted, 0.25),
                                 .hi50 = sample_quantile(n, f->sorted, 0.75),
                                 .lo90 = sample_quantile(n, f->sorted, 0.05),
                                 .hi90 = sample_quantile(n, f->sorted, 0.95)};
}

static void conclude_criterion(model_forecast *f)
{
    const size_t n = f->config.n_rollouts;
    size_t met = 0;
    if (f->task.is_met) {
        f->result.p_reached = 1.0; /* and the bands are 0 */
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const forecast_life *life = &f->lives[i];
        met += life->met_trial > 0;
        f->right[i] = life->met_trial > 0 ? (float)life->met_trial : INFINITY;
        f->scored[i] = life->met_trial > 0 ? (float)life->met_session : INFINITY;
    }
    f->result.p_reached = (double)met / (double)n;
    f->result.trials = band_of(f, f->right);
    f->result.sessions = band_of(f, f->scored);
}

/* A roll-out that did not live to see the end of a session says nothing of it. */
static void conclude_status(model_forecast *f)
{
    const size_t n = f->config.n_rollouts;
    f->result.next = f->target;
    for (size_t k = 0; k < MODEL_FORECAST_WITHIN; k++) {
        double reached = 0.0;
        double known = 0.0;
        for (size_t i = 0; f->task.tracker != NULL && i < n; i++) {
            const forecast_life *life = &f->lives[i];
            const bool has = life->status_session > 0 && life->status_session <= WITHIN[k];
            reached += has;
            known += has || life->session > WITHIN[k] || ends_session(f, i);
        }
        f->result.p_within[k] = f->is_there ? 1.0 : (known > 0.0 ? reached / known : (double)NAN);
    }
}

static void conclude(model_forecast *f)
{
    const size_t n = f->config.n_rollouts;
    model_forecast_result *r = &f->result;
    for (size_t w = 0; w < r->n_windows; w++) {
        r->correct[w] = band_of(f, f->correct + w * n);
        r->p_correct[w] = band_of(f, f->p_correct + w * n);
        r->bias[w] = band_of(f, f->bias + w * n);
    }
    r->window = f->config.window;
    r->n_rollouts = (uint32_t)n;
    conclude_criterion(f);
    conclude_status(f);
    for (uint32_t m = 0; m < f->params->n; m++) {
        r->share[f->params->member[m].rule.kind] += rollout_share(f->rollout, m);
    }
    r->pace = rollout_pace(f->rollout);
    f->is_done = true;
}

static bool is_over(const model_forecast *f)
{
    if (f->task.protocol == NULL && !f->task.is_pool && f->next_stimulus >= f->task.n_stimuli) {
        return true;
    }
    bool waits = wants_trials(f);
    for (size_t i = 0; !waits && i < f->config.n_rollouts; i++) {
        waits = wants_status(f, i);
    }
    return !waits || f->trial >= MODEL_FORECAST_TRIALS;
}

int model_forecast_run(model_forecast *f, size_t work)
{
    size_t done = 0;
    while (!f->is_done && done < work) {
        if (f->is_judging) {
            done += judge_next(f);
        } else if (is_over(f)) {
            conclude(f);
        } else {
            step(f);
            done += f->config.n_rollouts;
        }
    }
    return f->is_done ? 0 : 1;
}

double model_forecast_progress(const model_forecast *f)
{
    const double all = (double)f->config.n_windows * f->config.window;
    return f->is_done ? 1.0 : fmin((double)f->trial / all, 0.99);
}

const model_forecast_result *model_forecast_result_of(const model_forecast *f)
{
    return &f->result;
}

int model_forecast_within(size_t i)
{
    return i < MODEL_FORECAST_WITHIN ? WITHIN[i] : 0;
}
