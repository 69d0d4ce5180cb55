/* model/engagement.h - whether the animal is engaged: a filter that switches between three states,
 * over choices, reaction times and no-gos, and a test that reports disengagement at a bounded rate
 * of false alarms.
 *
 * Maths, parameters and figures: docs/model.md, section engagement. A trial gives a likelihood
 * ratio of each disengaged state against "engaged"; filter and test are built on these ratios.
 * Parameters are const and shared; model_engagement is plain memory without pointers or padding,
 * whose size does not depend on the number of trials.
 *
 * Threads: one owner per animal; parameters may be read by all. Memory: the caller's; nothing
 * allocates. RT-safe: all of it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/error.h"

/* A lapsing animal answers independently of the stimulus. One that is away rarely answers. */
typedef enum {
    MODEL_ENGAGEMENT_ENGAGED,
    MODEL_ENGAGEMENT_LAPSING,
    MODEL_ENGAGEMENT_AWAY,
    MODEL_ENGAGEMENT_STATES
} model_engagement_state;

/* The observables of a trial. */
typedef enum {
    MODEL_ENGAGEMENT_CHOICE,
    MODEL_ENGAGEMENT_RT,
    MODEL_ENGAGEMENT_NO_GO,
    MODEL_ENGAGEMENT_SIGNS
} model_engagement_sign;

enum {
    MODEL_ENGAGEMENT_OUT = 2,       /* disengaged states: lapsing, away */
    MODEL_ENGAGEMENT_QUANTILES = 6, /* followed, of log(rt_s) */
    MODEL_ENGAGEMENT_BINS = 7       /* between them */
};

typedef struct {
    double start[MODEL_ENGAGEMENT_STATES]; /* probability of each state when a session starts */
    double move[MODEL_ENGAGEMENT_STATES][MODEL_ENGAGEMENT_STATES]; /* [from][to], each trial */
    double slip;         /* fraction of an engaged animal's choices that ignore the stimulus */
    double habit_trials; /* length of the running mean of choices */
    double habit;        /* how much of it a disengaged choice repeats, 0..1 */
    double no_go;        /* rate of no-gos of a new animal */
    double no_go_away;   /* probability of a no-go while away */
    double
        rt_out[MODEL_ENGAGEMENT_BINS]; /* probability of a disengaged reaction time in each bin */
    double rt_weight;    /* power of these ratios: neighbouring reaction times are alike, 0..1 */
    double lapses;       /* fraction of trials in which an engaged animal may lapse, 0..1 */
    double false_alarms; /* a trial: upper bound of their mean rate while engaged */
} model_engagement_params;

typedef struct {
    double p[MODEL_ENGAGEMENT_STATES]; /* probability of each state after the last trial */
    double habit;                      /* running mean of the session's choices, right 1 */
    double no_go;                      /* running rate of no-gos while engaged */
    double no_go_n;                    /* trials it represents */
    double quantile[MODEL_ENGAGEMENT_QUANTILES]; /* of log(rt_s) while engaged */
    double rt_n;                                 /* reaction times they represent */
    double detector[MODEL_ENGAGEMENT_OUT];       /* Shiryaev-Roberts sums */
    double score[MODEL_ENGAGEMENT_OUT];          /* CUSUM: nats of the most likely stretch */
    double sign[MODEL_ENGAGEMENT_OUT][MODEL_ENGAGEMENT_SIGNS]; /* what they come from */
    double back;                                               /* CUSUM of "engaged again" */
    int64_t stretch[MODEL_ENGAGEMENT_OUT];                     /* trials of that stretch */
    int64_t n_rt;   /* reaction times observed in the animal's life */
    int64_t is_out; /* 1 from the alert until the animal is engaged again */
} model_engagement;

/* One finished trial, and the twin's prediction for it. */
typedef struct {
    double p_right; /* predicted for its stimulus before the choice */
    double rt_s;    /* reaction time; NaN unknown; not read where there is no choice */
    int choice;     /* 1 right, 0 left, -1 no-go */
} model_engagement_trial;

/* The evidence that an animal is disengaged. */
typedef struct {
    double e_value;               /* 1 / e_value: the rate of false alarms at this threshold */
    model_engagement_state state; /* the more likely one of the two */
    int64_t trials;               /* up to the last one, the most likely stretch */
    double nats[MODEL_ENGAGEMENT_SIGNS]; /* log-likelihood ratio over the stretch, of each sign */
} model_engagement_evidence;

/* The values that docs/model.md explains. */
void model_engagement_default(model_engagement_params *params);

/* A new animal. */
void model_engagement_init(model_engagement *e, const model_engagement_params *params);

/* A session starts: the animal is likely engaged; its speed and rate of no-gos are kept. */
void model_engagement_start_session(model_engagement *e, const model_engagement_params *params);

/* Updates with one trial. MODEL_ERR_ARG (p_right outside 0..1, rt_s negative or infinite, choice
 * outside -1..1) leaves all as it was. O(1). */
int model_engagement_observe(model_engagement *e, const model_engagement_params *params,
                             const model_engagement_trial *trial);

/* Probability that the animal was disengaged on the last trial. */
double model_engagement_p(const model_engagement *e);

/* True from the trial of the alert until it is engaged again, or the session ends. */
bool model_engagement_is_out(const model_engagement *e);

/* The evidence after the last trial. */
void model_engagement_explain(const model_engagement *e, model_engagement_evidence *out);
