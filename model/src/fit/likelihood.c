#include "model/likelihood.h"

#include <math.h>

#include "checks.h"
#include "cholesky.h"

static const double LOGIT_MOST = 6.0;

/* One of the vectors of model_params, as parameters. */
typedef struct {
    bool is_there;
    bool is_logit;
    size_t n; /* values */
    double *values;
    double least;
    double most;
} vector;

static vector vector_of(model_params *p, model_parameter_kind kind)
{
    const model_rule_traits *rule = model_rule_of(p->rule.kind);
    const size_t n = p->policy.n;
    const double rate = MODEL_RATE_MAX;
    switch (kind) {
    case MODEL_PARAMETER_RATE:
        return (vector){rule->has_rates, false, n, p->rule.rate, -rate, rate};
    case MODEL_PARAMETER_BASELINE:
        return (vector){rule->has_baseline, false, n, p->rule.baseline, -rate, rate};
    case MODEL_PARAMETER_COEFFICIENT:
        return (vector){rule->has_terms, false, MODEL_BASIS_TERMS * n, NULL, -rate, rate};
    case MODEL_PARAMETER_DECAY:
        return (vector){rule->has_trace, true,        rule->has_terms ? 1 : n,
                        p->rule.decay,   -LOGIT_MOST, LOGIT_MOST};
    case MODEL_PARAMETER_MEMORY:
        return (vector){rule->has_terms, true, 1, &p->rule.memory, -LOGIT_MOST, LOGIT_MOST};
    case MODEL_PARAMETER_PRIOR_MEAN:
        return (vector){true, false, n, p->noise.prior_mean, -MODEL_MEAN_MAX, MODEL_MEAN_MAX};
    case MODEL_PARAMETER_PRIOR_VAR:
        return (vector){true, false, n, p->noise.prior_var, 0.0, MODEL_VAR_MAX};
    case MODEL_PARAMETER_DRIFT_VAR:
        return (vector){true, false, n, p->noise.drift_var, 0.0, MODEL_VAR_MAX};
    case MODEL_PARAMETER_SESSION_VAR:
    case MODEL_PARAMETERS:
        break;
    }
    return (vector){true, false, n, p->noise.session_var, 0.0, MODEL_VAR_MAX};
}

/* A prior variance of a model file is above 0. */
static const double PRIOR_VAR_LEAST = 1e-12;

static double *value_at(model_params *p, const vector *v, size_t i)
{
    return v->values != NULL ? &v->values[i]
                             : &p->rule.coefficient[i / p->policy.n][i % p->policy.n];
}

size_t model_likelihood_list(const model_params *params, model_parameter out[MODEL_LIKELIHOOD_MAX])
{
    model_params copy = *params;
    size_t m = 0;
    for (int kind = 0; kind < MODEL_PARAMETERS; kind++) {
        const vector v = vector_of(&copy, (model_parameter_kind)kind);
        for (size_t i = 0; v.is_there && i < v.n; i++) {
            out[m++] = (model_parameter){.kind = (model_parameter_kind)kind,
                                         .term = (model_basis_term)(i / params->policy.n),
                                         .weight = (uint32_t)(i % params->policy.n)};
        }
    }
    return model_rule_of(params->rule.kind)->has_net ? 0 : m;
}

void model_likelihood_encode(const model_params *params, double values[MODEL_LIKELIHOOD_MAX])
{
    model_params copy = *params;
    size_t m = 0;
    for (int kind = 0; kind < MODEL_PARAMETERS; kind++) {
        const vector v = vector_of(&copy, (model_parameter_kind)kind);
        for (size_t i = 0; v.is_there && i < v.n; i++) {
            const double x = *value_at(&copy, &v, i);
            values[m++] = clamp(v.is_logit ? log(x / (1.0 - x)) : x, v.least, v.most);
        }
    }
}

void model_likelihood_decode(const double values[MODEL_LIKELIHOOD_MAX], model_params *params)
{
    size_t m = 0;
    for (int kind = 0; kind < MODEL_PARAMETERS; kind++) {
        const vector v = vector_of(params, (model_parameter_kind)kind);
        for (size_t i = 0; v.is_there && i < v.n; i++) {
            const double x = clamp(values[m++], v.least, v.most);
            *value_at(params, &v, i) = v.is_logit ? 1.0 / (1.0 + exp(-x)) : x;
        }
    }
    for (uint32_t i = 0; i < params->policy.n; i++) {
        params->noise.prior_var[i] = fmax(params->noise.prior_var[i], PRIOR_VAR_LEAST);
        if (model_rule_of(params->rule.kind)->has_terms) {
            params->rule.decay[i] = params->rule.decay[0];
        }
    }
}

void model_likelihood_bounds(const model_parameter *parameter, double *least, double *most)
{
    model_params params = {0};
    const vector v = vector_of(&params, parameter->kind);
    const bool is_forgetting =
        parameter->kind == MODEL_PARAMETER_COEFFICIENT && parameter->term == MODEL_BASIS_FORGETTING;
    *least = is_forgetting ? -1.0 : v.least;
    *most = is_forgetting ? 1.0 : v.most;
}

double model_likelihood_shared(size_t m, const bool is_used[], const model_likelihood *sums)
{
    static const double RIDGE = 1e-6; /* of the diagonal */
    double L[MODEL_LIKELIHOOD_MAX * MODEL_LIKELIHOOD_MAX];
    double x[MODEL_LIKELIHOOD_MAX];
    size_t place[MODEL_LIKELIHOOD_MAX];
    size_t n = 0;
    double sum = 0.0;
    for (size_t i = 0; i < m; i++) {
        if (is_used[i] && sums->information[i * m + i] > 0.0) {
            place[n++] = i;
        }
    }
    for (size_t a = 0; a < n; a++) {
        for (size_t b = 0; b <= a; b++) {
            L[a * n + b] =
                sums->information[place[a] * m + place[b]] * (a == b ? 1.0 + RIDGE : 1.0);
        }
    }
    if (n == 0 || !cholesky_factor(n, n, L)) {
        return (double)NAN;
    }
    for (size_t t = 0; t < sums->n_by_trial; t++) {
        for (size_t a = 0; a < n; a++) {
            x[a] = sums->by_trial[t * m + place[a]];
        }
        cholesky_forward(n, n, L, x);
        for (size_t a = 0; a < n; a++) {
            sum += x[a] * x[a];
        }
    }
    return sum / (double)n;
}
