/* model/cohort.h - many virtual animals of one model, advanced in lockstep: each is a
 * model/virtual_mouse.h, or continues from the twin of a real animal.
 *
 * Maths, layout and cost: docs/model.md, section cohort. Each animal draws from its own streams,
 * made from a seed and its number: its course does not depend on how many there are, in which order
 * or cohort they are, or who else is active. Weights are kept in double precision, everything else
 * is computed in single precision, 64 animals at a time. The same calls give the same bits on the
 * same machine.
 *
 * Arrays over animals have n elements; active (NULL: all) says which animals have a trial: the
 * others are not touched, and their elements are neither read for a result nor written.
 * Threads: one owner per cohort. Memory: the caller supplies it once; no function here allocates.
 * RT-safe: all but init.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "model/error.h"
#include "model/member.h"

enum { MODEL_COHORT_MAX = 1 << 24 }; /* animals */

typedef struct model_cohort model_cohort;

/* Bytes model_cohort_init() needs, a multiple of MODEL_NET_ALIGN; 0 if params or n is invalid. */
size_t model_cohort_size(const model_params *params, size_t n);

/* Builds a cohort of n animals, 1..MODEL_COHORT_MAX, inside mem (aligned to MODEL_NET_ALIGN; it
 * must outlive *out). params are copied; a net's weights too. Every animal is number i of seed 0.
 * MODEL_OK, MODEL_ERR_ARG or MODEL_ERR_SPACE; *out is set only on OK. */
int model_cohort_init(void *mem, size_t mem_size, const model_params *params, size_t n,
                      model_cohort **out);

/* From now on the first n of the animals that it was made with, 1..that. */
void model_cohort_set_count(model_cohort *cohort, size_t n);

/* Other variances of drift and session noise from now on, for all: drift_var[k], session_var[k],
 * 0..MODEL_VAR_MAX. */
void model_cohort_set_noise(model_cohort *cohort, const double drift_var[],
                            const double session_var[]);

/* After each trial every weight goes this part of the way, rate[k] of 0..1, to the animal's anchor;
 * at first 0. Not what a mouse does: for forecasts. */
void model_cohort_set_reversion(model_cohort *cohort, const double rate[]);

/* Animal i's anchor[k], at first 0; its steps of the rule are multiplied by pace, at first 1. Both
 * stay until it is founded or entered again. */
void model_cohort_set_anchor(model_cohort *cohort, size_t i, const double anchor[]);
void model_cohort_set_pace(model_cohort *cohort, size_t i, double pace);

/* Animal i becomes an untrained one: number `number` of a seed. */
void model_cohort_found(model_cohort *cohort, size_t i, uint64_t seed, uint64_t number);

/* Animal i continues from a twin of the same params: weights drawn from its posterior; history,
 * hidden state and counts are the twin's. */
void model_cohort_enter(model_cohort *cohort, size_t i, const model_member *twin, uint64_t seed,
                        uint64_t number);

/* A session of animal i starts: session noise, no history. */
void model_cohort_start_session(model_cohort *cohort, size_t i);

/* Draws a choice of each active animal for its contrast; nothing is learned yet. p_right (may be
 * NULL) is what it was drawn with. */
void model_cohort_choose(model_cohort *cohort, const float contrast[], const uint8_t active[],
                         uint8_t chose_right[], float p_right[]);

/* The trial of each active animal is over: history, the rule's step, drift. Returns how many of
 * them did not move, because their step was not finite or led beyond +-1e6; for these everything
 * but the weights is updated. */
size_t model_cohort_learn(model_cohort *cohort, const model_cohort_trials *trials);

/* Weights of animal i for the next trial, with the GRU policy's offset: w[k]. */
void model_cohort_weights(const model_cohort *cohort, size_t i, double w[]);
