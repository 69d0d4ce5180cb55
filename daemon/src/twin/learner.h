/* learner.h - one animal as the program follows it: the bank that is its twin, the random walk it
 * is measured against, the running score of both, whether the animal still plays, and what the
 * bank's rules are worth for just this animal.
 *
 * Predictions are scored one step ahead: the probability is taken before the choice is read.
 * struct learner is plain memory without pointers, of which the first learner_used() bytes are
 * used: copy these to snapshot it.
 * Threads: one owner. Memory: the caller's; nothing allocates.
 */
#ifndef MURID_LEARNER_H
#define MURID_LEARNER_H

#include <math.h>

#include "model/audit.h"
#include "model/bank.h"
#include "model/engagement.h"
#include "model/score.h"
#include "model/stacking.h"

struct learner_models {
    const model_bank_params *bank;
    const model_params *baseline;
    const model_engagement_params *engagement; /* NULL: not followed */
    const model_audit_params *audit;           /* NULL: no protocol is declared */
    const model_stacking_params *stack;        /* NULL: the bank alone */
    const model_bank_params *ahead;            /* prospect_bank(); NULL: nothing looks ahead */
};

struct learner {
    model_member baseline;
    model_score score;         /* for life of the subject */
    model_score session_score; /* of the session at hand */
    model_coverage coverage;   /* the bin of choices at hand */
    model_engagement engagement;
    model_stacking stack;
    model_bank bank; /* last: what it does not use is never touched */
};

/* What one trial showed. The first three are NaN where there was no choice. */
struct learner_outcome {
    double p_right;         /* predicted before the choice was read */
    double nats;            /* -log p(choice) */
    double baseline_nats;   /* the same of the random walk */
    double p_disengaged;    /* after the trial; NaN if not followed */
    model_coverage_bin bin; /* that the choice closed */
};

/* Nothing known. */
#define LEARNER_OUTCOME_NONE                                                                       \
    ((struct learner_outcome){(double)NAN, (double)NAN, (double)NAN, (double)NAN, {0}})

/* Bytes in use. RT-safe: yes. */
size_t learner_used(const struct learner *l);

/* Copies what is used. RT-safe: yes. */
void learner_copy(struct learner *to, const struct learner *from);

/* Reads the used bytes of one back: their number, or 0 and *l as it was if the first of `size`
 * bytes are none. RT-safe: yes. */
size_t learner_unpack(struct learner *l, const uint8_t bytes[], size_t size);

/* True if what it says of its weights and of a stimulus are finite numbers. RT-safe: yes. */
bool learner_is_finite(const struct learner *l, const struct learner_models *models);

/* An animal that was never seen. RT-safe: yes. */
void learner_init(struct learner *l, const struct learner_models *models);

/* A session starts. RT-safe: yes. */
void learner_start_session(struct learner *l, const struct learner_models *models);

/* p(right) for each of n stimuli (signed contrasts), and the ends of its 90% credible interval; lo
 * and hi may be NULL. Reads only. RT-safe: yes. */
void learner_predict(const struct learner *l, const struct learner_models *models, size_t n,
                     const double contrasts[], double p_right[], double lo[], double hi[]);

/* Scores and takes up one trial. MODEL_OK, or a negative status and nothing changed. RT-safe: yes.
 */
int learner_observe(struct learner *l, const struct learner_models *models,
                    const model_trial *trial, struct learner_outcome *outcome);

/* The stack begins anew, or is let go of. RT-safe: yes. */
void learner_reset_stack(struct learner *l, const struct learner_models *models);

/* Another model for a known animal, see model_bank_change(); the stack begins anew, the baseline
 * and the score go on. RT-safe: yes. */
void learner_change_model(struct learner *l, const struct learner_models *before,
                          const struct learner_models *after);

#endif
