#include "rollout.h"

#include <math.h>
#include <string.h>

#include "exp_exact.h"
#include "model/cohort.h"
#include "model/random.h"
#include "vectors.h"

struct rollout {
    const model_bank_params *params;
    size_t capacity;
    size_t n;
    size_t first[MODEL_BANK_MAX + 1]; /* member m's roll-outs are first[m]..first[m + 1] - 1 */
    double pace_sum;
    double pace_n;
    model_cohort *cohort[MODEL_BANK_MAX];
};

static size_t head_size(void)
{
    return (sizeof(rollout) + MODEL_NET_ALIGN - 1) / MODEL_NET_ALIGN * MODEL_NET_ALIGN;
}

size_t rollout_size(const model_bank_params *params, size_t n)
{
    if (model_bank_check(params) != MODEL_OK || n < 1 || n > ROLLOUT_MAX) {
        return 0;
    }
    size_t size = head_size();
    for (uint32_t m = 0; m < params->n; m++) {
        size += model_cohort_size(&params->member[m], n);
    }
    return size;
}

int rollout_init(void *mem, size_t mem_size, const model_bank_params *params, size_t n,
                 rollout **out)
{
    const size_t size = rollout_size(params, n);
    if (size == 0) {
        return MODEL_ERR_ARG;
    }
    if (mem_size < size) {
        return MODEL_ERR_SPACE;
    }
    rollout *r = mem;
    memset(r, 0, sizeof *r);
    r->params = params;
    r->capacity = n;
    unsigned char *at = (unsigned char *)mem + head_size();
    for (uint32_t m = 0; m < params->n; m++) {
        const size_t part = model_cohort_size(&params->member[m], n);
        (void)model_cohort_init(at, part, &params->member[m], n, &r->cohort[m]);
        at += part;
    }
    *out = r;
    return MODEL_OK;
}

/* What one strand, or one member of a bank, brings in. */
struct source {
    size_t member;
    double prior; /* within the member */
    double nats;
    double pace;
    const model_member *twin;
};

/* Where no rule has a prior, all have the same. */
static void weigh(const model_bank_params *params, size_t n, const struct source sources[],
                  const model_rollout_tuning *tuning, double weight[])
{
    double alike[MODEL_RULES] = {0.0};
    double sum = 0.0;
    double priors = 0.0;
    double least = (double)INFINITY;
    for (uint32_t m = 0; m < params->n; m++) {
        alike[params->member[m].rule.kind] += 1.0;
        priors += tuning->prior[params->member[m].rule.kind];
    }
    for (size_t i = 0; i < n; i++) {
        const model_rule_kind kind = params->member[sources[i].member].rule.kind;
        const double prior = priors > 0.0 ? tuning->prior[kind] : 1.0;
        weight[i] = prior / alike[kind] * sources[i].prior;
        least = weight[i] > 0.0 ? fmin(least, sources[i].nats) : least;
    }
    for (size_t i = 0; i < n; i++) {
        weight[i] *= exp(-tuning->trust * fmax(sources[i].nats - least, 0.0));
        sum += weight[i];
    }
    for (size_t i = 0; i < n; i++) {
        weight[i] /= sum;
    }
}

static size_t sources_of(const model_rate_grid *pace, struct source sources[])
{
    for (int64_t i = 0; i < pace->n; i++) {
        const model_rate_grid_strand *s = &pace->strand[i];
        sources[i] = (struct source){(size_t)s->member, s->prior, s->nats, s->pace, &s->twin};
    }
    return (size_t)pace->n;
}

void rollout_weigh(const model_bank_params *params, const model_rate_grid *pace,
                   const model_rollout_tuning *tuning, double weight[])
{
    struct source sources[MODEL_RATE_GRID_STRANDS];
    weigh(params, sources_of(pace, sources), sources, tuning, weight);
}

static void tune(model_cohort *cohort, const model_params *params,
                 const model_rollout_tuning *tuning)
{
    double drift_var[MODEL_WEIGHTS_MAX];
    double session_var[MODEL_WEIGHTS_MAX];
    double reversion[MODEL_WEIGHTS_MAX];
    for (size_t k = 0; k < params->policy.n; k++) {
        const size_t g = model_feature_is_stimulus(params->policy.feature[k]) ? 0 : 1;
        drift_var[k] = tuning->drift[g] * params->noise.drift_var[k];
        session_var[k] = tuning->session[g] * params->noise.session_var[k];
        reversion[k] = tuning->reversion[g];
    }
    model_cohort_set_noise(cohort, drift_var, session_var);
    model_cohort_set_reversion(cohort, reversion);
}

/* Stimulus weights are drawn to where the animal stands, the others to 0. */
static void anchor(model_cohort *cohort, size_t i, const model_params *params,
                   const model_member *twin)
{
    double to[MODEL_WEIGHTS_MAX];
    for (size_t k = 0; k < params->policy.n; k++) {
        to[k] = model_feature_is_stimulus(params->policy.feature[k]) ? twin->w[k] : 0.0;
    }
    model_cohort_set_anchor(cohort, i, to);
}

