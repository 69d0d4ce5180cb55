#include "fit_request.h"

#include <inttypes.h>
#include <string.h>

#include "file_kind.h"
#include "model/fit.h"
#include "model_options.h"

const char FIT_REQUEST_BANK[] = "bank";

static void take_numbers(const struct fit_request *r, struct fitter_options *o)
{
    const struct {
        int64_t given;
        uint32_t *to;
    } counts[] = {{r->hidden, &o->hidden},         {r->layers, &o->layers},
                  {r->truncation, &o->truncation}, {r->batch, &o->batch},
                  {r->held_out, &o->held_out},     {r->patience, &o->patience}};
    const struct {
        double given;
        double *to;
    } reals[] = {{r->rate, &o->rate},
                 {r->filter_rate, &o->filter_rate},
                 {r->weight_decay, &o->weight_decay},
                 {r->clip, &o->clip}};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        if (counts[i].given >= 0) {
            *counts[i].to = (uint32_t)counts[i].given;
        }
    }
    for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
        if (reals[i].given >= 0.0) {
            *reals[i].to = reals[i].given;
        }
    }
    if (r->epochs >= 0) {
        o->epochs = (uint64_t)r->epochs;
    }
    if (!model_rule_of(o->rule)->has_net) {
        o->held_out = 0; /* it needs none to know when to stop */
    }
    o->seed = (uint64_t)r->seed;
}

static bool is_chosen(const struct option_word *word, const char *name)
{
    return word->chosen != NULL && strcmp(word->chosen, name) == 0;
}

static bool is_start_stated(const struct fit_request *r)
{
    return r->start.n > 0 || r->start_sd.n > 0;
}

static int refuse_start(const struct fit_request *r, struct fault *fault)
{
    return fault_set(
        fault, FAULT_INPUT,
        "--%s: nets fit their prior, and open loop there is none; a rule without a net, "
        "in the filter, was expected with it",
        r->start.n > 0 ? "start" : "start-sd");
}

/* Options that a rule without a net, or without a filter, does not have. */
static int check_effect(const struct fit_request *r, model_rule_kind kind, bool in_filter,
                        struct fault *fault)
{
    const bool has_net = model_rule_of(kind)->has_net;
    const char *rule = r->rule.chosen;
    if (!model_fit_trains(kind) && !in_filter) {
        return fault_set(
            fault, FAULT_INPUT,
            "--filter: rule %s is fitted in the filter; --filter ekf or moments was expected",
            rule);
    }
    if (kind == MODEL_RULE_NONE && !in_filter) {
        return fault_set(
            fault, FAULT_INPUT,
            "rule none without a filter predicts nothing; --filter ekf or moments was expected");
    }
    if (!has_net && r->folds == 0 && fit_request_copies(r) == 1 && (r->of_gradient || r->resume)) {
        return fault_set(fault, FAULT_INPUT,
                         "rule %s has no net and is fitted at once: hidden, layers, truncation, "
                         "epochs, rate, losses, resume and their like are not for it",
                         rule);
    }
    if (!has_net && r->folds == 0 && r->of_net) {
        return fault_set(
            fault, FAULT_INPUT,
            "rule %s has no net: hidden, layers and weight-decay have no effect on "
            "it; dnn, rnn, gru_policy, dnn_gain, rnn_gain or bank was expected with them",
            rule);
    }
    if (!has_net && r->seeds > 1) {
        return fault_set(fault, FAULT_INPUT,
                         "--seeds: rule %s has no net, and is the same from every seed; dnn, rnn, "
                         "gru_policy, dnn_gain, rnn_gain or bank was expected with it",
                         rule);
    }
    if (is_start_stated(r) && (has_net || !in_filter)) {
        return refuse_start(r, fault);
    }
    return !in_filter && r->filter_rate >= 0.0
               ? fault_set(fault, FAULT_INPUT,
                           "--filter-rate: has no effect without a filter; --filter ekf or "
                           "moments was expected with it")
               : FAULT_NONE;
}

/* What a live twin could not follow is not fitted either. */
static int check_units(const struct fit_request *r, bool is_recurrent, struct fault *fault)
{
    const uint32_t most = model_net_hidden_max(is_recurrent);
    return r->hidden > (int64_t)most
               ? fault_set(fault, FAULT_INPUT,
                           "--hidden: %" PRId64 " units, but an animal's state holds %" PRIu32
                           " of a recurrent net; at most that many, or --rule dnn, was expected",
                           r->hidden, most)
               : FAULT_NONE;
}

static int choose_models(const struct fit_request *r, struct fit_recipe *recipe,
                         struct fault *fault)
{
    model_rule_kind kind = MODEL_RULE_NONE;
    const bool in_filter = r->preset.chosen == NULL && !is_chosen(&r->filter, "none");
    if (is_chosen(&r->rule, FIT_REQUEST_BANK)) {
        if (!in_filter) {
            return fault_set(fault, FAULT_INPUT,
                             "a bank is of filters; --filter ekf or moments was expected");
        }
        fit_recipe_bank(recipe);
        return is_start_stated(r) ? refuse_start(r, fault) : check_units(r, true, fault);
    }
    (void)model_rule_parse(&kind, r->rule.chosen);
    int rc = check_effect(r, kind, in_filter, fault);
    rc = rc ? rc : check_units(r, model_rule_of(kind)->is_recurrent, fault);
    if (rc == FAULT_NONE) {
        fit_recipe_single(recipe, kind, in_filter);
    }
    return rc;
}

