#include "spec.h"

#include <string.h>

void spec_init(struct spec *s)
{
    memset(s, 0, sizeof *s);
    model_spec_init(&s->words);
}

size_t spec_options(struct spec *s, struct option list[])
{
    bool *const given = &s->given;
    const struct option rows[SPEC_OPTIONS] = {
        {"rule", OPTION_TEXT, &s->words.rule, 0, 0, "R",
         "none, reinforce, reinforce_base, reward_max, predict_max or eligibility (none)", given},
        {"rate", OPTION_REAL, &s->words.rate, 0, 100, "A", "learning rate", given},
        {"baseline", OPTION_REAL, &s->words.baseline, -100, 100, "B",
         "reward baseline of reinforce_base", given},
        {"decay", OPTION_REAL, &s->words.decay, 0, 1, "L",
         "of the trace of eligibility, a trial (0.9)", given},
        {"policy", OPTION_TEXT, &s->words.features, 0, 0, "FEATURES",
         "what choices depend on (stimulus,bias,prev_choice)", given},
        {"noise", OPTION_REALS, &s->noise, 0, 10, "SD",
         "added to each weight every trial; a list: one a weight", given},
        {"session-noise", OPTION_REALS, &s->session_noise, 0, 10, "SD",
         "the same, when a session starts", given},
        {"start", OPTION_REALS, &s->start, -100, 100, "W", "weights before the first trial (0)",
         given},
        {"start-sd", OPTION_REALS, &s->start_sd, 0, 100, "SD",
         "how much these differ between animals", given},
    };
    memcpy(list, rows, sizeof rows);
    return SPEC_OPTIONS;
}

/* Spreads one value, or one a weight, over out[n]; an option that was not given changes nothing. */
static int spread(const char *name, const struct option_reals *from, size_t n, bool squared,
                  double out[], struct fault *fault)
{
    if (from->n > 1 && from->n != n) {
        return fault_set(fault, FAULT_INPUT,
                         "option %s: %zu values; one, or one for each of %zu weights expected",
                         name, from->n, n);
    }
    for (size_t i = 0; from->n > 0 && i < n; i++) {
        const double value = from->v[from->n == 1 ? 0 : i];
        out[i] = squared ? value * value : value;
    }
    return FAULT_NONE;
}

int spec_build(struct spec *s, struct model_file *out, struct fault *fault)
{
    memset(out, 0, sizeof *out);
    model_params shape;
    if (model_params_built_in(&shape, s->words.features) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT, "option policy: \"%.100s\" is not a list of features",
                         s->words.features);
    }
    const size_t n = shape.policy.n;
    int rc = spread("noise", &s->noise, n, true, s->words.drift_var, fault);
    if (rc == FAULT_NONE) {
        rc = spread("session-noise", &s->session_noise, n, true, s->words.session_var, fault);
    }
    if (rc == FAULT_NONE) {
        rc = model_file_build(&s->words, out, fault);
    }
    model_noise *noise = &out->bank.member[0].noise;
    if (rc == FAULT_NONE) {
        rc = spread("start", &s->start, n, false, noise->prior_mean, fault);
    }
    if (rc == FAULT_NONE) {
        rc = spread("start-sd", &s->start_sd, n, true, noise->prior_var, fault);
    }
    if (rc != FAULT_NONE) {
        model_file_free(out);
    }
    return rc;
}

int spec_check(const struct spec *s, const char *path, struct fault *fault)
{
    return path != NULL && s->given
               ? fault_set(fault, FAULT_INPUT,
                           "option model: says all of the animal; no rule, rate, baseline, policy, "
                           "noise or start expected beside it")
               : FAULT_NONE;
}

int spec_load(struct spec *s, const char *path, struct model_file *out, struct fault *fault)
{
    return path != NULL ? model_file_load(path, out, fault) : spec_build(s, out, fault);
}
