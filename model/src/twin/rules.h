/* rules.h - the file of each row of MODEL_RULE_LIST. */
#pragma once

#include "rule_basis.h"
#include "rule_dnn.h"
#include "rule_dnn_gain.h"
#include "rule_eligibility.h"
#include "rule_gru_policy.h"
#include "rule_none.h"
#include "rule_predict_max.h"
#include "rule_reinforce.h"
#include "rule_reinforce_base.h"
#include "rule_reward_max.h"
#include "rule_rnn.h"
#include "rule_rnn_gain.h"
