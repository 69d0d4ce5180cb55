/* recipe.h - what a fit makes: one rule, or the standard bank; and, for a cross-validation, what it
 * is compared with.
 *
 * Which members the bank has, and why: docs/model.md, section fit in the filter.
 * Threads: one owner; afterwards read by all. Memory: the struct's.
 */
#ifndef MURID_RECIPE_H
#define MURID_RECIPE_H

#include "crossval.h"
#include "fitter.h"

enum { RECIPE_MEMBERS_MAX = 20 };

struct recipe {
    size_t n;
    struct crossval_member member[RECIPE_MEMBERS_MAX];
    struct fitter_options options[RECIPE_MEMBERS_MAX];
};

/* One rule, in the filter or open loop. */
void recipe_single(struct recipe *r, model_rule_kind rule, bool is_in_filter);

/* The bank. */
void recipe_bank(struct recipe *r);

/* Adds what a cross-validation sets the models against: a random walk with stimulus, bias and the
 * previous choice, and each classic rule in the filter that is not there yet, with the policy of
 * the first member. */
void recipe_add_references(struct recipe *r);

/* Models of the bank: a member with a net gives one for each seed. */
size_t recipe_banked(const struct recipe *r, size_t n_seeds);

#endif
