/* rule_rnn_gain.h - a net with a memory of earlier trials says the gain of the policy gradient. */
#pragma once

#include "rule_gain.h"

static const rule_ops rule_rnn_gain = {
    {.formula = "h = GRU([w, x], h), dw = scale MLP(h) (y - p) g",
     .has_net = true,
     .is_recurrent = true,
     .is_gain = true,
     .has_memory = true,
     .moves_weights = true,
     .n_inputs = MODEL_RULE_INPUTS,
     .prior = 1},
    rule_gain_term};
