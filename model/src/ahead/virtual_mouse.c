#include "model/virtual_mouse.h"

#include <math.h>
#include <string.h>

#include "exp_exact.h"
#include "rule_ops.h"

static void add_noise(model_virtual_mouse *mouse, size_t n, const double var[])
{
    for (size_t i = 0; i < n; i++) {
        if (var[i] > 0.0) {
            mouse->w[i] += sqrt(var[i]) * model_random_normal(&mouse->noise);
        }
    }
}

void model_virtual_mouse_init(model_virtual_mouse *mouse, const model_params *params, uint64_t seed,
                              uint64_t number)
{
    memset(mouse, 0, sizeof *mouse);
    model_random_seed(&mouse->choices, seed, 2 * number);
    model_random_seed(&mouse->noise, seed, 2 * number + 1);
    memcpy(mouse->w, params->noise.prior_mean, sizeof mouse->w);
    add_noise(mouse, params->policy.n, params->noise.prior_var);
    mouse->at_session_start = true;
}

void model_virtual_mouse_start_session(model_virtual_mouse *mouse, const model_params *params)
{
    add_noise(mouse, params->policy.n, params->noise.session_var);
    mouse->history = (model_history){0};
    mouse->n_session = 0;
    mouse->at_session_start = true;
}

/* w . g for the trial to come; g[n] is left filled. */
static double drive(const model_virtual_mouse *mouse, const model_params *params, double contrast,
                    double g[])
{
    const double x = model_policy_stimulus(&params->policy, contrast);
    model_policy_fill(&params->policy, &mouse->history, x, g);
    double sum = 0.0;
    for (size_t i = 0; i < params->policy.n; i++) {
        sum += (mouse->w[i] + mouse->rule.offset[i]) * g[i];
    }
    return sum;
}

double model_virtual_mouse_predict(const model_virtual_mouse *mouse, const model_params *params,
                                   double contrast)
{
    double g[MODEL_WEIGHTS_MAX];
    return sigmoid_exact(drive(mouse, params, contrast, g));
}

bool model_virtual_mouse_choose(model_virtual_mouse *mouse, const model_params *params,
                                double contrast)
{
    return model_random_uniform(&mouse->choices) <
           model_virtual_mouse_predict(mouse, params, contrast);
}

double model_virtual_mouse_draw_rt_s(model_virtual_mouse *mouse, const model_params *params,
                                     double contrast)
{
    double g[MODEL_WEIGHTS_MAX];
    const double doubt = exp(-0.5 * fabs(drive(mouse, params, contrast, g)));
    return 0.2 + (0.2 + 0.5 * doubt) * exp(0.4 * model_random_normal(&mouse->noise));
}

int model_virtual_mouse_learn(model_virtual_mouse *mouse, const model_params *params,
                              const model_trial *trial)
{
    const size_t n = params->policy.n;
    double g[MODEL_WEIGHTS_MAX];
    double dw[MODEL_WEIGHTS_MAX];
    double u[MODEL_WEIGHTS_MAX];
    if (trial->choice != 0 && trial->choice != 1) {
        return MODEL_ERR_ARG;
    }
    (void)drive(mouse, params, trial->contrast, g);
    const model_rule_trial step = rule_ops_trial(&params->policy, trial, mouse->n_session,
                                                 mouse->n_trials, mouse->at_session_start);
    const int rc = model_rule_step(&params->rule, &mouse->rule, n, mouse->w, g, &step, dw, u);
    if (rc != MODEL_OK) {
        return rc;
    }
    for (size_t i = 0; i < n; i++) {
        mouse->w[i] += dw[i];
    }
    add_noise(mouse, n, params->noise.drift_var);
    model_history_push(&mouse->history, step.stimulus, step.chose_right, step.reward);
    mouse->n_session++;
    mouse->n_trials++;
    mouse->at_session_start = false;
    return MODEL_OK;
}

void model_virtual_mouse_pass(model_virtual_mouse *mouse, const model_params *params)
{
    add_noise(mouse, params->policy.n, params->noise.drift_var);
    mouse->n_session++;
    mouse->n_trials++;
}
