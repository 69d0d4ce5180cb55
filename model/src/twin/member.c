#include "model/member.h"

#include <math.h>
#include <string.h>

#include "filter.h"
#include "rule_ops.h"
#include "vectors.h"

_Static_assert(sizeof(model_member) ==
                   sizeof(double) * (MODEL_WEIGHTS_MAX + MODEL_WEIGHTS_MAX * MODEL_WEIGHTS_MAX) +
                       sizeof(model_history) + sizeof(model_rule_state) + 2 * sizeof(int64_t) + 8,
               "a twin is compared and written bytewise: it must have no padding");

void model_member_init(model_member *twin, const model_params *params)
{
    memset(twin, 0, sizeof *twin);
    filter_init(params->policy.n, twin->w, twin->P, params->noise.prior_mean,
                params->noise.prior_var);
    twin->at_session_start = true;
}

void model_member_start_session(model_member *twin, const model_params *params)
{
    if (!twin->at_session_start) {
        filter_diffuse(params->policy.n, twin->P, params->noise.session_var);
    }
    twin->history = (model_history){0};
    twin->n_session = 0;
    twin->at_session_start = true;
}

void model_member_predict(const model_member *twin, const model_params *params, size_t n,
                          const double contrasts[], double p_right[], double lo[], double hi[])
{
    for (size_t i = 0; i < n; i++) {
        double g[MODEL_WEIGHTS_MAX];
        const double x = model_policy_stimulus(&params->policy, contrasts[i]);
        model_policy_fill(&params->policy, &twin->history, x, g);
        p_right[i] = filter_predict(params->policy.n, twin->w, twin->P, g,
                                    dot(params->policy.n, twin->rule.offset, g),
                                    lo != NULL ? &lo[i] : NULL, hi != NULL ? &hi[i] : NULL);
    }
}

static bool trial_is_valid(const model_trial *trial)
{
    const bool reward_ok = isnan(trial->reward) || (trial->reward >= 0.0 && trial->reward <= 1.0);
    const bool rt_ok = isnan(trial->rt_s) || (trial->rt_s >= 0.0 && isfinite(trial->rt_s));
    return trial->contrast >= -1.0 && trial->contrast <= 1.0 && reward_ok && rt_ok &&
           trial->choice >= -1 && trial->choice <= 1 && trial->side >= -1 && trial->side <= 1;
}

/* Far outside what an animal's weights can be, far inside what the forecast can be computed from.
 */
static bool is_believable(const model_member *twin, size_t n)
{
    static const double W_MAX = 1e6;
    static const double P_MAX = 1e12;
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        ok = ok && fabs(twin->w[i]) <= W_MAX && fabs(twin->rule.offset[i]) <= W_MAX;
    }
    for (size_t i = 0; i < n * n; i++) {
        ok = ok && fabs(twin->P[i]) <= P_MAX;
    }
    return ok;
}

/* The rule moves the weights, pace times as far. seen_range: widened by the step; NULL: not asked
 * for. */
static void step_rule(model_member *twin, const model_params *params, const double g[],
                      const model_rule_trial *heard, double pace, model_range *seen_range)
{
    const size_t n = params->policy.n;
    const model_rule *rule = &params->rule;
    const model_rule_traits *traits = model_rule_of(rule->kind);
    double dw[MODEL_WEIGHTS_MAX] = {0.0};
    double u[MODEL_WEIGHTS_MAX] = {0.0};
    double f[MODEL_WEIGHTS_MAX];
    const double *forgetting = model_rule_forgetting(rule);
    const model_rule_trial held = model_range_hold_counts(&params->range, rule, heard);
    const model_rule_trial *seen = seen_range != NULL ? heard : &held;
    if (model_rule_step(rule, &twin->rule, n, twin->w, g, seen, dw, u) != MODEL_OK) {
        dw[0] = (double)NAN;
        twin->rule.offset[0] = (double)NAN;
    }
    twin->outside = model_guard_bound(&params->range, rule, &twin->rule, n, twin->w, seen, dw);
    if ((twin->outside & MODEL_GUARD_INPUT) != 0) {
        twin->input = (uint8_t)(1 + model_range_input(&params->range, rule, seen));
    }
    if (seen_range != NULL) {
        model_range_take(seen_range, rule, n, twin->w, seen,
                         traits->sets_offset ? twin->rule.offset : dw);
    }
    for (size_t i = 0; i < n; i++) {
        dw[i] *= pace;
        u[i] *= pace;
        f[i] = forgetting != NULL ? pace * forgetting[i] : 0.0;
    }
    const bool is_linear = (!traits->has_net || traits->is_gain) && twin->outside == 0;
    filter_move(n, twin->w, twin->P, dw, is_linear ? u : NULL, forgetting != NULL ? f : NULL, g);
}

/* The choice is seen, then the rule moves the weights. */
static int take_choice(model_member *twin, const model_params *params, const model_trial *trial,
                       double pace, model_range *seen_range)
{
    const size_t n = params->policy.n;
    const model_rule_trial seen = rule_ops_trial(&params->policy, trial, twin->n_session,
                                                 twin->n_trials, twin->at_session_start);
    double g[MODEL_WEIGHTS_MAX];
    model_policy_fill(&params->policy, &twin->history, seen.stimulus, g);
    const int status = filter_update(params->filter, n, twin->w, twin->P, g,
                                     dot(n, twin->rule.offset, g), seen.chose_right);
    if (status == MODEL_OK && params->rule.kind != MODEL_RULE_NONE) {
        step_rule(twin, params, g, &seen, pace, seen_range);
    }
    model_history_push(&twin->history, seen.stimulus, seen.chose_right, seen.reward);
    twin->at_session_start = false;
    return status;
}

/* pace: multiplies the rule's step. range: widened by it; NULL: not asked for. */
static int observe(model_member *twin, const model_params *params, const model_trial *trial,
                   double pace, model_range *range)
{
    if (!trial_is_valid(trial)) {
        return MODEL_ERR_ARG;
    }
    const model_member before = *twin;
    int status = MODEL_OK;
    twin->outside = twin->input = 0;
    if (trial->choice >= 0) {
        status = take_choice(twin, params, trial, pace, range);
    }
    filter_diffuse(params->policy.n, twin->P, params->noise.drift_var);
    if (status == MODEL_OK && !is_believable(twin, params->policy.n)) {
        status = MODEL_ERR_NUMERIC;
    }
    if (status != MODEL_OK) {
        *twin = before;
        return status;
    }
    twin->n_trials++;
    twin->n_session++;
    return MODEL_OK;
}

int model_member_observe(model_member *twin, const model_params *params, const model_trial *trial)
{
    return observe(twin, params, trial, 1.0, NULL);
}

int model_member_observe_at(model_member *twin, const model_params *params,
                            const model_trial *trial, double pace)
{
    return observe(twin, params, trial, pace, NULL);
}

int model_member_measure(model_member *twin, const model_params *params, const model_trial *trial,
                         model_range *range)
{
    return observe(twin, params, trial, 1.0, range);
}

void model_member_skip(model_member *twin, const model_params *params, const model_trial *trial)
{
    if (trial->choice >= 0) {
        const double x = model_policy_stimulus(&params->policy, trial->contrast);
        model_history_push(&twin->history, x, trial->choice == 1, trial->reward);
        twin->at_session_start = false;
    }
    model_member wider = *twin;
    filter_diffuse(params->policy.n, wider.P, params->noise.drift_var);
    if (is_believable(&wider, params->policy.n)) {
        *twin = wider;
    }
    twin->outside = twin->input = 0;
    twin->n_trials++;
    twin->n_session++;
}
