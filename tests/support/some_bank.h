/* some_bank.h - a bank of a random walk, a classic rule and a net with random weights. */
#pragma once

#include "model/bank.h"
#include "some_net.h"
#include "suite.h"

/* The net is kept until the program ends. */
static inline void some_bank_make(model_bank_params *bank, double share)
{
    test_random r = test_random_seeded(suite_seed());
    const model_net_shape shape = {true, 2 + MODEL_RULE_INPUTS, 32, 2, 2};
    bank->n = 3;
    bank->share = share;
    bank->temper = 1.0;
    for (uint32_t m = 0; m < 3; m++) {
        assert_int_equal(model_params_built_in(&bank->member[m], "stimulus,bias"), MODEL_OK);
        bank->prior[m] = 1.0 / 3.0;
    }
    bank->member[1].rule.kind = MODEL_RULE_REINFORCE;
    bank->member[1].rule.rate[0] = 0.02;
    bank->member[2].rule.kind = MODEL_RULE_RNN;
    bank->member[2].rule.net = some_net_make(&r, shape)->net;
    assert_int_equal(model_bank_check(bank), MODEL_OK);
}
