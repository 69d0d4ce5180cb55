#include "model/rule.h"

#include <math.h>
#include <string.h>

#include "model/filter.h"
#include "rule_classic.h"

static const struct {
    const char *name;
    const char *formula;
} RULES[] = {
#define RULE_ROW(NAME, name, formula) {#name, formula},
    MODEL_RULE_LIST(RULE_ROW)
#undef RULE_ROW
};

const char *model_rule_name(model_rule_kind kind)
{
    return (unsigned)kind < MODEL_RULES ? RULES[kind].name : NULL;
}

const char *model_rule_formula(model_rule_kind kind)
{
    return (unsigned)kind < MODEL_RULES ? RULES[kind].formula : NULL;
}

int model_rule_parse(model_rule_kind *out, const char *name)
{
    for (unsigned i = 0; i < MODEL_RULES; i++) {
        if (strcmp(name, RULES[i].name) == 0) {
            *out = (model_rule_kind)i;
            return MODEL_OK;
        }
    }
    return MODEL_ERR_ARG;
}

bool model_rule_has_net(model_rule_kind kind)
{
    return kind == MODEL_RULE_DNN || model_rule_is_recurrent(kind);
}

bool model_rule_is_recurrent(model_rule_kind kind)
{
    return kind == MODEL_RULE_RNN || kind == MODEL_RULE_GRU_POLICY;
}

bool model_rule_has_rates(model_rule_kind kind)
{
    return kind != MODEL_RULE_NONE && !model_rule_has_net(kind);
}

bool model_rule_has_memory(model_rule_kind kind)
{
    return kind == MODEL_RULE_ELIGIBILITY || model_rule_is_recurrent(kind);
}

size_t model_rule_inputs(model_rule_kind kind)
{
    if (kind == MODEL_RULE_GRU_POLICY) {
        return MODEL_RULE_POLICY_INPUTS;
    }
    return model_rule_has_net(kind) ? MODEL_RULE_INPUTS : 0;
}

const char *model_rule_input_name(size_t i)
{
    static const char *const NAMES[] = {
        "stimulus", "one",           "session start",    "choice",           "reward",
        "side",     "reaction time", "trial in session", "trial of training"};
    _Static_assert(sizeof NAMES / sizeof NAMES[0] == MODEL_RULE_INPUTS_MAX, "a name for each");
    return NAMES[i];
}

bool model_rule_fits(const model_rule *rule, size_t n)
{
    if ((unsigned)rule->kind >= MODEL_RULES) {
        return false;
    }
    if (!model_rule_has_net(rule->kind)) {
        return true;
    }
    if (rule->net == NULL) {
        return false;
    }
    const model_net_shape *shape = model_net_shape_of(rule->net);
    return shape->is_recurrent == model_rule_is_recurrent(rule->kind) &&
           shape->n_inputs == n + model_rule_inputs(rule->kind) && shape->n_outputs == n;
}

void model_rule_reset(model_rule_state *state)
{
    memset(state, 0, sizeof *state);
}

static double known_reward(const model_rule_trial *trial)
{
    return isnan(trial->reward) ? 0.5 : trial->reward;
}

/* log10 of the reaction time from 0.1 s to 100 s; 0.5 in the middle and where unknown. */
static double scaled_rt(double rt_s)
{
    if (!(rt_s >= 0.0)) {
        return 0.5;
    }
    return fmin(fmax(log10(fmax(rt_s, 1e-3)) + 1.0, 0.0), 3.0) / 3.0;
}

void model_rule_fill_inputs(model_rule_kind kind, const model_rule_trial *trial, float x[])
{
    x[0] = (float)trial->stimulus;
    x[1] = 1.0F;
    x[2] = trial->is_session_start ? 1.0F : 0.0F;
    x[3] = trial->chose_right ? 1.0F : 0.0F;
    x[4] = (float)known_reward(trial);
    x[5] = trial->side >= 0 ? (float)trial->side : (trial->stimulus > 0.0 ? 1.0F : 0.0F);
    if (kind == MODEL_RULE_GRU_POLICY) {
        const double n = (double)trial->n_session;
        x[6] = (float)scaled_rt(trial->rt_s);
        x[7] = (float)(n / (n + 200.0));
        x[8] = (float)(log1p((double)trial->n_training) / 10.0);
    }
}

