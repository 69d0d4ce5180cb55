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
    const rule_real outcome[2] = {t->reward, 1 - t->reward};
    for (int o = 0; o < 2; o++) {
        const rule_real r = outcome[o];
        const rule_basis_value wrong = {sign * r * q, -r, 0};
        out[MODEL_BASIS_REWARDED + o] = wrong;
        out[MODEL_BASIS_REWARDED_EXPECTED + o] = (rule_basis_value){sign * r * (1 - q), r, 0};
        out[MODEL_BASIS_REWARDED_UNSURE + o] =
            (rule_basis_value){sign * r * q * (1 - q), r * (2 * q - 1), -2 * sign * r};
        out[MODEL_BASIS_REWARDED_CONTRAST + o] =
            (rule_basis_value){contrast * wrong.value, contrast * wrong.slope, 0};
        out[MODEL_BASIS_REWARDED_MEMORY + o] =
            (rule_basis_value){memory * wrong.value, memory * wrong.slope, 0};
    }
}

static const rule_ops rule_basis = {
    {.formula = "dw = (2y - 1) g sum of c f + c r e, w = (1 - c) (w + dw)",
     .has_trace = true,
     .has_terms = true,
     .has_memory = true,
     .moves_weights = true},
    NULL};
