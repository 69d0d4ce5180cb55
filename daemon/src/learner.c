#include "learner.h"

#include <math.h>
#include <string.h>

size_t learner_used(const struct learner *l)
{
    return offsetof(struct learner, bank) + model_bank_used(l->bank.n);
}

void learner_copy(struct learner *to, const struct learner *from)
{
    memcpy(to, from, learner_used(from));
}

size_t learner_unpack(struct learner *l, const uint8_t bytes[], size_t size)
{
    const size_t at = offsetof(struct learner, bank);
    uint64_t n = 0;
    if (size < at + model_bank_used(1)) {
        return 0;
    }
    memcpy(&n, bytes + at + offsetof(model_bank, n), sizeof n);
    if (n < 1 || n > MODEL_BANK_MAX || size < at + model_bank_used(n)) {
        return 0;
    }
    memcpy(l, bytes, at + model_bank_used(n));
    return at + model_bank_used(n);
}

void learner_init(struct learner *l, const struct learner_models *models)
{
    memset(l, 0, offsetof(struct learner, bank));
    model_twin_init(&l->baseline, models->baseline);
    model_score_reset(&l->score);
    model_bank_init(&l->bank, models->bank);
}

void learner_start_session(struct learner *l, const struct learner_models *models)
{
    model_bank_start_session(&l->bank, models->bank);
    model_twin_start_session(&l->baseline, models->baseline);
}

int learner_observe(struct learner *l, const struct learner_models *models,
                    const model_trial *trial, struct learner_outcome *outcome)
{
    *outcome = (struct learner_outcome){(double)NAN, (double)NAN, (double)NAN};
    double p;
    double baseline_p;
    model_twin_predict(&l->baseline, models->baseline, 1, &trial->contrast, &baseline_p, NULL,
                       NULL);
    const model_twin baseline_before = l->baseline;
    int status = model_twin_observe(&l->baseline, models->baseline, trial);
    if (status != MODEL_OK) {
        return status;
    }
    status = model_bank_observe(&l->bank, models->bank, trial, &p);
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

void learner_change_model(struct learner *l, const model_bank_params *before,
                          const model_bank_params *after)
{
    model_bank_change(&l->bank, before, after);
}
