#include "model/stacking.h"

#include <math.h>
#include <string.h>

#include "filter.h"
#include "filter_kernel.h"
#include "model/score.h"

_Static_assert((int)MODEL_STACKING_MAX <= (int)FILTER_MAX, "one filter for all coefficients");
_Static_assert(sizeof(model_stacking) ==
                   sizeof(double) *
                       (MODEL_STACKING_MAX + MODEL_STACKING_MAX * MODEL_STACKING_MAX + 1),
               "a stack is compared and written bytewise: it must have no padding");

/* No feature is larger: one wild member must not move what is said of this choice by more. */
static const double DISTANCE_MAX = 4.0;
static const double LOGIT_MAX = 8.0;

/* Nor do the rules together move it by more: where members disagree as they never did before, as on
 * a stimulus that was never shown, what was learned elsewhere must not be trusted far. */
static const double MOVE_MAX = 0.3;

void model_stacking_default(model_stacking_params *params)
{
    *params = (model_stacking_params){
        .rule_var = 0.3, .disengaged_var = 0.1, .drift_var = 3e-5, .trust = 0.9, .share = 1e-3};
}

/* Rules of the bank that have a coefficient, by the order of their list; the others' place is
 * MODEL_STACKING_MAX. */
static size_t find_rules(const model_bank_params *bank, size_t place[MODEL_RULES])
{
    bool is_there[MODEL_RULES] = {false};
    size_t n = 0;
    for (uint32_t i = 0; i < bank->n; i++) {
        is_there[bank->member[i].rule.kind] = true;
    }
    for (size_t kind = 0; kind < MODEL_RULES; kind++) {
        place[kind] = is_there[kind] && n < MODEL_STACKING_RULES ? n++ : MODEL_STACKING_MAX;
    }
    return n;
}

/* Coefficients: one a rule, and those of disengagement; 0 for a bank of one. */
static size_t count_coefficients(const model_bank_params *bank)
{
    size_t place[MODEL_RULES];
    return bank->n > 1 ? find_rules(bank, place) + MODEL_STACKING_OWN : 0;
}

void model_stacking_init(model_stacking *stack, const model_stacking_params *params,
                         const model_bank_params *bank)
{
    const size_t n = count_coefficients(bank);
    memset(stack, 0, sizeof *stack);
    for (size_t i = 0; i < n; i++) {
        stack->P[i * n + i] =
            i + MODEL_STACKING_OWN < n ? params->rule_var : params->disengaged_var;
    }
    stack->trust = params->trust;
}

/* NaN becomes an end. */
static double clamp(double value, double least, double most)
{
    const double above = value > least ? value : least;
    return above < most ? above : most;
}

static double logit_of(double p)
{
    static const double P_MIN = 1e-12;
    const double held = clamp(p, P_MIN, 1.0 - P_MIN);
    return log(held / (1.0 - held));
}

/* What the stack reads of up to FILTER_LANES mixtures, a lane each. */
struct view {
    size_t n;                         /* features */
    filter_row f[MODEL_STACKING_MAX]; /* (n): how far each rule's mean logit is from the mixture's;
                                       * and the mixture's own, and 1, each times the probability
                                       * that the animal does not play */
    filter_row base;                  /* the mixture's logit */
};

static void see_rules(const model_bank_params *bank, const model_bank_mixture *mixture,
                      const size_t place[MODEL_RULES], size_t lane, struct view *view)
{
    double share[MODEL_STACKING_MAX + 1] = {0.0};
    double sum[MODEL_STACKING_MAX + 1] = {0.0};
    for (uint32_t i = 0; i < bank->n; i++) {
        const size_t at = place[bank->member[i].rule.kind];
        const double weight = mixture->is_outside[i] ? 0.0 : bank->prior[i];
        share[at] += weight;
        sum[at] += weight > 0.0 ? weight * mixture->logit[i] : 0.0;
    }
    for (size_t i = 0; i + MODEL_STACKING_OWN < view->n; i++) {
        const double distance = sum[i] / share[i] - view->base.at[lane];
        view->f[i].at[lane] = share[i] > 0.0 ? clamp(distance, -DISTANCE_MAX, DISTANCE_MAX) : 0.0;
    }
}

