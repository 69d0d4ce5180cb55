/* ibl_trials.h - the trials of ../shared/data/ibl_mouse_trials.csv, out of the coding of the
 * International Brain Laboratory: choice -1 is right, the contrast of the other side is NaN, the
 * reaction time is that from stimulus to response. */
#pragma once

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/training_status.h"

#define IBL_TRIALS MURID_SOURCE_DIR "/../shared/data/ibl_mouse_trials.csv"

enum { IBL_TRIALS_MAX = 10000, IBL_COLUMNS = 10 };

typedef struct {
    char date[11];
    char task[16];
    model_trial trial;
    double p_left;
} ibl_trial;

static ibl_trial ibl_trials[IBL_TRIALS_MAX];

static inline double ibl_or_zero(double x)
{
    return isnan(x) ? 0.0 : x;
}

/* Reads them: their number, 0 where the file is absent. */
static inline size_t ibl_trials_read(void)
{
    char line[512];
    size_t n = 0;
    FILE *file = fopen(IBL_TRIALS, "r");
    if (file == NULL || fgets(line, sizeof line, file) == NULL) {
        return 0;
    }
    for (; fgets(line, sizeof line, file) != NULL && n < IBL_TRIALS_MAX; n++) {
        char *column[IBL_COLUMNS];
        char *at = line;
        for (int i = 0; i < IBL_COLUMNS; i++) {
            column[i] = at;
            at += strcspn(at, ",\n");
            *at++ = '\0';
        }
        ibl_trial *t = &ibl_trials[n];
        (void)snprintf(t->date, sizeof t->date, "%.10s", column[0]);
        (void)snprintf(t->task, sizeof t->task, "%s", column[1]);
        const double choice = strtod(column[3], NULL);
        t->p_left = strtod(column[7], NULL);
        t->trial = (model_trial){
            .contrast = ibl_or_zero(strtod(column[5], NULL)) - ibl_or_zero(strtod(column[4], NULL)),
            .choice = choice < 0.0   ? 1
                      : choice > 0.0 ? 0
                                     : -1,
            .reward = strtod(column[6], NULL) > 0.0 ? 1.0 : 0.0,
            .rt_s = strtod(column[8], NULL) - strtod(column[9], NULL),
            .side = -1,
        };
    }
    fclose(file);
    return n;
}
