/* advice_report.h - which change of its training would help an animal after some of its trials, and
 * what was observed later: for `murid advise`.
 *
 * Threads: one owner. Memory: the heap; advice_report_close() frees it, also of a zeroed one.
 */
#pragma once

#include <stdio.h>

#include "known_animal.h"
#include "options.h"
#include "suggestion_message.h"

struct advice_report_request {
    struct known_animal_request animal;
    struct option_word allowed; /* changes; none chosen: all */
    int64_t horizon;            /* trials */
    int64_t rollouts;
    double reward_floor; /* fractions, 0..1 */
    double largest_change;
};

struct advice_report {
    const struct advice_report_request *request;
    struct known_animal animal;
    uint32_t start_stage;
    model_bank bank;
    model_rate_grid pace;
    model_curriculum_config config;
    void *memory; /* owned */
    model_curriculum *curriculum;
    model_curriculum_advice advice;
    struct {
        size_t n;         /* trials, at most the horizon */
        double rewarded;  /* fraction */
        double nats_more; /* log likelihood of the contrasts under the change, less carrying on */
    } later;
};

/* FAULT_NONE, or FAULT_INPUT or FAULT_WORK with *a to be closed too. */
int advice_report_make(struct advice_report *a, const struct advice_report_request *request,
                       struct fault *fault);

void advice_report_close(struct advice_report *a);

/* As an SVG (advice_plot.c): the expected gain of each change over carrying on. */
void advice_plot(FILE *to, const struct advice_report *a);
