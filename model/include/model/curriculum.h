/* model/curriculum.h - which change of its training would help one animal: ranks the admissible
 * changes by the outcome of virtual twins under each, compared with carrying on.
 *
 * Procedure, units and figures: docs/advice.md. Skill is the expected proportion correct of a
 * twin's policy over the stimuli of the declared protocol's last stage, without zero contrast; a
 * gain is the skill after `horizon` trials under the change, minus that of the same twins (same
 * draws) carrying on. The result depends only on the snapshot, the place in the protocol, the
 * configuration and the seed. Work is bounded: horizon x (first x MODEL_CURRICULUM_MAX + rollouts x
 * (MODEL_CURRICULUM_FINAL + 1)) trials of a virtual twin.
 * Threads: one owner. Memory: the caller supplies it once; no function here allocates.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/protocol_change.h"
#include "model/rate_grid.h"
#include "model/rollout_tuning.h"

enum {
    MODEL_CURRICULUM_MAX = 24,  /* changes evaluated, carrying on included */
    MODEL_CURRICULUM_FINAL = 4, /* of these, in the last round, carrying on excluded */
    MODEL_CURRICULUM_ROLLOUTS_MAX = 4096,
    MODEL_CURRICULUM_HORIZON_MAX = 100000
};

/* Why no change is advised. */
#define MODEL_CURRICULUM_WHY_LIST(X)                                                               \
    X(ADVISES, advises, "a change is advised")                                                     \
    X(NOT_LEARNING, not_learning, "the animal is not seen to learn")                               \
    X(NOISE, noise, "no change is better than carrying on beyond chance")                          \
    X(DISAGREE, disagree, "the rules disagree about the best change")                              \
    X(REWARD, reward, "every better change would leave too little reward")                         \
    X(NOTHING, nothing, "there is nothing that may be changed")                                    \
    X(STOPPED, stopped, "it was interrupted")

#define MODEL_CURRICULUM_ENUM(NAME, name, help) MODEL_CURRICULUM_##NAME,
typedef enum {
    MODEL_CURRICULUM_WHY_LIST(MODEL_CURRICULUM_ENUM) MODEL_CURRICULUM_WHYS
} model_curriculum_why;
#undef MODEL_CURRICULUM_ENUM

typedef struct {
    bool allowed[MODEL_PROTOCOL_CHANGES];
    double largest_change; /* of a stage's stimuli in one session, 0..1:
                              model_protocol_change_distance() */
    double reward_floor;   /* expected proportion of rewarded trials over the horizon, at least */
    double reward_price;   /* skill that a proportion of 1 of rewarded trials is worth, if lost */
    double least_gain;     /* worth less than this, a change is not advised */
    double noise;          /* a gain counts if it is this many standard errors above 0 */
    double least_learning; /* probability that the animal learns by some rule, at least */
    double p_learning;     /* prior of the same */
    double goal;           /* stimulus weight that AlignMax aims at */
    uint32_t horizon;      /* trials, 1..MODEL_CURRICULUM_HORIZON_MAX */
    uint32_t first;        /* virtual twins in the first round, 2..rollouts */
    uint32_t rollouts;     /* in the last one, 2..MODEL_CURRICULUM_ROLLOUTS_MAX */
    model_rollout_tuning tuning;
} model_curriculum_config;

/* The state of the animal's training. */
typedef struct {
    model_protocol_change_place place;
    const model_protocol_state *rig; /* of place.now */
} model_curriculum_training;

typedef struct {
    model_protocol_change change;
    bool is_final;   /* of the last round, and so is what follows */
    bool has_reward; /* not below the floor */
    double align;    /* AlignMax: expected progress in the next trial, less that of carrying on */
    double skill;    /* expected at the horizon */
    double skill_lo; /* 90% of the twins lie between these */
    double skill_hi;
    double reward;    /* expected proportion of rewarded trials over the horizon; NaN: none */
    double reward_lo; /* 90% of the twins */
    double reward_hi;
    double gain;
    double worth;   /* gain, less the price of the reward that is lost; what is ranked by */
    double gain_se; /* standard error of `gain` by the draws */
    double gain_lo; /* 90% of the twins gain between these */
    double gain_hi;
    double p_better;               /* fraction of the twins that gain */
    double rule_gain[MODEL_RULES]; /* of the twins with that rule; NaN: none */
    double rule_se[MODEL_RULES];
} model_curriculum_action;

typedef struct {
    model_curriculum_why why;
    double p_learns;                  /* probability that the animal learns by some rule */
    double skill;                     /* now, by the twins */
    double skill_lo;                  /* 90% of the twins */
    double skill_hi;                  /* */
    double rule_share[MODEL_RULES];   /* of the twins */
    model_curriculum_action carry_on; /* its gain is 0 */
    uint32_t n;                       /* actions */
    model_curriculum_action action[MODEL_CURRICULUM_MAX]; /* best first; final ones before others */
} model_curriculum_advice;

typedef struct model_curriculum model_curriculum;

const char *model_curriculum_why_name(model_curriculum_why why); /* NULL outside the list */
const char *model_curriculum_why_text(model_curriculum_why why); /* NULL outside the list */

/* The values that docs/advice.md explains. */
void model_curriculum_default(model_curriculum_config *config);

/* MODEL_OK, or MODEL_ERR_ARG for a value outside its range. */
int model_curriculum_check(const model_curriculum_config *config);

/* Bytes model_curriculum_init() needs, or 0 if an argument is invalid. */
size_t model_curriculum_size(const model_bank_params *params,
                             const model_curriculum_config *config);

/* Builds one inside mem (aligned to MODEL_NET_ALIGN); params and config must outlive it. MODEL_OK,
 * MODEL_ERR_ARG or MODEL_ERR_SPACE; *out is set only on OK. */
int model_curriculum_init(void *mem, size_t mem_size, const model_bank_params *params,
                          const model_curriculum_config *config, model_curriculum **out);

/* Computes the advice from the rate grid of the bank's rules. should_stop (may be
 * NULL) is asked regularly whether to stop: the result is then STOPPED. MODEL_OK, or
 * MODEL_ERR_ARG: it is not of params, or the protocol has no stimulus with contrast in its last
 * stage. RT-safe: no, see above. */
int model_curriculum_advise(model_curriculum *c, const model_rate_grid *pace,
                            const model_curriculum_training *training, uint64_t seed,
                            bool (*should_stop)(void *), void *context,
                            model_curriculum_advice *out);
