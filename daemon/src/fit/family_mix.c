#include "family_mix.h"

#include <math.h>
#include <string.h>

void family_mix_normalise(uint32_t n, double weight[])
{
    double most = weight[0];
    double sum = 0.0;
    for (uint32_t i = 1; i < n; i++) {
        most = fmax(most, weight[i]);
    }
    for (uint32_t i = 0; i < n; i++) {
        weight[i] = exp(weight[i] - most);
        sum += weight[i];
    }
    for (uint32_t i = 0; i < n; i++) {
        weight[i] /= sum;
    }
}

void family_mix_draws(uint32_t n, const double share[], const double *const kept[], size_t n_draws,
                      size_t width, double draws[])
{
    double sum = 0.0;
    size_t at = 0;
    for (uint32_t i = 0; i < n; i++) {
        sum += share[i];
        for (; at < n_draws && (i + 1 == n || (double)at + 0.5 < sum * (double)n_draws); at++) {
            memcpy(&draws[at * width], &kept[i][at * width], width * sizeof draws[0]);
        }
    }
}
