#include "alignmax.h"

#include <math.h>

#include "exp_exact.h"
#include "vectors.h"

void model_alignmax_goal(const model_policy *policy, double strength, double w[])
{
    for (uint32_t k = 0; k < policy->n; k++) {
        w[k] = model_feature_is_stimulus(policy->feature[k]) ? strength : 0.0;
    }
}

/* The trial that is thought of, before its choice. */
struct thought {
    const model_params *params;
    const model_member *twin;
    const double *goal;
    const double *g;
    double stimulus;
    bool is_right; /* the correct side */
};

/* The step after one choice and reward, on the way to the goal. */
static double progress(const struct thought *t, const double w[], bool chose_right, double reward)
{
    const size_t n = t->params->policy.n;
    model_rule_state state = t->twin->rule;
    double dw[MODEL_WEIGHTS_MAX];
    double u[MODEL_WEIGHTS_MAX];
    double sum = 0.0;
    const model_rule_trial trial = {.stimulus = t->stimulus,
                                    .reward = reward,
                                    .rt_s = (double)NAN,
                                    .n_session = t->twin->n_session,
                                    .n_training = t->twin->n_trials,
                                    .is_session_start = t->twin->at_session_start,
                                    .chose_right = chose_right,
                                    .side = t->is_right};
    if (model_rule_step(&t->params->rule, &state, n, w, t->g, &trial, dw, u) != MODEL_OK) {
        return 0.0;
    }
    for (size_t k = 0; k < n; k++) {
        sum += dw[k] * (t->goal[k] - w[k]);
    }
    return sum;
}

/* The mean over choices and rewards of an animal with weights w. */
static double expect(const struct thought *t, const double w[], double p_reward[2][2])
{
    double logit = 0.0;
    double sum = 0.0;
    for (size_t k = 0; k < t->params->policy.n; k++) {
        logit += t->g[k] * (w[k] + t->twin->rule.offset[k]);
    }
    const double p_right = sigmoid_exact(logit);
    for (int choice = 0; choice < 2; choice++) {
        const double p = choice == 1 ? p_right : 1.0 - p_right;
        const double paid = p_reward[t->is_right][choice];
        if (paid > 0.0) {
            sum += p * paid * progress(t, w, choice == 1, 1.0);
        }
        if (paid < 1.0) {
            sum += p * (1.0 - paid) * progress(t, w, choice == 1, 0.0);
        }
    }
    return sum;
}

/* Over the posterior: three points of the logit's normal (Gauss & Hermite), each with the mean of
 * the weights given that logit. */
static double average(const struct thought *t, double p_reward[2][2])
{
    static const double POINT[3] = {0.0, 1.7320508075688772, -1.7320508075688772};
    static const double SHARE[3] = {2.0 / 3.0, 1.0 / 6.0, 1.0 / 6.0};
    const size_t n = t->params->policy.n;
    double Pg[MODEL_WEIGHTS_MAX];
    double sum = 0.0;
    multiply(n, t->twin->P, t->g, Pg);
    const double var = dot(n, t->g, Pg);
    const double scale = var > 0.0 ? 1.0 / sqrt(var) : 0.0;
    for (size_t point = 0; point < 3; point++) {
        double w[MODEL_WEIGHTS_MAX];
        for (size_t k = 0; k < n; k++) {
            w[k] = t->twin->w[k] + POINT[point] * scale * Pg[k];
        }
        sum += SHARE[point] * expect(t, w, p_reward);
    }
    return sum;
}

static double of_stimulus(struct thought *t, double contrast, double p_reward[2][2])
{
    double g[MODEL_WEIGHTS_MAX];
    t->stimulus = model_policy_stimulus(&t->params->policy, contrast);
    model_policy_fill(&t->params->policy, &t->twin->history, t->stimulus, g);
    t->g = g;
    t->is_right = contrast > 0.0;
    double gain = average(t, p_reward);
    if (!(fabs(contrast) > 0.0)) {
        t->is_right = true;
        gain = 0.5 * (gain + average(t, p_reward));
    }
    return gain;
}

void model_alignmax(const model_rate_grid *pace, const model_bank_params *params,
                    const double weight[], const double goal[], double p_reward[2][2], size_t n,
                    const double contrasts[], double gain[])
{
    for (size_t i = 0; i < n; i++) {
        gain[i] = 0.0;
    }
    for (int64_t s = 0; s < pace->n; s++) {
        const model_rate_grid_strand *strand = &pace->strand[s];
        const model_params *p = &params->member[strand->member];
        struct thought t = {.params = p, .twin = &strand->twin, .goal = goal};
        const double share = weight[s] * strand->pace;
        const bool moves = p->rule.kind != MODEL_RULE_NONE && p->rule.kind != MODEL_RULE_GRU_POLICY;
        for (size_t i = 0; i < n && moves && share > 0.0; i++) {
            gain[i] += share * of_stimulus(&t, contrasts[i], p_reward);
        }
    }
}
