#include "model/rule.h"

#include <math.h>
#include <string.h>

#include "exp_exact.h"
#include "rule_basis.h"
#include "rule_ops.h"
#include "vectors.h"

#define RULE_NAME(NAME, name) #name,
static const char *const NAMES[] = {MODEL_RULE_LIST(RULE_NAME)};

const char *model_rule_name(model_rule_kind kind)
{
    return (unsigned)kind < MODEL_RULES ? NAMES[kind] : NULL;
}

const model_rule_traits *model_rule_of(model_rule_kind kind)
{
    return &rule_ops_of(kind)->traits;
}

int model_rule_parse(model_rule_kind *out, const char *name)
{
    for (unsigned i = 0; i < MODEL_RULES; i++) {
        if (strcmp(name, NAMES[i]) == 0) {
            *out = (model_rule_kind)i;
            return MODEL_OK;
        }
    }
    return MODEL_ERR_ARG;
}

const char *model_rule_input_name(size_t i)
{
    static const char *const INPUTS[] = {
        "stimulus", "one",           "session start",    "choice",           "reward",
        "side",     "reaction time", "trial in session", "trial of training"};
    _Static_assert(sizeof INPUTS / sizeof INPUTS[0] == MODEL_RULE_INPUTS_MAX, "a name for each");
    return INPUTS[i];
}

bool model_rule_fits(const model_rule *rule, size_t n)
{
    if ((unsigned)rule->kind >= MODEL_RULES) {
        return false;
    }
    const model_rule_traits *traits = model_rule_of(rule->kind);
    if (!traits->has_net || rule->net == NULL) {
        return !traits->has_net;
    }
    const model_net_shape *shape = model_net_shape_of(rule->net);
    return shape->is_recurrent == traits->is_recurrent && shape->n_inputs == n + traits->n_inputs &&
           shape->n_outputs == n;
}

void model_rule_reset(model_rule_state *state)
{
    memset(state, 0, sizeof *state);
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
    x[4] = (float)model_trial_reward(trial->reward);
    x[5] = model_trial_side(trial->side, trial->stimulus) == 1 ? 1.0F : 0.0F;
    if (model_rule_of(kind)->n_inputs > MODEL_RULE_INPUTS) {
        const double n = (double)trial->n_session;
        x[6] = (float)scaled_rt(trial->rt_s);
        x[7] = (float)(n / (n + 200.0));
        x[8] = (float)(log1p((double)trial->n_training) / 10.0);
    }
}

/* A thousandth below where rounding to float might pass x. */
static int64_t hold_count(int64_t count, double most)
{
    const double whole = floor(most * (1.0 - 1e-3));
    return (double)count <= whole ? count : (int64_t)fmax(whole, 0.0);
}

