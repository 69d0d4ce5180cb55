/* rule_rnn.h - a net with a memory of earlier trials says the step. */
#pragma once

#include "rule_term.h"

static const rule_ops rule_rnn = {{.formula = "h = GRU([w, x], h), dw = scale MLP(h)",
                                   .has_net = true,
                                   .is_recurrent = true,
                                   .has_memory = true,
                                   .moves_weights = true,
                                   .is_in_bank = true,
                                   .n_inputs = MODEL_RULE_INPUTS,
                                   .prior = 1},
                                  NULL};
