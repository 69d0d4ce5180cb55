/* twin.h - the twin of one animal: its bank, the random walk as the baseline, the running score of
 * both, engagement, and stacking.
 *
 * Predictions are scored one step ahead: the probability is computed before the choice is read.
 * struct twin is plain memory without pointers, of which the first twin_used() bytes are used: copy
 * these to snapshot it.
 * Threads: one owner. Memory: the caller's; nothing allocates.
 */
#pragma once

#include <math.h>

#include "audit_protocol.h"
#include "model/bank.h"
#include "model/engagement.h"
#include "model/score.h"
#include "model/stacking.h"

#define TWIN_CHANCE_NATS 0.69314718055994530942 /* of a choice that nothing is known of: ln 2 */

struct twin_models {
    const model_bank_params *bank;
    const model_params *baseline;
    const model_engagement_params *engagement; /* NULL: not followed */
    const struct audit_protocols *protocols;   /* NULL: none is declared */
    const model_stacking_params *stack;        /* NULL: the bank alone */
    const model_bank_params *ahead;            /* lookahead_bank(); NULL: nothing looks ahead */
};

struct twin {
    model_member baseline;
    model_score score;         /* for life of the subject */
    model_score session_score; /* of the current session */
    model_coverage coverage;   /* the bin of choices at hand */
    model_engagement engagement;
    model_stacking stack;
    model_bank bank; /* last: what it does not use is never touched */
};

/* What one trial showed. The first three are NaN where there was no choice. */
struct twin_outcome {
    double p_right;         /* predicted before the choice was read */
    double nats;            /* -log p(choice) */
    double baseline_nats;   /* the same of the random walk */
    double p_disengaged;    /* after the trial; NaN if not followed */
    model_coverage_bin bin; /* that the choice closed */
};

/* Nothing known. */
#define TWIN_OUTCOME_NONE                                                                          \
    ((struct twin_outcome){(double)NAN, (double)NAN, (double)NAN, (double)NAN, {0}})

/* Bytes in use. RT-safe: yes. */
size_t twin_used(const struct twin *l);

/* Copies what is used. RT-safe: yes. */
void twin_copy(struct twin *to, const struct twin *from);

/* Reads the used bytes of one back: their number, or 0 and *l as it was if the first of `size`
 * bytes are none. RT-safe: yes. */
size_t twin_unpack(struct twin *l, const uint8_t bytes[], size_t size);

/* True if what it says of its weights and of a stimulus are finite numbers. RT-safe: yes. */
bool twin_is_finite(const struct twin *l, const struct twin_models *models);

/* A new animal. RT-safe: yes. */
void twin_init(struct twin *l, const struct twin_models *models);

/* A session starts. RT-safe: yes. */
void twin_start_session(struct twin *l, const struct twin_models *models);

/* p(right) for each of n stimuli (signed contrasts), and the ends of its 90% credible interval; lo
 * and hi may be NULL. Reads only. RT-safe: yes. */
void twin_predict(const struct twin *l, const struct twin_models *models, size_t n,
                  const double contrasts[], double p_right[], double lo[], double hi[]);

/* Scores and takes up one trial. MODEL_OK, or a negative status and nothing changed. RT-safe: yes.
 */
int twin_observe(struct twin *l, const struct twin_models *models, const model_trial *trial,
                 struct twin_outcome *outcome);

/* The stack begins anew, or is let go of. RT-safe: yes. */
void twin_reset_stack(struct twin *l, const struct twin_models *models);

/* Another model for a known animal, see model_bank_change(); the stack begins anew, the baseline
 * and the score go on. RT-safe: yes. */
void twin_change_model(struct twin *l, const struct twin_models *before,
                       const struct twin_models *after);
