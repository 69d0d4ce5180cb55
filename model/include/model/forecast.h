/* model/forecast.h - predicts the course of learning: virtual twins of one animal run ahead,
 * summarised in windows of trials: probability correct and bias with bands, when a criterion is
 * met, and the probability of the next training status within a few sessions.
 *
 * Maths and figures: docs/model.md, section forecast. A forecast depends only on the task, the rate
 * grid (or bank), the tuning and the seed; in how many slices it is run does not matter. Times are
 * counted in trials that end in a choice. Threads: one owner; what a task points to may be read by
 * all while it runs. Memory: the caller supplies it once; no function here allocates. RT-safe:
 * unless it says no.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/protocol.h"
#include "model/rate_grid.h"
#include "model/rollout_tuning.h"
#include "model/training_status.h"

enum {
    MODEL_FORECAST_WINDOWS = 64,
    MODEL_FORECAST_ROLLOUTS = 4096,
    MODEL_FORECAST_CRITERION = 512, /* trials of a criterion's window, at most */
    MODEL_FORECAST_SESSIONS = 5,    /* over which the next status is forecast */
    MODEL_FORECAST_TRIALS = 20000   /* the horizon */
};

/* Sessions within which the probability of the next status is forecast. */
#define MODEL_FORECAST_WITHIN_LIST(X) X(1) X(3) X(5)
#define MODEL_FORECAST_WITHIN_ONE(n)  +1
enum { MODEL_FORECAST_WITHIN = 0 MODEL_FORECAST_WITHIN_LIST(MODEL_FORECAST_WITHIN_ONE) };
#undef MODEL_FORECAST_WITHIN_ONE

/* Fraction correct of the last `window` trials with |contrast| >= contrast_min, at least accuracy;
 * not before there are `window` of them from now on. */
typedef struct {
    double accuracy; /* 0..1 */
    double contrast_min;
    uint32_t window; /* 1..MODEL_FORECAST_CRITERION */
} model_forecast_criterion;

/* A criterion's count for an animal; zeroed: empty. Plain, without padding. */
typedef struct {
    int64_t n;       /* trials that counted */
    int64_t n_right; /* of those in the window */
    uint8_t right[MODEL_FORECAST_CRITERION];
} model_forecast_tally;

typedef struct {
    uint32_t n_rollouts; /* 1..MODEL_FORECAST_ROLLOUTS */
    uint32_t n_windows;  /* 1..MODEL_FORECAST_WINDOWS */
    uint32_t window;     /* trials, 1.. */
    model_forecast_criterion criterion;
} model_forecast_config;

/* A past or future stimulus. */
typedef struct {
    float contrast; /* signed, fraction -1..1 */
    float rt_s;     /* NaN unknown */
    float p_left;   /* of the block; NaN unknown */
    int8_t side;    /* correct: 1 right, 0 left, -1 unknown: then the contrast's; at 0 none is */
    uint8_t starts_session;
} model_forecast_stimulus;

/* The animal's future stimuli: a protocol; or stimuli, either in the order given, or (is_pool)
 * drawn for each trial, with the lengths of sessions drawn too. All that it points to must outlive
 * the run. */
typedef struct {
    const model_protocol *protocol; /* NULL: stimuli */
    const model_protocol_state *state;
    size_t n_stimuli;
    const model_forecast_stimulus *stimuli;
    bool is_pool;
    size_t n_sessions; /* pool: 1.. */
    const uint32_t *session_trials;
    uint32_t session_left;                /* pool: remaining trials of the running session */
    double rt_s;                          /* protocol: of every trial; NaN unknown */
    const model_training_status *tracker; /* NULL: no status is forecast */
    bool is_met;                          /* the animal has met the criterion already */
} model_forecast_task;

typedef struct {
    double mean;
    double median;
    double lo50;
    double hi50;
    double lo90;
    double hi90;
} model_forecast_band;

typedef struct {
    uint32_t n_windows; /* that are full */
    uint32_t window;
    uint32_t n_rollouts;
    uint32_t n_still; /* steps that were refused, of all roll-outs */
    /* Fraction correct of the trials with a correct side, sampling noise included; NaN where there
     * is none. */
    model_forecast_band correct[MODEL_FORECAST_WINDOWS];
    model_forecast_band p_correct[MODEL_FORECAST_WINDOWS]; /* the probability of it */
    model_forecast_band bias[MODEL_FORECAST_WINDOWS]; /* p(right) at zero contrast, at its end */
    /* Trials and sessions until the criterion is met, the running session is 1; infinite where a
     * band reaches beyond the horizon; means are of those that met it. All 0 with chance 1 if it
     * was met before. */
    double p_reached;
    model_forecast_band trials;
    model_forecast_band sessions;
    model_ibl_criteria_status next;         /* IN_TRAINING: not forecast */
    double p_within[MODEL_FORECAST_WITHIN]; /* NaN: not forecast, or the stimuli end before */
    double share[MODEL_RULES];              /* of the roll-outs, by rule */
    double pace;                            /* mean over roll-outs */
} model_forecast_result;

typedef struct model_forecast model_forecast;

/* 500 roll-outs, 20 windows of 100 trials, 80% of 100 trials at contrasts of 0.5 and above. */
void model_forecast_config_init(model_forecast_config *config);

/* Updates with one trial; without a choice or a correct side it does not count. True if the
 * criterion is met with it. */
bool model_forecast_tally_push(model_forecast_tally *tally,
                               const model_forecast_criterion *criterion, const model_trial *trial);

/* Bytes model_forecast_init() needs, a multiple of MODEL_NET_ALIGN; 0 if something is invalid. */
size_t model_forecast_size(const model_bank_params *params, const model_forecast_config *config);

/* Builds one inside mem (aligned to MODEL_NET_ALIGN). params must outlive it. MODEL_OK,
 * MODEL_ERR_ARG or MODEL_ERR_SPACE; *out is set only on OK. */
int model_forecast_init(void *mem, size_t mem_size, const model_bank_params *params,
                        const model_forecast_config *config, model_forecast **out);

/* Begins a forecast from the rate grid, or (pace NULL) the bank. MODEL_OK or MODEL_ERR_ARG.
 * RT-safe: no, O(roll-outs). */
int model_forecast_start(model_forecast *f, const model_forecast_task *task,
                         const model_rate_grid *pace, const model_bank *bank,
                         const model_rollout_tuning *tuning, uint64_t seed);

/* Runs about `work` trials of one roll-out each, 0.2 us a unit or less; a curve that is
 * fitted to judge a status counts as 5000. 1: call again; 0: the result is there. RT-safe: no. */
int model_forecast_run(model_forecast *f, size_t work);

/* Progress, 0..1. */
double model_forecast_progress(const model_forecast *f);

/* The result; valid until the next start. */
const model_forecast_result *model_forecast_result_of(const model_forecast *f);

/* Sessions that p_within[i] is about. */
int model_forecast_within(size_t i);
