#include "fit_step.h"

#include "exp_exact.h"
#include "vectors.h"

void fit_step_backward(const fit_step *step, fit_step_derivatives *by, double by_w[],
                       double by_trace[])
{
    const rule_rates *rule = &step->rule;
    rule_sight seen = rule_ops_see(step->trial, sigmoid_exact(dot(step->n, step->w, step->g)));
    const double spread = seen.p * (1.0 - seen.p);
    const double tilt = 1.0 - 2.0 * seen.p; /* d spread / dp */
    double by_p = 0.0;
    for (size_t i = 0; i < step->n; i++) {
        const double a = rule->rate[i];
        const double g = step->g[i];
        seen.baseline = rule->baseline[i];
        const rule_term k = rule->ops->term(&seen);
        const double slope_by_p = k.bend * spread + k.slope * tilt;
        by->baseline[i] = 0.0;
        by->decay[i] = 0.0;
        if (rule->ops->traits.has_trace) {
            const double l = rule->decay[i];
            const double r = k.gain;
            const double trace = l * step->trace[i] + (1.0 - l) * k.value * g;
            const double by_e = by_trace[i] + by->dw[i] * a * r;
            by->rate[i] = by->dw[i] * r * trace + by->u[i] * r * (1.0 - l) * k.slope * spread * g;
            by_p += by_e * (1.0 - l) * k.slope * g + by->u[i] * a * r * (1.0 - l) * g * slope_by_p;
            by->decay[i] =
                by_e * (step->trace[i] - k.value * g) - by->u[i] * a * r * k.slope * spread * g;
            by_trace[i] = by_e * l;
        } else {
            by->rate[i] = (by->dw[i] * k.value + by->u[i] * k.slope * spread) * g;
            by_p += a * g * (by->dw[i] * k.slope + by->u[i] * slope_by_p);
            by->baseline[i] =
                a * g * (by->u[i] * spread * k.slope_by_baseline + by->dw[i] * k.value_by_baseline);
        }
    }
    for (size_t i = 0; i < step->n; i++) {
        by_w[i] += by_p * spread * step->g[i];
    }
}
