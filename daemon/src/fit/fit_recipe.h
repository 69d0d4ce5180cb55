/* fit_recipe.h - the models that a fit makes: one rule, or the standard bank; and, for a
 * cross-validation, the references.
 *
 * Which members the bank has, and why: docs/model.md, section fit in the filter.
 * Threads: one owner; afterwards read by all. Memory: the struct's.
 */
#pragma once

#include "crossval.h"
#include "fitter.h"

/* One rule or a bank of all, beside each classic rule and a random walk. */
enum { FIT_RECIPE_MEMBERS_MAX = 2 * MODEL_RULES + 1 };

struct fit_recipe {
    size_t n;
    struct crossval_member member[FIT_RECIPE_MEMBERS_MAX];
    struct fitter_options options[FIT_RECIPE_MEMBERS_MAX];
};

/* One rule, in the filter or open loop. */
void fit_recipe_single(struct fit_recipe *r, model_rule_kind rule, bool is_in_filter);

void fit_recipe_bank(struct fit_recipe *r);

/* Each member is fitted once for each seed, to animals that are drawn by it with replacement. */
void fit_recipe_resample(struct fit_recipe *r);

/* Adds what a cross-validation sets the models against: a random walk with stimulus, bias and the
 * previous choice, and each classic rule in the filter that is not there yet, with the policy of
 * the first member. */
void fit_recipe_add_references(struct fit_recipe *r);

/* The rules of a set, bit k: rule k of model/rule_kind.h, in the filter; none first, which is
 * always there. No bank. */
void fit_recipe_rules(struct fit_recipe *r, uint32_t rules);

/* Models of the bank: a member that is seeded gives one for each seed. */
size_t fit_recipe_banked(const struct fit_recipe *r, size_t n_seeds);
