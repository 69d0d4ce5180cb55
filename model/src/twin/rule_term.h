/* rule_term.h - what a learning rule with rates, its own or a net's gains, says of one trial and
 * one weight.
 *
 * dw_i = a_i k_i g_i; with a trace, e_i <- l_i e_i + (1 - l_i) k_i g_i and dw_i = a_i gain e_i.
 * A term is written once and compiled twice: in double precision for a step and its derivatives, in
 * single precision for cohorts. So it has whole numbers for literals, and no branch or call.
 * Threads: any. Memory: the caller's.
 */
#pragma once

#include "model/rule_kind.h"

#ifndef RULE_REAL
#define RULE_REAL double
#endif
typedef RULE_REAL rule_real;

typedef struct {
    rule_real side;   /* s: probability that right was correct */
    rule_real p;      /* of right */
    rule_real choice; /* y, 0 or 1 */
    rule_real reward; /* r, 0.5 where unknown */
    rule_real baseline;
} rule_sight;

typedef struct {
    rule_real value;             /* k */
    rule_real slope;             /* dk / dp */
    rule_real bend;              /* d slope / dp */
    rule_real value_by_baseline; /* dk / db */
    rule_real slope_by_baseline; /* d slope / db */
    rule_real gain;              /* of the trace */
} rule_term;

/* A rule, as its file declares it. */
typedef struct {
    model_rule_traits traits;
    rule_term (*term)(const rule_sight *t); /* NULL without rates and gains */
} rule_ops;