/* Roll-outs first..end - 1 go on from a source. */
static void enter(rollout *r, const struct source *source, size_t first, size_t end,
                  const model_rollout_tuning *tuning, uint64_t seed)
{
    const model_params *params = &r->params->member[source->member];
    model_cohort *cohort = r->cohort[source->member];
    for (size_t i = first; i < end; i++) {
        const size_t at = i - r->first[source->member];
        model_random draws;
        model_random_seed(&draws, seed, i + (UINT64_C(1) << 32));
        model_cohort_enter(cohort, at, source->twin, seed, i);
        anchor(cohort, at, params, source->twin);
        const double pace = source->pace * exp(tuning->pace_sd * model_random_normal(&draws));
        model_cohort_set_pace(cohort, at, pace);
        if (model_rule_of(params->rule.kind)->moves_weights) {
            r->pace_sum += pace;
            r->pace_n++;
        }
    }
}

/* Sources stand in the order of their members. So many roll-outs each that the first i of all
 * sources have their share, rounded. */
static int start(rollout *r, size_t n_sources, const struct source sources[],
                 const model_rollout_tuning *tuning, size_t n, uint64_t seed)
{
    double weight[MODEL_RATE_GRID_STRANDS];
    double sum = 0.0;
    size_t first = 0;
    if (n < 1 || n > r->capacity || model_rollout_tuning_check(tuning) != MODEL_OK) {
        return MODEL_ERR_ARG;
    }
    weigh(r->params, n_sources, sources, tuning, weight);
    r->n = n;
    r->pace_sum = 0.0;
    r->pace_n = 0.0;
    for (uint32_t m = 0; m < r->params->n; m++) {
        tune(r->cohort[m], &r->params->member[m], tuning);
        r->first[m + 1] = 0;
    }
    for (size_t i = 0; i < n_sources; i++) {
        const size_t m = sources[i].member;
        sum += weight[i];
        const double part = fmin(round(sum * (double)n), (double)n);
        const size_t end = i + 1 == n_sources ? n : (size_t)part;
        if (i == 0 || sources[i - 1].member != m) {
            r->first[m] = first;
        }
        enter(r, &sources[i], first, end, tuning, seed);
        first = end;
        r->first[m + 1] = end;
    }
    for (uint32_t m = 0; m < r->params->n; m++) {
        model_cohort_set_count(r->cohort[m], r->first[m + 1] - r->first[m]);
    }
    return MODEL_OK;
}

int rollout_start(rollout *r, const model_rate_grid *pace, const model_rollout_tuning *tuning,
                  size_t n, uint64_t seed)
{
    struct source sources[MODEL_RATE_GRID_STRANDS];
    if (pace->n != (int64_t)model_rate_grid_strands(r->params)) {
        return MODEL_ERR_ARG;
    }
    return start(r, sources_of(pace, sources), sources, tuning, n, seed);
}

int rollout_start_bank(rollout *r, const model_bank *bank, const model_rollout_tuning *tuning,
                       size_t n, uint64_t seed)
{
    struct source sources[MODEL_BANK_MAX];
    if (bank->n != r->params->n) {
        return MODEL_ERR_ARG;
    }
    for (size_t m = 0; m < bank->n; m++) {
        const double nats = -log(fmax(bank->weight[m], 1e-300));
        sources[m] = (struct source){m, 1.0, nats, 1.0, &bank->member[m]};
    }
    return start(r, bank->n, sources, tuning, n, seed);
}

double rollout_share(const rollout *r, size_t m)
{
    return (double)(r->first[m + 1] - r->first[m]) / (double)r->n;
}

double rollout_pace(const rollout *r)
{
    return r->pace_n > 0.0 ? r->pace_sum / r->pace_n : 1.0;
}

/* The member that roll-out i goes on by. */
static size_t member_of(const rollout *r, size_t i)
{
    size_t m = 0;
    while (i >= r->first[m + 1]) {
        m++;
    }
    return m;
}

void rollout_start_session(rollout *r, size_t i)
{
    const size_t m = member_of(r, i);
    model_cohort_start_session(r->cohort[m], i - r->first[m]);
}

void rollout_choose(rollout *r, const float contrast[], const uint8_t active[],
                    uint8_t chose_right[], float p_right[])
{
    for (uint32_t m = 0; m < r->params->n; m++) {
        const size_t at = r->first[m];
        if (r->first[m + 1] > at) {
            model_cohort_choose(r->cohort[m], contrast + at, active != NULL ? active + at : NULL,
                                chose_right + at, p_right != NULL ? p_right + at : NULL);
        }
    }
}

size_t rollout_learn(rollout *r, const model_cohort_trials *t)
{
    size_t n_still = 0;
    for (uint32_t m = 0; m < r->params->n; m++) {
        const size_t at = r->first[m];
        if (r->first[m + 1] == at) {
            continue;
        }
        const model_cohort_trials part = {.contrast = t->contrast + at,
                                          .chose_right = t->chose_right + at,
                                          .reward = t->reward != NULL ? t->reward + at : NULL,
                                          .side = t->side != NULL ? t->side + at : NULL,
                                          .rt_s = t->rt_s != NULL ? t->rt_s + at : NULL,
                                          .active = t->active != NULL ? t->active + at : NULL};
        n_still += model_cohort_learn(r->cohort[m], &part);
    }
    return n_still;
}

double rollout_predict(const rollout *r, size_t i, double contrast)
{
    static const model_history NONE = {0};
    const size_t m = member_of(r, i);
    const model_policy *policy = &r->params->member[m].policy;
    double w[MODEL_WEIGHTS_MAX];
    double g[MODEL_WEIGHTS_MAX];
    model_cohort_weights(r->cohort[m], i - r->first[m], w);
    model_policy_fill(policy, &NONE, model_policy_stimulus(policy, contrast), g);
    return sigmoid_exact(dot(policy->n, w, g));
}
