/* model/student_t.h - intervals of means over few values, by Student's t.
 *
 * Formulas: docs/model.md, section rule_probe. Threads: any. Memory: nothing is kept. RT-safe: all
 * of it.
 */
#pragma once

#include <stddef.h>

typedef struct {
    double mean;
    double lo; /* NaN for a single value */
    double hi;
} model_student_t_interval;

/* Mean of n values and its t interval with that chance (0..1). n 1: no interval; n 0, or a value
 * that is NaN: all NaN. O(n). */
model_student_t_interval model_student_t_of_mean(size_t n, const double values[], double chance);
