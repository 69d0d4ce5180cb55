#include "forecast_report.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "progress.h"

enum { SLICE = 200000 };

const char *forecast_report_stimuli_name(enum forecast_report_stimuli stimuli)
{
    static const char *const NAMES[] = {"real", "recent", "protocol"};
    return NAMES[stimuli];
}

static int take_trial(void *context, size_t i, const struct trial_history_trial *t)
{
    struct forecast_report *f = context;
    const model_bank_params *bank = &f->animal.model.bank;
    if (t->starts_session) {
        model_rate_grid_start_session(&f->pace, bank);
        model_training_status_start(&f->tracker, (int64_t)i, &t->info, NULL);
        lookahead_recent_start_session(&f->recent);
    }
    const int status = model_rate_grid_observe(&f->pace, bank, &t->trial);
    lookahead_recent_push(&f->recent, &t->trial, t->p_left);
    if (f->met_at == 0 && model_forecast_tally_push(&f->tally, &f->config.criterion, &t->trial)) {
        f->met_at = i + 1;
    }
    model_training_status_push(&f->tracker, &t->trial, t->p_left);
    return status;
}

static int follow(struct forecast_report *f, struct fault *fault)
{
    model_rate_grid_init(&f->pace, &f->animal.model.bank);
    model_training_status_init(&f->tracker);
    return known_animal_follow(&f->animal, "following", take_trial, f, fault);
}

static int take_future(struct forecast_report *f, struct fault *fault)
{
    bool starts = false;
    f->future = calloc(f->animal.past.n - f->animal.at + 1, sizeof *f->future);
    if (f->future == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for the trials to come");
    }
    for (size_t i = f->animal.at; i < f->animal.past.n; i++) {
        const struct trial_history_trial *t = &f->animal.past.trials[i];
        starts = starts || t->starts_session;
        if (t->trial.choice >= 0) {
            f->future[f->n_future++] =
                (model_forecast_stimulus){.contrast = (float)t->trial.contrast,
                                          .rt_s = (float)t->trial.rt_s,
                                          .p_left = (float)t->p_left,
                                          .side = t->trial.side,
                                          .starts_session = starts};
            starts = false;
        }
    }
    return FAULT_NONE;
}

