/* forecast_report.h - where an animal's learning is going after some of its trials, beside what was
 * observed later: for `murid forecast`.
 *
 * Trials ahead are counted in choices. Threads: one owner. Memory: the heap;
 * forecast_report_close() frees it, also of a zeroed one.
 */
#pragma once

#include "known_animal.h"
#include "lookahead.h"

enum { FORECAST_REPORT_BEFORE_MAX = 40 };

struct forecast_report_request {
    struct known_animal_request animal;
    int64_t horizon; /* trials */
    int64_t window;
    int64_t rollouts;
    int64_t over;    /* trials of the criterion */
    double accuracy; /* fractions, 0..1 */
    double easy;
    bool recent; /* stimuli like the last ones, also where it is known what was shown */
};

/* What is shown from now on. */
enum forecast_report_stimuli {
    FORECAST_REPORT_REAL,
    FORECAST_REPORT_RECENT,
    FORECAST_REPORT_PROTOCOL
};

struct forecast_report {
    const struct forecast_report_request *request;
    struct known_animal animal;
    enum forecast_report_stimuli shown;
    size_t met_at;   /* the animal's trial, from 1, with which the criterion was met; 0: not yet */
    size_t n_future; /* choices that are known after `at` */
    size_t n_before; /* fraction correct by window, up to `at` and after it */
    double before[FORECAST_REPORT_BEFORE_MAX];
    size_t n_observed;
    double observed[MODEL_FORECAST_WINDOWS];
    const model_forecast_result *result;
    /* How it is made: */
    struct lookahead_recent recent;
    model_forecast_tally tally;
    model_rate_grid pace;
    model_training_status tracker;
    model_forecast_stimulus *future; /* owned */
    model_forecast_config config;
    model_forecast_task task;
    void *memory; /* owned */
    model_forecast *forecast;
};

/* FAULT_NONE, or FAULT_INPUT or FAULT_WORK with *f to be closed too. */
int forecast_report_make(struct forecast_report *f, const struct forecast_report_request *request,
                         struct fault *fault);

void forecast_report_close(struct forecast_report *f);

/* "real", "recent" or "protocol". */
const char *forecast_report_stimuli_name(enum forecast_report_stimuli stimuli);

/* Choices since the criterion was met. */
double forecast_report_since(const struct forecast_report *f);