static void see(const model_bank_params *bank, size_t n, const model_bank_mixture mixtures[],
                double p_disengaged, struct view *view)
{
    size_t place[MODEL_RULES];
    const size_t n_rules = find_rules(bank, place);
    view->n = n_rules + MODEL_STACKING_OWN;
    memset(view->f, 0, view->n * sizeof view->f[0]);
    memset(&view->base, 0, sizeof view->base);
    for (size_t i = 0; i < n; i++) {
        const double base = logit_of(mixtures[i].p_right);
        view->base.at[i] = base;
        view->f[n_rules].at[i] = p_disengaged * clamp(base, -LOGIT_MAX, LOGIT_MAX);
        view->f[n_rules + 1].at[i] = p_disengaged;
        see_rules(bank, &mixtures[i], place, i, view);
    }
}

/* What the stack alone says: mean of its logit, and the variance that is its own. */
static void say(const model_stacking *stack, const struct view *view, filter_row *mean,
                filter_row *var)
{
    const filter_kernel *kernel = filter_kernel_at(0);
    filter_row rules;
    *mean = view->base;
    kernel->logit(view->n, stack->b, stack->P, view->f, mean, var);
    kernel->dot(view->n - MODEL_STACKING_OWN, stack->b, view->f, &rules);
    for (size_t i = 0; i < FILTER_LANES; i++) {
        mean->at[i] = mean->at[i] - rules.at[i] + clamp(rules.at[i], -MOVE_MAX, MOVE_MAX);
    }
}

void model_stacking_predict(const model_stacking *stack, const model_bank_params *bank, size_t n,
                            const model_bank_mixture mixtures[], double p_disengaged,
                            double p_right[], double lo[], double hi[])
{
    struct view view;
    filter_row mean;
    filter_row var;
    filter_row p;
    filter_row whole_mean = {{0.0}};
    filter_row whole_var = {{0.0}};
    if (bank->n < 2) {
        model_bank_interval(n, mixtures, lo, hi);
        for (size_t i = 0; i < n; i++) {
            p_right[i] = mixtures[i].p_right;
        }
        return;
    }
    const filter_kernel *kernel = filter_kernel_at(0);
    const double trust = stack->trust;
    see(bank, n, mixtures, p_disengaged, &view);
    say(stack, &view, &mean, &var);
    kernel->forecast(&mean, &var, &p);
    for (size_t i = 0; i < n; i++) {
        const double moved = mean.at[i] - view.base.at[i];
        whole_mean.at[i] = mixtures[i].mean + trust * moved;
        whole_var.at[i] = mixtures[i].var + trust * (var.at[i] + (1.0 - trust) * moved * moved);
        p_right[i] = fmin(trust * p.at[i] + (1.0 - trust) * mixtures[i].p_right, 1.0);
    }
    kernel->interval(n, &whole_mean, &whole_var, lo, hi);
}

void model_stacking_observe(model_stacking *stack, const model_stacking_params *params,
                            const model_bank_params *bank, const model_bank_mixture *mixture,
                            double p_disengaged, bool chose_right)
{
    struct view view;
    filter_row mean;
    filter_row var;
    double f[MODEL_STACKING_MAX];
    double drift[MODEL_STACKING_MAX];
    if (bank->n < 2) {
        return;
    }
    see(bank, 1, mixture, p_disengaged, &view);
    say(stack, &view, &mean, &var);
    for (size_t i = 0; i < view.n; i++) {
        f[i] = view.f[i].at[0];
        drift[i] = params->drift_var;
    }
    const double p = filter_forecast(mean.at[0], var.at[0]);
    if (!isfinite(p) || filter_update(MODEL_FILTER_EKF, view.n, stack->b, stack->P, f,
                                      view.base.at[0], chose_right) != MODEL_OK) {
        return;
    }
    filter_diffuse(view.n, stack->P, drift);
    double weight[2] = {stack->trust, 1.0 - stack->trust};
    model_bank_weigh(2, params->share, 1.0, (double[]){params->trust, 1.0 - params->trust},
                     (double[]){p, mixture->p_right}, chose_right, weight);
    stack->trust = weight[0];
}
