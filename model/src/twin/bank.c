#include "model/bank.h"

#include <math.h>
#include <string.h>

#include "checks.h"
#include "filter_kernel.h"

_Static_assert((int)MODEL_BANK_STIMULI == (int)FILTER_LANES, "a lane for every stimulus");

_Static_assert(sizeof(model_bank) ==
                   sizeof(uint64_t) + MODEL_BANK_MAX * (sizeof(double) + sizeof(model_member)),
               "a bank is compared and written bytewise: it must have no padding");

/* Without a share a weight could fall to 0, from which no evidence would raise it, or so low that
 * its product with a likelihood is 0. */
static const double WEIGHT_MIN = 1e-100;

void model_bank_single(model_bank_params *out, const model_params *params)
{
    memset(out, 0, sizeof *out);
    out->n = 1;
    out->temper = 1.0;
    out->prior[0] = 1.0;
    out->member[0] = *params;
}

int model_bank_check(const model_bank_params *params)
{
    if (params->n < 1 || params->n > MODEL_BANK_MAX ||
        !is_within(params->share, 0.0, MODEL_BANK_SHARE_MAX) ||
        !is_within(params->temper, MODEL_BANK_TEMPER_MIN, MODEL_BANK_TEMPER_MAX)) {
        return MODEL_ERR_ARG;
    }
    double sum = 0.0;
    for (uint32_t i = 0; i < params->n; i++) {
        if (model_params_check(&params->member[i]) != MODEL_OK ||
            !model_policy_equals(&params->member[i].policy, &params->member[0].policy) ||
            !is_within(params->prior[i], MODEL_BANK_PRIOR_MIN, 1.0)) {
            return MODEL_ERR_ARG;
        }
        sum += params->prior[i];
    }
    return is_within(sum, 1.0 - 1e-9, 1.0 + 1e-9) ? MODEL_OK : MODEL_ERR_ARG;
}

size_t model_bank_used(size_t n)
{
    return offsetof(model_bank, member) + n * sizeof(model_member);
}

void model_bank_copy(model_bank *to, const model_bank *from)
{
    memcpy(to, from, model_bank_used(from->n));
}

static void start_weights(model_bank *bank, const model_bank_params *params)
{
    memset(bank, 0, offsetof(model_bank, member));
    bank->n = params->n;
    memcpy(bank->weight, params->prior, params->n * sizeof params->prior[0]);
}

void model_bank_init(model_bank *bank, const model_bank_params *params)
{
    start_weights(bank, params);
    for (uint32_t i = 0; i < params->n; i++) {
        model_member_init(&bank->member[i], &params->member[i]);
    }
}

/* Mean and covariance of w over the mixture; with_offset: with what a rule adds to it. */
static void mix_moments(const model_bank *bank, size_t k, bool with_offset, double w[], double P[])
{
    double each[MODEL_BANK_MAX][MODEL_WEIGHTS_MAX];
    memset(w, 0, k * sizeof w[0]);
    memset(P, 0, k * k * sizeof P[0]);
    for (size_t m = 0; m < bank->n; m++) {
        for (size_t i = 0; i < k; i++) {
            const double offset = with_offset ? bank->member[m].rule.offset[i] : 0.0;
            each[m][i] = bank->member[m].w[i] + offset;
            w[i] += bank->weight[m] * each[m][i];
        }
    }
    for (size_t m = 0; m < bank->n; m++) {
        for (size_t i = 0; i < k; i++) {
            for (size_t j = 0; j < k; j++) {
                const double apart = (each[m][i] - w[i]) * (each[m][j] - w[j]);
                P[i * k + j] += bank->weight[m] * (bank->member[m].P[i * k + j] + apart);
            }
        }
    }
}

void model_bank_moments(const model_bank *bank, size_t k, double w[], double P[])
{
    mix_moments(bank, k, true, w, P);
}