static int step_net(const model_rule *rule, model_rule_state *state, size_t n, const double w[],
                    const model_rule_trial *trial, double moved[])
{
    float in[MODEL_WEIGHTS_MAX + MODEL_RULE_INPUTS_MAX];
    float out[MODEL_NET_OUTPUTS_MAX];
    for (size_t i = 0; i < n; i++) {
        in[i] = (float)w[i];
    }
    model_rule_fill_inputs(rule->kind, trial, in + n);
    const int status = model_net_step(rule->net, in, state->h, out);
    for (size_t i = 0; status == MODEL_OK && i < n; i++) {
        moved[i] = (double)out[i];
    }
    return status;
}

/* Probability that right was the correct side: as stated, else as the stimulus shows, else (zero
 * contrast) as the reward tells. */
static double correct_side(const model_rule_trial *trial)
{
    if (trial->side >= 0) {
        return (double)trial->side;
    }
    if (trial->stimulus != 0.0) {
        return trial->stimulus > 0.0 ? 1.0 : 0.0;
    }
    const double r = known_reward(trial);
    return trial->chose_right ? r : 1.0 - r;
}

rule_classic_trial rule_classic_see(const model_rule_trial *trial, double p)
{
    return (rule_classic_trial){.p = p,
                                .choice = trial->chose_right ? 1.0 : 0.0,
                                .reward = known_reward(trial),
                                .side = correct_side(trial)};
}

rule_classic_term rule_classic_k(const model_rule *rule, size_t i, const rule_classic_trial *t)
{
    const double error = t->choice - t->p;
    const double sign = 2.0 * (2.0 * t->side - 1.0);
    switch (rule->kind) {
    case MODEL_RULE_REINFORCE:
        return (rule_classic_term){t->reward * error, -t->reward, 0.0};
    case MODEL_RULE_REINFORCE_BASE: {
        const double gain = t->reward - rule->baseline[i];
        return (rule_classic_term){gain * error, -gain, 0.0};
    }
    case MODEL_RULE_REWARD_MAX:
        return (rule_classic_term){sign * t->p * (1.0 - t->p), sign * (1.0 - 2.0 * t->p),
                                   -2.0 * sign};
    case MODEL_RULE_PREDICT_MAX:
        return (rule_classic_term){t->side - t->p, -1.0, 0.0};
    case MODEL_RULE_NONE:
    case MODEL_RULE_ELIGIBILITY:
    case MODEL_RULE_DNN:
    case MODEL_RULE_RNN:
    case MODEL_RULE_GRU_POLICY:
    case MODEL_RULES:
        break;
    }
    return (rule_classic_term){0.0, 0.0, 0.0};
}

/* u follows from d dw_i / dw_j = rate_i k_i' p(1-p) g_i g_j; what the trace remembers of earlier
 * trials does not depend on w. */
int model_rule_step(const model_rule *rule, model_rule_state *state, size_t n, const double w[],
                    const double g[], const model_rule_trial *trial, double dw[], double u[])
{
    memset(dw, 0, n * sizeof dw[0]);
    memset(u, 0, n * sizeof u[0]);
    if (rule->kind == MODEL_RULE_NONE) {
        return MODEL_OK;
    }
    if (model_rule_has_net(rule->kind)) {
        return step_net(rule, state, n, w, trial,
                        rule->kind == MODEL_RULE_GRU_POLICY ? state->offset : dw);
    }
    double a = 0.0;
    for (size_t i = 0; i < n; i++) {
        a += w[i] * g[i];
    }
    const rule_classic_trial seen = rule_classic_see(trial, model_filter_sigmoid(a));
    const double spread = seen.p * (1.0 - seen.p);
    for (size_t i = 0; i < n; i++) {
        if (rule->kind == MODEL_RULE_ELIGIBILITY) {
            const double fresh = 1.0 - rule->decay[i];
            const double gain = rule->rate[i] * seen.reward;
            state->trace[i] =
                rule->decay[i] * state->trace[i] + fresh * (seen.choice - seen.p) * g[i];
            dw[i] = gain * state->trace[i];
            u[i] = -gain * fresh * spread * g[i];
        } else {
            const rule_classic_term k = rule_classic_k(rule, i, &seen);
            dw[i] = rule->rate[i] * k.value * g[i];
            u[i] = rule->rate[i] * k.slope * spread * g[i];
        }
    }
    return MODEL_OK;
}
