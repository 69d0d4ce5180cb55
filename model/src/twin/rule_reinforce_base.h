/* rule_reinforce_base.h - REINFORCE, with a reward that counts from a baseline on. */
#pragma once

#include "rule_term.h"

static inline rule_term rule_reinforce_base_term(const rule_sight *t)
{
    const rule_real error = t->choice - t->p;
    const rule_real gain = t->reward - t->baseline;
    return (rule_term){
        .value = gain * error, .slope = -gain, .value_by_baseline = -error, .slope_by_baseline = 1};
}

static const rule_ops rule_reinforce_base = {{.formula = "dw = a (r - b) (y - p) g",
                                              .has_rates = true,
                                              .has_baseline = true,
                                              .moves_weights = true,
                                              .is_in_bank = true,
                                              .prior = 1},
                                             rule_reinforce_base_term};
