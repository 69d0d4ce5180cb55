#include "twin.h"

#include <string.h>

size_t twin_used(const struct twin *l)
{
    return offsetof(struct twin, bank) + model_bank_used(l->bank.n);
}

void twin_copy(struct twin *to, const struct twin *from)
{
    memcpy(to, from, twin_used(from));
}

size_t twin_unpack(struct twin *l, const uint8_t bytes[], size_t size)
{
    const size_t at = offsetof(struct twin, bank);
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

void twin_reset_stack(struct twin *l, const struct twin_models *models)
{
    memset(&l->stack, 0, sizeof l->stack);
    if (models->stack != NULL) {
        model_stacking_init(&l->stack, models->stack, models->bank);
    }
}

void twin_init(struct twin *l, const struct twin_models *models)
{
    memset(l, 0, offsetof(struct twin, bank));
    model_member_init(&l->baseline, models->baseline);
    model_score_reset(&l->score);
    model_score_reset(&l->session_score);
    model_coverage_reset(&l->coverage);
    if (models->engagement != NULL) {
        model_engagement_init(&l->engagement, models->engagement);
    }
    twin_reset_stack(l, models);
    model_bank_init(&l->bank, models->bank);
}

void twin_start_session(struct twin *l, const struct twin_models *models)
{
    model_bank_start_session(&l->bank, models->bank);
    model_member_start_session(&l->baseline, models->baseline);
    model_score_reset(&l->session_score);
    model_coverage_reset(&l->coverage);
    if (models->engagement != NULL) {
        model_engagement_start_session(&l->engagement, models->engagement);
    }
}

static double p_disengaged(const struct twin *l, const struct twin_models *models)
{
    return models->engagement != NULL ? model_engagement_p(&l->engagement) : 0.0;
}

/* n: at most MODEL_BANK_STIMULI. */
static void predict_mixtures(const struct twin *l, const struct twin_models *models, size_t n,
                             const model_bank_mixture m[], double p_right[], double lo[],
                             double hi[])
{
    if (models->stack != NULL) {
        model_stacking_predict(&l->stack, models->bank, n, m, p_disengaged(l, models), p_right, lo,
                               hi);
        return;
    }
    model_bank_interval(n, m, lo, hi);
    for (size_t i = 0; i < n; i++) {
        p_right[i] = m[i].p_right;
    }
}

void twin_predict(const struct twin *l, const struct twin_models *models, size_t n,
                  const double contrasts[], double p_right[], double lo[], double hi[])
{
    model_bank_mixture m[MODEL_BANK_STIMULI];
    for (size_t at = 0; at < n; at += MODEL_BANK_STIMULI) {
        const size_t left = n - at < MODEL_BANK_STIMULI ? n - at : MODEL_BANK_STIMULI;
        model_bank_mix(&l->bank, models->bank, left, contrasts + at, m);
        predict_mixtures(l, models, left, m, p_right + at, lo != NULL ? lo + at : NULL,
                         hi != NULL ? hi + at : NULL);
    }
}

/* The trial is in its range: the bank has taken it up. */
static double follow_engagement(struct twin *l, const struct twin_models *models,
                                const model_trial *trial, double p_right)
{
    if (models->engagement == NULL) {
        return (double)NAN;
    }
    const model_engagement_trial seen = {
        .p_right = p_right, .rt_s = trial->rt_s, .choice = trial->choice};
    (void)model_engagement_observe(&l->engagement, models->engagement, &seen);
    return model_engagement_p(&l->engagement);
}

static void push_scores(struct twin *l, const struct twin_outcome *outcome, bool chose_right)
{
    model_score *const scores[] = {&l->score, &l->session_score};
    for (int i = 0; i < 2; i++) {
        model_score_push_nats(scores[i], outcome->p_right, outcome->nats, outcome->baseline_nats,
                              chose_right);
        model_score_push_bin(scores[i], &outcome->bin);
    }
}

bool twin_is_finite(const struct twin *l, const struct twin_models *models)
{
    static const double STIMULI[] = {-1.0, 0.0, 1.0};
    enum { N = sizeof STIMULI / sizeof STIMULI[0] };
    double p[N];
    double lo[N];
    double hi[N];
    double w[MODEL_WEIGHTS_MAX];
    double w_sd[MODEL_WEIGHTS_MAX];
    bool is_finite = true;
    twin_predict(l, models, N, STIMULI, p, lo, hi);
    model_bank_weights(&l->bank, models->bank, w, w_sd);
    for (size_t i = 0; i < N; i++) {
        is_finite = is_finite && p[i] >= 0.0 && p[i] <= 1.0 && lo[i] >= 0.0 && hi[i] <= 1.0;
    }
    for (size_t i = 0; i < models->bank->member[0].policy.n; i++) {
        is_finite = is_finite && isfinite(w[i]) && isfinite(w_sd[i]);
    }
    return is_finite;
}

int twin_observe(struct twin *l, const struct twin_models *models, const model_trial *trial,
                 struct twin_outcome *outcome)
{
    *outcome = TWIN_OUTCOME_NONE;
    model_bank_mixture mixture;
    double baseline_p;
    model_member_predict(&l->baseline, models->baseline, 1, &trial->contrast, &baseline_p, NULL,
                         NULL);
    const model_member baseline_before = l->baseline;
    int status = model_member_observe(&l->baseline, models->baseline, trial);
    if (status != MODEL_OK) {
        return status;
    }
    const model_coverage coverage_before = l->coverage;
    model_coverage_observe(&l->coverage, &l->bank, models->bank, trial, &outcome->bin);
    status = model_bank_observe(&l->bank, models->bank, trial, &mixture);
    if (status != MODEL_OK) {
        l->baseline = baseline_before;
        l->coverage = coverage_before;
        *outcome = TWIN_OUTCOME_NONE;
        return status;
    }
    double p;
    predict_mixtures(l, models, 1, &mixture, &p, NULL, NULL);
    if (trial->choice >= 0) {
        const bool chose_right = trial->choice == 1;
        if (models->stack != NULL) {
            model_stacking_observe(&l->stack, models->stack, models->bank, &mixture,
                                   p_disengaged(l, models), chose_right);
        }
        outcome->p_right = p;
        outcome->nats = model_score_nats(p, chose_right);
        outcome->baseline_nats = model_score_nats(baseline_p, chose_right);
        push_scores(l, outcome, chose_right);
    }
    outcome->p_disengaged = follow_engagement(l, models, trial, p);
    return MODEL_OK;
}

void twin_change_model(struct twin *l, const struct twin_models *before,
                       const struct twin_models *after)
{
    if (!model_policy_equals(&before->bank->member[0].policy, &after->bank->member[0].policy)) {
        model_coverage_reset(&l->coverage);
    }
    model_bank_change(&l->bank, before->bank, after->bank);
    twin_reset_stack(l, after);
}
