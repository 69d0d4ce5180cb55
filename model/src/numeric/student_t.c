#include "model/student_t.h"

#include <math.h>
#include <stdbool.h>

/* P(|t| <= tan(angle) sqrt(n_free)): the finite series of Abramowitz & Stegun 26.7.3 and 26.7.4. */
static double chance_within(size_t n_free, double angle)
{
    static const double HALF_PI = 1.57079632679489661923;
    const bool is_odd = n_free % 2 == 1;
    const double c = cos(angle);
    double term = is_odd ? c : 1.0;
    double sum = n_free > 1 ? term : 0.0;
    for (size_t i = is_odd ? 3 : 2; i < n_free; i += 2) {
        term *= c * c * (double)(i - 1) / (double)i;
        sum += term;
    }
    sum *= sin(angle);
    return is_odd ? (angle + sum) / HALF_PI : sum;
}

/* The t of n_free degrees of freedom that |t| stays below with that chance. */
static double quantile(size_t n_free, double chance)
{
    double low = 0.0;
    double high = 1.57079632679489661923;
    for (int i = 0; i < 60; i++) {
        const double middle = 0.5 * (low + high);
        if (chance_within(n_free, middle) < chance) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return tan(0.5 * (low + high)) * sqrt((double)n_free);
}

model_student_t_interval model_student_t_of_mean(size_t n, const double values[], double chance)
{
    double sum = 0.0;
    double squares = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += values[i];
    }
    const double mean = n > 0 ? sum / (double)n : (double)NAN;
    for (size_t i = 0; i < n; i++) {
        squares += (values[i] - mean) * (values[i] - mean);
    }
    if (n < 2 || isnan(mean)) {
        return (model_student_t_interval){mean, (double)NAN, (double)NAN};
    }
    const double half = quantile(n - 1, chance) * sqrt(squares / (double)(n - 1) / (double)n);
    return (model_student_t_interval){mean, mean - half, mean + half};
}
