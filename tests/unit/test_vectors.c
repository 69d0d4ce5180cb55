/* The nets, step by step, against ../shared/vectors/learning_rules. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "skips.h"

#include "check.h"
#include "filter.h"
#include "learning_vectors.h"

/* Runs one sequence and raises the worst differences. */
static void run_sequence(const model_params *params, const double *rows, const double *w_expected,
                         const double *p_expected, size_t n_trials, double *worst_w,
                         double *worst_p)
{
    const size_t n = params->policy.n;
    float h[MODEL_HIDDEN_MAX] = {0.0F};
    double weights[MODEL_WEIGHTS_MAX] = {0.0};
    for (size_t t = 0; t < n_trials; t++) {
        const double *row = rows + t * COVARIATES;
        float in[MODEL_WEIGHTS_MAX + MODEL_RULE_INPUTS];
        float dw[MODEL_WEIGHTS_MAX];
        double g[MODEL_WEIGHTS_MAX];
        double a = 0.0;
        for (size_t i = 0; i < n; i++) {
            in[i] = (float)weights[i];
        }
        for (int i = 0; i < MODEL_RULE_INPUTS; i++) {
            in[n + (size_t)i] = (float)row[1 + i];
        }
        assert_int_equal(model_net_step(params->rule.net, in, h, dw), MODEL_OK);
        const model_history history = {.stimulus = row[1]};
        model_policy_fill(&params->policy, &history, row[0], g);
        for (size_t i = 0; i < n; i++) {
            weights[i] += (double)dw[i];
            a += weights[i] * g[i];
            *worst_w = fmax(*worst_w, fabs(weights[i] - w_expected[t * n + i]));
        }
        *worst_p = fmax(*worst_p, fabs(sigmoid_exact(a) - p_expected[t]));
    }
}

static void check_case(const char *name, const struct learning_case *c)
{
    const size_t n = c->model.bank.member[0].policy.n;
    double worst_w = 0.0;
    double worst_p = 0.0;
    for (size_t s = 0; s < c->n_sequences; s++) {
        run_sequence(&c->model.bank.member[0], c->x.v + s * c->n_trials * COVARIATES,
                     c->w.v + s * c->n_trials * n, c->p.v + s * c->n_trials, c->n_trials, &worst_w,
                     &worst_p);
    }
    printf("%-44s %zu x %3zu trials: max difference w %.2g, p %.2g\n", name, c->n_sequences,
           c->n_trials, worst_w, worst_p);
    assert_true(worst_w < 1e-5 && worst_p < 1e-5);
}

static void every_row_of_every_case_agrees_within_1e_5(void **state)
{
    (void)state;
    const int n = each_learning_case(check_case);
    assert_int_equal(n, VECTORS_CASES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_every_case_agrees_within_1e_5),
    };
    return skips_end(cmocka_run_group_tests(tests, NULL, NULL), sizeof tests / sizeof tests[0]);
}
