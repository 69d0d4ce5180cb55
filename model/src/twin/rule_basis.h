/* rule_basis.h - any step that is linear in a few functions of the outcome and of how expected the
 * choice was: model/basis.h. */
#pragma once

#include "model/basis.h"
#include "rule_term.h"

/* One term of one trial: f times 2y - 1, and what rule_term has of it. */
typedef struct {
    rule_real value; /* (2y - 1) f */
    rule_real slope; /* by p */
    rule_real bend;  /* d slope / dp */
} rule_basis_value;

/* All terms that multiply g. memory: m before the trial; contrast: |x|. d q / dp = -(2y - 1). */
static inline void rule_basis_values(const rule_sight *t, rule_real memory, rule_real contrast,
                                     rule_basis_value out[MODEL_BASIS_STEPS])
{
    const rule_real sign = 2 * t->choice - 1;
    const rule_real q = t->choice + t->p - 2 * t->choice * t->p;
    const rule_real r = t->reward;
    const rule_real unsure = q * (1 - q);
    const rule_real turn = 2 * r - 1;
    const rule_basis_value wrong[2] = {{sign * r * q, -r, 0}, {sign * (1 - r) * q, r - 1, 0}};
    for (int o = 0; o < 2; o++) {
        out[MODEL_BASIS_REWARDED + o] = wrong[o];
        out[MODEL_BASIS_REWARDED_CONTRAST + o] =
            (rule_basis_value){contrast * wrong[o].value, contrast * wrong[o].slope, 0};
        out[MODEL_BASIS_REWARDED_MEMORY + o] =
            (rule_basis_value){memory * wrong[o].value, memory * wrong[o].slope, 0};
    }
    out[MODEL_BASIS_PREDICT_MAX] = (rule_basis_value){sign * (q + r - 1), -1, 0};
    out[MODEL_BASIS_REWARD_MAX] =
        (rule_basis_value){2 * turn * sign * unsure, 2 * turn * (2 * q - 1), -4 * turn * sign};
    out[MODEL_BASIS_REWARDED_EXPECTED] = (rule_basis_value){sign * r * (1 - q), r, 0};
    out[MODEL_BASIS_REWARDED_UNSURE] =
        (rule_basis_value){sign * r * unsure, r * (2 * q - 1), -2 * sign * r};
}

static const rule_ops rule_basis = {
    {.formula = "dw = (2y - 1) g sum of c f + c r e, w = (1 - c) (w + dw)",
     .has_trace = true,
     .has_terms = true,
     .has_memory = true,
     .moves_weights = true},
    NULL};
