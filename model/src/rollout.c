#include "model/rollout.h"

#include <math.h>
#include <string.h>

#include "model/filter.h"
#include "model/random.h"

struct model_rollout {
    const model_bank_params *params;
    size_t capacity;
    size_t n;
    size_t first[MODEL_BANK_MAX + 1]; /* member m's roll-outs are first[m]..first[m + 1] - 1 */
    model_herd *herd[MODEL_BANK_MAX];
};

void model_rollout_tuning_init(model_rollout_tuning *tuning)
{
    *tuning = (model_rollout_tuning){.trust = 0.0,
                                     .drift = {1.0, 1.0},
                                     .session = {1.0, 1.0},
                                     .reversion = {0.0, 0.0},
                                     .pace_sd = 0.0};
    for (size_t i = 0; i < MODEL_RULES; i++) {
        tuning->prior[i] = 1.0;
    }
}

static bool is_size(double value)
{
    return value >= 0.0 && isfinite(value);
}

int model_rollout_tuning_check(const model_rollout_tuning *tuning)
{
    double sum = 0.0;
    bool ok = is_size(tuning->trust) && is_size(tuning->pace_sd) && tuning->trust <= 1.0;
    for (size_t i = 0; i < 2; i++) {
        ok = ok && is_size(tuning->drift[i]) && is_size(tuning->session[i]) &&
             is_size(tuning->reversion[i]) && tuning->reversion[i] <= 1.0;
    }
    for (size_t i = 0; i < MODEL_RULES; i++) {
        ok = ok && is_size(tuning->prior[i]);
        sum += tuning->prior[i];
    }
    return ok && sum > 0.0 ? MODEL_OK : MODEL_ERR_ARG;
}

static size_t head_size(void)
{
    return (sizeof(model_rollout) + MODEL_NET_ALIGN - 1) / MODEL_NET_ALIGN * MODEL_NET_ALIGN;
}

size_t model_rollout_size(const model_bank_params *params, size_t n)
{
    if (model_bank_check(params) != MODEL_OK || n < 1 || n > MODEL_ROLLOUT_MAX) {
        return 0;
    }
    size_t size = head_size();
    for (uint32_t m = 0; m < params->n; m++) {
        size += model_herd_size(&params->member[m], n);
    }
    return size;
}

int model_rollout_init(void *mem, size_t mem_size, const model_bank_params *params, size_t n,
                       model_rollout **out)
{
    const size_t size = model_rollout_size(params, n);
    if (size == 0) {
        return MODEL_ERR_ARG;
    }
    if (mem_size < size) {
        return MODEL_ERR_SPACE;
    }
    model_rollout *r = mem;
    memset(r, 0, sizeof *r);
    r->params = params;
    r->capacity = n;
    unsigned char *at = (unsigned char *)mem + head_size();
    for (uint32_t m = 0; m < params->n; m++) {
        const size_t part = model_herd_size(&params->member[m], n);
        (void)model_herd_init(at, part, &params->member[m], n, &r->herd[m]);
        at += part;
    }
    *out = r;
    return MODEL_OK;
}

void model_rollout_weigh(const model_bank_params *params, const double bank_weight[],
                         const model_rollout_tuning *tuning, double weight[])
{
    double alike[MODEL_RULES] = {0.0};
    double sum = 0.0;
    for (uint32_t m = 0; m < params->n; m++) {
        alike[params->member[m].rule.kind] += 1.0;
    }
    for (uint32_t m = 0; m < params->n; m++) {
        const model_rule_kind kind = params->member[m].rule.kind;
        weight[m] = tuning->prior[kind] / alike[kind] * pow(bank_weight[m], tuning->trust);
        sum += weight[m];
    }
    for (uint32_t m = 0; m < params->n; m++) {
        weight[m] = sum > 0.0 ? weight[m] / sum : params->prior[m];
    }
}

/* So many roll-outs a member that the first i of all members have their share, rounded. */
static void deal(model_rollout *r, const model_bank *bank, const model_rollout_tuning *tuning)
{
    double weight[MODEL_BANK_MAX];
    double sum = 0.0;
    model_rollout_weigh(r->params, bank->weight, tuning, weight);
    for (uint32_t m = 0; m < r->params->n; m++) {
        sum += weight[m];
        const double end = fmin(round(sum * (double)r->n), (double)r->n);
        r->first[m + 1] = m + 1 == r->params->n ? r->n : (size_t)end;
    }
}

static size_t group(model_feature feature)
{
    return feature == MODEL_FEATURE_STIMULUS || feature == MODEL_FEATURE_STIMULUS_RIGHT ||
                   feature == MODEL_FEATURE_STIMULUS_LEFT
               ? 0
               : 1;
}

