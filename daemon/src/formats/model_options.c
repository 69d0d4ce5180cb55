#include "model_options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "basis_terms.h"
#include "vocabulary.h"

#define TEXT_OF_VALUE(value) #value
#define TEXT_OF(macro)       TEXT_OF_VALUE(macro)

void model_options_init(struct model_options *s, const char *rule, double rate,
                        const char *features)
{
    memset(s, 0, sizeof *s);
    model_spec_init(&s->words);
    s->words.rate = rate;
    s->rule = vocabulary_classic_rules();
    s->rule.chosen = rule;
    s->features = vocabulary_features();
    s->features.chosen = features != NULL ? features : MODEL_POLICY_USUAL;
}

/* With what it is by default, of the features of the usual policy. */
static void describe(char out[MODEL_OPTIONS_HELP], const char *what, const model_policy *policy,
                     const double var[])
{
    size_t n = (size_t)snprintf(out, MODEL_OPTIONS_HELP, "%s (default by feature: ", what);
    for (uint32_t i = 0; i < policy->n && n < MODEL_OPTIONS_HELP; i++) {
        n += (size_t)snprintf(out + n, MODEL_OPTIONS_HELP - n, "%s%s %.2g", i > 0 ? ", " : "",
                              model_feature_name(policy->feature[i]), sqrt(var[i]));
    }
    if (n < MODEL_OPTIONS_HELP) {
        (void)snprintf(out + n, MODEL_OPTIONS_HELP - n, ")");
    }
}

static void describe_noise(struct model_options *s)
{
    model_params usual;
    (void)model_params_built_in(&usual, MODEL_POLICY_USUAL);
    const model_noise *noise = &usual.noise;
    describe(s->help[0], "drift: sd added to each weight per trial; a list: one per weight",
             &usual.policy, noise->drift_var);
    describe(s->help[1], "the same at the start of a session", &usual.policy, noise->session_var);
    describe(s->help[2], "sd of the initial weights over animals", &usual.policy, noise->prior_var);
}

size_t model_options_options(struct model_options *s, struct option list[])
{
    bool *const given = &s->given;
    describe_noise(s);
    const struct option rows[MODEL_OPTIONS_OPTIONS] = {
        {"rule", OPTION_WORD, &s->rule, 0, 0, "R", "the learning rule", given},
        {"rate", OPTION_REAL, &s->words.rate, 0, 100, "A",
         isnan(s->words.rate) ? "learning rate of a rule (default " TEXT_OF(MODEL_FILE_RATE) ")"
                              : "learning rate of the rule",
         &s->given_rate},
        {"baseline", OPTION_REAL, &s->words.baseline, -100, 100, "B",
         "reward baseline of reinforce_base (default 0)", &s->given_baseline},
        {"decay", OPTION_REAL, &s->words.decay, 0, 1, "L",
         "decay of the trace of eligibility and basis per trial (default " TEXT_OF(
             MODEL_FILE_DECAY) ")",
         &s->given_decay},
        {"terms", OPTION_TEXT, &s->terms, 0, 0, "NAME=C,...",
         "terms of basis (docs/model.md) and their coefficients, as in rewarded=0.05,trace=0.01; "
         "C1:C2:...: one per weight",
         NULL},
        {"memory", OPTION_REAL, &s->words.memory, 0, 1, "L",
         "decay of basis' memory of rewards per trial (default " TEXT_OF(MODEL_FILE_MEMORY) ")",
         &s->given_memory},
        {"policy", OPTION_WORDS, &s->features, 0, 0, "FEATURES", "what choices depend on, some of",
         given},
        {"noise", OPTION_REALS, &s->noise, 0, 10, "SD", s->help[0], given},
        {"session-noise", OPTION_REALS, &s->session_noise, 0, 10, "SD", s->help[1], given},
        {"start", OPTION_REALS, &s->start, -100, 100, "W", "initial weights (default 0)", given},
        {"start-sd", OPTION_REALS, &s->start_sd, 0, 100, "SD", s->help[2], given},
    };
    memcpy(list, rows, sizeof rows);
    return MODEL_OPTIONS_OPTIONS;
}

int model_options_spread(const char *name, const struct option_reals *from, size_t n, bool squared,
                         double out[], struct fault *fault)
{
    if (from->n > 1 && from->n != n) {
        return fault_set(fault, FAULT_INPUT,
                         "--%s: %zu values; one, or one for each of %zu weights expected", name,
                         from->n, n);
    }
    for (size_t i = 0; from->n > 0 && i < n; i++) {
        const double value = from->v[from->n == 1 ? 0 : i];
        out[i] = squared ? value * value : value;
    }
    return FAULT_NONE;
}

