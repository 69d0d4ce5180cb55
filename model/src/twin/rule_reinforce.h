/* rule_reinforce.h - the policy gradient of the reward (Williams 1992). */
#pragma once

#include "rule_term.h"

static inline rule_term rule_reinforce_term(const rule_sight *t)
{
    const rule_real error = t->choice - t->p;
    return (rule_term){.value = t->reward * error, .slope = -t->reward};
}

static const rule_ops rule_reinforce = {{.formula = "dw = a r (y - p) g",
                                         .has_rates = true,
                                         .moves_weights = true,
                                         .is_in_bank = true,
                                         .prior = 1},
                                        rule_reinforce_term};
