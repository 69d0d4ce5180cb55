/* rule_gru_policy.h - a net with a memory adds an offset to the weights for the next trial, and
 * moves none. Its members have no share in roll-outs. */
#pragma once

#include "rule_term.h"

static const rule_ops rule_gru_policy = {
    {.formula = "h = GRU([w, x], h), o = scale MLP(h), next p = sigmoid((w + o) . g)",
     .has_net = true,
     .is_recurrent = true,
     .has_memory = true,
     .sets_offset = true,
     .is_in_bank = true,
     .n_inputs = MODEL_RULE_CONTEXT_INPUTS,
     .prior = 0},
    NULL};
