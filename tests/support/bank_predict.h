/* bank_predict.h - what a bank predicts for any number of stimuli. */
#pragma once

#include "model/bank.h"

/* p(right) for each of n contrasts, and the ends of its 90% interval; lo and hi may be NULL. */
static inline void bank_predict(const model_bank *bank, const model_bank_params *params, size_t n,
                                const double contrasts[], double p_right[], double lo[],
                                double hi[])
{
    model_bank_mixture m[MODEL_BANK_STIMULI];
    for (size_t at = 0; at < n; at += MODEL_BANK_STIMULI) {
        const size_t left = n - at < MODEL_BANK_STIMULI ? n - at : MODEL_BANK_STIMULI;
        model_bank_mix(bank, params, left, contrasts + at, m);
        for (size_t i = 0; i < left; i++) {
            p_right[at + i] = m[i].p_right;
        }
        model_bank_interval(left, m, lo != NULL ? lo + at : NULL, hi != NULL ? hi + at : NULL);
    }
}
