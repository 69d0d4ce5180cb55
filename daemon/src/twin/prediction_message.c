#include "prediction_message.h"

#include <math.h>
#include <string.h>

void prediction_message_score(proto_score *out, const model_score *score)
{
    out->n = score->n;
    out->nats = model_score_mean_nats(score);
    out->baseline_nats = model_score_mean_baseline_nats(score);
    out->brier = model_score_mean_brier(score);
    out->ece = model_score_ece(score);
    out->coverage = model_score_coverage(score);
    out->coverage_bins = score->n_rates;
    out->interval_ratio = model_score_interval_ratio(score);
}

void prediction_message_reliability(proto_reliability *out, const model_score *score)
{
    out->n.n = out->p_right.n = out->chose_right.n = MODEL_SCORE_BINS;
    for (int i = 0; i < MODEL_SCORE_BINS; i++) {
        const double n = (double)score->bin_n[i];
        out->n.v[i] = n;
        out->p_right.v[i] = n > 0.0 ? score->bin_p[i] / n : 0.0;
        out->chose_right.v[i] = n > 0.0 ? score->bin_y[i] / n : 0.0;
    }
}

/* The probability of a rule is that of all members that have it. */
static void fill_rules(proto_prediction *p, const model_bank *bank, const model_bank_params *params)
{
    p->bank.n = 0;
    for (uint32_t i = 0; i < params->n; i++) {
        const char *rule = model_rule_name(params->member[i].rule.kind);
        uint32_t at = 0;
        while (at < p->bank.n && strcmp(p->bank.v[at].name, rule) != 0) {
            at++;
        }
        if (at == p->bank.n) {
            strcpy(p->bank.v[at].name, rule);
            p->bank.v[at].value = 0.0;
            p->bank.n++;
        }
        p->bank.v[at].value = fmin(p->bank.v[at].value + model_bank_weight(bank, i), 1.0);
    }
}

void prediction_message_fill(const struct subjects *subjects, uint32_t subject, proto_message *out)
{
    const struct subject *s = &subjects->subject[subject];
    const model_bank *bank = &s->state.twin.bank;
    const struct twin_models models = subjects_models(subjects, subject);
    const model_bank_params *params = models.bank;
    const model_policy *policy = &params->member[0].policy;
    proto_message_init(out, PROTO_KIND_PREDICTION);
    subjects_address(subjects, subject, &out->env);
    proto_prediction *p = &out->as.prediction;
    const bool is_named = s->state.n_stimuli > 0;
    const uint32_t n =
        (uint32_t)(is_named ? s->state.n_stimuli : subjects->config->model.stimuli.n);
    p->for_trial = s->state.for_trial;
    p->stimuli.n = p->p_right.n = p->lo.n = p->hi.n = n;
    memcpy(p->stimuli.v, is_named ? s->state.stimuli : subjects->config->model.stimuli.v,
           n * sizeof p->stimuli.v[0]);
    twin_predict(&s->state.twin, &models, n, p->stimuli.v, p->p_right.v, p->lo.v, p->hi.v);
    (void)model_policy_print(policy, p->policy, sizeof p->policy);
    p->w.n = p->w_sd.n = policy->n;
    model_bank_weights(bank, params, p->w.v, p->w_sd.v);
    fill_rules(p, bank, params);
    p->score.present = p->session_score.present = p->reliability.present = true;
    prediction_message_score(&p->score.v, &s->state.twin.score);
    prediction_message_score(&p->session_score.v, &s->state.twin.session_score);
    prediction_message_reliability(&p->reliability.v, &s->state.twin.score);
    strcpy(p->model, subjects->model_hash);
    if (subjects->config->engagement.enabled) {
        p->p_disengaged = model_engagement_p(&s->state.twin.engagement);
    }
}
