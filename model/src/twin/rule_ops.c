#include "rule_ops.h"

#include "rules.h"

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
