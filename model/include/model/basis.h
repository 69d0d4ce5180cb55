/* model/basis.h - the terms of the rule `basis`, which is linear in its coefficients: between the
 * classic rules, each of which it contains, and a free net.
 *
 *     dw_i = (2y - 1) g_i sum over terms k of c_ki f_k  +  c_ei r e_i,
 *
 *     w_i <- (1 - c_fi) (w_i + dw_i)
 *
 * q is the probability of the choice that was not made: how wrong the policy was. r is the reward,
 * |x| the contrast, m the memory of earlier rewards, m <- l m + (1 - l) (2r - 1) with l the rule's
 * decay of memory, e the trace of earlier choices, e <- d e + (1 - d) (y - p) g with d the decay of
 * the trace; a step sees m and e of the trials before its own. Docs: docs/model.md, section rule.
 * Threads: any; all of it is const. Memory: static.
 */
#pragma once

#include <stddef.h>

/* X(NAME, name, formula): those that multiply (2y - 1) g come first. */
#define MODEL_BASIS_LIST(X)                                                                        \
    X(REWARDED, rewarded, "r q")                                                                   \
    X(UNREWARDED, unrewarded, "(1 - r) q")                                                         \
    X(PREDICT_MAX, predict_max, "r q - (1 - r) (1 - q)")                                           \
    X(REWARD_MAX, reward_max, "2 (2r - 1) q (1 - q)")                                              \
    X(REWARDED_EXPECTED, rewarded_expected, "r (1 - q)")                                           \
    X(REWARDED_UNSURE, rewarded_unsure, "r q (1 - q)")                                             \
    X(REWARDED_CONTRAST, rewarded_contrast, "r q |x|")                                             \
    X(UNREWARDED_CONTRAST, unrewarded_contrast, "(1 - r) q |x|")                                   \
    X(REWARDED_MEMORY, rewarded_memory, "r q m")                                                   \
    X(UNREWARDED_MEMORY, unrewarded_memory, "(1 - r) q m")                                         \
    X(TRACE, trace, "r e")                                                                         \
    X(FORGETTING, forgetting, "-(w + dw)")

#define MODEL_BASIS_ENUM(NAME, name, formula) MODEL_BASIS_##NAME,
typedef enum { MODEL_BASIS_LIST(MODEL_BASIS_ENUM) MODEL_BASIS_TERMS } model_basis_term;
#undef MODEL_BASIS_ENUM

/* Terms that multiply (2y - 1) g. */
enum { MODEL_BASIS_STEPS = MODEL_BASIS_TRACE };