void model_rule_hold_counts(model_rule_kind kind, const double x[], model_rule_trial *trial)
{
    if (model_rule_of(kind)->n_inputs > MODEL_RULE_INPUTS) {
        const double share = fmin(x[7], 0.999999);
        trial->n_session = hold_count(trial->n_session, 200.0 * share / (1.0 - share));
        trial->n_training = hold_count(trial->n_training, expm1(10.0 * x[8]));
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

/* The terms use m and e of the trials before; then this one is added to both. */
static void step_terms(const model_rule *rule, model_rule_state *state, size_t n, const double w[],
                       const double g[], const model_rule_trial *trial, double dw[], double u[])
{
    rule_basis_value term[MODEL_BASIS_STEPS];
    const rule_sight seen = rule_ops_see(trial, sigmoid_exact(dot(n, w, g)));
    const double spread = seen.p * (1.0 - seen.p);
    const double m = (double)state->h[0];
    rule_basis_values(&seen, m, fabs(trial->stimulus), term);
    for (size_t i = 0; i < n; i++) {
        const double forgotten = rule->coefficient[MODEL_BASIS_FORGETTING][i];
        const double l = rule->decay[i];
        double value = 0.0;
        double slope = 0.0;
        for (size_t k = 0; k < MODEL_BASIS_STEPS; k++) {
            value += rule->coefficient[k][i] * term[k].value;
            slope += rule->coefficient[k][i] * term[k].slope;
        }
        const double learned =
            value * g[i] + rule->coefficient[MODEL_BASIS_TRACE][i] * seen.reward * state->trace[i];
        dw[i] = learned - forgotten * (w[i] + learned);
        u[i] = (1.0 - forgotten) * slope * spread * g[i];
        state->trace[i] = l * state->trace[i] + (1.0 - l) * (seen.choice - seen.p) * g[i];
    }
    state->h[0] = (float)(rule->memory * m + (1.0 - rule->memory) * (2.0 * seen.reward - 1.0));
}

const double *model_rule_forgetting(const model_rule *rule)
{
    return model_rule_of(rule->kind)->has_terms ? rule->coefficient[MODEL_BASIS_FORGETTING] : NULL;
}

double model_rule_towards(const model_rule *rule, size_t i, double w, double g, double dw,
                          bool chose_right)
{
    static const double KEPT_LEAST = 1e-6; /* forgets all: what it keeps says nothing */
    const double *forgetting = model_rule_forgetting(rule);
    const double f = forgetting != NULL ? forgetting[i] : 0.0;
    const double learned = f == 0.0 ? dw : (dw + f * w) / fmax(1.0 - f, KEPT_LEAST);
    return chose_right == (g > 0.0) ? learned : -learned;
}

int model_rule_step(const model_rule *rule, model_rule_state *state, size_t n, const double w[],
                    const double g[], const model_rule_trial *trial, double dw[], double u[])
{
    const model_rule_traits *traits = model_rule_of(rule->kind);
    memset(dw, 0, n * sizeof dw[0]);
    memset(u, 0, n * sizeof u[0]);
    if (traits->has_net && !traits->is_gain) {
        return step_net(rule, state, n, w, trial, traits->sets_offset ? state->offset : dw);
    }
    double gain[MODEL_WEIGHTS_MAX];
    const int status = traits->is_gain ? step_net(rule, state, n, w, trial, gain) : MODEL_OK;
    if (status == MODEL_OK && (traits->is_gain || traits->has_rates)) {
        const rule_rates rates = {rule_ops_of(rule->kind), traits->is_gain ? gain : rule->rate,
                                  rule->baseline, rule->decay};
        rule_ops_step(&rates, n, w, g, trial, state->trace, dw, u);
    }
    if (traits->has_terms) {
        step_terms(rule, state, n, w, g, trial, dw, u);
    }
    return status;
}

static const double MEMORY = 0.8; /* five trials */

void model_rule_as_basis(const model_rule *rule, size_t n, model_rule *out)
{
    model_rule basis = {.kind = MODEL_RULE_BASIS, .memory = MEMORY};
    for (size_t i = 0; i < n; i++) {
        const double a = rule->rate[i];
        const double l = rule->kind == MODEL_RULE_ELIGIBILITY ? rule->decay[i] : 0.0;
        const double b = rule->kind == MODEL_RULE_REINFORCE_BASE ? rule->baseline[i] : 0.0;
        double(*c)[MODEL_WEIGHTS_MAX] = basis.coefficient;
        basis.decay[i] = l > 0.0 ? l : MEMORY;
        if (rule->kind == MODEL_RULE_REWARD_MAX) {
            c[MODEL_BASIS_REWARD_MAX][i] = a;
        } else if (rule->kind == MODEL_RULE_PREDICT_MAX) {
            c[MODEL_BASIS_PREDICT_MAX][i] = a;
        } else { /* REINFORCE, with a baseline or a trace or neither */
            c[MODEL_BASIS_REWARDED][i] = a * (1.0 - b) * (1.0 - l);
            c[MODEL_BASIS_UNREWARDED][i] = -a * b;
            c[MODEL_BASIS_TRACE][i] = a * l;
        }
    }
    *out = basis;
}
