/* comparison.h - how well models predict each animal, and what one of them gains over the others.
 *
 * A table of animals and models holds sums of nats over the same choices. comparison_against()
 * compares one model with each other one: gain = nats/trial of the other minus its own, above 0
 * where it predicts better; by animal, pooled over all trials, and with a 95% interval that
 * resamples animals (model/bootstrap.h). Written as text, CSV, JSON and SVG. Threads: one owner.
 * Memory: the heap; comparison_close() frees it, also of a zeroed one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "fault.h"
#include "proto/message.h"

enum { COMPARISON_NAME_MAX = 63, COMPARISON_RESAMPLES = 10000 };

/* An animal on which a model loses more than this is counted as worse; nats/trial. */
#define COMPARISON_WORSE 0.002

/* What the named model gains on another. NaN where no trial was scored, and of the model itself. */
struct comparison_gain {
    double pooled;
    double lo, hi;  /* 95%; NaN with fewer than two animals */
    double least;   /* of the animals */
    uint32_t worst; /* which one that is */
    uint32_t n_worse;
};

struct comparison {
    uint32_t n_subjects;
    uint32_t n_models;
    char (*subject)[PROTO_ID_MAX + 1];
    char (*model)[COMPARISON_NAME_MAX + 1]; /* letters, digits and . _ - + / and spaces */
    int64_t *n;                             /* (n_subjects): choices scored */
    uint32_t *fold;                         /* (n_subjects): from 1, 0: none */
    double *nats;                           /* (n_subjects, n_models): sums over them */
    struct comparison_gain *gain;           /* (n_models): of the named one on each */
    uint32_t named;
    uint64_t seed;
};

/* A table of zeros, without names. FAULT_NONE, or FAULT_WORK with *c zeroed. */
int comparison_open(struct comparison *c, uint32_t n_subjects, uint32_t n_models,
                    struct fault *fault);

void comparison_close(struct comparison *c);

/* Sets a model against the others; before anything is written. FAULT_NONE or FAULT_WORK. */
int comparison_against(struct comparison *c, uint32_t named, uint64_t seed, struct fault *fault);

/* Nats/trial of one animal, and of all trials; NaN where there is none. */
double comparison_nats(const struct comparison *c, uint32_t subject, uint32_t model);
double comparison_pooled(const struct comparison *c, uint32_t model);

/* Animals with a scored choice, and all choices. */
uint32_t comparison_scored(const struct comparison *c);
int64_t comparison_trials(const struct comparison *c);

/* Two tables with columns that stand under each other. */
void comparison_text(FILE *to, const struct comparison *c);

/* One row an animal and model (level "subject"), and one a model (level "pooled"); empty where
 * there is no value. subject, fold (from 1: the one it was held out in), model, trials (choices
 * scored), nats (a trial), gain (of the named model on this one); pooled only: gain_lo, gain_hi
 * (95%), n_worse, worst_subject. */
void comparison_csv(FILE *to, const struct comparison *c);

/* One object on one line. */
void comparison_json(FILE *to, const struct comparison *c);

/* A picture of the gains: a row a model, a dot an animal, a bar the pooled interval. */
void comparison_svg(FILE *to, const struct comparison *c);
