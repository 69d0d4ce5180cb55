#include "rule_memory.h"

#include <math.h>

#include "model/percentile.h"

const char *rule_memory_name(enum rule_memory memory)
{
    return memory == RULE_MEMORY_REWARDS ? "rewards" : "choices";
}

bool rule_memory_is_there(const struct rule_ensemble *e)
{
    return rule_ensemble_kind(e) == MODEL_RULE_BASIS;
}

/* NaN: this rule has no such memory. */
static double trials_of(const model_params *params, enum rule_memory memory)
{
    const double(*c)[MODEL_WEIGHTS_MAX] = params->rule.coefficient;
    bool has = false;
    for (size_t i = 0; i < params->policy.n; i++) {
        has =
            has || (memory == RULE_MEMORY_CHOICES ? c[MODEL_BASIS_TRACE][i] != 0.0
                                                  : c[MODEL_BASIS_REWARDED_MEMORY][i] != 0.0 ||
                                                        c[MODEL_BASIS_UNREWARDED_MEMORY][i] != 0.0);
    }
    const double decay =
        memory == RULE_MEMORY_CHOICES ? params->rule.decay[0] : params->rule.memory;
    return has ? 1.0 / (1.0 - decay) : (double)NAN;
}

struct rule_ensemble_value rule_memory_trials(const struct rule_ensemble *e,
                                              enum rule_memory memory)
{
    const double tail = 0.5 * (1.0 - RULE_ENSEMBLE_CHANCE);
    const struct rule_ensemble_value unknown = {(double)NAN, (double)NAN, (double)NAN};
    double values[RULE_ENSEMBLE_MEMBERS_MAX];
    size_t n = 0;
    for (uint32_t m = 0; m < e->n_members; m++) {
        const double trials = trials_of(rule_ensemble_member(e, m), memory);
        if (!isnan(trials)) {
            values[n++] = trials;
        }
    }
    if (2 * n < (size_t)e->n_members || n == 0) {
        return unknown;
    }
    model_percentile_sort(n, values);
    const double median = model_percentile(n, values, 0.5);
    const double least = model_percentile(n, values, tail);
    return e->interval == RULE_ENSEMBLE_NONE
               ? (struct rule_ensemble_value){median, (double)NAN, (double)NAN}
               : (struct rule_ensemble_value){median, least < RULE_MEMORY_ONE_MAX ? 1.0 : least,
                                              model_percentile(n, values, 1.0 - tail)};
}

static double part_of(const model_params *params, uint32_t weight)
{
    const double(*c)[MODEL_WEIGHTS_MAX] = params->rule.coefficient;
    const uint32_t n = params->policy.n;
    double earlier = 0.0;
    double size = 0.0;
    for (uint32_t i = 0; i < n; i++) {
        const double trace = c[MODEL_BASIS_TRACE][i];
        const double own = c[MODEL_BASIS_REWARDED][i] + c[MODEL_BASIS_PREDICT_MAX][i];
        if (weight == i || weight == n) {
            earlier += trace;
            size += fabs(trace) + fabs(own);
        }
    }
    return size > 0.0 ? earlier / size : (double)NAN;
}

struct rule_ensemble_value rule_memory_part(const struct rule_ensemble *e, uint32_t weight)
{
    double values[RULE_ENSEMBLE_MEMBERS_MAX + 1];
    for (uint32_t m = 0; m < e->n_members; m++) {
        values[m] = part_of(rule_ensemble_member(e, m), weight);
    }
    values[e->n_members] = part_of(e->models[0].params, weight);
    return rule_ensemble_value_of(e, values);
}

bool rule_memory_is_shown(const struct rule_ensemble *e, enum rule_memory memory)
{
    const uint32_t all = rule_ensemble_policy(e)->n;
    const struct rule_ensemble_value v =
        memory == RULE_MEMORY_REWARDS ? rule_ensemble_mean_index(e, MODEL_RULE_PROBE_MEMORY, all)
                                      : rule_memory_part(e, all);
    return e->interval == RULE_ENSEMBLE_NONE || v.lo > 0.0 || v.hi < 0.0;
}

bool rule_memory_is_known(const struct rule_ensemble *e, enum rule_memory memory,
                          const struct rule_ensemble_value *trials)
{
    return isfinite(trials->mean) && rule_memory_is_shown(e, memory) &&
           !(trials->hi > RULE_MEMORY_FACTOR_MAX * trials->lo);
}
