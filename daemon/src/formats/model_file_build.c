#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_file.h"
#include "model_file_nets.h"

/* Models made without a file: from words, from parameters, from other models. */

void model_spec_init(struct model_spec *spec)
{
    *spec = (struct model_spec){
        .rate = (double)NAN, .baseline = (double)NAN, .decay = (double)NAN, .memory = (double)NAN};
    for (int i = 0; i < MODEL_WEIGHTS_MAX; i++) {
        spec->drift_var[i] = (double)NAN;
        spec->session_var[i] = (double)NAN;
    }
}

/* What was built so far gets its hash, or is given back after a failure. */
static int finish(struct model_file *out, int rc, struct fault *fault)
{
    rc = rc ? rc : model_file_hash_built(out, fault);
    if (rc != FAULT_NONE) {
        model_file_free(out);
    }
    return rc;
}

int model_file_build(const struct model_spec *spec, struct model_file *out, struct fault *fault)
{
    memset(out, 0, sizeof *out);
    model_params params;
    model_rule_kind kind = MODEL_RULE_NONE;
    if (model_params_built_in(&params, spec->features) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT,
                         "features \"%.160s\": up to %d different features of docs/model.md "
                         "expected",
                         spec->features, MODEL_WEIGHTS_MAX);
    }
    if (spec->rule != NULL && model_rule_parse(&kind, spec->rule) != MODEL_OK) {
        return fault_set(fault, FAULT_INPUT, "rule \"%.64s\": a rule of docs/model.md expected",
                         spec->rule);
    }
    const model_rule_traits *rule = model_rule_of(kind);
    if (rule->has_net) {
        return fault_set(fault, FAULT_INPUT, "rule \"%s\": needs a model file with its weights",
                         spec->rule);
    }
    params.rule.kind = kind;
    if (rule->has_terms) {
        params.rule.memory = isnan(spec->memory) ? MODEL_FILE_MEMORY : spec->memory;
    }
    for (uint32_t i = 0; i < params.policy.n; i++) {
        if (rule->has_rates) {
            params.rule.rate[i] = isnan(spec->rate) ? MODEL_FILE_RATE : spec->rate;
        }
        if (rule->has_baseline) {
            params.rule.baseline[i] = isnan(spec->baseline) ? 0.0 : spec->baseline;
        }
        if (rule->has_trace) {
            params.rule.decay[i] = isnan(spec->decay) ? MODEL_FILE_DECAY : spec->decay;
        }
        for (size_t k = 0; k < MODEL_BASIS_TERMS && rule->has_terms; k++) {
            params.rule.coefficient[k][i] = spec->coefficient[k][i];
        }
        if (!isnan(spec->drift_var[i])) {
            params.noise.drift_var[i] = spec->drift_var[i];
        }
        if (!isnan(spec->session_var[i])) {
            params.noise.session_var[i] = spec->session_var[i];
        }
    }
    return model_file_build_params(&params, out, fault);
}

int model_file_build_params(const model_params *params, struct model_file *out, struct fault *fault)
{
    memset(out, 0, sizeof *out);
    if (model_rule_of(params->rule.kind)->has_net || model_params_check(params) != MODEL_OK) {
        return fault_set(
            fault, FAULT_INPUT,
            "model: rate and baseline within %g, as terms are; decay and memory 0 to 1, "
            "forgetting -1 to 1, variances 0 to %g expected",
            MODEL_RATE_MAX, MODEL_VAR_MAX);
    }
    model_bank_single(&out->bank, params);
    return finish(out, model_file_nets_init(out, "model", fault), fault);
}

