/* rule_ops.h - the rules by their kinds, a trial as their terms see it, and the step that follows.
 *
 * Threads: any. Memory: the caller's. RT-safe: all of it.
 */
#pragma once

#include "model/policy.h"
#include "model/trial.h"
#include "rule_term.h"

/* That of none outside the list. */
const rule_ops *rule_ops_of(model_rule_kind kind);

/* Without contrast and a stated side, the reward tells which side was correct. baseline is 0. */
rule_sight rule_ops_see(const model_rule_trial *trial, double p);

/* A trial that ended in a choice, by an animal that had so many trials before it in the session,
 * and in all; starts: none of the session ended in a choice. */
model_rule_trial rule_ops_trial(const model_policy *policy, const model_trial *trial,
                                int64_t n_session, int64_t n_training, bool starts);

/* A rule with a term, and what its step is made with: (n) each. */
typedef struct {
    const rule_ops *ops;
    const double *rate; /* its own, or the gains that its net said */
    const double *baseline;
    const double *decay;
} rule_rates;

/* One step, from w: dw[n] and u[n] as model_rule_step() has them; the trace[n] of a rule that has
 * one moves. */
void rule_ops_step(const rule_rates *rule, size_t n, const double w[], const double g[],
                   const model_rule_trial *trial, double trace[], double dw[], double u[]);
