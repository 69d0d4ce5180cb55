/* rule_classic.h - the terms that the classic rules are made of, for a step and for its
 * derivatives.
 *
 * dw_i = rate_i k_i(p) g_i with p = sigmoid(w . g); eligibility's k reaches w through a trace.
 * Threads: any. Memory: the caller's.
 */
#ifndef RULE_CLASSIC_H
#define RULE_CLASSIC_H

#include "model/rule.h"

/* The trial as these rules see it. */
typedef struct {
    double p;      /* of right */
    double choice; /* y, 0 or 1 */
    double reward; /* r, 0.5 where unknown */
    double side;   /* s: probability that right was correct */
} rule_classic_trial;

/* k of weight i, its derivative by p, and that of the derivative. */
typedef struct {
    double value;
    double slope;
    double bend;
} rule_classic_term;

rule_classic_trial rule_classic_see(const model_rule_trial *trial, double p);

/* Not for eligibility. */
rule_classic_term rule_classic_k(const model_rule *rule, size_t i, const rule_classic_trial *t);

#endif
