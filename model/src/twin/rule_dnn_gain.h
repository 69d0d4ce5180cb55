/* rule_dnn_gain.h - a net says the gain of the policy gradient. */
#pragma once

#include "rule_gain.h"

static const rule_ops rule_dnn_gain = {{.formula = "dw = scale MLP([w, x]) (y - p) g",
                                        .has_net = true,
                                        .is_gain = true,
                                        .moves_weights = true,
                                        .n_inputs = MODEL_RULE_INPUTS,
                                        .prior = 1},
                                       rule_gain_term};
