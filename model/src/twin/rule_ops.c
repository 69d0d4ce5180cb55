#include "rule_ops.h"

#include "exp_exact.h"
#include "rules.h"
#include "vectors.h"

const rule_ops *rule_ops_of(model_rule_kind kind)
{
    static const rule_ops *const RULES[] = {
#define RULE_ROW(NAME, name) &rule_##name,
        MODEL_RULE_LIST(RULE_ROW)
#undef RULE_ROW
    };
    return (unsigned)kind < MODEL_RULES ? RULES[kind] : &rule_none;
}

rule_sight rule_ops_see(const model_rule_trial *trial, double p)
{
    const double r = model_trial_reward(trial->reward);
    const int8_t side = model_trial_side(trial->side, trial->stimulus);
    const double told = trial->chose_right ? r : 1.0 - r;
    return (rule_sight){.p = p,
                        .choice = trial->chose_right ? 1.0 : 0.0,
                        .reward = r,
                        .side = side >= 0 ? (double)side : told};
}

model_rule_trial rule_ops_trial(const model_policy *policy, const model_trial *trial,
                                int64_t n_session, int64_t n_training, bool starts)
{
    return (model_rule_trial){.stimulus = model_policy_stimulus(policy, trial->contrast),
                              .reward = trial->reward,
                              .rt_s = trial->rt_s,
                              .n_session = n_session,
                              .n_training = n_training,
                              .is_session_start = starts,
                              .chose_right = trial->choice == 1,
                              .side = trial->side};
}

/* u follows from d dw_i / dw_j = a_i k_i' p(1-p) g_i g_j; what the trace remembers of earlier
 * trials does not depend on w. */
void rule_ops_step(const rule_rates *rule, size_t n, const double w[], const double g[],
                   const model_rule_trial *trial, double trace[], double dw[], double u[])
{
    rule_sight seen = rule_ops_see(trial, sigmoid_exact(dot(n, w, g)));
    const double spread = seen.p * (1.0 - seen.p);
    for (size_t i = 0; i < n; i++) {
        seen.baseline = rule->baseline[i];
        const rule_term k = rule->ops->term(&seen);
        if (rule->ops->traits.has_trace) {
            const double fresh = 1.0 - rule->decay[i];
            const double gain = rule->rate[i] * k.gain;
            trace[i] = rule->decay[i] * trace[i] + fresh * k.value * g[i];
            dw[i] = gain * trace[i];
            u[i] = gain * k.slope * fresh * spread * g[i];
        } else {
            dw[i] = rule->rate[i] * k.value * g[i];
            u[i] = rule->rate[i] * k.slope * spread * g[i];
        }
    }
}
