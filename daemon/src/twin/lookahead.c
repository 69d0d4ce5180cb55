#include "lookahead.h"

#include <math.h>
#include <string.h>

/* ---- what it was shown of late ---- */

void lookahead_recent_start_session(struct lookahead_recent *r)
{
    if (r->n_running > 0) {
        const int64_t most = UINT32_MAX;
        const int64_t n = r->n_running < most ? r->n_running : most;
        r->session_trials[r->n_sessions++ % LOOKAHEAD_SESSIONS] = (uint32_t)n;
    }
    r->n_running = 0;
}

void lookahead_recent_push(struct lookahead_recent *r, const model_trial *trial, double p_left)
{
    if (trial->choice < 0) {
        return;
    }
    r->stimuli[r->n_stimuli++ % LOOKAHEAD_STIMULI] =
        (model_forecast_stimulus){.contrast = (float)trial->contrast,
                                  .rt_s = (float)trial->rt_s,
                                  .p_left = (float)p_left,
                                  .side = trial->side};
    r->n_running++;
}

static size_t kept(int64_t n, int64_t most)
{
    return (size_t)(n < most ? n : most);
}

/* What is left of the session that runs if it is as long as the others were on the mean. */
static uint32_t session_left(const struct lookahead_recent *r, size_t n, const uint32_t lengths[])
{
    double mean = 0.0;
    for (size_t i = 0; i < n; i++) {
        mean += (double)lengths[i] / (double)n;
    }
    return r->n_running > 0 ? (uint32_t)fmax(mean - (double)r->n_running, 0.0) : 0;
}

bool lookahead_recent_task(const struct lookahead_recent *r, model_forecast_task *task)
{
    static const uint32_t LENGTH[1] = {LOOKAHEAD_SESSION_TRIALS};
    const size_t n = kept(r->n_sessions, LOOKAHEAD_SESSIONS);
    task->stimuli = r->stimuli;
    task->n_stimuli = kept(r->n_stimuli, LOOKAHEAD_STIMULI);
    task->is_pool = true;
    task->session_trials = n > 0 ? r->session_trials : LENGTH;
    task->n_sessions = n > 0 ? n : 1;
    task->session_left = session_left(r, task->n_sessions, task->session_trials);
    return task->n_stimuli > 0;
}

/* Counting for each value how many are below needs no memory to sort in. */
double lookahead_recent_rt_s(const struct lookahead_recent *r)
{
    const size_t n = kept(r->n_stimuli, LOOKAHEAD_STIMULI);
    for (size_t i = 0; i < n; i++) {
        const float rt_s = r->stimuli[i].rt_s;
        size_t below = 0;
        size_t same = 0;
        size_t all = 0;
        for (size_t k = 0; k < n; k++) {
            below += r->stimuli[k].rt_s < rt_s;
            same += r->stimuli[k].rt_s <= rt_s && r->stimuli[k].rt_s >= rt_s;
            all += isnan(r->stimuli[k].rt_s) ? 0 : 1;
        }
        if (!isnan(rt_s) && 2 * below <= all && 2 * (below + same) >= all) {
            return (double)rt_s;
        }
    }
    return (double)NAN;
}

/* ---- the whole ---- */

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
    lookahead_recent_start_session(&p->recent);
    model_rate_grid_start_session(&p->pace, bank);
}

void lookahead_observe(struct lookahead *p, const model_bank_params *bank, const model_trial *trial,
                       double p_left)
{
    if (model_rate_grid_observe(&p->pace, bank, trial) == MODEL_OK) {
        lookahead_recent_push(&p->recent, trial, p_left);
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