int model_file_build_net(const model_params *params, const model_net_shape *shape,
                         const model_net_tensors *tensors, struct model_file *out,
                         struct fault *fault)
{
    memset(out, 0, sizeof *out);
    const model_policy *policy = &params->policy;
    const uint32_t n_inputs = policy->n + (uint32_t)model_rule_of(params->rule.kind)->n_inputs;
    if (!model_rule_of(params->rule.kind)->has_net || model_net_size(shape) == 0 ||
        shape->is_recurrent != model_rule_of(params->rule.kind)->is_recurrent ||
        shape->n_inputs != n_inputs || shape->n_outputs != policy->n) {
        return fault_set(fault, FAULT_INPUT,
                         "net: %u inputs and %u outputs, %u and %u expected by the policy",
                         (unsigned)shape->n_inputs, (unsigned)shape->n_outputs, (unsigned)n_inputs,
                         (unsigned)policy->n);
    }
    model_bank_single(&out->bank, params);
    model_params *own = &out->bank.member[0];
    own->rule.net = NULL;
    int rc = model_file_nets_init(out, "net", fault);
    rc = rc ? rc : model_file_nets_copy(tensors, shape, &out->members[0], &own->rule, "net", fault);
    if (rc == FAULT_NONE && model_params_check(own) != MODEL_OK) {
        rc = fault_set(fault, FAULT_INPUT, "net: a parameter of the filter is out of its range");
    }
    return finish(out, rc, fault);
}

static int check_member(const struct model_file *member, const struct model_file *first,
                        const char *place, struct fault *fault)
{
    const model_policy *policy = &member->bank.member[0].policy;
    const model_policy *expected = &first->bank.member[0].policy;
    char features[2][MODEL_POLICY_TEXT_MAX] = {"", ""};
    if (model_file_is_bank(member)) {
        return fault_set(fault, FAULT_INPUT, "%s: is a bank; single models expected", place);
    }
    if (model_policy_equals(policy, expected)) {
        return FAULT_NONE;
    }
    (void)model_policy_print(policy, features[0], sizeof features[0]);
    (void)model_policy_print(expected, features[1], sizeof features[1]);
    return fault_set(fault, FAULT_INPUT,
                     "%s: policy %s, transform %s; %s, %s expected, as the first model's: the "
                     "members of a bank share one policy",
                     place, features[0], model_transform_name(policy->transform), features[1],
                     model_transform_name(expected->transform));
}

static int copy_member(const struct model_file *from, model_params *params,
                       struct model_file_member *member, const char *place, struct fault *fault)
{
    *params = from->bank.member[0];
    member->about = from->about;
    const model_net *net = params->rule.net;
    params->rule.net = NULL;
    const int rc = model_file_nets_copy_fit(&from->members[0].fit, params, member, place, fault);
    return rc != FAULT_NONE ? rc
           : model_rule_of(params->rule.kind)->has_net
               ? model_file_nets_copy(&from->members[0].tensors, model_net_shape_of(net), member,
                                      &params->rule, place, fault)
               : FAULT_NONE;
}

int model_file_join(const struct model_file members[], const char *const places[], size_t n,
                    double share, double temper, const double prior[], struct model_file *out,
                    struct fault *fault)
{
    memset(out, 0, sizeof *out);
    if (n < 2 || n > MODEL_BANK_MAX) {
        return fault_set(fault, FAULT_INPUT, "bank: %zu models, 2 to %d expected", n,
                         MODEL_BANK_MAX);
    }
    model_bank_params *bank = &out->bank;
    bank->n = (uint32_t)n;
    bank->share = share;
    bank->temper = temper;
    int rc = model_file_nets_init(out, "bank", fault);
    for (size_t i = 0; i < n && rc == FAULT_NONE; i++) {
        bank->prior[i] = prior != NULL ? prior[i] : 1.0 / (double)n;
        rc = check_member(&members[i], &members[0], places[i], fault);
        rc = rc ? rc
                : copy_member(&members[i], &bank->member[i], &out->members[i], places[i], fault);
    }
    if (rc == FAULT_NONE && model_bank_check(bank) != MODEL_OK) {
        rc = fault_set(fault, FAULT_INPUT,
                       "bank: share 0 to %g, temper %g to %g and priors whose sum is 1 expected",
                       MODEL_BANK_SHARE_MAX, MODEL_BANK_TEMPER_MIN, MODEL_BANK_TEMPER_MAX);
    }
    return finish(out, rc, fault);
}
