/* model/ibl_criteria.h - training status by the criteria of the International Brain Laboratory: the
 * last three sessions of an animal against the limits of each status.
 *
 * Limits, their source and the differences from it: docs/model.md, section ibl_criteria.
 * Threads: any. Memory: plain structs of the caller; nothing allocates. RT-safe: all but what says
 * no.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/psychometric.h"

enum {
    MODEL_IBL_CRITERIA_SESSIONS = 3,
    MODEL_IBL_CRITERIA_CONTRASTS = MODEL_PSYCHOMETRIC_POINTS_MAX
};

/* Signed contrasts from which on a stimulus is easy, as a fraction, and seconds from which on the
 * wait before a session is a delay. */
#define MODEL_IBL_CRITERIA_EASY    0.5
#define MODEL_IBL_CRITERIA_DELAY_S 900.0

/* X(NAME, name), from the lowest up. */
#define MODEL_IBL_CRITERIA_STATUS_LIST(X)                                                          \
    X(IN_TRAINING, in_training)                                                                    \
    X(TRAINED_1A, trained_1a)                                                                      \
    X(TRAINED_1B, trained_1b)                                                                      \
    X(READY4EPHYSRIG, ready4ephysrig)                                                              \
    X(READY4DELAY, ready4delay)                                                                    \
    X(READY4RECORDING, ready4recording)

/* X(NAME, name, unit, help): what is measured. Of trials and easy the session with the least
 * counts, of ephys_trials and ephys_easy the session on the electrophysiology rig with the most. */
#define MODEL_IBL_CRITERIA_LIST(X)                                                                 \
    X(SESSIONS, sessions, "", "sessions")                                                          \
    X(BIASED, biased, "", "sessions of the biased task")                                           \
    X(ZERO, zero, "", "trials with zero contrast")                                                 \
    X(BIAS, bias, "%", "distance of the curve's bias from 0")                                      \
    X(THRESHOLD, threshold, "%", "the curve's threshold")                                          \
    X(LAPSE_LOW, lapse_low, "", "lapses on the left")                                              \
    X(LAPSE_HIGH, lapse_high, "", "lapses on the right")                                           \
    X(SHIFT, shift, "%", "bias in 80 blocks minus bias in 20 blocks")                              \
    X(LAPSE_LOW_20, lapse_low_20, "", "lapses on the left in 20 blocks")                           \
    X(LAPSE_HIGH_20, lapse_high_20, "", "lapses on the right in 20 blocks")                        \
    X(LAPSE_LOW_80, lapse_low_80, "", "lapses on the left in 80 blocks")                           \
    X(LAPSE_HIGH_80, lapse_high_80, "", "lapses on the right in 80 blocks")                        \
    X(TRIALS, trials, "", "trials in each session")                                                \
    X(EASY, easy, "", "share correct of easy trials in each session")                              \
    X(RT, rt_s, "s", "median reaction time at zero contrast")                                      \
    X(EPHYS, ephys, "", "sessions on the rig for recordings")                                      \
    X(DELAY, delay, "", "sessions that began after a delay of 15 minutes")                         \
    X(EPHYS_TRIALS, ephys_trials, "", "trials in a session on the rig for recordings")             \
    X(EPHYS_EASY, ephys_easy, "", "share correct of easy trials in such a session")

/* How the stimulus stream was made. */
#define MODEL_IBL_CRITERIA_PROTOCOL_LIST(X)                                                        \
    X(UNKNOWN, unknown)                                                                            \
    X(TRAINING, training)                                                                          \
    X(BIASED, biased)                                                                              \
    X(HABITUATION, habituation)

typedef enum {
#define MODEL_IBL_CRITERIA_ENUM(NAME, name) MODEL_IBL_CRITERIA_##NAME,
    MODEL_IBL_CRITERIA_STATUS_LIST(MODEL_IBL_CRITERIA_ENUM)
#undef MODEL_IBL_CRITERIA_ENUM
        MODEL_IBL_CRITERIA_STATUS_COUNT
} model_ibl_criteria_status;

typedef enum {
#define MODEL_IBL_CRITERIA_ENUM(NAME, name, unit, help) MODEL_IBL_CRITERION_##NAME,
    MODEL_IBL_CRITERIA_LIST(MODEL_IBL_CRITERIA_ENUM)
#undef MODEL_IBL_CRITERIA_ENUM
        MODEL_IBL_CRITERION_COUNT
} model_ibl_criterion;

typedef enum {
#define MODEL_IBL_CRITERIA_ENUM(NAME, name) MODEL_IBL_CRITERIA_PROTOCOL_##NAME,
    MODEL_IBL_CRITERIA_PROTOCOL_LIST(MODEL_IBL_CRITERIA_ENUM)
#undef MODEL_IBL_CRITERIA_ENUM
        MODEL_IBL_CRITERIA_PROTOCOL_COUNT
} model_ibl_criteria_protocol;

/* "bias", "%", "distance of the curve's bias from 0" */
typedef struct {
    const char *name;
    const char *unit;
    const char *help;
} model_ibl_criterion_words;

