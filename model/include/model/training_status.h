/* model/training_status.h - follows an animal's training status trial by trial: holds the last
 * three sessions, and the highest status reached.
 *
 * Announce each session, push each trial, judge when there is time. The criteria:
 * model/ibl_criteria.h, docs/model.md section ibl_criteria.
 * Threads: one owner. Memory: plain, without pointers or padding; of each session only what is used
 * is ever touched, and packed for a checkpoint. RT-safe: all but what says no.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/ibl_criteria.h"
#include "model/trial.h"

enum {
    /* Reaction times kept of a session; even. One with more keeps every second one, every fourth,
     * ...: its median is then of a part of them. */
    MODEL_TRAINING_STATUS_RTS = 256,
    /* Sessions after which the source stops training an animal: in training without becoming
     * trained, and of the biased task without becoming ready for the electrophysiology rig. */
    MODEL_TRAINING_STATUS_PATIENCE = 40
};

/* A session's properties at its start. */
typedef struct {
    model_ibl_criteria_protocol protocol; /* UNKNOWN: inferred from the blocks, see docs */
    bool is_ephys_rig;
    double delay_s; /* NaN unknown */
} model_training_status_session_info;

typedef struct {
    int64_t id;
    int64_t is_open;     /* 1: had trials since it was last closed */
    int64_t is_counted;  /* 1: in the tracker's counts of sessions */
    int64_t is_told;     /* 1: the protocol was stated */
    int64_t n_in_blocks; /* trials with a p_left of 0.2 or 0.8 */
    int64_t n_odd;       /* trials with one that is neither of these nor 0.5 */
    int64_t n_zero_rts;  /* reaction times at zero contrast received */
    int64_t rt_stride;   /* one in this many of these is kept */
    int64_t n_rts;       /* kept */
    model_ibl_criteria_session counts;
    uint32_t rt_us[MODEL_TRAINING_STATUS_RTS];
} model_training_status_session;

/* Of all sessions that are over. */
typedef struct {
    int64_t reached;       /* highest model_ibl_criteria_status that was shown at the end of one */
    int64_t n_in_training; /* sessions that ended with none reached */
    int64_t n_biased;      /* of the biased task */
} model_training_status_history;

typedef struct {
    int64_t n_pushed; /* trials; shows whether an earlier evaluation is still current */
    model_training_status_history history;
    int64_t current; /* index of the session that trials are pushed to; -1 none yet */
    int64_t next_id; /* the session that starts with the next trial, if current is -1 */
    int64_t next_protocol;
    int64_t next_is_ephys_rig;
    double next_delay_s;
    int64_t n; /* sessions held, the latest last */
    model_training_status_session session[MODEL_IBL_CRITERIA_SESSIONS];
} model_training_status;

/* An animal's training status. */
typedef struct {
    int64_t n_pushed;                  /* of the tracker when it was judged */
    model_ibl_criteria_standing now;   /* by the last sessions, the running one included */
    model_ibl_criteria_status reached; /* highest shown so far: an animal does not fall back */
    bool is_untrainable;               /* PATIENCE sessions in training, and is so still */
    bool is_unbiasable; /* PATIENCE biased sessions, and is not ready for the electrophysiology rig
                         */
} model_training_status_standing;

/* A new animal. */
void model_training_status_init(model_training_status *t);

/* The following trials are of the session of that number. One already held continues. A new one
 * closes the previous session; the final status of that one is taken from `latest` if it is still
 * current, and computed here otherwise, which takes as long as model_training_status_judge(): judge
 * before, where time matters. A session without a trial leaves no trace. RT-safe: with such a
 * `latest`. */
void model_training_status_start(model_training_status *t, int64_t id,
                                 const model_training_status_session_info *info,
                                 const model_training_status_standing *latest);

/* Updates with one trial of the current session, in any order. Its side is not read. p_left: of its
 * block, NaN unknown. */
void model_training_status_push(model_training_status *t, const model_trial *trial, double p_left);

/* Judges what is held. MODEL_OK, or MODEL_ERR_ARG if a checkpoint held impossible counts.
 * RT-safe: no, about 1 ms. */
int model_training_status_judge(const model_training_status *t,
                                model_training_status_standing *standing);

/* The same, where the median reaction time of all trials at zero contrast is known; NaN: there is
 * none. */
int model_training_status_judge_rt(const model_training_status *t, double zero_rt_s,
                                   model_training_status_standing *standing);

/* The sessions as they are judged, for plots and roll-outs; points into *t. */
model_ibl_criteria_window model_training_status_window(const model_training_status *t);

/* What a checkpoint keeps. Bytes that it takes; writes them to out; reads them back: the bytes
 * read, or 0 and *t in any condition if the first of `size` bytes are none. */
size_t model_training_status_size(const model_training_status *t);
void model_training_status_pack(const model_training_status *t, uint8_t out[]);
size_t model_training_status_unpack(model_training_status *t, const uint8_t bytes[], size_t size);