static int take_protocol(struct forecast_report *f, struct fault *fault)
{
    const struct known_animal_request *r = f->animal.request;
    const model_protocol *protocol = &f->animal.protocol.protocol;
    int rc = protocol_file_load(&f->animal.protocol, r->protocol, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    model_protocol_init(&f->animal.rig, protocol, (uint64_t)r->seed, 0);
    if (r->stage != NULL) {
        uint32_t stage;
        rc = known_animal_enter(&f->animal, &stage, fault);
        f->animal.rig.carried_stage = stage;
    }
    f->task.protocol = protocol;
    f->task.state = &f->animal.rig;
    f->task.rt_s = lookahead_recent_rt_s(&f->recent);
    return rc;
}

static int choose_task(struct forecast_report *f, struct fault *fault)
{
    const struct forecast_report_request *r = f->request;
    int rc = take_future(f, fault);
    f->task = (model_forecast_task){.tracker = &f->tracker, .is_met = f->met_at > 0};
    if (rc == FAULT_NONE && r->animal.protocol != NULL) {
        f->shown = FORECAST_REPORT_PROTOCOL;
        return take_protocol(f, fault);
    }
    f->shown = r->recent || f->n_future == 0 ? FORECAST_REPORT_RECENT : FORECAST_REPORT_REAL;
    if (rc == FAULT_NONE && f->shown == FORECAST_REPORT_RECENT &&
        !lookahead_recent_task(&f->recent, &f->task)) {
        rc = fault_set(fault, FAULT_INPUT,
                       "%s: no choices before trial %zu to draw stimuli from; --protocol, or a "
                       "later --at, was expected",
                       r->animal.path, f->animal.at);
    } else if (rc == FAULT_NONE && f->shown == FORECAST_REPORT_REAL) {
        f->task.n_stimuli = f->n_future;
        f->task.stimuli = f->future;
    }
    return rc;
}

/* Fraction correct of `window` choices from number `first` on, in rows from..to - 1 counted
 * backwards (step -1) or forwards; NaN where there are fewer. */
static double share(const struct trial_history *past, size_t row, size_t end, int64_t skip,
                    int64_t window)
{
    double scored = 0.0;
    double right = 0.0;
    int64_t n = 0;
    for (; row != end && n<skip + window; row += end> row ? 1 : (size_t)-1) {
        const model_trial *t = &past->trials[end > row ? row : row - 1].trial;
        if (t->choice < 0 || n++ < skip) {
            continue;
        }
        scored += model_trial_side(t->side, t->contrast) >= 0;
        right += t->choice == model_trial_side(t->side, t->contrast);
    }
    return n == skip + window && scored > 0.0 ? right / scored : (double)NAN;
}

static void take_windows(struct forecast_report *f)
{
    const int64_t window = f->request->window;
    size_t n = 0;
    double newest_first[FORECAST_REPORT_BEFORE_MAX];
    for (; n < FORECAST_REPORT_BEFORE_MAX; n++) {
        newest_first[n] = share(&f->animal.past, f->animal.at, 0, (int64_t)n * window, window);
        if (isnan(newest_first[n])) {
            break;
        }
    }
    f->n_before = n;
    for (size_t i = 0; i < n; i++) {
        f->before[i] = newest_first[n - 1 - i];
    }
    const size_t most = f->shown == FORECAST_REPORT_REAL ? f->config.n_windows : 0;
    for (f->n_observed = 0; f->n_observed < most; f->n_observed++) {
        const double observed = share(&f->animal.past, f->animal.at, f->animal.past.n,
                                      (int64_t)f->n_observed * window, window);
        if (isnan(observed)) {
            break;
        }
        f->observed[f->n_observed] = observed;
    }
}

static int configure(struct forecast_report *f, struct fault *fault)
{
    const struct forecast_report_request *r = f->request;
    const int64_t windows = r->horizon / r->window;
    if (windows < 1 || windows > MODEL_FORECAST_WINDOWS) {
        return fault_set(fault, FAULT_INPUT,
                         "--horizon: %" PRId64 " trials are %" PRId64 " windows of %" PRId64
                         "; 1 to %d were expected",
                         r->horizon, windows, r->window, MODEL_FORECAST_WINDOWS);
    }
    f->config = (model_forecast_config){.n_rollouts = (uint32_t)r->rollouts,
                                        .n_windows = (uint32_t)windows,
                                        .window = (uint32_t)r->window,
                                        .criterion = {.accuracy = r->accuracy,
                                                      .contrast_min = r->easy,
                                                      .window = (uint32_t)r->over}};
    const size_t size = model_forecast_size(&f->animal.model.bank, &f->config);
    f->memory = size > 0 ? aligned_alloc(MODEL_NET_ALIGN, size) : NULL;
    if (f->memory == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for %" PRId64 " roll-outs", r->rollouts);
    }
    (void)model_forecast_init(f->memory, size, &f->animal.model.bank, &f->config, &f->forecast);
    return FAULT_NONE;
}

static int run(struct forecast_report *f, struct fault *fault)
{
    model_rollout_tuning tuning;
    struct progress progress;
    model_rollout_tuning_init(&tuning);
    if (model_forecast_start(f->forecast, &f->task, &f->pace, NULL, &tuning,
                             (uint64_t)f->request->animal.seed) != MODEL_OK) {
        return fault_set(fault, FAULT_WORK, "%s: the roll-outs could not be started",
                         f->request->animal.path);
    }
    progress_start(&progress, "forecast", 100);
    int rc = FAULT_NONE;
    while (rc == FAULT_NONE && model_forecast_run(f->forecast, SLICE) == 1) {
        progress_update(&progress, (int64_t)(100.0 * model_forecast_progress(f->forecast)));
        rc = progress_interrupted() ? fault_set(fault, FAULT_WORK, "interrupted") : rc;
    }
    progress_finish(&progress);
    return rc;
}

int forecast_report_make(struct forecast_report *f, const struct forecast_report_request *request,
                         struct fault *fault)
{
    f->request = request;
    int rc = known_animal_open(&f->animal, &request->animal, fault);
    rc = rc ? rc : configure(f, fault);
    rc = rc ? rc : follow(f, fault);
    rc = rc ? rc : choose_task(f, fault);
    rc = rc ? rc : run(f, fault);
    if (rc == FAULT_NONE) {
        f->result = model_forecast_result_of(f->forecast);
        take_windows(f);
    }
    return rc;
}

double forecast_report_since(const struct forecast_report *f)
{
    double n = 0.0;
    for (size_t i = f->met_at; i < f->animal.at; i++) {
        n += f->animal.past.trials[i].trial.choice >= 0 ? 1.0 : 0.0;
    }
    return n;
}

void forecast_report_close(struct forecast_report *f)
{
    known_animal_close(&f->animal);
    free(f->future);
    free(f->memory);
}
