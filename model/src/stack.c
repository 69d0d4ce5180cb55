#include "model/stack.h"

#include <math.h>
#include <string.h>

#include "model/filter.h"
#include "model/score.h"

_Static_assert((int)MODEL_STACK_MAX <= (int)MODEL_FILTER_MAX, "one filter for all coefficients");
_Static_assert(sizeof(model_stack) ==
                   sizeof(double) * (MODEL_STACK_MAX + MODEL_STACK_MAX * MODEL_STACK_MAX + 1),
               "a stack is compared and written bytewise: it must have no padding");

/* No feature is larger: one wild member must not move what is said of this choice by more. */
static const double DISTANCE_MAX = 4.0;
static const double LOGIT_MAX = 8.0;

/* Nor do the rules together move it by more: where members disagree as they never did before, as on
 * a stimulus that was never shown, what was learned elsewhere must not be trusted far. */
static const double MOVE_MAX = 0.3;

void model_stack_default(model_stack_params *params)
{
    *params = (model_stack_params){
        .rule_var = 0.3, .disengaged_var = 0.1, .drift_var = 3e-5, .trust = 0.9, .share = 1e-3};
}

static bool is_within(double value, double least, double most)
{
    return value >= least && value <= most;
}

int model_stack_check(const model_stack_params *params)
{
    static const double VAR_MIN = 1e-9;
    return is_within(params->rule_var, VAR_MIN, MODEL_VAR_MAX) &&
                   is_within(params->disengaged_var, VAR_MIN, MODEL_VAR_MAX) &&
                   is_within(params->drift_var, 0.0, 1.0) && is_within(params->trust, 0.0, 1.0) &&
                   is_within(params->share, 0.0, 1.0)
               ? MODEL_OK
               : MODEL_ERR_ARG;
}

/* Rules that are in the bank, by the order of their list. */
static size_t find_rules(const model_bank_params *bank, size_t place[MODEL_RULES])
{
    bool is_there[MODEL_RULES] = {false};
    size_t n = 0;
    for (uint32_t i = 0; i < bank->n; i++) {
        is_there[bank->member[i].rule.kind] = true;
    }
    for (size_t kind = 0; kind < MODEL_RULES; kind++) {
        place[kind] = is_there[kind] ? n++ : MODEL_STACK_MAX;
    }
    return n;
}

size_t model_stack_size(const model_bank_params *bank)
{
    size_t place[MODEL_RULES];
    return bank->n > 1 ? find_rules(bank, place) + MODEL_STACK_OWN : 0;
}

void model_stack_init(model_stack *stack, const model_stack_params *params,
                      const model_bank_params *bank)
{
    const size_t n = model_stack_size(bank);
    memset(stack, 0, sizeof *stack);
    for (size_t i = 0; i < n; i++) {
        stack->P[i * n + i] = i + MODEL_STACK_OWN < n ? params->rule_var : params->disengaged_var;
    }
    stack->trust = params->trust;
}

static double clamp(double value, double most)
{
    return fmin(fmax(value, -most), most);
}

static double logit_of(double p)
{
    static const double P_MIN = 1e-12;
    const double held = fmin(fmax(p, P_MIN), 1.0 - P_MIN);
    return log(held / (1.0 - held));
}

/* f[n]: how far each rule's mean logit is from the mixture's; and the mixture's own, and 1, each
 * times the probability that the animal does not play. *base is the mixture's logit. */
static size_t fill(const model_bank_params *bank, const model_bank_mixture *mixture,
                   double p_disengaged, double f[], double *base)
{
    size_t place[MODEL_RULES];
    double share[MODEL_RULES] = {0.0};
    double sum[MODEL_RULES] = {0.0};
    const size_t n_rules = find_rules(bank, place);
    const double logit = logit_of(mixture->p_right);
    for (uint32_t i = 0; i < bank->n; i++) {
        const size_t at = place[bank->member[i].rule.kind];
        const double weight = mixture->is_outside[i] ? 0.0 : bank->prior[i];
        share[at] += weight;
        sum[at] += weight > 0.0 ? weight * mixture->logit[i] : 0.0;
    }
    for (size_t i = 0; i < n_rules; i++) {
        f[i] = share[i] > 0.0 ? clamp(sum[i] / share[i] - logit, DISTANCE_MAX) : 0.0;
    }
    f[n_rules] = p_disengaged * clamp(logit, LOGIT_MAX);
    f[n_rules + 1] = p_disengaged;
    *base = logit;
    return n_rules + MODEL_STACK_OWN;
}

/* What the stack alone says: mean of its logit, and the variance that is its own. */
static double say(const model_stack *stack, size_t n, const double f[], double base, double *var)
{
    const double whole = model_filter_logit(n, stack->b, stack->P, f, base, var);
    double rules = 0.0;
    for (size_t i = 0; i + MODEL_STACK_OWN < n; i++) {
        rules += stack->b[i] * f[i];
    }
    return whole - rules + clamp(rules, MOVE_MAX);
}

double model_stack_predict(const model_stack *stack, const model_bank_params *bank,
                           const model_bank_mixture *mixture, double p_disengaged, double *lo,
                           double *hi)
{
    double f[MODEL_STACK_MAX];
    double base;
    double var;
    if (bank->n < 2) {
        model_filter_interval(mixture->mean, mixture->var, lo, hi);
        return mixture->p_right;
    }
    const size_t n = fill(bank, mixture, p_disengaged, f, &base);
    const double mean = say(stack, n, f, base, &var);
    const double moved = mean - base;
    const double trust = stack->trust;
    model_filter_interval(mixture->mean + trust * moved,
                          mixture->var + trust * (var + (1.0 - trust) * moved * moved), lo, hi);
    return fmin(trust * model_filter_forecast(mean, var) + (1.0 - trust) * mixture->p_right, 1.0);
}

void model_stack_observe(model_stack *stack, const model_stack_params *params,
                         const model_bank_params *bank, const model_bank_mixture *mixture,
                         double p_disengaged, bool chose_right)
{
    double f[MODEL_STACK_MAX];
    double drift[MODEL_STACK_MAX];
    double base;
    double var;
    if (bank->n < 2) {
        return;
    }
    const size_t n = fill(bank, mixture, p_disengaged, f, &base);
    const double mean = say(stack, n, f, base, &var);
    const double p = model_filter_forecast(mean, var);
    if (!isfinite(p) ||
        model_filter_update(n, stack->b, stack->P, f, base, chose_right) != MODEL_OK) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        drift[i] = params->drift_var;
    }
    model_filter_diffuse(n, stack->P, drift);
    double weight[2] = {stack->trust, 1.0 - stack->trust};
    model_bank_weigh(2, params->share, 1.0, (double[]){params->trust, 1.0 - params->trust},
                     (double[]){p, mixture->p_right}, chose_right, weight);
    stack->trust = weight[0];
}
