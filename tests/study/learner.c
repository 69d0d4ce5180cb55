#include "learner.h"

#include <math.h>
#include <string.h>

#include "bench.h"

#define LEARNER_TEXT(NAME, text) text,
static const char *const NAMES[] = {LEARNERS(LEARNER_TEXT)};

const char *learner_name(learner_kind kind)
{
    return NAMES[kind];
}

static double between(model_random *r, double lo, double hi)
{
    return lo + (hi - lo) * model_random_uniform(r);
}

static void set_all(double out[], double stimulus, double bias)
{
    out[0] = out[1] = stimulus;
    out[2] = bias;
}

static void draw_classic(learner *l, learner_kind kind, model_random *r)
{
    model_params *p = &l->params;
    (void)model_params_built_in(p, "stimulus_right,stimulus_left,bias");
    memset(&p->noise, 0, sizeof p->noise);
    set_all(p->noise.prior_var, 0.04, 1.0);
    set_all(p->noise.drift_var, 1e-4, 2e-4);
    set_all(p->noise.session_var, 0.01, 0.09);
    const double rate = exp2(between(r, -6.0, -4.0));
    set_all(p->rule.rate, rate, rate * exp2(between(r, -2.0, 0.0)));
    p->rule.kind = MODEL_RULE_REINFORCE;
    if (kind == LEARNER_BASE) {
        const double base = between(r, -0.3, 0.4);
        p->rule.kind = MODEL_RULE_REINFORCE_BASE;
        set_all(p->rule.baseline, base, base);
    } else if (kind == LEARNER_TRACE) {
        const double decay = between(r, 0.3, 0.9);
        p->rule.kind = MODEL_RULE_ELIGIBILITY;
        set_all(p->rule.decay, decay, decay);
    } else if (kind == LEARNER_IDLE) {
        p->rule.kind = MODEL_RULE_NONE;
        set_all(p->noise.prior_mean, between(r, 0.6, 1.6), 0.0);
        set_all(p->noise.drift_var, 0.0, 4e-4);
        set_all(p->noise.session_var, 0.0, 0.04);
    }
}

static void draw_net(learner *l, const model_bank_params *nets, model_random *r)
{
    const model_params *rnn[MODEL_BANK_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < nets->n; i++) {
        if (nets->member[i].rule.kind == MODEL_RULE_RNN) {
            rnn[n++] = &nets->member[i];
        }
    }
    if (n == 0) {
        bench_die("the model has no rnn");
    }
    l->params = *rnn[model_random_below(r, n)];
    l->pace = exp2(between(r, 1.0, 3.0));
}

void learner_draw(learner *l, learner_kind kind, const model_bank_params *nets, uint64_t seed,
                  uint64_t number)
{
    model_random r;
    model_random_seed(&r, seed, (UINT64_C(1) << 40) + number);
    l->pace = 1.0;
    if (kind == LEARNER_NET) {
        draw_net(l, nets, &r);
    } else {
        draw_classic(l, kind, &r);
    }
}

void learner_step(const learner *l, model_virtual_mouse *mouse, const model_trial *trial)
{
    const size_t n = l->params.policy.n;
    model_params quiet = l->params;
    double before[MODEL_WEIGHTS_MAX];
    memcpy(before, mouse->w, sizeof before);
    memset(quiet.noise.drift_var, 0, sizeof quiet.noise.drift_var);
    (void)model_virtual_mouse_learn(mouse, &quiet, trial);
    for (size_t k = 0; k < n; k++) {
        mouse->w[k] += (l->pace - 1.0) * (mouse->w[k] - before[k]);
    }
}

void learner_learn(const learner *l, model_virtual_mouse *mouse, const model_trial *trial)
{
    const size_t n = l->params.policy.n;
    learner_step(l, mouse, trial);
    for (size_t k = 0; k < n; k++) {
        mouse->w[k] += sqrt(l->params.noise.drift_var[k]) * model_random_normal(&mouse->noise);
    }
    if (l->params.rule.kind == MODEL_RULE_NONE) {
        mouse->w[n - 1] -= 0.002 * mouse->w[n - 1]; /* it keeps near 0 */
    }
}

double learner_truth(const learner *l, const model_virtual_mouse *mouse, double contrast)
{
    model_virtual_mouse bare = *mouse;
    bare.history = (model_history){0};
    return model_virtual_mouse_predict(&bare, &l->params, contrast);
}

double learner_worse_side(const learner *l, const model_virtual_mouse *mouse,
                          const model_protocol_stage *stage)
{
    double sum[2] = {0.0, 0.0};
    double weight = 0.0;
    for (uint32_t i = 0; i < stage->n_contrasts; i++) {
        if (stage->contrast[i] > 0.0) {
            sum[0] += stage->probability[i] * (1.0 - learner_truth(l, mouse, -stage->contrast[i]));
            sum[1] += stage->probability[i] * learner_truth(l, mouse, stage->contrast[i]);
            weight += stage->probability[i];
        }
    }
    return fmin(sum[0], sum[1]) / weight;
}
