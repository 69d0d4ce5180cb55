/* simulation_report.h - the results of simulated training: by session and by stage, over animals;
 * and what one protocol gains over another with the same animals.
 *
 * A band is the mean over animals and five quantiles, of which the outer two enclose 90% and the
 * inner two 50%. Written as text, CSV and JSON. Threads: one owner. Memory: the heap;
 * simulation_report_close() frees it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "fault.h"
#include "simulation.h"

/* Of one session of one animal. */
enum simulation_measure {
    SIMULATION_ACCURACY,    /* correct ones of the trials with contrast */
    SIMULATION_BIAS,        /* half of: accuracy on the right minus accuracy on the left */
    SIMULATION_REWARD_RATE, /* rewards per trial */
    SIMULATION_REPEAT_RATE, /* debias and correction trials per trial */
    SIMULATION_TRIALS,
    SIMULATION_MEASURES
};

/* Of one animal. What is not reached counts as the whole of its training. */
enum simulation_outcome {
    SIMULATION_TRIALS_TO_LAST,        /* trials before the first of the last stage */
    SIMULATION_SESSIONS_TO_LAST,      /* sessions before the one that it was in */
    SIMULATION_TRIALS_TO_CRITERION,   /* trials before the first session at criterion */
    SIMULATION_SESSIONS_TO_CRITERION, /* sessions before that */
    SIMULATION_FINAL_ACCURACY,        /* accuracy of the last session */
    SIMULATION_FINAL_BIAS,            /* size of the bias of the last session */
    SIMULATION_REWARDS,               /* volume of all rewards, ul */
    SIMULATION_OUTCOMES
};

enum { SIMULATION_MEDIAN = 2, SIMULATION_QUANTILES = 5, SIMULATION_RESAMPLES = 2000 };

struct simulation_band {
    int64_t n; /* animals with a value */
    double mean;
    double q[SIMULATION_QUANTILES]; /* 5, 25, 50, 75, 95%; NaN without values, INFINITY: never */
};

/* When animals came to something. */
struct simulation_reach {
    int64_t n;                     /* that did */
    struct simulation_band trials; /* INFINITY where they did not; the mean is of those that did */
    struct simulation_band sessions; /* the same */
};

struct simulation_report {
    const struct simulation *s;
    const char *name;                  /* as it calls the protocol */
    double criterion;                  /* accuracy of a session that counts as learned */
    struct simulation_band *measure;   /* (sessions, SIMULATION_MEASURES) */
    struct simulation_band *occupancy; /* (sessions, stages): share of the session's trials */
    struct simulation_reach stage[MODEL_PROTOCOL_STAGES];
    struct simulation_reach criterion_reach;
};

/* Of each animal the second minus the first; the mean's 95% interval resamples animals. */
struct simulation_gain {
    struct simulation_band band;
    double lo, hi; /* NaN with fewer than two animals */
};

struct simulation_difference {
    const struct simulation_report *first;
    const struct simulation_report *second;
    struct simulation_gain *accuracy; /* (sessions) */
    struct simulation_gain outcome[SIMULATION_OUTCOMES];
};

const char *simulation_measure_name(enum simulation_measure measure);
const char *simulation_outcome_name(enum simulation_outcome outcome);

/* s and name must outlive the report. FAULT_NONE or FAULT_WORK. */
int simulation_report_open(struct simulation_report *r, const struct simulation *s,
                           const char *name, double criterion, struct fault *fault);
void simulation_report_close(struct simulation_report *r);

/* Both of the same seed, mice and sessions. FAULT_NONE or FAULT_WORK. */
int simulation_difference_open(struct simulation_difference *d,
                               const struct simulation_report *first,
                               const struct simulation_report *second, struct fault *fault);
void simulation_difference_close(struct simulation_difference *d);

/* One value of one animal; NaN where there is none. */
double simulation_outcome_of(const struct simulation_report *r, int64_t mouse,
                             enum simulation_outcome outcome);

/* Band of the finite or infinite ones of n values, which are sorted. */
struct simulation_band simulation_band_of(double values[], int64_t n);

/* n reports, 1 or 2; difference: NULL, or of the two. */
void simulation_print(FILE *to, const struct simulation_report reports[], size_t n,
                      const struct simulation_difference *difference);
void simulation_write_csv(FILE *to, const struct simulation_report reports[], size_t n,
                          const struct simulation_difference *difference);
void simulation_write_json(FILE *to, const struct simulation_report reports[], size_t n,
                           const struct simulation_difference *difference);
