/* rule_dnn.h - a net says the step. */
#pragma once

#include "rule_term.h"

static const rule_ops rule_dnn = {{.formula = "dw = scale MLP([w, x])",
                                   .has_net = true,
                                   .moves_weights = true,
                                   .is_in_bank = true,
                                   .n_inputs = MODEL_RULE_INPUTS,
                                   .prior = 1},
                                  NULL};
