/* model/trial.h - one finished trial.
 *
 * Contrasts are signed: a fraction -1..1, right positive. Sides and choices are 1 right, 0 left.
 * Threads: any. Memory: the caller's. RT-safe: all of it.
 */
#pragma once

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* As the animal met it. */
typedef struct {
    double contrast;
    double reward; /* 0..1; NaN unknown */
    double rt_s;   /* reaction time; NaN unknown */
    int8_t choice; /* -1 no-go */
    int8_t side;   /* that was correct; -1 not stated */
} model_trial;

/* As a rule sees it. It ended in a choice. */
typedef struct {
    double stimulus;       /* x, a value of model_policy_stimulus() */
    double reward;         /* 0..1; NaN unknown: enters as 0.5 */
    double rt_s;           /* reaction time; NaN or below 0: unknown */
    int64_t n_session;     /* trials before it in the session */
    int64_t n_training;    /* trials before it in all */
    bool is_session_start; /* it was the first of its session */
    bool chose_right;
    int8_t side; /* that was correct; -1 not stated */
} model_rule_trial;

/* One trial of each of many animals, which ended in a choice: (n) each. */
typedef struct {
    const float *contrast;
    const uint8_t *chose_right; /* 1 or 0 */
    const float *reward;        /* 0..1, NaN unknown; NULL: unknown for all */
    const int8_t *side;         /* -1 not stated; NULL: of none */
    const float *rt_s;          /* NaN unknown; NULL: unknown for all */
    const uint8_t *active;      /* not 0: has this trial; NULL: all have */
} model_cohort_trials;

/* The side that was correct: as stated, else where the stimulus shows (contrast or x), else,
 * without contrast, -1: unknown. Each caller says what it makes of that. */
static inline int8_t model_trial_side(int8_t stated, double stimulus)
{
    if (stated >= 0) {
        return stated;
    }
    return stimulus > 0.0 ? 1 : stimulus < 0.0 ? 0 : -1;
}

/* A reward as a rule takes it. */
static inline double model_trial_reward(double reward)
{
    return isnan(reward) ? 0.5 : reward;
}
