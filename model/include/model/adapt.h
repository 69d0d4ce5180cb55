/* model/adapt.h - fits a bank's parameters to one animal's recent trials.
 *
 * Maths and figures: docs/model.md, section adapt. Every member takes a bounded number of gradient
 * steps on its one-step-ahead loss over a window of trials, from the belief at the window's start,
 * with a quadratic penalty towards the population's parameters. The newest trials of the window are
 * held out: the bank with the new parameters must predict them no worse than with the present ones,
 * or the new ones are rejected. Parameters are plain floats, as model/fit.h trains them, member
 * after member. A result depends only on the arguments.
 *
 * Threads: a model_adapt may be read by all; each run needs its own scratch. Memory: the caller's;
 * nothing allocates. RT-safe: all but what says no.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/bank.h"
#include "model/fit.h"

enum { MODEL_ADAPT_WINDOW_MAX = 10000 /* trials */, MODEL_ADAPT_JUDGED_MIN = 32 /* choices */ };

/* One trial of the window. No padding. */
typedef struct {
    double contrast;
    double reward;
    double rt_s;
    int8_t choice;
    int8_t side;
    uint8_t starts_session; /* 1: the first trial of its session */
    uint8_t reserved[5];    /* 0 */
} model_adapt_trial;

typedef struct {
    double judged; /* of the window: the newest part, not learned from, 0..0.5; at least 64 trials
                      if it is long */
    uint32_t n_steps;   /* down the gradient */
    double rate;        /* of the nets' steps, > 0 */
    double filter_rate; /* of the others, in multiples of it, > 0 */
    double sd_net;      /* how far animals differ from the population: tensors; 0: held, each ... */
    double sd_noise;    /* ... logarithms of drift and session variance ... */
    double sd_rule; /* ... rates in multiples of the population's, baselines, logits of decays */
} model_adapt_config;

/* Shared by all animals. */
typedef struct {
    model_adapt_config config;
    const model_bank_params *bank;  /* the population's */
    const float *population;        /* (n_values) */
    size_t at[MODEL_BANK_MAX + 1];  /* floats before a member's */
    size_t net[MODEL_BANK_MAX + 1]; /* bytes before a member's net */
} model_adapt;

typedef struct {
    const model_bank *start; /* right before the window's first trial, its session begun */
    size_t n_trials;
    const model_adapt_trial *trials; /* (n_trials) in order */
    const float *present;            /* the parameters in force: (model_adapt_values()) */
} model_adapt_window;

typedef struct {
    double before;     /* nats/choice of the judged trials, the bank as it is */
    double after;      /* with the new parameters */
    uint32_t n_judged; /* choices */
    bool is_taken;     /* finite, and not worse */
} model_adapt_result;

/* What nets differ by, if they are not held. */
#define MODEL_ADAPT_SD_NET 0.01

/* The best settings found, nets fixed: docs/model.md. */
void model_adapt_config_init(model_adapt_config *config);

/* Floats of all parameters of a bank; nets are read from bank's members. */
size_t model_adapt_count(const model_bank_params *bank);

/* Fills population[model_adapt_count()] with the bank's parameters, and *out. tensors[i]: those of
 * member i's net, ignored without one. bank and population must outlive *out. MODEL_OK or
 * MODEL_ERR_ARG. */
int model_adapt_init(model_adapt *out, const model_adapt_config *config,
                     const model_bank_params *bank, const model_net_tensors *const tensors[],
                     float population[]);

/* Floats of an animal's parameters. */
size_t model_adapt_values(const model_adapt *adapt);

/* Bytes for the nets of model_adapt_build(). */
size_t model_adapt_nets_size(const model_adapt *adapt);

/* The bank with such parameters; nets that are held stay the population's. nets:
 * model_adapt_nets_size() bytes aligned to MODEL_NET_ALIGN, which must outlive *out. MODEL_OK, or
 * MODEL_ERR_ARG (a value is not finite, or out of its range) with *out and nets in any condition.
 * RT-safe: no, some microseconds per member. */
int model_adapt_build(const model_adapt *adapt, const float values[], void *nets,
                      model_bank_params *out);

/* Bytes of scratch for windows of up to n_trials. */
size_t model_adapt_scratch(const model_adapt *adapt, size_t n_trials);

/* Fits values[model_adapt_values()]; they are the present ones unless result->is_taken. scratch:
 * model_adapt_scratch() bytes aligned to MODEL_NET_ALIGN. is_stopped (may be NULL) is called at
 * least every step. MODEL_OK, MODEL_ERR_ARG (too few choices, a window too long), or
 * MODEL_ERR_NUMERIC if it was stopped or could not be computed. RT-safe: no, tens of milliseconds.
 */
int model_adapt_run(const model_adapt *adapt, const model_adapt_window *window, void *scratch,
                    bool (*is_stopped)(void *context), void *context, float values[],
                    model_adapt_result *result);
