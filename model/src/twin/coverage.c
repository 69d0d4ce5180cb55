#include "model/coverage.h"

#include <math.h>
#include <string.h>

#include "filter.h"

_Static_assert(sizeof(model_coverage_rate) == sizeof(double) * (1 + 3 * MODEL_WEIGHTS_MAX) &&
                   sizeof(model_coverage) ==
                       sizeof(int64_t) +
                           sizeof(double) * (MODEL_WEIGHTS_MAX * (MODEL_WEIGHTS_MAX + 2) + 2) +
                           MODEL_COVERAGE_RATES * sizeof(model_coverage_rate),
               "it is compared and written bytewise: it must have no padding");

void model_coverage_reset(model_coverage *coverage)
{
    memset(coverage, 0, sizeof *coverage);
}

/* The offset of the next trial is known before it; what is uncertain is w. */
static double shift_of(const model_bank *bank, size_t k, const double g[])
{
    double shift = 0.0;
    for (size_t m = 0; m < bank->n; m++) {
        for (size_t i = 0; i < k; i++) {
            shift += bank->weight[m] * bank->member[m].rule.offset[i] * g[i];
        }
    }
    return shift;
}

static void begin(model_coverage *c, const model_bank *bank, const model_bank_params *params,
                  size_t k)
{
    model_coverage_reset(c);
    model_bank_moments(bank, k, c->w, c->P);
    for (size_t m = 0; m < bank->n; m++) {
        for (size_t i = 0; i < k; i++) {
            c->w[i] -= bank->weight[m] * bank->member[m].rule.offset[i];
            c->drift[i] += bank->weight[m] * params->member[m].noise.drift_var[i];
        }
    }
}

/* sign: 1 counts the right choice, -1 the left one. */
static void push_rate(model_coverage_rate *rate, size_t k, const double g[], double slope,
                      double lag, double error, double sign)
{
    rate->error += sign * error;
    for (size_t i = 0; i < k; i++) {
        const double a = sign * slope * g[i];
        rate->slope_drift[i] += 2.0 * a * rate->slope_lag[i] + lag * a * a;
        rate->slope_lag[i] += lag * a;
        rate->slope[i] += a;
    }
}

/* The forecast of a choice `lag` trials after the belief, and how it follows the logit. */
static void push(model_coverage *c, size_t k, const double g[], double shift, bool chose_right)
{
    const double lag = (double)c->n_trials;
    double var;
    const double mean = filter_logit(k, c->w, c->P, g, shift, &var);
    for (size_t i = 0; i < k; i++) {
        var += lag * c->drift[i] * g[i] * g[i];
    }
    const double p = filter_forecast(mean, var);
    const double slope = p * (1.0 - p) / sqrt(1.0 + FILTER_PI_OVER_8 * var);
    const double error = (chose_right ? 1.0 : 0.0) - p;
    c->spread += p * (1.0 - p);
    c->own += slope * slope * var;
    push_rate(&c->rate[0], k, g, slope, lag, error, 1.0);
    push_rate(&c->rate[1], k, g, slope, lag, error, p >= 0.5 ? 1.0 : -1.0);
}

static void close_rate(const model_coverage *c, const model_coverage_rate *rate, size_t k,
                       model_coverage_bin *bin)
{
    double claimed;
    (void)filter_logit(k, c->w, c->P, rate->slope, 0.0, &claimed);
    for (size_t i = 0; i < k; i++) {
        claimed += c->drift[i] * rate->slope_drift[i];
    }
    const double chance = fmax(c->spread - c->own, 0.0);
    const double error2 = rate->error * rate->error;
    bin->n++;
    bin->n_covered += error2 <= MODEL_Z90 * MODEL_Z90 * (claimed + chance);
    bin->found += error2 - chance;
    bin->claimed += claimed;
}

void model_coverage_observe(model_coverage *coverage, const model_bank *bank,
                            const model_bank_params *params, const model_trial *trial,
                            model_coverage_bin *bin)
{
    const model_policy *policy = &params->member[0].policy;
    *bin = (model_coverage_bin){0};
    if (coverage->n_trials == 0) {
        begin(coverage, bank, params, policy->n);
    }
    if (trial->choice >= 0) {
        double g[MODEL_WEIGHTS_MAX];
        model_policy_fill(policy, &bank->member[0].history,
                          model_policy_stimulus(policy, trial->contrast), g);
        push(coverage, policy->n, g, shift_of(bank, policy->n, g), trial->choice == 1);
    }
    coverage->n_trials++;
    if (coverage->spread >= MODEL_COVERAGE_BIN_VAR) {
        for (int i = 0; i < MODEL_COVERAGE_RATES; i++) {
            close_rate(coverage, &coverage->rate[i], policy->n, bin);
        }
        model_coverage_reset(coverage);
    }
}
