/* rule_eligibility.h - REINFORCE, with a trace of what was chosen on earlier trials. */
#pragma once

#include "rule_term.h"

static inline rule_term rule_eligibility_term(const rule_sight *t)
{
    return (rule_term){.value = t->choice - t->p, .slope = -1, .gain = t->reward};
}

static const rule_ops rule_eligibility = {{.formula = "e = l e + (1 - l) (y - p) g, dw = a r e",
                                           .has_rates = true,
                                           .has_trace = true,
                                           .has_memory = true,
                                           .moves_weights = true,
                                           .prior = 1},
                                          rule_eligibility_term};
