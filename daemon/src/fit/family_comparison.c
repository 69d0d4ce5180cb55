#include "family_comparison.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "family_mix.h"
#include "model/fieller.h"

/* Draws at whose rules steps are measured: every so manieth. */
enum { THINNED = 5, RULES = FIT_BASIS_DRAWS / THINNED };

static const double CHANCE = 0.9; /* of an interval */

struct comparing {
    struct family_comparison *c;
    const struct fit_scoring_options *options;
    struct family_visits visits;
    double correct[RULES * MODEL_WEIGHTS_MAX]; /* (RULES, n_weights): mean steps after them */
    double error[RULES * MODEL_WEIGHTS_MAX];
};

static void run(const struct comparing *f, thread_pool_job *job, size_t n)
{
    if (f->options->team != NULL) {
        thread_pool_run(f->options->team, job, (void *)f, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        job((void *)f, i);
    }
}

static void weigh_animal(void *context, size_t number)
{
    struct comparing *f = context;
    const struct fit_basis_result *fit = &f->c->fit;
    const model_fit_animal *rows = &f->options->view->animals[number];
    struct family_animal *animal = &f->c->animal[number];
    animal->n = rows->n_trials;
    for (uint32_t i = 0; i < fit->n_families; i++) {
        model_likelihood sums = {0};
        const bool is_finite = model_likelihood_add(&fit->family[i].params, rows, &sums);
        animal->log_likelihood[i] = is_finite ? sums.log_likelihood : -(double)INFINITY;
        animal->posterior[i] =
            animal->log_likelihood[i] + log(fit->family[i].prior) - fit->family[i].doubt;
    }
    family_mix_normalise(fit->n_families, animal->posterior);
}

/* What a visit's trial would teach, towards the choice that was made, is added to sum[n]. */
static void add_step(const model_rule *rule, size_t n, const struct family_visit *visit,
                     bool is_correct, double sum[])
{
    model_rule_state state = visit->state;
    model_rule_trial trial = visit->trial;
    double dw[MODEL_WEIGHTS_MAX] = {0.0};
    double u[MODEL_WEIGHTS_MAX];
    const bool is_right = trial.side >= 0 ? trial.side == 1 : trial.chose_right;
    trial.chose_right = is_right == is_correct;
    trial.reward = is_correct ? 1.0 : 0.0;
    if (model_rule_step(rule, &state, n, visit->w, visit->g, &trial, dw, u) != MODEL_OK) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        sum[i] += model_rule_towards(rule, i, visit->w[i], visit->g[i], dw[i], trial.chose_right);
    }
}

static void measure_rule(void *context, size_t number)
{
    struct comparing *f = context;
    const struct fit_basis_result *fit = &f->c->fit;
    model_params params = fit->family[fit->best].params;
    double values[MODEL_LIKELIHOOD_MAX];
    const size_t n = params.policy.n;
    model_likelihood_encode(&params, values);
    memcpy(values, &fit->draws[number * THINNED * fit->n_rule], fit->n_rule * sizeof values[0]);
    model_likelihood_decode(values, &params);
    for (size_t i = 0; i < f->visits.n; i++) {
        const struct family_visit *visit = &f->visits.visit[i];
        add_step(&params.rule, n, visit, true, &f->correct[number * n]);
        add_step(&params.rule, n, visit, false, &f->error[number * n]);
    }
}

static struct family_interval compare_steps(const struct comparing *f)
{
    const model_fieller a =
        model_fieller_index(RULES, f->c->n_weights, f->correct, f->error, CHANCE);
    return (struct family_interval){a.lo, a.index, a.hi};
}

static void order_families(struct family_comparison *c)
{
    for (uint32_t i = 0; i < c->fit.n_families; i++) {
        uint32_t at = i;
        for (; at > 0 && c->fit.family[c->order[at - 1]].posterior < c->fit.family[i].posterior;
             at--) {
            c->order[at] = c->order[at - 1];
        }
        c->order[at] = i;
    }
}

static int judge(struct comparing *f, struct fault *fault)
{
    struct family_comparison *c = f->c;
    const struct fit_basis_family *family = c->fit.family;
    order_families(c);
    run(f, weigh_animal, c->training->n);
    const uint32_t second = c->order[c->fit.n_families > 1 ? 1 : 0];
    const int rc = family_visits_open(&f->visits, c->training, &family[c->order[0]].params,
                                      &family[second].params, f->options->team, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    run(f, measure_rule, RULES);
    c->asymmetry = compare_steps(f);
    for (size_t k = 0; k < f->visits.n; k++) {
        for (size_t i = 0; i < FAMILY_VISITS_STIMULI; i++) {
            c->apart[i] += f->visits.visit[k].apart[i] / (double)f->visits.n;
        }
    }
    family_visits_close(&f->visits);
    return FAULT_NONE;
}

int family_comparison_open(struct family_comparison *c, const struct training_set *training,
                           const model_params *params, const struct fit_scoring_options *options,
                           struct fault *fault)
{
    model_params mean = *params;
    *c = (struct family_comparison){.training = training, .n_weights = params->policy.n};
    struct comparing *f = calloc(1, sizeof *f);
    c->animal = calloc((size_t)training->n + 1, sizeof c->animal[0]);
    int rc = f != NULL && c->animal != NULL
                 ? fit_basis_fit(&mean, options, &c->fit, fault)
                 : fault_set(fault, FAULT_WORK, "no memory to compare rules");
    c->is_stopped = c->fit.is_stopped;
    if (rc == FAULT_NONE && !c->is_stopped) {
        f->c = c;
        f->options = options;
        rc = judge(f, fault);
    }
    if (rc != FAULT_NONE) {
        family_comparison_close(c);
    }
    free(f);
    return rc;
}

void family_comparison_close(struct family_comparison *c)
{
    fit_basis_free(&c->fit);
    free(c->animal);
    memset(c, 0, sizeof *c);
}