void model_bank_change(model_bank *bank, const model_bank_params *before,
                       const model_bank_params *after)
{
    const model_policy *policy = &before->member[0].policy;
    model_member known = bank->member[0];
    if (model_policy_equals(policy, &after->member[0].policy)) {
        mix_moments(bank, policy->n, false, known.w, known.P);
        model_rule_reset(&known.rule);
        start_weights(bank, after);
        for (uint32_t i = 0; i < after->n; i++) {
            bank->member[i] = known;
        }
        return;
    }
    model_bank_init(bank, after);
    for (uint32_t i = 0; i < after->n; i++) {
        bank->member[i].history = known.history;
        bank->member[i].at_session_start = known.at_session_start;
    }
}

void model_bank_start_session(model_bank *bank, const model_bank_params *params)
{
    for (size_t i = 0; i < bank->n; i++) {
        model_member_start_session(&bank->member[i], &params->member[i]);
    }
}

/* Features of the trial to come, which are the same for all members: g[k], a lane a stimulus.
 * Returns k. */
static size_t fill(const model_bank *bank, const model_bank_params *params, size_t n,
                   const double contrasts[], filter_row g[])
{
    const model_policy *policy = &params->member[0].policy;
    memset(g, 0, policy->n * sizeof g[0]);
    for (size_t i = 0; i < n; i++) {
        double one[MODEL_WEIGHTS_MAX];
        const double x = model_policy_stimulus(policy, contrasts[i]);
        model_policy_fill(policy, &bank->member[0].history, x, one);
        for (size_t j = 0; j < policy->n; j++) {
            g[j].at[i] = one[j];
        }
    }
    return policy->n;
}

static void sum_up(const model_bank *bank, model_bank_mixture *m)
{
    double p = 0.0;
    m->mean = m->var = 0.0;
    for (size_t i = 0; i < bank->n; i++) {
        p += bank->weight[i] * m->each[i];
        m->mean += bank->weight[i] * m->logit[i];
        m->is_outside[i] = bank->member[i].outside != 0;
    }
    for (size_t i = 0; i < bank->n; i++) {
        const double apart = m->logit[i] - m->mean;
        m->var += bank->weight[i] * (m->logit_var[i] + apart * apart);
    }
    m->p_right = fmin(p, 1.0);
}

void model_bank_mix(const model_bank *bank, const model_bank_params *params, size_t n,
                    const double contrasts[], model_bank_mixture out[])
{
    const filter_kernel *kernel = filter_kernel_at(0);
    filter_row g[MODEL_WEIGHTS_MAX];
    const size_t k = fill(bank, params, n, contrasts, g);
    for (size_t m = 0; m < bank->n; m++) {
        const model_member *twin = &bank->member[m];
        filter_row mean;
        filter_row var;
        filter_row p;
        kernel->dot(k, twin->rule.offset, g, &mean);
        kernel->logit(k, twin->w, twin->P, g, &mean, &var);
        kernel->forecast(&mean, &var, &p);
        for (size_t i = 0; i < n; i++) {
            out[i].each[m] = p.at[i];
            out[i].logit[m] = mean.at[i];
            out[i].logit_var[m] = var.at[i];
        }
    }
    for (size_t i = 0; i < n; i++) {
        sum_up(bank, &out[i]);
    }
}

void model_bank_interval(size_t n, const model_bank_mixture mixtures[], double lo[], double hi[])
{
    filter_row mean = {{0.0}};
    filter_row var = {{0.0}};
    for (size_t i = 0; i < n; i++) {
        mean.at[i] = mixtures[i].mean;
        var.at[i] = mixtures[i].var;
    }
    filter_kernel_at(0)->interval(n, &mean, &var, lo, hi);
}

void model_bank_weights(const model_bank *bank, const model_bank_params *params, double w[],
                        double w_sd[])
{
    const size_t k = params->member[0].policy.n;
    double P[MODEL_WEIGHTS_MAX * MODEL_WEIGHTS_MAX];
    model_bank_moments(bank, k, w, P);
    for (size_t i = 0; i < k; i++) {
        w_sd[i] = sqrt(P[i * k + i]);
    }
}

double model_bank_weight(const model_bank *bank, size_t i)
{
    return bank->weight[i];
}

double model_bank_outside(const model_bank *bank)
{
    double sum = 0.0;
    for (size_t i = 0; i < bank->n; i++) {
        sum += bank->member[i].outside != 0 ? bank->weight[i] : 0.0;
    }
    return sum;
}