static void tune(model_herd *herd, const model_params *params, const model_rollout_tuning *tuning)
{
    double drift_var[MODEL_WEIGHTS_MAX];
    double session_var[MODEL_WEIGHTS_MAX];
    double reversion[MODEL_WEIGHTS_MAX];
    for (size_t k = 0; k < params->policy.n; k++) {
        const size_t g = group(params->policy.feature[k]);
        drift_var[k] = tuning->drift[g] * params->noise.drift_var[k];
        session_var[k] = tuning->session[g] * params->noise.session_var[k];
        reversion[k] = tuning->reversion[g];
    }
    model_herd_set_noise(herd, drift_var, session_var);
    model_herd_set_reversion(herd, reversion);
}

/* Stimulus weights are drawn to where the animal stands, the others to 0. */
static void anchor(model_herd *herd, size_t i, const model_params *params, const model_twin *twin)
{
    double to[MODEL_WEIGHTS_MAX];
    for (size_t k = 0; k < params->policy.n; k++) {
        to[k] = group(params->policy.feature[k]) == 0 ? twin->w[k] : 0.0;
    }
    model_herd_set_anchor(herd, i, to);
}

int model_rollout_start(model_rollout *r, const model_bank *bank,
                        const model_rollout_tuning *tuning, size_t n, uint64_t seed)
{
    if (n < 1 || n > r->capacity || bank->n != r->params->n ||
        model_rollout_tuning_check(tuning) != MODEL_OK) {
        return MODEL_ERR_ARG;
    }
    r->n = n;
    deal(r, bank, tuning);
    for (uint32_t m = 0; m < r->params->n; m++) {
        const size_t count = r->first[m + 1] - r->first[m];
        const model_params *params = &r->params->member[m];
        model_herd_set_count(r->herd[m], count);
        tune(r->herd[m], params, tuning);
        for (size_t i = 0; i < count; i++) {
            const uint64_t number = r->first[m] + i;
            model_random draws;
            model_random_seed(&draws, seed, number + (UINT64_C(1) << 32));
            model_herd_enter(r->herd[m], i, &bank->member[m], seed, number);
            anchor(r->herd[m], i, params, &bank->member[m]);
            model_herd_set_pace(r->herd[m], i, exp(tuning->pace_sd * model_random_normal(&draws)));
        }
    }
    return MODEL_OK;
}

size_t model_rollout_count(const model_rollout *r)
{
    return r->n;
}

double model_rollout_share(const model_rollout *r, size_t m)
{
    return (double)(r->first[m + 1] - r->first[m]) / (double)r->n;
}

/* The member that roll-out i goes on by. */
static size_t member_of(const model_rollout *r, size_t i)
{
    size_t m = 0;
    while (i >= r->first[m + 1]) {
        m++;
    }
    return m;
}

void model_rollout_start_session(model_rollout *r, size_t i)
{
    const size_t m = member_of(r, i);
    model_herd_start_session(r->herd[m], i - r->first[m]);
}

void model_rollout_choose(model_rollout *r, const float contrast[], const uint8_t active[],
                          uint8_t chose_right[], float p_right[])
{
    for (uint32_t m = 0; m < r->params->n; m++) {
        const size_t at = r->first[m];
        if (r->first[m + 1] > at) {
            model_herd_choose(r->herd[m], contrast + at, active != NULL ? active + at : NULL,
                              chose_right + at, p_right != NULL ? p_right + at : NULL);
        }
    }
}

size_t model_rollout_learn(model_rollout *r, const model_herd_trials *t)
{
    size_t n_still = 0;
    for (uint32_t m = 0; m < r->params->n; m++) {
        const size_t at = r->first[m];
        if (r->first[m + 1] == at) {
            continue;
        }
        const model_herd_trials part = {.contrast = t->contrast + at,
                                        .chose_right = t->chose_right + at,
                                        .reward = t->reward != NULL ? t->reward + at : NULL,
                                        .side = t->side != NULL ? t->side + at : NULL,
                                        .rt_s = t->rt_s != NULL ? t->rt_s + at : NULL,
                                        .active = t->active != NULL ? t->active + at : NULL};
        n_still += model_herd_learn(r->herd[m], &part);
    }
    return n_still;
}

double model_rollout_predict(const model_rollout *r, size_t i, double contrast)
{
    static const model_history NONE = {0};
    const size_t m = member_of(r, i);
    const model_policy *policy = &r->params->member[m].policy;
    double w[MODEL_WEIGHTS_MAX];
    double g[MODEL_WEIGHTS_MAX];
    double a = 0.0;
    model_herd_weights(r->herd[m], i - r->first[m], w);
    model_policy_fill(policy, &NONE, model_policy_stimulus(policy, contrast), g);
    for (size_t k = 0; k < policy->n; k++) {
        a += w[k] * g[k];
    }
    return model_filter_sigmoid(a);
}