/* Blocks by the probability of a left stimulus: 0.2, 0.8, and everything else. */
enum {
    MODEL_IBL_CRITERIA_ELSE,
    MODEL_IBL_CRITERIA_20,
    MODEL_IBL_CRITERIA_80,
    MODEL_IBL_CRITERIA_BLOCKS
};

/* Trials with one stimulus, in each kind of block. */
typedef struct {
    double contrast; /* signed, fraction -1..1, right positive */
    uint32_t n[MODEL_IBL_CRITERIA_BLOCKS];
    uint32_t n_right[MODEL_IBL_CRITERIA_BLOCKS]; /* of these, right was chosen */
} model_ibl_criteria_contrast;

/* What counts of one session. All trials count, those without a choice as neither right nor
 * correct. */
typedef struct {
    int64_t protocol;     /* a model_ibl_criteria_protocol; UNKNOWN is taken as TRAINING */
    int64_t is_ephys_rig; /* 1: on the electrophysiology rig, else 0 */
    double delay_s;       /* between the session's start and its first trial; NaN unknown */
    int64_t n_trials;
    int64_t n_easy; /* with a contrast of MODEL_IBL_CRITERIA_EASY or more on either side */
    int64_t n_easy_correct;
    int64_t n_uncounted; /* whose contrast did not fit below: then there is no curve */
    int64_t n_contrasts;
    model_ibl_criteria_contrast contrast[MODEL_IBL_CRITERIA_CONTRASTS]; /* each appears once */
} model_ibl_criteria_session;

/* The last sessions, in any order. */
typedef struct {
    size_t n; /* 0..MODEL_IBL_CRITERIA_SESSIONS */
    const model_ibl_criteria_session *session[MODEL_IBL_CRITERIA_SESSIONS];
    double zero_rt_s; /* median reaction time of all their trials at zero contrast; NaN unknown */
} model_ibl_criteria_window;

/* One criterion against its limit: met if value > limit, or value < limit; never if it is NaN. */
typedef struct {
    model_ibl_criterion criterion;
    double value;
    double limit;
    bool is_above; /* the value must be above the limit */
    bool is_met;
} model_ibl_criteria_check;

typedef struct {
    model_ibl_criteria_status status;
    model_ibl_criteria_status next; /* the status to reach; the highest: itself */
    /* Sessions that the status rests on: those of the biased task once there is one, else all. With
     * fewer than MODEL_IBL_CRITERIA_SESSIONS a status above IN_TRAINING only follows from the task,
     * as it does at the source: the animal has not shown it. */
    size_t n_behind;
    size_t n_checks;
    model_ibl_criteria_check check[MODEL_IBL_CRITERION_COUNT]; /* of `next` */
    double value[MODEL_IBL_CRITERION_COUNT];                   /* of every criterion; NaN unknown */
    /* Of all trials; of the 20 and of the 80 blocks of biased sessions. Parameters are NaN where
     * there was nothing to fit. */
    model_psychometric curve[MODEL_IBL_CRITERIA_BLOCKS];
} model_ibl_criteria_standing;

/* "trained_1a", ...; "training", ...; NULL outside the enum. */
const char *model_ibl_criteria_status_name(model_ibl_criteria_status status);
const char *model_ibl_criteria_protocol_name(model_ibl_criteria_protocol protocol);

/* Of a criterion inside the enum. */
const model_ibl_criterion_words *model_ibl_criterion_of(model_ibl_criterion criterion);

/* The protocol in a task's name ("_iblrig_tasks_biasedChoiceWorld"), else UNKNOWN. */
model_ibl_criteria_protocol model_ibl_criteria_protocol_of(const char *task);

/* The block of a probability of a left stimulus, NaN unknown. */
int model_ibl_criteria_block_of(double p_left);

/* The points of a curve: trials of all sessions added up in percent and in rising order, of one
 * block of the biased sessions, or (MODEL_IBL_CRITERIA_ELSE) of all blocks of all sessions. Their
 * number, 0 if there are none or too many. */
size_t model_ibl_criteria_points(const model_ibl_criteria_window *window, int block,
                                 model_psychometric_point points[MODEL_IBL_CRITERIA_CONTRASTS]);

/* True if the animal itself supports the status with enough sessions. */
bool model_ibl_criteria_is_shown(const model_ibl_criteria_standing *standing);

/* The status for the values of all criteria. */
model_ibl_criteria_status
model_ibl_criteria_status_of(const double value[MODEL_IBL_CRITERION_COUNT]);

/* The criteria of a status against values: their number, 0 for IN_TRAINING. */
size_t model_ibl_criteria_check_all(model_ibl_criteria_status status,
                                    const double value[MODEL_IBL_CRITERION_COUNT],
                                    model_ibl_criteria_check checks[MODEL_IBL_CRITERION_COUNT]);

/* Judges the sessions. MODEL_OK, or MODEL_ERR_ARG (counts out of range) and *standing is as before.
 * RT-safe: no, up to three curves are fitted. */
int model_ibl_criteria_judge(const model_ibl_criteria_window *window,
                             model_ibl_criteria_standing *standing);
