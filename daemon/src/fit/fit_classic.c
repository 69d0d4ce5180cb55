#include "fit_classic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/fit.h"
#include "model/nelder_mead.h"
#include "model_file.h"

enum { ROUNDS = 3, MOVES_MAX = 400 };

static const double TOLERANCE = 1e-9; /* nats/trial */

_Static_assert(2 * (int)MODEL_WEIGHTS_MAX <= (int)MODEL_NELDER_MEAD_MAX, "rates and baselines");

struct search {
    const struct training_set_view *view;
    struct thread_pool *team;
    model_rule rule;
    double *loss; /* by animal, so that the sum does not depend on the threads */
    bool (*tell)(void *context, double done);
    void *context;
    int64_t n_costs;
    bool is_stopped;
};

static void add_animal(void *context, size_t number)
{
    struct search *s = context;
    s->loss[number] = model_fit_loss(&s->rule, s->view->policy.n, &s->view->animals[number]);
}

/* x: logarithms of the rates, then the baselines. */
static bool take_x(struct search *s, const double x[])
{
    bool ok = true;
    for (uint32_t i = 0; i < s->view->policy.n; i++) {
        s->rule.rate[i] = exp(x[i]);
        ok = ok && s->rule.rate[i] <= MODEL_RATE_MAX;
        if (model_rule_of(s->rule.kind)->has_baseline) {
            s->rule.baseline[i] = x[s->view->policy.n + i];
            ok = ok && fabs(s->rule.baseline[i]) <= MODEL_RATE_MAX;
        }
    }
    return ok;
}

static double cost(void *context, const double x[])
{
    struct search *s = context;
    const double done = (double)s->n_costs++ / (2.0 * ROUNDS * MOVES_MAX);
    s->is_stopped = s->is_stopped || (s->tell != NULL && !s->tell(s->context, done));
    if (s->is_stopped || !take_x(s, x)) {
        return (double)INFINITY;
    }
    for (uint32_t i = 0; s->team == NULL && i < s->view->n; i++) {
        add_animal(s, i);
    }
    if (s->team != NULL) {
        thread_pool_run(s->team, add_animal, s, s->view->n);
    }
    double sum = 0.0;
    for (uint32_t i = 0; i < s->view->n; i++) {
        sum += s->loss[i];
    }
    return isfinite(sum) ? sum / (double)s->view->n_trials : (double)INFINITY;
}

int fit_classic_fit(model_params *params, const struct training_set_view *view,
                    struct thread_pool *team, bool (*tell)(void *context, double done),
                    void *context, double *loss, struct fault *fault)
{
    const uint32_t n = view->policy.n;
    const bool has_baseline = model_rule_of(params->rule.kind)->has_baseline;
    struct search s = {
        .view = view, .team = team, .rule = params->rule, .tell = tell, .context = context};
    double x[MODEL_NELDER_MEAD_MAX] = {0.0};
    double step[MODEL_NELDER_MEAD_MAX];
    for (uint32_t i = 0; i < n; i++) {
        x[i] = log(MODEL_FILE_RATE);
        step[i] = 1.0;
        step[n + i] = 0.5;
    }
    s.loss = calloc(view->n, sizeof s.loss[0]);
    if (s.loss == NULL) {
        return fault_set(fault, FAULT_WORK, "no memory for the losses of %u animals", view->n);
    }
    /* Anew from where it ended: a restart frees a simplex that has collapsed. */
    double least = (double)INFINITY;
    for (int round = 0; round < ROUNDS; round++) {
        least =
            model_nelder_mead(has_baseline ? 2 * n : n, x, step, TOLERANCE, MOVES_MAX, cost, &s);
    }
    free(s.loss);
    if (s.is_stopped) {
        *loss = (double)NAN;
        return FAULT_NONE;
    }
    if (!isfinite(least)) {
        return fault_set(fault, FAULT_WORK, "no rates were found with a finite loss");
    }
    (void)take_x(&s, x);
    params->rule = s.rule;
    *loss = least;
    return FAULT_NONE;
}
