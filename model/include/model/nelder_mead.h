/* model/nelder_mead.h - minimises a function of a few variables without derivatives.
 *
 * Nelder & Mead 1965 with their coefficients: reflect 1, expand 2, contract and shrink 0.5. The
 * same function and start give the same bits. Threads: any. Memory: the stack.
 */
#pragma once

#include <stddef.h>

enum { MODEL_NELDER_MEAD_MAX = 16 };

/* The cost at x; infinite where x is out of bounds, never NaN. */
typedef double model_nelder_mead_cost(void *context, const double x[]);

/* Starts from x[n] and x with step[i] added to x[i], n in 1..MODEL_NELDER_MEAD_MAX; ends when the
 * costs of the simplex are within tolerance or after moves_max moves. x becomes the best, its cost
 * is returned. */
double model_nelder_mead(size_t n, double x[], const double step[], double tolerance,
                         size_t moves_max, model_nelder_mead_cost *cost, void *context);
