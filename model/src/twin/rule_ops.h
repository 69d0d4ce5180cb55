/* rule_ops.h - the rules by their kinds, and a trial as their terms see it.
 *
 * Threads: any. Memory: the caller's. RT-safe: all of it.
 */
#pragma once

#include "model/trial.h"
#include "rule_term.h"

/* That of none outside the list. */
const rule_ops *rule_ops_of(model_rule_kind kind);

/* Without contrast and a stated side, the reward tells which side was correct. baseline is 0. */
rule_sight rule_ops_see(const model_rule_trial *trial, double p);
