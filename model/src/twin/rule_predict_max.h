/* rule_predict_max.h - the gradient of how well the correct side is predicted. */
#pragma once

#include "rule_term.h"

static inline rule_term rule_predict_max_term(const rule_sight *t)
{
    return (rule_term){.value = t->side - t->p, .slope = -1};
}

static const rule_ops rule_predict_max = {
    {.formula = "dw = a (s - p) g", .has_rates = true, .moves_weights = true, .prior = 1},
    rule_predict_max_term};