bool fit_request_is_many(const struct fit_request *r, const struct fit_recipe *recipe)
{
    return recipe->n > 1 || fit_request_copies(r) > 1 || r->folds > 0;
}

uint32_t fit_request_copies(const struct fit_request *r)
{
    return (uint32_t)(r->bootstrap > 0 ? r->bootstrap : r->seeds);
}

static int check_bank(const struct fit_request *r, const struct fit_recipe *recipe,
                      struct fault *fault)
{
    const size_t n = fit_recipe_banked(recipe, fit_request_copies(r));
    return n <= MODEL_BANK_MAX
               ? FAULT_NONE
               : fault_set(fault, FAULT_INPUT,
                           "--%s: they make a bank of %zu models; at most %d were expected",
                           r->bootstrap > 0 ? "bootstrap" : "seeds", n, MODEL_BANK_MAX);
}

/* The state is written over and removed in the end: what is no state is somebody's. */
static int check_state(const struct fit_request *r, const char *state, struct fault *fault)
{
    struct output_guard guard = *r->guard;
    const enum file_kind kind = file_kind_at(state);
    const bool is_state = kind == FILE_KIND_MODEL || kind == FILE_KIND_BINARY;
    if (kind == FILE_KIND_DIRECTORY) {
        return FAULT_NONE; /* of many fits, which look into it */
    }
    if (kind != FILE_KIND_NONE && kind != FILE_KIND_EMPTY && !is_state) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: holds %s, but is where the fit would keep its state; another name "
                         "for -o was expected",
                         state, file_kind_name(kind));
    }
    guard.force = is_state;
    return output_file_check(&guard, state, fault);
}

static int choose_policy(const struct fit_request *r, struct fit_recipe *recipe,
                         struct fault *fault)
{
    model_params params;
    const char *policy = r->policy.chosen;
    if (policy == NULL) {
        return FAULT_NONE;
    }
    if (model_params_built_in(&params, policy) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT,
                         "--policy: \"%.100s\"; at most %d features, each once, were expected",
                         policy, MODEL_WEIGHTS_MAX);
    }
    for (size_t i = 0; i < recipe->n; i++) {
        recipe->options[i].policy = params.policy;
    }
    return FAULT_NONE;
}

/* The prior that is stated, of every rule without a net. */
static int take_start(const struct fit_request *r, struct fit_recipe *recipe, struct fault *fault)
{
    int rc = FAULT_NONE;
    for (size_t i = 0; i < recipe->n && rc == FAULT_NONE; i++) {
        struct fitter_options *o = &recipe->options[i];
        o->is_start_stated = r->start.n > 0;
        o->is_start_sd_stated = r->start_sd.n > 0;
        rc = model_options_spread("start", &r->start, o->policy.n, false, o->start, fault);
        rc = rc ? rc
                : model_options_spread("start-sd", &r->start_sd, o->policy.n, false, o->start_sd,
                                       fault);
    }
    return rc;
}

static void take_options(const struct fit_request *r, struct fit_recipe *recipe)
{
    for (size_t i = 0; i < recipe->n; i++) {
        struct fitter_options *o = &recipe->options[i];
        take_numbers(r, o);
        if (r->filter.chosen != NULL) {
            (void)model_filter_parse(&o->filter, r->filter.chosen); /* "none" is none of them */
        }
        o->is_cosine =
            r->schedule.chosen != NULL ? is_chosen(&r->schedule, "cosine") : o->is_cosine;
        o->with_mirrors = r->mirror.chosen != NULL ? is_chosen(&r->mirror, "on") : o->with_mirrors;
    }
}

/* Where the state is kept; told before the work rather than after it. */
static int name_state(const struct fit_request *r, char state[FIT_REQUEST_PATH_MAX],
                      struct fault *fault)
{
    const char *base = r->out != NULL ? r->out : r->csv != NULL ? r->csv : "murid";
    return snprintf(state, FIT_REQUEST_PATH_MAX, "%s.fit", base) < FIT_REQUEST_PATH_MAX
               ? check_state(r, state, fault)
               : fault_set(fault, FAULT_INPUT, "-o: %.100s...: the path is too long", base);
}

int fit_request_read(const struct fit_request *r, struct fit_recipe *recipe,
                     char state[FIT_REQUEST_PATH_MAX], struct fault *fault)
{
    if (r->out == NULL && r->folds == 0) {
        return fault_set(fault, FAULT_INPUT, "-o: the model file to write was expected");
    }
    int rc = choose_models(r, recipe, fault);
    rc = rc ? rc : choose_policy(r, recipe, fault);
    rc = rc ? rc : take_start(r, recipe, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (r->bootstrap > 0) {
        fit_recipe_resample(recipe);
    }
    if (r->folds > 0) {
        fit_recipe_add_references(recipe);
    }
    take_options(r, recipe);
    rc = check_bank(r, recipe, fault);
    if (rc == FAULT_NONE && fit_request_is_many(r, recipe) && r->losses != NULL) {
        rc = fault_set(fault, FAULT_INPUT, "--losses: for a single fit alone");
    }
    return rc ? rc : name_state(r, state, fault);
}
