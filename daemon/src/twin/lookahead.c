#include "lookahead.h"

#include <string.h>

void lookahead_bank(model_bank_params *out, const model_bank_params *bank)
{
    bool is_there[MODEL_RULES] = {false};
    memset(out, 0, sizeof *out);
    out->share = bank->share;
    out->temper = bank->temper;
    for (uint32_t i = 0; i < bank->n; i++) {
        const model_rule_kind kind = bank->member[i].rule.kind;
        if (!is_there[kind]) {
            is_there[kind] = true;
            out->member[out->n++] = bank->member[i];
        }
    }
    for (uint32_t i = 0; i < out->n; i++) {
        out->prior[i] = 1.0 / out->n;
    }
}

size_t lookahead_used(const model_bank_params *bank)
{
    return offsetof(struct lookahead, pace) + model_rate_grid_used(model_rate_grid_strands(bank));
}

void lookahead_reset(struct lookahead *p, const model_bank_params *bank)
{
    memset(&p->mark, 0, sizeof p->mark);
    lookahead_change_model(p, bank);
}

void lookahead_change_model(struct lookahead *p, const model_bank_params *bank)
{
    memset(&p->recent, 0, sizeof p->recent);
    model_rate_grid_init(&p->pace, bank);
}

void lookahead_start_session(struct lookahead *p, const model_bank_params *bank)
{
    recent_start_session(&p->recent);
    model_rate_grid_start_session(&p->pace, bank);
}

void lookahead_observe(struct lookahead *p, const model_bank_params *bank, const model_trial *trial,
                       double p_left)
{
    if (model_rate_grid_observe(&p->pace, bank, trial) == MODEL_OK) {
        recent_push(&p->recent, trial, p_left);
    }
}

static bool is_of(const struct lookahead_mark *mark, const model_forecast_criterion *c)
{
    const double asked[] = {c->accuracy, c->contrast_min};
    const double held[] = {mark->accuracy, mark->contrast_min};
    return memcmp(asked, held, sizeof asked) == 0 && mark->window == (int64_t)c->window;
}

void lookahead_judge(struct lookahead *p, const model_forecast_criterion *criterion,
                     const char *session, int64_t number, const model_trial *trial)
{
    struct lookahead_mark *mark = &p->mark;
    if (!is_of(mark, criterion)) {
        memset(mark, 0, sizeof *mark);
        mark->accuracy = criterion->accuracy;
        mark->contrast_min = criterion->contrast_min;
        mark->window = criterion->window;
    }
    if (mark->is_met == 0 && model_forecast_tally_push(&mark->tally, criterion, trial)) {
        mark->is_met = 1;
        strcpy(mark->session, session);
        mark->trial = number;
    }
}

bool lookahead_has_met(const struct lookahead *p, const model_forecast_criterion *criterion)
{
    return p->mark.is_met != 0 && is_of(&p->mark, criterion);
}

bool lookahead_unpack(struct lookahead *p, const model_bank_params *bank, const uint8_t bytes[],
                      size_t size)
{
    if (size != lookahead_used(bank)) {
        return false;
    }
    memcpy(p, bytes, size);
    return p->pace.n == (int64_t)model_rate_grid_strands(bank) && p->recent.n_stimuli >= 0 &&
           p->recent.n_sessions >= 0 && p->recent.n_running >= 0 && p->mark.tally.n >= 0 &&
           memchr(p->mark.session, 0, PROTO_ID_MAX + 1) != NULL;
}
