#include "learner.h"

#include <math.h>
#include <string.h>

void learner_init(struct learner *l, const struct learner_models *models)
{
    memset(l, 0, sizeof *l);
    model_twin_init(&l->twin, models->twin);
    model_twin_init(&l->baseline, models->baseline);
    model_score_reset(&l->score);
}

void learner_start_session(struct learner *l, const struct learner_models *models)
{
    model_twin_start_session(&l->twin, models->twin);
    model_twin_start_session(&l->baseline, models->baseline);
}

static double predict(const model_twin *twin, const model_params *params, double contrast)
{
    double p;
    model_twin_predict(twin, params, 1, &contrast, &p, NULL, NULL);
    return p;
}

int learner_observe(struct learner *l, const struct learner_models *models,
                    const model_trial *trial, struct learner_outcome *outcome)
{
    *outcome = (struct learner_outcome){(double)NAN, (double)NAN, (double)NAN};
    const double p = predict(&l->twin, models->twin, trial->contrast);
    const double baseline_p = predict(&l->baseline, models->baseline, trial->contrast);
    const model_twin baseline_before = l->baseline;
    int status = model_twin_observe(&l->baseline, models->baseline, trial);
    if (status != MODEL_OK) {
        return status;
    }
    status = model_twin_observe(&l->twin, models->twin, trial);
    if (status != MODEL_OK) {
        l->baseline = baseline_before;
        return status;
    }
    if (trial->choice >= 0) {
        const bool chose_right = trial->choice == 1;
        model_score_push(&l->score, p, baseline_p, chose_right);
        *outcome = (struct learner_outcome){
            .p_right = p,
            .nats = model_score_nats(p, chose_right),
            .baseline_nats = model_score_nats(baseline_p, chose_right),
        };
    }
    return MODEL_OK;
}

void learner_change_model(struct learner *l, const model_params *before, const model_params *after)
{
    if (!model_policy_equals(&before->policy, &after->policy)) {
        const bool at_session_start = l->twin.at_session_start;
        const model_history history = l->twin.history;
        model_twin_init(&l->twin, after);
        l->twin.history = history;
        l->twin.at_session_start = at_session_start;
        return;
    }
    model_rule_reset(&l->twin.rule);
}
