/* basis_terms.h - the terms of rule basis (model/basis.h) as words of a command line:
 * "rewarded=0.05,unrewarded=-0.02:-0.01", a coefficient for all weights or one for each.
 *
 * Threads: any. Memory: the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "fault.h"
#include "model/rule.h"

#define BASIS_TERMS_MAX 100.0 /* |coefficient|; that of forgetting is -1 to 1 */

/* NULL outside the list. Static. */
const char *basis_terms_name(size_t term);
const char *basis_terms_formula(size_t term);

/* Reads the words for n weights; a term that is not among them is 0. FAULT_NONE, or FAULT_INPUT
 * with the coefficients undefined. */
int basis_terms_read(const char *text, size_t n,
                     double coefficient[MODEL_BASIS_TERMS][MODEL_WEIGHTS_MAX], struct fault *fault);

/* True if a term of that name is among the words. */
bool basis_terms_has(const char *text, const char *name);
