#include "fit_recipe.h"

#include <string.h>

static struct fitter_options *add(struct fit_recipe *r, const char *name, model_rule_kind rule,
                                  bool is_in_filter, bool is_in_bank)
{
    const bool has_net = model_rule_of(rule)->has_net;
    r->member[r->n] = (struct crossval_member){
        .name = name, .cost = has_net ? 4.0 : 1.0, .is_seeded = has_net, .is_in_bank = is_in_bank};
    fitter_options_init(&r->options[r->n], rule, is_in_filter);
    return &r->options[r->n++];
}

void fit_recipe_single(struct fit_recipe *r, model_rule_kind rule, bool is_in_filter)
{
    r->n = 0;
    (void)add(r, model_rule_name(rule), rule, is_in_filter, true);
}

void fit_recipe_bank(struct fit_recipe *r)
{
    r->n = 0;
    for (int rule = 0; rule < MODEL_RULES; rule++) {
        const model_rule_kind kind = (model_rule_kind)rule;
        if (model_rule_of(kind)->is_in_bank) {
            add(r, model_rule_name(kind), kind, true, true)->filter = MODEL_FILTER_EKF;
        }
    }
}

void fit_recipe_resample(struct fit_recipe *r)
{
    for (size_t i = 0; i < r->n; i++) {
        r->member[i].is_seeded = true;
        r->member[i].is_resampled = true;
        r->options[i].is_resampled = true;
    }
}

void fit_recipe_rules(struct fit_recipe *r, uint32_t rules)
{
    r->n = 0;
    rules |= UINT32_C(1) << MODEL_RULE_NONE;
    for (int rule = 0; rule < MODEL_RULES; rule++) {
        if ((rules >> rule & 1U) == 1U) {
            const model_rule_kind kind = (model_rule_kind)rule;
            add(r, model_rule_name(kind), kind, true, false)->filter = MODEL_FILTER_MOMENTS;
        }
    }
}

static bool has_rule(const struct fit_recipe *r, model_rule_kind rule)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->options[i].rule == rule && r->options[i].in_filter) {
            return true;
        }
    }
    return false;
}

void fit_recipe_add_references(struct fit_recipe *r)
{
    const model_policy policy = r->options[0].policy;
    for (int rule = 0; rule < MODEL_RULES; rule++) {
        const model_rule_kind kind = (model_rule_kind)rule;
        if (model_rule_of(kind)->has_rates && !has_rule(r, kind)) {
            struct fitter_options *o = add(r, model_rule_name(kind), kind, true, false);
            o->policy = policy;
            o->filter = r->options[0].filter;
        }
    }
    model_params walk;
    (void)model_params_built_in(&walk, NULL);
    struct fitter_options *o = add(r, "random walk", MODEL_RULE_NONE, true, false);
    o->policy = walk.policy;
    o->filter = MODEL_FILTER_EKF;
}

size_t fit_recipe_banked(const struct fit_recipe *r, size_t n_seeds)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) {
        n += !r->member[i].is_in_bank ? 0 : r->member[i].is_seeded ? n_seeds : 1;
    }
    return n;
}
