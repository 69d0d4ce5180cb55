#include "model/basis.h"

#include "model/rule.h"

static const double MEMORY = 0.8; /* five trials */

void model_basis_from(const model_rule *rule, size_t n, model_rule *out)
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