int model_options_build(struct model_options *s, struct model_file *out, struct fault *fault)
{
    memset(out, 0, sizeof *out);
    model_params shape;
    s->words.rule = s->rule.chosen;
    s->words.features = s->features.chosen;
    if (model_params_built_in(&shape, s->words.features) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT,
                         "--policy: \"%.100s\"; at most %d features, each once, were expected",
                         s->words.features, MODEL_WEIGHTS_MAX);
    }
    const size_t n = shape.policy.n;
    int rc =
        s->terms != NULL ? basis_terms_read(s->terms, n, s->words.coefficient, fault) : FAULT_NONE;
    rc = rc ? rc : model_options_spread("noise", &s->noise, n, true, s->words.drift_var, fault);
    rc = rc ? rc
            : model_options_spread("session-noise", &s->session_noise, n, true,
                                   s->words.session_var, fault);
    rc = rc ? rc : model_file_build(&s->words, out, fault);
    model_noise *noise = &out->bank.member[0].noise;
    rc = rc ? rc : model_options_spread("start", &s->start, n, false, noise->prior_mean, fault);
    rc = rc ? rc : model_options_spread("start-sd", &s->start_sd, n, true, noise->prior_var, fault);
    if (rc != FAULT_NONE) {
        model_file_free(out);
    }
    return rc;
}

bool model_options_is_given(const struct model_options *s)
{
    return s->given || s->given_rate || s->given_baseline || s->given_decay || s->terms != NULL ||
           s->given_memory;
}

/* Terms are for rule basis alone, which does not learn without; a decay is for those that have one.
 */
static int check_terms(const struct model_options *s, const char *rule, bool has_terms,
                       struct fault *fault)
{
    if (!has_terms && (s->terms != NULL || s->given_memory)) {
        return fault_set(fault, FAULT_INPUT,
                         "--%s: has no effect with rule %s; --rule basis was expected",
                         s->terms != NULL ? "terms" : "memory", rule);
    }
    if (has_terms && s->terms == NULL) {
        return fault_set(fault, FAULT_INPUT,
                         "--rule: basis does not learn without terms; --terms was expected too, as "
                         "in --terms rewarded=0.05,unrewarded=-0.02");
    }
    if (has_terms && s->given_decay && !basis_terms_has(s->terms, "trace")) {
        return fault_set(fault, FAULT_INPUT,
                         "--decay: has no effect without a trace; trace=C was expected in --terms");
    }
    if (s->given_memory && !basis_terms_has(s->terms, "rewarded_memory") &&
        !basis_terms_has(s->terms, "unrewarded_memory")) {
        return fault_set(fault, FAULT_INPUT,
                         "--memory: has no effect without a term of it; rewarded_memory=C or "
                         "unrewarded_memory=C was expected in --terms");
    }
    return FAULT_NONE;
}

int model_options_check(const struct model_options *s, const char *path, struct fault *fault)
{
    const char *rule = s->rule.chosen;
    model_rule_kind kind = MODEL_RULE_NONE;
    (void)model_rule_parse(&kind, rule);
    if (path != NULL && model_options_is_given(s)) {
        return fault_set(fault, FAULT_INPUT,
                         "--model: defines the animal completely; no rule, rate, baseline, decay, "
                         "terms, memory, policy, noise or start expected beside it");
    }
    if (s->given_rate && model_rule_of(kind)->has_terms) {
        return fault_set(fault, FAULT_INPUT,
                         "--rate: has no effect with rule %s; --terms was expected", rule);
    }
    if (s->given_rate && !model_rule_of(kind)->has_rates) {
        return fault_set(fault, FAULT_INPUT,
                         "--rate: has no effect with rule none, which does not learn; --rule "
                         "was expected too, as in --rule reinforce");
    }
    if (s->given_baseline && !model_rule_of(kind)->has_baseline) {
        return fault_set(fault, FAULT_INPUT,
                         "--baseline: has no effect with rule %s; --rule reinforce_base was "
                         "expected",
                         rule);
    }
    if (s->given_decay && !model_rule_of(kind)->has_trace) {
        return fault_set(fault, FAULT_INPUT,
                         "--decay: has no effect with rule %s; --rule eligibility was expected",
                         rule);
    }
    return check_terms(s, rule, model_rule_of(kind)->has_terms, fault);
}

int model_options_load(struct model_options *s, const char *path, struct model_file *out,
                       struct fault *fault)
{
    return path != NULL ? model_file_load(path, out, fault) : model_options_build(s, out, fault);
}
