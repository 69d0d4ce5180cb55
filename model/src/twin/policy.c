#include "model/policy.h"

#include <math.h>
#include <string.h>

#include "model/trial.h"

#define POLICY_NAME(NAME, name, formula) #name,
static const char *const FEATURES[] = {MODEL_FEATURE_LIST(POLICY_NAME)};
static const char *const TRANSFORMS[] = {MODEL_TRANSFORM_LIST(POLICY_NAME)};

static const struct {
    const char *name;
    const char *features;
} ALIASES[] = {
    {"stim_bias", "stimulus,bias"},
    {"right_left_bias", "stimulus_right,stimulus_left,bias"},
    {"stim_prevstim_bias", "stimulus,prev_stimulus,bias"},
};

enum { N_ALIASES = sizeof ALIASES / sizeof ALIASES[0] };

const char *model_policy_alias(size_t i)
{
    return i < N_ALIASES ? ALIASES[i].name : NULL;
}

const char *model_feature_name(model_feature feature)
{
    return (unsigned)feature < MODEL_FEATURES ? FEATURES[feature] : NULL;
}

bool model_feature_is_stimulus(model_feature feature)
{
    return feature == MODEL_FEATURE_STIMULUS || feature == MODEL_FEATURE_STIMULUS_RIGHT ||
           feature == MODEL_FEATURE_STIMULUS_LEFT;
}

const char *model_transform_name(model_transform transform)
{
    return (unsigned)transform < MODEL_TRANSFORMS ? TRANSFORMS[transform] : NULL;
}

int model_transform_parse(model_transform *out, const char *name)
{
    for (unsigned i = 0; i < MODEL_TRANSFORMS; i++) {
        if (strcmp(name, TRANSFORMS[i]) == 0) {
            *out = (model_transform)i;
            return MODEL_OK;
        }
    }
    return MODEL_ERR_ARG;
}

static bool has_feature(const model_policy *policy, model_feature feature)
{
    for (uint32_t i = 0; i < policy->n; i++) {
        if (policy->feature[i] == feature) {
            return true;
        }
    }
    return false;
}

static bool parse_feature(const char *name, size_t size, model_feature *out)
{
    for (unsigned i = 0; i < MODEL_FEATURES; i++) {
        if (strlen(FEATURES[i]) == size && memcmp(FEATURES[i], name, size) == 0) {
            *out = (model_feature)i;
            return true;
        }
    }
    return false;
}

int model_policy_parse(model_policy *out, const char *features)
{
    for (size_t i = 0; i < N_ALIASES; i++) {
        if (strcmp(features, ALIASES[i].name) == 0) {
            features = ALIASES[i].features;
        }
    }
    model_policy policy = {.transform = MODEL_TRANSFORM_TANH5};
    for (const char *at = features;;) {
        const size_t size = strcspn(at, ",");
        model_feature feature;
        if (policy.n == MODEL_WEIGHTS_MAX || !parse_feature(at, size, &feature) ||
            has_feature(&policy, feature)) {
            return MODEL_ERR_ARG;
        }
        policy.feature[policy.n++] = feature;
        if (at[size] == '\0') {
            break;
        }
        at += size + 1;
    }
    *out = policy;
    return MODEL_OK;
}

int model_policy_print(const model_policy *policy, char *out, size_t cap)
{
    size_t used = 0;
    for (uint32_t i = 0; i < policy->n; i++) {
        const char *name = FEATURES[policy->feature[i]];
        const size_t size = strlen(name);
        if (used + (i > 0) + size + 1 > cap) {
            return MODEL_ERR_SPACE;
        }
        if (i > 0) {
            out[used++] = ',';
        }
        memcpy(out + used, name, size + 1);
        used += size;
    }
    return (int)used;
}

bool model_policy_is_valid(const model_policy *policy)
{
    if (policy->n < 1 || policy->n > MODEL_WEIGHTS_MAX ||
        (unsigned)policy->transform >= MODEL_TRANSFORMS) {
        return false;
    }
    for (uint32_t i = 0; i < policy->n; i++) {
        if ((unsigned)policy->feature[i] >= MODEL_FEATURES) {
            return false;
        }
    }
    return true;
}

bool model_policy_equals(const model_policy *a, const model_policy *b)
{
    if (a->n != b->n || a->transform != b->transform) {
        return false;
    }
    for (uint32_t i = 0; i < a->n; i++) {
        if (a->feature[i] != b->feature[i]) {
            return false;
        }
    }
    return true;
}

/* tanh(5 c) = 1 - 2 / (exp(10 c) + 1): one exp, exact at 0, off by at most 2 ulp of 1. Odd by
 * construction, and 1 at contrast 1 because numerator and denominator are the same number. */
static double tanh5(double c)
{
    return copysign(1.0 - 2.0 / (exp(10.0 * fabs(c)) + 1.0), c);
}

double model_policy_stimulus(const model_policy *policy, double contrast)
{
    static const double TANH_5 = 0.99990920426259511; /* tanh(5) */
    if (policy->transform == MODEL_TRANSFORM_NONE) {
        return contrast;
    }
    return tanh5(contrast) / TANH_5;
}

void model_policy_fill(const model_policy *policy, const model_history *history, double x,
                       double g[])
{
    for (uint32_t i = 0; i < policy->n; i++) {
        double value = 0.0;
        switch (policy->feature[i]) {
        case MODEL_FEATURE_STIMULUS:
            value = x;
            break;
        case MODEL_FEATURE_STIMULUS_RIGHT:
            value = x > 0.0 ? x : 0.0;
            break;
        case MODEL_FEATURE_STIMULUS_LEFT:
            value = x < 0.0 ? x : 0.0;
            break;
        case MODEL_FEATURE_BIAS:
            value = 1.0;
            break;
        case MODEL_FEATURE_PREV_CHOICE:
            value = history->choice;
            break;
        case MODEL_FEATURE_PREV_STIMULUS:
            value = history->stimulus;
            break;
        case MODEL_FEATURE_WIN_STAY:
            value = history->choice * history->reward;
            break;
        case MODEL_FEATURE_LOSE_SWITCH:
            value = -history->choice * (1.0 - history->reward);
            break;
        case MODEL_FEATURE_CHOICE_TRACE:
            value = history->trace;
            break;
        case MODEL_FEATURES:
        default:
            break;
        }
        g[i] = value;
    }
}

double model_policy_p_choice(double p_right, bool chose_right)
{
    const double p = chose_right ? p_right : 1.0 - p_right;
    return fmin(fmax(p, 1e-12), 1.0);
}

void model_history_push(model_history *history, double x, bool chose_right, double reward)
{
    static const double KEPT = 0.9;
    history->stimulus = x;
    history->choice = chose_right ? 1.0 : -1.0;
    history->trace = KEPT * history->trace + (1.0 - KEPT) * history->choice;
    history->reward = model_trial_reward(reward);
}
