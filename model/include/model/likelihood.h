/* model/likelihood.h - how well a learning rule with its noise explains an animal's choices, and
 * how the choices bear on each of its parameters.
 *
 * The log likelihood is that of the filter (docs/model.md, section filter): the sum over trials of
 * log p(choice), each predicted before its choice. score is its gradient by the parameters, by the
 * exact derivatives of the filter's recursion, carried forward with it; information is Fisher's
 * expected information of the predictions, sum over trials of p (1 - p) times the outer product of
 * the logit's derivatives. Formulas: docs/model.md, section likelihood.
 *
 * For every rule without a net. Parameters are numbers: rates, baselines, coefficients and prior
 * means as they are, variances as they are (so 0 is a value, and the score there says whether it
 * should be larger), decays as logits.
 *
 * Threads: any, on different sums. Memory: the caller's; nothing allocates. RT-safe: no.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/basis.h"
#include "model/fit_rows.h"
#include "model/member.h"

typedef enum {
    MODEL_PARAMETER_RATE,
    MODEL_PARAMETER_BASELINE,
    MODEL_PARAMETER_COEFFICIENT, /* of a term of model/basis.h */
    MODEL_PARAMETER_DECAY,       /* of the trace, logit */
    MODEL_PARAMETER_MEMORY,      /* decay of the memory of rewards, logit */
    MODEL_PARAMETER_PRIOR_MEAN,
    MODEL_PARAMETER_PRIOR_VAR,
    MODEL_PARAMETER_DRIFT_VAR,
    MODEL_PARAMETER_SESSION_VAR,
    MODEL_PARAMETERS
} model_parameter_kind;

typedef struct {
    model_parameter_kind kind;
    model_basis_term term; /* of a coefficient */
    uint32_t weight;       /* of the policy; 0 where one value serves all */
} model_parameter;

/* Most parameters of a rule, a multiple of 8. */
enum { MODEL_LIKELIHOOD_MAX = ((MODEL_BASIS_TERMS + 4) * MODEL_WEIGHTS_MAX + 2 + 7) / 8 * 8 };

/* The parameters of a rule and its noise, in the order of score and information. Returns how many;
 * 0 for a rule with a net. */
size_t model_likelihood_list(const model_params *params, model_parameter out[MODEL_LIKELIHOOD_MAX]);

/* The values of the parameters of *params as numbers, and back into it. */
void model_likelihood_encode(const model_params *params, double values[MODEL_LIKELIHOOD_MAX]);
void model_likelihood_decode(const double values[MODEL_LIKELIHOOD_MAX], model_params *params);

/* The least and the most that a parameter may be, as a number. */
void model_likelihood_bounds(const model_parameter *parameter, double *least, double *most);

/* Sums over animals; m parameters. */
typedef struct {
    double log_likelihood; /* nats */
    double *score;         /* (m), or NULL: no derivatives are computed */
    double *information;   /* (m, m) row-major, its lower triangle */
    const bool *is_held; /* (of all parameters): nothing is asked of these; m counts the others, in
                            order. NULL: none */
    double *by_trial;    /* (n_by_trial, m): the score of each trial number; NULL: not asked for */
    size_t n_by_trial;   /* later trials are left out there */
} model_likelihood;

/* Adds one animal to *sums. Its prior is that of params, animal->start is not used. Returns false
 * if the result is not finite, with *sums undefined. */
bool model_likelihood_add(const model_params *params, const model_fit_animal *animal,
                          model_likelihood *sums);

/* By how much the animals' scores vary more together, trial number by trial number, than the
 * information says: mean over the parameters with is_used of the eigenvalues of information^-1
 * times the sum over trial numbers of the scores' outer product. 1 where animals choose
 * independently of each other; k where their random draws are shared so that they carry the
 * information of one k-th of them. sums: with by_trial, over all trials. NaN where nothing is
 * known. */
double model_likelihood_shared(size_t m, const bool is_used[], const model_likelihood *sums);
