/* rule_reward_max.h - the gradient of the expected reward. */
#pragma once

#include "rule_term.h"

static inline rule_term rule_reward_max_term(const rule_sight *t)
{
    const rule_real sign = 2 * (2 * t->side - 1);
    return (rule_term){.value = 2 * (2 * t->side - 1) * t->p * (1 - t->p),
                       .slope = sign * (1 - 2 * t->p),
                       .bend = -2 * sign};
}

static const rule_ops rule_reward_max = {{.formula = "dw = 2 a (2 s - 1) p (1 - p) g",
                                          .has_rates = true,
                                          .moves_weights = true,
                                          .prior = 1},
                                         rule_reward_max_term};
