/* some_terms.h - parameters of rule basis that tell each term and weight apart. */
#pragma once

#include "model/rule.h"

static inline void some_terms_fill(model_rule *rule)
{
    rule->memory = 0.7;
    for (size_t i = 0; i < MODEL_WEIGHTS_MAX; i++) {
        for (size_t k = 0; k < MODEL_BASIS_FORGETTING; k++) {
            const double size = 0.01 + 0.005 * (double)((3 * k + 5 * i) % 7);
            rule->coefficient[k][i] = k % 2 == 0 ? size : -size;
        }
        rule->coefficient[MODEL_BASIS_FORGETTING][i] = 0.004 + 0.002 * (double)i;
        rule->decay[i] = 0.8;
    }
}
