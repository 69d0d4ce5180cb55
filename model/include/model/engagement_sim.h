/* model/engagement_sim.h - simulates a virtual animal's engagement: it lapses, goes away, returns,
 * tires, and reacts faster or slower; its choices while engaged are those of model/virtual_mouse.h.
 *
 * The model of model/engagement.h run forward, plus fatigue: docs/model.md, section engagement_sim.
 * Parameters are const and shared; the state of one animal is plain memory. Threads: one owner
 * each. Memory: the caller's; nothing allocates. RT-safe: all of it.
 */
#pragma once

#include <stdint.h>

#include "model/engagement.h"
#include "model/error.h"
#include "model/random.h"

typedef struct {
    model_engagement_params play; /* start, move, slip, habit, habit_trials, no_go, no_go_away */
    double tired_trials; /* of a session, then it is engaged half of the time; 0: never tires */
} model_engagement_sim_params;

typedef struct {
    model_random random;
    double habit;      /* running mean of the session's choices, right 1 */
    int64_t n_session; /* trials so far */
    int64_t state;     /* a model_engagement_state */
} model_engagement_sim;

/* Its behaviour on one trial. */
typedef struct {
    model_engagement_state state;
    int choice;     /* 1 right, 0 left, -1 no-go */
    double p_right; /* that a choice, if it makes one, is right */
    double p_no_go;
    double rt_s; /* reaction time; NaN without a choice */
} model_engagement_sim_act;

/* The values that docs/model.md explains. */
void model_engagement_sim_default(model_engagement_sim_params *params);

/* An animal that is always engaged: no lapse, no no-go, no fatigue. */
void model_engagement_sim_steady(model_engagement_sim_params *params);

/* Animal number `number` of a seed; the draws are not those of model_virtual_mouse_init(). */
void model_engagement_sim_init(model_engagement_sim *sim, const model_engagement_sim_params *params,
                               uint64_t seed, uint64_t number);

/* A session starts: the animal is rested. */
void model_engagement_sim_start_session(model_engagement_sim *sim,
                                        const model_engagement_sim_params *params);

/* The next trial: p_right (0..1) is its policy's prediction for the stimulus. Uses the same number
 * of random draws whatever the result. */
model_engagement_sim_act model_engagement_sim_next(model_engagement_sim *sim,
                                                   const model_engagement_sim_params *params,
                                                   double p_right);

/* "engaged", "lapsing", "away"; NULL outside the list. */
const char *model_engagement_sim_state_name(model_engagement_state state);
