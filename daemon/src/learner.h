/* learner.h - one animal as the program follows it: the twin, the random walk it is measured
 * against, and the running score of both.
 *
 * Predictions are scored one step ahead: the probability is taken before the choice is read.
 * struct learner is plain memory without pointers: copy it to snapshot it.
 * Threads: one owner. Memory: the caller's; nothing allocates.
 */
#ifndef MURID_LEARNER_H
#define MURID_LEARNER_H

#include "model/score.h"
#include "model/twin.h"

struct learner_models {
    const model_params *twin;
    const model_params *baseline;
};

struct learner {
    model_twin twin;
    model_twin baseline;
    model_score score; /* for life of the subject */
};

/* What one trial showed. NaN where there was no choice. */
struct learner_outcome {
    double p_right;       /* predicted before the choice was read */
    double nats;          /* -log p(choice) of the twin */
    double baseline_nats; /* the same of the random walk */
};

/* An animal that was never seen. RT-safe: yes. */
void learner_init(struct learner *l, const struct learner_models *models);

/* A session starts. RT-safe: yes. */
void learner_start_session(struct learner *l, const struct learner_models *models);

/* Scores and takes up one trial. MODEL_OK, or a negative status and nothing changed. RT-safe: yes.
 */
int learner_observe(struct learner *l, const struct learner_models *models,
                    const model_trial *trial, struct learner_outcome *outcome);

/* Another twin model for a known animal: the weights are kept where the policies agree, otherwise
 * the twin starts anew; the baseline and the score go on. RT-safe: yes. */
void learner_change_model(struct learner *l, const model_params *before, const model_params *after);

#endif
