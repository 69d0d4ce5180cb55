/* rule_none.h - the weights drift and nothing else: a random walk. */
#pragma once

#include "rule_term.h"

static const rule_ops rule_none = {{.formula = "dw = 0", .is_in_bank = true, .prior = 0.6}, NULL};
