/* rule_gain.h - the policy gradient that a net's gains multiply: the terms of dnn_gain and
 * rnn_gain. Threads: any. Memory: the caller's.
 */
#pragma once

#include "rule_term.h"

static inline rule_term rule_gain_term(const rule_sight *t)
{
    return (rule_term){.value = t->choice - t->p, .slope = -1};
}
