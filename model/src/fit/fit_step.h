/* fit_step.h - the derivatives of a rule's step that has a term, rule_ops_step().
 *
 * Threads: any, on different objects. Memory: the caller's; nothing allocates.
 */
#pragma once

#include "rule_ops.h"

/* A step as it was made, and all before it. */
typedef struct {
    rule_rates rule;
    size_t n;
    const double *w;     /* (n) */
    const double *trace; /* (n) */
    const double *g;     /* (n) */
    const model_rule_trial *trial;
} fit_step;

/* Derivatives of a loss by the step and by what it follows from. */
typedef struct {
    double dw[MODEL_WEIGHTS_MAX]; /* given, as is u */
    double u[MODEL_WEIGHTS_MAX];
    double rate[MODEL_WEIGHTS_MAX];
    double baseline[MODEL_WEIGHTS_MAX]; /* 0 beside a trace */
    double decay[MODEL_WEIGHTS_MAX];    /* 0 without one */
} fit_step_derivatives;

/* by: dw and u are set, the others become known. The part of w that moved p is added to by_w[n];
 * by_trace[n], by the trace after the step, becomes that by the one before it. */
void fit_step_backward(const fit_step *step, fit_step_derivatives *by, double by_w[],
                       double by_trace[]);