static double likelihood(double p_right, double temper, bool chose_right)
{
    if (isnan(p_right)) {
        return 0.0;
    }
    const double p = model_policy_p_choice(p_right, chose_right);
    return temper == 1.0 ? p : pow(p, temper);
}

void model_bank_weigh(size_t n, double share, double temper, const double prior[],
                      const double p_right[], bool chose_right, double w[])
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        w[i] *= likelihood(p_right[i], temper, chose_right);
        sum += w[i];
    }
    for (size_t i = 0; i < n; i++) {
        w[i] = (1.0 - share) * (w[i] / sum) + share * prior[i];
        if (prior[i] > 0.0) {
            w[i] = fmax(w[i], WEIGHT_MIN);
        }
    }
}

/* Members that take over what others lose: those without a rule, or those that did not fail if
 * there is none. Returns their weight. */
static double find_heirs(const model_bank *bank, bool has_walk, const model_bank_params *params,
                         bool is_heir[])
{
    double sum = 0.0;
    for (size_t i = 0; i < bank->n; i++) {
        is_heir[i] = has_walk ? params->member[i].rule.kind == MODEL_RULE_NONE
                              : (bank->member[i].outside & MODEL_GUARD_FAILED) == 0;
        sum += is_heir[i] ? bank->weight[i] : 0.0;
    }
    return sum;
}

/* A rule outside of what it was fitted on is a guess: it loses half of its weight to the random
 * walk, if there is one; a rule that failed loses all. */
static void lean(model_bank *bank, const model_bank_params *params)
{
    bool is_heir[MODEL_BANK_MAX];
    bool has_walk = false;
    double lost = 0.0;
    for (size_t i = 0; i < bank->n; i++) {
        has_walk = has_walk || params->member[i].rule.kind == MODEL_RULE_NONE;
    }
    const double heirs = find_heirs(bank, has_walk, params, is_heir);
    for (size_t i = 0; i < bank->n && heirs > 0.0; i++) {
        const uint8_t outside = bank->member[i].outside;
        const bool has_failed = (outside & MODEL_GUARD_FAILED) != 0;
        if (has_failed || (outside != 0 && has_walk)) {
            const double before = bank->weight[i];
            bank->weight[i] = fmax(has_failed ? 0.0 : 0.5 * before, WEIGHT_MIN);
            lost += before - bank->weight[i];
        }
    }
    for (size_t i = 0; i < bank->n && lost > 0.0; i++) {
        bank->weight[i] *= is_heir[i] ? 1.0 + lost / heirs : 1.0;
    }
}

/* MODEL_OK if any member could, otherwise the last one's failure. */
static int take_up(model_bank *bank, const model_bank_params *params, const model_trial *trial,
                   bool is_taken[])
{
    int failure = MODEL_ERR_ARG;
    bool any = false;
    for (size_t i = 0; i < bank->n; i++) {
        const int status = model_member_observe(&bank->member[i], &params->member[i], trial);
        is_taken[i] = status == MODEL_OK;
        any = any || is_taken[i];
        failure = status;
    }
    return any ? MODEL_OK : failure;
}

int model_bank_observe(model_bank *bank, const model_bank_params *params, const model_trial *trial,
                       model_bank_mixture *said)
{
    model_bank_mixture before;
    bool is_taken[MODEL_BANK_MAX];
    model_bank_mix(bank, params, 1, &trial->contrast, &before);
    const int status = take_up(bank, params, trial, is_taken);
    if (status != MODEL_OK) {
        return status;
    }
    if (said != NULL) {
        *said = before;
    }
    for (size_t i = 0; i < bank->n; i++) {
        if (!is_taken[i]) {
            model_member_skip(&bank->member[i], &params->member[i], trial);
            before.each[i] = (double)NAN;
        }
    }
    if (trial->choice >= 0 && bank->n > 1) {
        model_bank_weigh(bank->n, params->share, params->temper, params->prior, before.each,
                         trial->choice == 1, bank->weight);
        lean(bank, params);
    }
    return MODEL_OK;
}
